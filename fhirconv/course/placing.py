"""Where a time of the case lies: what it hangs on (the calendar, an event, birth), and how far from it, in days.

Events are the nodes of a tree of times: each hangs on the calendar, on birth, on another event or on nothing. What is
reached from the calendar stands on it. What is left falls into groups, each with a zero of its own: the event that most
times hang on, of several birth or the first in the file.
"""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from fhirconv.timeline import Moment, Timeline

CALENDAR, BIRTH = "", "@birth"  # no event has such an id
UNIT_DAYS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}

_EPOCH = date(1970, 1, 1).toordinal()
_LONGEST = 10_000 * UNIT_DAYS["years"]  # FHIR has years of four digits
_CALENDAR = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH + 1
_ZONE = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})$")


class Link(NamedTuple):
    """A time that lies from `low` to `high` days after what it hangs on (None: open)."""

    base: str
    low: float | None
    high: float | None
    is_reckoned: bool = False

    def backwards(self, child: str) -> Link:
        """The time of what it hangs on, as hanging on `child`."""
        return Link(child, _negative(self.high), _negative(self.low), True)


class Place(NamedTuple):
    """A stretch of the axis whose zero is `axis` (CALENDAR, BIRTH or an event)."""

    axis: str
    low: float | None
    high: float | None
    is_reckoned: bool = False


class Clock:
    """Dates as days since 1970-01-01, by the clock of the case.

    A day of the case has no zone, a time of day has one: all are read by one zone, the declared one or that of the first
    time of day. So a night's result lies within its day, and times of day of several zones are in their true order.
    """

    def __init__(self, zone: str = "") -> None:
        self._zone = zone

    def days(self, text: str) -> tuple[float, float] | None:
        """The stretch of a FHIR date or dateTime; None for a text that is none."""
        try:
            return self._instant(text) if "T" in text else _days_of(*map(int, text.split("-")))
        except (ValueError, TypeError):
            return None

    def _instant(self, text: str) -> tuple[float, float]:
        zone = _ZONE.search(text)
        self._zone = self._zone or (zone[0] if zone else "")
        is_leap = text[17:19] == "60"
        moment = datetime.fromisoformat(f"{text[:17]}59{text[19:]}" if is_leap else text)
        passed = moment - datetime.fromisoformat(f"1970-01-01T00:00:00{self._zone}")
        days = (passed.total_seconds() + is_leap) / 86_400
        return days, days


def _days_of(year: int, month: int = 0, day: int = 0) -> tuple[float, float]:
    last_month = month or 12
    last = date(year, last_month, day or monthrange(year, last_month)[1])
    return date(year, month or 1, day or 1).toordinal() - _EPOCH, last.toordinal() - _EPOCH + 1


class Links:
    """Reads what the times of a case hang on."""

    def __init__(self, timeline: Timeline, clock: Clock) -> None:
        self._timeline = timeline
        self._clock = clock

    def of(self, when: Any) -> Link | None:
        """What a time hangs on; None where it cannot be placed: nothing is stated, or words alone."""
        return None if when is None else self._of(self._timeline.moment(when))

    def _of(self, moment: Moment) -> Link | None:
        if moment.is_span:
            return _hull(*(self._of(end) if end else None for end in (moment.start, moment.end)))
        if moment.date and (not moment.relation or moment.offset):
            days = self._clock.days(moment.date)
            return Link(CALENDAR, *days, bool(moment.relation)) if days else None
        if moment.relation == "at":
            return Link(moment.event, 0.0, 0.0)
        if moment.relation:
            return _link(moment.event, *_extent(moment.offset), moment.relation == "before")
        return _link(BIRTH, *_age(moment.age)) if moment.age else None


def _hull(start: Link | None, end: Link | None) -> Link | None:
    """All of a period, as far as both of its ends hang on one thing."""
    if start and end and start.base == end.base:
        return Link(start.base, start.low, end.high, start.is_reckoned or end.is_reckoned)
    if start:
        return start._replace(high=None)
    return end._replace(low=None) if end else None


def _link(base: str, low: float, high: float | None, is_before: bool = False) -> Link | None:
    if low > _LONGEST or (high or 0) > _LONGEST:
        return None
    made = Link(base, low, high, True)
    return made._replace(low=_negative(high), high=_negative(low)) if is_before else made


def _extent(offset: Mapping[str, Any] | None) -> tuple[float, float | None]:
    """A length of time in days. A number was rounded by whoever said it: 10 months are 9.5 to 10.5."""
    if offset is None:
        return 0.0, None
    unit, half = UNIT_DAYS[offset["unit"]], _half(offset.get("value"))
    low, high = _ends(offset, (-half, half))
    return max(low, 0.0) * unit, None if high is None else high * unit


def _age(age: Mapping[str, Any]) -> tuple[float, float | None]:
    """An age in days after birth. It counts what is completed: at 51 one is 51 until the day before the 52nd birthday."""
    unit = UNIT_DAYS[age.get("unit", "years")]
    if "decade" in age:
        return age["decade"] * unit, (age["decade"] + 10) * unit
    value = age.get("value")
    half = _half(value)
    low, high = _ends(age, (0.0, 1.0) if half == 0.5 else (-half, half))
    if high is not None and ("value" not in age or age.get("comparator") == "<="):
        high += 1
    return max(low, 0.0) * unit, None if high is None else high * unit


def _ends(extent: Mapping[str, Any], rounding: tuple[float, float]) -> tuple[float, float | None]:
    """The ends of a length of time, in its unit."""
    if "value" not in extent:
        high = extent.get("high")
        return float(extent.get("low", 0)), None if high is None else float(high)
    value, comparator = float(extent["value"]), extent.get("comparator", "")
    if comparator:
        return (value, None) if comparator.startswith(">") else (0.0, value)
    return value + rounding[0], value + rounding[1]


def _half(value: Any) -> float:
    """Half of what the last digit of a number counts."""
    if value is None:
        return 0.0
    exponent = Decimal(str(value)).as_tuple().exponent
    return 0.5 * 10.0 ** min(exponent if isinstance(exponent, int) else 0, 0)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _coarse(events: Mapping[str, Link | None], links: list[Link]) -> str:
    """The one event with a date, if all that is placed hangs on it and its date is coarser than what is counted from it.

    '1,249 days after the diagnosis of 2007' says more of the distance than of the day: such an axis counts from the event.
    """
    known = {name: link for name, link in events.items() if link}
    counted = [link for link in (*links, *known.values()) if link.base != CALENDAR]
    if not any(link.base == BIRTH for link in counted):
        known.pop(BIRTH, None)
    dated = [name for name, link in known.items() if link.base == CALENDAR]
    if len(dated) != 1 or any(link.base == CALENDAR for link in links):
        return ""
    widths = [_width(link) for link in counted if link.base == dated[0]]
    return dated[0] if any(0 < width < _width(known[dated[0]]) for width in widths) else ""


def _width(link: Link) -> float:
    return math.inf if link.low is None or link.high is None else link.high - link.low


class Places:
    """The axes of a case: which events stand on which, and where."""

    def __init__(self, events: Mapping[str, Link | None], links: Iterable[Link]) -> None:
        """`events` are all nodes, birth and then those of the file, with what they hang on; `links` other facts' times."""
        links = list(links)
        if coarse := _coarse(events, links):
            events = {**events, coarse: None}
        self._at: dict[str, Place] = {}
        self._next: dict[str, list[tuple[str, Link]]] = {name: [] for name in (CALENDAR, *events)}
        self._scaled: set[str] = set()
        all_links = [*links, *(link for link in events.values() if link)]
        self._hanging = Counter(link.base for link in all_links)
        for name, link in events.items():
            if link and link.base in self._next:
                self._next[link.base].append((name, link))
                self._next[name].append((link.base, link.backwards(name)))
        self._spread(CALENDAR)
        order = {name: position for position, name in enumerate(events)}
        for name in events:
            if name not in self._at:
                self._spread(max(sorted(self._group(name), key=order.__getitem__), key=self._hanging.__getitem__))
        for link in all_links:
            if link.base in self._at and (link.low or link.high):
                self._scaled.add(self._at[link.base].axis)

    def _group(self, name: str) -> set[str]:
        """The events that hang together with one that does not hang on the calendar."""
        group, open_ = {name}, [name]
        while open_:
            for other, _ in self._next[open_.pop()]:
                if other not in group:
                    group.add(other)
                    open_.append(other)
        return group

    def _spread(self, zero: str) -> None:
        self._at[zero] = Place(zero, 0.0, 0.0)
        open_ = [zero]
        while open_:
            here = open_.pop()
            for name, link in self._next[here]:
                if name not in self._at:
                    self._at[name] = self._from(self._at[here], link)
                    open_.append(name)

    def _from(self, base: Place, link: Link) -> Place:
        low = None if base.low is None or link.low is None else base.low + link.low
        high = None if base.high is None or link.high is None else base.high + link.high
        return Place(base.axis, low, high, base.is_reckoned or link.is_reckoned)

    def axes(self) -> Iterator[str]:
        """The zeros of the axes that have a scale: something on them is placed by a number. The calendar is first."""
        return (zero for zero in self._at if zero in self._scaled)

    def told_from(self, name: str) -> int:
        """How many times hang on an event."""
        return self._hanging[name]

    def event(self, name: str) -> Place | None:
        """Where an event stands."""
        return self._drawn(self._at.get(name))

    def of(self, link: Link | None) -> Place | None:
        """Where a time lies; None where it cannot be drawn: no end of it is known, or its axis has no scale."""
        base = self._at.get(link.base) if link else None
        return self._drawn(self._from(base, link)) if base and link else None

    def _drawn(self, place: Place | None) -> Place | None:
        if place is None or place.axis not in self._scaled:
            return None
        low, high = place.low, place.high
        first, last = _CALENDAR if place.axis == CALENDAR else (-_LONGEST, _LONGEST)
        if any(end is not None and not first <= end <= last for end in (low, high)):
            return None  # offsets were added up beyond any calendar
        if low is None or high is None:
            return None if low is high else place
        return place if low <= high else None  # a period whose end is before its start
