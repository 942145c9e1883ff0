"""Parquet into rows, a batch at a time: every value as the shortest text that says exactly it.

A timestamp without zone at midnight is a date: so pandas stores dates, which it has no type for. Rows count from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from fhirconv.document import RAISE, Limits
from fhirconv.issues import Issue, Place, shown
from fhirconv.readers.layout import Row, Table, TableError, blank_rows, column_names, failed, reading

_ROWS = 4096  # of a batch
_NEEDS = "is Parquet, which needs a library: pip install 'fhirconv[tables]'"


def open_parquet(path: Path, limits: Limits) -> Table:
    """The columns and rows of a file. Raises TableError now and while rows are read."""
    issues: list[Issue] = []
    rows = _read(path, str(path), limits, issues)
    return Table(str(path), next(rows).cells, rows, issues)


def _read(path: Path, name: str, limits: Limits, issues: list[Issue]) -> Iterator[Row]:
    """The names of the columns as a row, then the rows."""
    with reading(name), path.open("rb") as stream, _arrow_errors(name):
        try:
            from pyarrow import parquet
        except ImportError:
            raise failed("file-unreadable", _NEEDS, name) from None
        file = parquet.ParquetFile(stream)
        columns = _columns(file.schema_arrow, name)
        yield Row(0, columns)
        numbers = tuple(at for at, field in enumerate(file.schema_arrow) if _has_point(field.type))
        line = blank = first_blank = 0
        for batch in file.iter_batches(_ROWS):
            for cells in zip(*[_texts(column, name, limits) for column in batch.columns], strict=True):
                line += 1
                if any(cells):
                    yield Row(line, cells, numbers)
                else:
                    blank, first_blank = blank + 1, first_blank or line
        if blank:
            issues.append(blank_rows(name, blank, first_blank))


@contextmanager
def _arrow_errors(name: str) -> Iterator[None]:
    """What pyarrow says about a file, in our words. Its errors are those of Python, some with a base of its own."""
    try:
        yield
    except (ValueError, NotImplementedError, KeyError, MemoryError, OSError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise failed("damaged", "is no Parquet, or is damaged; write or fetch it again", name) from None


def _has_point(kind: Any) -> bool:
    """Whether values are written with a decimal point."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_floating(kind) or types.is_decimal(kind))


def _columns(schema: Any, name: str) -> tuple[str, ...]:
    """The names of the columns. Raises TableError with all that hold no plain values."""
    from pyarrow import types

    issues = []
    for number, field in enumerate(schema, 1):
        of = field.type.value_type if types.is_dictionary(field.type) else field.type
        binary = types.is_binary(of) or types.is_large_binary(of) or types.is_fixed_size_binary(of)
        if types.is_nested(of) or binary or types.is_duration(of) or types.is_interval(of):
            message = f"column {shown(field.name)} holds {of}; a column has plain values: texts, numbers, dates"
            issues.append(Issue("table-header", message, Place(name, 0, number)))
    if issues:
        raise TableError(issues)
    columns = column_names(schema.names, name, 0)
    if len(columns) < len(schema):
        raise failed("table-header", "has columns without a name at its end; give them one", name)
    return columns


def _texts(column: Any, name: str, limits: Limits) -> list[str]:
    """A column's values as text, '' for null."""
    import pyarrow as arrow
    from pyarrow import compute, types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_timestamp(kind) and kind.tz:
        column = compute.strftime(column, "%Y-%m-%dT%H:%M:%S%z")
    elif types.is_decimal(kind):
        return ["" if value is None else f"{value:f}" for value in column.to_pylist()]  # Arrow would write 0E-8
    texts = compute.fill_null(column.cast(arrow.large_string()), "")
    if (compute.max(compute.utf8_length(texts)).as_py() or 0) > limits.text:
        raise failed("too-large", f"has a cell of more than {limits.text} characters; {RAISE} ('text')", name)
    cells: list[str] = texts.to_pylist()
    if types.is_timestamp(kind):
        return [_time(cell) for cell in cells]
    if types.is_floating(kind):  # an exponent is Arrow's way of writing, not the source's; NaN is how polars has null
        return [f"{Decimal(cell):f}" if "e" in cell else "" if cell == "nan" else cell for cell in cells]
    return cells


def _time(text: str) -> str:
    """ISO 8601 as FHIR has it: seconds without zeros after them, a zone as +01:00."""
    if not text:
        return text
    stamp, zone = (text[:-5], f"{text[-5:-2]}:{text[-2:]}") if text[-5] in "+-" and "T" in text else (text, "")
    day, _, clock = stamp.replace("T", " ").partition(" ")
    clock = clock.rstrip("0").rstrip(".") if "." in clock else clock
    return day if not zone and clock == "00:00:00" else f"{day}T{clock}{zone}"
