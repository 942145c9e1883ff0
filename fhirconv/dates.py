"""Dates as case facts write them, and the arithmetic that keeps their precision.

Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime (YYYY, YYYY-MM, YYYY-MM-DD or a time with seconds and zone).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from fhirconv.memory import Memory
from fhirconv.numbers import Unreadable

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T(.+))?)?)?")
_PLAIN = re.compile(  # every one of them exists; the 29th of February is left to the calendar
    r"[1-9][0-9]{3}(?:-(?:(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|1[0-9]|2[0-8]))?"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31))?"
)
_TIME = re.compile(
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9](:(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?)?"
    r"(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
)
_NUMERIC = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{2}|[0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})(?:([./-])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{2})([0-9]{2}))")
_MONTHS = {name.casefold(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name[:3]: number for name, number in list(_MONTHS.items())}


# Whether a text is surely a date as FHIR has it: YYYY, YYYY-MM or YYYY-MM-DD.
PLAIN_DATES = Memory[str, bool](lambda text: _PLAIN.fullmatch(text) is not None, most=16384)


def _is_plain_instant(text: str) -> bool:
    found = _TIME.fullmatch(text, 11)
    return bool(found and found[1] and found[2]) and text[10] == "T" and PLAIN_DATES[text[:10]]


# Whether a text is surely a time of day as FHIR has it: YYYY-MM-DDTHH:MM:SS and a zone.
PLAIN_INSTANTS = Memory[str, bool](_is_plain_instant, most=16384)


def read_date(value: object, conventions: Mapping[str, str]) -> str | Unreadable:
    """A date of the case as FHIR dateTime text with its precision kept; never a guess.

    `conventions` are the case's: date_order decides what 03/04/2019 is, time_zone the zone of times without one.
    """
    text = str(value).strip()
    if PLAIN_DATES[text]:
        return text
    found = _DATE.fullmatch(text)
    if not found:
        return _other_form(text, conventions)
    year, month, day, time = found.groups()
    if not _exists(int(year), int(month) if month else None, int(day) if day else None):
        return Unreadable("is not a day of the calendar; check year, month and day")
    return text if time is None else _with_time(text, time, conventions.get("time_zone", ""))


def _exists(year: int, month: int | None, day: int | None) -> bool:
    if year == 0 or (month is not None and not 1 <= month <= 12):
        return False
    return day is None or month is None or 1 <= day <= calendar.monthrange(year, month)[1]


def _with_time(text: str, time: str, default_zone: str) -> str | Unreadable:
    found = _TIME.fullmatch(time)
    if not found:
        return Unreadable("has a time that is not HH:MM:SS with a zone such as Z or +09:00")
    seconds, zone = found.groups()
    zone = zone or default_zone
    if not zone:
        return Unreadable("has a time without a zone; add it (+09:00), or declare 'conventions: {time_zone: ...}'")
    clock = time[:5] + (seconds or ":00")  # FHIR: seconds must be there and may be zero-filled
    return f"{text[:10]}T{clock}{zone}"


def _other_form(text: str, conventions: Mapping[str, str]) -> str | Unreadable:
    """A date written in another way: read by the declared order, or reported with every reading."""
    numeric = _NUMERIC.fullmatch(text)
    if numeric:
        return _numeric(numeric[1], numeric[2], numeric[3], str(conventions.get("date_order", "")))
    year_first = _YEAR_FIRST.fullmatch(text)
    if year_first:
        year, _, month, day, *together = year_first.groups()
        month, day = (month, day) if month else together
        if _exists(int(year), int(month), int(day)):
            return Unreadable(f"is not a FHIR date; write it as {year}-{int(month):02d}-{int(day):02d}")
    words = re.fullmatch(r"([A-Za-z]{3,9})\.?,?\s+([0-9]{4})", text)
    if words and words[1].casefold() in _MONTHS:
        return Unreadable(f"is not a FHIR date; write it as {words[2]}-{_MONTHS[words[1].casefold()]:02d}")
    return Unreadable(
        'is not a FHIR date (2014, 2014-02 or 2014-02-03); for a time that can only be quoted write {text: "..."}'
    )


def _numeric(first: str, second: str, year: str, order: str) -> str | Unreadable:
    readings = {
        "day-month-year": (int(second), int(first)),
        "month-day-year": (int(first), int(second)),
    }
    if len(year) == 2:
        return Unreadable("has a year of two digits; write it as YYYY-MM-DD", ambiguous=True)
    possible = {name: f"{year}-{m:02d}-{d:02d}" for name, (m, d) in readings.items() if _exists(int(year), m, d)}
    if order in possible:
        return possible[order]
    if order or not possible:
        return Unreadable(f"is not a day of the calendar{f' in the declared order {order}' if order else ''}")
    if len(set(possible.values())) == 1:
        return Unreadable(f"is not a FHIR date; write it as {next(iter(possible.values()))}")
    both = " or ".join(f"{value} ({name})" for name, value in possible.items())
    return Unreadable(f"can be read as {both}; write one of them, or declare 'conventions: {{date_order: ...}}'", True)


def is_after(one: str, other: str) -> bool:
    """Whether one FHIR dateTime is surely after another: points in time by their zones, else at the precision of both."""
    if "T" in one and "T" in other:
        try:
            return datetime.fromisoformat(one) > datetime.fromisoformat(other)
        except (ValueError, TypeError):  # a leap second; a zone that is missing, which is told elsewhere
            pass
    length = min(len(one), len(other), 10)
    return one[:length] > other[:length]


def shift_days(start: str, amount: int | Decimal, sign: int) -> str:
    """The day a whole number of days after (sign 1) or before (-1) the day `start`; empty where there is none.

    Only days from a full date are exact. "Ten months after" and "18 years earlier" are rounded by whoever said so,
    and never become a date.
    """
    if len(start) != 10 or amount != int(amount):
        return ""
    try:
        return (date.fromisoformat(start) + timedelta(days=sign * int(amount))).isoformat()
    except (ValueError, OverflowError):
        return ""
