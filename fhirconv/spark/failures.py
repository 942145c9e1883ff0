"""What went wrong in Spark, in one line: its exceptions are pages of Java and Python."""

from __future__ import annotations

import re

_OURS = re.compile(r"^fhirconv\.[\w.]+Error: (.+)", re.MULTILINE)
_CAUSE = re.compile(r"^Caused by: (.+)", re.MULTILINE)
_STOPPED = re.compile(r"^fhirconv\.spark\.rows\.StoppedError: (.+)", re.MULTILINE)


def stopped_at(error: Exception) -> str:
    """File, line and rule of the case that ended the run; empty if that is not why it ended."""
    found = _STOPPED.search(str(error))
    return found[1] if found else ""


def first_line(error: Exception) -> str:
    """What an exception of pyspark or py4j comes down to: our own words, else the innermost cause, else its first line."""
    text = str(error)
    ours, causes = _OURS.search(text), _CAUSE.findall(text)
    said = ours[1] if ours else causes[-1] if causes else text.strip().partition("\n")[0]
    return said[:300]
