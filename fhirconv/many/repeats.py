"""Case ids that a run had before: the Bundles of two such cases would overwrite each other on every server."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import AbstractContextManager

from fhirconv.issues import FhirconvError, Place, printable


class Repeats(AbstractContextManager["Repeats"]):
    """Remembers digests of case ids in a temporary database, on disk when they are many: memory does not grow."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, place TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def first(self, digest: bytes, place: Place) -> str:
        """Where a case of this id stood before, printable; '' if this is the first. Raises FhirconvError when the disk is full."""
        try:
            made = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, printable(str(place))))
            if made.rowcount:
                return ""
            found = self._database.execute("SELECT place FROM seen WHERE digest = ?", (digest,)).fetchone()
        except sqlite3.Error as error:
            raise FhirconvError(
                f"the case ids of this run cannot be remembered in the folder for temporary files (TMPDIR names another): {error}"
            ) from None
        return str(found[0])


def digest_of(case_id: str) -> bytes:
    """What stands for a case id: no patient data."""
    return hashlib.blake2b(case_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
