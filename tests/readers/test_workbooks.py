"""Workbooks: what their user sees is what is read; what cannot be seen, or has no value, is told with its cell."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from fhirconv.document import LIMITS, Limits
from fhirconv.readers.cell_formats import shower
from fhirconv.readers.tables import DEFAULT, Layout, Table, TableError, open_table

DAY = datetime.datetime(2020, 3, 12, 8, 30)
Change = Callable[[str], str]


def book(folder: Path, *rows: list[Any], change: Callable[[Any], None] = lambda _: None) -> Path:
    """A workbook of one sheet, written by another program; cells may be (value, format)."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Labs"
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row, 1):
            value, code = cell if isinstance(cell, tuple) else (cell, "General")
            sheet.cell(number, column, value).number_format = code
    change(made)
    made.save(folder / "labs.xlsx")
    return folder / "labs.xlsx"


def changed(path: Path, part: str, change: Change) -> Path:
    """The workbook with another text in one of its parts."""
    old, new = zipfile.ZipFile(path), io.BytesIO()
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive, old:
        for item in old.namelist():
            data = old.read(item)
            archive.writestr(item, change(data.decode()) if item == part else data)
    path.write_bytes(new.getvalue())
    return path


SHEET = "xl/worksheets/sheet1.xml"


def read(
    path: Path, layout: Layout = DEFAULT, limits: Limits = LIMITS
) -> tuple[Table, list[tuple[int, tuple[str, ...]]], list[str]]:
    table = open_table(path, layout, limits)
    rows = [(row.line, row.cells) for row in table.rows]
    return table, rows, [issue.text().removeprefix(f"{path.parent}/") for issue in table.issues]


def told(path: Path, layout: Layout = DEFAULT, limits: Limits = LIMITS) -> list[str]:
    with pytest.raises(TableError) as caught:
        read(path, layout, limits)
    return [issue.text().removeprefix(f"{path.parent}/") for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (9.8, "0.00", "9.80"),
        (9.800000000000001, "General", "9.8"),
        (0.1 + 0.2, "General", "0.3"),
        (1234.5, "#,##0.00", "1234.50"),
        (1234567890123, "General", "1234567890123"),
        (1234, "00000000", "00001234"),
        (0.355, "0.0%", "35.5%"),
        (-9.8, "0.0;[Red]-0.0", "-9.8"),
        (-9.8, "0.00", "-9.80"),
        (12.5, '_-* #,##0.00 "mg"_-', "12.50 mg"),
        (1.5, "0.0##", "1.5"),
        (12345, "0.0000E+00", "1.2345E+4"),
        (7, "@", "7"),
        (0.0000001, "General", "0.0000001"),
        (True, "General", "TRUE"),
        ("1.50", "General", "1.50"),
        (" =x\n\u00e4", "@", " =x\n\u00e4"),
        (DAY.date(), "dd.mm.yyyy", "2020-03-12"),
        (DAY.date(), "[$-409]d-mmm-yy;@", "2020-03-12"),
        (DAY.date(), "mmm yyyy", "2020-03"),
        (DAY.date(), "yyyy", "2020"),
        (DAY.replace(hour=0, minute=0), "yyyy-mm-dd h:mm:ss", "2020-03-12"),
        (DAY, "dd/mm/yyyy hh:mm", "2020-03-12T08:30"),
        (DAY, "m/d/yy h:mm:ss AM/PM", "2020-03-12T08:30:00"),
        (DAY.time(), "hh:mm", "08:30"),
        (datetime.timedelta(hours=36), "[h]:mm:ss", "36:00:00"),
        (1, "dd/mm/yyyy", "1900-01-01"),
        (59, "dd/mm/yyyy", "1900-02-28"),
        (61, "dd/mm/yyyy", "1900-03-01"),
    ],
)
def test_a_cell_is_read_as_it_is_seen(tmp_path: Path, value: Any, code: str, text: str) -> None:
    _, rows, warnings = read(book(tmp_path, ["id", "cell"], ["p1", (value, code)]))
    assert rows == [(2, ("p1", text))]
    assert warnings == []


@pytest.mark.parametrize(
    ("value", "code", "text", "warning"),
    [
        (0.045, "0.0", "0.045", "shows fewer digits than it holds, and all of them were read: 0.045, not 0.0"),
        (0.355, "0%", "35.5%", "shows fewer digits than it holds, and all of them were read: 35.5%, not 36%"),
        (123456, "0.0E+00", "1.23456E+5", "shows fewer digits than it holds"),
        (-2.675, "0.00;(0.00)", "(2.675)", "shows fewer digits than it holds"),
        (DAY, "yyyy-mm-dd", "2020-03-12", "shows fewer digits than it holds"),
        (DAY.date(), "d-mmm", "2020-03-12", "shows only a part of its date; the whole date was read"),
        (0.5, "# ?/?", "0.5", "has a format of numbers that is not known here"),
        (12345, "000-00", "12345", "has a format of numbers that is not known here"),
        (3, "[<1]0.00;0.0", "3", "has a format of numbers that is not known here"),
        (1234567890123456, "General", "1234567890123456", "has more than 15 digits"),
        (12345678901234567, "General", "12345678901234600", "has more than 15 digits"),
    ],
)
def test_what_is_not_seen_as_it_is_stored_is_told(
    tmp_path: Path, value: Any, code: str, text: str, warning: str
) -> None:
    _, rows, warnings = read(book(tmp_path, ["id", "cell"], ["p1", (value, code)], ["p2", (value, code)]))
    assert [row[1][1] for row in rows] == [text, text]
    assert [line.partition(" (2 such")[0] for line in warnings] == [
        f"labs.xlsx[Labs]:2:2: warning: {next(iter(re.findall(f'{warning}.*', warnings[0]))).partition(' (2 such')[0]}"
    ]


@pytest.mark.parametrize("code", ["0." + "0" * 500_000, "h" * 60_000, "0." + "0" * 250])
def test_no_format_takes_long_or_writes_much(code: str) -> None:
    show = shower(code, False)
    assert all(len(show(number).text) < 500 for number in ("1", "1e19", "0.5", "1e300"))


def test_days_of_the_mac_are_counted_from_1904(tmp_path: Path) -> None:
    def mac(made: Any) -> None:
        made.epoch = CALENDAR_MAC_1904

    _, rows, _ = read(book(tmp_path, ["id", "day"], ["p1", (DAY.date(), "dd.mm.yyyy")], change=mac))
    assert rows[0][1][1] == "2020-03-12"
    assert shower("d/m/y", True)("0").text == "1904-01-01"


@pytest.mark.parametrize("serial", ["60", "0", "-1", "2958466", "1E300", "NaN", "1904-13-01"])
def test_what_is_no_day_is_an_error(tmp_path: Path, serial: str) -> None:
    path = changed(
        book(tmp_path, ["id"], [(1, "dd/mm/yyyy")]), SHEET, lambda text: text.replace("<v>1</v>", f"<v>{serial}</v>")
    )
    assert re.match(
        r"labs.xlsx(\[Labs\]:2:1: error: is formatted as a date|: fatal: is a workbook that is damaged)", told(path)[0]
    )


def test_results_of_formulas_are_read_and_missing_ones_told(tmp_path: Path) -> None:
    path = book(tmp_path, ["id", "sum", "word", "none"], ["p1", "=1+1", "=A2", '=""'])
    assert [line.partition(" is ")[0] for line in told(path)] == [
        f"labs.xlsx[Labs]:2:{column}: error:" for column in (2, 3, 4)
    ]
    assert "without a stored result" in told(path)[0]

    def stored(text: str) -> str:
        text = re.sub(r'(<c r="B2"[^>]*>.*?)<v ?/>', r"\1<v>2</v>", text)
        text = re.sub(r'<c r="C2"([^>]*)>(.*?)<v ?/>', r'<c r="C2" t="str"><f>A2</f><v>p1</v>', text)
        return re.sub(r'<c r="D2"([^>]*)>(.*?)<v ?/>', r'<c r="D2" t="str"><f>""</f><v></v>', text)

    assert read(changed(path, SHEET, stored))[1] == [(2, ("p1", "2", "p1", ""))]


def test_errors_of_a_spreadsheet_are_errors(tmp_path: Path) -> None:
    found = told(book(tmp_path, ["id", "value"], ["p1", "#N/A"], ["p2", 1], ["p3", "#DIV/0!"]))
    assert [line.partition(";")[0] for line in found] == [
        "labs.xlsx[Labs]:2:2: error: is the error '#N/A'",
        "labs.xlsx[Labs]:4:2: error: is the error '#DIV/0!'",
    ]


def test_merged_cells_below_the_header_are_an_error(tmp_path: Path) -> None:
    def merged(made: Any) -> None:
        made.active.merge_cells("A1:B1")
        made.active.merge_cells("A3:A4")

    path = book(tmp_path, ["All labs"], ["id", "value"], ["p1", 1], [None, 2], change=merged)
    assert [line.partition(":")[0] + line[16:30] for line in told(path, Layout(header=2))] == [
        "labs.xlsx[Labs]3:1: error: ce"
    ]


def test_hidden_rows_columns_and_sheets_are_read_and_told(tmp_path: Path) -> None:
    def hidden(made: Any) -> None:
        made.active.row_dimensions[3].hidden = True
        made.active.column_dimensions["B"].hidden = True
        made.create_sheet("Notes")
        made.create_sheet("Old").append(["id"])
        made["Old"].sheet_state = "hidden"

    path = book(tmp_path, ["id", "value"], ["p1", 1], ["p2", 2], change=hidden)
    _, rows, warnings = read(path)
    assert [row[0] for row in rows] == [2, 3]
    assert [line.partition(" warning: ")[2][:30] for line in warnings] == [
        "is the first of 3 sheets, and ",
        "is a hidden row, and was read ",
        "is in a hidden column, and was",
    ]
    table, _, warnings = read(path, Layout(sheet="Old"))
    assert table.name.endswith("labs.xlsx[Old]")
    assert "is a hidden sheet" in warnings[0]
    assert "did you mean 'Old'" in told(path, Layout(sheet="Olt"))[0]


def test_rows_count_as_in_the_spreadsheet(tmp_path: Path) -> None:
    """A sheet may lie about its size, as some programs let it; rows without cells and columns without names are nothing."""
    path = book(
        tmp_path, ["Report"], [], ["id", "value", None], ["skip"], ["p1", 1], [None, (None, "0.0")], [], ["p2", 2]
    )
    path = changed(path, SHEET, lambda text: re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:B5"', text))
    _, rows, warnings = read(path, Layout(header=3, skip=1))
    assert rows == [(5, ("p1", "1")), (8, ("p2", "2"))]
    assert [line.partition(" passed")[0] for line in warnings] == ["labs.xlsx[Labs]:6:1: warning: 2 blank rows were"]
    assert "column 3, which has no name" in told(book(tmp_path, ["id"], ["p1", None, "x"]))[0]


def test_texts_of_any_kind(tmp_path: Path) -> None:
    rich = '<is><r><t>mam</t></r><r><t xml:space="preserve">ma </t></r><rPh sb="0" eb="1"><t>aloud</t></rPh></is>'
    path = book(tmp_path, ["id", "word"], ["p1", 7])
    path = changed(path, SHEET, lambda text: re.sub(r'<c r="B2".*?</c>', f'<c r="B2" t="inlineStr">{rich}</c>', text))
    path = changed(path, SHEET, lambda text: text.replace("<t>p1</t>", "<t>p_x000A_1</t>"))
    assert read(path)[1] == [(2, ("p\n1", "mamma "))]


def test_a_large_sheet_is_the_same_as_by_another_program(tmp_path: Path) -> None:
    days = [(DAY.date() + datetime.timedelta(number), "dd.mm.yyyy") for number in range(3000)]
    rows = [[f"p{number}", number / 8, day, None if number % 3 else "x"] for number, day in enumerate(days)]
    path = book(tmp_path, ["id", "value", "day", "note"], *rows)
    other = openpyxl.load_workbook(path, read_only=True)
    expected = [
        (name, f"{value:.15g}", day.date().isoformat(), note or "")
        for name, value, day, note in other.active.iter_rows(min_row=2, values_only=True)
    ]
    other.close()
    assert [cells for _, cells in read(path)[1]] == expected


def test_what_is_no_workbook_is_told(tmp_path: Path) -> None:
    path = book(tmp_path, ["id"], ["p1"])
    whole = path.read_bytes()
    for data, what in (
        (b"id,value\n", "is no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
        (whole[: len(whole) // 2], "is a workbook that is damaged"),
        (b"PK\x05\x06" + b"\0" * 18, "is a workbook that is damaged"),
        (b"", "is no workbook"),
    ):
        path.write_bytes(data)
        assert what in told(path)[0]


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        (SHEET, "</sheetData>", ""),
        (SHEET, '<row r="2"', '<row r="1"'),
        (SHEET, '<row r="2"', '<row r="99999999"'),
        (SHEET, 'r="A2"', 'r="ZZZZ2"'),
        (SHEET, 'r="A2"', 'r="é2"'),
        (SHEET, 't="n"><v>7', 't="s"><v>77'),
        (SHEET, "<v>7</v>", "<v>x</v>"),
        (SHEET, 'r="A2"', 'r="A2" s="99"'),
        ("xl/workbook.xml", "</workbook>", ""),
        ("xl/_rels/workbook.xml.rels", "worksheets/sheet1", "worksheets/none"),
    ],
)
def test_damage_inside_is_told(tmp_path: Path, part: str, old: str, new: str) -> None:
    path = book(tmp_path, ["id"], [7])
    assert old in zipfile.ZipFile(path).read(part).decode()
    changed(path, part, lambda text: text.replace(old, new))
    assert re.match(r"labs\.xlsx(\[Labs\])?: fatal: (is a workbook that is damaged|has row)", told(path)[0])


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    small = LIMITS._replace(bytes=100_000)
    path = book(tmp_path, ["id"], ["p1"])
    entities = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    assert "document type" in told(changed(path, SHEET, lambda text: entities + text))[0]
    path = changed(book(tmp_path, ["id"], [7]), SHEET, lambda text: text.replace("<v>7</v>", f"<v>{'1' * 300_000}</v>"))
    assert "a part of more than 100000 bytes" in told(path, limits=small)[0]
    path = changed(path, SHEET, lambda text: text + " " * 5_000_000)
    assert "only a bomb" in told(path, limits=small._replace(ratio=10))[0]
