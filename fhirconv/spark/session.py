"""Spark started for a command: the right Python and Java, and none of its noise on the terminal."""

from __future__ import annotations

import importlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fhirconv.issues import FhirconvError, shown

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OLDEST_JAVA = 17  # that Spark 4 runs on
_JAVA = f"Java {_OLDEST_JAVA} or newer"
_OPTIONS = "SPARK_SUBMIT_OPTS"  # options of Java; whatever a user sets, here or in another of Spark's ways, comes after and wins
_LOCAL = (
    "-XX:TieredStopAtLevel=1",  # Java mostly copies: compiled better it saves 0.3 s in 100,000 cases, and takes 10 s for that
    "-Dspark.driver.host=127.0.0.1",
    "-Dspark.driver.bindAddress=127.0.0.1",
    "-Dspark.ui.enabled=false",
)
_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


class SparkError(FhirconvError):
    """Spark cannot be started; the text says what to do."""


@contextmanager
def spark_session(master: str | None) -> Iterator[SparkSession]:
    """A session of Spark (which is installed: need_pyspark), stopped at the end unless it was there before.

    Under spark-submit it is the one that spark-submit started, with its settings and its log; else Spark runs on this
    machine, and what it says goes to a file that is kept only if it does not start. Raises SparkError then.
    """
    from pyspark.sql import SparkSession

    logging.getLogger("py4j").setLevel(logging.CRITICAL)  # it logs each error that it raises
    builder = SparkSession.builder.appName("fhirconv")
    is_ours = SparkSession.getActiveSession() is None
    is_submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if master or not is_submitted:
        master = master or "local[*]"
        builder = builder.master(master)
    spark = builder.getOrCreate() if is_submitted or not is_ours else _started(builder, master or "")
    if not spark.sparkContext.getConf().contains(_ROWS):
        spark.conf.set(_ROWS, "256")
    try:
        yield spark
    finally:
        if is_ours:
            spark.stop()


def _started(builder: SparkSession.Builder, master: str) -> SparkSession:
    """The session of a new Java, with all that this and its children say in a file."""
    _need_java()
    if master.startswith("local"):
        os.environ[_OPTIONS] = " ".join((*_LOCAL, os.environ.get(_OPTIONS, "")))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    handle, name = tempfile.mkstemp(prefix="fhirconv-spark-", suffix=".log")
    try:
        with _output_into(handle):
            spark = builder.getOrCreate()
    except Exception as error:  # pyspark raises its own, py4j's and Python's
        raise SparkError(f"Spark did not start ({type(error).__name__}); what it said is in {name}") from None
    Path(name).unlink()  # whoever still writes to it may
    return spark


@contextmanager
def _output_into(handle: int) -> Iterator[None]:
    """What processes that are started meanwhile write goes to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    try:
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(handle)


def need_pyspark() -> None:
    """Raises SparkError when the extra `spark` is not installed."""
    try:
        for name in ("pyspark", "pyarrow", "pandas"):
            importlib.import_module(name)
    except ImportError as error:
        raise SparkError(f"{error.name} is not installed; install it: pip install 'fhirconv[spark]'") from None


def _need_java() -> None:
    """Raises SparkError for what Java would say in thirty lines."""
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    if java is None:
        raise SparkError(f"no `java` on PATH; Spark needs {_JAVA}: install it, or name it in JAVA_HOME")
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr  # noqa: S603
    except OSError:
        raise SparkError(f"JAVA_HOME is {shown(home)}, where there is no bin/java; name another, or unset it") from None
    except subprocess.TimeoutExpired:
        raise SparkError(f"`{java} -version` does not end; Spark needs {_JAVA}: name another in JAVA_HOME") from None
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        found = f"is Java {version[1]}" if version else "does not say its version"
        raise SparkError(f"{java} {found}; Spark needs {_JAVA}: name one in JAVA_HOME")
