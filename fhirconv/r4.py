"""Definitions of FHIR R4 4.0.1: elements, cardinality, types, reference targets, required bindings, invariants.

Source: HL7's package hl7.fhir.r4.core 4.0.1, made compact by tools/r4_definitions.py.
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

import orjson

from fhirconv.data_files import data_file

_LONGEST = 120  # characters; no name of a type has more
_TYPES = 1024  # more than R4 has: names that it has not are soon forgotten


class Constraint(NamedTuple):
    """An invariant: its key, 'error' or 'warning', what it asks in HL7's words, and the FHIRPath that must hold."""

    key: str
    severity: str
    human: str
    expression: str


class Element(NamedTuple):
    """One element of a type. `name` ends in [x] where there is a choice of types; `codes` is None when any code may stand.

    `binding` is the required value set where the definitions do not list its codes (UCUM units, MIME types);
    `constraints` are the invariants of the element itself, those of its types left out; `is_simple` says that a Quantity
    here is a SimpleQuantity, without comparator.
    """

    name: str
    min: int
    repeats: bool
    types: tuple[str, ...]
    targets: tuple[str, ...] = ()
    codes: frozenset[str] | None = None
    binding: str = ""
    constraints: tuple[Constraint, ...] = ()
    is_simple: bool = False

    @property
    def is_choice(self) -> bool:
        """Whether the type is part of the name, as in valueQuantity."""
        return self.name.endswith("[x]")

    def key(self, fhir_type: str) -> str:
        """The JSON key of the element for one of its types."""
        return self.name[:-3] + fhir_type[0].upper() + fhir_type[1:] if self.is_choice else self.name


@functools.cache
def _text() -> bytes:
    return data_file("r4-definitions.json").read_bytes()


def _definition(type_name: str) -> dict[str, Any]:
    """The entry of a type; empty for an unknown one."""
    return _read_definition(type_name) if len(type_name) < _LONGEST else {}


@functools.cache
def _lines() -> dict[str, bytes]:
    """The definitions by name, unread: most are never asked for."""
    pairs = (line.split(b'":', 1) for line in _text().splitlines() if line.startswith(b'"'))
    return {name[1:].decode(): definition for name, definition in pairs}


@functools.lru_cache(maxsize=_TYPES)
def _read_definition(type_name: str) -> dict[str, Any]:
    """Each definition stands on a line of its own, and only that line is parsed."""
    line = _lines().get(type_name)
    found: dict[str, Any] = orjson.loads(line.rstrip(b",")) if line else {}
    return found


@functools.cache
def resource_types() -> frozenset[str]:
    """The names of all resource types that can be sent (Resource and DomainResource are abstract)."""
    found = (name for name, line in _lines().items() if line.startswith(b'{"kind":"resource"'))
    return frozenset(found) - {"Resource", "DomainResource"}


@functools.cache
def all_types() -> tuple[str, ...]:
    """The names of all types: resources, data types, primitive types, and parts of them by path."""
    return tuple(_lines())


def kind_of(type_name: str) -> str:
    """'resource', 'complex', 'backbone', 'element' or 'primitive'; '' for an unknown type."""
    return str(_definition(type_name).get("kind", ""))


def base_of(type_name: str) -> str:
    """The type that a type is derived from; '' for none."""
    return str(_definition(type_name).get("base", ""))


@functools.lru_cache(maxsize=_TYPES)
def constraints_of(type_name: str) -> tuple[Constraint, ...]:
    """The invariants of a type, its own first, then those of the types that it is derived from."""
    own = tuple(Constraint(*one) for one in _definition(type_name).get("constraints", ()))
    base = base_of(type_name)
    return own + (constraints_of(base) if base else ())


@functools.lru_cache(maxsize=_TYPES)
def elements_of(type_name: str) -> dict[str, Element]:
    """The elements of a type in the order of the specification; empty for primitive and unknown types."""
    found = _definition(type_name).get("elements", {})
    return {
        name: Element(
            name,
            entry["min"],
            entry["max"] != "1",
            tuple(entry["types"]),
            tuple(entry.get("targets", ())),
            frozenset(entry["codes"]) if "codes" in entry else None,
            entry.get("binding", ""),
            tuple(Constraint(*one) for one in entry.get("constraints", ())),
            entry.get("simple", False),
        )
        for name, entry in found.items()
    }


@functools.cache
def invariant_keys() -> tuple[str, ...]:
    """The keys of all invariants, sorted."""
    found = re.findall(rb'\["([a-z]+-[0-9]+[a-z]?)","(?:error|warning)","', _text())
    return tuple(sorted({key.decode() for key in found}))


def declarations(key: str) -> list[tuple[str, Constraint]]:
    """The types that state an invariant, each with it; only their lines are read."""
    names = re.findall(rb'\n"([\w.]+)":[^\n]*?\["%s","' % re.escape(key).encode(), _text())
    found = []
    for type_name in map(bytes.decode, names):
        own = [Constraint(*one) for one in _definition(type_name).get("constraints", ())]
        own += [one for element in elements_of(type_name).values() for one in element.constraints]
        found += [(type_name, one) for one in own if one.key == key]
    return found


@functools.lru_cache(maxsize=_TYPES)
def pattern_of(primitive: str) -> re.Pattern[str] | None:
    """The regular expression of a primitive type, if the definitions give one."""
    pattern = _definition(primitive).get("pattern")
    return re.compile(pattern) if pattern else None


@functools.lru_cache(maxsize=_TYPES)
def element_keys(type_name: str) -> dict[str, tuple[str, str]]:
    """JSON key -> element name and FHIR type, with every choice spelt out and '_key' for primitives."""
    keys: dict[str, tuple[str, str]] = {}
    for element in elements_of(type_name).values():
        for fhir_type in element.types:
            keys[element.key(fhir_type)] = (element.name, fhir_type)
            keys["_" + element.key(fhir_type)] = (element.name, "Element")
    return keys
