"""What a run has had already: two records with other content for one resource would undo each other, in every run again."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import AbstractContextManager

from fhirconv.bundle import dump_json
from fhirconv.issues import Issue, Place
from fhirconv.pushing.links import with_references
from fhirconv.pushing.units import Unit


class Seen(AbstractContextManager["Seen"]):
    """Remembers each resource by digests in a temporary database, on disk when they are many: memory does not grow."""

    def __init__(self, whole_cases: bool = False) -> None:
        """`whole_cases`: a case may not be spread over records either, because each would take back what the others hold."""
        self._whole_cases = whole_cases
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, content BLOB, unit TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def checked(self, unit: Unit) -> Unit:
        """The unit, with an error if one of its resources came before with other content."""
        if not unit.ok:
            return unit
        names = {item.full_url: item.look_up for item in unit.items if item.full_url}  # each Bundle has its own
        rows = []
        for item in unit.items:
            if not item.if_none_exist:  # what is there is left alone, whichever comes first
                rows.append(
                    (
                        _digest(item.look_up.encode()),
                        _digest(dump_json(with_references(item.resource, names))),
                        unit.name,
                        item.type,
                    )
                )
        if self._whole_cases:
            whole = _digest(b"".join(content for _, content, *_ in rows))
            rows += [(_digest(f"case {case}".encode()), whole, unit.name, "case") for case in unit.cases]
        for name, content, _, what in rows:
            found = self._database.execute("SELECT content, unit FROM seen WHERE name = ?", (name,)).fetchone()
            if found is not None and found[0] != content:
                message = (
                    f"its {what} came before, in {found[1]}, with other content; push one, or give each its own id"
                )
                unit.issues.append(Issue("push-twice", message, Place(unit.name)))
                return unit
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (row[:3] for row in rows))
        return unit


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
