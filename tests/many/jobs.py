"""Jobs for the engine's tests; workers import them from here."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from fhirconv.many.batches import Batch, BatchJob
from fhirconv.many.chunks import Chunk


def _end_at(chunk: Chunk, word: bytes) -> None:
    """As a crash in a library would: at a record with this word, unless it is refused."""
    for position, record in enumerate(chunk.records):
        if position not in chunk.refused and word in bytes(record.data):  # type: ignore[arg-type]
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Echo:
    """Gives back the data of a chunk, with the refused ones in brackets, and the process that did it."""

    def start(self) -> Callable[[Chunk], tuple[list[bytes], int]]:
        return self._work

    def _work(self, chunk: Chunk) -> tuple[list[bytes], int]:
        _end_at(chunk, b"kill")
        if any(record.data == b"raise" for record in chunk.records):
            raise ValueError("a fault of the job")
        data = [b"(%s)" % one.data if at in chunk.refused else one.data for at, one in enumerate(chunk.records)]
        return data, os.getpid()  # type: ignore[return-value]


@dataclass(frozen=True)
class NoStart:
    """A job that cannot begin."""

    def start(self) -> Callable[[Chunk], None]:
        raise ValueError("no mappings")


@dataclass(frozen=True)
class Deadly(BatchJob):
    """Makes batches, and ends its process at a case called 'kill'."""

    def start(self) -> Callable[[Chunk], Batch]:
        made = super().start()

        def batch(chunk: Chunk) -> Batch:
            _end_at(chunk, b'"kill"')
            return made(chunk)

        return batch
