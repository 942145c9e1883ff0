"""CSV and its kin: every cell as printed, or a finding that says where the table cannot be read. Never a row less in silence."""

from __future__ import annotations

import csv
import gzip
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv.compression import compressed
from fhirconv.document import LIMITS, Limits
from fhirconv.readers.tables import DEFAULT, Layout, Row, TableError, open_table

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def read(
    folder: Path, data: bytes | str, name: str = "t.csv", layout: Layout = DEFAULT, limits: Limits = LIMITS
) -> tuple[list[Row], list[str]]:
    """Rows and warnings; the first row is the header. What is told begins with the place, without the folder."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    table = open_table(path, layout, limits)
    rows = [Row(0, table.columns), *table.rows]
    return rows, [issue.text().removeprefix(f"{folder}/") for issue in table.issues]


def cells(folder: Path, data: bytes | str, name: str = "t.csv", layout: Layout = DEFAULT) -> list[tuple[str, ...]]:
    return [row.cells for row in read(folder, data, name, layout)[0]]


def told(
    folder: Path, data: bytes | str, name: str = "t.csv", layout: Layout = DEFAULT, limits: Limits = LIMITS
) -> list[str]:
    """What keeps a table from being read."""
    with pytest.raises(TableError) as caught:
        read(folder, data, name, layout, limits)
    return [issue.text().removeprefix(f"{folder}/") for issue in caught.value.issues]


AB = [("a", "b"), ("1", "ä")]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("a,b\n1,ä\n", id="plain"),
        pytest.param("a,b\n1,ä", id="no end of line"),
        pytest.param("a,b\r\n1,ä\r\n", id="CRLF"),
        pytest.param("a,b\r1,ä\r", id="CR, as old Macs write"),
        pytest.param("\ufeffa,b\n1,ä\n", id="mark of UTF-8"),
        pytest.param("a,b\n1,ä\n".encode("utf-16"), id="UTF-16 with its mark"),
        pytest.param(b"\xfe\xff" + "a,b\n1,ä\n".encode("utf-16-be"), id="UTF-16 the other way round"),
        pytest.param("sep=;\r\na;b\r\n1;ä\r\n", id="Excel's sep="),
        pytest.param("a;b\n1;ä\n", id="semicolons"),
        pytest.param('"a","b"\n"1","ä"\n', id="quotes"),
        pytest.param(" a ,b\n1,ä\n", id="blanks around names"),
        pytest.param("a,b,,\n1,ä,,\n", id="columns without name and cells at the end"),
        pytest.param("a,b\n1,ä,\n", id="delimiter at the end of rows alone"),
        pytest.param(gzip.compress("a,b\n1,ä\n".encode()), id="packed"),
    ],
)
def test_what_spreadsheets_write_is_read_as_it_is_meant(tmp_path: Path, data: bytes | str) -> None:
    assert cells(tmp_path, data) == AB


@pytest.mark.parametrize(
    ("data", "name", "layout"),
    [
        ("a\tb\n1\tä\n", "t.tsv", Layout()),
        ("a\tb\n1\tä\n", "t.TXT", Layout()),
        ("a|b\n1|ä\n", "t.csv", Layout(delimiter="|")),
        ("title\n\na,b\n1,ä\n", "t.csv", Layout(header=3)),
        ("a,b\nCDE:1,CDE:2\nx,y\n1,ä\n", "t.csv", Layout(skip=2)),
        ("a,b\n1,ä\n".encode("windows-1252"), "t.csv", Layout(encoding="windows-1252")),
        ("a,b\n1,ä\n".encode("utf-16-le"), "t.csv", Layout(encoding="utf-16-le")),
        (compressed("a\tb\n1\tä\n".encode(), "zst"), "t.tsv.zst", Layout()),
    ],
)
def test_layout(tmp_path: Path, data: bytes | str, name: str, layout: Layout) -> None:
    assert cells(tmp_path, data, name, layout) == AB


def test_quotes_are_letters_where_the_layout_says_so(tmp_path: Path) -> None:
    data = 'a\tb\n"x\t5" tall\n'
    assert cells(tmp_path, data, "t.tsv", Layout(quote=False))[1:] == [('"x', '5" tall')]
    assert "say quote = false" in told(tmp_path, data, "t.tsv")[0]


def test_cells_come_as_printed(tmp_path: Path) -> None:
    """Nothing is stripped, no number read, no formula neutralised: digits and blanks are the source's."""
    found = cells(tmp_path, 'a,b,c\n 1.50 ,=1+1,"x ""y"", z"\n')[1]
    assert found == (" 1.50 ", "=1+1", 'x "y", z')


def test_a_row_stands_at_the_line_where_it_begins(tmp_path: Path) -> None:
    rows, warnings = read(tmp_path, 'head\na,b\n1,"x\ny"\n\n,\n2,z\n', layout=Layout(header=2))
    assert [row.line for row in rows[1:]] == [3, 7]
    assert warnings == ["t.csv:5:1: warning: 2 blank rows were passed over, the first of them here [blank-row]"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a,b\n1\n2,3\n4,5,6\n", ["t.csv:2:1: error: has 1 cells, the header 2 columns", "t.csv:4:1: error: has 3 cells"]),
        ("a,b\n1,2\n3", ["t.csv:3:1: error: has 1 cells, the header 2 columns: the file ends here, cut off"]),
        ('a,b\n1,2\n"3,4\n5,6\n', ["t.csv:3:1: error: opens a quote that never closes"]),
        ('a,b\n"1" x,2\n3\n', ["t.csv:2:1: error: has text between a closing quote", "t.csv:3:1: error: has 1 cells"]),
        ('a,b\n"1\n2" x,2\n', ["t.csv:2:1: error: has text between a closing quote and the next delimiter in line 3"]),
        ("a,b\n1,2\na,b\n3,4\n", ["t.csv:3:1: error: is the header again"]),
        ("a,b\n1,2\n\ufeffa,b\n3,4\n", ["t.csv:3:1: error: has a byte order mark in the middle"]),
        ("a,b\n1,2\n3,\x004\n", ["t.csv:3:1: error: holds a NUL character"]),
        ("a,b\n1\n2,\xe4\n".encode("latin-1"), ["t.csv:3:1: fatal: is not UTF-8: byte 0xe4 at offset 8"]),
        ("a,b,a,,c\n", ["t.csv:1:3: fatal: column name 'a' stands twice, in columns 1 and 3", "t.csv:1:4: fatal: column 4 has no name"]),
        ("a\tb\n1\t2\n", ["t.csv:1:1: fatal: is one column by the delimiter comma, and its header has tab"]),
        ("", ["t.csv: fatal: ends before line 1"]),
        ("\n\n", ["t.csv:1:1: fatal: has no column names"]),
        ("<!DOCTYPE html>\n<html>", ["t.csv: fatal: is HTML or XML"]),
        (b"PK\x03\x04rest", ["t.csv: fatal: is a workbook (XLSX)"]),
        (b"\xd0\xcf\x11\xe0", ["t.csv: fatal: is an old Excel file (.xls)"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, data: bytes | str, expected: list[str]) -> None:
    found = told(tmp_path, data)
    assert [line.startswith(start) for line, start in zip(found, expected, strict=True)] == [True] * len(expected), (
        found
    )


def test_an_encoding_that_needs_a_mark(tmp_path: Path) -> None:
    with pytest.raises(TableError) as error:
        read(tmp_path, "a,b\n1,2\n", layout=Layout(encoding="utf-16"))
    assert "is to be read as 'utf-16', and does not begin as such" in str(error.value)


def test_what_was_found_before_an_error_of_encoding_is_told_too(tmp_path: Path) -> None:
    data = b"a,b\n1\n" + b"2,3\n" * 100_000 + b"4,\xff\n"
    assert [line.partition(" ")[0] for line in told(tmp_path, data)] == ["t.csv:2:1:", "t.csv:100003:1:"]


def test_many_problems_of_one_cause_end_the_reading(tmp_path: Path) -> None:
    found = told(tmp_path, "a,b\n" + "1\n" * 5000)
    assert len(found) == 101
    assert "what comes after was not looked at" in found[-1]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'a,b\n"' + b"x" * 300_000 + b'",1\n', "t.csv:2:1: error: has a cell of more than 200000 characters"),
        (b'a,b\n"' + b"x" * 3_000_000, "t.csv:2:1: fatal: has a row of more than 500000 characters"),
        (b"a,b\n1,2\n" + b'"\n",' * 500_000, "t.csv:"),
        (b"x" * 3_000_000, "t.csv:1:1: fatal: has a row of more than 500000 characters"),
    ],
)
def test_nothing_is_gathered_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, expected: str
) -> None:
    before = csv.field_size_limit(1000)
    try:
        assert told(tmp_path, data, limits=LIMITS._replace(bytes=500_000, text=200_000))[0].startswith(expected)
    finally:
        csv.field_size_limit(before)


def test_bombs_and_damage_of_packed_tables(tmp_path: Path) -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000, 9)
    assert "bomb" in told(tmp_path, bomb, "t.csv.gz", limits=LIMITS._replace(ratio=10, bytes=100_000))[0]
    assert "ends in the middle" in told(tmp_path, gzip.compress(b"a,b\n1,2\n")[:-5], "t.csv.gz")[0]


def test_a_long_table_has_its_lines_counted_over_blocks(tmp_path: Path) -> None:
    data = "a,b\n" + "".join(f'{number},"{"ä" * (number % 50)}\r\n"\r\n' for number in range(20_000))
    rows, _ = read(tmp_path, data)
    assert [row.line for row in rows[1:]] == [2 + 2 * number for number in range(20_000)]


def test_a_table_may_be_as_wide_as_it_is(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(20_000))
    assert len(cells(tmp_path, f"{header}\n{'1,' * 19_999}1\n")[1]) == 20_000


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, what in ((tmp_path, "directory"), (tmp_path / "none.csv", "cannot be read"), (Path("a\0b"), "no name")):
        with pytest.raises(TableError, match=what):
            open_table(path)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"a,b\n1,2\n"))
    writer.start()
    try:
        assert [row.cells for row in open_table(path).rows] == [("1", "2")]
    finally:
        writer.join(30)


def test_a_table_that_is_not_read_to_its_end_leaves_nothing_open(tmp_path: Path) -> None:
    """An open file that is forgotten is a ResourceWarning, which fails the tests."""
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n")
    open_table(path)
    assert next(open_table(path).rows).cells == ("1",)


def test_tables_of_text_need_nothing_else() -> None:
    heavy = "{'sqlite3', 'pyarrow', 'zipfile', 'requests', 'xml.parsers.expat'}"
    code = (
        f"import sys, fhirconv.readers.tables, fhirconv.readers.groups; sys.exit(str({heavy} & set(sys.modules) or ''))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr.strip() == ""
    )


def test_real_tables_are_read_as_by_a_plain_reader() -> None:
    paths = [
        *SAMPLES.glob("tcga-brca/*_brca.txt"),
        *SAMPLES.glob("mcode-extraction-framework/sample-client-data/*.csv"),
    ]
    if not paths:
        pytest.skip("shared/corpora is not beside the repository")
    for path in paths:
        is_tab = path.suffix == ".txt"
        with path.open(newline="", encoding="utf-8") as stream:
            expected = [
                row for row in csv.reader(stream, delimiter="\t" if is_tab else ",", quoting=3 if is_tab else 0) if row
            ]
        table = open_table(path, Layout(quote=not is_tab))
        assert [list(table.columns), *(list(row.cells) for row in table.rows)] == expected, path.name


TEXT = st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=("Cs",)), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8), st.sampled_from(["\n", "\r\n"]), st.sampled_from(",;\t|"))
def test_what_was_written_is_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], end: str, sign: str
) -> None:
    """Law: every row that a writer wrote comes out with the same cells, but blank ones, which are counted."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=sign, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("p", "q", "r"), *rows])
    expected = [row for row in rows if any(row)]
    found, warnings = read(tmp_path_factory.mktemp("t"), stream.getvalue(), layout=Layout(delimiter=sign))
    assert [row.cells for row in found[1:]] == expected
    assert bool(warnings) == (len(expected) < len(rows))
