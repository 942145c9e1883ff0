"""The timeline of an axis: bars of therapy, marks of events, the status of the disease, in three bands of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fhirconv.report.course import EVENT, LANES, STATUS, THERAPY, Axis, Item, anchor
from fhirconv.report.layers import BAR, Sheet
from fhirconv.report.lettering import SIZE, cut, packed, width, written
from fhirconv.report.scale import LEFT, RIGHT, WIDTH, Scale, scale_of
from fhirconv.report.stretches import FADE, GUESS, MARK, MAYBE, RECKONED, Part, bar_parts, moment_parts

MOST = 100  # items of a lane that are drawn one by one: more of them nobody reads, or walks through with a keyboard

_HEADS = {THERAPY: "Therapy", EVENT: "Events", STATUS: "Disease status"}
_CROSS = "M-1,-1L1,1M1,-1L-1,1"
_SHAPES = {THERAPY: "square", EVENT: "diamond", STATUS: "circle"}
_HEAD, _BAR_ROW, _ROW, _RUG = 24, 32, 24, 20  # px
_BELOW = 56  # px, the time axis with its title
_LEGEND_ROW = 20
_MOST_WORDS = 340  # px of a label
_GAP = 10  # px between what stands in one row
_LEGEND = {
    MAYBE: "some time within this stretch",
    FADE: "fading: nobody says since when, or until when",
    RECKONED: "reckoned from an interval: no date in the source",
    GUESS: "reckoned: no date in the source",
    "not": "did not take place",
}


class Row(NamedTuple):
    """An item with its parts, and where all of it, words included, is along x, in px."""

    item: Item
    parts: list[Part]
    words: str
    words_at: float
    first: float
    last: float


class Timeline:
    """Lays out the items of an axis, from top to bottom."""

    def __init__(self, axis: Axis, prefix: str) -> None:
        self.scale = scale_of(axis)
        self.sheet = Sheet(self.scale)
        self.notes: list[str] = []
        self._prefix = prefix
        self._y = 0.0
        self._met: set[str] = set()
        for lane in LANES:
            if items := [item for item in axis.items if item.lane == lane]:
                self._lane(lane, items)
        if axis.zero and self._y:
            self.sheet.put("zero", 0, 0, y2=self._y)
        self._height = self._y
        self._legend(axis)

    def spec(self) -> dict[str, Any]:
        """For Vega-Lite."""
        return self.sheet.spec(max(self._height, _ROW), 4, self._y - self._height)

    def _lane(self, lane: str, items: Sequence[Item]) -> None:
        if self._y:
            self.sheet.put("lane", self.scale.first, self._y, self.scale.last)
        self.sheet.write("head", self.scale.first, self._y + _HEAD / 2 + 2, _HEADS[lane])
        self._y += _HEAD
        if len(items) > MOST:
            self._rug(lane, items)
            return
        height = _BAR_ROW if lane == THERAPY else _ROW
        rows = [_row(item, self.scale) for item in items]
        placed = _by_label(rows) if lane == THERAPY else packed(row[-2:] for row in rows)
        for row, at in zip(rows, placed, strict=True):
            self._draw(row, self._y + at * height, height)
        self._y += (max(placed) + 1) * height + 4

    def _draw(self, row: Row, y: float, height: float) -> None:
        lane, is_bar = row.item.lane, row.item.lane == THERAPY
        middle = y + (height - BAR / 2 - 3 if is_bar else height / 2)
        for part in row.parts:
            kind = part.kind if row.item.took_place or part.kind in (FADE, GUESS, MARK) else "not"
            self._met.add(kind if row.item.took_place else "not")
            self._part(f"{kind}-{lane}", part, middle, _SHAPES[lane] if row.item.took_place else _CROSS)
        self.sheet.write("label", self.scale.day(row.words_at), y + 9 if is_bar else middle, row.words)
        self.sheet.put(
            "hit",
            self.scale.day(row.first),
            y,
            self.scale.day(row.last),
            y + height,
            href=f"#{self._prefix}{anchor(row.item.fact)}",
            description=told(row.item),
        )

    def _part(self, layer: str, part: Part, middle: float, shape: str) -> None:
        if part.kind == FADE:
            self.sheet.put(layer, part.start, middle, part.end)
        elif part.kind in (MARK, GUESS):
            self.sheet.put(layer, part.start, middle, shape=shape)
        else:
            self.sheet.put(layer, part.start, middle - BAR / 2, part.end, middle + BAR / 2)

    def _rug(self, lane: str, items: Sequence[Item]) -> None:
        """So many that each is only a hair: one path, however many they are."""
        known = (item.start.earliest if item.start.earliest is not None else item.start.latest for item in items)
        places = sorted({round(self.scale.px(day)) for day in known if day is not None})
        for place in places:
            for y in (self._y, self._y + BAR, None):  # None: the line ends
                self.sheet.put(f"line-{lane}", self.scale.day(place), y)
        self.notes.append(f"{_HEADS[lane]}: {len(items)}, only where they begin is drawn; each is in the table")
        self.sheet.write("label", self.scale.first, self._y + BAR + 12, self.notes[-1])
        self._y += _RUG + SIZE

    def _legend(self, axis: Axis) -> None:
        self._y += _BELOW
        at, step = 0.0, 34.0
        for kind in (each for each in _LEGEND if each in self._met):
            wide = step + width(_LEGEND[kind]) + 2 * _GAP
            if at and at + wide > WIDTH + RIGHT:
                at, self._y = 0.0, self._y + _LEGEND_ROW
            self._legend_mark(kind, at)
            self.sheet.write("label", self.scale.day(at + step), self._y + SIZE / 2, _LEGEND[kind])
            at += wide
        self._y += _LEGEND_ROW if self._met & _LEGEND.keys() else 0
        for words, things in (("Long before", axis.earlier), ("Long after", axis.later)):
            if things:
                note = f"{words}, not drawn: " + "; ".join(f"{each.label} ({each.words})" for each in things)
                self.notes.append(note)
                self.sheet.write("label", self.scale.day(0), self._y + SIZE / 2, cut(written(note), WIDTH + RIGHT))
                self._y += _LEGEND_ROW

    def _legend_mark(self, kind: str, at: float) -> None:
        part = Part(kind, self.scale.day(at + 2 if kind != GUESS else at + 14), self.scale.day(at + 26))
        self._part(f"{kind}-legend", part, self._y + SIZE / 2, _SHAPES[EVENT])


def told(item: Item) -> str:
    """All that a mark says, for who cannot see it."""
    when = item.start.words if item.end is None else f"from {item.start.words} to {item.end.words}"
    return written("; ".join(each for each in (item.label, item.kind.replace("-", " "), when, item.note) if each))


def _row(item: Item, scale: Scale) -> Row:
    parts = moment_parts(item.start, scale) if item.end is None else bar_parts(item.start, item.end, scale)
    ends = [scale.px(day) for part in parts for day in part[1:]] or [0.0]
    is_mark = any(part.kind in (MARK, GUESS) for part in parts)
    first, last = min(ends) - 6 * is_mark, max(ends) + 6 * is_mark
    said = item.label if item.took_place else f"{item.label} ({item.note})"
    words = cut(written(said), _MOST_WORDS)
    wide = width(words)
    at = _beside(first, last, wide) if item.lane != THERAPY else max(min(first, WIDTH + RIGHT - wide), 4.0 - LEFT)
    return Row(item, parts, words, at, min(first, at), max(last, at + wide))


def _beside(first: float, last: float, wide: float) -> float:
    """Where words stand beside a mark: right of it, else left of it, else on it."""
    if last + 4 + wide <= WIDTH + RIGHT:
        return last + 4
    return first - 4 - wide if first - 4 - wide >= -LEFT else first + 6


def _by_label(rows: Sequence[Row]) -> list[int]:
    """A line for each therapy by its name, or more of them where it overlaps itself."""
    lines = [0] * len(rows)
    used = 0
    for name in dict.fromkeys(row.item.label for row in rows):
        own = [number for number, row in enumerate(rows) if row.item.label == name]
        own_lines = packed(rows[number][-2:] for number in own)
        for number, line in zip(own, own_lines, strict=True):
            lines[number] = used + line
        used += max(own_lines) + 1
    return lines
