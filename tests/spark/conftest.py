"""One Spark on this machine for all the tests that need one."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

if (
    importlib.util.find_spec("pyspark") is None
):  # `make test` goes without; `pytest -m spark` then fails: it finds no test
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Two cores; small splits, so that small files have several."""
    from fhirconv.spark.session import spark_session

    os.environ["PYSPARK_PYTHON"] = sys.executable
    with spark_session("local[2]") as session:
        session.conf.set("spark.sql.files.maxPartitionBytes", "100000")
        session.conf.set("spark.sql.shuffle.partitions", "2")
        yield session
    logging.getLogger("py4j").setLevel(logging.NOTSET)
