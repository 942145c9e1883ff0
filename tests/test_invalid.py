"""Every case of fixtures/invalid against the findings that stand beside it. A new file there is a new test.

NAME.expected holds the lines that are shown, with the file's name alone. Renewed by
`pytest tests/test_invalid.py --renew`; read each message as someone who has never seen this project.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import FIXTURES

from fhirconv import Conversion, convert
from fhirconv.ledger import REJECTED
from fhirconv.rules import RULES

FOLDER = FIXTURES / "invalid"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json", ".gz"))

# Rules of the input that no file here can break, each with the reason.
NOT_HERE = {
    "file-unreadable": "every file that lies here can be read",
    "content-unknown": "convert takes every file for a case; see tests/test_validate_cli.py",
    "blank-line": "NDJSON is not a case; see tests/validation/test_records.py",
    "too-large": "64 MB have no place in a repository",
    "large-output": "of what is made; see tests/many/test_stream.py",
    "record-failed": "no case is known that fhirconv fails at; see tests/many/test_stream.py",
    "not-written": "of a folder, not of a case; see tests/report/test_run_report.py",
    "case-twice": "one case is never twice; see tests/many/test_stream.py",
    "patient-differs": "of FHIR, not of a case; see tests/back/test_facts_command.py",
    "worker-died": "no case is known that ends a process; see tests/many/test_crew.py",
}

# Those of tables: a case has none. See tests/readers.
OF_TABLES = {"not-a-table", "table-header", "table-row", "blank-row", "sheet-choice", "cell-shown"}
OF_TABLES |= {"source-unknown", "table-missing", "file-unread", "column-missing", "row-without-case", "row-unused", "row-alone", "no-place"}
OF_TABLES |= {"cell-damaged", "cell-unknown", "cell-form", "cell-conflict", "cell-kept", "cell-left", "column-unread"}


def converted(name: str, monkeypatch: pytest.MonkeyPatch) -> Conversion:
    """The conversion of an invalid case, called from its folder so that no path gets into a message."""
    monkeypatch.chdir(FOLDER)
    return convert(name)


@pytest.mark.parametrize("name", CASES)
def test_findings_are_as_expected(name: str, monkeypatch: pytest.MonkeyPatch, renew: bool) -> None:
    made = converted(name, monkeypatch)
    lines = "".join(f"{issue.text()}\n" for issue in made.issues)
    expected = (FOLDER / name).with_suffix(".expected")
    if renew:
        expected.write_text(lines, encoding="utf-8")
    assert expected.is_file(), f"no {expected.name}; make it with: pytest tests/test_invalid.py --renew"
    assert lines == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_nothing_comes_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = converted(name, monkeypatch)
    assert made.bundle is None
    assert any(issue.is_error for issue in made.issues)
    assert {line.outcome for line in made.ledger} <= {REJECTED}


@pytest.mark.parametrize("name", CASES)
def test_every_finding_says_where(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line and column, unless the file as a whole is what is wrong."""
    whole = {"encoding", "empty-input", "damaged"}
    places = {str(issue.place) for issue in converted(name, monkeypatch).issues if issue.rule not in whole}
    assert [place for place in places if place.endswith(":0") or place == name] == []


def test_every_rule_of_the_input_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {issue.rule for name in CASES for issue in converted(name, monkeypatch).issues}
    wanted = {name for name, rule in RULES.items() if rule.layer == "input"}
    assert sorted(wanted - found - set(NOT_HERE) - OF_TABLES) == []
    assert sorted(found & (set(NOT_HERE) | OF_TABLES)) == [], "these rules have a case after all"


def test_every_expected_file_has_its_case() -> None:
    cases = {Path(name).stem for name in CASES}
    assert sorted(path.name for path in FOLDER.glob("*") if path.stem not in cases) == []
    assert len(cases) == len(CASES), "two cases share a name"
