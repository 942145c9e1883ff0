"""SIGKILL at random points of a push, again and again, until it comes through: nothing is lost, nothing is there twice."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .oracle import WAIT_S, Done, Push

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from convert import case_facts  # type: ignore[import-not-found]  # benchmarks is no package


def cases(number: int) -> list[dict[str, Any]]:
    """Cases of 20 resources each that no other test has."""
    tag = uuid.uuid4().hex[:12]
    made = [case_facts(one) for one in range(number)]
    return [facts | {"case": facts["case"] | {"id": f"k{tag}-{at}"}} for at, facts in enumerate(made)]


def killed(push: Push, process: subprocess.Popen[str], after_s: float) -> bool:
    """Whether SIGKILL came before the end: so long after the run began to write its journal."""
    before, end = _written(push.journal), time.monotonic() + WAIT_S
    while process.poll() is None and _written(push.journal) == before and time.monotonic() < end:
        time.sleep(0.002)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after_s)
    process.kill()
    return push.ended(process).code == -signal.SIGKILL


def _written(journal: Path) -> int:
    return journal.stat().st_mtime_ns if journal.exists() else 0


def through(push: Push, hapi: str, options: tuple[str, ...], kills: int, chance: random.Random) -> int:
    """Runs the command until it comes through, killed up to so many times; how many times it was."""
    count, done = 0, Done(-1, "", "")
    while done.code != 0:
        process = push.start(hapi, *options)
        if count < kills:
            count += killed(push, process, chance.uniform(0, 0.6))
            done = push.runs[-1]
        else:
            done = push.ended(process)
        assert done.code in (0, -signal.SIGKILL), done.err
    print(f"{count} kills; {done.records['done']} of {len(push.records)} records were left for the last run")
    assert done.records.total() == len(push.records)
    assert done.resources.total() == push.planned
    assert set(done.records) <= {"done", "done before"}
    push.check_server()
    push.check_canaries()
    return count


@pytest.mark.parametrize(("identity", "kills", "number"), [("id", 30, 100), ("identifier", 8, 20)])
def test_killed_at_random_points(tmp_path: Path, hapi_url: str, identity: str, kills: int, number: int) -> None:
    """P34: each resource exactly once and in one version, and the last summary adds up."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for turn in itertools.count():  # a fast machine comes through before all kills: another set of cases, then
        folder = tmp_path / str(turn)
        folder.mkdir()
        push = Push(folder, hapi_url, cases=cases(number))
        assert push.planned == 20 * number
        kills -= through(push, hapi_url, ("--identity", identity, "--workers", "4", "-q"), kills, chance)
        if not kills:
            break
