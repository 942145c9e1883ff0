"""Claims: two runs that write one output would mix their lines, so the first claims it, and the second ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none


def make_file(path: Path) -> None:
    """Makes an empty file, unless there is one; never by way of a link. Raises OSError."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | NO_LINK, 0o666))


def claim(path: Path, make: Callable[[Path], object]) -> ExitStack:
    """Makes a file or folder and locks it; closing what is returned lets it go. Raises BlockingIOError if it is taken.

    Whoever had it may just have renamed it: then the lock is on what is now somebody's finished output, and the name is
    made and locked anew. Where there are no such locks, one goes without.
    """
    while True:
        make(path)
        held = ExitStack()
        try:
            descriptor = os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | NO_LINK)  # NFS locks for writers
        except FileNotFoundError:
            continue
        except PermissionError:  # Windows opens no folders so, and has no such locks
            return held
        held.callback(os.close, descriptor)
        try:
            _lock(descriptor)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return held
        except BaseException:
            held.close()
            raise
        held.close()


def _lock(descriptor: int) -> None:
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a file system without them
            return
