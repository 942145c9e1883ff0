"""The narratives that fhirconv writes, as a pattern; what else a narrative may be is in `xhtml`."""

from __future__ import annotations

import re
from collections.abc import Sequence

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

DIV = len('<div xmlns="http://www.w3.org/1999/xhtml">')
# The same where no text holds a reference or a control character, for Python's expressions: those read up to a single sign fast.
_SIMPLE = r"[^<]*+"
_BETWEEN = "<\0"
_simple = re.compile(
    rf'(?:<div xmlns="http://www\.w3\.org/1999/xhtml"><p><b>[^<>&\x00-\x20\ufffe\uffff]{_SIMPLE}</b>{_SIMPLE}</p>'
    rf"(?:<ul>(?:<li>{_SIMPLE}</li>)++</ul>)?+</div>(?:{_BETWEEN}|\Z))++"
).fullmatch


def are_simple_narratives(divs: Sequence[str]) -> bool:
    """Whether texts without control characters, which the caller has to see to, are narratives as fhirconv writes them."""
    joined = _BETWEEN.join(divs)
    return "&" not in joined and _simple(joined) is not None
