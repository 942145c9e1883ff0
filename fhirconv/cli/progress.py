"""A bar for long runs: how much of the input is done, how many records a second, and the time that is left."""

from __future__ import annotations

import itertools
import sys
import time
from contextlib import AbstractContextManager
from typing import Any

import click

_WAIT_S = 1.0  # a run that is over sooner needs no bar
_PAUSE_S = 0.2  # between two drawings: they cost more than many a record
_CLEAR = "\r\x1b[K"


def is_watched() -> bool:
    """Whether somebody sees standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


class Progress(AbstractContextManager["Progress"]):
    """Draws on standard error if that is a terminal, else does nothing."""

    def __init__(self, label: str, total: int | None) -> None:
        """`total` counts the steps of `advance`, such as bytes; None if nobody knows, as of a pipe."""
        self._label, self._total = label, total
        self._start = self._drawn = time.monotonic()
        self._records = self._steps = 0
        self._is_watched = is_watched()
        self._bar: Any = None

    def advance(self, steps: int, records: int = 1) -> None:
        """So much more is done."""
        if self._is_watched:
            self._steps += steps
            self._records += records
            if time.monotonic() - self._drawn > (_PAUSE_S if self._bar else _WAIT_S):
                self._draw()

    def clear(self) -> None:
        """Takes the bar away, for a line to be printed; it comes back with what is done next."""
        if self._bar is not None:
            click.echo(_CLEAR, nl=False, err=True)

    def close(self) -> None:
        """Draws the bar a last time."""
        if self._bar is not None:
            self._draw()
            self._bar.render_finish()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw(self) -> None:
        if self._bar is None:
            unknown = itertools.count() if self._total is None else None
            self._bar = click.progressbar(
                unknown, self._total, self._label, item_show_func=lambda _: self._rate(), file=sys.stderr
            )
            self._bar.start -= time.monotonic() - self._start
        self._bar.update(self._steps or int(self._total is None))  # of 0 steps click draws nothing
        self._steps = 0
        self._drawn = time.monotonic()

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self._start, 0.001)
        return f"{self._records} records, {self._records / seconds:.1f}/s"
