"""JSON Schemas that accept a part of what base R4 allows: what is plain, common and surely right.

A resource that its schema refuses need not be wrong: the exact check decides. What a schema accepts has nothing wrong but
what `plain` still looks at (codes, units, periods, ranges, references). So everything rare is left out of the schemas:
contained resources, modifier extensions, ids of elements, most extensions, 29 February.
"""

from __future__ import annotations

from typing import Any

from fhirconv.r4 import Element, all_types, constraints_of, elements_of, kind_of
from fhirconv.validation.extensions import HL7, definition_of, known_urls
from fhirconv.validation.structure import plan_of
from fhirconv.validation.xhtml import PLAIN_NARRATIVE

Schema = dict[str, Any]

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = r"[A-Za-z0-9\-.]{1,64}"
_YEAR = "[12][0-9]{3}"
_DAY = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_MONTH = "0[1-9]|1[0-2]"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
_ZONE = r"(Z|[+\-](0[0-9]|1[0-3]):[0-5][0-9])"
_TEXT = r"^[!-~\p{L}\p{N}][^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$"

_PRIMITIVES: dict[str, Schema] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "decimal": {"type": "number"},
    "string": {"type": "string", "pattern": _TEXT, "maxLength": 100_000},
    "id": {"type": "string", "pattern": f"^{_ID}$"},
    "code": {"type": "string", "pattern": r"^[!-~]+( [!-~]+)*$"},
    "date": {"type": "string", "pattern": f"^{_YEAR}(-({_MONTH}))?$|^{_YEAR}-({_DAY})$"},
    "dateTime": {"type": "string", "pattern": f"^{_YEAR}(-({_MONTH}))?$|^{_YEAR}-({_DAY})(T{_CLOCK}{_ZONE})?$"},
    "instant": {"type": "string", "pattern": f"^{_YEAR}-({_DAY})T{_CLOCK}{_ZONE}$"},
    "time": {"type": "string", "pattern": f"^{_CLOCK}$"},
    "uri": {"type": "string", "pattern": rf"^(https?://[!-~]+|urn:uuid:{_UUID}|urn:oid:[0-2](\.(0|[1-9][0-9]*))+|urn:ietf:[!-~]+)$"},
    "xhtml": {"type": "string", "pattern": PLAIN_NARRATIVE},
}
_ANYWHERE = ("data-absent-reason", "originalText", "cqf-relativeDateTime")
_FOREIGN: Schema = {"type": "string", "pattern": "^http://hl7.org/fhir/us/[!-~]+$"}
_PRIMITIVES["markdown"] = _PRIMITIVES["string"]
_PRIMITIVES["url"] = _PRIMITIVES["canonical"] = {"type": "string", "pattern": r"^https?://[!-~]+$"}

# What `plain` looks at by itself, without the schema.
_IN_PYTHON: dict[str, Schema] = {
    "Coding": {"type": "object"},
    **{name: {"type": "object"} for name in ("Quantity", "SimpleQuantity")},
    "Reference": {
        "type": "object",
        "properties": {"reference": {"type": "string"}, "display": _PRIMITIVES["string"]},
        "additionalProperties": False,
        "minProperties": 1,
    },
}
_COMMON = {"language": ["en", "en-US", "en-GB", "de", "fr", "es", "it", "ja"], "contentType": ["text/plain", "application/pdf"]}
_UCUM = {"const": "http://unitsofmeasure.org"}
_QUANTITY = {"properties": {"system": _UCUM}, "required": ["value", "system", "code"]}


def _one_of(*names: str) -> Schema:
    return {"anyOf": [{"required": [name]} for name in names]}


def _needs(**keys: str) -> Schema:
    return {"dependentRequired": {key: names.split() for key, names in keys.items()}}


def _without(type_name: str, key: str, choice: str) -> Schema:
    """Where `key` stands, no value of the choice does."""
    element = elements_of(type_name)[choice]
    absent: Schema = {"properties": dict.fromkeys(map(element.key, element.types), False)}
    return {"dependentSchemas": {key: absent}}


def _abated() -> Schema:
    ended = {"contains": {"properties": {"code": {"enum": ["resolved", "remission", "inactive"]}}}}
    status: Schema = {"properties": {"clinicalStatus": {"required": ["coding"], "properties": {"coding": ended}}}}
    element = elements_of("Condition")["abatement[x]"]
    keys = [name for key in map(element.key, element.types) for name in (key, "_" + key)]
    return {"dependentSchemas": dict.fromkeys(keys, status)}


def _without_code(element: str, code: str, repeats: bool = False) -> Schema:
    """A CodeableConcept that has no coding with this code."""
    concept: Schema = {"properties": {"coding": {"items": {"properties": {"code": {"not": {"const": code}}}}}}}
    return {"properties": {element: {"items": concept} if repeats else concept}}


# Each invariant as a schema that asks at least as much. A type with an invariant that is not here has no schema.
WOVEN: dict[str, Schema] = {
    "ele-1": {"minProperties": 1},
    **{name: {} for name in ("dom-2", "dom-3", "dom-4", "dom-5")},  # nothing is contained
    **{name: {} for name in ("dom-6", "per-1", "rng-2")},  # `plain` looks
    **{name: {} for name in ("txt-1", "txt-2", "ext-1", "ref-1")},  # by the schemas of xhtml, Extension and Reference
    "qty-3": _needs(code="system"),
    "age-1": _QUANTITY | {"properties": {"system": _UCUM, "value": {"exclusiveMinimum": 0}}},
    "cnt-3": {"not": {}},
    "dis-1": _QUANTITY,
    "drt-1": _QUANTITY,
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
    "con-3": {"anyOf": [{"required": ["clinicalStatus"]}, _without_code("category", "problem-list-item", True)]},
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


class Generator:
    """Makes the schema of one type, with those of the types that it needs beside it in $defs."""

    def __init__(self) -> None:
        self._made: dict[str, Schema] = {}

    def schema(self, type_name: str) -> Schema:
        """The whole schema of a resource type (JSON Schema 2020-12)."""
        reference = self._reference(type_name)
        return {"$ref": reference["$ref"], "$defs": self._made} if "$ref" in reference else {"not": {}}

    def _reference(self, type_name: str) -> Schema:
        if not is_plain(type_name):
            return {"not": {}}
        if type_name not in self._made:
            self._made[type_name] = {}
            self._reference("CodeableConcept")  # extensions name it
            self._made[type_name] = _extension_schema("") if type_name == "Extension" else self._object(type_name)
        return {"$ref": f"#/$defs/{type_name}"}

    def _object(self, type_name: str) -> Schema:
        plan = plan_of(type_name)
        properties: Schema = {}
        for key, slot in plan.slots.items():
            if _is_common(slot.element.name, plan.is_resource):
                properties[key] = self._slot(slot.element, slot.type, bool(slot.extra_of))
        if plan.is_resource:
            properties["resourceType"] = {"const": type_name}
            properties["extension"] = {"type": "array", "minItems": 1, "items": _extension_schema(type_name)}
        made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
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
        if type_name in _PRIMITIVES and kind_of(type_name) == "primitive":
            if element.name in _COMMON or element.binding:
                return {"enum": _COMMON.get(element.name, [])}
            if element.codes is not None:
                return {"enum": sorted(element.codes)}
            return _PRIMITIVES[type_name]
        if type_name in _IN_PYTHON and element.codes is None:
            return _IN_PYTHON[type_name]
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


def _is_common(name: str, is_resource: bool) -> bool:
    return name not in ("contained", "modifierExtension", "implicitRules") and (is_resource or name != "id")


def _only_one(element: Element, keys: tuple[str, ...]) -> Schema:
    """Of a choice of types at most one; neither does '_key' stand beside another key."""
    both = [name for key in keys for name in (key, "_" + key)]
    absent = {key: {"properties": {other: False for other in both if other.lstrip("_") != key}} for key in keys}
    return {"dependentSchemas": absent}


def _bound(codes: frozenset[str]) -> Schema:
    systems = sorted({one.rpartition("|")[0] for one in codes})
    names = sorted(one.rpartition("|")[2] for one in codes)
    if len(systems) != 1:
        return {"not": {}}
    properties: Schema = {"system": {"const": systems[0]}, "code": {"enum": names}}
    coding: Schema = {"required": ["system", "code"], "properties": properties}
    return {"required": ["coding"], "properties": {"coding": {"items": coding}}}


def _extension(url: Schema, value: str, schema: Schema) -> Schema:
    return {"properties": {"url": url, value: schema}, "required": ["url", value], "additionalProperties": False}


def _extension_schema(resource: str) -> Schema:
    """Some extensions of HL7 that may stand on every element (or on this resource), and simple foreign ones.

    Of the foreign ones no definition is at hand: nothing here can judge them.
    """
    absent_reason, _, relative = (definition_of(HL7 + name) or {} for name in _ANYWHERE)
    reference, text = _IN_PYTHON["Reference"], _PRIMITIVES["string"]
    codes = {name: {"enum": part["codes"]} for name, part in relative["nested"].items() if "codes" in part}
    quantity: Schema = {"type": "object"} | _QUANTITY
    offset: Schema = {"const": "offset"}
    extent: Schema = {"properties": {"low": quantity, "high": quantity}, "additionalProperties": False, "minProperties": 1}
    parts = [
        _extension({"const": "target"}, "valueReference", reference),
        _extension({"const": "targetPath"}, "valueString", text),
        _extension({"const": "relationship"}, "valueCode", codes.get("relationship", _PRIMITIVES["code"])),
        {"anyOf": [_extension(offset, "valueDuration", quantity), _extension(offset, "valueRange", extent)]},
    ]
    return {
        "type": "object",
        "anyOf": [
            _extension({"const": HL7 + _ANYWHERE[0]}, "valueCode", {"enum": absent_reason["codes"]}),
            _extension({"const": HL7 + _ANYWHERE[1]}, "valueString", text),
            _extension(
                {"const": HL7 + _ANYWHERE[2]},
                "extension",
                {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)},
            ),
            _extension({"enum": _about(resource)}, "valueReference", reference),
            _extension(_FOREIGN, "valueCodeableConcept", {"$ref": "#/$defs/CodeableConcept"}),
            _extension(_FOREIGN, "valueCode", _PRIMITIVES["code"]),
            _extension(_FOREIGN, "valueString", text),
            _extension(_FOREIGN, "valueBoolean", {"type": "boolean"}),
        ],
    }


def _about(resource: str) -> list[str]:
    """The extensions of HL7 that may stand on a resource of this type and lead to another resource."""
    found = {url: definition_of(url) or {} for url in known_urls()} if resource else {}
    return [
        url
        for url, one in found.items()
        if resource in one.get("contexts", ()) and one.get("value") == ["Reference"] and not one.get("modifier")
    ]
