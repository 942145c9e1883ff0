"""The inverses of the value makers for results and amounts: measure, quantity, number, age, reference_range, absent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from fhirconv.back.reading import Reading, Spot, Take, Undo, taking, without
from fhirconv.terminology import Units
from fhirconv.values.times import TIME_UNITS, UCUM

_UNITS_OF_TIME = {code: unit for unit, code in TIME_UNITS.items()}
_COMPARATORS = ("<", "<=", ">=", ">")


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


class Amount(NamedTuple):
    """A Quantity: value with its comparator as it is printed, unit as a case states it, and the keys that were read."""

    value: Any
    unit: Any
    keys: tuple[str, ...] = ("value", "comparator", "unit", "system", "code")


def _unit(quantity: Mapping[str, Any], units: Units) -> Any:
    """The unit as printed; in words ({text}) where the table does not have it as this code; None for none."""
    words, code = quantity.get("unit"), quantity.get("code")
    if quantity.get("system") == UCUM:
        for printed in (words, code):
            if isinstance(printed, str) and code is not None and units.find(printed) == code:
                return printed
    said = words if words is not None else code
    return None if said is None else {"text": str(said)}


def _amount(value: Any, units: Units) -> Amount | None:
    """What a Quantity says; None if it is none."""
    if not isinstance(value, dict) or not is_number(value.get("value")):
        return None
    comparator, unit = value.get("comparator", ""), _unit(value, units)
    if comparator and comparator not in _COMPARATORS:
        return None
    said = f"{comparator}{value['value']}" if comparator else value["value"]
    if not isinstance(unit, dict):
        return Amount(said, unit)
    return Amount(said, unit, ("value", "comparator", "unit") if "unit" in value else ("value", "comparator", "code"))


def _put_amount(reading: Reading, name: str, value: Any, unit_name: str, unit: Any) -> bool:
    if name in reading.fields and not (reading.fields[name] == value and reading.fields.get(unit_name) == unit):
        return False
    return reading.put(name, value) and (unit is None or reading.put(unit_name, unit))


def measure(rule: Mapping[str, Any], spot: Spot, words: Take) -> Undo:
    """A result: number, range or, by the inverse of 'concept', words."""
    name, unit_name = rule["measure"], rule["unit"]
    units = spot.tables.units
    quantity_key, range_key = spot.key("Quantity"), spot.key("Range")

    def quantity_one(value: Any, reading: Reading) -> Any:
        found = _amount(value, units)
        if found is None or not _put_amount(reading, name, found.value, unit_name, found.unit):
            return value
        return without(value, *found.keys)

    def range_one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict):
            return value
        low, high = _amount(value.get("low"), units), _amount(value.get("high"), units)
        if low is None or high is None or low.unit != high.unit or not (_is_plain(low) and _is_plain(high)):
            return value
        if not _put_amount(reading, name, f"{low.value}-{high.value}", unit_name, low.unit):
            return value
        rest = {end: left for end, one in (("low", low), ("high", high)) if (left := without(value[end], *one.keys))}
        return {**(without(value, "low", "high") or {}), **rest} or None

    takes = (taking(quantity_key, quantity_one).take, taking(range_key, range_one).take, words)

    def take(out: dict[str, Any], reading: Reading) -> None:
        for one in takes:
            one(out, reading)

    return Undo(take)


def _is_plain(amount: Amount) -> bool:
    """Whether it is a number without comparator or sign, as the ends of a printed range are."""
    return is_number(amount.value) and amount.value >= 0


def quantity(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """A plain number with its unit."""
    name, unit_name = rule["quantity"], rule["unit"]

    def one(value: Any, reading: Reading) -> Any:
        found = _amount(value, spot.tables.units)
        if found is None or not _is_plain(found) or not _put_amount(reading, name, found.value, unit_name, found.unit):
            return value
        return without(value, *found.keys)

    return taking(spot.key("Quantity"), one)


def number(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """A number as it stands."""
    key = spot.key("integer", "positiveInt", "unsignedInt", "decimal")
    return taking(
        key, lambda value, reading: None if is_number(value) and reading.put(rule["number"], value) else value
    )


def reference_range(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """The normal range, in the unit of the result."""
    name, unit_name, units = rule["reference_range"], rule["unit"], spot.tables.units

    def one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict) or name in reading.fields:
            return value
        unit, made = reading.fields.get(unit_name), {}
        for end in ("low", "high"):
            found = _amount(value.get(end), units)
            if found is not None and found.unit == unit and is_number(found.value):
                made[end] = found.value
        if isinstance(value.get("text"), str):
            made["text"] = value["text"]
        if made:
            reading.put(name, made)
        return without(value, *made)

    return taking(spot.element.name, one, late=True)


def absent(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """Why there is no value."""
    name, system = rule["absent"], spot.tables.code_systems.get("data-absent-reason", "")

    def one(value: Any, reading: Reading) -> Any:
        codings: Any = value.get("coding") if isinstance(value, dict) else None
        if not isinstance(codings, list) or len(codings) != 1 or not _is_code_of(codings[0], system):
            return value
        made = {"reason": codings[0]["code"]}
        made |= {"text": value["text"]} if isinstance(value.get("text"), str) else {}
        if not reading.put(name, made):
            return value
        rest, coding = without(value, "coding", *made) or {}, without(codings[0], "system", "code", "display")
        return ({**rest, "coding": [coding]} if coding else rest) or None

    return taking(spot.element.name, one)


def _is_code_of(coding: Any, system: str) -> bool:
    return isinstance(coding, dict) and coding.get("system") == system and isinstance(coding.get("code"), str)


def extent_of(value: Any, is_age: bool) -> dict[str, Any] | None:
    """The duration or age of a Duration, Age, Quantity or Range; None if it is none. In years an age has no unit."""
    if not isinstance(value, dict):
        return None
    ends = {"value": value} if "value" in value else {end: value[end] for end in ("low", "high") if end in value}
    units = {_UNITS_OF_TIME.get(str(end.get("code"))) if end.get("system") == UCUM else None for end in ends.values()}
    unit = next(iter(units)) if len(units) == 1 else None
    if unit is None or not all(is_number(end.get("value")) for end in ends.values()):
        return None
    made = {key: end["value"] for key, end in ends.items()}
    if "comparator" in value:
        made["comparator"] = value["comparator"]
    if made.get("low") == made.get("high") == 0:  # an Age is positive: 0 years go out as a Range
        made = {"value": made["low"]}
    if not is_age:
        return made | {"unit": unit}
    low, high = made.get("low"), made.get("high")
    if unit == "years" and isinstance(low, int) and low % 10 == 0 and high == low + 9:
        return {"decade": low}
    return made if unit == "years" else made | {"unit": unit}


_EXTENT = ("value", "comparator", "unit", "system", "code", "low", "high")


def age(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """An age."""

    def one(value: Any, reading: Reading) -> Any:
        made = extent_of(value, is_age=True)
        return without(value, *_EXTENT) if made is not None and reading.put(rule["age"], made) else value

    exact = taking(spot.key("Age", "Quantity"), one).take
    span = taking(spot.key("Range"), one).take

    def take(out: dict[str, Any], reading: Reading) -> None:
        exact(out, reading)
        span(out, reading)

    return Undo(take)
