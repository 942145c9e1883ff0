"""The records of a file: one for JSON and YAML, one a line for NDJSON. What a record holds is told by its content."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fhirconv.document import LIMITS, RAISE, Document, Limits, unreadable
from fhirconv.issues import Issue, Place, printable
from fhirconv.json_source import read_json
from fhirconv.schema import case_schema
from fhirconv.source import encoding_problem, read_bytes

_MARK = codecs.BOM_UTF8
ONE_VALUE = (".json", ".yaml", ".yml")
LINES = (".ndjson", ".jsonl")


def read_records(path: Path, limits: Limits = LIMITS) -> Iterator[Document]:
    """The documents of a file, each read when it is asked for. Nothing is raised: see their issues.

    A file is NDJSON by its name, or when its first line is a whole JSON object and there are more lines.
    """
    name = str(path)
    try:
        if "\0" in name:
            yield unreadable(printable(name), "file-unreadable", "is no name of a file")
            return
        if path.is_dir():
            yield unreadable(name, "file-unreadable", "is a directory; name a file in it")
            return
        with path.open("rb") as stream:
            yield from read_stream(stream, name, limits)
    except OSError as error:
        yield unreadable(name, "file-unreadable", f"cannot be read: {error.strerror}")


WHOLE = -1


class Line(NamedTuple):
    """A line of NDJSON as it stands, by its number from 0; or all of a file that holds one value (WHOLE)."""

    number: int
    data: bytes


def read_stream(stream: BinaryIO, name: str, limits: Limits = LIMITS) -> Iterator[Document]:
    """The documents of an open file or pipe; see `read_records`. Raises OSError as the stream does."""
    found = False
    for line in lines_of(stream, name, limits):
        if line.number == WHOLE or line.data.removeprefix(_MARK).strip():
            found = True
        if found:
            yield read_line(line, name, limits)
    if not found:
        yield unreadable(name, "empty-input", "is empty; it has one JSON object a line")


def lines_of(stream: BinaryIO, name: str, limits: Limits = LIMITS) -> Iterator[Line]:
    """The lines of an open file or pipe, blank ones too; of one over the limit only as much as shows that it is."""
    suffix = Path(name).suffix.lower()
    line = stream.readline(limits.bytes + 2)
    if not (suffix in LINES or (suffix not in ONE_VALUE and _is_record(line))):
        yield Line(WHOLE, line + stream.read(max(limits.bytes + 1 - len(line), 0)))
        return
    if _problem_of_file(line, name) is not None:
        yield Line(0, line)
        return
    number = 0
    while line:
        yield Line(number, line)
        if not line.endswith(b"\n") and len(line) > limits.bytes:  # the rest of a line over the limit is no record
            while line and not line.endswith(b"\n"):
                line = stream.readline(limits.bytes)
        number += 1
        line = stream.readline(limits.bytes + 2)


def read_line(line: Line, name: str, limits: Limits = LIMITS) -> Document:
    """The document of a line; of a blank one, that it is. Nothing is raised."""
    if line.number == WHOLE:
        return read_bytes(line.data, name, limits)
    if line.number == 0:
        problem = _problem_of_file(line.data, name)
        if problem is not None:
            return problem
    text = line.data.removeprefix(b"" if line.number else _MARK).rstrip(b"\r\n")
    if not text.strip():
        blank = Document(name, issues=[Issue("blank-line", "is blank; skipped", Place(name, 1, 1))])
        return _shifted(blank, line.number)
    return _record(text, line.number, name, limits)


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


def _problem_of_file(first: bytes, name: str) -> Document | None:
    """What the first line says of the whole file, if it is no NDJSON."""
    problem, in_line = encoding_problem(first)
    if in_line:  # this record's own problem
        problem = ""
    if problem or first.strip() == b"{":
        spread = "holds an object that is spread over lines; NDJSON has one object in each line (or name the file .json)"
        return unreadable(name, "encoding" if problem else "not-json", problem or spread, 1, 1)
    return None


def _record(line: bytes, number: int, name: str, limits: Limits) -> Document:
    problem, _ = encoding_problem(line)
    if len(line) > limits.bytes:
        document = unreadable(name, "too-large", f"is a line of more than {limits.bytes} bytes; {RAISE}", 1, 1)
    elif problem:
        document = unreadable(name, "encoding", problem, 1, 1)
    elif not line.lstrip().startswith(b"{"):
        document = unreadable(name, "not-json", "is not a JSON object; NDJSON has one in each line", 1, 1)
    else:
        document = read_json(line.decode(), name, limits)
    return _shifted(document, number)


def _shifted(document: Document, lines: int) -> Document:
    """The document with its places at that many lines further down."""
    document.is_line, document.lines_before = True, lines
    document.issues = [
        replace(issue, place=issue.place._replace(line=issue.place.line and issue.place.line + lines))
        for issue in document.issues
    ]
    return document
