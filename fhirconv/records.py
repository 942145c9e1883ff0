"""The records of a file: one for JSON and YAML, one a line for NDJSON. What a record holds is told by its content."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fhirconv.compression import LINES, WHOLE, PackedError, open_input, opened, plain_suffix
from fhirconv.document import LIMITS, RAISE, Document, Limits, unreadable
from fhirconv.issues import Issue, Place, printable
from fhirconv.json_source import read_json
from fhirconv.schema import case_schema
from fhirconv.source import encoding_problem, read_bytes, unread

_MARK = codecs.BOM_UTF8
_SPREAD = "holds an object that is spread over lines; NDJSON has one object in each line (or name the file .json)"
_PIECE = 1 << 20


class Line(NamedTuple):
    """A line of NDJSON without its end, or what keeps the file from being read at this place: `rule` and `problem`."""

    number: int  # from 0
    data: bytes
    rule: str = ""
    problem: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether it holds no record, and nothing is wrong: it is skipped with a warning."""
        return not self.problem and (not self.data or self.data.isspace())


def read_records(
    path: Path, limits: Limits = LIMITS, passed: Callable[[int], object] | None = None
) -> Iterator[Document]:
    """The documents of a file, each read when it is asked for. Nothing is raised: see their issues.

    A file is NDJSON by its name, or when its first line is a whole JSON object and there are more lines. `passed` is told
    of the bytes of the file, as they lie there, that were read for each document.
    """
    name = str(path)
    try:
        if "\0" in name:
            yield unreadable(printable(name), "file-unreadable", "is no name of a file")
            return
        if path.is_dir():
            yield unreadable(name, "file-unreadable", "is a directory; name a file in it")
            return
        with open_input(path, limits) as stream:
            before = 0
            for document in read_stream(stream, name, limits):
                if passed:
                    passed(stream.packed - before)
                    before = stream.packed
                yield document
    except OSError as error:
        yield unread(name, error)


def read_stream(stream: BinaryIO, name: str, limits: Limits = LIMITS) -> Iterator[Document]:
    """The documents of an open file or pipe, which may be compressed; see `read_records`. Nothing is raised."""
    try:
        stream = opened(stream, name, limits)
        first = stream.readline(limits.bytes + 2)
        if not is_ndjson(first, name):
            yield read_bytes(first + stream.read(max(limits.bytes + 1 - len(first), 0)), name, limits)
            return
    except OSError as error:
        yield unread(name, error)
        return
    for line in lines_of(stream, name, limits, first):
        yield read_line(line, name, limits)


def count_records(path: Path, limits: Limits = LIMITS) -> int:
    """How many records a file has, by its lines alone. Raises OSError where it cannot be opened."""
    with open_input(path, limits) as stream:
        first = stream.readline(limits.bytes + 2)
        if not is_ndjson(first, str(path)):
            return 1
        return sum(not line.is_blank for line in lines_of(stream, str(path), limits, first))


def is_ndjson(first: bytes, name: str) -> bool:
    """Whether a file of this name and with this first line, read with its end, is NDJSON."""
    suffix = plain_suffix(name)
    return suffix in LINES or (suffix not in WHOLE and _is_record(first))


def lines_of(stream: BinaryIO, name: str, limits: Limits = LIMITS, first: bytes = b"") -> Iterator[Line]:
    """The lines of NDJSON, from the first that is not blank; `first` is what was read of it already.

    What keeps it from being read further stands in the last line. Nothing is raised.
    """
    number = 0
    try:
        stream = opened(stream, name, limits)
        first = first or stream.readline(limits.bytes + 2)
        if problem := _no_ndjson(first):
            yield problem
            return
        for line in _lines(stream, first, limits):
            number = line.number + 1
            yield line
    except OSError as error:
        yield Line(number, b"", error.rule if isinstance(error, PackedError) else "file-unreadable", _told(error, number))


def read_line(line: Line, name: str, limits: Limits = LIMITS) -> Document:
    """The document of a line: the same in whatever process. Nothing is raised."""
    if line.problem:
        document = unreadable(name, line.rule, line.problem, 1, 1)
    elif line.is_blank:
        document = Document(name, issues=[Issue("blank-line", "is blank; skipped", Place(name, 1, 1))])
    elif problem := encoding_problem(line.data)[0]:
        document = unreadable(name, "encoding", problem, 1, 1)
    elif not line.data.lstrip().startswith(b"{"):
        document = unreadable(name, "not-json", "is not a JSON object; NDJSON has one in each line", 1, 1)
    else:
        document = read_json(line.data.decode(), name, limits)
    document.is_line, document.lines_before = True, line.number
    document.issues = [
        replace(issue, place=issue.place._replace(line=issue.place.line and issue.place.line + line.number))
        for issue in document.issues
    ]
    return document


def is_resource(data: Any) -> bool:
    """Whether a value is meant as a FHIR resource; else it is a case."""
    return isinstance(data, dict) and "resourceType" in data


def is_case(data: Any) -> bool:
    """Whether a value is meant as a case: an object with one of the sections of case facts."""
    return isinstance(data, dict) and not case_schema().sections.keys().isdisjoint(data)


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


def _no_ndjson(first: bytes) -> Line | None:
    """Why a file with this first line is no NDJSON at all; what is wrong with the line alone is left to its record."""
    problem, in_line = encoding_problem(first)
    if problem and not in_line:
        return Line(0, b"", "encoding", problem)
    return Line(0, b"", "not-json", _SPREAD) if first.strip() == b"{" else None


def _lines(stream: BinaryIO, data: bytes, limits: Limits) -> Iterator[Line]:
    data = data.removeprefix(_MARK)
    most, number, found, blank = limits.bytes + 2, 0, False, 0
    while data:
        text = data.rstrip(b"\r\n")
        if len(text) > limits.bytes:
            found, blank = True, 0
            yield Line(number, b"", "too-large", f"is a line of more than {limits.bytes} bytes; {RAISE}")
            if not data.endswith(b"\n"):
                _pass_over(stream, limits)
        elif text and not text.isspace():
            found, blank = True, 0
            yield Line(number, text)
        else:
            blank += 1
            if blank > limits.blank:
                raise PackedError(f"has more than {limits.blank} blank lines in a row; {RAISE} ('blank')", "too-large")
            if found:
                yield Line(number, b"")
        number += 1
        data = stream.readline(most)
    if not found:
        yield Line(0, b"", "empty-input", "is empty; it has one JSON object a line")


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
