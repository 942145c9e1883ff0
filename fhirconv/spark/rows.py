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
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa

import fhirconv
from fhirconv.conversion import convert_document
from fhirconv.document import Document, unreadable
from fhirconv.issues import FhirconvError, Issue, Place
from fhirconv.ledger import OUTCOMES
from fhirconv.mapping import Mappings, load_mappings
from fhirconv.records import line_record
from fhirconv.source import read_value

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

PLACE = {"file": pa.string(), "line": pa.int64()}
"""Two more for lines of files."""


@dataclass(frozen=True)
class Lines:
    """The rows are lines of files: `file` and `block` are columns that say of which file, and from which byte on.

    `before` has the number of lines of the file before that block, so that an issue can name its line.
    """

    file: str
    block: str
    before: dict[tuple[str, int], int]


@dataclass(frozen=True)
class Work:
    """What to do with each row; goes to the executors as a pickle. `site` is a folder of mappings: names and contents."""

    column: str | None  # that holds the JSON of a case; None: the columns not in `keep` are its sections
    keep: tuple[str, ...]
    profile: str
    bundle: str
    site: tuple[tuple[str, bytes], ...]
    source: Path | None
    validate: bool
    lines: Lines | None = None
    stop: bool = False  # at the first case that is rejected
    tells_all: bool = True  # issues also of a case that has a Bundle: words kept as text are looked for in its text
    version: str = field(default_factory=lambda: fhirconv.__version__)


class Converted(NamedTuple):
    """What became of one row."""

    case_id: str | None
    bundle: bytes | None
    issues: list[Issue]
    counts: dict[str, int]
    file: str
    line: int  # of its file, from 1


class StoppedError(FhirconvError):
    """A case was rejected, and the run was to stop at the first."""


def convert_batches(batches: Iterable[pa.RecordBatch], work: Work) -> Iterator[pa.RecordBatch]:
    """A row out for each row in, in their order, in batches of bounded size: the columns of RESULT, then those kept.

    Raises FhirconvError where no row can be converted, StoppedError at a rejected case if that was asked for.
    """
    if work.version != fhirconv.__version__:
        raise FhirconvError(
            f"this node has fhirconv {fhirconv.__version__}, the driver {work.version}: install the same on all"
        )
    mappings = shipped_mappings(work.site, work.profile)
    seen: dict[tuple[str, int], int] = {}
    for batch in batches:
        rows: list[Converted] = []
        start = size = 0
        for at, document in enumerate(_documents(batch, work, seen)):
            row = _converted(document, mappings, work)
            if work.stop:
                _stop_at_first(row)
            rows.append(row)
            size += len(row.bundle or b"")
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


def _documents(batch: pa.RecordBatch, work: Work, seen: dict[tuple[str, int], int]) -> Iterator[Document]:
    if work.column is None:
        sections = [name for name in batch.schema.names if name not in work.keep]
        rows = pa.Table.from_batches([batch]).select(sections)
        for number in range(batch.num_rows):
            yield _from_values(rows.slice(number, 1))
        return
    values = batch.column(work.column).cast(pa.binary())  # a text that is no UTF-8 is told, and does not raise
    for value, (name, number) in zip(values, _places(batch, work.lines, seen), strict=True):
        yield _from_json(value.as_py(), name, number)


def _places(batch: pa.RecordBatch, lines: Lines | None, seen: dict[tuple[str, int], int]) -> Iterator[tuple[str, int]]:
    """File and number of line (from 0) of each row; `seen` counts the rows of a block over its batches."""
    if lines is None:
        yield from (("", 0) for _ in range(batch.num_rows))
        return
    for file, block in zip(batch.column(lines.file).to_pylist(), batch.column(lines.block).to_pylist(), strict=True):
        at = seen.get((file, block), 0)
        seen[file, block] = at + 1
        yield unquote(file).removeprefix("file:"), lines.before[file, block] + at


def _from_json(data: bytes | None, name: str, number: int) -> Document:
    if data is None:
        return unreadable(name, "empty-input", "is NULL; expected the JSON of a case", number and number + 1)
    return line_record(name, number, data, advice="check it, and split it if it is right").document()


def _from_values(row: pa.Table) -> Document:
    try:
        stated = {name: _stated(value) for name, value in row.to_pylist()[0].items() if value is not None}
    except (ValueError, OverflowError) as error:  # bytes that are no UTF-8, a date beyond Python's
        return unreadable("", "wrong-type", f"has a value that Python cannot hold ({type(error).__name__}); correct it")
    return read_value(stated)


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


def _converted(document: Document, mappings: Mappings, work: Work) -> Converted:
    file, line, nothing = document.name, document.lines_before + 1, dict.fromkeys(OUTCOMES, 0)
    if document.data is None:
        return Converted(None, None, document.issues, nothing, file, line)
    try:
        done = convert_document(document, mappings, work.bundle, work.source, work.validate)
        bundle = done.json() if done.ok else None
        issues = done.issues if work.tells_all or bundle is None else []
        return Converted(done.case.id or None, bundle, issues, done.counts(), file, line)
    except Exception as error:  # a fault of ours must not take the other rows with it
        message = (
            f"fhirconv failed with {type(error).__name__} at {_fault(error)}; report it, with what is special here"
        )
        return Converted(None, None, [Issue("record-failed", message, Place(file, line, 1))], nothing, file, line)


def _stop_at_first(row: Converted) -> None:
    """Raises StoppedError for a rejected case; a blank line is none."""
    found = next((issue for issue in row.issues if issue.is_error), None)
    if row.bundle is None and found:
        raise StoppedError(f"{row.file}:{row.line} [{found.rule}]")


def _fault(error: Exception) -> str:
    """The place in our code, without any value."""
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    return f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else "an unknown place"


def _batch(rows: list[Converted], batch: pa.RecordBatch, start: int, work: Work) -> pa.RecordBatch:
    columns = [
        pa.array([row.case_id for row in rows], RESULT["case_id"]),
        pa.array([row.bundle is not None for row in rows], RESULT["ok"]),
        pa.array([row.bundle for row in rows], RESULT["bundle"]),
        pa.array([[_as_struct(issue) for issue in row.issues] for row in rows], RESULT["issues"]),
        pa.array([{key.replace(" ", "_"): n for key, n in row.counts.items()} for row in rows], RESULT["facts"]),
    ]
    if work.lines:
        columns += [pa.array([getattr(row, name) for row in rows], kind) for name, kind in PLACE.items()]
    kept = [batch.column(name).slice(start, len(rows)) for name in work.keep]
    return pa.RecordBatch.from_arrays(columns + kept, [*columns_of(work), *work.keep])


def columns_of(work: Work) -> dict[str, pa.DataType]:
    """The columns that come out before those kept."""
    return RESULT | PLACE if work.lines else RESULT


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
