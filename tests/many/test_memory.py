"""Memory does not grow with the number of cases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .lines import cases


def peak(folder: Path, number: int) -> int:
    """The most memory that a run over so many cases takes, in kB."""
    (folder / "cases.ndjson").write_bytes(cases(number))
    command = [sys.executable, "-m", "fhirconv", "convert", "cases.ndjson", "-o", "out.ndjson", "-q"]
    process = subprocess.Popen(command, cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_memory_is_flat(tmp_path: Path) -> None:
    few, many = peak(tmp_path, 1_000), peak(tmp_path, 10_000)
    assert many < 1.3 * few
