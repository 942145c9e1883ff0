"""FHIR packages: found by path or by name, indexed by canonical URL, each definition parsed when it is asked for.

Spec: https://confluence.hl7.org/display/FHIR/NPM+Package+Specification; https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from fhirconv.data_files import data_file
from fhirconv.issues import shown
from fhirconv.profiles.archive import MAX_MEMBER_BYTES, MAX_MEMBERS, PackageError, read_archive

Json = dict[str, Any]

KINDS = ("StructureDefinition", "ValueSet", "CodeSystem")
BUILT_IN = {"mcode": "mcode-definitions.json"}

_CACHE = Path(".fhir") / "packages"
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:[#@]([A-Za-z0-9][A-Za-z0-9._-]*))?")
_R4 = re.compile(r"4\.0(\.\d+)?")


class Entry(NamedTuple):
    """Where a definition stands in its package."""

    kind: str
    version: str
    file: str


class Package:
    """One FHIR package.

    `missing` are canonicals that its definitions need and that no package could give, each with the type that a profile
    is of, '' where that is not known.
    """

    def __init__(self, manifest: Json, read: Callable[[str], Json], entries: Callable[[], Iterator[tuple[str, Entry]]]):
        self.name = str(manifest["name"])
        self.version = str(manifest.get("version", ""))
        self.missing: Mapping[str, str] = manifest.get("missing", {})
        self._read = read
        self._entries = entries

    @cached_property
    def index(self) -> dict[str, Entry]:
        """Canonical URL -> where it stands, of every profile, value set and code system."""
        return dict(self._entries())

    def find(self, url: str, version: str = "") -> Json | None:
        """The definition with this canonical URL, in this version if one is given."""
        entry = self.index.get(url)
        if entry is None or (version and entry.version and version != entry.version):
            return None
        return self._read(entry.file)


def load_package(path_or_name: str | Path) -> Package:
    """A package from a folder, a .tgz, 'NAME#VERSION' in ~/.fhir/packages, or the name of a built-in one ('mcode').

    Raises PackageError when it is not found, is not for R4 or is not one.
    """
    if str(path_or_name) in BUILT_IN:
        return _compact(data_file(BUILT_IN[str(path_or_name)]))
    path = Path(path_or_name)
    if path.is_dir():
        return _from_folder(path / "package" if (path / "package").is_dir() else path)
    if path.is_file():
        files = read_archive(path)
        return _package(str(path), files.get, lambda: iter(files))
    return _from_folder(_cached(str(path_or_name)) / "package")


def _cached(name: str) -> Path:
    match = _NAME.fullmatch(name)
    folder = Path.home() / _CACHE
    if match and match.group(2):
        found = [folder / f"{match.group(1)}#{match.group(2)}"]
    else:
        found = sorted(folder.glob(f"{name}#*")) if match else []
    found = [path for path in found if path.is_dir()]
    if len(found) == 1:
        return found[0]
    known = f"; there are {', '.join(path.name for path in found)}: name one" if found else ""
    built_in = ", ".join(BUILT_IN)
    raise PackageError(
        f"no package {shown(name, 200)}: expected a folder, a .tgz, NAME#VERSION of ~/{_CACHE} or one of {built_in}{known}"
    )


def _from_folder(folder: Path) -> Package:
    def read(name: str) -> bytes | None:
        path = folder / name
        if not path.is_file():
            return None
        if path.stat().st_size > MAX_MEMBER_BYTES:
            raise PackageError(f"package {shown(folder, 200)}: {shown(name)} has more than {MAX_MEMBER_BYTES} bytes")
        return path.read_bytes()

    def names() -> Iterator[str]:
        found = sorted(path.name for path in folder.glob("*.json"))
        if len(found) > MAX_MEMBERS:
            raise PackageError(f"package {shown(folder, 200)} holds more than {MAX_MEMBERS} files: refused")
        return iter(found)

    return _package(str(folder), read, names)


def _package(place: str, content: Callable[[str], bytes | None], names: Callable[[], Iterator[str]]) -> Package:
    def read(name: str) -> Json:
        return _json(place, name, content(name))

    def entries() -> Iterator[tuple[str, Entry]]:
        listed = _listed(content(".index.json"))
        if listed is None:
            listed = [(name, read(name)) for name in names() if name != "package.json"]
        for name, facts in listed:
            if facts.get("resourceType") in KINDS and isinstance(facts.get("url"), str):
                yield facts["url"], Entry(facts["resourceType"], str(facts.get("version", "")), name)

    manifest = read("package.json")
    _check_manifest(place, manifest)
    return Package(manifest, read, entries)


def _listed(index: bytes | None) -> list[tuple[str, Json]] | None:
    """The rows of .index.json; None when there is none, or one that cannot be true."""
    try:
        rows = orjson.loads(index or b"")["files"]
        return [(row["filename"], row) for row in rows if "/" not in row["filename"] and "\\" not in row["filename"]]
    except (ValueError, LookupError, TypeError):
        return None


def _json(place: str, name: str, content: bytes | None) -> Json:
    if content is None:
        raise PackageError(f"package {shown(place, 200)} has no {shown(name)}: expected a FHIR package with one")
    try:
        value = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise PackageError(f"package {shown(place, 200)}: {shown(name)} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise PackageError(f"package {shown(place, 200)}: {shown(name)} is not a JSON object")
    return value


def _check_manifest(place: str, manifest: Mapping[str, Any]) -> None:
    if not isinstance(manifest.get("name"), str) or not _NAME.fullmatch(manifest["name"]):
        raise PackageError(f"package {shown(place, 200)}: package.json has no valid name; is this a FHIR package?")
    versions = manifest.get("fhirVersions", manifest.get("fhir-version-list"))
    if not isinstance(versions, list) or not any(_R4.fullmatch(str(version)) for version in versions):
        raise PackageError(
            f"package {shown(place, 200)} is for FHIR {shown(versions)}; expected 4.0.1 (R4): take its R4 version"
        )


def _compact(path: Path) -> Package:
    """A built-in package: one JSON file made by tools/mcode_definitions.py."""
    content: Json = orjson.loads(path.read_bytes())
    resources = {resource["url"]: resource for resource in content["resources"]}
    rows = [(url, Entry(found["resourceType"], found.get("version", ""), url)) for url, found in resources.items()]
    return Package(content, resources.__getitem__, lambda: iter(rows))
