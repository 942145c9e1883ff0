"""The cases of a run: two records of one case with different facts would undo each other, in every run again."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import AbstractContextManager

from fhirconv.issues import Issue, Place
from fhirconv.pushing.requests import transaction
from fhirconv.pushing.units import Unit


class Seen(AbstractContextManager["Seen"]):
    """Remembers each case by digests in a temporary database, on disk when they are many: memory does not grow."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, content BLOB, place TEXT) WITHOUT ROWID")

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def checked(self, unit: Unit) -> Unit:
        """The unit, with an error if a case of it came before with other facts. Resources one by one are no case."""
        if len(unit.items) < 2 or not unit.ok:
            return unit
        content = hashlib.sha256(transaction(unit.items)).digest()
        for case in unit.cases:
            name = hashlib.sha256(case.encode()).digest()
            found = self._database.execute("SELECT content, place FROM seen WHERE name = ?", (name,)).fetchone()
            if found is None:
                self._database.execute("INSERT INTO seen VALUES (?, ?, ?)", (name, content, unit.name))
            elif found[0] != content:
                message = (
                    f"its case came before, with other facts, in {found[1]}; push one of them, or give each its own id"
                )
                unit.issues.append(Issue("push-twice", message, Place(unit.name)))
        return unit
