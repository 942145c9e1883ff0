"""The schemas of extensions: which of them are plain. See `schemas`."""

from __future__ import annotations

import functools
from typing import Any

from fhirconv.validation.addresses import HL7
from fhirconv.validation.extensions import definition_of, extensions_of
from fhirconv.validation.primitive_schemas import IN_PYTHON, PRIMITIVES, UCUM_QUANTITY

Schema = dict[str, Any]

# Those that may stand on every element.
ABSENT_REASON, ORIGINAL_TEXT, _RELATIVE = (HL7 + name for name in ("data-absent-reason", "originalText", "cqf-relativeDateTime"))
_VALUES: dict[str, Schema] = {
    "valueCodeableConcept": {"$ref": "#/$defs/CodeableConcept"},
    "valueCoding": IN_PYTHON["Coding"],
    "valueReference": IN_PYTHON["Reference"],
    "valueString": PRIMITIVES["string"],
    "valueCode": PRIMITIVES["code"],
    "valueBoolean": PRIMITIVES["boolean"],
    "valueDate": PRIMITIVES["date"],
    "valueDateTime": PRIMITIVES["dateTime"],
    "valueDecimal": PRIMITIVES["decimal"],
    "valueUri": PRIMITIVES["uri"],
}
# Of foreign extensions no definition is at hand: nothing here can judge them.
_FOREIGN: Schema = {"type": "string", "pattern": "^https?://[!-~]+$", "not": {"pattern": f"^{HL7}"}}
_PART: Schema = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9-]*$"}


def _extension(url: Schema, value: str, schema: Schema) -> Schema:
    properties = {"url": url, value: schema}
    return {"type": "object", "properties": properties, "required": ["url", value], "additionalProperties": False}


def _only(extensions: Schema) -> Schema:
    """A value that has extensions in its place."""
    return {"type": "object", "properties": {"extension": extensions}, "required": ["extension"], "additionalProperties": False}


def extension_schema(resource: str) -> Schema:
    """Some extensions of HL7 that may stand on every element (or on this resource), and simple foreign ones.

    Of the foreign ones no definition is at hand: nothing here can judge them.
    """
    relative = definition_of(_RELATIVE) or {}
    absent = _extension({"const": ABSENT_REASON}, "valueCode", {"enum": sorted(absent_reasons())})
    reference, text = _VALUES["valueReference"], _VALUES["valueString"]
    codes = {name: {"enum": part["codes"]} for name, part in relative["nested"].items() if "codes" in part}
    quantity: Schema = {"type": "object"} | UCUM_QUANTITY
    offset: Schema = {"const": "offset"}
    extent: Schema = {"properties": {"low": quantity, "high": quantity}, "additionalProperties": False, "minProperties": 1}
    parts = [
        _extension({"const": "target"}, "valueReference", reference),
        _extension({"const": "targetPath"}, "valueString", text),
        _extension({"const": "relationship"}, "valueCode", codes.get("relationship", _VALUES["valueCode"])),
        {
            "anyOf": [
                _extension(offset, "valueDuration", quantity),
                _extension(offset, "valueRange", extent),
                _extension(offset, "valueDuration", _only({"type": "array", "minItems": 1, "maxItems": 1, "items": absent})),
            ]
        },
    ]
    known = [
        absent,
        _extension({"const": ORIGINAL_TEXT}, "valueString", text),
        _extension(
            {"const": _RELATIVE},
            "extension",
            {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)},
        ),
    ]
    if resource:  # these are extensions of elements, and a resource is none
        known = []
    on_resource = _on_resource(resource) if resource else {}
    known += [_extension({"enum": on_resource[key]}, key, _VALUES[key]) for key in _VALUES if key in on_resource]
    foreign = [_extension(_FOREIGN, key, value) for key, value in _VALUES.items()]
    nested = {"type": "array", "minItems": 1, "items": {"anyOf": [_extension(_PART, key, value) for key, value in _VALUES.items()]}}
    return {"type": "object", "anyOf": [*known, *foreign, _extension(_FOREIGN, "extension", nested)]}


@functools.cache
def absent_reasons() -> frozenset[str]:
    """The codes that say why there is no value."""
    return frozenset((definition_of(ABSENT_REASON) or {})["codes"])


@functools.lru_cache
def _on_resource(resource: str) -> dict[str, list[str]]:
    """The extensions of HL7 that may stand on a resource of this type and have a value of one type alone, by its key."""
    found: dict[str, list[str]] = {}
    for url in extensions_of(resource):
        one = definition_of(url) or {}
        values = one.get("value", ())
        if len(values) == 1 and not one.keys() & {"modifier", "codes", "nested"}:
            found.setdefault(f"value{values[0][0].upper()}{values[0][1:]}", []).append(url)
    return found
