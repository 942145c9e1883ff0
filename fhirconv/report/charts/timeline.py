"""The timeline of an axis: bars of therapy, marks of events, the status of the disease, in three bands of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fhirconv.course.course import EVENT, LANES, STATUS, THERAPY, Axis, Item, anchor
from fhirconv.report.charts.layers import BAR, Sheet, fading
from fhirconv.report.charts.lettering import SIZE, cut, packed, width, written
from fhirconv.report.charts.scale import LEFT, RIGHT, WIDTH, Scale, scale_of
from fhirconv.report.charts.stretches import (
    FADE,
    GUESS,
    MARK,
    MAYBE,
    OPEN,
    RECKONED,
    SOLID,
    Part,
    bar_parts,
    moment_parts,
)

MOST = 100  # items of a lane that are drawn one by one: more of them nobody reads, or walks through with a keyboard

_HEADS = {THERAPY: "Therapy", EVENT: "Events", STATUS: "Status"}
_CROSS = "M-1,-1L1,1M1,-1L-1,1"
_ARROWS = ("triangle-left", "triangle-right")
_SHAPES = {THERAPY: "square", EVENT: "diamond", STATUS: "circle"}
_TALL, _ROW = 32, 24  # px, a row with its words above, or beside, what is drawn
_LEGEND_ROW = 20
_MOST_WORDS = 440  # px of a label
_GAP = 10  # px between what stands in one row
_LEGEND = {
    MAYBE: "some time within this stretch",
    FADE: "fading: until when, or since when, is not said",
    OPEN: "after (or before) this: how long is not said",
    RECKONED: "reckoned from an interval: no date in the source",
    GUESS: "reckoned: no date in the source",
    "not": "did not take place",
}


class Drawn(NamedTuple):
    """An item with its parts, and where all of it, words included, is along x, in px."""

    item: Item
    parts: list[Part]
    words: str
    words_at: float
    is_below: bool  # its words stand above it, else beside it
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
        self.sheet.put("lane", self.scale.first, 0, self.scale.last)
        for lane in LANES:
            if items := [item for item in axis.items if item.lane == lane]:
                self._lane(lane, items)
        if axis.zero and self._y:
            self.sheet.put("zero", 0, 0, y2=self._y)
        self._height = self._y
        self._legend()

    def spec(self) -> dict[str, Any]:
        """For Vega-Lite."""
        return self.sheet.spec(max(self._height, _ROW), 4, self._y - self._height)

    def _lane(self, lane: str, items: Sequence[Item]) -> None:
        if self._y:
            self.sheet.put("lane", self.scale.first, self._y, self.scale.last)
            self._y += 4
        self.sheet.write("head", self.scale.day(4 - LEFT), self._y + _ROW / 2, _HEADS[lane])
        if len(items) > MOST:
            self._rug(lane, items)
            return
        drawn = [_drawn(item, self.scale) for item in items]
        rows = _by_label(drawn) if lane == THERAPY else packed(each[-2:] for each in drawn)
        for row in range(max(rows) + 1):
            here = [each for each, at in zip(drawn, rows, strict=True) if at == row]
            height = _TALL if any(each.is_below for each in here) else _ROW
            for each in here:
                self._draw(each, height)
            self._y += height
        self._y += 4

    def _draw(self, drawn: Drawn, height: float) -> None:
        item = drawn.item
        bottom = self._y + height
        middle = bottom - BAR / 2 - 3 if drawn.is_below else bottom - _ROW / 2
        for part in drawn.parts:
            kind = part.kind if item.took_place or part.kind not in (SOLID, MAYBE, RECKONED) else "not"
            self._met.add(part.kind if item.took_place else "not")
            self._part(f"{kind}_{item.lane}", part, middle, _SHAPES[item.lane] if item.took_place else _CROSS)
        words_at = bottom - _TALL + 9 if drawn.is_below else middle
        self.sheet.write("label", self.scale.day(drawn.words_at), words_at, drawn.words)
        self.sheet.put(
            "hit",
            self.scale.day(drawn.first),
            self._y,
            self.scale.day(drawn.last),
            bottom,
            href=f"#{self._prefix}{anchor(item.fact)}",
            description=told(item),
        )

    def _part(self, layer: str, part: Part, middle: float, shape: str) -> None:
        if part.kind == FADE:
            length = abs(self.scale.px(part.end) - self.scale.px(part.start))
            self.sheet.put(layer, part.start, middle, part.end, dash=fading(length))
        elif part.kind == OPEN:
            of = layer.partition("_")[2]
            self.sheet.put(layer, part.start, middle, part.end)
            self.sheet.put(f"tick_{of}", part.start, middle - BAR / 2, y2=middle + BAR / 2)
            self.sheet.put(f"mark_{of}", part.end, middle, shape=_ARROWS[part.end > part.start])
        elif part.kind in (MARK, GUESS):
            self.sheet.put(layer, part.start, middle, shape=shape)
        else:
            self.sheet.put(layer, part.start, middle - BAR / 2, part.end, middle + BAR / 2)

    def _rug(self, lane: str, items: Sequence[Item]) -> None:
        """So many that each is only a hair: one path, however many they are."""
        known = (item.start.earliest if item.start.earliest is not None else item.start.latest for item in items)
        places = sorted({round(self.scale.px(day)) for day in known if day is not None})
        for place in places:
            for y in (self._y + 4, self._y + 4 + BAR, None):  # None: the line ends
                self.sheet.put(f"line_{lane}", self.scale.day(place), y)
        self.notes.append(f"{_HEADS[lane]}: {len(items)}, only where they begin is drawn; each is in the table")
        self.sheet.write("label", self.scale.first, self._y + BAR + 14, self.notes[-1])
        self._y += _TALL

    def _legend(self) -> None:
        self._y += self.scale.below + 8
        at, step = 0.0, 34.0
        for kind in (each for each in _LEGEND if each in self._met):
            wide = step + width(_LEGEND[kind]) + 2 * _GAP
            if at and at + wide > WIDTH + RIGHT:
                at, self._y = 0.0, self._y + _LEGEND_ROW
            self._legend_mark(kind, at)
            self.sheet.write("label", self.scale.day(at + step), self._y + SIZE / 2, _LEGEND[kind])
            at += wide
        self._y += _LEGEND_ROW if self._met & _LEGEND.keys() else 0

    def _legend_mark(self, kind: str, at: float) -> None:
        part = Part(kind, self.scale.day(at + (14 if kind == GUESS else 2)), self.scale.day(at + (14 if kind == "not" else 26)))
        self._part(f"{kind}_legend", part, self._y + SIZE / 2, _SHAPES[EVENT])
        if kind == "not":  # a bar, and a mark
            self.sheet.put("mark_legend", self.scale.day(at + 23), self._y + SIZE / 2, shape=_CROSS)


def told(item: Item) -> str:
    """All that a mark says, for who cannot see it."""
    when = item.start.words if item.end is None else f"from {item.start.words} to {item.end.words}"
    return written("; ".join(each for each in (item.label, item.kind.replace("-", " "), when, item.note) if each))


def _drawn(item: Item, scale: Scale) -> Drawn:
    parts = moment_parts(item.start, scale) if item.end is None else bar_parts(item.start, item.end, scale)
    ends = [scale.px(day) for part in parts for day in part[1:]] or [0.0]
    room = 6 if any(part.kind in (MARK, GUESS, OPEN) for part in parts) else 0
    first, last = min(ends) - room, max(ends) + room
    words = cut(written(item.label if item.took_place else f"{item.label} ({item.note})"), _MOST_WORDS)
    if any(part.kind == OPEN for part in parts) and item.start.brief:
        words += f" ({cut(written(item.start.brief), WIDTH - width(words) - _GAP)})"
    wide = width(words)
    at = None if item.lane == THERAPY else _beside(first, last, wide)
    is_below = at is None
    if at is None:
        at = max(min(min(ends) + 1, WIDTH + RIGHT - wide), 0.0)
    return Drawn(item, parts, words, at, is_below, min(first, at), max(last, at + wide))


def _beside(first: float, last: float, wide: float) -> float | None:
    """Where words stand beside a mark: right of it, else left of it, where there is room for them."""
    if last + 4 + wide <= WIDTH + RIGHT:
        return last + 4
    return first - 4 - wide if first - 4 - wide >= 0 else None


def _by_label(rows: Sequence[Drawn]) -> list[int]:
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
