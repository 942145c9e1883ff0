"""Days of an axis -> places in its pictures. All pictures of an axis have the same left edge, width and domain."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from fhirconv.course.course import Axis
from fhirconv.report.charts.lettering import SMALL, cut, written

LEFT, WIDTH, RIGHT = 70, 980, 40  # of every picture, in px: what stands beside the plot is as wide in all of them
EDGE = 0.03  # of the width, left free at both ends: room for what fades out there

_MONTH, _YEAR = 30.4375, 365.25
_STEPS = {"days": (1, 2, 7, 14, 28), "months": (1, 2, 3, 6, 12, 24), "years": (1, 2, 5, 10, 20, 50)}
_PER = {"days": 1.0, "months": _MONTH, "years": _YEAR}
_MOST_TICKS = 13
_MS = 86_400_000  # a day, in the milliseconds that Vega counts time in
# What a tick of the calendar says: the whole date, as far as it goes, so that each can be read alone.
_FORMAT = {
    "year": "%Y",
    "quarter": "%b %Y",
    "month": "%b %Y",
    "week": "%Y-%m-%d",
    "day": "%Y-%m-%d",
    "date": "%Y-%m-%d",
}
_DAYS_TICK, _MONTHS_TICK = 100, 1280  # days; of longer axes Vega's seven ticks are months, and years
_CLOCK = {"hours": "%H:%M", "minutes": "%H:%M", "seconds": "%H:%M:%S"}


class Scale(NamedTuple):
    """The domain of an axis, in days, a little wider than what stands on it; and the unit that its ticks count."""

    zero: str
    first: float
    last: float
    unit: str

    def px(self, day: float) -> float:
        """The place of a day, in px from the left edge of the plot."""
        return (day - self.first) / (self.last - self.first) * WIDTH

    def day(self, px: float) -> float:
        """The day at a place."""
        return self.first + px / WIDTH * (self.last - self.first)

    def at(self, day: float) -> float:
        """A day as Vega's scale counts: milliseconds on the calendar, else days, months or years from the zero."""
        return day / _PER[self.unit] if self.zero else day * _MS

    def encoding(self) -> dict[str, Any]:
        """Vega-Lite's x: scale and axis."""
        domain = [self.at(self.first), self.at(self.last)]
        shown = {"title": self.title(), "labelPadding": 4}
        if not self.zero:
            dates = {"format": _FORMAT | self._finer() | _CLOCK, "tickCount": 7}
            return {"type": "temporal", "scale": {"type": "utc", "domain": domain}, "axis": shown | dates}
        return {
            "type": "quantitative",
            "scale": {"domain": domain, "nice": False, "zero": False},
            "axis": shown | {"values": self.ticks()},
        }

    def _finer(self) -> dict[str, str]:
        """Where ticks are days or months the first of a year is one of them: '2014' would read as the whole year."""
        if self.last - self.first < _DAYS_TICK:
            return dict.fromkeys(("year", "quarter", "month"), "%Y-%m-%d")
        return {"year": "%b %Y"} if self.last - self.first < _MONTHS_TICK else {}

    def title(self) -> str | None:
        """What the ticks count; dates need no title."""
        return cut(written(f"{self.unit} after (negative: before) {self.zero}"), WIDTH, SMALL) if self.zero else None

    @property
    def below(self) -> int:
        """The room for ticks and title below the plot, in px."""
        return 48 if self.zero else 30

    def ticks(self) -> list[float]:
        """Whole numbers of the unit, of which one is 0."""
        low, high = self.at(self.first), self.at(self.last)
        steps = _STEPS[self.unit]
        step = next((each for each in steps if (high - low) / each < _MOST_TICKS), 0)
        step = step or steps[-1] * math.ceil((high - low) / steps[-1] / _MOST_TICKS)
        return [float(step * count) for count in range(math.ceil(low / step), math.floor(high / step) + 1)]


def scale_of(axis: Axis) -> Scale:
    """The scale that all pictures of an axis share."""
    first, last = axis.first, axis.last
    if last - first < 1:  # nothing but one day: a picture of a week
        first, last = first - 3, last + 3
    edge = (last - first) * EDGE / (1 - 2 * EDGE)
    span = last - first
    unit = "days" if span < 2 * _MONTH else "months" if span <= 6 * _YEAR else "years"
    return Scale(axis.zero, first - edge, last + edge, unit)
