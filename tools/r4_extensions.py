"""Make fhirconv/data/r4-extensions.json: the extensions that HL7 defines for R4, as compact data.

Sources: the packages hl7.fhir.r4.core 4.0.1 and hl7.fhir.uv.extensions.r4 (both CC0-1.0). Where both define an
extension, what either allows is allowed.

    python tools/r4_extensions.py CORE.tgz EXTENSIONS.tgz

One line an extension, by URL: `value` the types that its value may have (absent: it has none), `codes` those of a
required binding, `contexts` where it may stand (absent: not stated as elements), `modifier`, `min` of a nested one, `nested` by URL.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r4_definitions import Codes, NotEnumerableError, read_package

Json = dict[str, Any]

_WORK_GROUPS = "http://terminology.hl7.org/CodeSystem/hl7-work-group"
TARGET = Path(__file__).resolve().parent.parent / "fhirconv" / "data" / "r4-extensions.json"


def definitions(package: Path) -> Iterator[Json]:
    """Yield the StructureDefinitions of extensions in a package."""
    with tarfile.open(package, "r:gz") as archive:
        for member in archive:
            name = member.name.removeprefix("package/")
            if not name.startswith("StructureDefinition-") or "/" in name:
                continue
            handle = archive.extractfile(member)
            content = json.load(handle) if handle else {}
            if content.get("type") == "Extension" and content.get("derivation") == "constraint":
                yield content


def entry_of(definition: Json, codes: Codes) -> Json:
    """Return the compact entry of one extension."""
    elements = definition["snapshot"]["element"]
    made = _shape("Extension", elements, codes)
    contexts = definition.get("context", [])
    if contexts and all(one["type"] == "element" for one in contexts):
        made["contexts"] = sorted({one["expression"] for one in contexts})
    if elements[0].get("isModifier"):
        made["modifier"] = True
    return made


def _bound(element: Json, codes: Codes) -> Json:
    binding = element.get("binding", {})
    if binding.get("strength") != "required" or made_of(element) != ["code"]:
        return {}
    try:
        members = codes.of(binding["valueSet"])
    except NotEnumerableError:
        return {}
    # Work groups come and go; the list of 4.0.1 is no longer theirs.
    return {} if any(system == _WORK_GROUPS for system, _ in members) else {"codes": sorted({c for _, c in members})}


def made_of(element: Json) -> list[str]:
    """Return the sorted names of the types that an element may have."""
    return sorted({one["code"] for one in element["type"]})


def _shape(identity: str, elements: list[Json], codes: Codes) -> Json:
    """Return value types and nested extensions of the element with this id."""
    made: Json = {}
    for element in elements:
        parent, _, name = element["id"].rpartition(".")
        if parent != identity:
            continue
        if name.startswith("value") and element["max"] != "0":
            made |= {"value": made_of(element)} | _bound(element, codes)
        elif name.startswith("extension:") and element["max"] != "0":
            nested = _shape(element["id"], elements, codes)
            address = next(e for e in elements if e["id"] == element["id"] + ".url")
            url = address.get("fixedUri") or name.partition(":")[2]  # one definition forgets to fix it
            if element["min"]:
                nested["min"] = element["min"]
            made.setdefault("nested", {})[url] = nested
    return made


def merged(one: Json, other: Json) -> Json:
    """Return what either entry allows."""
    made: Json = {}
    if value := sorted({*one.get("value", ()), *other.get("value", ())}):
        made["value"] = value
    if "codes" in one and "codes" in other:
        made["codes"] = sorted({*one["codes"], *other["codes"]})
    if "contexts" in one and "contexts" in other:
        made["contexts"] = sorted({*one["contexts"], *other["contexts"]})
    if one.get("modifier") and other.get("modifier"):
        made["modifier"] = True
    if one.get("min") and other.get("min"):
        made["min"] = 1
    nested = {**other.get("nested", {}), **one.get("nested", {})}
    if nested:
        both = one.get("nested", {}).keys() & other.get("nested", {}).keys()
        made["nested"] = {
            url: merged(one["nested"][url], other["nested"][url])
            if url in both
            else {key: value for key, value in entry.items() if key != "min"}
            for url, entry in sorted(nested.items())
        }
    return made


def main(arguments: list[str]) -> int:
    """Write the file and say how much it holds; returns the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    entries: dict[str, Json] = {}
    codes = Codes(read_package(Path(arguments[0]).read_bytes()))
    for package in map(Path, arguments):
        for definition in definitions(package):
            entry, url = entry_of(definition, codes), definition["url"]
            entries[url] = merged(entries[url], entry) if url in entries else entry
    lines = (f"{json.dumps(url)}:{json.dumps(entry, separators=(',', ':'))}" for url, entry in sorted(entries.items()))
    content = "{\n" + ",\n".join(lines) + "\n}\n"
    TARGET.write_text(content, encoding="ascii")
    print(f"{TARGET.name}: {len(content)} bytes, {len(entries)} extensions")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
