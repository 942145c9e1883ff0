"""What was given, as it stands above and behind a series: a line where a therapy starts, a mark for a transfusion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fhirconv.course.course import THERAPY, Item
from fhirconv.report.charts.layers import Sheet
from fhirconv.report.charts.lettering import SMALL, cut, packed, width, written
from fhirconv.report.charts.scale import RIGHT, WIDTH, Scale
from fhirconv.report.charts.stretches import NARROW_PX

STRIP = 15  # px, a row of names

_MOST_STRIPS, _MOST_NAME = 3, 200  # rows; px
_TRANSFUSION = "transfusion"


class _Given(NamedTuple):
    item: Item
    first: float  # days
    last: float


class Name(NamedTuple):
    """The name of a therapy, where it stands above the plot, and the stretch within which the therapy started."""

    words: str
    left: float  # px
    row: int
    first: float
    last: float


class Given:
    """What was given, laid out. Only as many starts are drawn as there is room for names."""

    def __init__(self, items: Iterable[Item], scale: Scale) -> None:
        known = [
            _Given(item, item.start.earliest, item.start.latest)
            for item in items
            if item.took_place and item.start.earliest is not None and item.start.latest is not None
        ]
        names = list(_named([each for each in known if each.item.lane == THERAPY], scale))
        self.names = [name for name in names if name.row < _MOST_STRIPS]
        self.transfusions = [each for each in known if each.item.kind == _TRANSFUSION]
        self.height = (max((name.row for name in self.names), default=-1) + 1) * STRIP
        self.left_out = len(names) - len(self.names)

    def draw(self, sheet: Sheet, scale: Scale, bottom: float) -> None:
        """Above 0, and where the day is known down to the bottom of the plot; else a bracket as wide as what is known."""
        drawn = set()
        for name in self.names:
            y = name.row * STRIP - self.height
            sheet.write("small", scale.day(name.left), y + STRIP / 2, name.words)
            stretch = (name.first, name.last)
            if stretch in drawn:
                continue  # what starts at the same time shares the line of the topmost name
            drawn.add(stretch)
            if scale.px(name.last) - scale.px(name.first) > NARROW_PX:
                sheet.put("beginning", name.first, y + STRIP, name.last)
                for end in stretch:
                    sheet.put("tick_beginning", end, y + STRIP - 4, y2=y + STRIP)
            else:
                sheet.put("begin", (name.first + name.last) / 2, y, y2=bottom)
        for each in self.transfusions:
            sheet.put("mark_event", (each.first + each.last) / 2, 5, shape="triangle-down")


def _named(starts: list[_Given], scale: Scale) -> Iterable[Name]:
    words = [cut(written(f"start of {each.item.label}"), _MOST_NAME, SMALL) for each in starts]
    wide = [width(text, SMALL) for text in words]
    lefts = [min(scale.px(each.first) + 3, WIDTH + RIGHT - room) for each, room in zip(starts, wide, strict=True)]
    rows = packed((left, left + room) for left, room in zip(lefts, wide, strict=True))
    for each, text, left, row in zip(starts, words, lefts, rows, strict=True):
        yield Name(text, left, row, each.first, each.last)
