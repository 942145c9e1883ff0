"""From what stands on an axis to the axis: how far it goes, and what is so far away that it would squeeze the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fhirconv.report.parts import LANES, ONGOING, Axis, Item, Point, Series, Unplaced
from fhirconv.report.placing import UNIT_DAYS
from fhirconv.report.telling import span_words, with_note

# Far away is what lies beyond a gap of three years and three times the length of the rest (so the rest would have less
# than a quarter of the width), and is at most a fifth of what there is: an operation long ago is listed, a life is drawn.
_FAR = 3
_SHORT = UNIT_DAYS["years"]
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
    points = [point for one in series for point in one.points]
    within = _without_far([*map(extent_of_item, items), *map(extent_of_point, points)])
    first, last = _ends(items, points, within)
    drawn = [item for item in items if _side(extent_of_item(item), within) == 0]
    listed = [*_listed_items(items, within), *_listed_points(series, within)]
    return Axis(
        zero,
        first,
        last,
        tuple(
            item._replace(end=ONGOING._replace(earliest=last)) if item.end is ONGOING else item
            for item in _sorted(drawn)
        ),
        tuple(filter(None, (_drawn_series(one, within) for one in series))),
        tuple(unplaced for _, side, unplaced in sorted(listed, key=lambda one: one[0]) if side < 0),
        tuple(unplaced for _, side, unplaced in sorted(listed, key=lambda one: one[0]) if side > 0),
    )


def extent_of_item(item: Item) -> Extent:
    """The stretch of an item, as far as it has ends."""
    whens = (item.start, item.end) if item.end else (item.start,)
    known = [one for when in whens for one in (when.earliest, when.latest) if one is not None]
    return Extent(min(known), max(known), int(item.fact != "patient"))


def extent_of_point(point: Point) -> Extent:
    """The stretch of a point."""
    known = [one for one in (point.when.earliest, point.when.latest) if one is not None]
    return Extent(known[0], known[-1], 1)


def _without_far(extents: list[Extent]) -> Extent:
    """What is left when far outsiders are taken away, as one stretch."""
    clusters = _clusters(extents)
    while len(clusters) > 1:
        gap, cut = max((clusters[index + 1].low - clusters[index].high, -index) for index in range(len(clusters) - 1))
        one, other = _joined(clusters[: 1 - cut]), _joined(clusters[1 - cut :])
        few, rest = sorted((one, other), key=lambda side: side.things)
        if few.things * _FEW > rest.things or gap <= _FAR * max(rest.high - rest.low, _SHORT):
            break
        clusters = clusters[: 1 - cut] if rest is one else clusters[1 - cut :]
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


def _side(extent: Extent, within: Extent) -> int:
    """-1 for what lies before, 1 for what lies after, 0 for what is drawn."""
    return -1 if extent.high < within.low else int(extent.low > within.high)


def _ends(items: list[Item], points: list[Point], within: Extent) -> tuple[float, float]:
    """First and last day, with room for what fades out and so that no mark stands on the edge."""
    length = within.high - within.low
    if not length:
        return within.low - _LEAST, within.high + _LEAST
    starts = [item.start.earliest for item in items] + [point.when.earliest for point in points]
    stops = [(item.end or item.start).latest for item in items] + [point.when.latest for point in points]
    first, last = (length * (_OPEN_MARGIN if None in ends else _MARGIN) for ends in (starts, stops))
    return within.low - first, within.high + last


def _sorted(items: list[Item]) -> list[Item]:
    """By lane, then by time, then in the order of the file."""
    return sorted(items, key=lambda item: (LANES.index(item.lane), extent_of_item(item).low))


def _drawn_series(series: Series, within: Extent) -> Series | None:
    points = [point for point in series.points if _side(extent_of_point(point), within) == 0]
    points.sort(key=lambda point: extent_of_point(point).low)
    return series._replace(points=tuple(points)) if points else None


def _listed_items(items: list[Item], within: Extent) -> Iterator[tuple[float, int, Unplaced]]:
    for item in items:
        extent = extent_of_item(item)
        if side := _side(extent, within):
            yield (
                extent.low,
                side,
                Unplaced(
                    item.fact,
                    with_note(item.label, item.note),
                    span_words(item.start.words, item.end.words if item.end else ""),
                ),
            )


def _listed_points(series: list[Series], within: Extent) -> Iterator[tuple[float, int, Unplaced]]:
    for one in series:
        for point in one.points:
            extent = extent_of_point(point)
            if side := _side(extent, within):
                yield extent.low, side, Unplaced(point.fact, f"{one.name}: {point.label}", point.when.words)
