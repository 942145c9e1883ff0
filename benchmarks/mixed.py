"""Mixed made-up cases in any number, as lines of NDJSON: the same number gives the same lines everywhere.

    python benchmarks/mixed.py 100000 > cases.ndjson

Each case has an id of its own. Most have 3 to 120 facts (median near 20): the course of a breast cancer with a growing
number of laboratory results; in every other some words have no code. One in 25 is a fixture of fixtures/cases under another
id, so that each kind of fact is there. One line in 1,000 is broken, in turn in each way of BREAKS.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson

from fhirconv.bundle import dump_json
from fhirconv.source import read_file

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "cases"
FEWEST, MEDIAN, MOST = 3, 20, 120  # facts of a case
SPREAD = 0.75  # of the logarithm of their number
FIXTURE_EVERY = 25
BROKEN_EVERY, BROKEN_AT = 1000, 517

Case = dict[str, Any]


class Analyte(NamedTuple):
    """A laboratory test; `digits` after the decimal point, as printed."""

    name: str
    unit: str
    low: float
    high: float
    digits: int = 1


ANALYTES = (
    Analyte("Hb", "g/dL", 7, 15),
    Analyte("platelets", "10^3/uL", 90, 400, 0),
    Analyte("WBC", "10^3/uL", 2.5, 11, 2),
    Analyte("CA15-3", "U/mL", 10, 90, 2),
    Analyte("CEA", "ng/mL", 1, 9, 2),
    Analyte("AST", "U/L", 12, 90, 0),
    Analyte("ALT", "U/L", 10, 90, 0),
    Analyte("LDH", "U/L", 130, 600, 0),
    Analyte("albumin", "g/dL", 2.8, 4.9),
    Analyte("CRP", "mg/dL", 0.02, 9, 2),
)
UNCODED = (Analyte("creatinine", "mg/dL", 0.5, 1.4, 2), Analyte("soluble mesothelin", "nmol/L", 0.3, 2, 2))
DRUGS = (
    "letrozole",
    "palbociclib",
    "fulvestrant",
    "exemestane",
    "capecitabine",
    "paclitaxel",
    "denosumab",
    "elacestrant",
)
PROCEDURES = (
    ("PET-CT", "imaging"),
    ("CT", "imaging"),
    ("needle biopsy", "biopsy"),
    ("mastectomy", "surgery"),
    ("vertebroplasty", "other"),
)
CONDITIONS = (
    ("bone metastasis", "metastasis"),
    ("liver metastasis", "metastasis"),
    ("anemia", "other"),
    ("hot flushes", "symptom"),
)


def mixed_cases(count: int) -> Iterator[bytes]:
    """The first `count` lines, without line ends."""
    for number in range(count):
        line = dump_json(_case(number)).rstrip()
        if number % BROKEN_EVERY == BROKEN_AT:
            line = BREAKS[number // BROKEN_EVERY % len(BREAKS)](line)
        yield line


def is_broken(number: int) -> bool:
    """Whether the line of this number (from 0) makes no Bundle."""
    return number % BROKEN_EVERY == BROKEN_AT


def _case(number: int) -> Case:
    identity = f"mixed-{number}"
    if number % FIXTURE_EVERY == 0:
        fixture = _fixtures()[number // FIXTURE_EVERY % len(_fixtures())]
        return {**fixture, "case": {**fixture["case"], "id": identity}}
    return _course(Random(number), identity)


@cache
def _fixtures() -> tuple[Case, ...]:
    """The cases of fixtures/cases; none names a text beside it, since a line has no folder."""
    cases = [read_file(path).data for path in sorted(FIXTURES.glob("*.yaml"))]
    for case in cases:
        case.get("source", {}).pop("text", None)
    return tuple(cases)


def _course(draw: Random, identity: str) -> Case:
    """A course of breast cancer: case, patient, cancer, and of the other facts about one in four no laboratory result."""
    size = min(max(round(MEDIAN * math.exp(draw.gauss(0, SPREAD))), FEWEST), MOST)
    year = draw.randint(2010, 2022)
    others = (size - 3) // 7
    drugs, conditions = min(others, len(DRUGS)), min(others // 3, len(CONDITIONS))
    procedures = min(others // 2, len(PROCEDURES))
    return {
        "case": {"id": identity, "recorded": f"{year + 2}-12-31T12:00:00Z"},
        "patient": {"sex": "female", "birth_date": str(year - draw.randint(35, 80)), "vital_status": "alive"},
        "conditions": [
            {
                "id": "primary",
                "kind": "primary-cancer",
                "name": "breast cancer",
                "site": "breast",
                "onset": f"{year}-01",
            },
            *(
                {"id": f"c{at}", "kind": kind, "name": name, "onset": f"{year}-{at + 2:02d}"}
                | ({"of": "primary"} if kind == "metastasis" else {})
                for at, (name, kind) in enumerate(draw.sample(CONDITIONS, conditions))
            ),
        ],
        "labs": list(_labs(draw, year, size - 3 - drugs - conditions - procedures)),
        "medications": [
            {"drug": drug, "status": "active", "start": f"{year}-{at + 2:02d}", "for": "primary"}
            for at, drug in enumerate(draw.sample(DRUGS, drugs))
        ],
        "procedures": [
            {
                "procedure": name,
                "kind": kind,
                "status": "completed",
                "at": f"{year}-{at + 2:02d}-{draw.randint(1, 28):02d}",
            }
            for at, (name, kind) in enumerate(draw.sample(PROCEDURES, procedures))
        ],
    }


def _labs(draw: Random, year: int, count: int) -> Iterator[Case]:
    """Results in rounds of all the tests, a round every two months."""
    day = draw.randint(1, 28)
    tests = ANALYTES + UNCODED if draw.random() < 0.25 else ANALYTES
    for at in range(count):
        months, test = divmod(at, len(tests))
        analyte = tests[test]
        value = f"{draw.uniform(analyte.low, analyte.high):.{analyte.digits}f}"
        lab = {
            "analyte": analyte.name,
            "value": orjson.Fragment(value),  # 9.50 stays 9.50
            "unit": analyte.unit,
            "at": f"{year + months // 6}-{months % 6 * 2 + 1:02d}-{day:02d}",
        }
        if draw.random() < 0.1:
            lab["interpretation"] = "high"
        yield lab


# Ways to break a line. -----------------------------------------------------------------------------------------------


def _cut(line: bytes) -> bytes:
    return line[: len(line) // 2]


def _no_object(line: bytes) -> bytes:
    return b"[" + line + b"]"


def _no_utf8(line: bytes) -> bytes:
    return line.replace(b'"mixed-', b'"\xff-', 1)


def _unknown_section(line: bytes) -> bytes:
    return line[:-1] + b',"laboratory":[]}'


def _repeated_key(line: bytes) -> bytes:
    return line[:-1] + b',"case":{"id":"twice"}}'


def _no_patient(line: bytes) -> bytes:
    return line.replace(b'"patient"', b'"patients"', 1)


def _impossible_date(line: bytes) -> bytes:
    return line[:-1] + b',"stages":[{"id":"s","stage":"II","at":"2014-02-30"}]}'


def _unknown_unit(line: bytes) -> bytes:
    return line[:-1] + b',"findings":[{"finding":"size","value":2,"unit":"cubits"}]}'


def _two_values(line: bytes) -> bytes:
    return line[:-1] + b" {}"


BREAKS: tuple[Callable[[bytes], bytes], ...] = (
    _cut, _no_object, _no_utf8, _unknown_section, _repeated_key, _no_patient, _impossible_date, _unknown_unit, _two_values,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Mixed made-up cases as NDJSON on standard output.")
    parser.add_argument("cases", type=int, help="how many lines")
    sys.stdout.buffer.writelines(line + b"\n" for line in mixed_cases(parser.parse_args().cases))


if __name__ == "__main__":
    main()
