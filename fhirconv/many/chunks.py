"""Records and the chunks that they are cut into, by the input alone: so the output is the same for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fhirconv.compression import Input, open_input, opened
from fhirconv.document import LIMITS, Document, Limits
from fhirconv.issues import Issue, Place
from fhirconv.records import Line, is_ndjson, lines_of, read_line
from fhirconv.source import read_bytes, read_file, read_value, unread

NO_LINE = -1
MOST_RECORDS = 64
MOST_BYTES = 1_000_000


class Record(NamedTuple):
    """One case to be, as cheap to hand to another process as can be.

    `number` is that of its line, from 0, or NO_LINE. A Document is one that could not be read: its issues say why.
    """

    name: str
    number: int
    data: bytes | Path | Mapping[str, Any] | Document

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.name, self.number + 1, 1) if self.number != NO_LINE else Place(self.name)

    @property
    def is_blank(self) -> bool:
        """Whether it is a line without anything in it."""
        return self.number != NO_LINE and isinstance(self.data, bytes) and not self.data.strip()

    def document(self, limits: Limits) -> Document:
        """Reads it. Nothing is raised."""
        data = self.data
        if isinstance(data, Document):
            return data
        if isinstance(data, Path):
            return read_file(data, limits)
        if not isinstance(data, bytes):
            return read_value(dict(data), self.name, limits)
        if self.number == NO_LINE:
            return read_bytes(data, self.name, limits)
        return read_line(Line(self.number, data), self.name, limits)


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
    try:
        stream = opened(stream, name, limits)
        first = stream.readline(limits.bytes + 2)
        if not is_ndjson(first, name):
            yield Record(name, NO_LINE, first + stream.read(max(limits.bytes + 1 - len(first), 0)))
            return
    except OSError as error:
        yield Record(name, NO_LINE, unread(name, error))
        return
    for line in lines_of(stream, name, limits, first):
        yield Record(name, line.number, read_line(line, name, limits) if line.problem else line.data)


def records_of(
    path: Path, limits: Limits = LIMITS, begun: Callable[[Input], object] = lambda _: None
) -> Iterator[Record]:
    """The records of a file; see `records_in`. `begun` is given the file when it is open."""
    try:
        stream = open_input(path, limits)
    except (OSError, ValueError):  # told by who reads it as a file of one case
        yield Record(str(path), NO_LINE, path)
        return
    with stream:
        begun(stream)
        yield from records_in(stream, str(path), limits)
