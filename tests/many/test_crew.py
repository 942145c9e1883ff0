"""The engine: order, back-pressure, and workers that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from fhirconv.many.chunks import MOST_BYTES, MOST_RECORDS, Chunk, chunks_of
from fhirconv.many.converter import Settings
from fhirconv.many.crew import Crew, WorkerError
from fhirconv.many.files import LinesFile
from fhirconv.many.run import Run
from fhirconv.records import NO_LINE, Record

from .jobs import Deadly, Echo, NoStart, Unlucky
from .lines import case, cases, ids, rejects, until


def record(number: int, data: bytes) -> Record:
    return Record("x.ndjson", number, data)


def chunk(*data: bytes, first: int = 0) -> Chunk:
    return Chunk([record(first + at, one) for at, one in enumerate(data)])


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_in_order(workers: int) -> None:
    with Crew(Echo(), workers) as crew:
        made = [done.result for done in crew.results(chunk(b"%d" % at) for at in range(50))]
    assert [data for data, _ in made] == [[b"%d" % at] for at in range(50)]
    pids = {pid for _, pid in made}
    assert (pids == {os.getpid()}) if workers == 1 else (os.getpid() not in pids and len(pids) <= workers)
    assert workers == 1 or not any(map(is_there, pids))


def test_chunks_are_read_only_a_few_ahead() -> None:
    read: list[int] = []

    def endless() -> Iterator[Chunk]:
        for at in count():
            read.append(at)
            yield chunk(b"%d" % at)

    with Crew(Echo(), 2) as crew:
        taken = list(islice(crew.results(endless()), 10))
        assert len(taken) == 10
        assert len(read) <= 10 + 5


def test_a_worker_that_is_killed_is_replaced() -> None:
    """It may stand idle or be at work: what it held, if anything, is done by another."""
    with Crew(Echo(), 2) as crew:
        results = crew.results(chunk(b"%d" % at) for at in range(100))
        made = [next(results) for _ in range(5)]
        pids = {done.result[1] for done in made}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not any(map(is_alive, pids)))
        made += results
    assert [done.result[0] for done in made] == [[b"%d" % at] for at in range(100)]
    assert len(crew.deaths) <= len(pids)
    assert all("SIGKILL at x.ndjson:1" in said for said in crew.deaths)
    assert len({done.result[1] for done in made}) > len(pids)


def test_a_record_that_ends_every_worker_is_refused_and_the_others_are_not() -> None:
    chunks = [chunk(b"a", b"b"), chunk(b"c", b"kill", b"d", b"kill too", first=2), chunk(b"e", first=6)]
    with Crew(Echo(), 2) as crew:
        made = list(crew.results(chunks))
    assert [done.result[0] for done in made] == [[b"a", b"b"], [b"c", b"(kill)", b"d", b"(kill too)"], [b"e"]]
    refused = made[1].chunk.refused
    assert {at: (issue.rule, issue.place.line) for at, issue in refused.items()} == {
        1: ("worker-died", 4),
        3: ("worker-died", 6),
    }
    assert "x.ndjson:3-6" in crew.deaths[0]


def test_records_without_a_file_are_told_by_their_number() -> None:
    """As those of convert_many are."""
    records = [Record("", NO_LINE, b"kill" if at == 70 else b"x") for at in range(100)]
    with Crew(Echo(), 2) as crew:
        list(crew.results(chunks_of(records)))
    (said,) = crew.deaths
    assert "SIGKILL at cases 65 to 100; what it held" in said


def test_a_death_or_two_are_no_proof(tmp_path: Path) -> None:
    """Of those that try each record by itself, two die by chance: the record that they hold is not blamed for it."""
    with Crew(Unlucky(tmp_path), 2) as crew:
        assert [done.result for done in crew.results([chunk(b"a", b"b")])] == [[]]
        for name in ("one", "two"):
            (tmp_path / name).touch()
        made = list(crew.results([chunk(b"a", b"kill", b"b")]))
    assert not list(tmp_path.iterdir())
    assert [done.result for done in made] == [[1]]


def test_workers_that_die_before_they_are_ready(tmp_path: Path) -> None:
    for name in range(3):
        (tmp_path / str(name)).touch()
    with Crew(Unlucky(tmp_path, at_start=True), 2) as crew:
        assert [done.result for done in crew.results([chunk(b"a", b"b")])] == [[]]
    assert not list(tmp_path.iterdir())


def test_a_deadly_line_in_a_run(tmp_path: Path) -> None:
    """It is rejected with its place; the output is that of a run in which the line was refused from the start."""
    lines = (cases(100) + case("kill") + cases(100, first=100)).splitlines(keepends=True)
    out = tmp_path / "out.ndjson"
    run = Run(Deadly(Settings()), LinesFile(out), LinesFile(tmp_path / "bad.ndjson"), workers=2)
    run.run(chunks_of(record(at, line) for at, line in enumerate(lines)))
    assert ids(out.read_bytes()) == [f"c{at}" for at in range(200)]
    (found,) = rejects(tmp_path / "bad.ndjson")
    assert (found["line"], found["issues"][0]["rule"]) == (101, "worker-died")
    assert (run.tally.converted, run.tally.rejected) == (200, 1)


def test_a_fault_in_a_job_is_raised_here() -> None:
    with Crew(Echo(), 2) as crew, pytest.raises(WorkerError, match="ValueError: a fault of the job"):
        list(crew.results([chunk(b"a"), chunk(b"raise")]))
    with Crew(NoStart(), 2) as crew, pytest.raises(WorkerError, match="ValueError: no mappings"):
        list(crew.results([chunk(b"a")]))


def test_no_interpreter_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Crew(Echo(), 2) as crew, pytest.raises(WorkerError, match="cannot be started"):
        list(crew.results([chunk(b"a")]))


def test_workers_end_with_their_parent() -> None:
    """Also when that is killed and can tell them nothing."""
    program = (
        "import sys, time\nfrom many.jobs import Echo\nfrom many.test_crew import chunk\n"
        "from fhirconv.many.crew import Crew\nwith Crew(Echo(), 2) as crew:\n"
        "    print(*{d.result[1] for d in crew.results(chunk(b'x') for _ in range(20))}, flush=True)\n    time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert pids
        assert all(map(is_there, pids))
        parent.kill()
    until(lambda: not any(map(is_alive, pids)))


def is_alive(pid: int) -> bool:
    """Whether it is there and no zombie that nobody has fetched yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_chunks_are_cut_by_number_and_by_size() -> None:
    records = [
        record(at, b"x" * (MOST_BYTES // 4 if 100 <= at < 110 else 2 * MOST_BYTES if at == 50 else 1))
        for at in range(200)
    ]
    made = list(chunks_of(records))
    assert [one for part in made for one in part.records] == records
    for part in made:
        assert len(part.records) <= MOST_RECORDS
        assert len(part.records) == 1 or sum(len(bytes(one.data)) for one in part.records) <= MOST_BYTES  # type: ignore[arg-type]
    assert [len(part.records) for part in made] == [50, 1, 52, 4, 64, 29]
