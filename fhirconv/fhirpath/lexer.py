"""The text of an expression as tokens.

Spec: http://hl7.org/fhirpath/N1/grammar.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fhirconv.fhirpath.errors import FhirPathError, FhirPathLimit

MAX_LENGTH = 20_000  # the longest in R4 has 700 characters

_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<time>@T\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?)"
    r"|(?P<date>@\d{4}(?:-\d{2}(?:-\d{2})?)?(?:T(?:\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?)?)"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<string>'(?:[^'\\]|\\.)*')"
    r"|(?P<quoted>`(?:[^`\\]|\\.)*`)"
    r"|(?P<external>%(?:[A-Za-z_][A-Za-z0-9_-]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'))"
    r"|(?P<special>\$(?:this|index|total))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<mark><=|>=|!=|!~|[-+*/|&<>=~.,(){}\[\]])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Token(NamedTuple):
    """`kind` is a group of the grammar above, or 'end'; `position` counts characters from 1."""

    kind: str
    text: str
    position: int


def unescaped(text: str) -> str:
    """The text between quotes, its escapes replaced. An unknown escape stands for its character, as in R4's patterns."""
    return _ESCAPE.sub(
        lambda found: chr(int(found[1][1:], 16)) if len(found[1]) > 1 else _ESCAPED.get(found[1], found[1]), text
    )


def tokens(text: str) -> list[Token]:
    """The tokens of an expression, with an 'end' after the last. Raises FhirPathError for what is none."""
    if len(text) > MAX_LENGTH:
        raise FhirPathLimit(f"the expression has more than {MAX_LENGTH} characters")
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None or (text.startswith("/*", place) and match.lastgroup == "mark"):
            raise FhirPathError(f"{text[place : place + 1]!r} is not part of FHIRPath here", place + 1)
        if match.lastgroup != "skip":
            found.append(Token(match.lastgroup, match.group(), place + 1))
        place = match.end()
    return [*found, Token("end", "", place + 1)]
