"""A bar on a terminal: how much is done, how fast, how long it takes still. Nothing anywhere else."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from typing import Any

import click


class Progress(AbstractContextManager["Progress"]):
    """Progress by bytes of the input; without a total, only what was done and how fast."""

    def __init__(self, label: str, total_bytes: int | None, is_wanted: bool = True) -> None:
        self._bar: Any = None
        self._records = 0
        self._start = time.monotonic()
        if is_wanted and sys.stderr.isatty():
            self._bar = click.progressbar(
                length=total_bytes or None,
                label=label,
                file=sys.stderr,
                show_percent=total_bytes is not None,
                item_show_func=lambda _: self._rate(),
            )

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def advance(self, read: int, records: int) -> None:
        """So many more bytes and records are done."""
        self._records += records
        if self._bar is not None:
            self._bar.update(read, self._records)

    def _rate(self) -> str:
        return f"{self._records:,} cases, {self._records / max(time.monotonic() - self._start, 0.001):,.0f}/s"
