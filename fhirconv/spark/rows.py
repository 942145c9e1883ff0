"""Rows of cases to rows of Bundles: what runs in the Python processes of Spark's executors.

It knows Arrow and nothing of Spark. Whatever a row holds, a row comes out; only what makes every row worthless raises:
mappings that cannot be loaded, another version of fhirconv than the one that planned the work.
"""

from __future__ import annotations

import functools
import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

import fhirconv
from fhirconv.conversion import Conversion
from fhirconv.document import Document, unreadable
from fhirconv.issues import FhirconvError, Issue
from fhirconv.ledger import OUTCOMES
from fhirconv.many.chunks import Chunk
from fhirconv.many.converter import Converter, Settings, failure, rejection
from fhirconv.many.rejects import reject_line, rows_of
from fhirconv.mapping import Mappings, load_mappings
from fhirconv.records import NO_LINE, Record, line_record

ROWS, BYTES = 64, 4 * 1024 * 1024  # of a batch out: a Bundle is mostly 20 to 200 kB

_ISSUE = pa.struct(
    [(name, pa.string()) for name in ("severity", "rule", "message")]
    + [(name, pa.int32()) for name in ("line", "column")]
    + [(name, pa.string()) for name in ("pointer", "expression")]
)
_FACTS = pa.struct([(outcome.replace(" ", "_"), pa.int32()) for outcome in OUTCOMES])
RESULT = {
    "case_id": pa.string(),
    "ok": pa.bool_(),
    "bundle": pa.string(),
    "issues": pa.list_(_ISSUE),
    "facts": _FACTS,
}
"""The columns that come out, with their types."""

CONVERTED, REJECTED, BLANK = "converted", "rejected", "blank"
OF_LINE = {"file": pa.string(), "line": pa.int64(), "outcome": pa.string()}
"""Three more for lines of files."""

AS_TEXT = {"value": pa.string(), "facts": _FACTS, "outcome": pa.string()}
"""What comes out in place of all these where it is written as text: a Bundle, or the line of a reject."""


@dataclass(frozen=True)
class Lines:
    """The rows are lines of files: `file` and `block` are columns that say of which file, and from which byte on.

    `before` has the number of lines of the file before that block, so that an issue can name its line.
    """

    file: str
    block: str
    before: dict[tuple[str, int], int]
    as_text: bool = False  # what comes out


@dataclass(frozen=True)
class Work:
    """What to do with each row; goes to the executors as a pickle.

    `site` is the folder of mappings, by names and contents: that of the settings need not be where the executors are.
    """

    column: str | None  # that holds the JSON of a case; None: the columns not in `keep` are its sections
    keep: tuple[str, ...]
    settings: Settings
    site: tuple[tuple[str, bytes], ...] = ()
    lines: Lines | None = None
    stop: bool = False  # at the first case that is rejected
    version: str = field(default_factory=lambda: fhirconv.__version__)


class StoppedError(FhirconvError):
    """A case was rejected, and the run was to stop at the first."""


def convert_batches(batches: Iterable[pa.RecordBatch], work: Work) -> Iterator[pa.RecordBatch]:
    """A row out for each row in, in their order, in batches of bounded size: the columns of `columns_of`, then those kept.

    Raises FhirconvError where no row can be converted, StoppedError at a rejected case if that was asked for.
    """
    if work.version != fhirconv.__version__:
        raise FhirconvError(
            f"this node has fhirconv {fhirconv.__version__}, the driver {work.version}: install the same on all"
        )
    converter = Converter(work.settings, shipped_mappings(work.site, work.settings.profile))
    seen: dict[tuple[str, int], int] = {}
    for batch in batches:
        rows: list[dict[str, Any]] = []
        start = size = 0
        for at, record in enumerate(_records(batch, work, seen)):
            row = _row(record, converter, work)
            rows.append(row)
            size += len(row.get("bundle") or row.get("value") or b"")
            if len(rows) == ROWS or size > BYTES:
                yield _batch(rows, batch, start, work)
                rows, start, size = [], at + 1, 0
        if rows:
            yield _batch(rows, batch, start, work)


@functools.lru_cache(maxsize=16)
def shipped_mappings(site: tuple[tuple[str, bytes], ...], profile: str) -> Mappings:
    """The mappings with a site's laid over them, from the contents of its files; once in a process."""
    if not site:
        return load_mappings(None, profile)
    with tempfile.TemporaryDirectory(prefix="fhirconv-mappings-") as folder:
        for name, content in site:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return load_mappings(Path(folder), profile)


def _records(batch: pa.RecordBatch, work: Work, seen: dict[tuple[str, int], int]) -> Iterator[Record]:
    if work.column is None:
        sections = [name for name in batch.schema.names if name not in work.keep]
        rows = pa.Table.from_batches([batch]).select(sections)
        for number in range(batch.num_rows):
            yield Record("", NO_LINE, _case(rows.slice(number, 1)))
        return
    values = batch.column(work.column).cast(pa.binary())  # a text that is no UTF-8 is told, and does not raise
    for value, (name, number) in zip(values, _places(batch, work.lines, seen), strict=True):
        data = value.as_py()
        if data is None:
            yield Record(name, number, unreadable(name, "empty-input", "is NULL; expected the JSON of a case"))
        else:
            yield line_record(name, number, data, advice="check it, and split it if it is right")


def _places(batch: pa.RecordBatch, lines: Lines | None, seen: dict[tuple[str, int], int]) -> Iterator[tuple[str, int]]:
    """File and number of line (from 0) of each row; `seen` counts the rows of a block over its batches."""
    if lines is None:
        yield from (("", 0) for _ in range(batch.num_rows))
        return
    for file, block in zip(batch.column(lines.file).to_pylist(), batch.column(lines.block).to_pylist(), strict=True):
        at = seen.get((file, block), 0)
        seen[file, block] = at + 1
        yield unquote(file).removeprefix("file:"), lines.before[file, block] + at


def _case(row: pa.Table) -> dict[str, Any] | Document:
    try:
        return {name: _stated(value) for name, value in row.to_pylist()[0].items() if value is not None}
    except (ValueError, OverflowError) as error:  # bytes that are no UTF-8, a date beyond Python's
        return unreadable("", "wrong-type", f"has a value that Python cannot hold ({type(error).__name__}); correct it")


def _stated(value: Any) -> Any:
    """What a value of a column states: NULL is a field not stated, and so is a field with nothing in it.

    A double has no digits of its own, so that 4.0 is 4; a decimal has those of its column.
    """
    if isinstance(value, dict):
        inner = {key: _stated(one) for key, one in value.items() if one is not None}
        return {key: one for key, one in inner.items() if one != {} and one != []}
    if isinstance(value, list):
        return [_stated(one) for one in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


def _converted(record: Record, converter: Converter) -> Conversion:
    for one in converter.convert(Chunk([record])):
        return one.result
    return rejection(record, record.document().issues[0])  # a blank line


def _stop_at_first(record: Record, result: Conversion) -> None:
    """Raises StoppedError for a rejected case; a blank line is none."""
    if not result.ok and not record.is_blank:
        place, found = record.place, next(issue for issue in result.findings if issue.is_error)
        raise StoppedError(f"{place.file}:{place.line} [{found.rule}]")


def _row(record: Record, converter: Converter, work: Work) -> dict[str, Any]:
    """The Conversion is let go of before the next is made: that is a tenth of the time."""
    result = _converted(record, converter)
    if work.stop:
        _stop_at_first(record, result)
    try:
        return _values(record, result, work.lines)
    except Exception as error:  # no memory for its Bundle, say: the other rows go on
        return _values(record, failure(record, error), work.lines)


def _values(record: Record, result: Conversion, lines: Lines | None) -> dict[str, Any]:
    """By the names of `columns_of`."""
    bundle = result.json() if result.ok else None
    row = {
        "facts": {outcome.replace(" ", "_"): number for outcome, number in result.counts().items()},
        "outcome": BLANK if record.is_blank else CONVERTED if bundle else REJECTED,
    }
    if lines and lines.as_text:
        return row | {"value": bundle or reject_line(record, result, rows_of(result.case.document.data))}
    issues = [_as_struct(issue) for issue in result.issues]
    place = {"file": record.place.file, "line": record.place.line}
    return row | place | {"case_id": result.case.id or None, "ok": result.ok, "bundle": bundle, "issues": issues}


def _batch(rows: list[dict[str, Any]], batch: pa.RecordBatch, start: int, work: Work) -> pa.RecordBatch:
    made = pa.RecordBatch.from_pylist(rows, pa.schema(columns_of(work)))
    kept = [batch.column(name).slice(start, len(rows)) for name in work.keep]
    return pa.RecordBatch.from_arrays([*made.columns, *kept], [*made.schema.names, *work.keep])


def columns_of(work: Work) -> dict[str, pa.DataType]:
    """The columns that come out before those kept."""
    if work.lines is None:
        return RESULT
    return AS_TEXT if work.lines.as_text else RESULT | OF_LINE


def _as_struct(issue: Issue) -> dict[str, Any]:
    place = issue.place
    return {
        "severity": issue.severity,
        "rule": issue.rule,
        "message": issue.message,
        "line": place.line or None,
        "column": place.column or None,
        "pointer": place.pointer,
        "expression": issue.expression,
    }
