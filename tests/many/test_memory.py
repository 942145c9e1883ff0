"""Memory does not grow with the number of cases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.peak import TELL_PEAK

from .lines import cases

RUN = f"import sys\nfrom fhirconv.cli import main\ntry: main(sys.argv[1:])\nfinally: {TELL_PEAK}"


def peak(folder: Path, number: int) -> int:
    """The most memory that a run over so many cases takes, in kB."""
    (folder / "cases.ndjson").write_bytes(cases(number))
    command = [sys.executable, "-c", RUN, "convert", "cases.ndjson", "-o", "out.ndjson", "-q"]
    done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, check=True, timeout=600)
    return int(done.stderr.split()[-1])


def test_memory_is_flat(tmp_path: Path) -> None:
    few, many = peak(tmp_path, 1_000), peak(tmp_path, 10_000)
    assert many < 1.3 * few
