"""References within resources: found, and replaced by others.

Spec: https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Links = Mapping[str, Mapping[str, Any]]
"""From Reference.reference to the elements that stand in its place."""


def references_in(value: Any) -> Iterator[str]:
    """Every Reference.reference below a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from references_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references_in(inner)


def with_references(value: Any, others: Mapping[str, str]) -> Any:
    """A copy in which references lead elsewhere."""
    return with_links(value, {name: {"reference": other} for name, other in others.items()})


def with_links(value: Any, links: Links, everywhere: bool = True) -> Any:
    """A copy with other links; only within extensions of primitives (`_birthDate`), unless `everywhere`."""
    if isinstance(value, list):
        return [with_links(inner, links, everywhere) for inner in value]
    if not isinstance(value, dict):
        return value
    leads_to = value.get("reference") if everywhere else None
    if isinstance(leads_to, str) and leads_to in links:
        return {key: inner for key, inner in value.items() if key != "reference"} | dict(links[leads_to])
    return {key: with_links(inner, links, everywhere or key.startswith("_")) for key, inner in value.items()}


def has_primitive_extensions(value: Any) -> bool:
    """Whether a key below a value is that of an extension of a primitive."""
    if isinstance(value, dict):
        return any(key.startswith("_") or has_primitive_extensions(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(has_primitive_extensions, value))
