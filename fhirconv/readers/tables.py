"""Files into rows: CSV and TSV, workbooks (XLSX), Parquet. One way in for all, chosen by the name or by the layout."""

from __future__ import annotations

from pathlib import Path

from fhirconv.compression import plain_suffix
from fhirconv.document import LIMITS, Limits
from fhirconv.issues import Issue
from fhirconv.readers.delimited import read_delimited
from fhirconv.readers.layout import Layout, Row, Table, TableError, failed

__all__ = ["Layout", "Row", "Table", "TableError", "open_table"]

DEFAULT = Layout()
_FORMATS = {".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet"}


def open_table(path: Path, layout: Layout = DEFAULT, limits: Limits = LIMITS) -> Table:
    """The columns and rows of a file. Raises TableError now and while rows are read, with all that is wrong."""
    name = str(path)
    if "\0" in name or path.is_dir():
        what = "is a directory; name a file in it" if "\0" not in name else "is no name of a file"
        raise failed("file-unreadable", what, name)
    kind = layout.format or _FORMATS.get(plain_suffix(name), "csv")
    if kind != "csv":
        raise failed("not-a-table", f"is {kind}, which is not read yet", name)
    issues: list[Issue] = []
    rows = read_delimited(path, layout, limits, issues)
    header = next(rows)  # the generator runs from here on, and closes the file whenever it goes
    return Table(name, header.cells, rows, issues)
