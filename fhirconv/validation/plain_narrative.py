"""The narratives that fhirconv writes, as a pattern; what else a narrative may be is in `xhtml`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

_CHARACTER = r"[^<>&\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
_REFERENCE = "&(?:amp|lt|gt);"
_TEXT = f"{_CHARACTER}*(?:{_REFERENCE}{_CHARACTER}*)*"
_BEGIN = rf"(?:[^<>&\x00-\x20\ufffe\uffff]|{_REFERENCE})"  # so that there is something to read (txt-2)

PLAIN_NARRATIVE = (
    rf'^<div xmlns="http://www\.w3\.org/1999/xhtml"><p><b>{_BEGIN}{_TEXT}</b>{_TEXT}</p>'
    rf"(?:<ul>(?:<li>{_TEXT}</li>)+</ul>)?</div>$"
)
"""A regular expression for narratives as fhirconv writes them: a text that it matches whole has no problem.

Without look-around and back references, so that Python and Rust read it alike.
"""

# The same where no text holds a reference or a control character, for Python's expressions: those read up to a single sign fast.
_SIMPLE = r"[^<]*+"
_BETWEEN = "<\0"
_simple = re.compile(
    rf'(?:<div xmlns="http://www\.w3\.org/1999/xhtml"><p><b>[^<>&\x00-\x20\ufffe\uffff]{_SIMPLE}</b>{_SIMPLE}</p>'
    rf"(?:<ul>(?:<li>{_SIMPLE}</li>)++</ul>)?+</div>(?:{_BETWEEN}(?!\Z)|\Z))++"
).fullmatch


_control = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]").search


def are_simple_narratives(divs: Sequence[str]) -> bool:
    """Whether texts are narratives as fhirconv writes them, without references. It joins them: one expression reads all."""
    joined = _BETWEEN.join(divs)  # with a control character, so that none of them holds what is between
    return "&" not in joined and _simple(joined) is not None and not has_control(divs, orjson.dumps(divs), quotes=2)


def has_control(texts: Sequence[str], written: bytes, quotes: int = 0) -> bool:
    """Whether a control character stands in texts that hold so many quotes each at least, and were written as JSON.

    Writing escapes both. The usual texts, of ASCII and without more to escape, are told by what they grow in length.
    """
    if len(written) == len("".join(texts)) + (quotes + len('"",')) * len(texts) + 1:
        return False
    return any(map(_control, texts))
