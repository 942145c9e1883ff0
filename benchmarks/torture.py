"""What fhirconv and its peers make of the input that case reports bring: row by row, as seen by running.

    python benchmarks/torture.py [--details]

Each row is one small case, right but for one thing, given as JSON text to each of them in turn. `right` is what a data
manager would want: the stated thing kept as it was stated, or a refusal where it cannot be told. `wrong` is a value that
says something else, or that is gone without a word. Between them: `as text` (kept, but no number), `noted` (left out, and
said so), `refused` (said so, where it could have been converted). A dash: the peer has no place for it.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, NamedTuple

import judges
from loads import Facts, tables_by_hand
from peers.service import started, there
from timing import print_table

from fhirconv.bundle import dump_json
from fhirconv.conversion import convert_document
from fhirconv.mapping import load_mappings
from fhirconv.source import read_bytes

REFUSED, WARNED = "right: refused", "right: warned"

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
    """One thing that is wrong or odd: the section and the fields that are changed in its first fact, and the judge."""

    name: str
    section: str
    change: dict[str, Any]
    judge: judges.Judge
    refuse: bool = False  # whether refusing is right


ROWS = (
    Row("month only: 2019-04", "labs", {"at": "2019-04"}, judges.element("Observation", "effectiveDateTime", "2019-04")),
    Row("ambiguous date: 03/04/2019", "labs", {"at": "03/04/2019"}, judges.never("Observation", "effectiveDateTime"), True),
    Row("German date: 12.03.2019", "labs", {"at": "12.03.2019"}, judges.element("Observation", "effectiveDateTime", "2019-03-12"), True),
    Row("no such day: 2019-02-30", "labs", {"at": "2019-02-30"}, judges.never("Observation", "effectiveDateTime"), True),
    Row("time without zone: 2019-04-02T08:30", "labs", {"at": "2019-04-02T08:30"}, judges.no_zone, True),
    Row("trailing zero: 1.50", "labs", {"analyte": "CEA", "unit": "ng/mL", "value": Decimal("1.50")}, judges.amount("1.50")),
    Row(
        "22 digits: 12345678901234567890.10", "labs",
        {"analyte": "zorbin", "value": Decimal("12345678901234567890.10")}, judges.amount("12345678901234567890.10"),
    ),
    Row("comparator: <0.5", "labs", {"analyte": "CEA", "unit": "ng/mL", "value": "<0.5"}, judges.amount("0.5", "<")),
    Row("decimal comma: 9,8", "labs", {"value": "9,8"}, judges.number_kept, True),
    Row("empty value", "labs", {"value": ""}, judges.said_absent, True),
    Row("unknown unit: drops", "labs", {"analyte": "zorbin", "unit": "drops"}, judges.unit_not_invented),
    Row("unknown analyte: zorbin", "labs", {"analyte": "zorbin"}, judges.code_not_invented),
    Row("a factor of ten: Hb 98 g/dL", "labs", {"value": Decimal("98")}, judges.never_said, True),
    Row("before birth: 1935", "labs", {"at": "1935-04-02"}, judges.never_said, True),
    Row("the same row twice", "labs", {"again": True}, judges.only_one, True),
    Row("one id, two diagnoses", "conditions", {"again": True, "name": "anemia", "kind": "other"}, judges.not_both, True),
    Row("link to no diagnosis", "medications", {"for": "nothing"}, judges.no_dead_link, True),
    Row("markup in words", "medications", {"drug": judges.MARKUP}, judges.escaped),
    Row("sex: F", "patient", {"sex": "F"}, judges.element("Patient", "gender", "female"), True),
    Row("status: done", "procedures", {"status": "done"}, judges.never("Procedure", "status"), True),
)  # fmt: skip
NO_PLACE = {"csvtofhir 1.2.0": {"link to no diagnosis", "one id, two diagnoses"}}


class Outcome(NamedTuple):
    """The verdict, and what stopped it or what it noted."""

    verdict: str
    told: str = ""


def facts_of(row: Row) -> Facts:
    """The case of a row."""
    facts = copy.deepcopy(SOUND)
    change = dict(row.change)
    if row.section == "patient":
        facts["patient"].update(change)
    elif change.pop("again", False):
        facts[row.section].append({**facts[row.section][0], **change})
    else:
        facts[row.section][0].update(change)
    return facts


def outcome(row: Row, answer: dict[str, Any], usual: Sequence[str]) -> Outcome:
    """The verdict on an answer of peers/serving.py; `usual` are the notes that it has of a sound case too."""
    if "refused" in answer:
        return Outcome(REFUSED if row.refuse else "refused", answer["refused"])
    made = json.loads(answer["made"], parse_float=str, parse_int=str)
    verdict = row.judge([entry["resource"] for entry in made["entry"]])
    notes = "; ".join(one for one in answer["notes"] if one not in usual)
    if notes and verdict == judges.UNNOTICED:
        verdict = WARNED
    elif notes and verdict in (judges.GONE, judges.VALUELESS, judges.LOST):
        verdict = "noted"
    return Outcome(verdict, notes)


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
    yield "fhirconv", _judged("fhirconv", [show(text) for text in texts])
    mappings = load_mappings()
    for peer in there(with_peers):
        with ExitStack() as stack:
            service = stack.enter_context(started(peer))
            answers = [service.show(text, tables_by_hand(mappings, [json.loads(text)])) for text in texts]
        yield peer.name, _judged(peer.name, answers)


def _judged(name: str, answers: list[dict[str, Any]]) -> list[Outcome]:
    """The outcomes of all rows; the first answer is that to the sound case, which all of them must take."""
    sound, *rest = answers
    assert "made" in sound, f"{name} does not take the sound case: {sound}"
    dashes = NO_PLACE.get(name, set())
    return [
        Outcome("-") if row.name in dashes else outcome(row, answer, sound["notes"])
        for row, answer in zip(ROWS, rest, strict=True)
    ]


def print_outcomes(with_peers: bool, details: bool) -> None:
    """The table, a row a line and a peer a column; with `details` what each said."""
    found = dict(outcomes(with_peers))
    lines = [
        (row.name, *(column[i].verdict.replace("|", "\\|") for column in found.values())) for i, row in enumerate(ROWS)
    ]
    counts = (sum(one.verdict.startswith("right") for one in column) for column in found.values())
    print_table(("", *found), [*lines, ("right, of " + str(len(ROWS)), *map(str, counts))])
    if details:
        for i, row in enumerate(ROWS):
            print(f"\n{row.name}")
            for name, column in found.items():
                print(f"  {name:24} {column[i].verdict:24} {column[i].told[:200]}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--details", action="store_true", help="what each said to each row")
    parser.add_argument("--no-peers", action="store_true", help="of the peers fhir.resources only")
    given = parser.parse_args()
    print_outcomes(not given.no_peers, given.details)


if __name__ == "__main__":
    main()
