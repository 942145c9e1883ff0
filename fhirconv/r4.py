"""Definitions of FHIR R4 4.0.1: elements, cardinality, types, reference targets and codes of required bindings.

Source: HL7's package hl7.fhir.r4.core 4.0.1, made compact by tools/r4_definitions.py.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import orjson

from fhirconv.data_files import r4_definitions


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `name` ends in [x] where there is a choice of types; `codes` is None when any code may stand."""

    name: str
    min: int
    repeats: bool
    types: tuple[str, ...]
    targets: tuple[str, ...] = ()
    codes: frozenset[str] | None = None

    @property
    def is_choice(self) -> bool:
        """Whether the type is part of the name, as in valueQuantity."""
        return self.name.endswith("[x]")

    def key(self, fhir_type: str) -> str:
        """The JSON key of the element for one of its types."""
        return self.name[:-3] + fhir_type[0].upper() + fhir_type[1:] if self.is_choice else self.name


@functools.cache
def _definitions() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(r4_definitions().read_bytes())
    return loaded


def kind_of(type_name: str) -> str:
    """'resource', 'complex-type', 'primitive-type' or whatever the definitions say; '' for an unknown type."""
    return str(_definitions().get(type_name, {}).get("kind", ""))


@functools.cache
def elements_of(type_name: str) -> dict[str, Element]:
    """The elements of a type in the order of the specification; empty for primitive and unknown types."""
    found = _definitions().get(type_name, {}).get("elements", {})
    return {
        name: Element(
            name,
            entry["min"],
            entry["max"] != "1",
            tuple(entry["types"]),
            tuple(entry.get("targets", ())),
            frozenset(entry["codes"]) if "codes" in entry else None,
        )
        for name, entry in found.items()
    }


@functools.cache
def pattern_of(primitive: str) -> re.Pattern[str] | None:
    """The regular expression of a primitive type, if the definitions give one."""
    pattern = _definitions().get(primitive, {}).get("pattern")
    return re.compile(pattern) if pattern else None


@functools.cache
def element_keys(type_name: str) -> dict[str, tuple[str, str]]:
    """JSON key -> element name and FHIR type, with every choice spelt out and '_key' for primitives."""
    keys: dict[str, tuple[str, str]] = {}
    for element in elements_of(type_name).values():
        for fhir_type in element.types:
            keys[element.key(fhir_type)] = (element.name, fhir_type)
            keys["_" + element.key(fhir_type)] = (element.name, "Element")
    return keys
