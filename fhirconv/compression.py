"""Stand-in until compressed input is merged: the interface of /compression/ that outputs need."""

from __future__ import annotations

import gzip
from pathlib import PurePath


def kind_of_name(name: str) -> str:
    """'gz', 'zst' or ''."""
    suffix = PurePath(name).suffix.lower()
    return suffix[1:] if suffix in (".gz", ".zst") else ""


def plain_suffix(name: str) -> str:
    """'.ndjson' of 'x.ndjson.gz'."""
    path = PurePath(name)
    return PurePath(path.stem if kind_of_name(name) else path.name).suffix.lower()


def compressed(data: bytes, kind: str) -> bytes:
    """One member or frame."""
    if kind == "gz":
        return gzip.compress(data, 6, mtime=0)
    if kind == "zst":
        import zstandard

        return zstandard.compress(data)
    return data
