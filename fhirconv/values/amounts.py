"""Value makers for results and amounts: measure, quantity, number, absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.numbers import Measured, read_measured
from fhirconv.values.base import Env, Made, failed
from fhirconv.values.concepts import codeable
from fhirconv.values.times import UCUM


def _unit_parts(unit: Any, context: Context) -> dict[str, Any]:
    """unit, system and code of a Quantity; the unit as printed, the code only from the table."""
    if unit is None:
        return {}
    if isinstance(unit, dict):
        return {"unit": unit["text"]}
    code = context.units.find(unit)
    return {"unit": unit, "system": UCUM, "code": code} if code else {"unit": unit}


def _quantity(value: Any, comparator: str, unit: dict[str, Any]) -> dict[str, Any]:
    return {"value": value, "comparator": comparator, **unit} if comparator else {"value": value, **unit}


def _measured(value: Any, context: Context) -> Measured:
    found = read_measured(value, context.decimal_mark)
    assert isinstance(found, Measured), "checks.py refuses values that cannot be read"
    return found


def measure(rule: Mapping[str, Any], env: Env) -> Made:
    """`measure = FIELD, unit = FIELD, words = FIELD, table = NAME`: a result as Quantity, Range or CodeableConcept.

    The number keeps its digits; words are looked up in the table and go out as text where they are not there.
    """
    names = name, unit_name, words_name = rule["measure"], rule["unit"], rule["words"]
    table = env.table(rule["table"])
    kinds = (("number", "plainNumber"), ("unit",), ("string",))
    known = [env.source(one, *kind) for one, kind in zip(names, kinds, strict=True)]
    if not all(known) or table is None:
        return failed()
    quantity_key, range_key, words_key = env.slot("Quantity"), env.slot("Range"), env.slot("CodeableConcept")

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        value = data.get(name)
        if value is not None:
            unit = _unit_parts(data.get(unit_name), context)
            if not isinstance(value, str):
                out[quantity_key] = {"value": value, **unit}
                return
            found = _measured(value, context)
            if found.value is not None:
                out[quantity_key] = _quantity(found.value, found.comparator, unit)
            else:
                out[range_key] = {"low": {"value": found.low, **unit}, "high": {"value": found.high, **unit}}
            return
        words = data.get(words_name)
        if words is not None:
            concept = table.find(words)
            if concept is None:
                context.keep_as_text(table.name, words_name, words)
            out[words_key] = codeable(concept, words)

    return Made(make, names)


def quantity(rule: Mapping[str, Any], env: Env) -> Made:
    """`quantity = FIELD, unit = FIELD`: a number with its unit."""
    name, unit_name = rule["quantity"], rule["unit"]
    if not all([env.source(name, "plainNumber"), env.source(unit_name, "unit")]):
        return failed()
    put = env.put("Quantity")

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        value = data.get(name)
        if value is not None:
            put(out, {"value": value, **_unit_parts(data.get(unit_name), context)})

    return Made(make, (name, unit_name))


def reference_range(rule: Mapping[str, Any], env: Env) -> Made:
    """`reference_range = FIELD, unit = FIELD`: Observation.referenceRange, in the unit of the result."""
    name, unit_name = rule["reference_range"], rule["unit"]
    if not all([env.source(name, "referenceRange"), env.source(unit_name, "unit")]):
        return failed()
    put = env.put("Observation.referenceRange")

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        given = data.get(name)
        if given is not None:
            unit = _unit_parts(data.get(unit_name), context)
            made: dict[str, Any] = {end: {"value": given[end], **unit} for end in ("low", "high") if end in given}
            put(out, made | ({"text": given["text"]} if "text" in given else {}))

    return Made(make, (name, unit_name))


def number(rule: Mapping[str, Any], env: Env) -> Made:
    """`number = FIELD`: a number as it stands."""
    name = rule["number"]
    field = env.field(name)
    if not env.source(name, "integer", "plainNumber"):
        return failed()
    put = env.put(*(("integer", "positiveInt", "unsignedInt") if field and field.kind == "integer" else ("decimal",)))

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        value = data.get(name)
        if value is not None:
            put(out, value)

    return Made(make, (name,))


def absent(rule: Mapping[str, Any], env: Env) -> Made:
    """`absent = FIELD`: why there is no value, as a code of data-absent-reason and in words."""
    name = rule["absent"]
    if not env.source(name, "absent"):
        return failed()
    put = env.put("CodeableConcept")
    system = env.tables.code_systems.get("data-absent-reason", "")

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        given = data.get(name)
        if given is not None:
            made: dict[str, Any] = {"coding": [{"system": system, "code": given["reason"]}]}
            put(out, made | ({"text": given["text"]} if "text" in given else {}))

    return Made(make, (name,))
