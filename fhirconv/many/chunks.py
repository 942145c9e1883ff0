"""Records and the chunks that they are cut into, by the input alone: so the output is the same for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fhirconv.document import LIMITS, Document, Limits, unreadable
from fhirconv.issues import Issue, Place
from fhirconv.records import WHOLE, lines_of

MOST_RECORDS = 64
MOST_BYTES = 1_000_000


class Record(NamedTuple):
    """One case to be, as cheap to hand to another process as can be.

    `number` is that of its line, from 0, or WHOLE. A Document is one that could not be read: its issues say why.
    """

    name: str
    number: int
    data: bytes | Path | Mapping[str, Any] | Document

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.name, self.number + 1, 1) if self.number != WHOLE else Place(self.name)

    @property
    def is_blank(self) -> bool:
        """Whether it is a line without anything in it."""
        return self.number != WHOLE and isinstance(self.data, bytes) and not self.data.strip()


class Chunk(NamedTuple):
    """Records that go to a worker together; `refused` are those of them (by position) that are not to be converted, and why."""

    records: list[Record]
    read: int = 0  # bytes of the input up to here
    refused: Mapping[int, Issue] = {}


def chunks_of(records: Iterable[Record], read: Callable[[], int] = lambda: 0) -> Iterator[Chunk]:
    """Records in chunks of at most MOST_RECORDS and, unless one alone has more, MOST_BYTES."""
    gathered: list[Record] = []
    size = 0
    for record in records:
        own = len(record.data) if isinstance(record.data, bytes) else 0
        if gathered and size + own > MOST_BYTES:
            yield Chunk(gathered, read())
            gathered, size = [], 0
        gathered.append(record)
        size += own
        if len(gathered) == MOST_RECORDS:
            yield Chunk(gathered, read())
            gathered, size = [], 0
    if gathered:
        yield Chunk(gathered, read())


def records_in(stream: BinaryIO, name: str, limits: Limits = LIMITS) -> Iterator[Record]:
    """The records of an open file or pipe. Nothing is raised: what cannot be read is a record that says so."""
    is_empty = True
    try:
        for line in lines_of(stream, name, limits):
            record = Record(name, line.number, line.data)
            is_empty = is_empty and record.is_blank
            yield record
    except OSError as error:
        yield Record(name, WHOLE, unreadable(name, "file-unreadable", f"cannot be read: {error.strerror or error}"))
    else:
        if is_empty:
            yield Record(name, WHOLE, unreadable(name, "empty-input", "is empty; it has one JSON object a line"))


def records_of(path: Path, limits: Limits = LIMITS) -> Iterator[Record]:
    """The records of a file; see `records_in`."""
    try:
        with path.open("rb") as stream:
            yield from records_in(stream, str(path), limits)
    except (OSError, ValueError):  # told by who reads it as a case
        yield Record(str(path), WHOLE, path)
