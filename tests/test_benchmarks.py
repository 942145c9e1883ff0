"""The benchmarks run, and print their tables: in their smallest setting, and without a word about how fast anything is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SPEED = Path(__file__).resolve().parents[1] / "benchmarks" / "speed.py"
ROWS = {  # of each part, rows that its tables must have
    "convert": ["by hand: facts → Bundle → bytes", "fhirconv: with facts checks and base validation", "fhir.resources"],
    "files": ["1 worker"],
    "growth": ["100", "1,000"],
    "starts": ["fhirconv --help", "fhirconv convert, a case of 2 resources"],
    "stages": ["base validation", "the whole"],
    "torture": ["ambiguous date: 03/04/2019", "right, of 30"],
}


@pytest.mark.parametrize("part", ROWS)
def test_part_prints_its_table(part: str) -> None:
    table = _table(part, "--quick", "--no-peers", "--rounds", "1", "--cases", "120")
    for name in ROWS[part]:
        numbers = table[name]
        assert all(numbers), f"{name}: an empty cell"


def test_odd_input_is_right_or_refused_in_every_row() -> None:
    """fhirconv is the first column: the table in docs/performance.md may say of no row that it is wrong."""
    table = _table("torture", "--no-peers")
    assert [name for name, cells in table.items() if cells[0].startswith("wrong")] == []


def test_reading_prints_its_table() -> None:
    program = SPEED.with_name("reading.py")
    arguments = [sys.executable, program, "--rows", "1000", "--rounds", "1", "--convert"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    for name in ("csv.reader alone", "fhirconv: rows", "fhirconv: cases, rows mixed", "fhirconv convert --as"):
        assert f"| {name} " in done.stdout


def test_bulk_import_imports_what_the_command_writes(tmp_path: Path) -> None:
    """The files of `--shape resources`, all resources of all cases; the server itself is tests/live's."""
    program = "import bulk_import, push, sys, pathlib; print(bulk_import.write_resources(push.cases(3, False), pathlib.Path(sys.argv[1])))"
    arguments = [sys.executable, "-c", program, tmp_path / "bulk"]
    done = subprocess.run(arguments, cwd=SPEED.parent, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "'Observation': 30" in done.stdout
    assert sum(path.read_bytes().count(b"\n") for path in (tmp_path / "bulk").glob("*.ndjson")) == 3 * 20


def test_unknown_part_is_refused() -> None:
    done = subprocess.run([sys.executable, SPEED, "converts"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "there are convert, files" in done.stderr


def _table(*arguments: str) -> dict[str, list[str]]:
    """The cells of all rows by their first, of all tables."""
    done = subprocess.run([sys.executable, SPEED, *arguments], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.strip("| ").split("|") for line in done.stdout.splitlines() if line.startswith("| ")]
    return {name.strip(): [cell.strip() for cell in cells] for name, *cells in rows}
