"""`fhirconv server` as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MANY_S = 400  # no test waits this long; a loaded machine may come near
ODD = "a server's data;ä%20#~?&=\"*"  # what URLs, shells, JDBC and class paths give a meaning


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, **changes}


def server(*arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """`fhirconv server ...` in a process of its own, as a user calls it."""
    done = subprocess.run(
        [sys.executable, "-m", "fhirconv", "server", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=MANY_S,
        check=False,
        env=environment(**changes),
    )
    assert "Traceback" not in done.stderr
    return done
