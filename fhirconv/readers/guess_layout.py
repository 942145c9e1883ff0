"""How a table that nobody has described can be read, and what its first rows hold. For a draft of a reader only."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice, product, takewhile
from pathlib import Path
from typing import Any

from fhirconv.issues import Issue, Place
from fhirconv.readers.column_looks import Column, is_date, is_number
from fhirconv.readers.guess_rules import is_header
from fhirconv.readers.layout import Layout, Row, Table, TableError
from fhirconv.readers.tables import kind_of, open_table
from fhirconv.terminology import Units

_ROWS = 10_000  # that are looked at
_MOST_SKIPPED = 5  # lines
_CHOICES: dict[str, tuple[Any, ...]] = {
    "quote": ("", False),
    "encoding": ("", "windows-1252"),
    "delimiter": ("", *"\t;|,"),
}
_MOST_TITLES = 5  # lines over the header
_FEW = 3  # mistakes that are told: with more of them it is the layout that is wrong
_CHANGES = sorted(  # that are tried until one reads the table: as few as can be
    (
        {name: value for name, value in zip(_CHOICES, values, strict=True) if value != ""}
        for values in product(*_CHOICES.values())
    ),
    key=len,
)
_OF_A_COLUMN = re.compile(r"[A-Za-z_]+:")  # CDE_ID:123


def first_rows(path: Path, layout: Layout, units: Units) -> tuple[Layout, list[Column]]:
    """The columns, and the layout by which they can be read. Raises TableError, that of the layout as it was given.

    A header under titles is one only where its names are known: else a row of a patient could be taken for it.
    """
    errors: list[TableError] = []
    lone = None  # one column is what titles over other columns look like, too
    headers = range(1, _MOST_TITLES + 2) if layout.header == 1 else (layout.header,)
    changes = _CHANGES if kind_of(path, layout) == "csv" else _CHANGES[:1]
    for header, change in product(headers, changes):
        try:
            tried, columns = _read(path, replace(layout, header=header, **change), units)
        except TableError as error:
            errors.append(error)
            continue
        if header == layout.header and len(columns) == 1:
            lone = lone or (tried, columns)
        elif header == layout.header or is_header([column.name for column in columns]):
            return tried, columns
    if lone:
        return lone
    raise _shortened(errors[0])


def _shortened(error: TableError) -> TableError:
    """The first mistakes, if there are many, and what all of them may come from."""
    if len(error.issues) <= _FEW:
        return error
    place = Place(error.issues[0].place.file)
    message = (
        f"has {len(error.issues) - _FEW} more such problems; do other lines stand over its header? say --header LINE"
    )
    return TableError([*error.issues[:_FEW], Issue("table-header", message, place)])


def _read(path: Path, layout: Layout, units: Units) -> tuple[Layout, list[Column]]:
    if not layout.skip:
        table = open_table(path, layout)
        about = list(takewhile(lambda row: _is_no_row(row, table, units), islice(table.rows, _MOST_SKIPPED)))
        layout = replace(layout, skip=len(about))
    else:
        about = []
    table = open_table(path, layout)
    columns = [Column(name) for name in table.columns]
    for row in about:
        for column, cell in zip(columns, row.cells, strict=True):
            if _is_of_units(row, units):
                column.unit = cell.strip(" []()")
    for row in islice(table.rows, _ROWS):
        for column, cell in zip(columns, row.cells, strict=True):
            column.add(cell)
    return layout, columns


def _is_no_row(row: Row, table: Table, units: Units) -> bool:
    """Whether a row under the header speaks of the columns: their names again, CDE_ID:123, or their units."""
    return row.cells[0] == table.columns[0] or all(map(_OF_A_COLUMN.match, row.cells)) or _is_of_units(row, units)


def _is_of_units(row: Row, units: Units) -> bool:
    stated = [cell for cell in (cell.strip(" []()") for cell in row.cells) if cell]
    known = sum(units.find(cell) is not None for cell in stated)
    return known > len(stated) / 2 and not any(is_number(cell) or is_date(cell) for cell in stated)
