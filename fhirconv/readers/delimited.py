"""CSV (RFC 4180) and its kin with other delimiters: text into rows.

What spreadsheets write is read as it is meant: marks of UTF-8 and UTF-16, a first line 'sep=;', empty columns at the end.
Python's csv module in its strict mode cuts the rows: it took 0.7 of the time of the whole, and knows where it stands.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from fhirconv.compression import open_input, plain_suffix
from fhirconv.document import RAISE, Limits
from fhirconv.issues import Issue
from fhirconv.readers.layout import Layout, Problems, Row, Table, blank_rows, column_names, failed, reading
from fhirconv.readers.text import Text

_TABS = (".tsv", ".txt", ".tab")
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def open_delimited(path: Path, layout: Layout, limits: Limits) -> Table:
    """The columns and rows of a file. Raises TableError now and while rows are read."""
    issues: list[Issue] = []
    rows = _read(path, str(path), layout, limits, issues)
    header = next(rows)  # it runs from here on, and closes the file whenever it goes
    return Table(str(path), header.cells, rows, issues)


def _read(path: Path, name: str, layout: Layout, limits: Limits, issues: list[Issue]) -> Iterator[Row]:
    """The header as a row, then the rows."""
    with reading(name) as problems, open_input(path, limits) as stream:
        text = Text(stream, name, layout.encoding, limits)
        lines = iter(text)
        separator, before, first = _begin(lines, layout.header)
        if not first:
            rule = "table-header" if before else "empty-input"
            raise failed(rule, f"ends before line {before + 1}, where its column names should stand", name)
        delimiter = layout.delimiter or separator or _delimiter(first, name)
        csv.field_size_limit(max(csv.field_size_limit(), limits.text))  # there is only that of the process
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE
        reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True, quoting=quoting)
        columns = _header(reader, delimiter, name, before)
        yield Row(before + 1, columns)
        for _ in range(layout.skip):
            next(lines, "")
        rows = _Rows(reader, text, before + layout.skip, problems)
        yield from rows.read(columns)
        if rows.blank:
            issues.append(blank_rows(name, rows.blank, rows.first_blank))


def _begin(lines: Iterator[str], header: int) -> tuple[str, int, str]:
    """The delimiter that the file names itself (Excel's 'sep=;'), how many lines stand before the header, and its first."""
    first, before, separator = next(lines, ""), 0, ""
    if first[:4].lower() == "sep=" and len(first.rstrip("\r\n")) <= 5:
        separator, before = first[4:].rstrip("\r\n"), 1
        first = next(lines, "")
    for _ in range(header - 1):
        before += 1
        first = next(lines, "")
    return separator, before, first


def _delimiter(header: str, name: str) -> str:
    """By the name; of a .csv, whose name says little, the semicolon where the header has only these."""
    if plain_suffix(name) in _TABS:
        return "\t"
    return ";" if ";" in header and "," not in header else ","


def _header(reader: Any, delimiter: str, name: str, before: int) -> tuple[str, ...]:
    """The names of the columns. Raises TableError, also where another delimiter was meant."""
    line = before + 1
    try:
        cells = next(reader)
    except csv.Error as error:
        raise failed("table-header", _csv_problem(str(error), line, before + reader.line_num), name, line, 1) from None
    others = [word for sign, word in _DELIMITERS.items() if sign != delimiter and sign in "".join(cells)]
    if len(cells) == 1 and others:
        used, other = _DELIMITERS.get(delimiter, delimiter), " and ".join(others)
        message = (
            f"is one column by the delimiter {used}, and its header has {other}; name the right one in 'delimiter'"
        )
        raise failed("table-header", message, name, line, 1)
    return column_names(cells, name, line)


def _csv_problem(error: str, line: int, last: int) -> str:
    """What is wrong with a row that begins in `line` and was read up to line `last`, in our words."""
    if "end of data" in error:
        return "opens a quote that never closes; close it, or say quote = false if quotes are letters here"
    if "field larger" in error:
        return (
            f"has a cell of more than {csv.field_size_limit()} characters: does its quote close? Else {RAISE} ('text')"
        )
    where = f" in line {last}" if last > line else ""
    return (
        f"has text between a closing quote and the next delimiter{where}; double the quotes inside a cell, "
        "or say quote = false if quotes are letters here"
    )


class _Rows:
    """The rows under a header, held against it."""

    def __init__(self, reader: Any, text: Text, before: int, problems: Problems) -> None:
        """`before`: lines that the reader did not see."""
        self._reader, self._text, self._before, self._problems = reader, text, before, problems
        self.blank = self.first_blank = 0  # how many, and the line of the first

    def read(self, columns: tuple[str, ...]) -> Iterator[Row]:
        """All that are not blank and not wrong."""
        reader, text, before, width, names = self._reader, self._text, self._before, len(columns), list(columns)
        line = before + reader.line_num + 1
        while True:
            try:
                for cells in reader:
                    if len(cells) == width and cells != names and any(cells):
                        yield Row(line, tuple(cells))
                    elif fitting := self._fitted(cells, names, line):
                        yield Row(line, fitting)
                    line = before + reader.line_num + 1
                    text.row_length = 0
                break
            except csv.Error as error:
                self._problems.note(_csv_problem(str(error), line, before + reader.line_num), line)
                line = before + reader.line_num + 1

    def _fitted(self, cells: list[str], names: list[str], line: int) -> tuple[str, ...]:
        """The cells of a row that is not plainly right, if only empty ones have to go; none if it is blank or wrong."""
        width, found = len(names), len(cells)
        if not any(cells):
            self.blank += 1
            self.first_blank = self.first_blank or line
        elif cells == names:
            self._problems.note("is the header again, as in files that were joined; take the row out", line)
        elif found > width and not any(cells[width:]):
            return tuple(cells[:width])
        else:
            if found > width:
                why = "is there a delimiter in a cell without quotes?"
            else:
                why = (
                    "the file ends here, cut off"
                    if self._text.is_cut
                    else "is there a line break in a cell without quotes?"
                )
            self._problems.note(f"has {found} cells, the header {width} columns: {why}", line)
        return ()
