"""Where a finding lies, in the two notations that people use: FHIRPath and JSON Pointer."""

from __future__ import annotations

import re
from typing import Any

from fhirconv.document import escape_pointer
from fhirconv.r4 import resource_types
from fhirconv.validation.finding import Path
from fhirconv.validation.structure import plan_of

_NOISE = re.compile(r"/\*.*?\*/|\.ofType\([^)]*\)|\.where\([^)]*\)")
_STEP = re.compile(r"(\w+)(?:\[(\d{1,9})\])?")


def pointer_of(path: Path) -> str:
    """The JSON Pointer (RFC 6901) of a path."""
    return "".join(f"/{escape_pointer(step)}" for step in path)


def standing(resource: Any, path: Path) -> Path:
    """The part of a path that leads to something: what is missing is told at what lacks it."""
    value = resource
    for count, step in enumerate(path):
        known = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
        if step not in known:
            return path[:count]
        value = value[step]
    return path


def expression_of(resource: Any, path: Path) -> str:
    """The FHIRPath of a path in a resource, as in Bundle.entry[0].resource.value.unit; a choice without its type."""
    type_name = _type(resource)
    words, value = [type_name or "Resource"], resource
    for step in path:
        value = _below(value, step)
        if isinstance(step, int):
            words[-1] += f"[{step}]"
        else:
            slot = plan_of(type_name).slots.get(step)
            words.append(slot.element.name.removesuffix("[x]") if slot else step)
            type_name = slot.type if slot else ""
        if type_name == "Resource" and isinstance(value, dict):
            type_name = _type(value)
    return ".".join(words)


def path_of(resource: Any, expression: str) -> Path:
    """The path that a server's FHIRPath leads to in a resource, as far as it can be followed.

    HAPI and HL7's engine write comments (/*Type/id*/) and ofType(Quantity) into theirs.
    """
    path: list[str | int] = []
    value = resource
    for name, position in _STEP.findall(_NOISE.sub("", expression).partition(".")[2]):
        if not isinstance(value, dict):
            break
        choices = [key for key in value if key.startswith(name) and key[len(name) : len(name) + 1].isupper()]
        key = name if name in value else choices[0] if len(choices) == 1 else ""
        if not key:
            break
        path.append(key)
        value = value[key]
        if position and isinstance(value, list) and int(position) < len(value):
            path.append(int(position))
            value = value[int(position)]
    return tuple(path)


def _type(resource: Any) -> str:
    """The type of a resource; '' where it has none that R4 knows."""
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    return name if isinstance(name, str) and name in resource_types() else ""


def _below(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else None
    return value.get(step) if isinstance(value, dict) else None
