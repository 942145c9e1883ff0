"""Commands as whole processes: how long they take, on the clock and of the processors, and the memory they come to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

COMMAND = "from fhirconv.cli import main; main()"  # what the installed script `fhirconv` does


class Ran(NamedTuple):
    """Seconds of the clock; of CPU, with all children; the resident memory of the largest process at its peak, MB."""

    wall: float
    cpu: float
    peak: float


def ran(arguments: Sequence[str], stdout: Path | None = None) -> Ran:
    """Runs this Python with the arguments. Raises AssertionError, with its last words, when its status is not 0 or 1.

    Status 1 is fhirconv's for a file in which some cases were rejected.
    """
    with open(stdout or os.devnull, "wb") as out, subprocess.Popen(
        [sys.executable, *arguments], stdout=out, stderr=subprocess.PIPE
    ) as process:  # fmt: skip
        start = time.perf_counter()
        assert process.stderr
        told = process.stderr.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), f"{' '.join(arguments)[:200]} ended with {process.returncode}: {told[-500:]}"
    return Ran(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def fhirconv(*arguments: str) -> list[str]:
    """The arguments with which Python runs the command `fhirconv`."""
    return ["-c", COMMAND, *arguments]
