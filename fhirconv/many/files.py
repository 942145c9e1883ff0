"""Outputs of lines that are whole or not there: written beside as '.partial', renamed at the end.

A partial file holds whole lines only, whatever stopped the run (after SIGKILL its last line may be torn).
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from fhirconv.compression import Kind, compressed, kind_of_name
from fhirconv.issues import FhirconvError
from fhirconv.many.claims import NO_LINK, claim, make_file
from fhirconv.output import is_stream, open_stream, settle_folder
from fhirconv.r4 import resource_types

_PART = ".partial"
_LINES = ".ndjson"


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
    kind: Kind  # how the lines are compressed that are written to it, by the name that they will have

    def write(self, lines: Mapping[str, bytes]) -> None:
        """Adds whole lines to the parts of the output. Raises OutputError."""
        ...

    def settle(self) -> None:
        """Everything is written: it is on disk, and lacks nothing but its name. Raises OutputError."""
        ...

    def finish(self) -> None:
        """Everything is settled: now it is there. Raises OutputError."""
        ...

    def leave(self) -> None:
        """The run was stopped: what is there stays, as whole lines; a file without any goes."""
        ...


class Stream:
    """Standard output, a device or a pipe."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self.place = name
        self.kind = kind_of_name(name)

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

    def settle(self) -> None:
        """See Output."""

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
        self.kind = kind_of_name(path.name)
        self._whole = 0
        try:
            _check_writable(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._claim = _claim(self._part, path, make_file)
            with _closed_on_error(self._claim):
                self._file = io.FileIO(os.open(self._part, os.O_WRONLY | os.O_TRUNC | NO_LINK), "w")
                _keep_mode(path, self._part)
        except OSError as error:
            raise _cannot(path, error) from None

    def write(self, lines: Mapping[str, bytes]) -> None:
        """See Output; the parts follow each other."""
        try:
            for data in lines.values():
                _write(self._file, data)
                self._whole += len(data)
        except OSError as error:
            raise _cannot(self._part, error) from None

    def settle(self) -> None:
        """See Output."""
        try:
            if not self._whole:  # nothing at all is no legal gzip
                _write(self._file, compressed(b"", self.kind))
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _cannot(self._part, error) from None

    def finish(self) -> None:
        """See Output."""
        try:
            os.replace(self._part, self.path)
            settle_folder(self.path.parent)
        except OSError as error:
            raise _cannot(self.path, error) from None
        self._claim.close()

    def leave(self) -> None:
        """See Output."""
        with suppress(OSError):  # it may be what stopped the run
            if not self._file.closed:  # else it is settled, and may have its name already
                self._file.truncate(self._whole)
                if not self._whole:
                    self._part.unlink()
        with suppress(OSError):
            self._file.close()
        self._claim.close()


class LinesFolder:
    """A folder with a file for each name that lines come with."""

    kind: Kind = ""

    def __init__(self, path: Path) -> None:
        """Raises OutputError if it cannot be written, if another run is writing it, or if it is not such a folder."""
        self._path = path
        self._part = partial(path)
        self._old = partial(path.with_name(path.name + ".old"))
        self.place = str(self._part)
        self._files: dict[str, LinesFile] = {}
        self._is_there = False
        try:
            _check_holds_ours(path)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._claim = _claim(self._part, path, lambda part: part.mkdir(exist_ok=True))
            with _closed_on_error(self._claim):
                self._make_room()
                _keep_mode(path, self._part)
        except OSError as error:
            raise _cannot(path, error) from None

    def write(self, lines: Mapping[str, bytes]) -> None:
        """See Output."""
        for name, data in lines.items():
            if name not in self._files:
                self._files[name] = LinesFile(self._part / f"{name}{_LINES}")
            self._files[name].write({name: data})

    def settle(self) -> None:
        """See Output."""
        for file in self._files.values():
            file.settle()

    def finish(self) -> None:
        """See Output."""
        import shutil  # costs a start 2 ms, with all that it can unpack

        for file in self._files.values():
            file.finish()
        try:
            _check_holds_ours(self._path)
            if self._path.exists():
                os.replace(self._path, self._old)
            os.replace(self._part, self._path)
            settle_folder(self._path.parent)
        except OSError as error:
            raise _cannot(self._path, error) from None
        self._is_there = True
        self._claim.close()
        shutil.rmtree(self._old, ignore_errors=True)  # else the next run does it

    def leave(self) -> None:
        """See Output."""
        if not self._is_there:
            for file in self._files.values():
                file.leave()
            with suppress(OSError):  # it holds lines
                self._part.rmdir()
        self._claim.close()

    def _make_room(self) -> None:
        """Takes up what a run left that was killed: lines of its own, or between the two renames at its end."""
        import shutil

        for folder in (self._part, self._old):
            _check_holds_ours(folder)
        for one in self._part.iterdir():
            one.unlink()
        if self._old.exists():
            if self._path.exists():
                shutil.rmtree(self._old)
            else:
                os.replace(self._old, self._path)


def output_for(path: Path, is_folder: bool) -> Output:
    """The output of this name; a device or a named pipe is written to and stays what it is. Raises OutputError.

    A link stays one too: what it leads to is written, compressed as its own name says.
    """
    if not is_folder and is_stream(path):
        try:
            return Stream(open_stream(path), str(path))
        except OSError as error:
            raise _cannot(path, error) from None
    path = Path(os.path.realpath(path)) if os.path.islink(path) else path
    return LinesFolder(path) if is_folder else LinesFile(path)


def _claim(part: Path, path: Path, make: Callable[[Path], object]) -> ExitStack:
    """Claims what an output is while it is not complete. Through a link the lines would go to a file of somebody else."""
    if part.is_symlink() or (part.is_file() and part.stat().st_nlink > 1):
        raise OutputError(f"{path} cannot be written: {part} is a link; remove it")
    try:
        return claim(part, make)
    except BlockingIOError:
        raise OutputError(f"{path} is being written by another run; wait for its end, or name another file") from None


@contextmanager
def _closed_on_error(held: ExitStack) -> Iterator[None]:
    try:
        yield
    except BaseException:
        held.close()
        raise


def _keep_mode(old: Path, new: Path) -> None:
    """Whoever could not read what is replaced cannot read what takes its place, not even while it is written."""
    if old.exists():
        new.chmod(stat.S_IMODE(old.stat().st_mode))


def _check_writable(path: Path) -> None:
    """A new file of the name would take the place of one that its owner has protected."""
    if path.exists() and not path.stat().st_mode & 0o222:
        raise OutputError(
            f"{path} is write-protected; it stays as it is: make it writable (chmod u+w), or name another"
        )


def _check_holds_ours(folder: Path) -> None:
    others = [one.name for one in folder.iterdir() if not _is_ours(one)] if folder.exists() else []
    if others:
        raise OutputError(
            f"{folder} holds other things than NDJSON by resource type ({others[0]}); it stays as it is: name another"
        )


def _is_ours(path: Path) -> bool:
    name = path.name.removesuffix(_PART)
    return path.is_file() and name.endswith(_LINES) and name.removesuffix(_LINES) in resource_types()


def _write(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _cannot(name: object, error: OSError) -> OutputError:
    return OutputError(f"{name} cannot be written: {error.strerror or error}")
