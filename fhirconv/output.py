"""Files that are there as a whole or not at all; and what is written to as it stands."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_OPEN_FILES = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")


def is_device(path: Path) -> bool:
    """Whether a device or a pipe is there."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def is_stream(path: Path) -> bool:
    """Whether a name is written to and stays what it is: a device, a pipe, or a file that this process has open already."""
    return str(path).startswith(_OPEN_FILES) or is_device(path)


def open_stream(path: Path) -> BinaryIO:
    """Opens what `is_stream`; a file that is open already keeps what is in it. Raises OSError."""
    return path.open("ab" if os.path.isfile(path) else "wb")


def write_file(path: Path, data: bytes) -> None:
    """Writes a file by a temporary one beside it, fsync and rename: a reader never sees half of it. Raises OSError.

    A link stays one: what it leads to is written. So does a stream.
    """
    if is_stream(path):
        with open_stream(path) as stream:
            stream.write(data)
        return
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name[:40]}.{os.urandom(6).hex()}.part")
    try:
        with temporary.open("xb") as stream:  # x: never into a file, or through a link, that is there
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def settle_folder(folder: Path) -> None:
    """A new name is on disk as well."""
    with suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def file_name(case_id: str) -> str:
    """A file name for a case: its id if that is a plain name, else what is left of it with a hash; never a path.

    Two cases have two names, also where letters are folded.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", case_id).strip(".-")[:100]
    if name == case_id.lower() and not _RESERVED.fullmatch(name):  # some file systems fold letters
        return f"{name}.json"
    name = f"case-{name}" if _RESERVED.fullmatch(name) else name
    return f"{name or 'case'}-{hashlib.sha256(case_id.encode()).hexdigest()[:12]}.json"
