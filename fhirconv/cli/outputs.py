"""Where a command writes to: paths compared, and standard output that may be closed or full."""

from __future__ import annotations

import sys
from pathlib import Path

from fhirconv.cli import let_go


def is_dir(path: Path) -> bool:
    """Whether a folder is there."""
    try:
        return path.is_dir()
    except OSError:  # a name that no file can have
        return False


def same(one: Path, other: Path) -> bool:
    """Whether both are the same file, which is there."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def to_standard_output(data: bytes) -> str:
    """Writes it; returns why it could not. A reader who has gone, as `head` does, is no error."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        let_go(sys.stdout)
        return "" if isinstance(error, BrokenPipeError) else f"standard output cannot be written: {error.strerror}"
    return ""
