"""fhirconv spark-convert, on files: the Bundles of one process byte for byte, counts that add up, one line for an error."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.mixed import is_broken, mixed_cases
from tests.conftest import run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

COUNT = int(os.environ.get("FHIRCONV_SPARK_CASES", "100000"))
START_S, RUN_S = 600, 3600  # of Spark, on a machine that is busy with other things
COMMAND = (sys.executable, "-m", "fhirconv", "spark-convert")
CASE = '{"case":{"id":"%s"},"patient":{}}\n'


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYSPARK_")} | more


def parts(folder: Path) -> Iterator[Iterator[bytes]]:
    """The lines of each part file, in the order of their names."""
    for path in sorted(folder.glob("part-*")):
        with path.open("rb") as stream:
            yield (line.removesuffix(b"\n") for line in stream)


def test_a_hundred_thousand_cases_are_those_of_one_process(tmp_path: Path) -> None:
    assert_as_one_process(COUNT, tmp_path)


def test_what_does_not_fit_into_memory_keeps_its_order(tmp_path: Path) -> None:
    """If Spark sorted what it writes, it would do so on disk then, and mix what is alike."""
    (tmp_path / "spark-defaults.conf").write_text("spark.shuffle.spill.numElementsForceSpillThreshold 100\n")
    assert_as_one_process(1500, tmp_path, SPARK_CONF_DIR=str(tmp_path))


def test_settings_of_a_user_win(tmp_path: Path) -> None:
    """Over those that fhirconv has for a Spark on this machine; what is not set is as fhirconv has it."""
    (tmp_path / "spark-defaults.conf").write_text(
        "spark.sql.execution.arrow.maxRecordsPerBatch 100\nspark.driver.bindAddress 0.0.0.0\n"
        "spark.driver.extraJavaOptions -XX:TieredStopAtLevel=4\n"
    )
    code = """
from fhirconv.spark.session import spark_session
with spark_session("local[1]") as spark:
    for name in ("sql.execution.arrow.maxRecordsPerBatch", "driver.bindAddress", "ui.enabled"):
        print(spark.conf.get("spark." + name))
    java = spark.sparkContext._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()
    print([option for option in java if "TieredStopAtLevel" in option][-1])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=START_S,
        env=environment(SPARK_CONF_DIR=str(tmp_path)),
    )
    assert ran.stdout.split() == ["100", "0.0.0.0", "false", "-XX:TieredStopAtLevel=4"]


def assert_as_one_process(count: int, tmp_path: Path, **more: str) -> None:
    """Every Bundle byte for byte, in the order of the input within a part; rejects named by line; all adds up."""
    source = tmp_path / "cases.ndjson"
    with source.open("wb") as stream:
        stream.writelines(line + b"\n" for line in mixed_cases(count))
        stream.write(b"\n")
    command = [*COMMAND, str(source), str(tmp_path / "out"), "--master", "local[2]"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**more)) as ran:
        where, expected = one_process(source)
        out, said = ran.communicate(timeout=RUN_S)
    broken = [number for number in range(count) if is_broken(number)]
    assert ran.returncode == (1 if broken else 0), said
    assert out == ""
    assert said.splitlines()[0] == (
        f"{count:,} records: {count - len(broken):,} converted, {len(broken)} rejected; 1 blank line"
    )
    assert said.splitlines()[:2] == expected
    seen = 0
    for part in parts(tmp_path / "out" / "outcome=converted"):
        found = [where[hashlib.sha256(line).digest()] for line in part]
        assert found == sorted(set(found))
        seen += len(found)
    assert seen == len(where) == count - len(broken)
    rejects = [line for part in parts(tmp_path / "out" / "outcome=rejected") for line in part]
    assert sorted(json.loads(line)["line"] - 1 for line in rejects) == broken
    assert sorted(rejects) == sorted((tmp_path / "rejects.ndjson").read_bytes().splitlines())


def one_process(source: Path) -> tuple[dict[bytes, int], list[str]]:
    """The digest of each Bundle with its place among them, and the records and facts, as the command `convert` has them.

    What is rejected goes to a file beside the source.
    """
    command = [sys.executable, "-m", "fhirconv", "convert", str(source), "--rejects", str(source.parent / "rejects.ndjson")]
    with (source.parent / "said").open("w+") as said:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as ran:
            assert ran.stdout
            where = {hashlib.sha256(line.removesuffix(b"\n")).digest(): at for at, line in enumerate(ran.stdout)}
        said.seek(0)
        return where, [line.rstrip("\n") for line in said if " records: " in line or " facts: " in line]


def test_files_folders_patterns_and_gzip(spark: SparkSession, tmp_path: Path) -> None:
    """Names with blanks and umlauts too; the split of a file is no end of its numbers of lines."""
    (tmp_path / "in").mkdir()
    lines = list(mixed_cases(520))
    (tmp_path / "in" / "Fälle 1.ndjson").write_bytes(b"\r\n".join(lines))
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(b"\n".join([*lines[:3], b"{"]).replace(b"mixed-", b"other-")))
    done = run("spark-convert", str(tmp_path / "in"), f"{tmp_path}/*.gz", str(tmp_path / "out"), "--format", "parquet")
    assert done.exit_code == 1
    assert done.output.startswith("524 records: 522 converted, 2 rejected\n")
    found = spark.read.parquet(str(tmp_path / "out"))
    counts = {row["outcome"]: row["count"] for row in found.groupBy("outcome").count().collect()}
    assert counts == {"converted": 522, "rejected": 2}
    rejects = found.where("outcome = 'rejected'").orderBy("line").collect()
    places = [(row.file, row.line) for row in rejects]
    assert places == [(str(tmp_path / "b.ndjson.gz"), 4), (str(tmp_path / "in" / "Fälle 1.ndjson"), 518)]
    (row,) = found.where("case_id = 'mixed-519'").collect()
    assert row.line == 520


def test_stop_writes_no_success(spark: SparkSession, tmp_path: Path) -> None:
    source, out = tmp_path / "cases.ndjson", tmp_path / "out"
    source.write_text(CASE % 1 + "\n{\n" + CASE % 2)
    done = run("spark-convert", str(source), str(out), "--on-error", "stop")
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f"{source}:3 [not-json]: error: the case is rejected; stopped",
        f"  {out} is not complete (it has no _SUCCESS); mend what is wrong and run again with --overwrite",
    ]
    assert not (out / "_SUCCESS").exists()
    source.write_text(CASE % 1)
    assert run("spark-convert", str(source), str(out), "--overwrite").exit_code == 0
    assert (out / "_SUCCESS").exists()


def test_an_input_or_output_that_cannot_be(spark: SparkSession, tmp_path: Path) -> None:
    """Told before anything is converted or removed."""
    source = tmp_path / "cases.ndjson"
    source.write_text(CASE % 1)
    (tmp_path / "_hidden.ndjson").write_text(CASE % 2)
    (tmp_path / "old").mkdir()
    inside = tmp_path / "old" / "cases.ndjson"
    inside.write_text(CASE % 3)

    def said(*arguments: str | Path) -> str:
        done = run("spark-convert", *map(str, arguments))
        assert done.exit_code == 2, done.output
        assert done.output.count("\n") == 1
        return done.output

    assert "Path does not exist" in said(tmp_path / "nowhere.ndjson", tmp_path / "out")
    assert "nowhere" in said(source, f"{tmp_path}/nowhere*", tmp_path / "out")
    assert "passes over names that begin with '_'" in said(source, tmp_path / "_hidden.ndjson", tmp_path / "out")
    assert f"{tmp_path / 'old'} is there already" in said(source, tmp_path / "old")
    assert "holds a file of the input" in said(inside, tmp_path / "old", "--overwrite")
    assert "is in the input" in said(tmp_path / "old", tmp_path / "old" / "out")
    assert inside.read_text() == CASE % 3
    assert not (tmp_path / "out").exists()


def test_a_broken_file_is_one_line(spark: SparkSession, tmp_path: Path) -> None:
    source = tmp_path / "cases.ndjson.gz"
    source.write_bytes(gzip.compress(b"\n".join(mixed_cases(200)))[:-400])
    done = run("spark-convert", str(source), str(tmp_path / "out"))
    assert done.exit_code == 1
    first, second = done.output.splitlines()
    assert "Unexpected end of input stream" in first
    assert "is not complete" in second


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("JAVA_HOME", "/nowhere", "JAVA_HOME is '/nowhere', where there is no bin/java; name another, or unset it"),
        ("JAVA_HOME", "OLD", "is Java 11; Spark needs Java 17 or newer: name one in JAVA_HOME"),
        ("PATH", "/nowhere", "no `java` on PATH; Spark needs Java 17 or newer: install it, or name it in JAVA_HOME"),
        ("PYTHONPATH", "NO_PYSPARK", "pyspark is not installed; install it: pip install 'fhirconv[spark]'"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, variable: str, value: str, expected: str) -> None:
    if value == "OLD":
        (tmp_path / "bin").mkdir()
        java = tmp_path / "bin" / "java"
        java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
        java.chmod(0o755)
    if value == "NO_PYSPARK":
        (tmp_path / "pyspark.py").write_text("raise ImportError('no', name='pyspark')\n")
    (tmp_path / "cases.ndjson").write_text(CASE % 1)
    settings = environment(JAVA_HOME="") | {variable: value if value.startswith("/") else str(tmp_path)}
    ran = subprocess.run(
        [*COMMAND, str(tmp_path / "cases.ndjson"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=START_S,
        env=settings,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.endswith(expected + "\n")


def test_help_and_convert_import_no_spark() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from fhirconv.cli import main; "
        "[CliRunner().invoke(main, words) for words in (['--help'], ['convert', 'fixtures/cases/minimal-labs.yaml'])]; "
        "print(sorted({'pyspark', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
