"""The files that a command is given, in their order: whether they are streams of lines, their records, how far they are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from fhirconv.compression import LINES, WHOLE, Input, open_input, plain_suffix
from fhirconv.document import Document, Limits, unreadable
from fhirconv.issues import Issue
from fhirconv.records import NO_LINE, Record, records_in, records_of
from fhirconv.source import unread

if TYPE_CHECKING:
    from fhirconv.readers import Reader, Report


class Inputs:
    """Files; '-' is standard input. Where a name does not say what a file is, its first line does: then it is open already."""

    report: Report | None = None  # of a reader: what it read and what it left

    def __init__(self, paths: tuple[Path, ...], limits: Limits) -> None:
        self.paths = paths
        self._limits = limits
        self._begun: dict[int, tuple[Record | None, Iterator[Record]]] = {}
        self._opened: list[Input] = []
        self._before = 0  # bytes of files that are done

    def unopened(self) -> list[Issue]:
        """Why some cannot be opened: a name that is mistyped, say. Pipes are not tried."""
        found = []
        for path in self.paths:
            try:
                if str(path) != "-" and (path.is_file() or path.is_dir() or not path.exists()):
                    open_input(path, self._limits).close()
            except OSError as error:
                found += unread(str(path), error).issues
        return found

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

    def documents(self) -> Iterator[Document]:
        """What the records hold, each read when it is asked for. Nothing is raised: see their issues."""
        return (record.document(self._limits) for record in self.records())

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
            if sys.stdin is None:  # whoever started the command has closed it
                return iter((Record("-", NO_LINE, unreadable("-", "file-unreadable", "cannot be read: it is closed"), True),))
            return records_in(sys.stdin.buffer, "-", self._limits)
        return records_of(path, self._limits, self._opened.append)


class ReaderInputs(Inputs):
    """The cases that a reader makes of files, together; of a folder it reads the files that are for it."""

    def __init__(self, reader: Reader, paths: tuple[Path, ...], limits: Limits) -> None:
        """Raises FhirconvError where a folder cannot be read."""
        from fhirconv.readers import Report, files_of

        self.report: Report = Report()
        named = (Path("/dev/stdin") if str(path) == "-" else path for path in paths)  # who looks at names refuses it
        super().__init__(tuple(files_of(named, reader, self.report)), limits)
        self._documents = reader.read(self.paths, limits, self.report)
        self._first: list[Document] = []  # read by `unopened`

    def size(self) -> None:
        """Nobody knows how much of it is done: the rows of all files are gathered before there is a case."""

    def are_lines(self) -> bool:
        """They may be many."""
        return True

    def unopened(self) -> list[Issue]:
        """Why there is no case at all: a file that cannot be read as a whole, or is none of the reader's."""
        for document in self._documents:
            self._first.append(document)
            if document.data is not None:
                return []
        found = [issue for document in self._first for issue in document.issues]
        return found if any(issue.severity == "fatal" for issue in found) else []

    def records(self) -> Iterator[Record]:
        """A record for each case, and for what makes none."""
        for document in chain(self._first, self._documents):
            yield Record(document.name, NO_LINE, document)
