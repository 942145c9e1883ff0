"""Dates, times and date-times of any precision, compared as FHIRPath says: undecided where precision does not suffice.

Spec: http://hl7.org/fhirpath/N1/#datetime, #datetime-equality, #comparison, #datetime-arithmetic
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

_DATE = r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?"
_TIME = r"(\d{2})(?::(\d{2})(?::(\d{2}(?:\.\d+)?))?)?"
_ZONE = r"(Z|[+-]\d{2}:\d{2})"
_FULL = re.compile(rf"{_DATE}(?:(T)(?:{_TIME}{_ZONE}?)?)?")
_CLOCK = re.compile(rf"T?{_TIME}")
_MONTHS = {"year": 12, "month": 1}
_SECONDS: dict[str, int | Decimal] = {
    "week": 604800,
    "day": 86400,
    "hour": 3600,
    "minute": 60,
    "second": 1,
    "millisecond": Decimal("0.001"),
}
_PLACES = ("year", "month", "day", "hour", "minute", "second")


class Temporal(NamedTuple):
    """`kind`: 'Date', 'DateTime' or 'Time'; `parts`: year to second, or hour to second, as far as known; `zone`: minutes
    east of UTC, None for unknown; `text`: as written. Seconds and their fraction are one part, as FHIRPath has it.
    """

    kind: str
    parts: tuple[int | Decimal, ...]
    zone: int | None
    text: str


def _numbers(groups: tuple[str | None, ...]) -> tuple[int | Decimal, ...]:
    return tuple(Decimal(one) if "." in one else int(one) for one in groups if one)


def _zone(text: str | None) -> int | None:
    if not text or text == "Z":
        return 0 if text else None
    hours, minutes = text[1:].split(":")
    return (int(hours) * 60 + int(minutes)) * (-1 if text[0] == "-" else 1)


def _is_date(parts: tuple[int | Decimal, ...]) -> bool:
    year, month, day = (*map(int, parts[:3]), 1, 1)[:3]
    try:
        datetime(year, month, day)
    except ValueError:
        return False
    return True


def _is_clock(parts: tuple[int | Decimal, ...]) -> bool:
    return all(part < limit for part, limit in zip(parts, (24, 60, 60), strict=False))


def read_temporal(text: str) -> Temporal | None:
    """A date ('2014-02') or date-time ('2014-02-03T10:00:00Z', '2014T'); None if `text` is none."""
    found = _FULL.fullmatch(text)
    if not found:
        return None
    *groups, zone = found.groups()
    date, mark, clock = _numbers(tuple(groups[:3])), groups[3], _numbers(tuple(groups[4:]))
    if not _is_date(date) or not _is_clock(clock) or (clock and len(date) < 3):
        return None
    return Temporal("DateTime" if mark else "Date", date + clock, _zone(zone), text)


def read_time(text: str) -> Temporal | None:
    """A time of day ('10:00', 'T10:00:00.5'); None if `text` is none."""
    found = _CLOCK.fullmatch(text)
    parts = _numbers(found.groups()) if found else ()
    return Temporal("Time", parts, None, text.removeprefix("T")) if found and _is_clock(parts) else None


def from_datetime(moment: datetime, kind: str) -> Temporal:
    """A moment of the clock as Date, DateTime or Time."""
    text = moment.isoformat(timespec="milliseconds")
    if kind == "DateTime":
        return read_temporal(text.replace("+00:00", "Z")) or Temporal(kind, (), None, text)
    if kind == "Date":
        return read_temporal(text[:10]) or Temporal(kind, (), None, text)
    return read_time(text[11:23]) or Temporal(kind, (), None, text)


def in_utc(moment: Temporal) -> tuple[int | Decimal, ...]:
    """The parts in UTC, if the zone is known and there is a time of day."""
    if not moment.zone or len(moment.parts) < 4:
        return moment.parts
    second = moment.parts[5] if len(moment.parts) > 5 else 0
    year, month, day, hour, minute = (*map(int, moment.parts[:5]), 0)[:5]
    try:
        shifted = datetime(year, month, day, hour, minute, tzinfo=timezone(timedelta(minutes=moment.zone)))
        shifted = shifted.astimezone(timezone.utc)  # noqa: UP017
    except (OverflowError, ValueError):  # the first and last day of the calendar; a zone of 24 hours and more
        return moment.parts
    return (shifted.year, shifted.month, shifted.day, shifted.hour, shifted.minute, second)[: len(moment.parts)]


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None where it cannot be decided: unlike kinds, precision or knowledge of the zone."""
    if (left.kind == "Time") != (right.kind == "Time"):
        return None
    one, other = in_utc(left), in_utc(right)
    if min(len(one), len(other)) > 3 and (left.zone is None) != (right.zone is None):
        apart = abs(datetime(*map(int, one[:3])) - datetime(*map(int, other[:3])))  # type: ignore[arg-type]
        if apart <= timedelta(days=1):
            return None
    for a, b in zip(one, other, strict=False):
        if a != b:
            return -1 if a < b else 1
    return 0 if len(one) == len(other) else None


def _text(kind: str, parts: tuple[int | Decimal, ...], zone: int | None) -> str:
    numbers = [f"{part:02}" if isinstance(part, int) else f"{part:06.3f}" for part in parts]
    if kind == "Time":
        return ":".join(numbers)
    numbers[0] = f"{int(parts[0]):04}"
    text = "-".join(numbers[:3]) + ("T" if kind == "DateTime" else "") + ":".join(numbers[3:])
    if zone is None:
        return text
    return text + ("Z" if not zone else f"{'-' if zone < 0 else '+'}{abs(zone) // 60:02}:{abs(zone) % 60:02}")


def add(moment: Temporal, amount: Decimal, unit: str) -> Temporal | None:
    """`moment` plus `amount` calendar units ('year' … 'millisecond'); None where the calendar ends or the unit is none.

    A date of less precision than the unit counts whole units of its own precision, as FHIRPath asks.
    """
    if unit in _MONTHS and moment.kind != "Time":
        return _add_months(moment, int(amount) * _MONTHS[unit])
    if unit not in _SECONDS:
        return None
    return _add_seconds(moment, amount * _SECONDS[unit])


def _rebuilt(moment: Temporal, parts: tuple[int | Decimal, ...]) -> Temporal:
    return Temporal(moment.kind, parts, moment.zone, _text(moment.kind, parts, moment.zone))


def _add_months(moment: Temporal, months: int) -> Temporal | None:
    year, month = int(moment.parts[0]), int(moment.parts[1]) if len(moment.parts) > 1 else 1
    if len(moment.parts) == 1:
        months = int(months / 12) * 12
    total = year * 12 + month - 1 + months
    year, month = total // 12, total % 12 + 1
    if not 1 <= year <= 9999:
        return None
    parts: tuple[int | Decimal, ...] = (year, month, *moment.parts[2:])[: len(moment.parts)]
    while len(parts) > 2 and not _is_date(parts):  # 31 January and a month is the last day of February
        parts = (*parts[:2], parts[2] - 1, *parts[3:])
    return _rebuilt(moment, parts)


def _add_seconds(moment: Temporal, seconds: Decimal) -> Temporal | None:
    is_time = moment.kind == "Time"
    if not is_time and len(moment.parts) < 3:
        days = int(seconds / 86400)
        return _add_months(moment, int(days / 30) if len(moment.parts) == 2 else int(days / 365) * 12)
    parts = (2000, 1, 1, *moment.parts) if is_time else moment.parts
    if len(parts) == 3:
        seconds = Decimal(int(seconds / 86400) * 86400)
    padded = (*parts, 0, 0, 0)[:6]
    fraction = padded[5] % 1
    try:
        start = datetime(*map(int, padded))  # type: ignore[arg-type]
        whole = (seconds + fraction) // 1
        end = start + timedelta(seconds=int(whole))
    except (OverflowError, ValueError):
        return None
    second: int | Decimal = end.second
    if (seconds + fraction) % 1 or isinstance(padded[5], Decimal):
        second = end.second + (seconds + fraction) % 1
    found = (end.year, end.month, end.day, end.hour, end.minute, second)[: len(parts)]
    return _rebuilt(moment, found[3:] if is_time else found)
