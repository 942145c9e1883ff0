"""The files of a run, in their order: whether they are streams of lines, their records, and how far they are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from fhirconv.compression import LINES, WHOLE, Input, plain_suffix
from fhirconv.document import Document, Limits
from fhirconv.many.chunks import NO_LINE, Record, records_in, records_of
from fhirconv.source import read_file


class Inputs:
    """Files; '-' is standard input. Where a name does not say what a file is, its first line does: then it is open already."""

    def __init__(self, paths: tuple[Path, ...], limits: Limits) -> None:
        self.paths = paths
        self._limits = limits
        self._begun: dict[int, tuple[Record | None, Iterator[Record]]] = {}
        self._opened: list[Input] = []
        self._before = 0  # bytes of files that are done

    def size(self) -> int | None:
        """Bytes in all; None where that cannot be known."""
        if not all(path.is_file() for path in self.paths):
            return None
        return sum(path.stat().st_size for path in self.paths)

    def read(self) -> int:
        """Bytes of the files, as they lie there, that were read so far."""
        while len(self._opened) > 1 and self._opened[0].closed:
            self._before += self._opened.pop(0).packed
        return self._before + sum(stream.packed for stream in self._opened)

    def are_lines(self) -> bool:
        """Whether any of them is NDJSON, by its name or, where that says nothing, by its content."""
        return any(self._is_lines(at, path) for at, path in enumerate(self.paths))

    def records(self) -> Iterator[Record]:
        """All records."""
        for at, path in enumerate(self.paths):
            first, rest = self._begun.get(at, (None, iter(())))
            yield from chain([first] if first else [], rest) if at in self._begun else self._records(path)

    def documents(self) -> Iterator[tuple[Path, Document]]:
        """Each file as one document."""
        for at, path in enumerate(self.paths):
            first, _ = self._begun.get(at, (None, None))
            yield path, first.document(self._limits) if first is not None else read_file(path, self._limits)

    def _is_lines(self, at: int, path: Path) -> bool:
        suffix = plain_suffix(path.name)
        if suffix in LINES + WHOLE:
            return suffix in LINES
        records = self._records(path)
        first = next(records, None)
        self._begun[at] = first, records
        return first is not None and first.number != NO_LINE

    def _records(self, path: Path) -> Iterator[Record]:
        if str(path) == "-":
            return records_in(sys.stdin.buffer, "-", self._limits)
        return records_of(path, self._limits, self._opened.append)
