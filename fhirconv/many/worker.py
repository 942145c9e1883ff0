"""A worker process: a job comes in by standard input, then chunks; what became of each goes out by standard output."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

from fhirconv import collector

BOOT = "import sys; sys.path[:] = sys.argv[1:]; from fhirconv.many.worker import serve; serve()"
"""The program of a worker; its arguments are the folders where its parent finds modules. (It imports no `__main__`.)"""


def serve() -> None:
    """Works until its standard input ends: also when whoever started it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started it
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)  # nothing that is printed gets among the results
    os.dup2(nowhere, 1)
    with suppress(EOFError, BrokenPipeError, pickle.UnpicklingError):  # whoever started it is gone
        task, fault = _tried(pickle.load(incoming).start)  # noqa: S301  # from our own parent
        collector.settle()
        _tell((None, fault), outgoing)
        while not fault:
            _tell(_tried(partial(task, pickle.load(incoming))), outgoing)  # noqa: S301


def _tried(make: Callable[[], Any]) -> tuple[Any, str]:
    """What is made, or the fault that kept it from being made, in words: not every exception can be handed over."""
    try:
        return make(), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _tell(answer: tuple[Any, str], outgoing: BinaryIO) -> None:
    pickle.dump(answer, outgoing, 5)  # not `dumps`: to copy megabytes into new memory costs more than to convert a case
    outgoing.flush()
