"""The file of a journal: how it is made, locked, sealed and read, and what to say when that cannot be done.

Each row has a seal, a checksum over its values and over the run that it belongs to: SQLite by itself does not see a byte
of a value that changed on the disk, and a row of another run must not pass for one of this.

https://www.sqlite.org/fileformat2.html, https://www.sqlite.org/howtocorrupt.html
"""

from __future__ import annotations

import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from fhirconv.issues import FhirconvError, printable

_APPLICATION = 0x66436A31  # "fCj1", at byte 68 of the file: this SQLite database is a journal of fhirconv
_NUMBERS = struct.Struct("<8q")
_LAYOUT = 1  # another number when a table or the meaning of a column changes
_ENTRY = "number, part, state, created, updated, unchanged, deleted, attempts, digest, seal"
_TABLES = [
    f"CREATE TABLE entry ({_ENTRY}, PRIMARY KEY (number, part)) WITHOUT ROWID",
    "CREATE TABLE run (server, inputs, settings, version, started, is_over, seal)",
]
_FORGET = "name another file with --journal, or forget it with --restart"
_DAMAGED = f"is damaged and cannot say what was sent: {_FORGET}"
_STRANGE = "is no journal of fhirconv: remove it, or name another file with --journal"


class JournalError(FhirconvError):
    """The journal cannot be used; the text says why and what to do."""


class UnreadableJournalError(JournalError):
    """What is in the file cannot be relied on: it is damaged, of another layout, or no journal at all."""


class Run(NamedTuple):
    """What the file is bound to, when that run began (seconds since 1970), and whether its input came to an end."""

    server: str
    inputs: str
    settings: str
    version: str
    started: int
    is_over: int

    @property
    def seal(self) -> int:
        """Checksum of the whole."""
        return crc32(ascii(tuple(self)).encode())

    @property
    def seed(self) -> int:
        """Where the seals of the run's rows begin; the same as long as the run lasts."""
        return self._replace(is_over=0).seal


class Row(NamedTuple):
    """A row as it is stored; `state` is a code."""

    number: int
    part: int
    state: int
    created: int
    updated: int
    unchanged: int
    deleted: int
    attempts: int
    digest: bytes


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What goes wrong with the file at `path`, as a JournalError that names it."""
    try:
        yield
    except JournalError as error:
        raise type(error)(f"{printable(str(path))}: {error}") from None
    except sqlite3.ProgrammingError:  # a thread that is late
        raise JournalError(f"{printable(str(path))}: the journal is closed, nothing can be noted in it") from None
    except sqlite3.Error as error:
        kind, words = _SAID.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, (UnreadableJournalError, _DAMAGED))
        raise kind(f"{printable(str(path))}: {words}") from None
    except UnicodeDecodeError:  # Python could not even read out what SQLite has to say
        raise UnreadableJournalError(f"{printable(str(path))}: {_DAMAGED}") from None
    except OSError as error:
        words = f"the journal cannot be kept here ({error.strerror}): name another file with --journal"
        raise JournalError(f"{printable(str(path))}: {words}") from None


_UNWRITABLE = "the journal cannot be written: give this user the right to write the file and its folder, or " + (
    "name another file with --journal"
)
_SAID: dict[int, tuple[type[JournalError], str]] = {
    sqlite3.SQLITE_BUSY: (JournalError, "another push is using it: wait for its end, or name another with --journal"),
    sqlite3.SQLITE_FULL: (JournalError, "the disk is full: make room, then run the same command again"),
    sqlite3.SQLITE_IOERR: (
        JournalError,
        "the disk does not take or give what it should: see to the disk and its quota, then run the same command again",
    ),
    sqlite3.SQLITE_READONLY: (JournalError, _UNWRITABLE),
    sqlite3.SQLITE_PERM: (JournalError, _UNWRITABLE),
    sqlite3.SQLITE_CANTOPEN: (JournalError, _UNWRITABLE),
    sqlite3.SQLITE_NOTADB: (UnreadableJournalError, _STRANGE),
}


# -- the file --


def create_if_missing(path: Path) -> None:
    """Makes an empty journal: whole at once, so that a kill in between leaves no half of one; never over a file."""
    is_half = _side_file(path).exists()  # asked first: another process may make both at this moment
    if path.exists():
        if not path.is_file():
            raise JournalError("is not a file: name another with --journal")
        if not path.stat().st_size:  # SQLite would begin anew
            raise UnreadableJournalError(f"is empty and cannot say what was sent: {_FORGET}")
        return
    if is_half:  # SQLite would play it back into the new file
        raise UnreadableJournalError(
            "is gone, but the -journal file that belongs to it is there: put it back, or use --restart"
        )
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
    os.close(handle)
    try:
        with closing(connect(Path(temporary))) as database:
            head = f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_LAYOUT}"
            database.executescript(f"BEGIN; {head}; {'; '.join(_TABLES)}; COMMIT")
        _put(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _put(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process was faster: the lock decides
    except OSError:  # a file system without links: who is overtaken here sees it by the identity of its file
        os.rename(temporary, path)


def discard(path: Path) -> None:
    """Removes a journal that cannot be read. Raises UnreadableJournalError, and removes nothing, where it may be another's file."""
    if path.exists():
        with path.open("rb") as stream:
            head = stream.read(72)
        is_ours = head.startswith(b"SQLite format 3\0") and head[68:] == _APPLICATION.to_bytes(4, "big")
        if head and not is_ours:
            raise UnreadableJournalError("is not to be known as a journal of fhirconv, so --restart leaves it alone: delete it "
                             "yourself, or name another file with --journal")  # fmt: skip
        path.unlink()
    _side_file(path).unlink(missing_ok=True)


def _side_file(path: Path) -> Path:
    return path.with_name(path.name + "-journal")


def identity(path: Path) -> tuple[int, int] | None:
    """Which file a path leads to; None when to none (any more)."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there. It waits a moment for a lock: for whoever just looks at the file."""
    database = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=0.5, isolation_level=None, check_same_thread=False
    )
    try:
        for setting in ("synchronous=FULL", "fullfsync=ON", "trusted_schema=OFF"):
            database.execute(f"PRAGMA {setting}")
    except BaseException:
        database.close()
        raise
    return database


def lock(database: sqlite3.Connection) -> None:
    """Begins a transaction under a lock that stays until the connection is closed, or its process ends."""
    database.execute("BEGIN EXCLUSIVE")
    database.execute("PRAGMA locking_mode=EXCLUSIVE")  # not before: it would keep the lock of a reader, too


# -- what is in it --


def read_run(database: sqlite3.Connection) -> Run | None:
    """The run that the file is of, None when it is new. Raises UnreadableJournalError unless all of the file is sound."""
    if _value(database, "PRAGMA application_id") != _APPLICATION:
        raise UnreadableJournalError(_STRANGE)
    layout = _value(database, "PRAGMA user_version")
    if layout != _LAYOUT:
        found = f"is a journal of another version of fhirconv (layout {layout}, expected {_LAYOUT})"
        raise UnreadableJournalError(f"{found}: finish it with that version, {_FORGET}")
    tables = [sql for (sql,) in database.execute("SELECT sql FROM sqlite_master ORDER BY name")]
    is_sound = tables == _TABLES and _value(database, "PRAGMA journal_mode") == "delete"
    if not is_sound or _value(database, "PRAGMA quick_check(1)") != "ok":
        raise UnreadableJournalError(_DAMAGED)
    runs = database.execute("SELECT * FROM run").fetchall()
    run = Run(*runs[0][:-1]) if runs else None
    if run and (len(runs) > 1 or run.seal != runs[0][-1]):
        raise UnreadableJournalError(_DAMAGED)
    seed = run.seed if run else 0
    for values in database.execute("SELECT * FROM entry"):
        _check(values, seed)
    return run


def read_rows(database: sqlite3.Connection, seed: int, where: str, *values: int) -> list[Row]:
    """The rows for which a condition holds. Raises UnreadableJournalError when one is not as it was written."""
    rows = database.execute(f"SELECT * FROM entry WHERE {where}", values).fetchall()  # noqa: S608 - of constants
    for row in rows:
        _check(row, seed)
    return [Row(*row[:-1]) for row in rows]


def _check(values: tuple[Any, ...], seed: int) -> None:
    try:
        if _seal(values[:-1], seed) == values[-1]:
            return
    except (struct.error, TypeError):  # another type than any that is written
        pass
    raise UnreadableJournalError(_DAMAGED)


def _seal(row: tuple[Any, ...], seed: int) -> int:
    """Checksum of the values of a Row. Raises struct.error or TypeError for what no Row holds."""
    return crc32(_NUMBERS.pack(*row[:-1]) + row[-1], seed)


def write_row(database: sqlite3.Connection, row: Row, seed: int) -> None:
    """Puts a row in the place of the one with its number and part."""
    database.execute("REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, _seal(row, seed)))


def write_run(database: sqlite3.Connection, run: Run) -> None:
    """Puts the run in the place of the one before."""
    database.execute("DELETE FROM run")
    database.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", (*run, run.seal))


def _value(database: sqlite3.Connection, statement: str) -> Any:
    return database.execute(statement).fetchone()[0]
