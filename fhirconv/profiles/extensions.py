"""Extensions that packages define: where each may stand, and as what; its value is checked by its own profile.

Spec: https://hl7.org/fhir/R4/defining-extensions.html. Those of HL7's R4 itself are checked by fhirconv.validation.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from fhirconv import r4
from fhirconv.issues import shown
from fhirconv.profiles.definitions import R4_URL, Json
from fhirconv.profiles.items import Item
from fhirconv.profiles.plans import CompiledProfile
from fhirconv.profiles.run import Run
from fhirconv.validation.finding import Path

_KEYS = ("extension", "modifierExtension")
_NOT_ENTERED = frozenset({"contained", "resource", "text"})  # resources of their own; a narrative has no extensions
# Absolute, which a request's URL seldom is, and not of R4.
_FOREIGN = re.compile(rb'"url":"(?!' + re.escape(R4_URL.encode()) + rb')[^":]+:')


def check_extensions(root: Item, run: Run) -> None:
    """Check every extension of a resource, but not of resources inside it, whose definition is at hand."""
    found: list[tuple[Json, str, int, Path]] = []
    if may_have_any(root.value):
        _find(root.value, (), found)
    for holder, key, position, path in found:
        extension = holder[key][position]
        url = extension.get("url") if isinstance(extension, dict) else None
        profile = run.known.profile(url) if isinstance(url, str) and not url.startswith(R4_URL) else None
        if isinstance(profile, CompiledProfile) and profile.type == "Extension":
            item = Item(extension, "Extension", None, (*root.path, *path, key, position))
            profile.check(item, run)
            _check_place(profile, holder, key, item, _places(root.type, path), run)


def may_have_any(resource: Json) -> bool:
    """Whether there may be an extension that is not of R4 itself; most resources have none, and need no walk."""
    try:
        return _FOREIGN.search(orjson.dumps(resource, default=str)) is not None
    except TypeError:  # it holds what orjson does not write
        return True


def _find(value: Any, path: Path, found: list[tuple[Json, str, int, Path]]) -> None:
    """Notes each extension as the object that holds it, key and position, with the path of that object."""
    for key, each in enumerate(value) if isinstance(value, list) else value.items():
        if isinstance(each, (dict, list)) and key not in _NOT_ENTERED:
            if key in _KEYS and isinstance(each, list):
                found += [(value, key, position, path) for position in range(len(each))]
            _find(each, (*path, key), found)


def _places(type_name: str, path: Path) -> set[str]:
    """The names that definitions may have for a place: its type, those that this comes from, and paths to it."""
    paths = {type_name}
    for step in path:
        name, fhir_type = r4.element_keys(type_name).get(str(step).removeprefix("_"), ("", ""))
        if name:
            paths = {f"{place}.{each}" for place in (*paths, type_name) for each in (name, name.removesuffix("[x]"))}
            type_name = fhir_type
    families = {"Element"} if path else set()  # the definitions give primitive types no base
    while type_name:
        families.add(type_name)
        type_name = r4.base_of(type_name)
    return paths | families


def _check_place(profile: CompiledProfile, holder: Json, key: str, item: Item, places: set[str], run: Run) -> None:
    modifies = bool(profile.definition.get("isModifier"))
    if modifies != (key == "modifierExtension"):
        wanted = "modifierExtension" if modifies else "extension"
        run.report("profile-extension", f"{shown(profile.url, 120)} belongs into '{wanted}'", item)
    contexts = profile.definition.get("context", [])
    if any(entry.get("type") == "fhirpath" for entry in contexts):
        run.skip(profile.url, "where it may stand is said in FHIRPath")
    elif contexts and not any(_is_there(entry, holder, places) for entry in contexts):
        wanted = ", ".join(str(entry.get("expression")) for entry in contexts)
        run.report("profile-extension", f"{shown(profile.url, 120)} may not stand here: expected in {wanted}", item)


def _is_there(context: Json, holder: Json, places: set[str]) -> bool:
    expression = str(context.get("expression"))
    if context.get("type") == "extension":
        return holder.get("url") == expression
    return expression in places or expression.startswith("http")
