"""Records in the chunks that they are cut into, by the input alone: so the output is the same for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from fhirconv.issues import Issue
from fhirconv.records import Record

MOST_RECORDS = 64
MOST_BYTES = 1_000_000


class Chunk(NamedTuple):
    """Records that go to a worker together; `refused` are those of them (by position) that are not to be converted, and why.

    `first` is how many records came before them.
    """

    records: list[Record]
    read: int = 0  # bytes of the input up to here
    refused: Mapping[int, Issue] = {}
    first: int = 0


def chunks_of(records: Iterable[Record], read: Callable[[], int] = lambda: 0) -> Iterator[Chunk]:
    """Records in chunks of at most MOST_RECORDS and, unless one alone has more, MOST_BYTES; none after one that is cut."""
    gathered: list[Record] = []
    size = first = 0

    def chunk() -> Chunk:
        nonlocal gathered, size, first
        made = Chunk(gathered, read(), first=first)
        gathered, size, first = [], 0, first + len(gathered)
        return made

    try:
        for record in records:
            if gathered and size + record.size > MOST_BYTES:
                yield chunk()
            gathered.append(record)
            size += record.size
            if len(gathered) == MOST_RECORDS:
                yield chunk()
            if record.is_cut:
                break
    except Exception:  # of who gives the records: what came before it is converted first
        if gathered:
            yield chunk()
        raise
    if gathered:
        yield chunk()
