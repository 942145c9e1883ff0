"""When something was -> what is drawn: what is certain, what is possible, and what fades out since nobody says.

A fade, and what is only known to be after or before something, takes all of the room that is left on its side: a short one
would be read as a length.
"""

from __future__ import annotations

from typing import NamedTuple

from fhirconv.course.course import When
from fhirconv.report.charts.scale import Scale

SOLID, MAYBE, RECKONED, FADE, OPEN, MARK = "solid", "maybe", "reckoned", "fade", "open", "mark"
GUESS = "guess"  # a mark at a place that was reckoned
NARROW_PX = 9  # a moment that is known better than this is a mark


class Part(NamedTuple):
    """A piece of a bar, or a mark (without width), in days.

    FADE and OPEN go from `start` to the end of the axis, also to the left: it was so at `start`; it was only after `start`.
    """

    kind: str
    start: float
    end: float


def bar_parts(start: When, end: When, scale: Scale) -> list[Part]:
    """A bar: solid where it was certainly so; before and after that, where it possibly was, or fading."""
    certain_from, certain_to = _certain(start, end, scale)
    if certain_from is None and certain_to is None:  # 'after X' until nobody knows when
        if start.earliest is not None and end.latest is not None:
            return [_possible(start, start.earliest, end.latest, scale)]
        return open_parts(When(start.earliest, end.latest, ""), scale)
    first = certain_from if certain_from is not None else certain_to
    last = certain_to if certain_to is not None else certain_from
    assert first is not None and last is not None  # noqa: PT018  (one of them was known)
    last = max(first, last)
    before = (
        Part(FADE, first, scale.first)
        if start.earliest is None
        else _possible(start, start.earliest, first, scale)
    )
    after = Part(FADE, last, scale.last) if end.latest is None else _possible(end, last, end.latest, scale)
    return [part for part in (before, Part(SOLID, first, last), after) if part.start != part.end]


def moment_parts(when: When, scale: Scale) -> list[Part]:
    """A moment: a mark where it is known well enough, else the stretch within which it lies."""
    if when.earliest is None or when.latest is None:
        return open_parts(when, scale)
    if scale.px(when.latest) - scale.px(when.earliest) <= NARROW_PX:
        middle = (when.earliest + when.latest) / 2
        return [Part(GUESS if is_guess(when, scale) else MARK, middle, middle)]
    return [_possible(when, when.earliest, when.latest, scale)]


def open_parts(when: When, scale: Scale) -> list[Part]:
    """What is only known to be after, or before, something."""
    if when.earliest is not None:
        return [Part(OPEN, when.earliest, scale.last)]
    return [] if when.latest is None else [Part(OPEN, when.latest, scale.first)]


def _certain(start: When, end: When, scale: Scale) -> tuple[float | None, float | None]:
    """From when to when it was certainly so. A day is not told apart from its begin where it is a hair on the axis."""
    first, last = start.latest, end.earliest
    if start.earliest is not None and first is not None and _is_hair(start.earliest, first, scale):
        first = start.earliest
    if end.latest is not None and last is not None and _is_hair(last, end.latest, scale):
        last = end.latest
    return first, last


def _is_hair(first: float, last: float, scale: Scale) -> bool:
    return scale.px(last) - scale.px(first) <= NARROW_PX / 2


def is_guess(when: When, scale: Scale) -> bool:
    """Whether a place could be taken for a date of the source and is none: not where nothing has a date."""
    return when.is_reckoned and not scale.zero


def _possible(when: When, first: float, last: float, scale: Scale) -> Part:
    return Part(RECKONED if is_guess(when, scale) else MAYBE, min(first, last), max(first, last))
