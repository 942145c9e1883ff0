"""The commands, outputs and tables of docs/reading.md are what there is."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import test_readme

from fhirconv.cli.read import command

ROOT = test_readme.ROOT
PAGE = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "fixtures" / "readers" / "example"
CONSOLES = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
ORIGIN, REJECT = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def test_commands_and_outputs() -> None:
    for block in CONSOLES:
        test_readme.test_command_and_output(block)
    lines = (ROOT / "build" / "cases.ndjson").read_bytes().splitlines()
    assert json.loads(lines[0])["medications"] == [json.loads(ORIGIN)]
    assert json.loads((ROOT / "build" / "cases.rejects.ndjson").read_bytes()) == json.loads(REJECT)


def test_table_and_reader_are_those_of_the_example() -> None:
    (table,) = re.findall(r"```\n(pat_no.*?)```", PAGE, re.DOTALL)
    assert table == (EXAMPLE / "tables" / "labs.csv").read_text(encoding="utf-8")
    (reader,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    shown, whole = (
        tomllib.loads(reader),
        tomllib.loads((EXAMPLE / "readers" / "example.toml").read_text(encoding="utf-8")),
    )
    assert shown["tables"].items() <= whole["tables"].items()
    assert [one for one in shown["facts"] if one in whole["facts"]] == shown["facts"] != []


def test_python_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(example, {})
    assert capsys.readouterr().out == "1001 7 True\n1002 7 True\n1003 4 False\n"


def test_options_that_are_named_are_there() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    options = {option for param in command.params for option in param.opts}
    assert named <= options


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert links
    assert all(Path(ROOT, "docs", link).exists() for link in links)
