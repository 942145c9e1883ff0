"""What the cells of a column look like: how many are stated, and what the first of them are. For a draft of a reader only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fhirconv.dates import read_date

NULLS = (
    *("NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "None", "-", ".", "?", "#N/A"),
    *("[Not Available]", "[Not Applicable]", "[Not Evaluated]", "[Unknown]"),
)
_SHORT = 40  # characters: a longer cell is prose
_NUMBER = re.compile(r"[<>≤≥]?=? ?-?[0-9]+(?:[.,][0-9]+)?")
_COMMA = re.compile(r"[<>≤≥]?=? ?-?[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})")  # surely no thousands
_TIME = re.compile(r"(?<=[0-9])[ T]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?$")
_ORDERS = ("day-month-year", "month-day-year")


@dataclass(slots=True)
class Column:
    """A column, with the cells that are stated and not null."""

    name: str
    cells: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    unit: str = ""  # in a row of units under the header

    def add(self, cell: str) -> None:
        """Looks at a cell."""
        self.rows += 1
        cell = cell.strip()
        if cell in NULLS:
            self.nulls[cell] += 1
        elif cell:
            self.cells[cell] += 1

    @property
    def stated(self) -> int:
        """Cells that say something."""
        return self.cells.total()

    @property
    def is_closed(self) -> bool:
        """Whether the cells are a few short words that come again, or few at all: their words tell of no patient."""
        return len(self.cells) <= 12 and all(len(cell) <= _SHORT for cell in self.cells)

    def share(self, test: Callable[[str], object]) -> float:
        """How much of the stated cells pass a test, from 0 to 1."""
        return self.count(test) / self.stated if self.stated else 0.0

    def count(self, test: Callable[[str], object]) -> int:
        """How many of the stated cells pass a test."""
        return sum(count for cell, count in self.cells.items() if test(cell))

    def look(self) -> str:
        """In words, without any cell."""
        if not self.stated:
            return "no cell is stated"
        kinds = {"dates": is_date, "whole numbers": is_integer, "numbers": is_number}
        kind = next((kind for kind, test in kinds.items() if self.share(test) == 1), "texts")
        words = "1 different word" if len(self.cells) == 1 else f"{len(self.cells)} different ones"
        return f"{self.stated} of {self.rows} cells are stated: {kind}, {words}"

    def order(self) -> tuple[str, int]:
        """The order of day and month, with how many cells prove it; '' where none does, or some prove either."""
        proofs = {order: self.count(lambda cell, order=order: _proves(cell, order)) for order in _ORDERS}  # type: ignore[misc]
        proven = [order for order in _ORDERS if proofs[order]]
        return (proven[0], proofs[proven[0]]) if len(proven) == 1 else ("", 0)

    def open_dates(self) -> int:
        """How many cells are dates only once the order of day and month is known."""
        return self.count(lambda cell: is_date(cell) and not _read(cell, ""))

    def commas(self) -> int:
        """How many numbers have a comma that is surely a decimal mark; 0 where some have a point."""
        return 0 if self.count(lambda cell: "." in cell) else self.count(_COMMA.fullmatch)


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a comparator or a decimal comma."""
    return _NUMBER.fullmatch(cell) is not None


def is_integer(cell: str) -> bool:
    """Whether a cell has digits alone."""
    return cell.lstrip("-").isdecimal()


def is_date(cell: str) -> bool:
    """Whether a cell is a date in some order. A number alone is none, though it may be a year."""
    return not is_integer(cell) and any(_read(cell, order) for order in ("", *_ORDERS))


def is_timed(cell: str) -> bool:
    """Whether a cell is a date with a time of day after it."""
    return is_date(cell) and _TIME.search(cell) is not None


def _read(cell: str, order: str) -> bool:
    cell = _TIME.sub("", cell)
    conventions = {"time_zone": "+00:00"} | ({"date_order": order} if order else {})
    return isinstance(read_date(cell, conventions), str)


def _proves(cell: str, order: str) -> bool:
    """Whether a cell is a date in this order alone."""
    return (
        is_date(cell)
        and not _read(cell, "")
        and [_read(cell, one) for one in _ORDERS] == [one == order for one in _ORDERS]
    )
