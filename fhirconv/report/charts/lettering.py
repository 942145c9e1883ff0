"""What is written in a picture: text that an SVG can hold, how wide it is, and where it is cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from fhirconv.report.html import visible

SIZE, SMALL = 13, 12  # px of labels

_GAP = 10  # px between what stands in one row

_ELLIPSIS = "…"
# Widths in em, a little more than those of the usual sans-serif fonts: nobody knows which one a reader has.
_NARROW, _WIDE, _USUAL = 0.34, 0.9, 0.6


def written(text: str) -> str:
    """`text` on one line, with what no page can hold as escapes."""
    return str(visible(" ".join(text.split())))


def width(text: str, size: int = SIZE) -> float:
    """How wide a text is drawn at most, in px: an estimate that is the same on every machine."""
    return sum(map(_em, text)) * size


def cut(text: str, most: float, size: int = SIZE) -> str:
    """As much of a text as `most` px hold; an ellipsis where that is not all of it."""
    if len(text) * _NARROW * size <= most and width(text, size) <= most:
        return text
    room, kept = most - width(_ELLIPSIS, size), 0
    for letter in text:
        room -= _em(letter) * size
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + _ELLIPSIS


def packed(extents: Iterable[tuple[float, float]]) -> list[int]:
    """For each of what takes room from one px to another the first row in which there is room."""
    ends: list[float] = []
    rows = []
    for first, last in extents:
        row = next((number for number, end in enumerate(ends) if end + _GAP <= first), len(ends))
        ends[row:] = [last, *ends[row + 1 :]]
        rows.append(row)
    return rows


def _em(letter: str) -> float:
    if letter.isascii():
        return (
            _NARROW
            if letter in "iljtfrI.,:;'|!()[]/ "
            else _WIDE
            if letter in "mwMW@%"
            else _USUAL + 0.1 * letter.isupper()
        )
    if unicodedata.combining(letter):
        return 0
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.75
