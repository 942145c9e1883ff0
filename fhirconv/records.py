"""The records of a file: one for JSON and YAML, one a line for NDJSON. What a record holds is told by its content."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from fhirconv.document import LIMITS, RAISE, Document, Limits, unreadable
from fhirconv.issues import Issue, Place, printable
from fhirconv.json_source import read_json
from fhirconv.schema import case_schema
from fhirconv.source import encoding_problem, read_bytes

_MARK = codecs.BOM_UTF8
_ONE_VALUE = (".json", ".yaml", ".yml")
_LINES = (".ndjson", ".jsonl")


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


def read_stream(stream: BinaryIO, name: str, limits: Limits = LIMITS) -> Iterator[Document]:
    """The documents of an open file or pipe; see `read_records`. Raises OSError as the stream does."""
    suffix = Path(name).suffix.lower()
    first = stream.readline(limits.bytes + 2)
    if suffix in _LINES or (suffix not in _ONE_VALUE and _is_record(first)):
        yield from _lines(first, stream, name, limits)
    else:
        yield read_bytes(first + stream.read(max(limits.bytes + 1 - len(first), 0)), name, limits)


def is_resource(data: Any) -> bool:
    """Whether a value is meant as a FHIR resource; else it is a case."""
    return isinstance(data, dict) and "resourceType" in data


def is_case(data: Any) -> bool:
    """Whether a value is meant as a case: an object with one of the sections of case facts."""
    return isinstance(data, dict) and not case_schema().sections.keys().isdisjoint(data)


def read_record(line: bytes, number: int, name: str, limits: Limits = LIMITS) -> Document:
    """The document of one line of NDJSON, which is the `number`th of its file (from 0). Nothing is raised."""
    text = line.removeprefix(b"" if number else _MARK).rstrip(b"\r\n")
    if text.strip():
        return _record(text, number, name, limits)
    return _shifted(Document(name, issues=[Issue("blank-line", "is blank; skipped", Place(name, 1, 1))]), number)


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


def _lines(line: bytes, stream: BinaryIO, name: str, limits: Limits) -> Iterator[Document]:
    problem, in_line = encoding_problem(line)
    if in_line:  # this record's own problem
        problem = ""
    if problem or line.strip() == b"{":
        spread = "holds an object that is spread over lines; NDJSON has one object in each line (or name the file .json)"
        yield unreadable(name, "encoding" if problem else "not-json", problem or spread, 1, 1)
        return
    number, found = 0, False
    while line:
        text = line.removeprefix(b"" if number else _MARK).rstrip(b"\r\n")
        if text.strip():
            found = True
            yield _record(text, number, name, limits)
        elif found:
            yield _shifted(Document(name, issues=[Issue("blank-line", "is blank; skipped", Place(name, 1, 1))]), number)
        if not line.endswith(b"\n") and len(text) > limits.bytes:  # the rest of a line over the limit is no record
            while line and not line.endswith(b"\n"):
                line = stream.readline(limits.bytes)
        number += 1
        line = stream.readline(limits.bytes + 2)
    if not found:
        yield unreadable(name, "empty-input", "is empty; it has one JSON object a line")


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
