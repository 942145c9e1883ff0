"""The harness itself, without Java: how an Oracle fails, and what expected-warnings.toml may say."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from . import expected, install
from .oracle import Finding, Oracle, OracleError, findings

WARNING = Finding("warning", "Bundle.entry[0]", "CodeSystem is unknown: http://snomed.info/sct")


def _oracle(script: str, timeout_s: float = 20.0) -> Oracle:
    return Oracle("hl7", timeout_s, timeout_s, [sys.executable, "-c", script])


def test_answers_bytes_as_they_are() -> None:
    echo = """
import json, struct, sys
print("ready", flush=True)
while head := sys.stdin.buffer.read(4):
    text = sys.stdin.buffer.read(*struct.unpack(">I", head)).decode()
    print(json.dumps({"issue": [{"severity": "error", "details": {"text": text}, "expression": ["X"]}]}), flush=True)
"""
    with _oracle(echo) as oracle:
        assert oracle.outcome(b'{"a": 1.50,\n"b": "\xc3\xa9"}') == [Finding("error", "X", '{"a": 1.50,\n"b": "é"}')]
        assert oracle.outcome({"a": 1})[0].message == '{"a": 1}'


@pytest.mark.parametrize("start", ["", "print('ready', flush=True); sys.stdin.buffer.read(4);"])
def test_death_is_reported_with_the_end_of_stderr(start: str) -> None:
    script = f"import sys; {start} print('no heap left', file=sys.stderr); sys.exit(3)"
    with _oracle(script) as oracle:
        for _ in range(2):
            with pytest.raises(OracleError, match=r"(?s)hl7: ended with 3.*no heap left"):
                oracle.outcome({})


def test_silence_is_reported() -> None:
    with (
        _oracle("import time; time.sleep(60)", 0.2) as oracle,
        pytest.raises(OracleError, match=r"took more than 0\.2 s to load"),
    ):
        oracle.outcome({})


def test_findings_drop_the_all_clear_only() -> None:
    outcome = json.loads(
        '{"issue": [{"severity": "information", "diagnostics": "No issues detected during validation"},'
        ' {"severity": "fatal", "location": ["Patient"], "diagnostics": "not JSON"}]}'
    )
    assert findings(outcome) == [Finding("fatal", "Patient", "not JSON")]
    assert findings(outcome)[0].is_error


def test_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "mvn" else "found")
    with pytest.raises(install.SetupError, match="need Maven: no `mvn` on PATH"):
        install.ensure()


def test_expected_entry_covers_its_engine_and_severity_only() -> None:
    (entry,) = expected.load('[[warning]]\nengine = "hapi"\npattern = "snomed"\nreason = "not on board"')
    assert entry.covers("hapi", WARNING)
    assert not entry.covers("hl7", WARNING)
    assert not entry.covers("hapi", Finding("error", WARNING.expression, WARNING.message))
    assert expected.unexpected("hapi", [WARNING], [entry]) == []
    assert expected.unexpected("hl7", [WARNING, Finding("information", "", "x")], [entry]) == [WARNING]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[error]]\nengine = "hl7"\npattern = "x"\nreason = "y"', "never expected"),
        ('[[warning]]\nengine = "hapi"\npattern = "x"', "needs engine, pattern, reason"),
        ('[[warning]]\nengine = "hapi"\npattern = "x"\nreason = ""', "each a text"),
        ('[[warning]]\nengine = "java"\npattern = "x"\nreason = "y"', "hl7 or hapi"),
        ('[[hint]]\nengine = "hapi"', "only"),
    ],
)
def test_wrong_entry_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expected.load(text)


def test_expected_warnings_file_loads() -> None:
    expected.load(expected.FILE.read_text(encoding="utf-8"))


def test_summary_counts_equal_messages() -> None:
    other = Finding("warning", "Bundle.entry[1]", WARNING.message)
    assert expected.summary([WARNING, other]) == f"2 x {WARNING}"
