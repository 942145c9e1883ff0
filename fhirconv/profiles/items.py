"""Values of a resource with their FHIR type and path, and the step from one to those of an element below it."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from fhirconv import r4
from fhirconv.validation.finding import Path

Json = dict[str, Any]


class Item(NamedTuple):
    """One value. `extra` is what stands under '_name' for a primitive: its id and extensions."""

    value: Any
    type: str
    extra: Any
    path: Path


def root_item(resource: Json, path: Path = ()) -> Item:
    """The item of a whole resource."""
    return Item(resource, str(resource.get("resourceType", "")), None, path)


@functools.lru_cache(maxsize=4096)
def keys_of(type_name: str, name: str) -> tuple[tuple[str, str], ...]:
    """JSON keys with types of an element; `name` is as in definitions (value[x]), as in paths (value) or spelt out."""
    elements = r4.elements_of(type_name) or r4.elements_of("Element")
    element = elements.get(name) or elements.get(name + "[x]")
    if element is not None:
        return tuple((element.key(fhir_type), fhir_type) for fhir_type in element.types)
    found = r4.element_keys(type_name).get(name)
    return ((name, found[1]),) if found else ()


def children(item: Item, name: str) -> list[Item]:
    """The values of an element below `item`, in order; a primitive counts when only its extensions are there."""
    holder = holder_of(item)
    if holder is None:
        return []
    return [
        found for key, fhir_type in keys_of(item.type, name) for found in values_of(holder, key, fhir_type, item.path)
    ]


def holder_of(item: Item) -> Json | None:
    """The JSON object that the elements below `item` stand in."""
    holder = item.extra if item.type[:1].islower() else item.value
    return holder if isinstance(holder, dict) else None


def values_of(holder: Json, key: str, fhir_type: str, path: Path) -> list[Item]:
    """The values under one JSON key of the object at `path`."""
    value, extra = holder.get(key), holder.get("_" + key)
    if isinstance(value, list) or isinstance(extra, list):
        values, extras = (one if isinstance(one, list) else [] for one in (value, extra))
        return _listed(values, extras, fhir_type, (*path, key))
    return [] if value is None and extra is None else [_item(value, fhir_type, extra, (*path, key))]


def _listed(values: Any, extras: Any, fhir_type: str, path: Path) -> list[Item]:
    if not extras:
        return [_item(value, fhir_type, None, (*path, i)) for i, value in enumerate(values)]
    count = max(len(values), len(extras))
    values = [*values, *[None] * (count - len(values))]
    extras = [*extras, *[None] * (count - len(extras))]
    pairs = zip(values, extras, strict=True)
    return [_item(value, fhir_type, extra, (*path, i)) for i, (value, extra) in enumerate(pairs)]


def _item(value: Any, fhir_type: str, extra: Any, path: Path) -> Item:
    if fhir_type == "Resource" and isinstance(value, dict):
        fhir_type = str(value.get("resourceType", fhir_type))
    return Item(value, fhir_type, extra, path)
