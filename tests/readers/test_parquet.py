"""Parquet: every value as the text that says exactly it."""

from __future__ import annotations

import builtins
import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pytest
from pyarrow import parquet

from fhirconv.document import LIMITS
from fhirconv.readers.tables import TableError, open_table

MIDNIGHT = datetime.datetime(2020, 1, 12)
TIME = datetime.datetime(2020, 7, 12, 8, 30)
COLUMNS = {
    "integer": (arrow.array([1, None, 10**15]), ["1", "", "1000000000000000"]),
    "double": (arrow.array([9.8, 1e-7, 1e22]), ["9.8", "0.0000001", "1" + "0" * 22]),
    "float": (arrow.array([9.8, 10.0, float("nan")], arrow.float32()), ["9.8", "10", ""]),
    "decimal": (arrow.array([Decimal("9.80"), Decimal("0.00"), None], arrow.decimal128(8, 2)), ["9.80", "0.00", ""]),
    "small": (arrow.array([Decimal("1E-8"), Decimal("0E-8"), None], arrow.decimal128(20, 8)), ["0.00000001", "0.00000000", ""]),
    "date": (arrow.array([TIME.date(), None, None]), ["2020-07-12", "", ""]),
    "time": (
        arrow.array([TIME, MIDNIGHT, TIME.replace(microsecond=500)]),
        ["2020-07-12T08:30:00", "2020-01-12", "2020-07-12T08:30:00.0005"],
    ),
    "zone": (
        arrow.array([TIME, MIDNIGHT, None], arrow.timestamp("ns", "Europe/Berlin")),
        ["2020-07-12T10:30:00+02:00", "2020-01-12T01:00:00+01:00", ""],
    ),
    "words": (arrow.array(["ä", "ä", None]).dictionary_encode(), ["ä", "ä", ""]),
    "truth": (arrow.array([True, False, None]), ["true", "false", ""]),
    "text": (arrow.array([" a\n", "", None], arrow.large_string()), [" a\n", "", ""]),
    "nothing": (arrow.nulls(3), ["", "", ""]),
}  # fmt: skip


def written(folder: Path, columns: dict[str, Any]) -> Path:
    parquet.write_table(arrow.table(columns), folder / "t.parquet")
    return folder / "t.parquet"


def test_values_keep_their_digits(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, {name: column for name, (column, _) in COLUMNS.items()}))
    rows = list(table.rows)
    assert [row.line for row in rows] == [1, 2, 3]
    assert dict(zip(table.columns, map(list, zip(*(row.cells for row in rows), strict=True)), strict=True)) == {
        name: texts for name, (_, texts) in COLUMNS.items()
    }


def test_rows_without_a_value_are_counted(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, {"a": ["1", None, "", "2"]}))
    assert [row.line for row in table.rows] == [1, 4]
    assert [(issue.rule, issue.place.line) for issue in table.issues] == [("blank-row", 2)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": [[1]], "b": [{"x": 1}], "c": [b"x"], "d": [1]}, [f"column '{name}' holds " for name in "abc"]),
        ({"a": [1], " ": [2]}, ["has columns without a name"]),
        ({"a": [1], "a ": [2]}, ["column name 'a' stands twice"]),
    ],
)  # fmt: skip
def test_what_is_no_flat_table_is_told(tmp_path: Path, columns: dict[str, Any], expected: list[str]) -> None:
    with pytest.raises(TableError) as caught:
        open_table(written(tmp_path, columns))
    found = [issue.message for issue in caught.value.issues]
    assert [message.startswith(start) for message, start in zip(found, expected, strict=True)] == [True] * len(expected)


def test_damage_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, {"a": ["word"] * 1000})
    whole = path.read_bytes()
    for data in (b"", b"a,b\n", whole[:-20], whole[:8] + b"\xff" * 40 + whole[48:]):
        path.write_bytes(data)
        with pytest.raises(TableError, match=r"no Parquet|damaged"):
            list(open_table(path).rows)


def test_a_text_over_the_limit_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="more than 1000 characters"):
        list(open_table(written(tmp_path, {"a": ["x" * 1001]}), limits=LIMITS._replace(text=1000)).rows)


def test_without_the_library_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, {"a": [1]})
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TableError, match=r"pip install 'fhirconv\[tables\]'"):
        open_table(path)
