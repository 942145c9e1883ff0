"""The commands, outputs and files of docs/volume.md are what a user sees."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fhirconv.cli.convert import command

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "volume.md").read_text(encoding="utf-8")
INPUT, REJECT = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.ndjson").write_text(INPUT, encoding="utf-8")
    return tmp_path


def test_commands_and_outputs(folder: Path) -> None:
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        line, _, expected = block.partition("\n")
        words = line.removeprefix("$ fhirconv ").split()
        ran = subprocess.run([sys.executable, "-m", "fhirconv", *words], capture_output=True, text=True, check=False)
        assert ran.stdout + ran.stderr == expected
    assert json.loads((folder / "bundles.rejects.ndjson").read_bytes().splitlines()[0]) == json.loads(REJECT)
    assert (folder / "rejects.ndjson").read_bytes() == (folder / "bundles.rejects.ndjson").read_bytes()
    named = next(line for line in PAGE.splitlines() if line.startswith("    bulk/"))
    found = {path.relative_to(folder).as_posix() for path in folder.glob("bulk*/*")} | {"bulk.rejects.ndjson"}
    assert set(named.split()) == found


def test_python_example(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example
    exec(example[1], {})
    assert capsys.readouterr().out.startswith("b [\"cases.ndjson:2:41: error: unknown key 'sx'")


def test_options_that_are_named_are_there() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    options = {option for param in command.params for option in param.opts}
    assert named == {"--workers", "--on-error", "--rejects", "--report", "--shape"}
    assert named <= options
