"""The battery itself: every row of push.tsv has a test whose docstring begins with its id."""

from __future__ import annotations

import ast
import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ROWS = TESTS.parents[1] / "shared" / "corpora" / "battery" / "push.tsv"
COMMAND = {*"P01 P02 P03 P04 P05 P06 P07 P09 P10 P11 P12 P14 P15 P16 P17 P18 P19 P20 P21 P22 P23 P24 P25".split()} | {
    *"P29 P30 P31 P32 P33 P34 P35 P36 P37 P39 P40".split()
}
"""The others, of credentials, TLS and clocks, are tested of the client, and where they need none in both."""


_IDS = re.compile(r"((?:P\d\d ?)+):")


def rows_of(*folders: str) -> set[str]:
    """The ids with which the docstrings of the tests in these folders begin."""
    paths = [path for folder in folders for path in (TESTS / folder).rglob("test_*.py")]
    found = [_IDS.match(words) for path in paths for words in _docstrings(path)]
    return {row for match in found if match for row in match[1].split()}


def _docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield ast.get_docstring(node) or ""


def test_every_row_is_tested() -> None:
    if not ROWS.is_file() and "CI" not in os.environ:
        pytest.skip("shared/corpora is not beside the repository")
    with ROWS.open(encoding="utf-8", newline="") as stream:
        rows = {row["id"] for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)}
    assert len(rows) >= 40
    assert rows_of("client", "push", "live") == rows
    assert COMMAND <= rows_of("live")
