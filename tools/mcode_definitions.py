"""Make fhirconv/data/mcode-definitions.json: what fhirconv needs of mCODE 4.0.0 to check a claim without the package.

Source: hl7.fhir.us.mcode 4.0.0 (CC0-1.0), and of hl7.fhir.r4.core 4.0.1 and hl7.terminology.r4 (CC0-1.0) the value
sets and code systems that it binds to. Profiles are reduced to what they ask beyond R4, value sets to their codes.

    python tools/mcode_definitions.py --us-core FOLDER MCODE.tgz CORE.tgz TERMINOLOGY.tgz

The same packages give the same bytes. `missing` lists the canonicals that mCODE names and that none of them defines, with
the type that a profile is of. US Core 6.1.0 (CC0-1.0) lies on no registry: FOLDER holds our stand-ins for it
(tests/validator/standins.py), of which the value sets and the types of the profiles are taken.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fhirconv.issues import FhirconvError
from fhirconv.profiles.definitions import R4_URL, slim
from fhirconv.profiles.packages import Package, load_package

Json = dict[str, Any]

PACKAGE = ("hl7.fhir.us.mcode", "4.0.0")
TARGET = Path(__file__).resolve().parent.parent / "fhirconv" / "data" / "mcode-definitions.json"

_LARGEST_SYSTEM = 2000  # codes; larger systems are for terminology servers, and no required binding of mCODE needs one


class Definitions:
    """The definitions that mCODE's profiles lead to, each reduced, in the order of their canonicals."""

    def __init__(self, packages: Sequence[Package], us_core: dict[str, Json]) -> None:
        self._packages = packages
        self._us_core = us_core
        self.found: dict[str, Json] = {}
        self.missing: dict[str, str] = {}

    def add(self, canonical: str) -> None:
        """Add a definition and what it leads to."""
        url = canonical.partition("|")[0]
        if url in self.found or url in self.missing:
            return
        stand_in = self._us_core.get(url, {})
        definition = next((found for package in self._packages if (found := package.find(url))), stand_in)
        reduced = _reduced(definition) if definition else None
        if reduced is None:
            self.missing[url] = str(stand_in.get("type", ""))
            return
        self.found[url] = reduced
        for each in _needed(reduced):
            self.add(each)


def _reduced(definition: Json) -> Json | None:
    kind = definition["resourceType"]
    if kind == "StructureDefinition":
        return slim(definition) if "snapshot" in definition else None
    kept = {name: definition[name] for name in ("resourceType", "url", "version") if name in definition}
    if kind == "ValueSet":
        compose = definition.get("compose", {})
        parts = {name: [_part(part) for part in compose[name]] for name in ("include", "exclude") if name in compose}
        return kept | {"compose": parts}
    concepts = [_concept(concept) for concept in definition.get("concept", ())]
    complete = definition.get("content") == "complete" and len(json.dumps(concepts)) < _LARGEST_SYSTEM * 20
    return kept | {"content": "complete", "concept": concepts} if complete else None


def _part(part: Json) -> Json:
    kept = {name: part[name] for name in ("system", "filter", "valueSet") if name in part}
    return kept | ({"concept": [{"code": each["code"]} for each in part["concept"]]} if "concept" in part else {})


def _concept(concept: Json) -> Json:
    kept: Json = {"code": concept["code"]}
    parents = [p for p in concept.get("property", ()) if p.get("code") in ("parent", "subsumedBy")]
    below = [_concept(each) for each in concept.get("concept", ())]
    return kept | ({"property": parents} if parents else {}) | ({"concept": below} if below else {})


def _needed(definition: Json) -> Iterator[str]:
    """The canonicals that checks of a reduced definition ask for."""
    for element in definition.get("elements", ()):
        binding = element.get("binding", {})
        yield from (binding[name] for name in ("valueSet", "max") if binding.get(name))
        for entry in element.get("type", ()):
            yield from entry.get("profile", ())
            yield from (url for url in entry.get("targetProfile", ()) if not _is_type(url))
    for parts in definition.get("compose", {}).values():
        for part in parts:
            yield from part.get("valueSet", ())
            if "system" in part and "concept" not in part:
                yield part["system"]


def _is_type(url: str) -> bool:
    return url.startswith(R4_URL) and url.removeprefix(R4_URL)[:1].isupper()


def build(packages: Sequence[Package], us_core: dict[str, Json]) -> Json:
    """The content of the file; `us_core` by canonical. Raises ValueError when the first package is not mCODE 4.0.0."""
    mcode = packages[0]
    if (mcode.name, mcode.version) != PACKAGE:
        raise ValueError(f"expected {PACKAGE[0]} {PACKAGE[1]}, found {mcode.name} {mcode.version}")
    definitions = Definitions(packages, us_core)
    for url, entry in sorted(mcode.index.items()):
        if entry.kind == "StructureDefinition":
            definitions.add(url)
    return {
        "name": mcode.name,
        "version": mcode.version,
        "license": "CC0-1.0",
        "missing": dict(sorted(definitions.missing.items())),
        "resources": [definitions.found[url] for url in sorted(definitions.found)],
    }


def render(content: Json) -> bytes:
    """The JSON text, one line a definition so that a diff shows which one changed."""
    head = json.dumps({name: value for name, value in content.items() if name != "resources"})
    lines = (json.dumps(each, separators=(",", ":")) for each in content["resources"])
    return (head[:-1] + ', "resources": [\n' + ",\n".join(lines) + "\n]}\n").encode("ascii")


def main(arguments: list[str] | None = None) -> int:
    """Write the file and say what is in it; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write fhirconv/data/mcode-definitions.json.")
    parser.add_argument("packages", nargs="+", help="hl7.fhir.us.mcode 4.0.0 first, then what it builds on")
    parser.add_argument("--us-core", type=Path, required=True, metavar="FOLDER", help="stand-ins for US Core")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    try:
        stand_ins = [json.loads(path.read_bytes()) for path in sorted(options.us_core.glob("*.json"))]
        us_core = {each["url"]: each for each in stand_ins}
        content = build([load_package(each) for each in options.packages], us_core)
    except (FhirconvError, ValueError, OSError) as error:
        print(f"mcode_definitions: {error}", file=sys.stderr)
        return 1
    rendered = render(content)
    options.output.write_bytes(rendered)
    missing = len(content["missing"])
    print(f"{options.output.name}: {len(rendered)} bytes, {len(content['resources'])} definitions, {missing} missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
