"""JSON Schemas that accept a part of what base R4 allows: what is plain, common and surely right.

A resource that its schema refuses need not be wrong: the exact check decides. What a schema accepts has nothing wrong but
what `plain` still looks at (codes, units, periods, ranges, references). So everything rare is left out of the schemas:
contained resources, modifier extensions, ids of elements, most extensions, 29 February.
"""

from __future__ import annotations

from typing import Any

from fhirconv.r4 import Element, all_types, constraints_of, elements_of, kind_of
from fhirconv.validation.extension_schemas import extension_schema
from fhirconv.validation.primitive_schemas import IN_PYTHON, PRIMITIVES, UCUM, UCUM_QUANTITY
from fhirconv.validation.structure import Slot, plan_of

Schema = dict[str, Any]

_COMMON = {"language": ["en", "en-US", "en-GB", "de", "fr", "es", "it", "ja"], "contentType": ["text/plain", "application/pdf"]}


def _one_of(*names: str) -> Schema:
    return {"anyOf": [{"required": [name]} for name in names]}


def _needs(**keys: str) -> Schema:
    return {"dependentRequired": {key: names.split() for key, names in keys.items()}}


def _without(type_name: str, key: str, choice: str) -> Schema:
    """Where `key` stands, no value of the choice does."""
    element = elements_of(type_name)[choice]
    keys = [name for one in element.types for name in (element.key(one), "_" + element.key(one))]
    absent: Schema = {"properties": dict.fromkeys(keys, False)}
    return {"dependentSchemas": {key: absent}}


def _abated() -> Schema:
    ended = {"contains": {"properties": {"code": {"enum": ["resolved", "remission", "inactive"]}}}}
    concept: Schema = {"required": ["coding"], "properties": {"coding": ended}}
    status: Schema = {"required": ["clinicalStatus"], "properties": {"clinicalStatus": concept}}
    element = elements_of("Condition")["abatement[x]"]
    keys = [name for key in map(element.key, element.types) for name in (key, "_" + key)]
    return {"dependentSchemas": dict.fromkeys(keys, status)}


def _without_code(element: str, code: str) -> Schema:
    """A CodeableConcept that has no coding with this code."""
    concept: Schema = {"properties": {"coding": {"items": {"properties": {"code": {"not": {"const": code}}}}}}}
    return {"properties": {element: concept}}


# Each invariant as a schema that asks at least as much. A type with an invariant that is not here has no schema.
WOVEN: dict[str, Schema] = {
    "ele-1": {"minProperties": 1},
    **{name: {} for name in ("dom-2", "dom-3", "dom-4", "dom-5")},  # nothing is contained
    **{name: {} for name in ("dom-6", "con-3", "per-1", "rng-2")},  # `fast` and `plain` look
    **{name: {} for name in ("txt-1", "txt-2", "ext-1", "ref-1")},  # by the schemas of xhtml, Extension and Reference
    "qty-3": _needs(code="system"),
    "age-1": UCUM_QUANTITY | {"properties": {"system": UCUM, "value": {"exclusiveMinimum": 0}}},
    "cnt-3": {"not": {}},
    "dis-1": UCUM_QUANTITY,
    "drt-1": UCUM_QUANTITY,
    "rat-1": {"required": ["numerator", "denominator"]},
    "att-1": _needs(data="contentType"),
    "cpt-2": _needs(value="system"),
    "tim-1": _needs(duration="durationUnit"),
    "tim-2": _needs(period="periodUnit"),
    "tim-4": {"properties": {"duration": {"minimum": 0}}},
    "tim-5": {"properties": {"period": {"minimum": 0}}},
    "tim-6": _needs(periodMax="period"),
    "tim-7": _needs(durationMax="duration"),
    "tim-8": _needs(countMax="count"),
    "tim-9": {"properties": {"offset": False}},
    "tim-10": {"properties": {"timeOfDay": False}},
    "con-1": _one_of("summary", "assessment"),
    "con-2": _one_of("code", "detail"),
    "con-4": _abated(),
    "con-5": _without_code("verificationStatus", "entered-in-error"),
    "obs-3": _one_of("low", "high", "text"),
    "obs-6": _without("Observation", "dataAbsentReason", "value[x]"),
    "obs-7": _without("Observation", "component", "value[x]"),
    "pat-1": _one_of("name", "telecom", "address", "organization"),
    "org-1": _one_of("identifier", "name"),
    "org-2": {"properties": {"address": False}},
    "org-3": {"properties": {"telecom": False}},
    "mad-1": {"required": ["dose"]},
    "cpl-3": {"properties": {"reference": False}},
    "imm-1": _one_of("documentType", "reference"),
    "prr-1": {"properties": {"orderDetail": False}},
}


_EXTENDED = ("Period", "HumanName", "Address", "Element")  # data types whose primitives may have extensions


class Generator:
    """Makes the schema of one type, with those of the types that it needs beside it in $defs."""

    def __init__(self, with_extensions: bool = True) -> None:
        """Without extensions, those of resources are left open, which takes many definitions: see `extension`."""
        self._made: dict[str, Schema] = {}
        self._with_extensions = with_extensions

    def schema(self, type_name: str) -> Schema:
        """The whole schema of a resource type (JSON Schema 2020-12)."""
        return self._reference(type_name) | {"$defs": self._made}

    def of_object(self, type_name: str) -> Schema:
        """The schema of the objects of a type, which refers to those of other types."""
        self._reference(type_name)
        return self._made.get(type_name, {"not": {}})

    def extension(self, resource: str) -> Schema:
        """The whole schema of an extension of a resource of this type; '' for one of anything else."""
        self._reference("CodeableConcept")
        return extension_schema(resource) | {"$defs": self._made}

    def _reference(self, type_name: str) -> Schema:
        if not is_plain(type_name):
            return {"not": {}}
        if type_name not in self._made:
            self._made[type_name] = {}
            self._reference("CodeableConcept")  # extensions name it
            self._made[type_name] = extension_schema("") if type_name == "Extension" else self._object(type_name)
        return {"$ref": f"#/$defs/{type_name}"}

    def _object(self, type_name: str) -> Schema:
        plan = plan_of(type_name)
        properties: Schema = {}
        for key, slot in plan.slots.items():
            if slot.extra_of and not _may_be_extended(slot, type_name):
                continue
            if _is_common(slot.element.name, plan.is_resource or type_name == "Element"):  # what names a primitive
                properties[key] = self._slot(slot.element, slot.type, bool(slot.extra_of))
        if plan.is_resource:
            properties["resourceType"] = {"const": type_name}
            one = extension_schema(type_name) if self._with_extensions else {}
            properties["extension"] = {"type": "array", "minItems": 1, "items": one}
        made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if type_name == "Element":
            made["dependentRequired"] = {"id": ["extension"]}  # ele-1: an id is no content
        required = [element.name for element, keys in plan.required if len(keys) == 1]
        if required:
            made["required"] = required
        parts = [_one_of(*keys) for element, keys in plan.required if len(keys) > 1]
        parts += [_only_one(element, keys) for element, keys in plan.choices]
        parts += [WOVEN[one.key] for one in _constraints(type_name) if WOVEN[one.key]]
        return _merged(made, parts)

    def _slot(self, element: Element, type_name: str, is_extra: bool) -> Schema:
        if is_extra and element.repeats:
            return {"not": {}}
        one = self._value(element, type_name)
        return {"type": "array", "minItems": 1, "items": one} if element.repeats else one

    def _value(self, element: Element, type_name: str) -> Schema:
        if type_name in PRIMITIVES and kind_of(type_name) == "primitive":
            if element.name in _COMMON or element.binding:
                return {"enum": _COMMON.get(element.name, [])}
            if element.codes is not None:
                return {"enum": sorted(element.codes)}
            return PRIMITIVES[type_name]
        if type_name in IN_PYTHON and element.codes is None:
            return IN_PYTHON[type_name]
        made = self._reference(type_name)
        if element.codes is not None and "$ref" in made:
            return {"allOf": [made, _bound(element.codes)]}
        return made


def is_plain(type_name: str) -> bool:
    """Whether every invariant of a type, and of its elements, is woven into the schemas."""
    known = kind_of(type_name) in ("resource", "complex", "backbone", "element") and type_name not in ("Resource", "Bundle")
    return known and type_name in all_types() and all(one.key in WOVEN for one in _constraints(type_name))


def _merged(made: Schema, parts: list[Schema]) -> Schema:
    """One schema of several: keyword by keyword where none stands in the way, which is faster than allOf."""
    rest = []
    for part in parts:
        if part.keys() <= {"dependentSchemas", "dependentRequired", "minProperties", "anyOf"} and not _clash(made, part):
            for keyword, value in part.items():
                made[keyword] = made.get(keyword, {}) | value if isinstance(value, dict) else value
        else:
            rest.append(part)
    return made | {"allOf": rest} if rest else made


def _clash(made: Schema, part: Schema) -> bool:
    return any(
        keyword in made and not (isinstance(value, dict) and not made[keyword].keys() & value.keys())
        for keyword, value in part.items()
    )


def _constraints(type_name: str) -> list[Any]:
    inner = [one for element in elements_of(type_name).values() for one in element.constraints]
    return [*constraints_of(type_name), *inner]


def _may_be_extended(slot: Slot, type_name: str) -> bool:
    """Whether '_key' may stand: not where an invariant may ask of an element what only its value can meet."""
    if slot.element.is_choice:
        return slot.extra_of == "dateTime"
    return kind_of(type_name) not in ("complex", "element") or type_name in _EXTENDED


def _is_common(name: str, has_id: bool) -> bool:
    return name not in ("contained", "modifierExtension", "implicitRules") and (has_id or name != "id")


def _only_one(element: Element, keys: tuple[str, ...]) -> Schema:
    """Of a choice of types at most one; neither does '_key' stand beside another key."""
    named = [*keys, "_" + element.key("dateTime")] if "dateTime" in element.types else keys
    absent = {one: {"properties": {other: False for other in named if other.strip("_") != one.strip("_")}} for one in named}
    return {"dependentSchemas": absent}


def _bound(codes: frozenset[str]) -> Schema:
    systems = sorted({one.rpartition("|")[0] for one in codes})
    names = sorted(one.rpartition("|")[2] for one in codes)
    if len(systems) != 1:
        return {"not": {}}
    properties: Schema = {"system": {"const": systems[0]}, "code": {"enum": names}}
    coding: Schema = {"required": ["system", "code"], "properties": properties}
    return {"required": ["coding"], "properties": {"coding": {"items": coding}}}
