"""The line that says what is wrong with a record, and where all of it was read: enough to mend it and run again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import orjson

from fhirconv.conversion import Conversion
from fhirconv.issues import Issue, Place, printable
from fhirconv.records import Record


def reject_line(record: Record, result: Conversion, rows: Mapping[str, list[int]]) -> bytes:
    """A JSON object, without a line break; what is not known is left out. `rows` are those of `rows_of`."""
    place = record.place
    made: dict[str, object] = {
        "file": place.file,
        "line": place.line,
        "case": result.case.id,
        "rows": {printable(file): spans(found) for file, found in rows.items()},
        "issues": [_words(one, place) for one in result.issues],
    }
    return orjson.dumps(
        {key: printable(value) if isinstance(value, str) else value for key, value in made.items() if value}
    )


def _words(issue: Issue, record: Place) -> dict[str, str | int]:
    place = issue.place
    words: dict[str, str | int] = {"severity": issue.severity, "rule": issue.rule, "message": printable(issue.message)}
    if place.file != record.file:  # a case may come from several
        words["file"] = printable(place.file)
    where: dict[str, str | int] = {"line": place.line, "column": place.column, "pointer": printable(place.pointer)}
    return {key: value for key, value in (words | where).items() if value}


def rows_of(data: Any) -> dict[str, list[int]]:
    """The rows that a case was read from, in order, by file (and sheet): none where no program read it from tables."""
    found: dict[str, set[int]] = {}
    for file, row in _origins(data):
        found.setdefault(file, set()).add(row)
    return {file: sorted(rows) for file, rows in found.items()}


def _origins(data: Any) -> Iterator[tuple[str, int]]:
    """File and row of each origin. The case may have errors: what has not the form of an origin is passed over."""
    sections = data.values() if isinstance(data, dict) else ()
    for section in sections:
        for fact in section if isinstance(section, list) else [section]:
            origin = fact.get("origin", []) if isinstance(fact, dict) else []
            for one in origin if isinstance(origin, list) else [origin]:
                match one:
                    case {"file": str(file), "sheet": str(sheet), "row": int(row)}:
                        yield f"{file}[{sheet}]", row
                    case {"file": str(file), "row": int(row)}:
                        yield file, row


def spans(numbers: list[int]) -> str:
    """Sorted numbers for people: '5-7, 12'."""
    runs = ([one for _, one in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]))
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
