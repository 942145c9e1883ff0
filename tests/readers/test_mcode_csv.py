"""The reader mcode-csv on the sample of mcode-extraction-framework, against its expected Bundles, and on what it gets wrong."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirconv.conversion import Conversion

from . import peer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mcode-csv.md").read_text(encoding="utf-8")
LAB = {
    "mrn": "m1",
    "observationid": "o1",
    "status": "final",
    "code": "6875-9",
    "codesystem": "http://loinc.org",
    "displayname": "CA 15-3",
    "value": "412 U/mL",
    "effectivedate": "2019-03-12",
}
FILES = {
    table: f"{(name or table).replace('_', '-')}.csv"
    for table, name in {
        "patient": "patient-information",
        "patient_mrns": "",
        "condition": "condition-information",
        "staging": "staging-information",
        "disease_status": "cancer-disease-status-information",
        "observation": "observation-information",
        "medication": "cancer-related-medication-administration-information",
        "procedure": "procedure-information",
        "adverse_event": "adverse-event-information",
        "ctc_adverse_event": "ctc-adverse-event-information",
        "appointment": "appointment-information",
        "encounter": "encounter-information",
        "clinical_trial": "clinical-trial-information",
        "medication_request": "cancer-related-medication-request-information",
        "treatment_plan_change": "treatment-plan-change-information",
    }.items()
}
CANCER = {"mrn": "m1", "conditionid": "c1", "codesystem": peer.SNOMED, "code": "254837009", "displayname": "cancer"}


def told(made: Conversion) -> list[str]:
    """The errors and warnings of a case: file, line, column and rule."""
    found = [issue for issue in made.issues if issue.severity != "information"]
    return [f"{Path(str(issue.place)).name} {issue.rule}" for issue in found]


def converted(folder: Path, kind: str, *rows: dict[str, str]) -> Conversion:
    """The case of rows of one table."""
    (made,) = peer.convert(*peer.tables_of(folder, kind, list(rows)))[0]
    return made


def observations(made: Conversion) -> list[Any]:
    """The Observations of a case."""
    assert made.ok, told(made)
    found = peer.resources(json.loads(made.json()))
    return [one for one in found if one["resourceType"] == "Observation"]


# The sample


def test_sample_converts_but_for_one_case_with_a_system_that_is_none() -> None:
    made, report = peer.convert(*sorted(peer.SAMPLE.glob("*.csv")))
    assert [one.ok for one in made] == [False, True, True, True]
    assert told(made[0]) == ["adverse-event-information.csv:2:5 system-unknown"]
    assert told(made[3]) == ["patient-mrns.csv:5:1 row-alone"]
    for name, count in report.tables.items():
        with (peer.SAMPLE / FILES[name]).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert count.rows == len(rows)
        stated = {column: sum(bool(row[column]) for row in rows) for column in rows[0]}
        assert {column: count.columns[column].stated for column in rows[0]} == stated


def test_columns_that_case_facts_have_no_place_for_are_told_and_so_is_what_makes_no_facts() -> None:
    report = peer.convert(*sorted(peer.SAMPLE.glob("*.csv")))[1]
    unread = {f"{what.source}.{what.column}" for what in report.left["column-unread"]}
    (shown,) = re.findall(r"^\| table \| not read \|\n\|---.*\n((?:\|.*\n)*)", PAGE, re.MULTILINE)
    listed = {
        f"{table}.{column}"
        for table, columns in re.findall(r"^\| `(\w+)` \| (.*) \|$", shown, re.MULTILINE)
        for column in re.findall(r"`(\w+)`", columns)
    }
    assert unread == listed
    unused = {what.source: count for what, count in report.left["row-unused"].items()}
    whole = ("appointment", "encounter", "clinical_trial", "medication_request", "treatment_plan_change")
    assert unused == {"patient_mrns": 4, "adverse_event": 1} | dict.fromkeys(whole, 3)


def test_sample_with_its_mistake_mended_has_what_the_tables_have(tmp_path: Path) -> None:
    folder = shutil.copytree(peer.SAMPLE, tmp_path / "sample")
    path = folder / "adverse-event-information.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",code-system,", f",{peer.SNOMED},"), encoding="utf-8")
    made, _ = peer.convert(*sorted(folder.glob("*.csv")))
    assert [one.ok for one in made] == [True] * 4
    said = peer.projection([one for case in made for one in peer.resources(json.loads(case.json()))], "")
    assert said["AdverseEvent", "date", "1994-12-09"] == 4, "12-09-1994, as the peer's dictionary has it"
    assert said["Observation", "value", "66.89"] == said["Observation", "unit", "[in_i]"] == 1
    assert said["Observation", "code", "http://loinc.org|1695-6"] == 1
    assert said["Observation", "value", f"{peer.SNOMED}|10828004"] == 1
    assert said["Condition", "mcode-histology-morphology-behavior", f"{peer.SNOMED}|2424003"] == 1
    reports = "".join(case.json().decode() for case in made)
    assert reports.count("condition: condition-id-") >= 4, "of procedures, whose condition is called conditionId-1"


# The Bundles that the peer expects


def differences() -> Iterator[tuple[str, str, str]]:
    """All that docs/mcode-csv.md lists: table, whose, what."""
    for kind, listed in re.findall(r"^### ([a-z-]+)\n((?:.+\n|\n)+?)(?=^#|\Z)", PAGE, re.MULTILINE):
        for whose, what in re.findall(r"^- (peer|ours): `(.*)`$", listed, re.MULTILINE):
            yield kind, whose, what


@pytest.mark.parametrize("kind", peer.KINDS)
def test_every_difference_to_the_expected_bundle_is_in_the_docs(kind: str, tmp_path: Path) -> None:
    rows = peer.made_real(peer.rows_of(kind))
    made = converted(tmp_path, kind, *rows)
    assert made.ok, told(made)
    added = {"patient": (), "condition": ("Patient",)}.get(kind, ("Patient", "Condition"))
    found = [one for one in peer.resources(json.loads(made.json())) if one["resourceType"] not in added]
    ours = peer.projection(found, rows[0]["mrn"])
    theirs = peer.projection(peer.resources(peer.made_real(peer.bundle_of(kind))), rows[0]["mrn"])
    lines = {("peer", one) for one in theirs - ours} | {("ours", one) for one in ours - theirs}
    shown = {(kind, whose, f"{name}.{what} = {value.replace('|', ' ')}") for whose, (name, what, value) in lines}
    assert shown == {one for one in differences() if one[0] == kind}


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("condition", "condition.csv:2:9 cell-unknown"),
        ("medication-administration", "cancer-related-medication-administration.csv:2:12 cell-unknown"),
        ("procedure", "procedure.csv:2:13 cell-unknown"),
        ("adverse-event", "adverse-event.csv:2:5 system-unknown"),
    ],
)
def test_words_that_stand_for_a_value_are_told_at_their_cell(kind: str, first: str, tmp_path: Path) -> None:
    made = converted(tmp_path, kind, *peer.rows_of(kind))
    assert not made.ok
    assert first in told(made)


# What the peer gets wrong: ../shared/PEERS.md 5.3


@pytest.mark.parametrize("date", ["2019", "2019-03", "2019-03-12", "2019-03-12T08:30:00+09:00"])
def test_dates_keep_what_they_say(date: str, tmp_path: Path) -> None:
    (lab,) = observations(converted(tmp_path, "observation", LAB | {"effectivedate": date}))
    assert lab["effectiveDateTime"] == date


@pytest.mark.parametrize(
    ("date", "rule"),
    [
        ("12.03.2019", "date-ambiguous"),
        ("12-09-1994", "date-ambiguous"),
        ("15/03/2019", "date-invalid"),
        ("March 2019", "date-invalid"),
        ("ca. 2019", "date-invalid"),
        ("2019-03-12T08:30", "time-zone-missing"),
        ("YYYY-MM-DD", "date-invalid"),
    ],
)
def test_dates_that_do_not_say_one_thing_are_errors_at_their_cell(date: str, rule: str, tmp_path: Path) -> None:
    assert told(converted(tmp_path, "observation", LAB | {"effectivedate": date})) == [f"observation.csv:2:9 {rule}"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("<20 10*3/uL", {"comparator": "<", "value": 20, "code": "10*3/uL"}),
        ("9.80 g/dL", {"value": 9.80, "code": "g/dL"}),
        ("412 U/mL", {"value": 412, "code": "U/mL"}),
        ("-1.5 mmol/L", {"value": -1.5, "code": "mmol/L"}),
        ("412U/mL", {"value": 412, "code": "U/mL"}),
        ("<20", {"comparator": "<", "value": 20}),
        ("9.80", {"value": 9.80}),
    ],
)
def test_values_are_quantities(cell: str, value: dict[str, Any], tmp_path: Path) -> None:
    made = converted(tmp_path, "observation", LAB | {"value": cell})
    (lab,) = observations(made)
    assert {key: one for key, one in lab["valueQuantity"].items() if key not in ("unit", "system")} == value
    assert told(made) == ([] if "code" in value else ["observation.csv:2:7 unit-missing"])


def test_digits_ranges_and_words_stay(tmp_path: Path) -> None:
    assert b'"value":9.80' in converted(tmp_path, "observation", LAB | {"value": "9.80 g/dL"}).json()
    (lab,) = observations(converted(tmp_path, "observation", LAB | {"value": "60-120 U/mL"}))
    assert (lab["valueRange"]["low"]["value"], lab["valueRange"]["high"]["value"]) == (60, 120)
    (lab,) = observations(converted(tmp_path, "observation", LAB | {"value": "3+"}))
    assert lab["valueCodeableConcept"] == {"text": "3+"}


@pytest.mark.parametrize(
    ("cell", "rule"), [("9,8 g/dL", "number-ambiguous"), ("412 (H)", "unit-unknown"), ("12 weird", "unit-unknown")]
)
def test_values_that_do_not_say_one_thing_are_errors_at_their_cell(cell: str, rule: str, tmp_path: Path) -> None:
    assert told(converted(tmp_path, "observation", LAB | {"value": cell})) == [f"observation.csv:2:7 {rule}"]


def test_a_lab_without_date_loses_nothing_of_the_others(tmp_path: Path) -> None:
    rows = (LAB | {"effectivedate": ""}, LAB | {"observationid": "o2", "value": "9 U/mL"})
    assert [("effectiveDateTime" in one) for one in observations(converted(tmp_path, "observation", *rows))] == [
        False,
        True,
    ]


def test_an_id_used_twice_is_an_error_at_the_second_row(tmp_path: Path) -> None:
    assert told(converted(tmp_path, "observation", LAB, LAB | {"value": "9 U/mL"})) == [
        "observation.csv:3:2 id-duplicate"
    ]


def test_a_body_site_without_side_stays(tmp_path: Path) -> None:
    made = converted(tmp_path, "condition", CANCER | {"bodysite": "76752008"})
    (condition,) = [one for one in peer.resources(json.loads(made.json())) if one["resourceType"] == "Condition"]
    assert condition["bodySite"] == [{"coding": [{"system": peer.SNOMED, "code": "76752008"}]}]


def test_a_stage_of_a_condition_that_is_not_there_is_an_error_at_its_cell(tmp_path: Path) -> None:
    row = {"mrn": "m1", "conditionid": "c2", "stagegroup": "IV", "type": "Clinical"}
    patient = peer.write(tmp_path, "patient", [{"mrn": "m1"}])
    (made,), _ = peer.convert(
        patient, peer.write(tmp_path, "staging", [row]), peer.write(tmp_path, "condition", [CANCER])
    )
    assert told(made) == ["staging.csv:2:2 reference-unknown"]


def test_an_observation_that_was_an_error_makes_nothing_and_is_counted(tmp_path: Path) -> None:
    rows = [LAB | {"status": "entered-in-error"}]
    (made,), report = peer.convert(*peer.tables_of(tmp_path, "observation", rows))
    assert observations(made) == []
    assert report.tables["observation"].unused == 1
    assert told(converted(tmp_path, "observation", LAB | {"status": "done"})) == ["observation.csv:2:3 cell-unknown"]


def test_what_is_only_preliminary_says_so(tmp_path: Path) -> None:
    (lab,) = observations(converted(tmp_path, "observation", LAB | {"status": "preliminary"}))
    assert lab["note"] == [{"text": "status of the observation: preliminary"}]
