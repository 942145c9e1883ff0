"""Digests that tell whether a push is the same as one before: of its inputs, its mappings, its settings (SHA-256, hex).

Each part goes in as a digest of its own, so no two lists of parts run together into one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from fhirconv.compression import PackedError, open_input
from fhirconv.document import LIMITS, Limits


def input_digest(paths: Iterable[Path], limits: Limits = LIMITS) -> str:
    """Over the bytes of files in this order; how they are called or compressed, and in which folder, does not matter.

    One that cannot be read, or not twice (a pipe), counts as missing: to say so is the reader's business. But PackedError
    is raised, with the name of the file: a checksum fails only after the records that it was for, and wrong ones must not
    be on a server by then.
    """
    return _digest(_content(path, limits) for path in paths)


def mappings_digest(folder: Path | None) -> str:
    """Over the names and bytes of a site's mappings; None is a folder that has none. Other files are not read either."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.toml")} if folder else {}
    return _digest(
        part for name in sorted(found) for part in (_hash(name.encode(errors="surrogateescape")), _content(found[name]))
    )


def settings_digest(**settings: str | int | float | None) -> str:
    """Over names and values, in whatever order they are given; 1, True and '1' are three values."""
    return _digest(_hash(repr(item).encode()) for item in sorted(settings.items()))


def _content(path: Path, limits: Limits = LIMITS) -> bytes:
    try:
        if path.is_file():
            with open_input(path, limits) as stream:
                return hashlib.file_digest(stream, "sha256").digest()
    except PackedError as error:
        raise PackedError(f"{path}: {error}", error.rule) from None
    except OSError:
        pass
    return bytes(32)  # of no file: nobody knows bytes that have this digest


def _hash(part: bytes) -> bytes:
    return hashlib.sha256(part).digest()


def _digest(parts: Iterable[bytes]) -> str:
    return _hash(b"".join(parts)).hex()
