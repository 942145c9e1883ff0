"""The value rule for dates and times as they are printed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from fhirconv.dates import PLAIN_DATES, read_date
from fhirconv.numbers import Unreadable
from fhirconv.readers.amounts import cell_rule, wrong_form, wrong_target
from fhirconv.readers.rule import Env, Remarks, Rule
from fhirconv.readers.targets import Target

ORDERS = ("day-month-year", "month-day-year", "year-month-day")

_YEAR_FIRST = re.compile(r"([0-9]{4})([./-])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{4})([0-9]{2})([0-9]{2})")
_TIMED = re.compile(
    r"([0-9][^ T]*)([ T]) *([0-9]{1,2})(:[0-9]{2})(:[0-9]{2}(?:\.[0-9]{1,9})?)? ?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def find_zone(name: str) -> tzinfo | None:
    """The time zone of a name such as 'Europe/Berlin', with its summers; None if there is none."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def compile_date(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """A date as printed, for the conventions of the case to read; with an order of its own as YYYY-MM-DD.

    A time of day may stand after it. With a named zone in the conventions it gets the offset of its day.
    """
    if not target.takes_date:
        wrong_target(env, at, "a date", target)
        return None
    order = raw.get("order", "")
    if order and not env.one_of(f"{at}.order", order, ORDERS):
        return None

    def make(cell: str, column: int, remarks: Remarks) -> Any:
        if PLAIN_DATES[cell]:
            return cell
        timed = _TIMED.fullmatch(cell)
        if timed and (timed[2] == " " or order or env.zone):
            found = _with_time(timed, order or env.date_order, env.zone)
        else:
            found = _dated(cell, order) if order else cell
        if isinstance(found, Unreadable):
            remarks.append(wrong_form(cell, column, found.reason))
            return None
        return found

    return cell_rule("date", raw, env, at, make)


def _dated(cell: str, order: str) -> str | Unreadable:
    if order == "year-month-day" and (found := _YEAR_FIRST.fullmatch(cell)):
        year, month, day = (part for part in found.groups() if part and part.isdecimal())
        return read_date(f"{year}-{int(month):02d}-{int(day):02d}", {})
    return read_date(cell, {"date_order": order})


def _with_time(timed: re.Match[str], order: str, zone: tzinfo | None) -> str | Unreadable:
    """As FHIR has it; without a zone where none is known, which the checks of facts tell."""
    date, _, hour, minute, second, offset = timed.groups()
    day = _dated(date, order)
    if isinstance(day, Unreadable):
        return day
    stated = f"{day}T{hour.zfill(2)}{minute}{second or ':00'}"
    if offset or zone is None:
        return stated + (re.sub(r"([0-9]{2})([0-9]{2})", r"\1:\2", offset) if offset else "")
    try:
        moment = datetime.fromisoformat(stated[:19]).replace(tzinfo=zone)
    except ValueError:
        return Unreadable("is not a time of day; expected HH:MM or HH:MM:SS after a day")
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        return Unreadable(f"is in an hour that {zone} has twice or not at all; write the offset after it, as +01:00")
    return stated + moment.isoformat()[19:]
