"""Extensions held against the definitions of HL7: where they may stand, which value they may have, what they consist of.

Spec: https://hl7.org/fhir/R4/extensibility.html; definitions: fhirconv/data/r4-extensions.json
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson

from fhirconv.data_files import data_file
from fhirconv.issues import nearest, shown
from fhirconv.r4 import base_of, elements_of, kind_of
from fhirconv.validation.addresses import ABSOLUTE, HL7, MCODE
from fhirconv.validation.finding import Finding, Path
from fhirconv.validation.structure import Slot, Walk

_MCODE_PART = re.compile(r"Extension\.extension:[^.:]+\.url")


@functools.cache
def _lines() -> dict[str, bytes]:
    """The definitions by URL, unread: most are never asked for."""
    lines = data_file("r4-extensions.json").read_bytes().splitlines()
    return {line[1 : line.index(b'":')].decode(): line for line in lines if line.startswith(b'"')}


@functools.cache
def _definition(url: str) -> Mapping[str, Any]:
    line = _lines()[url]
    found: dict[str, Any] = orjson.loads(line[line.index(b'":') + 2 :].rstrip(b","))
    return found


def definition_of(url: str) -> Mapping[str, Any] | None:
    """What HL7 says of an extension; None for one that it does not define."""
    return _definition(url) if url in _lines() else None


def known_urls() -> list[str]:
    """The URLs of all extensions that HL7 defines."""
    return list(_lines())


def extensions_of(type_name: str) -> list[str]:
    """The URLs of the extensions that HL7 defines for a type by its name, not for all types or a part of it."""
    name = f'"{type_name}"'.encode()
    near = (url for url, line in _lines().items() if name in line)  # which are few: the others stay unread
    return [url for url in near if type_name in _definition(url).get("contexts", ())]


@functools.cache
def known_names() -> list[str]:
    """What stands after HL7's prefix in the URLs of all extensions that HL7 defines."""
    return [url.removeprefix(HL7) for url in known_urls()]


def check_extension(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    """An extension with a URL of its own; those nested in one are checked with it."""
    url = value.get("url")
    if not isinstance(url, str) or not url:
        return  # reported as missing
    holder = walk.holders[-1] if walk.holders else None
    if holder is not None and holder.type == "Extension":
        if ABSOLUTE.match(url):
            _check_known(walk, value, url, slot, path)
        return
    if not ABSOLUTE.match(url):
        walk.add("extension-url", f"{shown(url)} is not an absolute URL, which an extension needs here", (*path, "url"))
        return
    _check_known(walk, value, url, slot, path)


def _check_known(walk: Walk, value: Any, url: str, slot: Slot, path: Path) -> None:
    found = definition_of(url.partition("|")[0])
    if "|" in url:
        walk.add("extension-url", f"{shown(url, 100)} has a version; an extension is named by its URL alone", (*path, "url"))
    if found is not None:
        _check_defined(walk, value, found, path)
        _check_place(walk, found, url, slot, path)
    elif url.startswith(HL7):
        message = f"{shown(url, 100)} is not an extension that HL7 defines for R4{nearest(url.removeprefix(HL7), known_names())}"
        walk.add("extension-unknown", message, (*path, "url"))
    elif url.startswith(MCODE):
        _check_mcode(walk, value, url, path)
    elif slot.element.name == "modifierExtension":
        message = f"{shown(url, 100)} is defined by neither R4 nor mCODE; who does not know it must not use the data"
        walk.add("extension-not-checked", message, (*path, "url"), "error")
    else:
        message = f"{shown(url, 100)} is defined by neither R4 nor mCODE; only a package (--package) can tell whether it is right"
        walk.add("extension-not-checked", message, (*path, "url"))


@functools.cache
def _mcode_parts() -> dict[str, frozenset[str]]:
    """The extensions of mCODE by URL, with the URLs of their parts. Place and values are for the layer of profiles."""
    from fhirconv.validation.profiled import built_in  # loaded with the first extension of mCODE

    profiles = built_in("mcode")
    found = {url: profiles.find(url) or {} for url in profiles.names() if url.startswith(MCODE)}
    return {
        url: frozenset(each["fixed"] for each in one["elements"] if _MCODE_PART.fullmatch(each["id"]))
        for url, one in found.items()
        if one["type"] == "Extension"
    }


def _check_mcode(walk: Walk, value: dict[str, Any], url: str, path: Path) -> None:
    parts = _mcode_parts().get(url)
    if parts is None:
        message = f"{shown(url, 100)} is not an extension of mCODE 4.0.0{nearest(url, _mcode_parts())}"
        walk.add("extension-unknown", message, (*path, "url"))
    else:
        _check_parts(walk, _nested(value), parts, path)


def is_plain_url(url: str) -> bool:
    """Whether there is nothing to say of an extension of this URL but what its definition says; a part has no full URL."""
    if url.startswith(MCODE):
        return _mcode_parts().get(url) == frozenset()
    return url.startswith(HL7) or not ABSOLUTE.match(url)


def once_each(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in their order; of extensions that cannot be checked only the first of each URL."""
    told: set[str] = set()
    kept = []
    for finding in dict.fromkeys(findings):
        if finding.rule == "extension-not-checked" and not finding.severity:
            if finding.message in told:
                continue
            told.add(finding.message)
        kept.append(finding)
    return kept


def _check_defined(walk: Walk, value: dict[str, Any], found: Mapping[str, Any], path: Path) -> None:
    """Value and nested extensions against the definition."""
    types = found.get("value", ())
    stated = [key for key in value if key.startswith("value")]
    for key in stated:
        name = key[5:]
        if not any(name == one[0].upper() + one[1:] for one in types):
            allowed = f"value{' or value'.join(one[0].upper() + one[1:] for one in types)}" if types else "no value"
            walk.add("extension-value", f"has {shown(key)}; this extension is defined with {allowed}", (*path, key))
    codes = found.get("codes")
    if codes and isinstance(value.get("valueCode"), str) and value["valueCode"] not in codes:
        message = f"{shown(value['valueCode'])} is not a code of this extension{nearest(value['valueCode'], codes)}"
        walk.add("code-not-bound", message, (*path, "valueCode"))
    nested: Mapping[str, Any] = found.get("nested", {})
    items = _nested(value)
    for position, item in items:
        if item.get("url") in nested:
            _check_defined(walk, item, nested[item["url"]], (*path, "extension", position))
    _check_parts(walk, items, nested, path)
    for url, one in nested.items():
        if one.get("min") and not any(item.get("url") == url for _, item in items):
            walk.add("extension-value", f"lacks its part '{url}', which this extension must have", path)


def _nested(value: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The extensions in an extension that are objects with a URL, with their positions."""
    inner = value.get("extension")
    items = enumerate(inner if isinstance(inner, list) else ())
    return [(position, item) for position, item in items if isinstance(item, dict) and isinstance(item.get("url"), str)]


def _check_parts(walk: Walk, items: list[tuple[int, dict[str, Any]]], known: Collection[str], path: Path) -> None:
    for position, item in items:
        url = item["url"]
        if url not in known and not ABSOLUTE.match(url):
            message = f"{shown(url)} is not a part of this extension{nearest(url, known)}"
            walk.add("extension-unknown", message, (*path, "extension", position, "url"))


def _check_place(walk: Walk, found: Mapping[str, Any], url: str, slot: Slot, path: Path) -> None:
    """Whether the extension may stand where it stands, and as what."""
    is_modifier = slot.element.name == "modifierExtension"
    if bool(found.get("modifier")) != is_modifier:
        wanted = "modifierExtension" if not is_modifier else "extension"
        walk.add("extension-place", f"{shown(url, 100)} belongs into '{wanted}'", path)
    contexts = found.get("contexts")
    if contexts and not (_places(walk, slot) & set(contexts)):
        places = ", ".join(contexts[:8]) + (", …" if len(contexts) > 8 else "")
        walk.add("extension-place", f"{shown(url, 100)} may not stand here, only in {places}", path)


def _places(walk: Walk, slot: Slot) -> set[str]:
    """All names that a definition may have for the place of an extension: type, its bases, and the element."""
    if kind_of(slot.owner) == "resource":
        return _lineage(slot.owner) | {"*"}
    holder = walk.holders[-1]  # extensions that stand in no resource stand in an element
    names = _lineage(holder.extra_of or holder.type)
    names |= {"*", "Element", holder.definition, holder.definition.removesuffix("[x]")}
    if holder.owner.startswith("ElementDefinition"):
        names.add("ElementDefinition")  # definitions annotate all parts of it
    return names | {f"{base}.{holder.element.name}" for base in _lineage(holder.owner)}


def _lineage(type_name: str) -> set[str]:
    names = set()
    if {"url", "status"} <= elements_of(type_name).keys():
        names = {"CanonicalResource", "MetadataResource"}  # what R5, and the newer definitions, call these resources
    while type_name:
        names.add(type_name)
        type_name = base_of(type_name)
    return names
