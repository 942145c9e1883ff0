"""The torture case: ordinary case-report input that the peers guessed at, changed or dropped (shared/PEERS.md, 5.3).

Every row of that table is a test with the row's text as its id. Either the exact FHIR output is asserted, or the exact
rule and line of the finding.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fhirconv.conversion import Conversion, convert_document
from fhirconv.mapping import load_mappings
from fhirconv.source import read_bytes

PEERS = Path(__file__).resolve().parents[2] / "shared" / "PEERS.md"
HEAD = "case: {id: torture}\npatient: {sex: female}\n"
UCUM = "http://unitsofmeasure.org"
G_DL = {"unit": "g/dL", "system": UCUM, "code": "g/dL"}
ORIGINAL_TEXT = "http://hl7.org/fhir/StructureDefinition/originalText"


def converted(text: str) -> Conversion:
    return convert_document(read_bytes(text.encode(), "case.yaml"), load_mappings())


def lab(at: str = "", value: str = "9.8", conventions: str = "", analyte: str = "Hb", unit: str = "g/dL") -> str:
    """A case with one laboratory result: its value stands in line 7, its time in line 8."""
    when = f"    at: {at}\n" if at else ""
    head = f"{HEAD}conventions: {{{conventions}}}\n"
    return f"{head}labs:\n  - analyte: {analyte}\n    unit: {unit}\n    value: {value}\n{when}"


def resources(result: Conversion, kind: str) -> list[dict[str, Any]]:
    """The resources of a type, with numbers as the text they are written as."""
    assert result.bundle is not None, [issue.text() for issue in result.issues]
    entries = json.loads(result.json(), parse_float=str, parse_int=str)["entry"]
    return [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == kind]


def result_of(text: str) -> dict[str, Any]:
    """Time and value of the one Observation that a case with one result makes."""
    (made,) = resources(converted(text), "Observation")
    return {key: made[key] for key in made if key.lstrip("_").startswith(("effective", "value", "interpretation"))}


def findings(text: str) -> list[tuple[str, int]]:
    """Rule and line of each error; that there is one means that there is no Bundle."""
    result = converted(text)
    assert result.bundle is None
    return [(issue.rule, issue.place.line) for issue in result.issues if issue.is_error]


def messages(text: str) -> str:
    return "\n".join(issue.message for issue in converted(text).issues)


QUANTITY = {"value": "9.8", **G_DL}
QUOTED_TIME = {"_effectiveDateTime": {"extension": [{"url": ORIGINAL_TEXT, "valueString": "ca. 2019"}]}}
HIGH = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
            "code": "H",
            "display": "High",
        }
    ],
    "text": "high",
}

MADE = [  # row of the table, case, what comes out
    ("`2019`", lab("2019"), {"effectiveDateTime": "2019", "valueQuantity": QUANTITY}),
    ("`2019-03`", lab("2019-03"), {"effectiveDateTime": "2019-03", "valueQuantity": QUANTITY}),
    ("`2019-03-12`", lab("2019-03-12"), {"effectiveDateTime": "2019-03-12", "valueQuantity": QUANTITY}),
    (
        "`12.03.2019`",
        lab("12.03.2019", conventions="date_order: day-month-year"),
        {"effectiveDateTime": "2019-03-12", "valueQuantity": QUANTITY},
    ),
    (
        "`12.03.2019`",
        lab("12.03.2019", conventions="date_order: month-day-year"),
        {"effectiveDateTime": "2019-12-03", "valueQuantity": QUANTITY},
    ),
    (
        "`15/03/2019`",
        lab("15/03/2019", conventions="date_order: day-month-year"),
        {"effectiveDateTime": "2019-03-15", "valueQuantity": QUANTITY},
    ),
    ("`March 2019` / `ca. 2019`", lab("{text: ca. 2019}"), {**QUOTED_TIME, "valueQuantity": QUANTITY}),
    (
        "`08:30` without zone",
        lab("2019-03-12T08:30", conventions='time_zone: "+09:00"'),
        {"effectiveDateTime": "2019-03-12T08:30:00+09:00", "valueQuantity": QUANTITY},
    ),
    ("`<20`", lab(value='"<20"'), {"valueQuantity": {"value": "20", "comparator": "<", **G_DL}}),
    ("`<20`", lab(value="<20"), {"valueQuantity": {"value": "20", "comparator": "<", **G_DL}}),
    ("`9,8 g/dL`", lab(value="9,8", conventions="decimal_mark: comma"), {"valueQuantity": QUANTITY}),
    ("`9.80`", lab(value="9.80"), {"valueQuantity": {"value": "9.80", **G_DL}}),
    ("`9.80`", lab(value='"9.80"'), {"valueQuantity": {"value": "9.80", **G_DL}}),
    (
        "CA 15-3 `412 U/mL`",
        lab(value="412", analyte="CA 15-3", unit="U/mL"),
        {"valueQuantity": {"value": "412", "unit": "U/mL", "system": UCUM, "code": "U/mL"}},
    ),
    (
        "`412 (H)`",
        lab(value="412\n    interpretation: high"),
        {"valueQuantity": {"value": "412", **G_DL}, "interpretation": [HIGH]},
    ),
]

REFUSED = [  # row of the table, case, rule, line, what the message must tell
    (
        "`12.03.2019`",
        lab("12.03.2019"),
        "date-ambiguous",
        8,
        ["2019-03-12 (day-month-year)", "2019-12-03 (month-day-year)", "date_order"],
    ),
    ("`15/03/2019`", lab("15/03/2019"), "date-invalid", 8, ["write it as 2019-03-15"]),
    (
        "`15/03/2019`",
        lab("15/03/2019", conventions="date_order: month-day-year"),
        "date-invalid",
        8,
        ["is not a day of the calendar", "month-day-year"],
    ),
    ("`March 2019` / `ca. 2019`", lab("March 2019"), "date-invalid", 8, ["write it as 2019-03"]),
    ("`March 2019` / `ca. 2019`", lab("ca. 2019"), "date-invalid", 8, ['{text: "..."}']),
    ("`08:30` without zone", lab("2019-03-12T08:30"), "time-zone-missing", 8, ["+09:00", "time_zone"]),
    ("`08:30` without zone", lab('"08:30"'), "date-invalid", 8, ["'08:30'"]),
    ("`9,8 g/dL`", lab(value="9,8 g/dL"), "number-invalid", 7, ["'unit'"]),
    ("`9,8 g/dL`", lab(value="9,8"), "number-ambiguous", 7, ["9.8 or 98", "decimal_mark"]),
    ("CA 15-3 `412 U/mL`", lab(value="412 U/mL", analyte="CA 15-3", unit="U/mL"), "number-invalid", 7, ["'unit'"]),
    ("`412 (H)`", lab(value='"412 (H)"'), "number-invalid", 7, ["'interpretation'"]),
    (
        "same id used twice",
        f"{HEAD}labs:\n  - {{id: hb, analyte: Hb, value: 9, unit: g/dL}}\n"
        "  - {id: hb, analyte: Hb, value: 8, unit: g/dL}\n",
        "id-duplicate",
        5,
        ["'hb'", "line 4"],
    ),
]

# What is told elsewhere than in MADE and REFUSED, and where.
ELSEWHERE = {
    "body site without laterality": "test_body_site_without_laterality_is_kept",
    "one lab row without date": "test_one_lab_row_without_date_loses_no_row",
    "HAPI validator on the bundle": "tests/validator/test_golden.py",
}


@pytest.mark.parametrize(("text", "expected"), [pytest.param(case, out, id=row) for row, case, out in MADE])
def test_row_is_made(text: str, expected: dict[str, Any]) -> None:
    assert result_of(text) == expected


@pytest.mark.parametrize(
    ("text", "rule", "line", "told"),
    [pytest.param(case, rule, line, told, id=row) for row, case, rule, line, told in REFUSED],
)
def test_row_is_refused(text: str, rule: str, line: int, told: list[str]) -> None:
    assert findings(text) == [(rule, line)]
    for words in told:
        assert words in messages(text)


def test_body_site_without_laterality_is_kept() -> None:
    text = f"{HEAD}conditions:\n  - {{kind: primary-cancer, name: breast cancer, site: breast}}\n"
    (condition,) = resources(converted(text), "Condition")
    (site,) = condition["bodySite"]
    assert site["text"] == "breast"
    assert "extension" not in site  # no side is made up


def test_one_lab_row_without_date_loses_no_row() -> None:
    rows = "  - {analyte: Hb, value: 9.8, unit: g/dL, at: 2019}\n  - {analyte: Hb, value: 9.9, unit: g/dL}\n"
    made = resources(converted(f"{HEAD}labs:\n{rows}"), "Observation")
    assert {(one.get("effectiveDateTime"), one["valueQuantity"]["value"]) for one in made} == {
        ("2019", "9.8"),
        (None, "9.9"),
    }


def test_every_row_of_the_table_is_here() -> None:
    if not PEERS.is_file() and "CI" not in os.environ:
        pytest.skip("shared/PEERS.md is not beside the repository")
    section = PEERS.read_text(encoding="utf-8").partition("### 5.3 Torture case")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")][2:]
    known = {row for row, *_ in MADE} | {row for row, *_ in REFUSED} | set(ELSEWHERE)
    assert rows
    assert set(rows) == known


# -- the declared policies: what a case says of itself decides, and nothing else -----------------------------------------


@pytest.mark.parametrize(
    ("order", "date", "expected"),
    [
        ("day-month-year", "03/04/2019", "2019-04-03"),
        ("month-day-year", "03/04/2019", "2019-03-04"),
        ("day-month-year", "3.4.2019", "2019-04-03"),
        ("month-day-year", "3-4-2019", "2019-03-04"),
        ("day-month-year", "2019-04-03", "2019-04-03"),  # the unambiguous way stays what it is
        ("month-day-year", "2019-04-03", "2019-04-03"),
    ],
)
def test_date_order(order: str, date: str, expected: str) -> None:
    made = result_of(lab(date, conventions=f"date_order: {order}"))
    assert made["effectiveDateTime"] == expected


@pytest.mark.parametrize("order", ["day-month-year", "month-day-year"])
def test_date_order_says_nothing_about_the_century(order: str) -> None:
    assert findings(lab("3.4.19", conventions=f"date_order: {order}")) == [("date-ambiguous", 8)]


@pytest.mark.parametrize(
    ("mark", "value", "expected"),
    [
        ("comma", "9,8", "9.8"),
        ("comma", "9,80", "9.80"),
        ("comma", "1.234,5", "1234.5"),
        ("comma", "1.234", "1234"),
        ("comma", "1,234", "1.234"),
        ("comma", ",5", "0.5"),
        ("point", "1,234", "1234"),
        ("point", "1,234.50", "1234.50"),
        ("point", "9.80", "9.80"),
    ],
)
def test_decimal_mark(mark: str, value: str, expected: str) -> None:
    made = result_of(lab(value=f'"{value}"', conventions=f"decimal_mark: {mark}"))
    assert made["valueQuantity"]["value"] == expected


def test_decimal_mark_holds_for_both_ends_of_a_range() -> None:
    made = result_of(lab(value='"9,8-10,20"', conventions="decimal_mark: comma"))
    assert [made["valueRange"][end]["value"] for end in ("low", "high")] == ["9.8", "10.20"]


def test_decimal_mark_and_a_number_that_needs_no_text() -> None:
    """1.234 without quotes is a number of JSON; in a case with decimal commas it may have been meant otherwise."""
    assert findings(lab(value="1.234", conventions="decimal_mark: comma")) == [("number-ambiguous", 7)]
    made = result_of(lab(value="9.8", conventions="decimal_mark: comma"))
    assert made["valueQuantity"]["value"] == "9.8"


def test_decimal_mark_that_does_not_fit_the_number() -> None:
    """Who declared a point is not told to declare a mark."""
    text = lab(value='"9,8"', conventions="decimal_mark: point")
    assert findings(text) == [("number-ambiguous", 7)]
    assert "declare" not in messages(text)


@pytest.mark.parametrize(("value", "reading"), [("1.234,5", "1234.5"), ("1,234.5", "1234.5")])
def test_both_marks_in_a_number_leave_one_reading(value: str, reading: str) -> None:
    """The message offers readings that are numbers, and among them the one that keeps both marks' meaning."""
    text = lab(value=f'"{value}"')
    assert findings(text) in ([("number-ambiguous", 7)], [("number-invalid", 7)])
    assert reading in messages(text)
    assert "1.234.5" not in messages(text)
    assert "1.2345" not in messages(text)


@pytest.mark.parametrize(
    ("zone", "time", "expected"),
    [
        ("+09:00", "2019-03-12T08:30", "2019-03-12T08:30:00+09:00"),
        ("Z", "2019-03-12T08:30:15", "2019-03-12T08:30:15Z"),
        ("-05:00", "2019-03-12T08:30:15.250", "2019-03-12T08:30:15.250-05:00"),
        ("+09:00", "2019-03-12T08:30:00Z", "2019-03-12T08:30:00Z"),  # its own zone stands
        ("+09:00", "2019-03-12", "2019-03-12"),  # no time of day is made up
    ],
)
def test_time_zone(zone: str, time: str, expected: str) -> None:
    made = result_of(lab(time, conventions=f'time_zone: "{zone}"'))
    assert made["effectiveDateTime"] == expected


def test_time_zone_that_no_place_has() -> None:
    text = lab("2019-03-12T08:30", conventions='time_zone: "+14:30"')
    assert ("wrong-form", 3) in findings(text)
    assert "+09:00" in messages(text)  # the message shows what a zone looks like


# -- not of that table: what came up later ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["1e2", "1E20", "1e300"])
def test_a_reference_range_may_be_written_with_an_exponent(number: str) -> None:
    result = f'{{"analyte": "Hb", "value": 9, "unit": "g/dL", "reference_range": {{"high": {number}}}}}'
    text = f'{{"case": {{"id": "a"}}, "patient": {{}}, "labs": [{result}]}}'
    made = convert_document(read_bytes(text.encode(), "case.json"), load_mappings())
    assert [issue.text() for issue in made.issues if issue.is_error] == []
    (lab_result,) = resources(made, "Observation")
    assert lab_result["referenceRange"][0]["high"]["value"] == number
