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
ELSEWHERE = {"P08", "P13", "P26", "P27", "P28", "P38"}
"""Rows of headers, TLS, credentials and clocks, which the client is tested for; all others are tested of the command."""


_IDS = re.compile(r"(?:P\d\d[, ]*)+:")


def rows_of(*folders: str) -> set[str]:
    """The ids with which the docstrings of the tests in these folders begin."""
    paths = [path for folder in folders for path in (TESTS / folder).rglob("test_*.py")]
    found = [_IDS.match(words) for path in paths for words in _docstrings(path)]
    return {row for match in found if match for row in re.findall(r"P\d\d", match[0])}


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
    assert rows == rows_of("client", "push", "live")
    assert rows - ELSEWHERE <= rows_of("live")
