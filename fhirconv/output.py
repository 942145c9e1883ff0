"""Files that are there as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path


def write_file(path: Path, data: bytes) -> None:
    """Writes a file by a temporary one beside it, fsync and rename: a reader never sees half of it. Raises OSError.

    A device or a pipe is written to and stays what it is.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
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
