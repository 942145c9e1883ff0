"""Issues as text, JSON, OperationOutcome and SARIF: complete, well-formed, and on request without patient data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES
from hypothesis import given
from hypothesis import strategies as st

from fhirconv import convert
from fhirconv.issues import Issue, Place
from fhirconv.reports import FORMATS, RULE_SYSTEM, identified, render, to_json, to_operation_outcome, to_sarif, to_text
from fhirconv.rules import RULES

ISSUES = [
    Issue("unit-unknown", "'g/dl' is no unit; did you mean 'g/dL'?", Place("a b/case.yaml", 14, 9, "/labs/0/unit")),
    Issue("txt-2", "nothing to read", Place("b.json"), "Bundle.entry[0].resource.text.div", "error"),
    Issue("value-range", "'98' g/dL", Place("", 0, 0, "/labs/1/value")),
    Issue("number-completed", "read as 0.5"),
    Issue("file-unreadable", "is not there", Place("/data/x.yaml")),
]


def outcome_issue(issue: Issue, **options: Any) -> dict[str, Any]:
    (made,) = to_operation_outcome([issue], **options)["issue"]
    assert isinstance(made, dict)
    return made


def test_text_is_one_line_each() -> None:
    assert to_text(ISSUES[:2]) == (
        "a b/case.yaml:14:9: error: 'g/dl' is no unit; did you mean 'g/dL'? [unit-unknown]\n"
        "b.json: error: Bundle.entry[0].resource.text.div: nothing to read [txt-2]\n"
    )
    assert to_text([]) == ""


def test_json_leaves_out_what_is_not_known() -> None:
    first, *_, last = json.loads(to_json([ISSUES[0], ISSUES[3]]))
    assert first == {
        "id": identified(ISSUES)[0][0],
        "severity": "error", "rule": "unit-unknown", "code": "code-invalid", "layer": "input",
        "message": "'g/dl' is no unit; did you mean 'g/dL'?", "file": "a b/case.yaml", "line": 14, "column": 9,
        "pointer": "/labs/0/unit", "url": RULES["unit-unknown"].url,
    }  # fmt: skip
    assert set(last) == {"id", "severity", "rule", "code", "layer", "message"}
    assert json.loads(to_json([])) == []


def test_an_outcome_says_what_and_where() -> None:
    made = outcome_issue(ISSUES[0])
    assert (made["severity"], made["code"]) == ("error", "code-invalid")
    assert made["details"]["text"] == ISSUES[0].message
    assert made["details"]["coding"] == [
        {"system": RULE_SYSTEM, "code": "unit-unknown", "display": RULES["unit-unknown"].title}
    ]
    assert made["diagnostics"] == ISSUES[0].text()
    assert made["location"] == ["/labs/0/unit"]
    where = {one["url"].rpartition("-")[2]: one for one in made["extension"]}
    assert where["source"]["valueString"] == "a b/case.yaml"
    assert (where["line"]["valueInteger"], where["col"]["valueString"]) == (14, "9")
    assert outcome_issue(ISSUES[1])["expression"] == ["Bundle.entry[0].resource.text.div"]
    assert "extension" not in outcome_issue(ISSUES[3])


def test_an_outcome_without_issues_says_so() -> None:
    (made,) = to_operation_outcome([])["issue"]
    assert (made["severity"], made["code"]) == ("information", "informational")


def test_sarif_points_into_the_file() -> None:
    log = to_sarif(ISSUES, "1.2.3")
    (run,) = log["runs"]
    assert (log["version"], run["tool"]["driver"]["version"]) == ("2.1.0", "1.2.3")
    described = run["tool"]["driver"]["rules"]
    assert len({one["id"] for one in described}) == len(described)
    for issue, result in zip(ISSUES, run["results"], strict=True):
        assert described[result["ruleIndex"]]["id"] == result["ruleId"] == issue.rule
        assert described[result["ruleIndex"]]["fullDescription"]["text"]
        assert result["message"]["text"] == issue.message
    first = run["results"][0]["locations"][0]
    assert first["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/case.yaml"},
        "region": {"startLine": 14, "startColumn": 9},
    }
    assert first["logicalLocations"] == [{"fullyQualifiedName": "/labs/0/unit"}]
    assert described[run["results"][0]["ruleIndex"]]["helpUri"] == RULES["unit-unknown"].url
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning", "note", "error"]
    assert "locations" not in run["results"][3]
    assert run["results"][4]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///data/x.yaml"


# -- ids -------------------------------------------------------------------------------------------------------------------


def ids_in(form: str, phi_free: bool) -> list[str]:
    """The ids that a format shows."""
    made = json.loads(render(ISSUES, form, phi_free, "1"))
    if form == "sarif":
        return [one["partialFingerprints"]["issue/v2"] for one in made["runs"][0]["results"]]
    return [one["id"] for one in (made["issue"] if form == "outcome" else made)]


@pytest.mark.parametrize("phi_free", [False, True])
@pytest.mark.parametrize("form", sorted({*FORMATS} - {"text"}))
def test_a_finding_has_one_id_in_every_format(form: str, phi_free: bool) -> None:
    names = [name for name, _ in identified(ISSUES)]
    assert ids_in(form, phi_free) == names
    assert all(re.fullmatch("[0-9a-f]{12}", name) for name in names)


def test_ids_stay_when_lines_and_words_change_and_are_one_each() -> None:
    def ids(*lines: int, rule: str = "unit-unknown", file: str = "a.yaml") -> list[str]:
        return [name for name, _ in identified(Issue(rule, f"'{n}'", Place(file, n, 1, "/labs/0/unit")) for n in lines)]

    assert ids(3) == ids(30)
    assert ids(3, 4) == ids(5, 9)
    assert ids(3) == ids(3, 4)[:1]
    assert ids(3) == ids(3, file="elsewhere/a.yaml"), "the same file, called from another folder"
    assert len({*ids(3, 4), *ids(3, rule="unit-missing"), *ids(3, file="b.yaml")}) == 4


@pytest.mark.parametrize("name", ["term-codes", "unknown-key-top", "value-conflict", "date-invalid", "missing-key-all"])
def test_ids_of_a_file_stay_when_lines_come_above(name: str, tmp_path: Path) -> None:
    path = FIXTURES / "invalid" / f"{name}.yaml"
    moved = tmp_path / path.name
    moved.write_bytes(b"# a line\n# and one more\n" + path.read_bytes())
    before, after = identified(convert(path).issues), identified(convert(moved).issues)
    assert [one for one, _ in before] == [one for one, _ in after]
    assert [issue.place.line + 2 for _, issue in before] == [issue.place.line for _, issue in after]
    assert len({one for one, _ in before}) == len(before)


# -- without patient data --------------------------------------------------------------------------------------------------

SECRET = "Zbigniew"
LEAKS = [
    Issue("unit-unknown", f"'{SECRET}' is no unit", Place("a.yaml", 1, 2, "/labs/0/unit")),
    Issue("unknown-key", f"'{SECRET}'", Place("a.yaml", 1, 2, f"/patient/{SECRET}")),
    Issue("unknown-key", f"'{SECRET}'", Place("a.yaml", 1, 2, f"/patient/name~1{SECRET}/0")),
    Issue("unknown-element", "x", Place("b.json"), f"Patient.name[0].{SECRET}"),
    Issue("unknown-element", "x", Place("b.json"), f"Patient.where(name='{SECRET}').given"),
]


def everything(issues: list[Issue]) -> str:
    made = (to_operation_outcome(issues, phi_free=True), to_sarif(issues, "1", phi_free=True))
    return to_text(issues, phi_free=True) + to_json(issues, phi_free=True).decode() + json.dumps(made)


def test_phi_free_shows_nothing_of_the_input() -> None:
    shown = everything(LEAKS)
    assert SECRET not in shown
    assert RULES["unit-unknown"].title in shown
    for kept in ("/labs/0/unit", "/patient/", "Patient.name[0]."):
        assert kept in shown


def test_a_number_is_a_position_only_in_a_list() -> None:
    """Elsewhere it may be the number of a patient, as a key in a wrong place."""
    document = {"case": {"id": "a"}, "patient": {"71234": 1}, "81234": 2, "labs": [{"analyte": "Hb", "91234": 5}]}
    shown = everything(convert(document).issues)
    assert not re.search("[789]1234", shown)
    for kept in ("/patient/…", "/labs/0/…"):
        assert kept in shown
    bundle = Issue("unknown-element", "x", Place("b.json", 1, 1, "/entry/12345/resource/name/0/given/1"))
    assert "/entry/12345/resource/name/0/given/1" in everything([bundle])


def test_ids_do_not_depend_on_data() -> None:
    """Else whoever guesses a name could confirm it."""
    ids = {
        identified([Issue("unknown-key", f"'{name}'", Place("a.yaml", 1, 2, f"/patient/{name}"), f"Patient.{name}")])[0][0]
        for name in ("Zbigniew", "Agnieszka", "4711")
    }
    assert len(ids) == 1


@pytest.mark.parametrize("path", sorted((FIXTURES / "invalid").glob("*.yaml")), ids=lambda path: path.stem)
def test_phi_free_keeps_the_places_of_real_findings(path: Path) -> None:
    issues = convert(path).issues
    lines = to_text(issues, phi_free=True).splitlines()
    assert len(lines) == len(issues)
    for issue, line in zip(issues, lines, strict=True):
        assert line.startswith(str(issue.place) if issue.place.line else path.parent.as_posix()[:1])
        assert not re.search(r"'[^']*'", line.replace(RULES[issue.rule].title, "")), line


# -- whatever the text -----------------------------------------------------------------------------------------------------


@given(st.text(), st.text(), st.text(), st.integers(0, 5))
def test_any_text_is_written_well_formed(message: str, file: str, pointer: str, line: int) -> None:
    issue = Issue("unit-unknown", message, Place(file, line, line, pointer), pointer)
    json.loads(to_json([issue]))
    assert to_text([issue]).count("\n") == 1
    for made in (to_operation_outcome([issue]), to_sarif([issue], "1")):
        written = json.dumps(made, ensure_ascii=False)
        assert written.encode("utf-8")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", written)
