"""Outputs of lines that are whole or not there: written beside as '.partial', renamed at the end.

A partial file holds whole lines only, whatever stopped the run (after SIGKILL its last line may be torn).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from fhirconv.compression import compressed, kind_of_name
from fhirconv.issues import FhirconvError

_PART = ".partial"
_OF_A_TYPE = re.compile(r"[A-Z][A-Za-z]+\.ndjson")


def partial(path: Path) -> Path:
    """Where an output is while it is not complete."""
    return path.with_name(path.name + _PART)


class OutputError(FhirconvError):
    """An output cannot be written; says which and why."""


class ClosedError(OutputError):
    """Whoever read the output has gone."""


class Output(Protocol):
    """Where lines go."""

    place: str  # what there is while it is not complete, for a message

    def write(self, lines: Mapping[str, bytes]) -> None:
        """Adds whole lines to the parts of the output. Raises OutputError."""
        ...

    def finish(self) -> None:
        """Everything is written: now it is there. Raises OutputError."""
        ...

    def leave(self) -> None:
        """The run was stopped: what is there stays, as whole lines."""
        ...


class Stream:
    """Standard output, a device or a pipe."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self.place = name

    def write(self, lines: Mapping[str, bytes]) -> None:
        """See Output."""
        try:
            for data in lines.values():
                self._stream.write(data)
            self._stream.flush()
        except BrokenPipeError:
            raise ClosedError(f"{self.place} takes nothing any more") from None
        except OSError as error:
            raise _cannot(self.place, error) from None

    def finish(self) -> None:
        """See Output."""

    def leave(self) -> None:
        """See Output."""


class LinesFile:
    """One file."""

    def __init__(self, path: Path) -> None:
        """Raises OutputError if it cannot be written, or another run is writing it."""
        self.path = path
        self._part = partial(path)
        self.place = str(self._part)
        self._whole = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            raise _cannot(path, error) from None
        _lock(self._descriptor, path)
        os.ftruncate(self._descriptor, 0)

    def write(self, lines: Mapping[str, bytes]) -> None:
        """See Output; the parts follow each other."""
        try:
            for data in lines.values():
                _write(self._descriptor, data)
                self._whole += len(data)
        except OSError as error:
            raise _cannot(self._part, error) from None

    def finish(self) -> None:
        """See Output."""
        try:
            self.settle()
            os.replace(self._part, self.path)
            _settle_folder(self.path.parent)
        except OSError as error:
            raise _cannot(self.path, error) from None

    def settle(self) -> None:
        """All is on disk, under the name that it has. Raises OSError."""
        if not self._whole:  # nothing at all is no legal gzip
            _write(self._descriptor, compressed(b"", kind_of_name(self.path.name)))
        os.fsync(self._descriptor)
        os.close(self._descriptor)

    def leave(self) -> None:
        """See Output."""
        with suppress(OSError):  # it may be what stopped the run
            os.ftruncate(self._descriptor, self._whole)
            os.close(self._descriptor)


class LinesFolder:
    """A folder with a file for each name that lines come with."""

    def __init__(self, path: Path) -> None:
        """Raises OutputError if it cannot be written, or if something is there that is not such a folder."""
        self._path = path
        self._part = partial(path)
        self.place = str(self._part)
        self._files: dict[str, LinesFile] = {}
        try:
            for folder in (path, self._part):
                self._check(folder)
            self._clear(self._part)
            self._part.mkdir(parents=True)
        except OSError as error:
            raise _cannot(path, error) from None

    def write(self, lines: Mapping[str, bytes]) -> None:
        """See Output."""
        for name, data in lines.items():
            if name not in self._files:
                self._files[name] = LinesFile(self._part / f"{name}.ndjson")
            self._files[name].write({name: data})

    def finish(self) -> None:
        """See Output."""
        try:
            for file in self._files.values():
                file.finish()
            self._clear(self._path)
            os.replace(self._part, self._path)
            _settle_folder(self._path.parent)
        except OSError as error:
            raise _cannot(self._path, error) from None

    def leave(self) -> None:
        """See Output."""
        for file in self._files.values():
            file.leave()

    def _check(self, folder: Path) -> None:
        others = [one.name for one in folder.iterdir() if not _is_ours(one)] if folder.exists() else []
        if others:
            raise OutputError(
                f"{folder} holds other things than NDJSON by resource type ({others[0]}); it stays as it is: name another"
            )

    @staticmethod
    def _clear(folder: Path) -> None:
        if folder.exists():
            for one in folder.iterdir():
                one.unlink()
            folder.rmdir()


def output_for(path: Path, is_folder: bool) -> Output:
    """The output of this name; a device or a named pipe is written to and stays what it is. Raises OutputError."""
    if is_folder:
        return LinesFolder(path)
    if path.exists() and not path.is_file():
        try:
            return Stream(path.open("wb"), str(path))
        except OSError as error:
            raise _cannot(path, error) from None
    return LinesFile(path)


def _is_ours(path: Path) -> bool:
    return path.is_file() and _OF_A_TYPE.fullmatch(path.name.removesuffix(_PART)) is not None


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _lock(descriptor: int, path: Path) -> None:
    """Two runs that write one file would mix their lines."""
    with suppress(ImportError):  # where there is no such lock, one goes without
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise OutputError(
                f"{path} is being written by another run; wait for its end, or name another file"
            ) from None


def _settle_folder(folder: Path) -> None:
    """A new name is on disk as well."""
    with suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _cannot(name: object, error: OSError) -> OutputError:
    return OutputError(f"{name} cannot be written: {error.strerror or error}")
