"""Where a command writes to: what a name means, paths compared, and standard output that may be closed or full."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import BinaryIO

import click

from fhirconv.cli import let_go
from fhirconv.compression import WHOLE, plain_suffix
from fhirconv.many.files import OutputError, partial
from fhirconv.output import is_device, write_file


def is_dir(path: Path) -> bool:
    """Whether a folder is there."""
    try:
        return path.is_dir()
    except OSError:  # a name that no file can have
        return False


def names_folder(wanted: str) -> bool:
    """Whether an output is a folder, by its name or because it is there."""
    return wanted.endswith(("/", os.sep)) or is_dir(Path(wanted))


def is_for_each(wanted: str) -> bool:
    """Whether there is to be a file for each case, by the name of the output alone: of how many cases nobody knows yet."""
    target = Path(wanted)
    is_new = wanted != "-" and not target.suffix and not os.path.lexists(target)
    return names_folder(wanted) or is_new or plain_suffix(target.name) in WHOLE


def same(one: Path, other: Path) -> bool:
    """Whether both are the same file, which is there."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def standard_output() -> BinaryIO:
    """For bytes. Raises OutputError where whoever started the command has closed it."""
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    return sys.stdout.buffer


def _to_standard_output(data: bytes) -> str:
    """Writes it; returns why it could not. A reader who has gone, as `head` does, is no error."""
    try:
        stream = standard_output()
        stream.write(data)
        stream.flush()
    except OutputError as error:
        return str(error)
    except OSError as error:
        let_go(sys.stdout)
        return "" if isinstance(error, BrokenPipeError) else f"standard output cannot be written: {error.strerror}"
    return ""


def check_paths(inputs: Iterable[Path], target: Path | None, rejects: Path | None, report: Path | None) -> None:
    """Rejects and report go to files. No output is an input, or another output, or in the folder of another.

    Nor where a shell has opened one of them: what is written would take the place of what is read, or be read itself.
    """
    for name, output in (("--rejects", rejects), ("--report", report)):
        if str(output) == "-":
            raise click.UsageError(f"{name} needs the name of a file")
    outputs = {"the output": target, "--rejects": rejects, "--report": report}
    there = {name: path for name, output in outputs.items() if output and (path := _kept(output, "/dev/stdout"))}
    read = [path for one in inputs if (path := _kept(one, "/dev/stdin"))]
    if any(holds(output, path) for output in there.values() for path in read):
        raise click.UsageError("the output file is the input file; give it another name")
    for (first, one), (second, other) in combinations(there.items(), 2):
        if holds(one, other) or holds(other, one):
            raise click.UsageError(f"{second} is {first} itself, or a part of it; give it another name")


def _kept(path: Path, standard: str) -> Path | None:
    """The file or folder that is meant, `standard` by '-'; None for a pipe or a device, where nothing can be lost."""
    path = Path(standard) if str(path) == "-" else path
    return None if is_device(path) else path


def holds(output: Path, path: Path) -> bool:
    """Whether a path is an output, in whatever spelling, or in it, or what it is while it is not complete."""
    real = Path(os.path.realpath(path))
    names = (output, partial(output))
    return any(same(path, one) or Path(os.path.realpath(one)) in (real, *real.parents) for one in names)


def write_to(target: Path, data: bytes) -> str:
    """Writes a whole file, in a folder that is made if it is not there, or to standard output ('-'); returns why it could not."""
    if str(target) == "-":
        return _to_standard_output(data)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, data)
    except OSError as error:
        return f"{target} cannot be written: {error.strerror or error}"
    return ""
