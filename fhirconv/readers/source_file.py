"""A file of a table with the rules that are for it: which rows make what, and how many cells were stated and taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fhirconv.issues import Place
from fhirconv.readers.description import TableRule
from fhirconv.readers.fact_rule import Bound, FactRule
from fhirconv.readers.layout import Row, Table
from fhirconv.readers.places import Feed
from fhirconv.readers.report import ColumnCount, Report, What
from fhirconv.readers.rule import CELL, Cells
from fhirconv.readers.words import ERRORS, damaged

_WAITING = 256  # rows that are counted together, column by column

DAMAGED = "\0damaged"  # stands for the error of a spreadsheet
# A long number as programs round it: others look the same.
_NO_KEY = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_BETWEEN = "\x1f"  # parts of a key: 'a-b' and 'c' are not 'a' and 'b-c'


class Maker:
    """A rule bound to the file, with what is the same for all of its facts."""

    def __init__(self, bound: Bound, file: SourceFile) -> None:
        rule, numbers = bound.rule, file.numbers
        self.bound = bound
        self.section = rule.section
        self.if_made = rule.if_made
        cell = bound.each or (rule.split.column if rule.split else "")
        known = {**numbers, CELL: numbers[cell]} if cell in numbers else numbers
        columns = dict(_columns_of(rule.fields, known))
        first = numbers[bound.each] if bound.each else next(iter(columns.values()), 1)
        self.feed = Feed(file.name, columns, first)
        read = {known[column] for one in rule.fields.values() for column in one.columns if column in known}
        self.origin = {"columns": [file.column(number - 1) for number in sorted(read)]} if read else {}
        self.takes = {number - 1 for number in read | ({known[CELL]} if CELL in known else set())}


def _columns_of(rules: Any, numbers: dict[str, int], path: str = "") -> Iterator[tuple[str, int]]:
    """The first column of each field and of its parts."""
    for name, rule in rules.items():
        found = [numbers[column] for column in rule.columns if column in numbers]
        if found:
            yield path + name, found[0]
            yield from _columns_of(rule.parts, numbers, f"{path}{name}/")


class SourceFile:
    """A file with the rules for its table, bound to its columns."""

    def __init__(self, path: Path, table: Table, rule: TableRule, facts: Sequence[FactRule], report: Report) -> None:
        self.name, self.rule, self._names = table.name, rule, table.columns
        self.numbers = {column: number for number, column in enumerate(table.columns, 1)}
        self.origin = {"file": path.name}
        if sheet := table.name.removeprefix(str(path)):
            self.origin["sheet"] = sheet[1:-1]
        places = {column: number - 1 for column, number in self.numbers.items()}
        self._key = [places[column] for column in rule.key]
        self.key_feed = Feed(table.name, {"id": self._key[0] + 1}, self._key[0] + 1)
        self._clean: dict[str, str | None] = dict.fromkeys(ERRORS, DAMAGED) | dict.fromkeys(rule.null)
        self.makers = [Maker(bound, self) for one in facts for bound in one.bind(places, self._clean)]
        self._always = {*self._key, *(places[name] for one in facts for name in one.deciding if name in places)}
        self.count = report.count(rule.name)
        self._columns = [self.count.columns.setdefault(column, ColumnCount()) for column in table.columns]
        self._report = report
        self._waiting: dict[int, list[tuple[int, Cells]]] = {}  # by the makers that made facts of the rows
        self._many = 0

    @staticmethod
    def case_id(key: str) -> str:
        """The id of the case that a key stands for."""
        return key.replace(f"{_BETWEEN}1", "-").replace(f"{_BETWEEN}0", _BETWEEN)

    def cells(self, row: Row, number: int) -> Cells:
        """The cells of a row, stripped; None for those that say nothing; then its number, and one that says nothing."""
        clean = self._clean
        cells = Cells(clean.get(cell, cell) for cell in map(str.strip, row.cells))
        cells += (str(number), None)
        if row.numbers:
            cells.numbers = row.numbers
        return cells

    def key(self, row: Row) -> str | None:
        """The case that a row belongs to; None if it does not say."""
        parts = []
        for place in self._key:
            cell = row.cells[place].strip()
            part = self._clean.get(cell, cell)
            if part is None or part == DAMAGED or _NO_KEY.fullmatch(part):
                return None
            parts.append(part.replace(_BETWEEN, _BETWEEN + "0"))
        return f"{_BETWEEN}1".join(parts)

    @staticmethod
    def has_damage(cells: Cells) -> bool:
        """Whether a cell holds the error of a spreadsheet."""
        return DAMAGED in cells

    def column(self, place: int) -> str:
        """The name of a column."""
        return self._names[place] if place < len(self._names) else CELL

    def damaged(self, cells: Cells, row: Row) -> Iterator[tuple[int, str]]:
        """The cells that hold the error of a spreadsheet, with what is to be said; they then say nothing."""
        for place, cell in enumerate(cells):
            if cell == DAMAGED:
                cells[place] = None
                yield place, damaged(row.cells[place].strip())

    def place(self, line: int, column: int = 0) -> Place:
        """The place of a cell; `column` from 0."""
        return Place(self.name, line, column + 1)

    def note(self, line: int, cells: Cells, made: int) -> None:
        """Counts a row of which these makers (a bit for each) made facts."""
        self.count.made += made > 0
        self.count.unused += not made
        self._waiting.setdefault(made, []).append((line, cells))
        self._many += 1
        if self._many >= _WAITING:
            self.settle()

    def settle(self) -> None:
        """Counts the cells of the rows that wait."""
        for made, rows in self._waiting.items():
            taken = self._always.union(*(maker.takes for bit, maker in enumerate(self.makers) if made >> bit & 1))
            by_column = zip(*(cells for _, cells in rows), strict=True)
            for place, (count, column) in enumerate(zip(self._columns, by_column, strict=False)):
                stated = len(rows) - column.count(None)
                count.stated += stated
                if place in taken:
                    count.taken += stated
                elif stated:
                    self._leave(place, stated, next(line for line, cells in rows if cells[place] is not None))
        self._waiting.clear()
        self._many = 0

    def _leave(self, place: int, stated: int, line: int) -> None:
        """Counts cells that no rule took, unless the description says why their column is not read."""
        column = self._names[place]
        if self.rule.is_left_out(column):
            what = What(self.rule.name, column, "is not read; write a rule, or say under 'ignore' why not", " ")
            self._report.leave("column-unread", what, self.place(line, place), stated)
        elif column in self.rule.read:
            what = What(self.rule.name, column, "no rule that reads it made a fact of the row")
            self._report.leave("cell-left", what, self.place(line, place), stated)
