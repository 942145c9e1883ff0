"""TimeElement, Age and timestamps as times of case facts.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/time-element.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from fhirconv.issues import shown
from fhirconv.numbers import read_number
from fhirconv.readers.phenopackets.maker import Maker, Read
from fhirconv.readers.phenopackets.terms import said
from fhirconv.readers.phenopackets.tree import Node

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"P(?=[\dT])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_UNITS = ("years", "months", "weeks", "days", "hours", "minutes")
_SHORTEST_MONTH = 28
_MIDNIGHT = re.compile(r"(?:T00:00:00(?:\.0+)?(?:Z|\+00:00))$")

Amount = int | Decimal


def when(maker: Maker, node: Node | None) -> Read | None:
    """A time; None if there is none, or if it cannot be read, which is noted."""
    found = _moment(maker, node) if node else None
    return Read(found, node.pointer) if node and found else None


def _moment(maker: Maker, node: Node) -> Any:
    if moment := node.value("timestamp"):
        return dated(moment)
    if span := node.one("interval"):
        return interval(span)
    if age := node.one("age"):
        return _with_age(extent(maker, age), age.text("iso8601duration"))
    if ages := node.one("ageRange"):
        words = " to ".join(end.text("iso8601duration") for end in (ages.one("start"), ages.one("end")) if end)
        return _with_age(range_extent(maker, ages), words)
    if gestation := node.one("gestationalAge"):
        weeks, days = gestation.value("weeks"), gestation.value("days")
        return {"text": f"gestational age {weeks or 0} weeks" + (f" {days} days" if days is not None else "")}
    words = said(node.one("ontologyClass"))
    return {"text": words} if words else None


def when_words(maker: Maker, node: Node | None, about: str) -> str:
    """A time as a remark; '' if there is none."""
    read = when(maker, node)
    return f"{about}: {_words(read.value)}" if read else ""


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return " to ".join(_words(value[end]) for end in ("from", "to") if end in value) or str(value["text"])


def _with_age(age: dict[str, Any], words: str) -> dict[str, Any]:
    return {"age": age, "text": words} if age else {"text": words} if words else {}


def dated(timestamp: str) -> Any:
    """A timestamp. Midnight of UTC stands for a day whose time is not known; the words are kept."""
    day = _MIDNIGHT.sub("", timestamp)
    return timestamp if day == timestamp else {"date": day, "text": timestamp}


def interval(node: Node) -> dict[str, Any]:
    """An interval of timestamps."""
    found = {"from": node.value("start"), "to": node.value("end")}
    return {end: dated(moment) for end, moment in found.items() if moment}


def extent(maker: Maker, age: Node) -> dict[str, Any]:
    """An age (ISO 8601 duration) in one unit. {} if it is none, which is noted.

    Years and months are months, weeks and days are days; a month has no fixed number of days, so that months and days
    together give the months between which the age lies.
    """
    found = _amounts(maker, age)
    if not found:
        return {}
    months, days, minutes = _months(found), _days(found), _minutes(found)
    if "months" in found or "years" in found:
        if days or minutes:
            more = -(-days // _SHORTEST_MONTH) if days else 1
            return {"low": months, "high": months + max(more, 1), "unit": "months"}
        return {"value": found["years"]} if set(found) == {"years"} else {"value": months, "unit": "months"}
    if len(found) == 1:
        [(only, value)] = found.items()
        return {"value": value, "unit": only}
    return {"value": days * 1440 + minutes, "unit": "minutes"} if minutes else {"value": days, "unit": "days"}


def _months(found: dict[str, Amount]) -> Amount:
    return found.get("years", 0) * 12 + found.get("months", 0)


def _days(found: dict[str, Amount]) -> Amount:
    return found.get("weeks", 0) * 7 + found.get("days", 0)


def _minutes(found: dict[str, Amount]) -> Amount:
    return found.get("hours", 0) * 60 + found.get("minutes", 0)


def range_extent(maker: Maker, ages: Node) -> dict[str, Any]:
    """A range of ages, in months where one end is in years; {} where the ends have no unit in common."""
    ends = {"low": ages.one("start"), "high": ages.one("end")}
    found = {end: made for end, age in ends.items() if age and (made := extent(maker, age))}
    units = {made.get("unit", "years") for made in found.values()}
    if len(units) > 1 and units != {"years", "months"}:
        return {}
    unit = "months" if "months" in units else units.pop() if units else "years"
    values: dict[str, Any] = {end: made.get("value", made.get(end)) for end, made in found.items()}
    if unit == "months":
        values = {end: value if "unit" in found[end] else value * 12 for end, value in values.items()}
    return values | ({"unit": unit} if values and unit != "years" else {})


def _amounts(maker: Maker, age: Node) -> dict[str, Amount]:
    """What a duration states, by unit; seconds are left to the words. {} if it is none, which is noted."""
    words = age.text("iso8601duration")
    match = _DURATION.fullmatch(words)
    if match is None:
        message = f"{shown(words)} is no age; expected a duration (ISO 8601) such as P40Y10M5D"
        maker.document.add("wrong-form", message, age.place("iso8601duration"))
        return {}
    stated = {name: read_number(text) for name, text in zip(_UNITS, match.groups(), strict=False) if text is not None}
    return {name: value for name, value in stated.items() if value} or dict(list(stated.items())[-1:])
