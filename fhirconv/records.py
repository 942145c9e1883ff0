"""The records of a file: one for JSON and YAML, one a line for NDJSON. What a record holds is told by its content."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fhirconv.compression import LINES, WHOLE, Input, PackedError, open_input, opened, plain_suffix
from fhirconv.document import LIMITS, RAISE, Document, Limits, unreadable
from fhirconv.issues import Issue, Place
from fhirconv.json_source import read_json
from fhirconv.schema import case_schema
from fhirconv.source import decoded, encoding_problem, read_bytes, read_file, read_given, read_value, unread

NO_LINE = -1
_MARK = codecs.BOM_UTF8
_SPREAD = "holds an object that is spread over lines; NDJSON has one object in each line (or name the file .json)"
_PIECE = 1 << 20
_FACT = 250  # bytes of a fact that was read from a row, and goes to another process


class Facts(NamedTuple):
    """A case given as Python values: nothing but those of JSON, and Decimals, pickled."""

    pickled: bytes


class Record(NamedTuple):
    """One case or resource to be, as cheap to hand to another process as can be.

    `number` is that of its line, from 0 and `data` then without its end, or NO_LINE. A Document was read already: by a
    reader of tables, say, or one that could not be read, whose issues say why. `is_cut` if nobody knows how many records
    come after it.
    """

    name: str
    number: int
    data: bytes | Path | Mapping[str, Any] | Facts | Document
    is_cut: bool = False

    @property
    def place(self) -> Place:
        """Where it begins."""
        if self.number != NO_LINE:
            return Place(self.name, self.number + 1, 1)
        return self.data.place("") if isinstance(self.data, Document) else Place(self.name)

    @property
    def size(self) -> int:
        """Bytes that it brings along, or about as many."""
        data = self.data.pickled if isinstance(self.data, Facts) else self.data
        if isinstance(data, Document) and isinstance(data.data, dict):
            return _FACT * sum(len(section) for section in data.data.values() if isinstance(section, list))
        return len(data) if isinstance(data, bytes) else 0

    @property
    def is_blank(self) -> bool:
        """Whether it is a line without anything in it: it holds no record, and is skipped with a warning."""
        return self.number != NO_LINE and isinstance(self.data, bytes) and not self.data.strip()

    def document(self, limits: Limits = LIMITS) -> Document:
        """Reads it: the same in whatever process. Nothing is raised."""
        data = self.data
        if isinstance(data, bytes):
            return read_bytes(data, self.name, limits) if self.number == NO_LINE else self._read_line(data, limits)
        if isinstance(data, Document):
            return data
        if isinstance(data, Path):
            return read_file(data, limits, self.name)
        if isinstance(data, Facts):
            import pickle  # only between processes

            return read_value(pickle.loads(data.pickled), self.name, limits)  # noqa: S301  # made by many/handed.py
        return read_given(data, self.name, limits)

    def _read_line(self, data: bytes, limits: Limits) -> Document:
        name = self.name
        if self.is_blank:
            document = Document(name, issues=[Issue("blank-line", "is blank; skipped", Place(name, 1, 1))])
        elif (text := decoded(data)) is None:
            document = unreadable(name, "encoding", encoding_problem(data)[0], 1, 1)
        elif data.startswith(_MARK):  # that of a file is no part of its first line
            message = "begins with a byte order mark, as where files were joined; remove it"
            document = unreadable(name, "not-json", message, 1, 1)
        elif not data.lstrip().startswith(b"{"):
            document = unreadable(name, "not-json", "is not a JSON object; NDJSON has one in each line", 1, 1)
        else:
            document = read_json(text, name, limits)
        return _of_line(document, self.number)


def records_of(
    path: Path, limits: Limits = LIMITS, begun: Callable[[Input], object] = lambda _: None, name: str = ""
) -> Iterator[Record]:
    """The records of a file, called `name` if it is given; see `records_in`. `begun` is given the file when it is open."""
    name = name or str(path)
    try:
        stream = open_input(path, limits)
    except (OSError, ValueError):  # told by who reads it as a file of one record
        yield Record(name, NO_LINE, path, _may_be_many(name))
        return
    with stream:
        begun(stream)
        yield from records_in(stream, name, limits)


def records_in(stream: BinaryIO, name: str, limits: Limits = LIMITS) -> Iterator[Record]:
    """The records of an open file or pipe, which may be compressed, each when it is asked for.

    It is NDJSON by its name, or when its first line is a whole JSON object and there are more lines. Nothing is raised:
    what cannot be read is a record that says so.
    """
    try:
        stream = opened(stream, name, limits)
        first = stream.readline(limits.bytes + 2)
        if not _is_ndjson(first, name):
            yield Record(name, NO_LINE, first + stream.read(max(limits.bytes + 1 - len(first), 0)))
            return
    except OSError as error:
        yield Record(name, NO_LINE, unread(name, error), _may_be_many(name))
        return
    yield from _lines_of(stream, name, limits, first)


def line_record(name: str, number: int, line: bytes, limits: Limits = LIMITS, advice: str = RAISE) -> Record:
    """The record of a line of NDJSON with its end, if it has one; `advice` is what to do where it is too long."""
    data = (line if number else line.removeprefix(_MARK)).rstrip(b"\r\n")
    if len(data) > limits.bytes:
        return _unread_line(name, number, "too-large", f"is a line of more than {limits.bytes} bytes; {advice}")
    return Record(name, number, data)


def read_records(path: Path, limits: Limits = LIMITS) -> Iterator[Document]:
    """The documents of a file, each read when it is asked for. Nothing is raised: see their issues."""
    return (record.document(limits) for record in records_of(path, limits))


def read_stream(stream: BinaryIO, name: str, limits: Limits = LIMITS) -> Iterator[Document]:
    """The documents of an open file or pipe; see `records_in`. Nothing is raised."""
    return (record.document(limits) for record in records_in(stream, name, limits))


def count_records(path: Path, limits: Limits = LIMITS) -> int:
    """How many records a file has, by its lines alone."""
    return sum(not record.is_blank for record in records_of(path, limits))


def is_resource(data: Any) -> bool:
    """Whether a value is meant as a FHIR resource; else it is a case."""
    return isinstance(data, dict) and "resourceType" in data


def is_case(data: Any) -> bool:
    """Whether a value is meant as a case: an object with one of the sections of case facts."""
    return isinstance(data, dict) and not case_schema().sections.keys().isdisjoint(data)


def _may_be_many(name: str) -> bool:
    return plain_suffix(name) not in WHOLE


def _is_ndjson(first: bytes, name: str) -> bool:
    """Whether a file of this name and with this first line, read with its end, is NDJSON."""
    suffix = plain_suffix(name)
    return suffix in LINES or (suffix not in WHOLE and _is_record(first))


def _is_record(first: bytes) -> bool:
    """Whether a line is a JSON object by itself, and something follows."""
    text = first.removeprefix(_MARK).strip()
    if not text.startswith(b"{") or not first.endswith(b"\n"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _lines_of(stream: BinaryIO, name: str, limits: Limits, first: bytes) -> Iterator[Record]:
    """The lines, from the first that is not blank; `first` was read already. The last says what keeps it from going on."""
    number = 0
    try:
        if problem := _no_ndjson(name, first):
            yield problem
            return
        for record in _lines(stream, name, limits, first):
            number = record.number + 1
            yield record
    except OSError as error:
        rule = error.rule if isinstance(error, PackedError) else "file-unreadable"
        yield _unread_line(name, number, rule, _told(error, number))._replace(is_cut=True)


def _no_ndjson(name: str, first: bytes) -> Record | None:
    """Why a file with this first line is no NDJSON at all; what is wrong with the line alone is left to its record."""
    problem, in_line = encoding_problem(first)
    if problem and not in_line:
        return _unread_line(name, 0, "encoding", problem)._replace(is_cut=True)
    return _unread_line(name, 0, "not-json", _SPREAD)._replace(is_cut=True) if first.strip() == b"{" else None


def _lines(stream: BinaryIO, name: str, limits: Limits, line: bytes) -> Iterator[Record]:
    most, number, found, blank = limits.bytes + 2, 0, False, 0
    while line:
        record = line_record(name, number, line, limits)
        if not record.is_blank:
            found, blank = True, 0
            yield record
            if isinstance(record.data, Document) and not line.endswith(b"\n"):
                _pass_over(stream, limits)
        else:
            blank += 1
            if blank > limits.blank:
                raise PackedError(f"has more than {limits.blank} blank lines in a row; {RAISE} ('blank')", "too-large")
            if found:
                yield record
        number += 1
        line = stream.readline(most)
    if not found:
        yield _unread_line(name, 0, "empty-input", "is empty; it has one JSON object a line")


def _unread_line(name: str, number: int, rule: str, problem: str) -> Record:
    return Record(name, number, _of_line(unreadable(name, rule, problem, 1, 1), number))


def _of_line(document: Document, number: int) -> Document:
    """The document, which was read as if its line were a file, where it stands in its file."""
    document.is_line, document.lines_before = True, number
    document.issues = [
        replace(issue, place=issue.place._replace(line=issue.place.line and issue.place.line + number))
        for issue in document.issues
    ]
    return document


def _pass_over(stream: BinaryIO, limits: Limits) -> None:
    """Reads up to the end of a line."""
    left = limits.skip
    while (piece := stream.readline(_PIECE)) and not piece.endswith(b"\n"):
        left -= len(piece)
        if left < 0:
            raise PackedError(f"comes after more than {limits.skip} bytes of a line over the limit; {RAISE} ('skip')", "too-large")


def _told(error: OSError, lines: int) -> str:
    what = error.strerror if isinstance(error, PackedError) else f"cannot be read: {error.strerror}"
    return f"{what} (read up to line {lines})" if lines else f"{what}"
