"""Tables onto a real server by --as: planned, pushed, pushed again, mended, and held by the journal against what they were."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import FIXTURES, run

EXAMPLE = FIXTURES / "readers" / "example"


@pytest.fixture(autouse=True)
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unique: str) -> None:
    """The example's tables in `in`, of patients that no other test has."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLE / "tables", "in")
    for table in Path("in").iterdir():
        table.write_text(re.sub(r"^(?=100\d)", unique, table.read_text("utf-8"), flags=re.MULTILINE), encoding="utf-8")


def counts(command: str, server: str, *options: str, source: str = "in") -> tuple[int, str]:
    """Exit code, and the line of all records (plan) or resources (push)."""
    site = ("--as", "example", "--mappings", str(EXAMPLE))
    done = run(command, source, *site, "--server", server, *options)
    lines = [line for line in done.stderr.splitlines() if re.match(r"\d+ (records|resources)\b.*: ", line)]
    return done.exit_code, lines[-1]


def test_plan_push_and_push_again(hapi_url: str) -> None:
    assert counts("plan", hapi_url, "-o", "plan.json") == (1, "3 records, 1 with errors: 14 resources: 14 to create")
    assert counts("push", hapi_url, "--plan", "plan.json") == (1, "14 resources: 14 created")
    assert counts("push", hapi_url) == (1, "14 resources: 14 unchanged")
    labs = Path("in/labs.csv")
    labs.write_text(labs.read_text("utf-8").replace("11,4", "11,5").replace("13,x", "13,0"), encoding="utf-8")
    assert counts("plan", hapi_url) == (0, "3 records: 18 resources: 4 to create, 1 to update, 13 unchanged")
    assert counts("push", hapi_url, "--workers", "2") == (0, "18 resources: 4 created, 1 updated, 13 unchanged")


def test_a_plan_is_for_the_tables_that_it_was_made_of(hapi_url: str) -> None:
    counts("plan", hapi_url, "-o", "plan.json")
    labs = Path("in/labs.csv")
    labs.write_text(labs.read_text("utf-8").replace("11,4", "11,5"), encoding="utf-8")
    done = run("push", "in", "--as", "example", "--mappings", str(EXAMPLE), "--server", hapi_url, "--plan", "plan.json")
    assert done.exit_code != 0
    assert "plan" in done.stderr
    assert not done.stdout
