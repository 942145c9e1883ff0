"""Value makers for results and amounts: measure, quantity, number, absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.numbers import Measured, read_measured
from fhirconv.terminology import Units
from fhirconv.terms import Term
from fhirconv.values.base import Env, Made, calling, failed
from fhirconv.values.concepts import codeable
from fhirconv.values.times import UCUM
from fhirconv.values.writing import Target, Writer


def _quantity(value: Any, unit: Any, context: Context) -> dict[str, Any]:
    """A Quantity in a unit as it stands in the case: printed, told in words ({text}), or None."""
    if unit is None:
        return {"value": value}
    if isinstance(unit, dict):
        return {"value": value, "unit": unit["text"]}
    code = context.units.find(unit)
    return {"value": value, "unit": unit, "system": UCUM, "code": code} if code else {"value": value, "unit": unit}


def _written(code: Writer, name: str, unit_name: str, units: Units) -> str:
    """A Python expression for the Quantity of a number that is stated."""
    value, unit, found = code.field(name), code.field(unit_name), code.variable()
    made = f"{code.name(_quantity)}({value}, {unit}, context)"
    if not code.is_text(unit_name):
        return made
    known = f"{{'value': {value}, 'unit': {unit}, 'system': {UCUM!r}, 'code': {found}}}"
    return f"{known} if ({found} := {code.name(units.by_spelling)}.get({unit})) else {made}"


def _measured(value: Any, context: Context) -> Measured:
    found = read_measured(value, context.decimal_mark)
    assert isinstance(found, Measured), "checks.py refuses values that cannot be read"
    return found


def measure(rule: Mapping[str, Any], env: Env) -> Made:
    """`measure = FIELD, unit = FIELD, words = FIELD, table = NAME`: a result as Quantity, Range or CodeableConcept.

    The number keeps its digits; words are looked up in the table and go out as text where they are not there.
    """
    names = name, unit_name, words_name = rule["measure"], rule["unit"], rule["words"]
    table, units = env.table(rule["table"]), env.tables.units
    kinds = (("number", "plainNumber"), ("unit",), ("term", "string"))
    known = [env.source(one, *kind) for one, kind in zip(names, kinds, strict=True)]
    if not all(known) or table is None:
        return failed()
    quantity_key, range_key, words_key = env.slot("Quantity"), env.slot("Range"), env.slot("CodeableConcept")

    def printed(out: dict[str, Any], value: str, unit: Any, context: Context) -> None:
        found = _measured(value, context)
        if found.value is not None:
            made = _quantity(found.value, unit, context)
            if found.comparator:
                made = {"value": made.pop("value"), "comparator": found.comparator, **made}
            out[quantity_key] = made
        else:
            out[range_key] = {
                "low": _quantity(found.low, unit, context),
                "high": _quantity(found.high, unit, context),
            }

    def in_words(out: dict[str, Any], words: str, context: Context) -> None:
        concept = table.find(words)
        if concept is None and not isinstance(words, Term):
            context.keep_as_text(table.name, words_name, words)
        out[words_key] = codeable(concept, words)

    def write(code: Writer, out: str) -> None:
        value, unit = code.field(name), code.field(unit_name)
        if code.is_text(name):
            code.line(f"{code.name(printed)}({out}, {value}, {unit}, context)")
        elif code.states(name):
            code.put(out, Target(quantity_key, False), _written(code, name, unit_name, units))
        elif code.states(words_name):
            code.line(f"{code.name(in_words)}({out}, {code.field(words_name)}, context)")

    return Made(write, names)


def quantity(rule: Mapping[str, Any], env: Env) -> Made:
    """`quantity = FIELD, unit = FIELD`: a number with its unit."""
    name, unit_name = rule["quantity"], rule["unit"]
    if not all([env.source(name, "plainNumber"), env.source(unit_name, "unit")]):
        return failed()
    put, units = env.put("Quantity"), env.tables.units

    def write(code: Writer, out: str) -> None:
        if code.states(name):
            code.put(out, put, _written(code, name, unit_name, units))

    return Made(write, (name, unit_name))


def reference_range(rule: Mapping[str, Any], env: Env) -> Made:
    """`reference_range = FIELD, unit = FIELD`: Observation.referenceRange, in the unit of the result."""
    name, unit_name = rule["reference_range"], rule["unit"]
    if not all([env.source(name, "referenceRange"), env.source(unit_name, "unit")]):
        return failed()
    put = env.put("Observation.referenceRange")

    def write(code: Writer, out: str) -> None:
        if code.states(name):
            code.put(out, put, f"{code.name(_reference_range)}({code.field(name)}, {code.field(unit_name)}, context)")

    return Made(write, (name, unit_name))


def _reference_range(given: Mapping[str, Any], unit: Any, context: Context) -> dict[str, Any]:
    made: dict[str, Any] = {end: _quantity(given[end], unit, context) for end in ("low", "high") if end in given}
    return made | ({"text": given["text"]} if "text" in given else {})


def number(rule: Mapping[str, Any], env: Env) -> Made:
    """`number = FIELD`: a number as it stands."""
    name = rule["number"]
    field = env.field(name)
    if not env.source(name, "integer", "plainNumber"):
        return failed()
    put = env.put(*(("integer", "positiveInt", "unsignedInt") if field and field.kind == "integer" else ("decimal",)))

    return Made(lambda code, out: code.put(out, put, code.field(name)), (name,))


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

    return Made(calling(make), (name,))
