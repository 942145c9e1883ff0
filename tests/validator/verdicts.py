"""What the Java validators say, remembered in .build/: a corpus takes them minutes, the second time milliseconds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from . import install
from .oracle import Engine, Finding, Oracle

_STORE = install.BUILD / "verdicts.sqlite"
_SCHEMA = "CREATE TABLE IF NOT EXISTS verdict (key TEXT PRIMARY KEY, findings TEXT NOT NULL)"


class Verdicts:
    """One engine's findings by the bytes of a resource; it starts the engine only for bytes that it has not seen.

    The key holds what the verdict depends on: engine, jars and packages (the stamp of the build), codes for HAPI.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._oracle: Oracle | None = None

    def __enter__(self) -> Self:
        install.ensure()
        self._setup = _setup(self.engine)
        self._store = sqlite3.connect(_STORE, timeout=60, isolation_level=None)
        self._store.execute(_SCHEMA)
        self._stack = ExitStack()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()
        self._stack.close()

    def of(self, content: bytes) -> list[Finding]:
        """Return what the engine says of these bytes. Raises OracleError when it dies or does not answer in time."""
        key = hashlib.sha256(self._setup + content).hexdigest()
        row = self._store.execute("SELECT findings FROM verdict WHERE key = ?", (key,)).fetchone()
        if row:
            return [Finding(*parts) for parts in json.loads(row[0])]
        found = self._ask(content)
        parts = json.dumps([[f.severity, f.expression, f.message] for f in found])
        self._store.execute("INSERT OR REPLACE INTO verdict VALUES (?, ?)", (key, parts))
        return found

    def _ask(self, content: bytes) -> list[Finding]:
        if self._oracle is None:
            self._oracle = self._stack.enter_context(Oracle(self.engine))
        return self._oracle.outcome(content)


def _setup(engine: Engine) -> bytes:
    """A digest of everything but the resource that a verdict of this engine depends on."""
    digest = hashlib.sha256(engine.encode() + install.stamp().encode())
    if engine == "hapi":
        for path in sorted(install.CODES.glob("*.json")):
            digest.update(path.read_bytes())
    return digest.digest()
