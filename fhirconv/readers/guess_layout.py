"""How a table that nobody has described can be read, and what its first rows hold. For a draft of a reader only."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice, product, takewhile
from pathlib import Path
from typing import Any

from fhirconv.readers.column_looks import Column
from fhirconv.readers.layout import Layout, Table, TableError
from fhirconv.readers.tables import open_table

_ROWS = 10_000  # that are looked at
_MOST_SKIPPED = 5  # lines
_CHOICES: dict[str, tuple[Any, ...]] = {
    "quote": ("", False),
    "encoding": ("", "windows-1252"),
    "delimiter": ("", *"\t;|,"),
}
_CHANGES = sorted(  # that are tried until one reads the table: as few as can be
    (
        {name: value for name, value in zip(_CHOICES, values, strict=True) if value != ""}
        for values in product(*_CHOICES.values())
    ),
    key=len,
)
_OF_A_COLUMN = re.compile(r"[A-Za-z_]+:")  # CDE_ID:123


def first_rows(path: Path, layout: Layout) -> tuple[Layout, list[Column]]:
    """The columns, and the layout by which they can be read. Raises TableError, that of the layout as it was given."""
    errors = []
    for change in _CHANGES:
        tried = replace(layout, **change)
        try:
            skip = _no_rows(open_table(path, tried)) if not layout.skip else layout.skip
            tried = replace(tried, skip=skip)
            table = open_table(path, tried)
            columns = [Column(name) for name in table.columns]
            for row in islice(table.rows, _ROWS):
                for column, cell in zip(columns, row.cells, strict=True):
                    column.add(cell)
        except TableError as error:
            errors.append(error)
        else:
            return tried, columns
    raise errors[0]


def _no_rows(table: Table) -> int:
    """How many rows under the header speak of the columns, as those of registries do: their names again, or CDE_ID:123."""
    rows = islice(table.rows, _MOST_SKIPPED)
    return sum(
        1
        for _ in takewhile(
            lambda row: row.cells[0] == table.columns[0] or all(map(_OF_A_COLUMN.match, row.cells)), rows
        )
    )
