"""Files into rows: CSV and TSV, workbooks (XLSX), Parquet. One way in for all, chosen by the name or by the layout."""

from __future__ import annotations

from pathlib import Path

from fhirconv.compression import plain_suffix
from fhirconv.document import LIMITS, Limits
from fhirconv.readers.delimited import open_delimited
from fhirconv.readers.layout import Layout, Row, Table, TableError, failed

__all__ = ["Layout", "Row", "Table", "TableError", "open_table"]

DEFAULT = Layout()
_FORMATS = {".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet"}


def kind_of(path: Path, layout: Layout) -> str:
    """csv, xlsx or parquet."""
    return layout.format or _FORMATS.get(plain_suffix(path.name), "csv")


def open_table(path: Path, layout: Layout = DEFAULT, limits: Limits = LIMITS) -> Table:
    """The columns and rows of a file. Raises TableError now and while rows are read, with all that is wrong."""
    name = str(path)
    if "\0" in name or path.is_dir():
        what = "is a directory; name a file in it" if "\0" not in name else "is no name of a file"
        raise failed("file-unreadable", what, name)
    kind = kind_of(path, layout)
    if kind == "xlsx":
        from fhirconv.readers.workbooks import open_workbook

        return open_workbook(path, layout, limits)
    if kind == "parquet":
        from fhirconv.readers.parquet import open_parquet

        return open_parquet(path, limits)
    return open_delimited(path, layout, limits)
