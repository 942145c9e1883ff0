"""Where the facts of a case stand in its tables: found when someone asks, from the row of each fact alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fhirconv.document import Places
from fhirconv.issues import Place


class Feed(NamedTuple):
    """What a rule takes from a file: the number of the column for each field of its facts (parts by 'onset/from')."""

    file: str
    columns: Mapping[str, int]
    first: int  # the column that a fact as a whole stands in

    def place(self, line: int, path: str) -> Place:
        """Where the field at `path` stands; the fact, for an empty path. KeyError where no column has it."""
        return Place(self.file, line, self.columns[path] if path else self.first)


Fed = tuple[Feed, int]  # with the line


class RowPlaces(Places):
    """The places of a case that was read from rows."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: dict[str, list[Fed]] = {}  # by section, in the order of its facts
        self.fields: dict[str, dict[str, Fed]] = {}  # of the single objects
        self.start: Fed | None = None  # of the case

    def __missing__(self, pointer: str) -> Place:
        _, section, rest = (pointer + "//").split("/", 2)
        rest = rest.rstrip("/")
        if section in self.facts:
            index, _, path = rest.partition("/")
            if index.isdecimal() and int(index) < len(self.facts[section]):
                feed, line = self.facts[section][int(index)]
                return feed.place(line, path)
        elif section in self.fields:
            fed = self.fields[section].get(rest.partition("/")[0])
            if fed:
                return fed[0].place(fed[1], rest)
        elif not section and self.start:
            return self.start[0].place(self.start[1], "")
        raise KeyError(pointer)
