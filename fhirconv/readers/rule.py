"""What a value rule of a reader's description is compiled to, and what it may know while it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any, NamedTuple

from fhirconv.issues import Issue, Place, nearest


class Cells(list[str | None]):
    """The cells of a row, stripped; None for those that say nothing."""

    numbers: tuple[int, ...] = ()  # where a number of a workbook or Parquet stands, with a point whatever is usual in texts

    def with_commas(self) -> Cells:
        """The same, with these numbers as the texts beside them are printed."""
        cells = Cells(self)
        for place in self.numbers:
            cells[place] = (self[place] or "").replace(".", ",") or None
        return cells


CELL = "@"  # the name of the cell of the column that an 'each' is at, or of the part of a 'split'
ROW = "@n"  # the name of a cell that each row has: which row of its table it is in its case, from 1
TABLE, COLUMN = "@table", "@column"  # in a text: the names of the table, and of the column that an 'each' is at


class Remark(NamedTuple):
    """What is to be said of a cell: an error of its case, or what the report counts, by the severity of the rule."""

    rule: str
    column: int
    message: str


Remarks = list[Remark]
Value = Callable[[Cells, Remarks], Any]  # the value that a row gives; None if it gives none
Make = Callable[[str, int, Remarks], Any]  # the same of a cell that says something, and its column


class Header(NamedTuple):
    """The columns of a file, as the rules of one 'each' column see them."""

    columns: Mapping[str, int]
    each: Mapping[str, Any]  # what the 'each' table says for this column
    names: Mapping[str, str] = {}  # TABLE and COLUMN

    def __call__(self, name: str) -> int:
        """Where the cell of a column stands in a row. A column that a file may lack: where nothing stands."""
        return self.columns.get(name, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A value rule. `bind` makes of it what reads the rows of a file."""

    columns: tuple[str, ...]
    bind: Callable[[Header], Value]
    is_constant: bool = False  # needs no cell
    parts: Mapping[str, Rule] = field(default_factory=dict)  # of an object


@dataclass(slots=True)
class Env:
    """What the rules of a description share, and where their mistakes go."""

    file: str
    values: Mapping[str, Any]  # [values.NAME]
    decimal_mark: str  # that the conventions declare
    date_order: str = ""
    zone: tzinfo | None = None  # that they name: 'Europe/Berlin'
    each: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of the fact that is being compiled
    null: frozenset[str] = frozenset()  # cells of its tables that say nothing
    has_cell: bool = False  # whether CELL is one here
    used_lookups: set[str] = field(default_factory=set)
    events: list[tuple[str, str]] = field(default_factory=list)  # that rules count from, and where
    mistakes: list[Issue] = field(default_factory=list)

    def error(self, at: str, message: str, rule: str = "mapping-key") -> None:
        """Notes a mistake at the key `at` of the file."""
        self.mistakes.append(Issue(rule, f"{at}: {message}", Place(self.file)))

    def known_keys(self, at: str, raw: Mapping[str, Any], known: Iterable[str]) -> None:
        """Notes the keys that are not known."""
        known = list(known)
        for key in raw:
            if key not in known:
                self.error(at, f"unknown key '{key}'{nearest(key, known)}")

    def texts(self, at: str, value: Any) -> tuple[str, ...]:
        """A text, or a list of texts."""
        found = value if isinstance(value, list) else [value]
        if not found or not all(isinstance(one, str) and one for one in found):
            self.error(at, "expected a text, or a list of texts", "mapping-syntax")
            return ()
        return tuple(found)

    def columns(self, at: str, value: Any) -> tuple[str, ...]:
        """One name of a column, or several."""
        found = self.texts(at, value)
        if CELL in found and not self.has_cell:
            self.error(at, f"'{CELL}' is a cell only where the rule has 'each' or 'split'", "mapping-source")
        return found

    def one_of(self, at: str, value: Any, known: Sequence[str]) -> bool:
        """Whether a value is one of those that there are."""
        if value in known:
            return True
        self.error(at, f"'{value}' is none of those that there are{nearest(str(value), known)}", "mapping-type")
        return False


def reading(columns: tuple[str, ...], null: frozenset[str], make: Make | None) -> Rule:
    """The rule that makes a value of the first of these cells that says something; of None the cell as it is."""

    def bind(header: Header) -> Value:
        places = [header(name) for name in columns]
        first = places[0]
        if len(places) > 1 or null:
            return _first_stated(places, null, make or _as_printed)
        if make is None:
            return lambda cells, remarks: cells[first]

        def read(cells: Cells, remarks: Remarks) -> Any:
            cell = cells[first]
            return None if cell is None else make(cell, first, remarks)

        return read

    return Rule(columns, bind)


def _as_printed(cell: str, column: int, remarks: Remarks) -> str:
    return cell


def _first_stated(places: list[int], null: frozenset[str], make: Make) -> Value:
    def read(cells: Cells, remarks: Remarks) -> Any:
        stated = [place for place in places if (cell := cells[place]) is not None and cell not in null]
        for place in stated[1:]:
            remarks.append(passed_over(place))
        return make(str(cells[stated[0]]), stated[0], remarks) if stated else None

    return read


def passed_over(column: int) -> Remark:
    """The remark on a cell that says something, where another one was taken."""
    return Remark("cell-left", column, "not read, because another column of its rule has a value and comes first")


def with_commas(rule: Rule) -> Rule:
    """A rule that reads printed numbers with a decimal comma, also of cells that hold numbers as such."""

    def bind(header: Header) -> Value:
        value = rule.bind(header)
        return lambda cells, remarks: value(cells.with_commas() if cells.numbers else cells, remarks)

    return replace(rule, bind=bind)


def quiet(rule: Rule) -> Rule:
    """A rule whose cells another rule reads, too: the report does not say what this one leaves."""

    def bind(header: Header) -> Value:
        value = rule.bind(header)

        def make(cells: Cells, remarks: Remarks) -> Any:
            said: Remarks = []
            made = value(cells, said)
            remarks += (one for one in said if one.rule not in ("cell-left", "cell-kept"))
            return made

        return make

    return replace(rule, bind=bind)
