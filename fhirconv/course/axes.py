"""From what stands on an axis to the axis: how far it goes, and what is so far away that it would squeeze the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fhirconv.course.parts import LANES, ONGOING, Axis, Item, Point, Series, Unplaced, When
from fhirconv.course.placing import UNIT_DAYS
from fhirconv.course.telling import span_words, with_note

# Far away is what lies beyond a gap of five years and three times the length of the rest (so the rest would have less than
# a quarter of the width), and is one thing, or a quarter of the number of the rest: an operation long ago is listed, an
# earlier episode of the disease is drawn. What an axis counts from is never far from it.
_FAR = 3
_LONG = 5 * UNIT_DAYS["years"]
_FEW = 4

_LEAST = 14.0  # days before and after what is all of one time
_OPEN_MARGIN = 1 / 8  # of what is drawn: room to fade out
_MARGIN = 1 / 40


class Extent(NamedTuple):
    """From where to where there is something on an axis, and how many things (birth and death count nothing)."""

    low: float
    high: float
    things: int


def axis_of(zero: str, items: Iterable[Item], series: Iterable[Series]) -> Axis:
    """The axis of these marks and points, of which each has at least one end."""
    items, series = list(items), list(series)
    extents = [*map(_of_item, items), *(_of_point(point) for one in series for point in one.points)]
    within = _without_far(extents, 0.0 if zero else math.inf)
    far = sorted(_far(items, series, within), key=lambda one: one[0])
    items = list(_in_order(item for item in items if _is_within(_of_item(item), within)))
    series = [one for one in (_drawn(one, within) for one in series) if one.points]
    first, last = _ends(items, series, within)
    ongoing = ONGOING._replace(earliest=_last_said(items, series, within))
    return Axis(
        zero,
        first,
        last,
        tuple(item._replace(end=ongoing) if item.end is ONGOING else item for item in items),
        tuple(series),
        tuple(told for low, told in far if low < within.low),
        tuple(told for low, told in far if low > within.high),
    )


def _extent(whens: Iterable[When | None], things: int = 1) -> Extent:
    """All of these times, as far as they have ends."""
    known = [end for when in whens if when for end in (when.earliest, when.latest) if end is not None]
    return Extent(min(known), max(known), things)


def _of_item(item: Item) -> Extent:
    return _extent((item.start, item.end), int(item.fact != "patient"))


def _of_point(point: Point) -> Extent:
    return _extent((point.when,))


def _without_far(extents: list[Extent], kept: float) -> Extent:
    """What is left when far outsiders are taken away, as one stretch; what is at `kept` is none."""
    clusters = _clusters(extents)
    while len(clusters) > 1:
        cut = max(range(1, len(clusters)), key=lambda index: clusters[index].low - clusters[index - 1].high)
        gap = clusters[cut].low - clusters[cut - 1].high
        one, other = _joined(clusters[:cut]), _joined(clusters[cut:])
        few, rest = sorted((one, other), key=lambda side: side.things)
        is_few = few.things < rest.things and few.things <= max(1, rest.things / _FEW)
        if not is_few or few.low <= kept <= few.high or gap <= max(_LONG, _FAR * (rest.high - rest.low)):
            break
        clusters = clusters[:cut] if rest is one else clusters[cut:]
    return _joined(clusters)


def _clusters(extents: list[Extent]) -> list[Extent]:
    """Stretches that overlap as one, in the order of time."""
    made: list[Extent] = []
    for one in sorted(extents):
        if made and one.low <= made[-1].high:
            made[-1] = _joined([made[-1], one])
        else:
            made.append(one)
    return made


def _joined(extents: list[Extent]) -> Extent:
    low, high = min(one.low for one in extents), max(one.high for one in extents)
    return Extent(low, high, sum(one.things for one in extents))


def _is_within(extent: Extent, within: Extent) -> bool:
    return within.low <= extent.low and extent.high <= within.high


def _ends(items: list[Item], series: list[Series], within: Extent) -> tuple[float, float]:
    """First and last day, with room for what fades out and so that no mark stands on the edge."""
    length = within.high - within.low
    if not length:
        return within.low - _LEAST, within.high + _LEAST
    points = [point for one in series for point in one.points]
    starts = [item.start.earliest for item in items] + [point.when.earliest for point in points]
    stops = [(item.end or item.start).latest for item in items] + [point.when.latest for point in points]
    first, last = (length * (_OPEN_MARGIN if None in ends else _MARGIN) for ends in (starts, stops))
    return within.low - first, within.high + last


def _last_said(items: list[Item], series: list[Series], within: Extent) -> float:
    """The last day of which anything is said: until then goes on what goes on; of '2021' that is its first day."""
    whens = [when for item in items for when in (item.start, item.end) if when]
    whens += [point.when for one in series for point in one.points]
    return max((when.earliest for when in whens if when.earliest is not None), default=within.low)


def _in_order(items: Iterable[Item]) -> Iterator[Item]:
    """By lane, then by time; the drugs of a regimen follow it."""
    ordered = sorted(items, key=_by_time)
    parts: dict[str, list[Item]] = {item.fact: [] for item in ordered}
    for item in ordered:
        if item.part_of in parts:
            parts[item.part_of].append(item)
    for item in ordered:
        if item.part_of not in parts:
            yield from (item, *parts[item.fact])


def _by_time(item: Item) -> tuple[float, ...]:
    """By lane, start and end; what nobody says comes last, and the order of the file decides where all are the same."""
    ends = [item.start.latest, *(item.end[:2] if item.end else ())]
    return LANES.index(item.lane), _of_item(item).low, *(math.inf if end is None else end for end in ends)


def _drawn(series: Series, within: Extent) -> Series:
    """What is drawn of a series, in the order of time."""
    points = (point for point in series.points if _is_within(_of_point(point), within))
    return series._replace(points=tuple(sorted(points, key=lambda point: _of_point(point).low)))


def _far(items: list[Item], series: list[Series], within: Extent) -> Iterator[tuple[float, Unplaced]]:
    """What is told in place of being drawn, each with its first day."""
    for item in items:
        extent = _of_item(item)
        if not _is_within(extent, within):
            words = span_words(item.start.words, item.end.words if item.end else "")
            yield extent.low, Unplaced(item.fact, with_note(item.label, item.note), words)
    for one in series:
        for point in one.points:
            extent = _of_point(point)
            if not _is_within(extent, within):
                yield extent.low, Unplaced(point.fact, f"{one.name}: {point.label}", point.when.words)
