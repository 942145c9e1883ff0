"""NDJSON of mixed cases, file to file: the rate with one worker and with two, against fhir.resources, and the memory.

    python benchmarks/files.py [--cases 100000] [--rounds 1] [--workers 1 2]

Ours is the command, as whole processes: reading, all checks, conversion, base validation, writing. Of fhir.resources it is
its models made from our finished Bundles and dumped, on some of the cases and without its start; the ratio is that of CPU
time for each resource. Beside it the memory of the largest process, for a hundredth of the cases and for all.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson
from mixed import is_broken, mixed_cases
from peers.models import bundle_text
from processes import Ran, fhirconv, ran
from timing import digits, print_table

SOME = 200  # cases for fhir.resources, at most


class Sizes(NamedTuple):
    """What a file of Bundles holds."""

    bundles: int
    resources: int
    megabytes: float


def command(source: Path, target: Path, workers: int) -> list[str]:
    """The arguments that convert a file."""
    return fhirconv("convert", str(source), "-o", str(target), "--workers", str(workers), "--on-error", "skip")


def write_cases(path: Path, count: int) -> None:
    """The first cases of mixed.py."""
    with path.open("wb") as stream:
        stream.writelines(line + b"\n" for line in mixed_cases(count))


def sizes(path: Path, count: int) -> Sizes:
    """Reads the result. Raises AssertionError when a case is missing or too many."""
    with path.open("rb") as stream:
        resources = [len(orjson.loads(line)["entry"]) for line in stream]
    expected = sum(not is_broken(number) for number in range(count))
    assert len(resources) == expected, f"{len(resources)} Bundles of {count} cases, expected {expected}"
    return Sizes(len(resources), sum(resources), path.stat().st_size / 1e6)


def models_per_resource(bundles: Path, some: int) -> float:
    """Seconds of CPU that fhir.resources takes for a resource, of the first Bundles in a file."""
    build = bundle_text()
    with bundles.open("rb") as stream:
        sample = [orjson.loads(line) for line in islice(stream, some)]
    for bundle in sample[:10]:
        build(bundle)
    start = time.thread_time()
    for bundle in sample:
        build(bundle)
    return (time.thread_time() - start) / sum(len(bundle["entry"]) for bundle in sample)


def print_files(count: int, rounds: int, workers: list[int]) -> None:
    """Both tables. Raises AssertionError when two runs of the same cases give other bytes."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, source, target = folder / "few.ndjson", folder / "cases.ndjson", folder / "bundles.ndjson"
        write_cases(few, max(count // 100, 1))
        write_cases(source, count)
        small = ran(command(few, target, 1))
        runs: dict[int, list[Ran]] = {number: [] for number in workers}
        models, seen = [], set()
        for _ in range(rounds):
            for number in workers:
                runs[number].append(ran(command(source, target, number)))
                seen.add(_digest(target))
            models.append(models_per_resource(target, min(SOME, count // 10)))
        assert len(seen) == 1, "other bytes with another number of workers, or in another run"
        made = sizes(target, count)
        size = source.stat().st_size / 1e6
    print(
        f"{count} mixed cases, {size:.0f} MB, to {made.bundles} Bundles of {made.resources} resources, "
        f"{made.megabytes:.0f} MB; {rounds} rounds; load of the machine {load:.1f}\n"
    )
    alone = runs[workers[0]]
    rows = []
    for number, taken in runs.items():
        faster = statistics.median(a.wall / b.wall for a, b in zip(alone, taken, strict=True))
        times = statistics.median(m * made.resources / run.cpu for m, run in zip(models, taken, strict=True))
        wall, cpu = (statistics.median(getattr(run, clock) for run in taken) for clock in ("wall", "cpu"))
        peak = max(run.peak for run in taken)
        rows.append(
            (
                f"{number} worker{'s' if number > 1 else ''}", f"{count / wall:.0f}", f"{cpu / count * 1e6:.0f}",
                digits(faster), digits(times), f"{peak:.0f}",
            )
        )  # fmt: skip
    print_table(
        ("", "cases/s here", "µs CPU a case", "× one worker", "fhir.resources ÷ it", "largest process, MB"), rows
    )
    grown = max(run.peak for run in alone) / small.peak
    print(f"\nMemory: {small.peak:.0f} MB for {max(count // 100, 1)} cases; for {count} {grown:.2f} times as much\n")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    print_files(given.cases, given.rounds, given.workers)


if __name__ == "__main__":
    main()
