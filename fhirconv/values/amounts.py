"""Value makers for results and amounts: measure, quantity, number, absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fhirconv.numbers import Measured, read_measured
from fhirconv.values.base import Env, Made, failed
from fhirconv.values.times import UCUM
from fhirconv.values.words import codeable

if TYPE_CHECKING:
    from fhirconv.build import Build

Getter = Callable[[Mapping[str, Any]], Any]


def _unit_parts(unit: Any, build: Build) -> dict[str, Any]:
    """unit, system and code of a Quantity; the unit as printed, the code only from the table."""
    if unit is None:
        return {}
    if isinstance(unit, dict):
        return {"unit": unit["text"]}
    code = build.units.find(unit)
    return {"unit": unit, "system": UCUM, "code": code} if code else {"unit": unit}


def _quantity(value: Any, comparator: str, unit: dict[str, Any]) -> dict[str, Any]:
    return {"value": value, "comparator": comparator, **unit} if comparator else {"value": value, **unit}


def _measured(value: Any, build: Build) -> Measured:
    found = read_measured(value, build.decimal_mark)
    assert isinstance(found, Measured), "checks.py refuses values that cannot be read"
    return found


def measure(rule: Mapping[str, Any], env: Env) -> Made:
    """`measure = FIELD, unit = FIELD, words = FIELD, table = NAME`: a result as Quantity, Range or CodeableConcept.

    The number keeps its digits; words are looked up in the table and go out as text where they are not there.
    """
    names = [rule["measure"], rule.get("unit", "unit"), rule.get("words", "result")]
    get, get_unit, get_words = (env.source(name) for name in names)
    table = env.table(rule["table"])
    if get is None or get_unit is None or get_words is None or table is None:
        return failed()
    quantity_key, range_key, words_key = env.slot("Quantity"), env.slot("Range"), env.slot("CodeableConcept")

    def make(out: dict[str, Any], data: Mapping[str, Any], build: Build) -> None:
        value = get(data)
        if value is not None:
            unit = _unit_parts(get_unit(data), build)
            if not isinstance(value, str):
                out[quantity_key] = {"value": value, **unit}
                return
            found = _measured(value, build)
            if found.value is not None:
                out[quantity_key] = _quantity(found.value, found.comparator, unit)
            else:
                out[range_key] = {"low": {"value": found.low, **unit}, "high": {"value": found.high, **unit}}
            return
        words = get_words(data)
        if words is not None:
            concept = table.find(words)
            if concept is None:
                build.keep_as_text(table.name, names[2], words)
            out[words_key] = codeable(concept, words)

    return Made(make, tuple(names))


def quantity(rule: Mapping[str, Any], env: Env) -> Made:
    """`quantity = FIELD, unit = FIELD`: a number with its unit."""
    get, get_unit = env.source(rule["quantity"]), env.source(rule["unit"], "unit")
    if get is None or get_unit is None:
        return failed()
    put = env.put("Quantity")

    def make(out: dict[str, Any], data: Mapping[str, Any], build: Build) -> None:
        value = get(data)
        if value is not None:
            put(out, {"value": value, **_unit_parts(get_unit(data), build)})

    return Made(make, (rule["quantity"], rule["unit"]))


def reference_range(rule: Mapping[str, Any], env: Env) -> Made:
    """`reference_range = FIELD, unit = FIELD`: Observation.referenceRange, in the unit of the result."""
    get, get_unit = env.source(rule["reference_range"], "referenceRange"), env.source(rule["unit"], "unit")
    if get is None or get_unit is None:
        return failed()
    put = env.put("Observation.referenceRange")

    def make(out: dict[str, Any], data: Mapping[str, Any], build: Build) -> None:
        given = get(data)
        if given is not None:
            unit = _unit_parts(get_unit(data), build)
            made: dict[str, Any] = {end: {"value": given[end], **unit} for end in ("low", "high") if end in given}
            put(out, made | ({"text": given["text"]} if "text" in given else {}))

    return Made(make, (rule["reference_range"], rule["unit"]))


def number(rule: Mapping[str, Any], env: Env) -> Made:
    """`number = FIELD`: a number as it stands."""
    get = env.source(rule["number"])
    field = env.field(rule["number"])
    if get is None:
        return failed()
    put = env.put(*(("integer", "positiveInt", "unsignedInt") if field and field.kind == "integer" else ("decimal",)))

    def make(out: dict[str, Any], data: Mapping[str, Any], build: Build) -> None:
        value = get(data)
        if value is not None:
            put(out, value)

    return Made(make, (rule["number"],))


def absent(rule: Mapping[str, Any], env: Env) -> Made:
    """`absent = FIELD`: why there is no value, as a code of data-absent-reason and in words."""
    get = env.source(rule["absent"], "absent")
    if get is None:
        return failed()
    put = env.put("CodeableConcept")
    system = env.tables.code_systems.get("data-absent-reason", "")

    def make(out: dict[str, Any], data: Mapping[str, Any], build: Build) -> None:
        given = get(data)
        if given is not None:
            made: dict[str, Any] = {"coding": [{"system": system, "code": given["reason"]}]}
            put(out, made | ({"text": given["text"]} if "text" in given else {}))

    return Made(make, (rule["absent"],))
