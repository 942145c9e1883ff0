"""What looks alike is not taken for one: numbers of patients that lost digits, numbers beside texts with a decimal comma."""

from __future__ import annotations

import datetime
import importlib
from pathlib import Path
from typing import Any

import pytest

from fhirconv.numbers import Measured, read_measured
from tests.readers.reading import Read, read, read_rows, reader_of
from tests.readers.test_workbooks import book

PATIENTS = """
title = "Made-up"
[tables.p]
file = "*"
key = "id"
may_lack = ["x"]
[[facts]]
table = "p"
section = "patient"
fields = { sex = { column = "sex" } }
"""


def ids(found: Read) -> list[str]:
    return [document.data["case"]["id"] for document in found.documents if document.data]


@pytest.mark.parametrize(
    ("cells", "code", "known"),
    [
        ([1234567890123456, 1234567890123457], "General", []),
        ([123456789012345, 123456789012346], "0", ["123456789012345", "123456789012346"]),
        ([10.4, 9.6], "0", ["10.4", "9.6"]),
        ([datetime.date(2020, 3, 1), datetime.date(2020, 3, 9)], "mmm yyyy", []),
        ([datetime.date(2020, 3, 1), datetime.date(2020, 3, 9)], "dd.mm.yyyy", ["2020-03-01", "2020-03-09"]),
    ],
)
def test_keys_of_a_workbook_that_look_alike_are_none(
    tmp_path: Path, cells: list[Any], code: str, known: list[str]
) -> None:
    found = read(reader_of(PATIENTS), book(tmp_path, ["id", "sex"], *([(cell, code), "female"] for cell in cells)))
    assert ids(found) == known
    if not known:
        assert "[row-without-case]" in found.lines[0]
        assert "names a case and does not show all that it holds" in found.lines[1]


@pytest.mark.parametrize("key", ["1.234568e+15", "1E+15", "1.23457E15", "1,23457E+12", "-1e9"])
def test_keys_that_a_program_rounded_are_none(tmp_path: Path, key: str) -> None:
    found = read_rows(reader_of(PATIENTS), tmp_path, p=[("id", "sex"), (key, "male"), ("12E4A", "female")])
    assert ids(found) == ["12E4A"]
    assert "[row-without-case]" in found.lines[0]


def test_parts_of_a_key_are_told_apart_whatever_stands_in_them(tmp_path: Path) -> None:
    reader = reader_of(PATIENTS.replace('key = "id"', 'key = ["id", "x"]'))
    rows = [
        ("id", "x", "sex"),
        ("a\x1fb", "c", "male"),
        ("a", "b\x1fc", "female"),
        ("a-b", "c", "male"),
        ("a", "b-c", "male"),
    ]
    found = read_rows(reader, tmp_path, p=rows)
    assert len(found.documents) == 4


def test_what_is_not_a_number_is_no_key(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    path = tmp_path / "p.parquet"
    table = arrow.table({"id": [float("nan"), float("nan"), 7.0], "sex": ["female"] * 3})
    importlib.import_module("pyarrow.parquet").write_table(table, path)
    assert ids(read(reader_of(PATIENTS), path)) == ["7"]


COMMA = (
    PATIENTS
    + """
[conventions]
decimal_mark = "comma"
[[facts]]
table = "p"
section = "labs"
fields = { analyte = { fixed = "CA 15-3" }, value = { number = "x" }, unit = { fixed = "U/mL" } }
[[facts]]
table = "p"
section = "findings"
fields = { finding = { fixed = "body weight" }, value = { column = "x" }, unit = { fixed = "kg" } }
[[facts]]
table = "p"
section = "labs"
split = { column = "x", by = "|" }
[facts.fields]
analyte = { fixed = "CEA" }
value = { first = [{ text = "<{@}" }] }
unit = { fixed = "ng/mL" }
note = { column = "x" }
"""
)


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_a_number_is_one_whatever_mark_the_texts_beside_it_have(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "p.parquet"
    if kind == "xlsx":
        path = book(tmp_path, ["id", "sex", "x"], ["a", "female", 1.234], ["b", "female", "1,234"])
    else:
        arrow = pytest.importorskip("pyarrow")
        table = arrow.table({"id": ["a"], "sex": ["female"], "x": [1.234]})
        importlib.import_module("pyarrow.parquet").write_table(table, path)
    for document in read(reader_of(COMMA), path).documents:
        ours, other = document.data["labs"]
        values = [fact["value"] for fact in (ours, *document.data["findings"], other)]
        seen = [read_measured(value, "comma") for value in values]
        assert [isinstance(one, Measured) and f"{one.comparator}{one.value}" for one in seen] == [
            "1.234",
            "1.234",
            "<1.234",
        ]
        assert other["note"] == ("1,234" if document.data["case"]["id"] == "b" else "1.234")
