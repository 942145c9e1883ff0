"""Extensions that packages define: where each may stand, and as what; its value is checked by its own profile.

Spec: https://hl7.org/fhir/R4/defining-extensions.html. Those of HL7's R4 itself are checked by fhirconv.validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirconv import r4
from fhirconv.issues import shown
from fhirconv.profiles.definitions import R4_URL, Json
from fhirconv.profiles.items import Item
from fhirconv.profiles.plans import CompiledProfile
from fhirconv.profiles.run import Run

_KEYS = ("extension", "modifierExtension")


def check_extensions(root: Item, run: Run) -> None:
    """Check every extension of a resource, but not of resources inside it, whose definition is at hand."""
    for holder, key, extension, places in _found(root, (root.type,)):
        url = extension.value.get("url")
        profile = run.known.profile(url) if isinstance(url, str) and not url.startswith(R4_URL) else None
        if not isinstance(profile, CompiledProfile) or profile.type != "Extension":
            continue
        profile.check(extension, run)
        _check_place(profile, holder, key, extension, places, run)


def _found(item: Item, places: tuple[str, ...]) -> Iterator[tuple[Item, str, Item, tuple[str, ...]]]:
    """Each extension with what holds it, the key it stands under, and the names that its place has in definitions."""
    holder = item.extra if item.is_primitive else item.value
    if not isinstance(holder, dict):
        return
    keys = r4.element_keys(item.type) or r4.element_keys("Element")
    for key, value in holder.items():
        if key[:1] == "_" or not isinstance(value, (dict, list)) or key not in keys:
            continue
        name, fhir_type = keys[key]
        if fhir_type == "Resource":
            continue
        for position, each in enumerate(value) if isinstance(value, list) else ((None, value),):
            here = (*item.path, key) if position is None else (*item.path, key, position)
            inner = Item(each, fhir_type, None, here)
            if key in _KEYS and isinstance(each, dict):
                yield item, key, inner, places
            yield from _found(inner, _places(item, name, fhir_type, places))
    yield from _of_primitives(item, holder, keys, places)


def _of_primitives(
    item: Item, holder: Json, keys: dict[str, tuple[str, str]], places: tuple[str, ...]
) -> Iterator[tuple[Item, str, Item, tuple[str, ...]]]:
    for key, extra in holder.items():
        if key[:1] != "_" or key[1:] not in keys:
            continue
        name, fhir_type = keys[key[1:]]
        for position, each in enumerate(extra) if isinstance(extra, list) else ((None, extra),):
            here = (*item.path, key) if position is None else (*item.path, key, position)
            yield from _found(Item(None, fhir_type, each, here), _places(item, name, fhir_type, places))


def _places(item: Item, name: str, fhir_type: str, places: tuple[str, ...]) -> tuple[str, ...]:
    bare = name.removesuffix("[x]")
    paths = {f"{place}.{each}" for place in (*places, item.type) for each in (name, bare)}
    return (*paths, fhir_type)


def _check_place(
    profile: CompiledProfile, holder: Item, key: str, extension: Item, places: tuple[str, ...], run: Run
) -> None:
    modifies = bool(profile.definition.get("isModifier"))
    if modifies != (key == "modifierExtension"):
        wanted = "modifierExtension" if modifies else "extension"
        run.report("profile-extension", f"{shown(profile.url, 120)} belongs into '{wanted}'", extension)
    contexts = profile.definition.get("context", [])
    if any(entry.get("type") == "fhirpath" for entry in contexts):
        run.skip(profile.url, "where it may stand is said in FHIRPath")
    elif contexts and not any(_is_there(entry, holder, places) for entry in contexts):
        wanted = ", ".join(str(entry.get("expression")) for entry in contexts)
        run.report("profile-extension", f"{shown(profile.url, 120)} may not stand here: expected in {wanted}", extension)


def _is_there(context: Json, holder: Item, places: tuple[str, ...]) -> bool:
    expression: Any = context.get("expression")
    if context.get("type") == "extension":
        return isinstance(holder.value, dict) and holder.value.get("url") == expression
    is_resource = holder.type == places[0] == places[-1]
    families = {"Resource", "DomainResource"} if is_resource else {"Element", "BackboneElement"}
    return expression in places or expression in families or str(expression).startswith("http")
