"""The second half of the fast way: what a JSON Schema cannot say of a resource that it has accepted.

Codes and units (each judged once and remembered), periods and ranges, whole numbers, references.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhirconv.numbers import number_excess
from fhirconv.r4 import elements_of, kind_of
from fhirconv.validation.codes import coding_findings, quantity_findings
from fhirconv.validation.registries import identifier_findings
from fhirconv.validation.structure import Slot, plan_of

_REMEMBERED = 50_000  # entries of a memory before it is emptied

Types = Mapping[str, str]  # fullUrl -> resource type, within one Bundle
Look = Callable[[Any, Types], None]


class NotPlainError(Exception):
    """The exact check has to decide."""


class _Memory(dict[Any, bool]):
    """Verdicts by key; emptied when it is full, so that no input can fill the memory."""

    def keep(self, key: Any, verdict: bool) -> bool:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[key] = verdict
        return verdict


_codings, _units, _systems = _Memory(), _Memory(), _Memory()


def _coding(value: Any, types: Types) -> None:
    key = (value.get("system"), value.get("code"), value.get("display"))
    good = _codings.get(key)
    if good is None:
        good = _codings.keep(key, not any(coding_findings(value)))
    if not good or len(value) > 3:
        raise NotPlainError


def _concept(value: Any, types: Types) -> None:
    if "coding" in value:
        for one in value["coding"]:
            _coding(one, types)


def _quantity(value: Any, types: Types) -> None:
    key = (value.get("unit"), value.get("system"), value.get("code"))
    good = _units.get(key)
    if good is None:
        good = _units.keep(key, not any(quantity_findings(value)))
    number = value.get("value")
    if not good or (type(number) is not int and type(number) is Decimal and number_excess(number)):
        raise NotPlainError


def _identifier(value: Any, types: Types) -> None:
    system = value.get("system")
    good = _systems.get(system)
    if good is None:
        plain = system != "urn:ietf:rfc:3986" and not any(identifier_findings({"system": system, "value": "x"}))
        good = _systems.keep(system, plain)
    if not good or not value.keys() <= {"system", "value", "use"}:
        raise NotPlainError


def _period(value: Any, types: Types) -> None:
    """Days in their order; clocks have zones, which the exact check compares."""
    if "start" in value and "end" in value:
        start, end = value["start"], value["end"]
        if len(start) != len(end) or len(start) > 10 or start > end:
            raise NotPlainError


def _range(value: Any, types: Types) -> None:
    for end in value.values():
        _quantity(end, types)
    if "low" in value and "high" in value:
        low, high = value["low"], value["high"]
        same = low.get("code") == high.get("code") and low.get("unit") == high.get("unit")
        if not same or not low.get("value", 0) <= high.get("value", 0):
            raise NotPlainError


def _integer(value: Any, types: Types) -> None:
    if type(value) is not int:  # JSON Schema takes 5.0 for an integer
        raise NotPlainError


_LOOKS: dict[str, Look] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    **dict.fromkeys(("Quantity", "Age", "Distance", "Duration", "Count", "SimpleQuantity", "MoneyQuantity"), _quantity),
    "Identifier": _identifier,
    "Period": _period,
    "Range": _range,
    **dict.fromkeys(("integer", "positiveInt", "unsignedInt"), _integer),
}


def _reference(targets: frozenset[str]) -> Look:
    """A look at a reference: urn:uuid: must be found; the schema has seen to the rest."""

    def look(value: Any, types: Types) -> None:
        text = value.get("reference")
        if text is not None and text.startswith("urn:"):
            found = types.get(text)
            if found is None or (targets and found not in targets):
                raise NotPlainError

    return look


@functools.cache
def looks_of(type_name: str) -> dict[str, Look]:
    """What to look at in an object of a type: by JSON key."""
    return {key: look for key, slot in plan_of(type_name).slots.items() if (look := _look(slot)) is not None}


def _look(slot: Slot) -> Look | None:
    one = _look_at_one(slot)
    if one is None or not slot.element.repeats:
        return one
    look = one

    def each(values: Any, types: Types) -> None:
        for value in values:
            look(value, types)

    return each


def _look_at_one(slot: Slot) -> Look | None:
    if slot.type == "Reference":
        targets = frozenset(slot.element.targets)
        return _reference(frozenset() if "Resource" in targets else targets)
    if slot.type in _LOOKS:
        return _LOOKS[slot.type]
    if slot.type == "Extension":
        return _extension
    if kind_of(slot.type) in ("primitive", "resource", "") or not elements_of(slot.type):
        return None

    def inside(value: Any, types: Types) -> None:
        look_into(value, slot.type, types)

    return inside


def _extension(value: Any, types: Types) -> None:
    for key, inner in value.items():
        if key == "valueCodeableConcept":
            _concept(inner, types)
        elif key == "valueReference":
            _any_reference(inner, types)
        elif key == "valueDuration":
            _quantity(inner, types)
        elif key == "valueRange":
            _range(inner, types)
        elif key == "extension":
            for one in inner:
                _extension(one, types)


_any_reference = _reference(frozenset())


def look_into(value: dict[str, Any], type_name: str, types: Types) -> None:
    """Looks at everything in an object of a type. Raises NotPlainError where the exact check has to decide."""
    looks = looks_of(type_name)
    for key, inner in value.items():
        look = looks.get(key)
        if look is not None:
            look(inner, types)
