"""Rows of many tables by the case that they belong to, in flat memory.

Rows wait in memory up to a size, and then go to a temporary database, those of a key as one piece. So few rows see no disk,
and rows in whatever order cost one write for some of each key at a time. A table that is sorted by its key already has no
shortcut of its own: it too is read to its end before the first case is made, because what is wrong in its last row may be
about the first case.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from contextlib import AbstractContextManager

from fhirconv.issues import FhirconvError
from fhirconv.readers.layout import Row

Member = tuple[int, int, Row]  # number of the table, number of the file, row

_MOST = 16 << 20
_CELL = 56  # bytes of a text of Python, besides its characters


class Groups(AbstractContextManager["Groups"]):
    """Gathers rows by key. Keys come out in the order of their first rows, the rows of a key as they were added."""

    def __init__(self, most: int = _MOST) -> None:
        """`most`: bytes of rows that wait in memory, about."""
        self._most, self._size = most, 0
        self._waiting: dict[str, list[Member]] = {}
        self._stored: _Stored | None = None

    def __exit__(self, *_: object) -> None:
        if self._stored:
            self._stored.close()

    def add(self, key: str, table: int, file: int, row: Row) -> None:
        """Adds a row. Raises FhirconvError when the disk is full."""
        members = self._waiting.get(key)
        if members is None:
            self._waiting[key] = members = []
        members.append((table, file, row))
        self._size += len("".join(row.cells)) + _CELL * len(row.cells)
        if self._size > self._most:
            self._store()

    def __iter__(self) -> Iterator[tuple[str, list[Member]]]:
        """Each key with its rows. Raises FhirconvError when the disk is full."""
        if self._stored:
            self._store()
            return iter(self._stored)
        return iter(self._waiting.items())

    def _store(self) -> None:
        self._stored = self._stored or _Stored()
        self._stored.write(self._waiting)
        self._waiting, self._size = {}, 0


class _Stored:
    """Rows in a temporary database, on disk when they are many."""

    def __init__(self) -> None:
        import sqlite3  # most tables never need it

        self._error = sqlite3.Error
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            """
            PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;
            CREATE TABLE keys (number INTEGER PRIMARY KEY, key BLOB UNIQUE);
            CREATE TABLE pieces (number INTEGER, rows BLOB);
            BEGIN;
            """
        )

    def close(self) -> None:
        self._database.close()

    def write(self, waiting: dict[str, list[Member]]) -> None:
        names = [key.encode("utf-8", "surrogatepass") for key in waiting]
        pieces = (marshal.dumps([(table, file, *row) for table, file, row in rows]) for rows in waiting.values())
        try:
            self._database.executemany("INSERT OR IGNORE INTO keys (key) VALUES (?)", ((name,) for name in names))
            self._database.executemany(
                "INSERT INTO pieces SELECT number, ? FROM keys WHERE key = ?", zip(pieces, names, strict=True)
            )
        except self._error as error:
            raise _told(error) from None

    def __iter__(self) -> Iterator[tuple[str, list[Member]]]:
        try:
            self._database.execute("CREATE INDEX IF NOT EXISTS by_number ON pieces (number)")
            for number, key in self._database.execute("SELECT number, key FROM keys ORDER BY number"):
                pieces = self._database.execute("SELECT rows FROM pieces WHERE number = ? ORDER BY rowid", (number,))
                rows = [row for (piece,) in pieces for row in marshal.loads(piece)]  # noqa: S302 (our own)
                yield (
                    key.decode("utf-8", "surrogatepass"),
                    [(table, file, Row(*row)) for table, file, *row in rows],
                )
        except self._error as error:
            raise _told(error) from None


def _told(error: Exception) -> FhirconvError:
    return FhirconvError(f"the rows of these tables cannot be kept in the folder for temporary files (TMPDIR names another): {error}")
