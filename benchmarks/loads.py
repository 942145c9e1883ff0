"""The cases that the benchmarks convert: made up, and different for each number. For many mixed ones see mixed.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from fhirconv.identity import NAMESPACE
from fhirconv.mapping import Mappings

Facts = dict[str, Any]

ANALYTES = (("Hb", "g/dL", 9.5), ("platelets", "10*3/uL", 150), ("CA15-3", "U/mL", 30.6), ("CEA", "ng/mL", 5.2))
MORE_ANALYTES = (
    *ANALYTES,
    ("WBC", "10*3/uL", 4.1),
    ("neutrophil count", "10*3/uL", 2.2),
    ("RBC", "10*6/uL", 3.9),
    ("AST", "U/L", 21),
    ("ALT", "U/L", 19),
    ("LDH", "U/L", 180),
    ("albumin", "g/dL", 3.1),
    ("CRP", "mg/L", 1.4),
)


class Load(NamedTuple):
    """Cases of one kind; `facts` makes the case of a number, `few` is how many of them slow ways are timed on."""

    name: str
    facts: Callable[[int], Facts]
    count: int
    few: int

    def tenth(self) -> Load:
        """The same with a tenth of the cases."""
        return self._replace(count=self.count // 10, few=max(self.few // 10, 1))


def case_facts(number: int) -> Facts:
    """A case that becomes 20 resources."""
    labs = [
        {
            "analyte": ANALYTES[i % 4][0],
            "value": round(ANALYTES[i % 4][2] + number / 100 + i, 2),
            "unit": ANALYTES[i % 4][1],
            "at": f"20{10 + number % 14}-{i + 1:02d}-{number % 27 + 1:02d}",
        }
        for i in range(10)
    ]
    year = f"20{10 + number % 14}"
    return {
        "case": {"id": f"case-{number}", "recorded": f"{year}-12-31T12:00:00Z"},
        "patient": {"sex": "female", "birth_date": f"19{40 + number % 40}", "vital_status": "alive"},
        "conditions": [
            {"id": "primary", "kind": "primary-cancer", "name": "breast cancer", "site": "breast", "onset": f"{year}-01"},
            {"id": "bone", "kind": "metastasis", "name": "bone metastasis", "of": "primary", "onset": f"{year}-02"},
            {"id": "anemia", "kind": "other", "name": "anemia", "onset": f"{year}-03"},
        ],
        "labs": labs,
        "medications": [
            {"drug": drug, "status": "active", "start": f"{year}-{month:02d}", "for": "primary"}
            for month, drug in ((1, "letrozole"), (6, "palbociclib"), (7, "fulvestrant"))
        ],
        "procedures": [
            {"procedure": "PET-CT", "kind": "imaging", "status": "completed", "at": f"{year}-02-{number % 27 + 1:02d}"},
            {"procedure": "needle biopsy", "kind": "biopsy", "status": "completed", "at": f"{year}-01", "for": "primary"},
        ],
    }  # fmt: skip


def with_labs(number: int, count: int) -> Facts:
    """The same case with `count` laboratory results: twelve analytes, and a day for each dozen."""
    facts = case_facts(number)
    facts["case"]["id"] = f"labs-{count}-{number}"
    facts["labs"] = [_lab(number, i) for i in range(count)]
    facts["case"]["recorded"] = f"{10 + number % 14 + 2000 + _years(count)}-12-31T12:00:00Z"
    return facts


def many_labs(number: int) -> Facts:
    """A case with 120 laboratory results."""
    return with_labs(number, 120)


REFERENCE = Load("20 resources", case_facts, 300, 30)
LABS = Load("120 lab values", many_labs, 60, 6)


def json_text(facts: Facts) -> bytes:
    """The case as a file has it."""
    return json.dumps(facts).encode()


def tables_by_hand(mappings: Mappings, cases: list[Facts]) -> dict[str, Any]:
    """What a program written by hand knows: the codings of the words and units in these cases, as plain JSON data."""
    concepts, units = mappings.tables.concepts, mappings.tables.units
    words: dict[str, set[str]] = {"observation-categories": {"Laboratory"}, "agents": {"Assembler"}}
    for table, section, field in (
        ("conditions", "conditions", "name"),
        ("sites", "conditions", "site"),
        ("labs", "labs", "analyte"),
        ("drugs", "medications", "drug"),
        ("procedures", "procedures", "procedure"),
        ("procedure-categories", "procedures", "kind"),
    ):
        words[table] = {one[field] for case in cases for one in case.get(section, ()) if field in one}
    codes = {table: {one: _codings(concepts[table].find(one)) for one in sorted(some)} for table, some in words.items()}
    spelt = {one["unit"] for case in cases for one in case.get("labs", ()) if "unit" in one}
    return {
        "system": mappings.tables.identifier_systems["fact"],
        "case_system": mappings.tables.identifier_systems["case"],
        "namespace": NAMESPACE.hex,
        "codes": codes,
        "units": {one: units.find(one) for one in sorted(spelt)},
    }


def with_decimals(text: bytes) -> Facts:
    """Facts whose numbers keep their digits."""
    facts: Facts = json.loads(text, parse_float=Decimal)
    return facts


def _codings(concept: Any) -> list[dict[str, str]]:
    return [dict(one) for one in concept.codings] if concept else []


def _lab(number: int, i: int) -> dict[str, Any]:
    analyte, unit, usual = MORE_ANALYTES[i % 12]
    day = i // 12
    at = f"{2010 + number % 14 + day // 336}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}"
    return {"analyte": analyte, "value": round(usual + number / 100 + day % 10 / 10, 2), "unit": unit, "at": at}


def _years(labs: int) -> int:
    return (labs - 1) // 12 // 336
