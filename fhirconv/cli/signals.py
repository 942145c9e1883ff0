"""SIGINT, SIGTERM, SIGHUP: the first stops a run where it does no harm, a second one ends it at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

_HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none
_NUMBERS = (signal.SIGINT, signal.SIGTERM, *([_HANGUP] if _HANGUP else ()))


class StoppedError(BaseException):
    """A signal was heard. No Exception: nothing that expects one takes it for its own."""


class Signals(AbstractContextManager["Signals"]):
    """While it is entered, a signal raises StoppedError: at once, or after what must not be broken off."""

    def __init__(self) -> None:
        self.heard = 0
        self._is_held = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in _NUMBERS:
            if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGINT:  # nohup; sh ignores SIGINT for '&'
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """What must not be broken off."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self.heard:
            raise StoppedError

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.heard and number == _HANGUP:  # of a terminal that is closed two come: of the system, of the shell
            return
        if self.heard:
            os._exit(128 + number)
        self.heard = number
        if not self._is_held:
            raise StoppedError
