"""Workbooks (XLSX) into rows: what their user sees is what is read.

Numbers and dates come by the format of their cell (cell_formats.py), results of formulas as they were stored. What cannot
be seen, such as hidden rows, is read with a warning; what has no value, such as #N/A or a formula without a result, is an
error. Spec: ECMA-376 part 1, 18.3.1 (worksheets).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fhirconv.document import RAISE, Limits
from fhirconv.issues import Issue, Place, nearest, shown
from fhirconv.memory import Memory
from fhirconv.readers.cell_formats import Shown, shower
from fhirconv.readers.layout import Layout, Problems, Row, Table, TableError, blank_rows, column_names, failed, reading
from fhirconv.readers.ooxml import Book, Sheet, Walker, package, read_book, unescaped

_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384  # of a sheet
_REMEMBERED = 10_000  # numbers of each format
_NO_RESULT = "is a formula without a stored result; open the workbook in a spreadsheet and save it"
_LETTERS, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ$", "0123456789"
_NO_KEY = "names a case and does not show all that it holds, or has more than 15 digits: two may look alike; store it as text"
_HIDDEN_ROW = "is a hidden row, and was read like the others"


def open_workbook(path: Path, layout: Layout, limits: Limits) -> Table:
    """One sheet of a workbook. Raises TableError now and while rows are read."""
    issues: list[Issue] = []
    with reading(str(path)), package(path, limits) as archive:
        book = read_book(archive, str(path), limits)
        sheet = _chosen(book.sheets, layout.sheet, str(path), issues)
    name = f"{path}[{sheet.name}]"
    rows = _rows(path, name, sheet, book, layout, limits, issues)
    return Table(name, next(rows).cells, rows, issues)


def _chosen(sheets: list[Sheet], wanted: str, name: str, issues: list[Issue]) -> Sheet:
    if not sheets:
        raise failed("not-a-table", "is a workbook without a sheet of cells", name)
    sheet = next((sheet for sheet in sheets if sheet.name == wanted), sheets[0])
    names = [sheet.name for sheet in sheets]
    if wanted and sheet.name != wanted:
        raise failed("not-a-table", f"has no sheet {shown(wanted)}{nearest(wanted, names)}", name)
    place = Place(f"{name}[{sheet.name}]")
    if not wanted and len(sheets) > 1:
        others = ", ".join(shown(other) for other in names[1:6])
        message = (
            f"is the first of {len(sheets)} sheets, and was read; not read: {others}; say in 'sheet' which is meant"
        )
        issues.append(Issue("sheet-choice", message, place))
    if sheet.is_hidden:
        issues.append(Issue("sheet-choice", "is a hidden sheet, and was read", place))
    return sheet


class _Cell(NamedTuple):
    kind: str
    style: str
    value: str | None  # as stored; None: there is none
    is_formula: bool


class _Cells(Walker):
    """The rows of a sheet as they are stored: number, whether hidden, cells by column."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__(name, most)
        self.found: list[tuple[int, bool, dict[int, _Cell]]] = []
        self.merged: list[str] = []
        self.hidden_columns: list[int] = []
        self._number = self._column = 0
        self._attributes: dict[str, str] = {}
        self._is_hidden = self._is_aloud = self._is_formula = False
        self._value: str | None = None
        self._cells: dict[int, _Cell] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        self.text.clear()
        if tag == "c":
            self._attributes, self._value, self._is_formula = attributes, None, False
            at = attributes.get("r")
            self._column = _column(at.rstrip(_DIGITS)) if at else self._column + 1
        elif tag == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._is_hidden = attributes.get("hidden") in ("1", "true")
            self._column, self._cells = 0, {}
        elif tag == "f":
            self._is_formula = True
        elif tag == "rPh":
            self._is_aloud = True
        elif tag == "mergeCell":
            self.merged.append(attributes.get("ref", ""))
        elif tag == "col" and attributes.get("hidden") in ("1", "true"):
            self.hidden_columns.append(int(attributes.get("min", 0)))

    def end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag == "v":
            self._value = "".join(self.text)
        elif tag == "c":
            kind, style = self._attributes.get("t", "n"), self._attributes.get("s", "")
            self._cells[self._column] = _Cell(kind, style, self._value, self._is_formula)
        elif tag == "row":
            self.found.append((self._number, self._is_hidden, self._cells))
            self.since = 0
        elif tag == "t" and not self._is_aloud:  # of an inline text
            self._value = (self._value or "") + unescaped("".join(self.text))
        elif tag == "rPh":
            self._is_aloud = False


@cache
def _column(letters: str) -> int:
    """The number of a column: 28 of AB. Raises KeyError or ValueError for what is none."""
    number = 0
    for letter in letters:
        number = number * 26 + _LETTERS.index(letter) + 1
    if not 0 < number <= _MOST_COLUMNS:
        raise KeyError(letters)
    return number


def _rows(
    path: Path, name: str, sheet: Sheet, book: Book, layout: Layout, limits: Limits, issues: list[Issue]
) -> Iterator[Row]:
    """The header as a row, then the rows."""
    with reading(name) as problems, package(path, limits) as archive, archive.open(sheet.part) as stream:
        walker = _Cells(name, limits.bytes)
        most = limits.ratio * path.stat().st_size + limits.bytes
        rows = _Fitted(_Texts(book, name, problems, limits, most), name, layout, problems)
        for _ in walker.read(stream):
            for number, is_hidden, cells in walker.found:
                row = rows.fitted(number, cells)
                if row:
                    yield row
                    if is_hidden and row.line != layout.header:
                        rows.texts.note(_HIDDEN_ROW, number, 1)
            walker.found.clear()
        if not rows.columns:
            raise failed("table-header", f"ends before row {layout.header}, where its column names should stand", name)
        rows.finish(walker, issues)


class _Fitted:
    """The rows of a sheet, held against its header."""

    def __init__(self, texts: _Texts, name: str, layout: Layout, problems: Problems) -> None:
        self.texts = texts
        self.columns: tuple[str, ...] = ()
        self._name, self._layout, self._problems = name, layout, problems
        self._number = self._last = 0  # the row before; the last row that was given
        self._blank = self._first_blank = 0

    def fitted(self, number: int, cells: dict[int, _Cell]) -> Row | None:
        """The row of these cells; none where it is no row of the table. The first is the header."""
        if not self._number < number <= _MOST_ROWS:
            raise failed(
                "damaged", f"has row {number} after row {self._number}; open it, and save it again", self._name
            )
        self._number, header = number, self._layout.header
        if number == header:
            found = self.texts.of(number, cells)
            self.columns = column_names(
                [found.get(column, "") for column in range(1, max(found, default=0) + 1)], self._name, number
            )
            keys = self._layout.key
            self.texts.keys = {number for number, column in enumerate(self.columns, 1) if column in keys}
            self._last = header + self._layout.skip
            return Row(number, self.columns)
        if number <= header + self._layout.skip or not self.columns:
            return None
        found = self.texts.of(number, cells)
        if not found:
            return None
        width = len(self.columns)
        for column in found:
            if column > width:
                self._problems.note(
                    f"has a cell in column {column}, which has no name in the header; give it one", number, column
                )
        if number > self._last + 1:
            self._first_blank = self._first_blank or self._last + 1
            self._blank += number - self._last - 1
        self._last = number
        numbers = tuple(column - 1 for column, text in found.items() if "." in text and cells[column].kind == "n")
        return Row(number, tuple([found.get(column, "") for column in range(1, width + 1)]), numbers)

    def finish(self, walker: _Cells, issues: list[Issue]) -> None:
        """Tells what can only be told at the end of a sheet."""
        for cells in walker.merged:
            first, _, last = cells.partition(":")
            row, column = int(first.lstrip(_LETTERS)), _column(first.rstrip(_DIGITS))
            if int(last.lstrip(_LETTERS)) > self._layout.header + self._layout.skip:
                self._problems.note(f"cells {cells} are merged: undo that, and write the value into each", row, column)
        for column in walker.hidden_columns:
            if column <= len(self.columns):
                self.texts.note("is in a hidden column, and was read like the others", self._layout.header, column)
        if self._blank:
            issues.append(blank_rows(self._name, self._blank, self._first_blank))
        issues += self.texts.notes()


class _Texts:
    """The cells of rows as they are seen. What their user should know is noted once for each kind, and counted."""

    def __init__(self, book: Book, name: str, problems: Problems, limits: Limits, most: int) -> None:
        """`most`: characters in all. A shared text is stored once, and rows without number can say it."""
        self._book, self._name, self._problems, self._limits = book, name, problems, limits
        self._room = most
        self._showers: dict[str, Memory[str, Shown]] = {}
        self._notes: dict[str, tuple[int, str, Place]] = {}
        self.keys: set[int] = set()  # columns whose cells must not look like others

    def of(self, number: int, cells: dict[int, _Cell]) -> dict[int, str]:
        """The cells that hold something, by column."""
        found = {}
        for column, cell in cells.items():
            text = cell.value if cell.kind in ("str", "inlineStr") else self._shown(cell, number, column)
            if text:
                found[column] = text
                self._room -= len(text)
                if len(text) > self._limits.text or self._room < 0:
                    raise self._too_large(number, column, len(text))
            elif cell.is_formula and cell.kind != "str":  # whose result may be an empty text
                self._problems.note(_NO_RESULT, number, column)
        return found

    def _too_large(self, number: int, column: int, length: int) -> TableError:
        limit, what = "ratio", f"the texts so far are more than {self._limits.ratio} times the file, as in a bomb"
        if length > self._limits.text:
            limit, what = "text", f"has a cell of more than {self._limits.text} characters"
        return failed("too-large", f"{what}; {RAISE} ('{limit}')", self._name, number, column)

    def note(self, message: str, number: int, column: int, detail: str = "") -> None:
        """Notes what a user should know, at its first place and with the detail of this."""
        count, first, place = self._notes.get(message, (0, message + detail, Place(self._name, number, column)))
        self._notes[message] = count + 1, first, place

    def notes(self) -> list[Issue]:
        """One for each kind."""
        return [
            Issue("cell-shown", f"{first} ({count} such, the first of them here)" if count > 1 else first, place)
            for count, first, place in self._notes.values()
        ]

    def _shown(self, cell: _Cell, number: int, column: int) -> str:
        value = cell.value or ""
        if cell.kind == "s":
            return self._book.strings[int(value)]
        if cell.kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if cell.kind == "e":
            self._problems.note(f"is the error {shown(value)}; mend the cell, or empty it", number, column)
            return ""
        if cell.kind != "n" or not value:
            return value
        seen = self._number(cell.style, value)
        if seen.problem:
            self._problems.note(seen.problem, number, column)
        if column in self.keys and not seen.is_whole:
            self.note(_NO_KEY, number, column)
            return " "  # says nothing, and yet its row is no blank one
        if seen.note:
            self.note(seen.note, number, column, seen.detail)
        return seen.text

    def _number(self, style: str, value: str) -> Shown:
        show = self._showers.get(style)
        if show is None:
            formats = self._book.formats
            show = self._showers[style] = Memory(
                shower(formats[int(style)] if style and formats else "", self._book.is_1904), _REMEMBERED
            )
        return show[value]
