"""Lines of NDJSON for the tests, and the command in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_S = 120  # a loaded machine is slow; nobody waits so long unless something hangs


def case(name: str, **more: Any) -> bytes:
    """The line of a small case."""
    return json.dumps({"case": {"id": name}, "patient": {"sex": "female"}, **more}).encode() + b"\n"


def cases(number: int, first: int = 0) -> bytes:
    """Lines of so many small cases."""
    return b"".join(case(f"c{at}") for at in range(first, first + number))


BROKEN = b'{"case": {"id": "broken"}, "patient": \n'
UNFIT = case("unfit", patients=[])


def start(
    *words: str, cwd: Path, command: str = "convert", before: Callable[[], object] | None = None
) -> subprocess.Popen[bytes]:
    """A command in a process of its own, standard input open; `before` is called in it first."""
    pipe = subprocess.PIPE
    program = [sys.executable, "-m", "fhirconv", command, *words]
    return subprocess.Popen(program, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=before)


def ended(process: subprocess.Popen[bytes], stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Exit code and what was said, after it was given the rest of its input."""
    out, err = process.communicate(stdin, timeout=WAIT_S)
    said = err.decode()
    assert "Traceback" not in said
    return process.returncode, out, said


def convert(*words: str, cwd: Path, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """A run from start to end."""
    return ended(start(*words, cwd=cwd), stdin)


def until(holds: Callable[[], Any]) -> Any:
    """Waits for something to hold; returns it."""
    end = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def ids(data: bytes) -> list[str]:
    """The case ids of lines of Bundles, in order; every line is a whole Bundle."""
    assert data == b"" or data.endswith(b"\n")
    bundles = [json.loads(line) for line in data.splitlines()]
    tags = [bundle["entry"][0]["resource"]["meta"]["tag"] for bundle in bundles]
    return [tag[0]["code"] for tag in tags]


def rejects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]
