"""Make fhirconv/data/vitals-definitions.json: R4's own profiles of vital signs, with the value sets that they bind to.

Source: hl7.fhir.r4.core 4.0.1 (CC0-1.0), reduced as tools/mcode_definitions.py reduces mCODE, and by what R4 asks of every
Observation: its own invariants and extensible bindings. `profiles` names all profiles of R4 on resources, with their types.

    python tools/vitals_definitions.py CORE.tgz

The same package gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcode_definitions import Definitions, render

from fhirconv.issues import FhirconvError
from fhirconv.profiles.definitions import R4_URL
from fhirconv.profiles.packages import Package, load_package
from fhirconv.rules import RULES, invariant_rules
from fhirconv.validation.vitals import PROFILES

Json = dict[str, Any]

PACKAGE = ("hl7.fhir.r4.core", "4.0.1")
TARGET = Path(__file__).resolve().parent.parent / "fhirconv" / "data" / "vitals-definitions.json"

# vs-1 gives nothing where a Period stands, and so cannot be met there; its words speak of a dateTime only.
_AMENDED = {"($this as dateTime).toString().length() >= 8": "$this is dateTime implies $this.toString().length() >= 8"}


def _lean(core: Package) -> Package:
    """The package with its profiles reduced."""

    def read(url: str) -> Json:
        found = core.find(url) or {}
        return _reduced(found) if found.get("resourceType") == "StructureDefinition" else found

    entries = [(url, entry._replace(file=url)) for url, entry in core.index.items()]
    return Package({"name": core.name, "version": core.version}, read, lambda: iter(entries))


def _reduced(profile: Json) -> Json:
    return profile | {"snapshot": {"element": [_own(element) for element in profile["snapshot"]["element"]]}}


def _own(element: Json) -> Json:
    kept = {name: fact for name, fact in element.items() if name not in ("binding", "constraint")}
    if element.get("binding", {}).get("strength") == "required" and not element["id"].endswith("[x]"):
        kept["binding"] = element["binding"]  # units; that of a value of any type would ask a unit of codes and texts
    known = RULES.keys() | invariant_rules().keys()
    own = [one for one in element.get("constraint", ()) if one["key"] not in known]
    return kept | {
        "constraint": [one | {"expression": _AMENDED.get(one["expression"], one["expression"])} for one in own]
    }


def _profiles(core: Package) -> Iterator[tuple[str, str]]:
    """The name and type of every profile of R4 on a resource, sorted."""
    for url in sorted(core.index):
        found = core.find(url) or {}
        if found.get("derivation") == "constraint" and found["kind"] == "resource":
            yield url.removeprefix(R4_URL), found["type"]


def build(core: Package) -> Json:
    """The content of the file. Raises ValueError when the package is not R4's own, or lacks something."""
    if (core.name, core.version) != PACKAGE:
        raise ValueError(f"expected {PACKAGE[0]} {PACKAGE[1]}, found {core.name} {core.version}")
    definitions = Definitions([_lean(core)], {})
    for name in PROFILES:
        definitions.add(R4_URL + name)
    if definitions.missing:
        raise ValueError(f"{core.name} lacks {', '.join(definitions.missing)}")
    resources = [definitions.found[url] for url in sorted(definitions.found)]
    return {
        "name": core.name,
        "version": core.version,
        "license": "CC0-1.0",
        "profiles": dict(_profiles(core)),
        "resources": resources,
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the file and say what is in it; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write fhirconv/data/vitals-definitions.json.")
    parser.add_argument("core", help="the package hl7.fhir.r4.core 4.0.1")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    try:
        content = build(load_package(options.core))
    except (FhirconvError, ValueError, OSError) as error:
        print(f"vitals_definitions: {error}", file=sys.stderr)
        return 1
    rendered = render(content)
    options.output.write_bytes(rendered)
    print(f"{options.output.name}: {len(rendered)} bytes, {len(content['resources'])} definitions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
