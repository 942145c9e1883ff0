"""The second half of the fast way: what the schemas leave to Python, in one generated function for each type.

Codings and units (each judged once by the exact check, and remembered), identifiers, periods and ranges, whole numbers,
references. A generated function reads straight on where a table of functions would call one for every value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from fhirconv.numbers import number_excess
from fhirconv.r4 import elements_of, kind_of
from fhirconv.validation.addresses import MCODE
from fhirconv.validation.codes import coding_findings, quantity_findings
from fhirconv.validation.extensions import is_plain_url
from fhirconv.validation.memory import is_long
from fhirconv.validation.registries import identifier_findings
from fhirconv.validation.structure import Slot, plan_of, structure_findings
from fhirconv.validation.vitals import is_vital_sign

_LARGE = 2**63
_REMEMBERED = 50_000  # entries of a memory before it is emptied: no input can fill the memory
_QUANTITIES = ("Quantity", "SimpleQuantity", "Age", "Distance", "Duration")
_ENDS = {"start", "end"}
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}").fullmatch

Types = Mapping[str, str]  # fullUrl -> resource type, within one Bundle
Look = Callable[[Any, Types], None]


class NotPlainError(Exception):
    """The exact check has to decide."""


class _Good(set[Any]):
    """Keys of values that the exact check passed."""

    def judge(self, key: Any, passed: bool) -> None:
        if not passed:
            raise NotPlainError
        if len(self) >= _REMEMBERED:
            self.clear()
        if not is_long(key if isinstance(key, tuple) else (key,)):
            self.add(key)


_codings, _quantities, _systems, _urls = _Good(), _Good(), _Good(), _Good()


def _judge_coding(coding: Any) -> None:
    """A Coding whose system, code and display were not met together before."""
    key = (coding.get("system"), coding.get("code"), coding.get("display"), len(coding))
    named = {name for name, part in zip(("system", "code", "display"), key, strict=False) if part is not None}
    good = coding.keys() == named and not structure_findings(coding, "Coding") and not coding_findings(coding)
    good = good and ("code" not in coding or "system" in coding)
    _codings.judge(key, good and not is_vital_sign(coding))  # a vital sign follows a profile


def look_at_quantity(value: Any, types: Types) -> None:
    """A quantity: its unit as met before, its number a number."""
    key = (value.get("unit"), value.get("system"), value.get("code"))
    number = value.get("value")
    kind = type(number)
    if kind is Decimal:
        if number_excess(number):
            raise NotPlainError
    elif (kind is not int and kind is not float) or not -_LARGE < number < _LARGE:
        raise NotPlainError
    if len(value) != 4 - key.count(None):
        raise NotPlainError
    if key not in _quantities:
        whole = "code" not in value or "system" in value  # qty-3
        _quantities.judge(key, whole and not structure_findings(value, "Quantity") and not quantity_findings(value))


def _identifier(value: Any, types: Types) -> None:
    system = value.get("system")
    if not value.keys() <= {"system", "value", "use"}:
        raise NotPlainError
    if system not in _systems:
        plain = system != "urn:ietf:rfc:3986" and not identifier_findings({"system": system, "value": "x"})
        _systems.judge(system, plain)


def _period(value: Any, types: Types) -> None:
    """Days in their order; clocks have zones, which the exact check compares."""
    if "start" in value and "end" in value:
        start, end = value["start"], value["end"]
        known = min(len(start), len(end))
        in_order = start <= end if len(start) == len(end) else start[:known] < end[:known]
        if not in_order or len(start) > 10 or len(end) > 10:
            raise NotPlainError
    for key in value.keys() - _ENDS:
        inner = value[key]
        _extensions(inner if key == "extension" else inner["extension"], types)


def _range(value: Any, types: Types) -> None:
    for end in value.values():
        look_at_quantity(end, types)
    if "low" in value and "high" in value:
        low, high = value["low"], value["high"]
        same = all(low.get(part) == high.get(part) for part in ("system", "code", "unit"))
        if not same or not low["value"] <= high["value"]:
            raise NotPlainError


def _integer(value: Any, types: Types) -> None:
    if type(value) is not int:  # JSON Schema takes 5.0 for an integer
        raise NotPlainError


def look_at_reference(value: Any, types: Types, targets: frozenset[str] | None) -> None:
    """A reference to an entry of the Bundle, or Type/id; of the types that its element allows (None: any)."""
    text = value.get("reference")
    if text is None:
        return
    found = types.get(text)
    if found is None:
        relative = _RELATIVE(text)
        if relative is None or relative[1] not in (targets or (relative[1],)) or kind_of(relative[1]) != "resource":
            raise NotPlainError
    elif targets is not None and found not in targets:
        raise NotPlainError


def _extension(value: Any, types: Types) -> None:
    url = value["url"]
    if ":" in url and url not in _urls:  # parts have no full URL
        _urls.judge(url, is_plain_url(url))
    for key, inner in value.items():
        if key == "valueCodeableConcept":
            look_of("CodeableConcept")(inner, types)
        elif key == "valueCoding":
            if (inner.get("system"), inner.get("code"), inner.get("display"), len(inner)) not in _codings:
                _judge_coding(inner)
        elif key == "valueReference":
            look_at_reference(inner, types, None)
        elif key == "valueDuration":
            look_at_quantity(inner, types)
        elif key == "valueRange":
            _range(inner, types)
        elif key == "extension":
            for one in inner:
                _extension(one, types)


_OWN: dict[str, Look] = {
    **dict.fromkeys(_QUANTITIES, look_at_quantity),
    "Identifier": _identifier,
    "Period": _period,
    "Range": _range,
    "Extension": _extension,
    **dict.fromkeys(("integer", "positiveInt", "unsignedInt"), _integer),
}
_CODING = """
{indent}c = {value}
{indent}if (c.get("system"), c.get("code"), c.get("display"), len(c)) not in codings: judge_coding(c)"""


@functools.cache
def look_of(type_name: str) -> Look:
    """The generated look at an object of a type. It raises NotPlainError where the exact check has to decide."""
    if type_name in _OWN:
        return _OWN[type_name]
    names: dict[str, Any] = {
        "codings": _codings,
        "systems": _systems,
        "judge_coding": _judge_coding,
        "look_at_identifier": _identifier,
        "look_at_reference": look_at_reference,
    }
    lines = [f"def look(value, types):  # {type_name}"]
    for key, slot in plan_of(type_name).slots.items():
        body = list(_lines(slot, names))
        if body:
            lines += [f"    if {key!r} in value:", f"        v = value[{key!r}]", *body]
    source = "\n".join((*lines, "    return None"))
    exec(compile(source, f"<look at {type_name}>", "exec"), names)  # noqa: S102 made of R4's own names alone
    look: Look = names["look"]
    return look


def _lines(slot: Slot, names: dict[str, Any]) -> Iterator[str]:
    """The statements that look at `v`, the value of a key; none where there is nothing to look at."""
    indent = " " * 8
    inner = list(_one(slot, names, indent + " " * 4 if slot.element.repeats else indent))
    if inner and slot.element.repeats:
        yield f"{indent}for v in v:"
    yield from inner


def _one(slot: Slot, names: dict[str, Any], indent: str) -> Iterator[str]:
    if slot.type == "Coding":
        yield _CODING.format(indent=indent, value="v")
    elif slot.type == "CodeableConcept":
        yield f'{indent}for c in v.get("coding", ()):' + _CODING.format(indent=indent + "    ", value="c")
        yield f'{indent}if "extension" in v: look_at_extensions(v["extension"], types)'
        names["look_at_extensions"] = _extensions
    elif slot.type == "Identifier":
        usual = 'len(v) == 2 and "value" in v and "system" in v and v["system"] in systems'
        yield f"{indent}if not ({usual}): look_at_identifier(v, types)"
    elif slot.type == "canonical":
        yield f'{indent}if v.startswith("http://hl7.org/fhir/") and not v.startswith("{MCODE}"): refuse()'
        names["refuse"] = _refuse
    elif slot.type == "Reference":
        targets = frozenset(slot.element.targets)
        name = f"targets_{len(names)}"
        names[name] = None if not targets or "Resource" in targets else targets
        known = f'types.get(v.get("reference")) in {name}' if names[name] else 'v.get("reference") in types'
        yield f"{indent}if not {known}: look_at_reference(v, types, {name})"
    elif slot.type in _OWN or (kind_of(slot.type) in ("complex", "backbone", "element") and elements_of(slot.type)):
        name = "look_" + slot.type.replace(".", "_")
        names[name] = _OWN.get(slot.type) or _later(slot.type, name, names)
        yield f"{indent}{name}(v, types)"


def _refuse() -> None:
    raise NotPlainError


def _extensions(values: Any, types: Types) -> None:
    for value in values:
        _extension(value, types)


def _later(type_name: str, name: str, names: dict[str, Any]) -> Look:
    """Generates the look at a type when it is first needed, in its own place: types refer to each other in circles."""

    def look(value: Any, types: Types) -> None:
        names[name] = look_of(type_name)
        names[name](value, types)

    return look
