"""Compressed input onto a real server: resumed by the positions of its lines, from a file and from a pipe."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from fhirconv.compression import compressed

from .oracle import WAIT_S, Push
from .test_kill import cases, through


def packed(push: Push, kind: str) -> bytes:
    """The lines of a push, as two members or frames that do not end where a line does."""
    data = push.input.read_bytes()
    return compressed(data[: len(data) // 3], kind) + compressed(data[len(data) // 3 :], kind)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_killed_and_run_again(kind: str, tmp_path: Path, hapi_url: str) -> None:
    """P34: the journal knows the records of a compressed file; each resource is there once, in one version."""
    push = Push(tmp_path, hapi_url, cases=cases(20))
    plain, data = push.input, packed(push, kind)
    push.input = plain.with_name(f"{plain.name}.{kind}")
    push.input.write_bytes(data)
    plain.unlink()
    through(push, hapi_url, ("--workers", "2", "-q"), 3, random.Random(kind))


def test_a_pipe_that_was_cut_off(tmp_path: Path, hapi_url: str) -> None:
    """What came before the damage is on the server, the rest is told as one record with its line, and the exit code is not 0."""
    push = Push(tmp_path, hapi_url, cases=cases(6))
    lines = push.input.read_bytes().splitlines(keepends=True)
    data = compressed(b"".join(lines[:4]), "gz") + compressed(b"".join(lines[4:]), "gz")[:-1]
    arguments = ["-" if one == str(push.input) else one for one in push.arguments(hapi_url)]
    done = subprocess.run(arguments, input=data, capture_output=True, env=push.environment(), cwd=push.work, timeout=WAIT_S)
    assert done.returncode == 1, done.stderr
    told = done.stderr.decode()
    assert "7 records: 6 done, 1 rejected" in told
    assert "-:7:1: fatal: ends in the middle of its gzip data" in told
    push.check_server()
