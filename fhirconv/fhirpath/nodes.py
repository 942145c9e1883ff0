"""The elements of a resource, as FHIRPath sees them: typed nodes over plain JSON.

Spec: https://hl7.org/fhir/R4/fhirpath.html#types, https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

from fhirconv import r4

Path = tuple[str | int, ...]

# Source: the baseDefinition of R4's primitive types.
_PRIMITIVE_BASES = {
    **dict.fromkeys(("code", "id", "markdown"), "string"),
    **dict.fromkeys(("canonical", "oid", "url", "uuid"), "uri"),
    **dict.fromkeys(("positiveInt", "unsignedInt"), "integer"),
}


class Node:
    """One element.

    `value`: JSON value (None where a primitive has only its `_key` sibling); `type`: FHIR type, or the path of a
    backbone element ('Observation.component'), '' for what R4 does not know; `extra`: the `_key` object of a primitive;
    `path`: JSON keys and list positions from the root.
    """

    __slots__ = ("extra", "path", "type", "value")

    def __init__(self, value: Any, type: str, extra: Any = None, path: Path = ()) -> None:
        self.value = value
        self.type = type
        self.extra = extra
        self.path = path

    def __repr__(self) -> str:
        return f"Node({self.type}, {'.'.join(map(str, self.path))})"


class Key(NamedTuple):
    """Where an element may stand in JSON: its key, the sibling key ('' for complex types), its type."""

    key: str
    sibling: str
    type: str


@functools.lru_cache(maxsize=1024)
def bases(type_name: str) -> tuple[str, ...]:
    """A type and all that it is derived from, nearest first."""
    base = _PRIMITIVE_BASES.get(type_name) or r4.base_of(type_name)
    if not base and is_primitive(type_name):
        base = "Element"
    return (type_name, *bases(base)) if base else (type_name,)


@functools.lru_cache(maxsize=1024)
def is_primitive(type_name: str) -> bool:
    """Whether a type is one of FHIR's primitive types."""
    return r4.kind_of(type_name) == "primitive"


def _key(key: str, fhir_type: str) -> Key:
    return Key(key, "_" + key if is_primitive(fhir_type) else "", fhir_type)


@functools.lru_cache(maxsize=1024)
def keys_of(type_name: str, name: str) -> tuple[Key, ...]:
    """The JSON keys under which an element of this name may stand; a choice has one for each of its types."""
    if not r4.kind_of(type_name):
        return (Key(name, "", ""),)
    elements = r4.elements_of(type_name)
    element = elements.get(name) or elements.get(name + "[x]")
    return tuple(_key(element.key(one), one) for one in element.types) if element else ()


@functools.lru_cache(maxsize=1024)
def _all_keys(type_name: str) -> dict[str, Key]:
    """JSON key, also that of a sibling, to where the element stands."""
    found: dict[str, Key] = {}
    for key, (_, fhir_type) in r4.element_keys(type_name).items():
        if not key.startswith("_"):
            place = _key(key, fhir_type)
            found[key] = found[place.sibling or key] = place
    return found


def resource_type(value: object) -> str:
    """The type that a resource says it has; '' if it is none of R4."""
    name = value.get("resourceType") if isinstance(value, dict) else None
    return name if isinstance(name, str) and r4.kind_of(name) == "resource" else ""


def root_node(resource: dict[str, Any]) -> Node:
    """The node of a resource."""
    return Node(resource, resource_type(resource))


def _read(node: Node, place: Key, found: list[Node]) -> None:
    """Append the nodes that stand at one key of a complex node."""
    value = node.value.get(place.key)
    extra = node.value.get(place.sibling) if place.sibling else None
    if value is None and extra is None:
        return
    path = (*node.path, place.key)
    if isinstance(value, list) or isinstance(extra, list):
        values = value if isinstance(value, list) else []
        extras = extra if isinstance(extra, list) else []
        for index in range(max(len(values), len(extras))):
            one = values[index] if index < len(values) else None
            more = extras[index] if index < len(extras) else None
            if one is not None or more is not None:
                found.append(_made(one, place.type, more, (*path, index)))
    else:
        found.append(_made(value, place.type, extra, path))


def _made(value: Any, fhir_type: str, extra: Any, path: Path) -> Node:
    return Node(value, resource_type(value) if fhir_type == "Resource" else fhir_type, extra, path)


def named(node: Node, name: str) -> list[Node]:
    """The children of `node` with this element name ('value' for a choice, whatever its type)."""
    found: list[Node] = []
    value = node.value
    if isinstance(value, dict):
        for place in keys_of(node.type, name):
            if place.key in value or place.sibling in value:  # of a choice few are there
                _read(node, place, found)
    elif isinstance(node.extra, dict):
        for place in keys_of("Element", name):
            _read(Node(node.extra, "Element", None, node.path), place, found)
    return found


def children(node: Node) -> list[Node]:
    """All children of `node`, in the order of the document; those of a primitive are its id and extensions."""
    found: list[Node] = []
    holder = node if isinstance(node.value, dict) else Node(node.extra, "Element", None, node.path)
    if not isinstance(holder.value, dict):
        return found
    known = _all_keys(holder.type)
    for key in holder.value:
        place = known.get(key)
        if place and (place.key == key or place.key not in holder.value):
            _read(holder, place, found)
        elif not holder.type and key != "resourceType":
            _read(holder, Key(key, "", ""), found)
    return found


def descendants(node: Node) -> Iterator[Node]:
    """All nodes below `node`, parents first."""
    waiting = [iter(children(node))]
    while waiting:
        below = next(waiting[-1], None)
        if below is None:
            waiting.pop()
        else:
            yield below
            waiting.append(iter(children(below)))
