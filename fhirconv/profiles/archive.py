"""A FHIR package's .tgz as data: nothing is unpacked to disk, and a hostile archive costs no more than the limits.

Spec: https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from gzip import GzipFile
from pathlib import Path

from fhirconv.issues import FhirconvError, shown

# The largest packages in use: hl7.fhir.r4.examples holds 5,306 files and 191 MB, hl7.terminology.r4 71 MB.
MAX_MEMBERS = 20_000
MAX_MEMBER_BYTES = 32_000_000
MAX_BYTES = 256_000_000

_FOLDER = "package/"
_BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError)


class PackageError(FhirconvError):
    """A FHIR package cannot be used: not found, not one, not for R4, or an archive that no honest tool writes."""


class _Capped:
    """The decompressed bytes of a .tgz, up to MAX_BYTES: a bomb ends there, whatever its headers say."""

    def __init__(self, stream: GzipFile, name: str) -> None:
        self._stream = stream
        self._name = name
        self._left = MAX_BYTES

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise PackageError(f"package {self._name} has more than {MAX_BYTES} bytes when decompressed: refused")
        return data


def read_archive(path: Path) -> dict[str, bytes]:
    """The JSON files directly under package/ by name; folders below it (examples, schemas) are left out.

    Raises PackageError for links, devices, absolute names, '..', names that stand twice or differ only in case, more
    than the limits, and for anything that is no .tgz.
    """
    files: dict[str, bytes] = {}
    folded: set[str] = set()
    try:
        with GzipFile(path) as stream, _tar(stream, path) as archive:
            for member in _members(archive, path):
                if member.name.lower() in folded:
                    raise _refused(path, member, "stands there twice, or in two spellings")
                folded.add(member.name.lower())
                name = member.name.removeprefix(_FOLDER)
                content = archive.extractfile(member) if _wanted(member.name, name) else None
                if content is not None:
                    files[name] = content.read()
    except _BROKEN as error:
        raise PackageError(f"package {shown(path, 200)} is not a readable .tgz ({type(error).__name__})") from error
    return files


def _tar(stream: GzipFile, path: Path) -> tarfile.TarFile:
    return tarfile.open(fileobj=_Capped(stream, str(path)), mode="r|")  # type: ignore[call-overload,no-any-return]


def _wanted(full: str, name: str) -> bool:
    return full != name and name.endswith(".json") and "/" not in name


def _members(archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    for count, member in enumerate(archive):
        if count >= MAX_MEMBERS:
            raise PackageError(f"package {shown(path, 200)} holds more than {MAX_MEMBERS} files: refused")
        # tarfile keeps every header it has seen; a stream is never asked for them again.
        archive.members = []  # type: ignore[attr-defined]
        if member.name.startswith("/") or "\\" in member.name or ".." in member.name.split("/"):
            raise _refused(path, member, "would lie outside of the package")
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise _refused(path, member, "is a link, a device or a sparse file; only plain files are read")
        if member.size > MAX_MEMBER_BYTES:
            raise _refused(path, member, f"has {member.size} bytes; the limit is {MAX_MEMBER_BYTES}")
        yield member


def _refused(path: Path, member: tarfile.TarInfo, why: str) -> PackageError:
    return PackageError(f"package {shown(path, 200)} is refused: its member {shown(member.name)} {why}")
