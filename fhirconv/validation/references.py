"""References: their form, the types that they may lead to, and whether what they name is there.

Spec: https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhirconv.issues import nearest, shown
from fhirconv.r4 import resource_types
from fhirconv.validation.addresses import ABSOLUTE, ID, OID, UUID
from fhirconv.validation.finding import Path
from fhirconv.validation.structure import Held, Slot, Walk

_RELATIVE = re.compile(rf"([A-Za-z]+)/({ID})(?:/_history/{ID})?(#{ID})?")
_REST = re.compile(rf"(https?://\S*?)/([A-Z][A-Za-z]+)/({ID})(?:/_history/{ID})?(#{ID})?")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?(\S+=\S*)")
_UUID = re.compile(rf"{UUID}(#\S+)?")
_OID = re.compile(rf"{OID}(#\S+)?")


@dataclass(slots=True)
class Index:
    """What a Bundle holds: by fullUrl, and by 'Type/id'. `kind` is the Bundle's type; '' outside a Bundle."""

    kind: str
    by_url: dict[str, Held]
    by_name: dict[str, Held]
    urls: dict[Path, str]  # of the entries' resources


def index_of(bundle: dict[str, Any], resources: list[Held], path: Path) -> Index:
    """The index of the Bundle at `path`, over the resources that a walk has met."""
    kind, entries = bundle.get("type"), bundle.get("entry")
    found = Index(kind if isinstance(kind, str) else "", {}, {}, {})
    by_path = {held.path: held for held in resources if held.container is None}
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        held = by_path.get((*path, "entry", position, "resource"))
        if held is None:
            continue
        url, own = entry.get("fullUrl"), held.value.get("id")
        if isinstance(url, str):
            found.by_url.setdefault(url, held)
            found.urls[held.path] = url
        if isinstance(own, str):
            found.by_name.setdefault(f"{held.type}/{own}", held)
    return found


def check_references(walk: Walk, index_for: Callable[[Path], Index]) -> None:
    """Checks every reference of a walk; `index_for(path)` is the index of the nearest Bundle around a path."""
    for slot, value, path, held in walk.references:
        text = value.get("reference")
        stated = value.get("type")
        if isinstance(stated, str):
            _check_stated(walk, stated, slot, path)
        if isinstance(text, str) and text:
            kind = _resolve(walk, text, held, index_for(path), (*path, "reference"))
            if kind:
                _check_type(walk, kind, stated, slot, (*path, "reference"))


def _resolve(walk: Walk, text: str, held: Held, index: Index, path: Path) -> str:
    """The type that a reference leads to; '' where nobody can say. What is wrong with it is noted."""
    if text.startswith("#"):
        return _contained(walk, text, held, path)
    if text.startswith("urn:"):
        return _urn(walk, text, index, path)
    if found := _REST.fullmatch(text):
        known = index.by_url.get(_unversioned(text))
        if known is not None:
            return known.type
        return found[2] if found[2] in resource_types() else ""
    if ABSOLUTE.fullmatch(text):
        return index.by_url[text].type if text in index.by_url else ""
    if found := _RELATIVE.fullmatch(text):
        if found[1] not in resource_types():
            message = f"{shown(found[1])} is not a resource type of R4{nearest(found[1], resource_types())}"
            walk.add("reference-form", message, path)
            return ""
        return _relative(walk, text, found[1], held, index, path)
    found = _CONDITIONAL.fullmatch(text)
    if found and found[1] in resource_types() and index.kind in ("transaction", "batch"):
        return found[1]
    if found:
        message = f"{shown(text)} is a search, which leads to a resource in a transaction only; write Type/id"
        walk.add("reference-form", message, path)
        return ""
    walk.add("reference-form", f"{shown(text)} is not Type/id, #id, an absolute URL or urn:uuid:", path)
    return ""


def _relative(walk: Walk, text: str, kind: str, held: Held, index: Index, path: Path) -> str:
    """Type/id within a Bundle: the entry that the same base address leads to; else a resource somewhere on the server."""
    if index.kind not in ("document", "message") or entry_of(text, held, index) is not None:
        return kind
    name = _unversioned(text)
    outer = held.container or held
    if name in index.by_name and outer.path in index.urls:
        message = (
            f"{shown(text)} does not lead to the entry of this type and id: it counts from the fullUrl of its own entry, "
            f"{shown(index.urls[outer.path])}; write the fullUrl of the entry"
        )
        walk.add("reference-dangling", message, path)
    elif index.kind == "document" and outer.type == "Composition" and name not in index.by_name:
        message = f"{shown(text)} is not an entry of this document, which must hold what its Composition names"
        walk.add("reference-dangling", message, path)
    return kind


def entry_of(text: str, held: Held, index: Index) -> Held | None:
    """The entry that a reference of `held` leads to: by its fullUrl, or by Type/id from the same base address."""
    name = _unversioned(text)
    base = _REST.fullmatch(index.urls.get((held.container or held).path, ""))
    return index.by_url.get(name) or (index.by_url.get(f"{base[1]}/{name}") if base else None)


def _unversioned(text: str) -> str:
    return text.partition("#")[0].partition("/_history/")[0]


def _contained(walk: Walk, text: str, held: Held, path: Path) -> str:
    """A reference into the same resource: '#' is the container itself."""
    outer = held.container or held
    if text == "#":
        return outer.type
    found = walk.contained.get((outer.path, text[1:]), "")
    if not found:
        walk.add("ref-1", f"{shown(text)} is not the id of a contained resource", path)
    return found


def _urn(walk: Walk, text: str, index: Index, path: Path) -> str:
    if not (_UUID.fullmatch(text) or _OID.fullmatch(text)):
        walk.add("reference-form", f"{shown(text)} is not urn:uuid: with a UUID in lower case, nor urn:oid:", path)
        return ""
    held = index.by_url.get(text.partition("#")[0])
    if held is not None:
        return held.type
    if index.kind:
        severity = "error" if index.kind in ("transaction", "document", "message") else "warning"
        walk.add("reference-dangling", f"{shown(text)} is not the fullUrl of an entry of this Bundle", path, severity)
    else:
        message = f"{shown(text)} can be found in a Bundle only, and this resource stands alone"
        walk.add("reference-dangling", message, path, "warning")
    return ""


def _check_stated(walk: Walk, stated: str, slot: Slot, path: Path) -> None:
    if stated not in resource_types() and not ABSOLUTE.fullmatch(stated):
        message = f"{shown(stated)} is not a resource type of R4{nearest(stated, resource_types())}"
        walk.add("reference-type", message, (*path, "type"))
    elif stated in resource_types():
        _check_type(walk, stated, None, slot, (*path, "type"))


def _check_type(walk: Walk, kind: str, stated: object, slot: Slot, path: Path) -> None:
    targets = slot.element.targets
    if targets and "Resource" not in targets and kind not in targets:
        wanted = " or ".join(targets) if len(targets) <= 8 else ", ".join(targets)
        walk.add("reference-target", f"leads to {kind}; '{slot.element.name}' may lead to {wanted}", path)
    if isinstance(stated, str) and stated in resource_types() and stated != kind:
        walk.add("reference-type", f"leads to {kind}, and 'type' says {stated}", path)
