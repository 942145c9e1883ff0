"""What a file of rows is: how it is laid out, its columns, its rows, and why it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from fhirconv.compression import PackedError
from fhirconv.issues import FhirconvError, Issue, Place, shown

MOST_PROBLEMS = 100  # of the rows of one table: who has more has one cause for them


class Row(NamedTuple):
    """A row with its cells as printed. `line` is where it begins, as the user counts: a line of text, a row of a sheet."""

    line: int
    cells: tuple[str, ...]
    numbers: tuple[int, ...] = ()  # of a workbook or Parquet: which cells hold a number with a decimal point, from 0


class Table(NamedTuple):
    """A file of rows. All rows have a cell for each column; `rows` raises TableError at their end if some could not be read.

    `name` is the file, of a workbook with the sheet: 'labs.xlsx[Sheet1]'. `issues` has warnings, more as rows are read.
    """

    name: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read, where it does not say so itself. An empty text: as the file's name and content tell."""

    format: str = ""  # csv, xlsx, parquet
    sheet: str = ""  # of a workbook
    header: int = 1  # line of the column names
    skip: int = 0  # lines after it that are no rows
    delimiter: str = ""
    quote: bool = True  # else quotes are letters
    encoding: str = ""
    key: tuple[str, ...] = ()  # columns of which alike cells must mean the same


def layout_problems(delimiter: str, encoding: str) -> Iterator[tuple[str, str]]:
    """What of these no file can be read by, each with why; '' stands for what is not declared."""
    if delimiter and (len(delimiter) > 1 or delimiter in '\0\r\n"\ufeff'):
        yield "delimiter", f"{shown(delimiter)} is not one character that can stand between cells"
    if encoding:
        try:
            "".encode(encoding)  # refuses what is no encoding of text, such as 'hex'
        except (LookupError, UnicodeError):
            yield "encoding", f"{shown(encoding)} is no encoding of text that Python knows"


class TableError(FhirconvError):
    """A table cannot be read, or not as a whole: see `issues`. Its rows are not to be used: some would be missing."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("\n".join(issue.text() for issue in issues))
        self.issues = list(issues)


def failed(rule: str, message: str, name: str, line: int = 0, column: int = 0) -> TableError:
    """The error for one thing that keeps a table from being read."""
    return TableError([Issue(rule, message, Place(name, line, column))])


class Problems(list[Issue]):
    """What is wrong with rows of a table, as far as anyone would read it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def note(self, message: str, line: int, column: int = 1) -> None:
        """Notes what is wrong with a row. Raises TableError when there is no point in reading on."""
        self.append(Issue("table-row", message, Place(self._name, line, column)))
        if len(self) >= MOST_PROBLEMS:
            raise failed(
                "table-row", f"has {MOST_PROBLEMS} problems so far; what comes after was not looked at", self._name
            )


@contextmanager
def reading(name: str) -> Iterator[Problems]:
    """Gathers what is wrong with a file: problems of rows, what the system says, what stops. Raises TableError with all."""
    problems = Problems(name)
    try:
        yield problems
    except TableError as error:
        raise TableError([*problems, *error.issues]) from None
    except OSError as error:
        rule = error.rule if isinstance(error, PackedError) else "file-unreadable"
        what = str(error) if isinstance(error, PackedError) else f"cannot be read: {error.strerror}"
        raise TableError([*problems, Issue(rule, what, Place(name))]) from None
    if problems:
        raise TableError(problems)


def column_names(cells: Sequence[str], name: str, line: int) -> tuple[str, ...]:
    """The columns that a header names. Columns at its end that have no name are none. Raises TableError."""
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        message = "has no column names in its header; say in 'header' which line has them"
        raise failed("table-header", message, name, line, 1)
    first: dict[str, int] = {}
    issues = []
    for number, column in enumerate(names, 1):
        place = Place(name, line, number)
        if not column:
            issues.append(Issue("table-header", f"column {number} has no name; write one into the header", place))
        elif (before := first.setdefault(column, number)) != number:
            message = f"column name {shown(column)} stands twice, in columns {before} and {number}; give each its own"
            issues.append(Issue("table-header", message, place))
    if issues:
        raise TableError(issues[:MOST_PROBLEMS])
    return tuple(names)


def blank_rows(name: str, count: int, first: int) -> Issue:
    """The warning that rows without any cell were passed over."""
    many = "1 blank row was" if count == 1 else f"{count} blank rows were"
    return Issue("blank-row", f"{many} passed over, the first of them here", Place(name, first, 1))
