"""Commands as whole processes: how long they take, on the clock and of the processors, and the memory they come to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

COMMAND = "from fhirconv.cli import main; main()"  # what the installed script `fhirconv` does
# A small process between: Linux lets a new process begin with the peak of the one that started it, and a benchmark is large.
LAUNCH = """
import resource, subprocess, sys, time

start = time.perf_counter()
code = subprocess.call(sys.argv[1:])
wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print("", code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""


class Ran(NamedTuple):
    """Seconds of the clock; of CPU, with all children; the resident memory of the largest process at its peak, MB."""

    wall: float
    cpu: float
    peak: float


def ran(arguments: Sequence[str], stdout: Path | None = None, python: str = sys.executable) -> Ran:
    """Runs this Python, or another, with the arguments. Raises AssertionError, with its last words, when its status is not 0 or 1.

    Status 1 is fhirconv's for a file in which some cases were rejected.
    """
    with open(stdout or os.devnull, "wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", LAUNCH, python, *arguments], stdout=out, stderr=subprocess.PIPE, text=True, errors="replace", check=True
        )
    told, _, last = done.stderr.rstrip("\n").rpartition("\n")
    ended, wall, cpu, peak = map(float, last.split())
    assert ended in (0, 1), f"{' '.join(arguments)[:200]} ended with {ended:.0f}: {told[-500:]}"
    return Ran(wall, cpu, peak / 1024)


def fhirconv(*arguments: str) -> list[str]:
    """The arguments with which Python runs the command `fhirconv`."""
    return ["-c", COMMAND, *arguments]
