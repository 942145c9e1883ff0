"""What became of each transaction of a push: on disk before anything is sent, and before anything is told.

A journal is one SQLite file. It holds numbers, digests, states, counts and times: there is no place in it for a patient's
data. It uses SQLite's rollback journal, not a WAL: so what was noted is in FILE itself, and a copy without its side files,
or side files that somebody deleted, lose nothing. That costs 1 ms for a pair of notes where a WAL takes 0.6, beside about
100 ms of the server for the transaction.

https://www.sqlite.org/atomiccommit.html
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple, Self

from fhirconv.issues import printable, shown
from fhirconv.pushing.journal_file import (
    JournalError,
    Row,
    Run,
    UnreadableJournalError,
    connect,
    create_if_missing,
    discard,
    identity,
    lock,
    read_rows,
    read_run,
    told,
    write_row,
    write_run,
)

__all__ = ["STATES", "Binding", "Entry", "Journal", "JournalError", "describe"]

STATES = ("planned", "in flight", "done", "failed", "unknown")  # in the file by place: a new one goes to the end
_CODES = {state: code for code, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Binding:
    """What a journal belongs to: base URL of the server, digests of inputs and settings (hex), version of fhirconv."""

    server: str
    inputs: str
    settings: str
    version: str


class Entry(NamedTuple):
    """The last word on one transaction: its state, the digest of its bytes (hex), what the server made of it.

    `attempts` counts how often it was noted as in flight.
    """

    state: str
    digest: str
    created: int
    updated: int
    unchanged: int
    deleted: int
    attempts: int


class Journal:
    """The journal of one run, locked against every other process until it is closed. Threads may share it.

    `resumed` says whether the run in the file is gone on with; what was in flight then is unknown now. Otherwise a new one
    has begun: in a new file, after a run that is over or that never sent anything, or because of `restart`.
    Raises JournalError when the file is in use, belongs to another unfinished run, is damaged or no journal, or when the
    disk does not take it.
    """

    resumed: bool
    _run: Run
    _identity: tuple[int, int] | None
    _database: sqlite3.Connection

    def __init__(self, path: Path, binding: Binding, *, restart: bool = False) -> None:
        self._path = Path(os.path.realpath(path))  # as SQLite names its side file
        self._lock = threading.Lock()
        try:
            with told(self._path):
                self._open(binding, restart)
        except UnreadableJournalError:
            if not restart:
                raise
            with told(self._path):
                discard(self._path)
                self._open(binding, restart)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the file go. Plans that the disk does not take any more are dropped: nothing of them was sent."""
        with self._lock:
            with suppress(sqlite3.Error):
                self._database.execute("COMMIT")
            self._database.close()

    def entry(self, number: int, part: int = 0) -> Entry | None:
        """What was last noted of this part of this unit; None when nothing was."""
        with self._lock, told(self._path):
            row = self._row(number, part)
        return row and Entry(STATES[row.state], row.digest.hex(), *row[3:-1])

    def note(
        self,
        number: int,
        part: int,
        state: str,
        digest: str,
        *,
        created: int = 0,
        updated: int = 0,
        unchanged: int = 0,
        deleted: int = 0,
    ) -> None:
        """Notes a state. It is on disk when this returns; only a first 'planned' may wait for the next note.

        `digest` is hex; counts are of resources. Raises JournalError when it could not be noted: nothing may be sent then.
        """
        code, data = _CODES[state], bytes.fromhex(digest)
        with self._change():
            before = self._row(number, part)
            attempts = (before.attempts if before else 0) + (state == "in flight")
            row = Row(number, part, code, created, updated, unchanged, deleted, attempts, data)
            write_row(self._database, row, self._run.seed)
            if state != "planned" or (before and STATES[before.state] != "planned"):
                self._commit()

    def settle(self, number: int, parts: int) -> None:
        """A unit is done in so many parts: what an earlier run left open in further parts is done with them."""
        if not self.resumed:
            return
        with self._change():
            for row in read_rows(self._database, self._run.seed, "number=? AND part>=?", number, parts):
                if STATES[row.state] not in ("done", "failed"):
                    write_row(self._database, row._replace(state=_CODES["done"]), self._run.seed)
            self._commit()

    def units(self) -> int:
        """How many units there are up to the last that something was noted of."""
        with self._lock, told(self._path):
            (last,) = self._database.execute("SELECT max(number) FROM entry").fetchone()
        return 0 if last is None else last + 1

    def finish(self) -> None:
        """The input came to its end: once everything in it is done or failed, the run is over."""
        with self._change():
            write_run(self._database, self._run._replace(is_over=1))
            self._commit()

    def counts(self) -> Counter[str]:
        """How many transactions are in each state."""
        with self._lock, told(self._path):
            return _counts(self._database)

    def _row(self, number: int, part: int) -> Row | None:
        rows = read_rows(self._database, self._run.seed, "number=? AND part=?", number, part)
        return rows[0] if rows else None

    @contextmanager
    def _change(self) -> Iterator[None]:
        """A change as a whole or not at all."""
        with self._lock, told(self._path):
            try:
                if not self._database.in_transaction:
                    self._database.execute("BEGIN")
                yield
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def _commit(self) -> None:
        self._database.execute("COMMIT")
        if identity(self._path) != self._identity:  # what was just written is in no file that anybody will find
            raise JournalError(
                "was deleted, moved or replaced while in use: put it back, then run the same command again"
            )

    def _open(self, binding: Binding, restart: bool) -> None:
        create_if_missing(self._path)
        self._identity = identity(self._path)
        self._database = connect(self._path)
        try:
            lock(self._database)
            self._begin(binding, restart)
            self._commit()
        except BaseException:
            self._database.close()
            raise

    def _begin(self, binding: Binding, restart: bool) -> None:
        """Goes on with the run in the file, or begins one. Always writes, so that a disk that takes nothing is known."""
        run = read_run(self._database)
        counts = _counts(self._database)
        self.resumed = run is not None and not restart and _is_to_go_on(run, counts, binding)
        if run and self.resumed:
            if run.is_over and _is_settled(counts):  # nothing stopped it: all is sent again, and what failed is known
                self._database.execute("DELETE FROM entry WHERE state=?", (_CODES["done"],))
            self._run = run._replace(is_over=0)
        else:
            self._run = Run(binding.server, binding.inputs, binding.settings, binding.version, int(time.time()), 0)
            self._database.execute("DELETE FROM entry")
        write_run(self._database, self._run)
        for row in read_rows(self._database, self._run.seed, "state=?", _CODES["in flight"]):
            write_row(self._database, row._replace(state=_CODES["unknown"]), self._run.seed)


def describe(path: Path) -> str:
    """A journal in a few lines: server, times, states; or why it cannot be read. Never raises JournalError."""
    path = Path(os.path.realpath(path))
    try:
        with told(path):
            if not path.exists():
                raise JournalError("there is no journal")
            with closing(connect(path)) as database:
                run, counts = read_run(database), _counts(database)
    except JournalError as error:
        return str(error)
    if run is None:
        return f"{printable(str(path))}: a journal in which nothing was noted"
    states = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    begun = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.started))
    end = "over" if run.is_over and _is_settled(counts) else "not finished"
    return (
        f"{printable(str(path))}: a push to {shown(run.server, 200)}\n"
        f"begun {begun} with fhirconv {printable(run.version)}, {end}\n"
        f"transactions: {states or 'none noted'}"
    )


def _counts(database: sqlite3.Connection) -> Counter[str]:
    found = database.execute("SELECT state, count(*) FROM entry GROUP BY state")
    return Counter({STATES[code]: number for code, number in found})


def _is_settled(counts: Counter[str]) -> bool:
    return counts.keys() <= {"done", "failed"}


def _is_to_go_on(run: Run, counts: Counter[str], binding: Binding) -> bool:
    """Whether the run in a file is to be gone on with. Raises JournalError when it should be, but is not this run."""
    if counts.keys() <= {"planned"}:  # nothing was sent, so there is nothing to forget
        return False
    differing = [one.name for one in fields(binding) if getattr(run, one.name) != getattr(binding, one.name)]
    if run.is_over and _is_settled(counts):
        return not differing and counts["failed"] > 0
    if differing:
        words = "; ".join(_DIFFERS[name].format(shown(getattr(run, name), 200)) for name in differing)
        raise JournalError(
            f"belongs to an unfinished push that differs from this one: {words}; "
            "finish that one, name another file with --journal, or forget it with --restart, which makes nothing twice"
        )
    return True


_DIFFERS = {
    "server": "it goes to the server {}",
    "inputs": "its input files hold something else, or stand in another order",
    "settings": "its settings are others (identity, mappings, profiles, limits)",
    "version": "it was begun by fhirconv {}",
}
