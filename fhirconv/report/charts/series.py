"""The results of one test over time, under the timeline: values with their reference range, and what was given when."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any

from fhirconv.course.course import Axis, Point, Series, When, anchor
from fhirconv.mapping import load_mappings
from fhirconv.report.charts.given import Given
from fhirconv.report.charts.layers import Sheet
from fhirconv.report.charts.lettering import SIZE, cut, written
from fhirconv.report.charts.scale import RIGHT, WIDTH, Scale, scale_of
from fhirconv.report.charts.stretches import GUESS, MARK, OPEN, is_guess, moment_parts
from fhirconv.terminology import ConceptTable

MOST = 100  # points that are drawn one by one: more would lie on each other; of more the line alone

_HEIGHT, _HEAD = 150, 26  # px
_TOO_LARGE = Decimal("1e300")  # beyond what a picture can count
_FLAG_ROOM = 13  # px from one letter to the next
_LETTER_ROOM = 20  # px of a mark with its letter below it


class SeriesChart:
    """Lays out one series on the scale of its axis."""

    def __init__(self, axis: Axis, series: Series, prefix: str) -> None:
        self.scale = scale_of(axis)
        self.sheet = Sheet(self.scale)
        self.notes: list[str] = []
        self._prefix = prefix
        self.points = [(at, point) for point in series.points if (at := place(point, self.scale)) is not None]
        self.points.sort(key=lambda pair: pair[0])
        if len(self.points) < len(series.points):
            self.notes.append(f"{len(series.points) - len(self.points)} more cannot be drawn: see the table")
        self.domain = _domain([float(number) for _, point in self.points for number in _numbers(point)])
        if self.points:
            self._range()
        if len(self.points) > MOST:
            self.notes.append(f"{len(self.points)} results, drawn as one line; each is in the table")
            self._line(list(extremes(self.points, self.scale)))
        else:
            self._join()
            self._marks()
        self._given = Given(axis.items, self.scale)
        self._given.draw(self.sheet, self.scale, _HEIGHT)
        if self._given.left_out:
            self.notes.append(f"{self._given.left_out} more starts of therapy are in the timeline only")
        self._head()

    def spec(self) -> dict[str, Any]:
        """For Vega-Lite."""
        axis: dict[str, Any] = {"title": None, "tickCount": 5}
        if not 1e-3 <= max(map(abs, self.domain)) < 1e7:
            axis["format"] = ".3~e"
        scale = {"domain": self.domain, "nice": False, "zero": False}
        return self.sheet.spec(_HEIGHT, _HEAD + self._given.height, self.scale.below, {"axis": axis, "scale": scale})

    def _head(self) -> None:
        ranges = {(point.low, point.high) for _, point in self.points}
        words = []
        if len(ranges) == 1 and (said := range_words(*ranges.pop())):
            words.append(f"shaded: reference range {said}")
        elif len(ranges) > 1:
            words.append("shaded: reference range of each result")
        if self._given.transfusions:
            words.append("▼ at the top: transfusion")
        if any(_is_open(point.when) for _, point in self.points):
            words.append("hollow, with a dashed line: only known to be before, or after, this")
        said = cut(written(" · ".join([*words, *self.notes])), WIDTH + RIGHT)
        self.sheet.write("label", self.scale.first, -self._given.height - _HEAD + SIZE, said)

    def _range(self) -> None:
        """The reference range of each result, as far as half of the way to the results beside it."""
        days = [at for at, _ in self.points]
        edges = [self.scale.first, *((one + two) / 2 for one, two in pairwise(days)), self.scale.last]
        steps = zip(((point.low, point.high) for _, point in self.points), pairwise(edges), strict=True)
        for (low, high), group in groupby(steps, key=lambda step: step[0]):
            places = [edge for _, both in group for edge in both]
            bounds = [None if bound is None else float(bound) for bound in (low, high)]
            if bounds == [None, None]:
                continue
            for bound in bounds:
                if bound is not None:
                    self.sheet.put_value("bound", places[0], bound, places[-1])
            bottom, top = (edge if bound is None else bound for bound, edge in zip(bounds, self.domain, strict=True))
            self.sheet.put_value("band", places[0], bottom, places[-1], top)

    def _line(self, places: Sequence[tuple[float, float]]) -> None:
        for at, value in places:
            self.sheet.put_value("line_series", at, value)

    def _join(self) -> None:
        """Joins results of which it is known which came first; a bound ('<5') is no value that a line could go through."""
        for number, (at, point) in enumerate(self.points):
            if number and not _is_joined(self.points[number - 1][1], point):
                self.sheet.put_value("line_series", at, None)
            self.sheet.put_value("line_series", at, float(point.value))

    def _marks(self) -> None:
        letters: list[tuple[float, float]] = []
        for at, point in self.points:
            value, letter = float(point.value), letter_of(point.flag)
            self._stretch(point, value)
            is_hollow = _is_open(point.when) or is_guess(point.when, self.scale)
            layer = "guess" if is_hollow else "mark"
            self.sheet.put_value(f"{layer}_{'flagged' if letter else 'series'}", at, value, shape=_shape(point, letter))
            here = self.scale.px(at), self._px_above_axis(value)
            if letter and not any(math.dist(here, other) < _FLAG_ROOM for other in letters):
                letters.append(here)
                below = letter[0] in "LD" and self._px_above_axis(value) >= _LETTER_ROOM
                self.sheet.put_value("flag", at, value, text=letter, align="center", dy=12 if below else -12)
            self.sheet.put_value(
                "spot",
                at,
                value,
                href=f"#{self._prefix}{anchor(point.fact)}",
                description=written(f"{point.when.words}: {point.label}"),
            )

    def _px_above_axis(self, value: float) -> float:
        low, high = self.domain
        return (value - low) / (high - low) * _HEIGHT

    def _stretch(self, point: Point, value: float) -> None:
        """A result of which only a month is known is as wide as the month."""
        for part in moment_parts(point.when, self.scale):
            if part.kind == OPEN:
                self.sheet.put_value("open_series", part.start, value, part.end)
            elif part.kind not in (MARK, GUESS):
                self.sheet.put_value("whisker_series", part.start, value, part.end)
                for end in (part.start, part.end):
                    self.sheet.put_value("cap_series", end, value)


def place(point: Point, scale: Scale) -> float | None:
    """Where a result stands: in the middle of the stretch within which it was; None where nothing can be drawn."""
    first, last = point.when.earliest, point.when.latest
    if any(abs(number) > _TOO_LARGE for number in _numbers(point)) or (first is None and last is None):
        return None
    return (first + last) / 2 if first is not None and last is not None else first if first is not None else last


def _is_open(when: When) -> bool:
    return when.earliest is None or when.latest is None


def _is_joined(one: Point, other: Point) -> bool:
    """Whether a line may go from a result to the next one: both are values, and one was certainly first."""
    if any(point.comparator or _is_open(point.when) for point in (one, other)):
        return False
    return (one.when.latest or 0.0) <= (other.when.earliest or 0.0)


def extremes(points: Sequence[tuple[float, Point]], scale: Scale) -> Iterator[tuple[float, float]]:
    """Of each px along x the first, lowest, highest and last value: drawn as a line, these look like all of them."""
    for _, group in groupby(points, key=lambda pair: int(scale.px(pair[0]))):
        column = list(enumerate((at, float(point.value)) for at, point in group))
        by_value = sorted(column, key=lambda one: one[1][1])
        kept = dict((column[0], by_value[0], by_value[-1], column[-1]))
        yield from (kept[number] for number in sorted(kept))


def named(series: Series) -> str:
    """A series by name and unit."""
    return f"{series.name} ({series.unit})" if series.unit else series.name


def range_words(low: Decimal | None, high: Decimal | None) -> str:
    """A reference range, in the digits of the source."""
    if low is not None and high is not None:
        return f"{low}–{high}"
    return f"from {low}" if low is not None else f"to {high}" if high is not None else ""


def letter_of(flag: str) -> str:
    """The letter for an interpretation (H, L, ...); '*' for words that have none; '' for what is normal or not said."""
    if not flag:
        return ""
    concept = _interpretations().find(flag)
    letter = concept.codings[0]["code"] if concept and concept.codings else "*"
    return "" if letter == "N" else letter


def _numbers(point: Point) -> list[Decimal]:
    return [each for each in (point.value, point.low, point.high) if each is not None]


def _domain(values: Sequence[float]) -> list[float]:
    """From a little below the lowest to a little above the highest; not below 0 where nothing is."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.2 or abs(high) * 0.2 or 1.0
    return [0.0 if 0 <= low < room else low - room, high + room]


def _shape(point: Point, letter: str) -> str:
    if point.comparator:
        return "triangle-down" if "<" in point.comparator else "triangle-up"
    return "diamond" if letter else "circle"


@functools.cache
def _interpretations() -> ConceptTable:
    return load_mappings().tables.concepts["interpretations"]
