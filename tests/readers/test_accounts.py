"""Nothing is lost: each row makes facts or is counted with why not, each cell is in a case or counted. For any tables."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv.readers.table_reader import TableReader
from tests.readers.reading import Read, read_rows, reader_of

tried = settings(deadline=None, derandomize="CI" in os.environ, max_examples=100)

RULES = """
title = "Made-up"
null = ["NA"]
[tables.one]
file = "one.csv"
key = "id"
[tables.one.ignore]
h = "of no use"
[tables.two]
file = "two.csv"
key = "id"
may_lack = ["lacking"]
[[facts]]
table = "one"
section = "findings"
where = { go = "yes" }
fields = { finding = { column = "b" }, note = { first = [{ column = "c" }, { column = "d" }] } }
[[facts]]
table = "one"
section = "labs"
each = { d = { analyte = "Hb" }, e = { analyte = "CEA" } }
fields = { analyte = { each = "analyte" }, result = { column = "@" } }
[[facts]]
table = "one"
section = "conditions"
unless = { go = ["yes", "no"] }
split = { column = "f", by = "|" }
fields = { kind = { fixed = "other" }, name = { column = "@" }, severity = { column = ["c", "b"] } }
[[facts]]
table = "two"
section = "findings"
[facts.fields]
finding = { text = "{b} {c}" }
result = { column = "d", match = "^(t.*[d0])$" }
note = { column = "lacking" }
interpretation = { column = "e", values = { high = "high" }, else = "@skip" }
"""
ONE = ("id", "go", "b", "c", "d", "e", "f", "g", "h")
TWO = ("id", "b", "c", "d", "e")

keys = st.sampled_from(["A", "A", "B", "", "NA"])
stated = st.sampled_from(["t", "t", "", "NA", " "])


def tables(columns: tuple[str, ...]) -> st.SearchStrategy[list[dict[str, str]]]:
    """Rows of a table. Every 't' becomes a text that stands nowhere else."""
    cells = dict.fromkeys(columns, stated) | {"id": keys, "go": st.sampled_from(["yes", "no", "", "other"])}
    cells |= {"f": st.sampled_from(["t", "t|t", "|", "", "t| |t"])}
    return st.lists(st.fixed_dictionaries({name: cells[name] for name in columns}), max_size=8)


def numbered(rows: list[dict[str, str]], start: int) -> list[dict[str, str]]:
    """The rows with a text of its own for every 't'."""
    made = []
    for number, row in enumerate(rows):
        parts = {name: cell.split("|") for name, cell in row.items()}
        made.append(
            {
                name: "|".join(f"t{start + number}{name}{at}" if one == "t" else one for at, one in enumerate(cell))
                for name, cell in parts.items()
            }
        )
    return made


def texts(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key != "origin":
                yield from texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts(value)
    else:
        yield str(data)


def says(cell: str) -> bool:
    return cell.strip() not in ("", "NA")


def left_of(found: Read, start: str, rule: str = "") -> int:
    """How much was left of what begins so."""
    return sum(
        count
        for name, kinds in found.report.left.items()
        for what, count in kinds.items()
        if str(what).startswith(start) and name.startswith(rule)
    )


READER: TableReader = reader_of(RULES)


def read_both(one: list[dict[str, str]], two: list[dict[str, str]]) -> Read:
    with tempfile.TemporaryDirectory() as folder:
        return read_rows(
            READER,
            Path(folder),
            one=[ONE, *([row[name] for name in ONE] for row in one)],
            two=[TWO, *([row[name] for name in TWO] for row in two)],
        )


@tried
@given(tables(ONE), tables(TWO))
def test_rows_add_up(one: list[dict[str, str]], two: list[dict[str, str]]) -> None:
    found = read_both(numbered(one, 100), numbered(two, 200))
    for name, rows in (("one", one), ("two", two)):
        count = found.report.tables[name]
        blank = sum(not any(row.values()) for row in rows)  # passed over with a warning
        assert count.rows + blank == len(rows)
        assert count.rows == count.made + count.unused + count.unread
        assert count.unused == left_of(found, f"{name}: ", "row-unused")
        assert count.unread == sum(not says(row["id"]) for row in rows) - blank
    cases = [document.data["case"]["id"] for document in found.documents if document.data]
    assert cases == list(dict.fromkeys(row["id"] for row in (*one, *two) if says(row["id"])))
    facts = Counter(
        name
        for case in found.documents
        for name, made in (case.data or {}).items()
        if isinstance(made, list)
        for _ in made
    )
    assert found.report.facts == facts


@tried
@given(tables(ONE), tables(TWO))
def test_cells_add_up(one: list[dict[str, str]], two: list[dict[str, str]]) -> None:
    one, two = numbered(one, 100), numbered(two, 200)
    found = read_both(one, two)
    read = " ".join(text for document in found.documents for text in texts(document.data))
    for name, rows in (("one", one), ("two", two)):
        with_case = [row for row in rows if says(row["id"])]
        for column, count in found.report.tables[name].columns.items():
            cells = [row[column] for row in with_case if says(row[column])]
            assert count.stated == len(cells)
            if column in ("id", "go"):
                assert count.taken == count.stated, "they decide"
                continue
            lost = sum(not any(part in read for part in cell.split("|") if part.strip()) for cell in cells)
            untaken = count.stated - count.taken
            if column == "h":
                assert lost == untaken == len(cells)
                assert left_of(found, f"{name}.{column}") == 0, "left out with a reason"
            else:
                assert untaken <= left_of(found, f"{name}.{column}")
                assert lost <= left_of(found, f"{name}.{column}")
                if column == "g":
                    assert left_of(found, f"{name}.{column}", "column-unread") == len(cells)


@tried
@given(tables(ONE), tables(TWO))
def test_reading_twice_is_the_same(one: list[dict[str, str]], two: list[dict[str, str]]) -> None:
    first, second = (read_both(numbered(one, 100), numbered(two, 200)) for _ in range(2))
    assert [document.data for document in first.documents] == [document.data for document in second.documents]
    strip = [(line.partition("/")[0], line.rpartition("/")[2]) for line in first.lines]
    assert strip == [(line.partition("/")[0], line.rpartition("/")[2]) for line in second.lines]
