"""What fhirconv and its peers make of the input that case reports bring: row by row, as seen by running.

    python benchmarks/torture.py [--details]

Each row is one small case, right but for one thing, given as JSON text to each of them in turn. `right` is what a data
manager would want: the stated thing kept as it was stated, or a refusal where it cannot be told. `wrong` is a value that
says something else, or that is gone without a word. Between them: `as text` (kept, but no number, or no code), `noted`
(left out, and said so), `refused` (said so, where it could have been converted). A dash: the peer has no place for it. The
last row is HAPI's validator on the Bundle of the sound case (tests/validator, if it is built; not with --no-peers).
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import judges
from loads import Facts, tables_by_hand
from peers.service import BENCHMARKS, started, there
from timing import print_table

from fhirconv.bundle import dump_json
from fhirconv.conversion import convert_document
from fhirconv.mapping import load_mappings
from fhirconv.source import read_bytes

REFUSED, WARNED = "right: refused", "right: warned"
LONGEST = 400  # characters of a line of details

SOUND: Facts = {
    "case": {"id": "torture", "recorded": "2020-01-01T12:00:00Z"},
    "patient": {"sex": "female", "birth_date": "1950-02", "vital_status": "alive"},
    "conditions": [
        {"id": "primary", "kind": "primary-cancer", "name": "breast cancer", "site": "breast", "onset": "2018-01"}
    ],
    "labs": [{"analyte": "Hb", "value": Decimal("9.8"), "unit": "g/dL", "at": "2019-04-02"}],
    "medications": [{"drug": "letrozole", "status": "active", "start": "2018-02", "for": "primary"}],
    "procedures": [{"procedure": "PET-CT", "kind": "imaging", "status": "completed", "at": "2018-01-15"}],
}


class Row(NamedTuple):
    """One thing that is wrong or odd: the section and the fields that are changed in its first fact, and the judge.

    A field that becomes None is not there; with `again` the first fact stays, and a second one is changed.
    """

    name: str
    section: str
    change: dict[str, Any]
    judge: judges.Judge
    refuse: bool = False  # whether refusing is right
    shown: str = ""  # the element that --details shows also where it is as in the sound case


NO_DATE = "no date, in one of two rows"
ROWS = (
    Row("year alone: 2019", "labs", {"at": "2019"}, judges.element("Observation", "effectiveDateTime", "2019")),
    Row("month only: 2019-03", "labs", {"at": "2019-03"}, judges.element("Observation", "effectiveDateTime", "2019-03")),
    Row("full date: 2019-03-12", "labs", {"at": "2019-03-12"}, judges.element("Observation", "effectiveDateTime", "2019-03-12")),
    Row(NO_DATE, "labs", {"again": True, "at": None, "value": Decimal("9.9")}, judges.both_results),
    Row("ambiguous date: 03/04/2019", "labs", {"at": "03/04/2019"}, judges.never("Observation", "effectiveDateTime"), True),
    Row("German date: 12.03.2019", "labs", {"at": "12.03.2019"}, judges.element("Observation", "effectiveDateTime", "2019-03-12"), True),
    Row("one reading only: 15/03/2019", "labs", {"at": "15/03/2019"}, judges.element("Observation", "effectiveDateTime", "2019-03-15")),
    Row("words: March 2019", "labs", {"at": "March 2019"}, judges.element("Observation", "effectiveDateTime", "2019-03")),
    Row("words: ca. 2019", "labs", {"at": "ca. 2019"}, judges.never("Observation", "effectiveDateTime"), True),
    Row("no such day: 2019-02-30", "labs", {"at": "2019-02-30"}, judges.never("Observation", "effectiveDateTime"), True),
    Row("time without zone: 2019-04-02T08:30", "labs", {"at": "2019-04-02T08:30"}, judges.no_zone, True),
    Row("trailing zero: 9.80", "labs", {"value": Decimal("9.80")}, judges.amount("9.80")),
    Row(
        "22 digits: 12345678901234567890.10", "labs",
        {"analyte": "zorbin", "value": Decimal("12345678901234567890.10")}, judges.amount("12345678901234567890.10"),
    ),
    Row("comparator: <20", "labs", {"analyte": "CEA", "unit": "ng/mL", "value": "<20"}, judges.amount("20", "<")),
    Row("decimal comma: 9,8", "labs", {"value": "9,8"}, judges.number_kept, True),
    Row("with its flag: 412 (H)", "labs", {"analyte": "CA15-3", "unit": "U/mL", "value": "412 (H)"}, judges.flagged("412", "H")),
    Row("CA 15-3 412 U/mL", "labs", {"analyte": "CA15-3", "unit": "U/mL", "value": 412}, judges.coded_unit("412", "U/mL")),
    Row("empty value", "labs", {"value": ""}, judges.said_absent, True),
    Row("unknown unit: drops", "labs", {"analyte": "zorbin", "unit": "drops"}, judges.unit_not_invented),
    Row("unknown analyte: zorbin", "labs", {"analyte": "zorbin"}, judges.code_not_invented),
    Row("a factor of ten: Hb 98 g/dL", "labs", {"value": Decimal("98")}, judges.never_said, True),
    Row("before birth: 1935", "labs", {"at": "1935-04-02"}, judges.never_said, True),
    Row("the same row twice", "labs", {"again": True}, judges.only_one, True),
    Row("one id, two diagnoses", "conditions", {"again": True, "name": "anemia", "kind": "other"}, judges.not_both, True, "id"),
    Row("a site without a side", "conditions", {"name": "lung cancer", "site": "lung"}, judges.site_kept("lung")),
    Row("link to no diagnosis", "medications", {"for": "nothing"}, judges.no_dead_link, True),
    Row("markup in words", "medications", {"drug": judges.MARKUP}, judges.escaped, shown="text"),
    Row("sex: F", "patient", {"sex": "F"}, judges.element("Patient", "gender", "female"), True),
    Row("status: done", "procedures", {"status": "done"}, judges.never("Procedure", "status"), True),
)  # fmt: skip
VALIDATED = "HAPI's validator on the Bundle"
NO_PLACE = {
    "fhir.resources": {NO_DATE},  # by_hand.py, which makes its dicts, is for cases with dates
    "fhircraft 0.9.0": {NO_DATE},
    "csvtofhir 1.2.0": {"link to no diagnosis", "a site without a side", VALIDATED},  # it makes no Bundle
}
TYPES = {
    "patient": "Patient",
    "conditions": "Condition",
    "labs": "Observation",
    "medications": "MedicationStatement",
    "procedures": "Procedure",
}
OURS = {"resourceType", "id", "meta", "identifier", "text"}  # what differs with each case, or comes from our programs
Validate = Callable[[bytes], list[str]]  # the errors of a Bundle


class Outcome(NamedTuple):
    """The verdict, what stopped it or what it noted, and the JSON that the verdict is about."""

    verdict: str
    told: str = ""
    made: str = ""


def facts_of(row: Row) -> Facts:
    """The case of a row."""
    facts = copy.deepcopy(SOUND)
    change = dict(row.change)
    where = facts["patient"] if row.section == "patient" else facts[row.section][0]
    if change.pop("again", False):
        where = where.copy()
        facts[row.section].append(where)
    where.update(change)
    for key in [key for key, value in where.items() if value is None]:
        del where[key]
    return facts


def outcome(row: Row, answer: dict[str, Any], sound: dict[str, Any]) -> Outcome:
    """The verdict on an answer of peers/serving.py; `sound` is that to the sound case, whose notes do not count."""
    if "refused" in answer:
        return Outcome(REFUSED if row.refuse else "refused", answer["refused"])
    made = json.loads(answer["made"], parse_float=str, parse_int=str)
    verdict = row.judge([entry["resource"] for entry in made["entry"]])
    notes = "; ".join(one for one in answer["notes"] if one not in sound["notes"])
    if notes and verdict == judges.UNNOTICED:
        verdict = WARNED
    elif notes and verdict in (judges.GONE, judges.VALUELESS, judges.LOST):
        verdict = "noted"
    return Outcome(verdict, notes, _difference(row, answer["made"], sound["made"]))


def _difference(row: Row, made: str, sound: str) -> str:
    """As JSON, of the resources that a row is about: what is other than in the sound case, or there once more."""
    kind = TYPES[row.section]
    ((first, *_), some) = (
        judges.of_type([entry["resource"] for entry in json.loads(text, parse_float=Decimal)["entry"]], kind)
        for text in (sound, made)
    )
    shown = (
        {
            key: one.get(key)
            for key in sorted(first.keys() | one.keys())
            if key == row.shown or (key not in OURS and one.get(key) != first.get(key))
        }
        for one in some
    )
    return " ".join(dump_json(one).decode() for one in shown)


def ours() -> Callable[[bytes], dict[str, Any]]:
    """fhirconv, answering as a peer does."""
    mappings = load_mappings()

    def show(text: bytes) -> dict[str, Any]:
        result = convert_document(read_bytes(text, "torture.json"), mappings)
        told = [f"{one.severity} {one.rule}: {one.message}" for one in result.issues]
        return {"made": result.json().decode(), "notes": told} if result.ok else {"refused": "; ".join(told)}

    return show


def outcomes(with_peers: bool) -> Iterator[tuple[str, list[Outcome]]]:
    """Of each that is there, the outcomes of all rows."""
    show = ours()
    texts = [dump_json(SOUND), *(dump_json(facts_of(row)) for row in ROWS)]
    mappings = load_mappings()
    with validator(with_peers) as errors_of:
        yield "fhirconv", _judged("fhirconv", [show(text) for text in texts], errors_of)
        for peer in there(with_peers):
            with started(peer) as service:
                answers = [service.show(text, tables_by_hand(mappings, [json.loads(text)])) for text in texts]
            yield peer.name, _judged(peer.name, answers, errors_of)


def _judged(name: str, answers: list[dict[str, Any]], errors_of: Validate | None) -> list[Outcome]:
    """The outcomes of all rows; the first answer is that to the sound case, which all of them must take."""
    sound, *rest = answers
    assert "made" in sound, f"{name} does not take the sound case: {sound}"
    dashes = NO_PLACE.get(name, set())
    judged = [
        Outcome("-") if row.name in dashes else outcome(row, answer, sound)
        for row, answer in zip(ROWS, rest, strict=True)
    ]
    if errors_of is None or VALIDATED in dashes:
        return [*judged, Outcome("-")]
    errors = errors_of(sound["made"].encode())
    return [*judged, Outcome(f"wrong: {len(errors)} errors" if errors else "right", "; ".join(errors))]


@contextmanager
def validator(is_wanted: bool) -> Iterator[Validate | None]:
    """HAPI's validator in a JVM of its own, or None where it is not wanted or not built."""
    sys.path.insert(0, str(BENCHMARKS.parent))  # for tests.validator
    from tests.validator import install
    from tests.validator.oracle import Oracle

    if not is_wanted or not install.CLASSES.is_dir():
        if is_wanted:
            print("left out: HAPI's validator; python -m tests.validator.install builds it\n")
        yield None
        return
    with Oracle("hapi") as oracle:
        yield lambda text: [str(one) for one in oracle.outcome(text) if one.is_error]


def print_outcomes(with_peers: bool, details: bool) -> None:
    """The table, a row a line and a peer a column; with `details` what each made and said."""
    found = dict(outcomes(with_peers))
    names = [*(row.name for row in ROWS), VALIDATED]
    lines = [
        (name, *(column[i].verdict.replace("|", "\\|") for column in found.values())) for i, name in enumerate(names)
    ]
    counts = (sum(one.verdict.startswith("right") for one in column) for column in found.values())
    print_table(("", *found), [*lines, ("right, of " + str(len(names)), *map(str, counts))])
    for i, name in enumerate(names if details else ()):
        print(f"\n{name}")
        for peer, column in found.items():
            _, told, made = column[i]
            print(f"  {peer:24} {column[i].verdict}")
            print("".join(f"    {' '.join(one.split())[:LONGEST]}\n" for one in (made, told) if one), end="")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--details", action="store_true", help="the JSON that each made of each row, and what it said")
    parser.add_argument("--no-peers", action="store_true", help="of the peers fhir.resources only, and no validator")
    given = parser.parse_args()
    print_outcomes(not given.no_peers, given.details)


if __name__ == "__main__":
    main()
