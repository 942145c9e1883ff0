"""The commands, outputs and programs of docs/spark.md."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.mixed import mixed_cases
from fhirconv.cli.spark_convert import command
from fhirconv.spark.rows import RESULT
from tests.conftest import run
from tests.docs_commands import SUITES, blocks, commands

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "spark.md").read_text(encoding="utf-8")
BLOCKS = [block for page in SUITES["spark"] for block in blocks(page, "spark")]
(CONVERT, SUBMIT) = (list(commands(block.text)) for block in BLOCKS if block.language == "console")
(LAUNCH, PROGRAM) = (block.text for block in BLOCKS if block.language == "python")
START_S = 600


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader stands, with a thousand cases."""
    (tmp_path / "cases.ndjson").write_bytes(b"\n".join(mixed_cases(1000)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def there(text: str, folder: Path) -> str:
    """With whole paths: the Spark that runs stands in another folder."""
    return re.sub(r"\b(cases\.ndjson|bundles\b|(?<=\")out(?=\"))", lambda name: str(folder / name[1]), text)


def test_command_and_output(spark: SparkSession, folder: Path) -> None:
    [(words, expected)] = CONVERT
    done = run(*shlex.split(there(words, folder))[1:])
    assert done.output == there(expected, folder)
    whole = b"".join(path.read_bytes() for path in folder.glob("bundles/outcome=converted/part-*"))
    assert whole.count(b"\n") == 999


def test_spark_submit(folder: Path) -> None:
    """What fhirconv says stands among the words of Spark."""
    [(words, _)] = SUBMIT
    (folder / "launch.py").write_text(LAUNCH)
    (folder / "cases.ndjson").write_bytes(b"\n".join(mixed_cases(20)))
    program, *rest = shlex.split(words)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_"))}
    ran = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *rest],
        capture_output=True,
        text=True,
        check=False,
        timeout=START_S,
        env=environment | {"PYSPARK_PYTHON": sys.executable},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "20 records: 20 converted, 0 rejected\n" in ran.stdout + ran.stderr
    assert (folder / "bundles" / "_SUCCESS").exists()


def test_program(spark: SparkSession, folder: Path) -> None:
    """It runs in the session that is there, which the program must not stop."""
    exec(there(PROGRAM, folder), {})
    assert spark.read.parquet(str(folder / "out")).count() == 999


def test_every_column_and_option_is_told() -> None:
    assert [name for name in RESULT if f"| `{name}` |" not in TEXT] == []
    told = set(re.findall(r"--[a-z-]+", TEXT))
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert options - told <= {"--no-validate", "--quiet"}
