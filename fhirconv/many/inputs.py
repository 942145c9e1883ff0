"""The files of a run, in their order: whether they are streams of lines, their records, and how far they are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from fhirconv.compression import plain_suffix
from fhirconv.document import Document, Limits
from fhirconv.many.chunks import Record, records_in
from fhirconv.records import LINES, ONE_VALUE, WHOLE, Line, read_line
from fhirconv.source import read_file


class Inputs:
    """Files; '-' is standard input. Where a name does not say what a file is, its first line does: then it is open already."""

    def __init__(self, paths: tuple[Path, ...], limits: Limits) -> None:
        self.paths = paths
        self._limits = limits
        self._begun: dict[int, tuple[Record | None, Iterator[Record]]] = {}
        self._open: list[BinaryIO] = []
        self._read = 0

    def size(self) -> int | None:
        """Bytes in all; None where that cannot be known."""
        if not all(path.is_file() for path in self.paths):
            return None
        return sum(path.stat().st_size for path in self.paths)

    def read(self) -> int:
        """Bytes that were read so far, of inputs with a size."""
        return self._read + sum(stream.tell() for stream in self._open)

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
            if first is not None and isinstance(first.data, bytes):
                yield path, read_line(Line(first.number, first.data), first.name, self._limits)
            else:
                yield path, read_file(path, self._limits)

    def _is_lines(self, at: int, path: Path) -> bool:
        suffix = plain_suffix(path.name)
        if suffix in ONE_VALUE or suffix in LINES:
            return suffix in LINES
        records = self._records(path)
        first = next(records, None)
        self._begun[at] = first, records
        return first is not None and first.number != WHOLE

    def _records(self, path: Path) -> Iterator[Record]:
        name = str(path)
        if name == "-":
            yield from records_in(sys.stdin.buffer, name, self._limits)
            return
        try:
            stream = path.open("rb")
        except OSError:  # told by who reads it as a case
            yield Record(name, WHOLE, path)
            return
        with stream:
            is_file = path.is_file()
            if is_file:
                self._open.append(stream)
            yield from records_in(stream, name, self._limits)
            if is_file:
                self._open.remove(stream)
                self._read += os.fstat(stream.fileno()).st_size
