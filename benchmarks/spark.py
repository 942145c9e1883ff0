"""NDJSON of mixed cases by Spark on two cores against one process, on the clock.

    python benchmarks/spark.py [--cases 100000] [--rounds 3]        # needs fhirconv[spark], Java, and a quiet machine

Both are the command, as whole processes, one after the other in each round. Spark's start takes longer than a thousand
cases, and is no part of what more machines make faster: of each time that of a hundredth of the cases is taken off.
That both make the same Bundles is for `make spark` to say; here only the number of bytes is held against each other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from files import command, write_cases
from processes import Ran, fhirconv, ran
from timing import digits, print_table


def by_spark(source: Path, target: Path) -> list[str]:
    """The arguments that convert a file on two cores."""
    return fhirconv("spark-convert", str(source), str(target), "--master", "local[2]", "--overwrite")


def print_spark(count: int, rounds: int) -> None:
    """The table. Raises AssertionError when Spark writes more or less than one process."""
    with tempfile.TemporaryDirectory() as name:
        few, source, alone, parts = (
            Path(name, part) for part in ("few.ndjson", "cases.ndjson", "bundles.ndjson", "bundles")
        )
        write_cases(few, max(count // 100, 1))
        write_cases(source, count)
        runs: dict[str, list[tuple[Ran, Ran]]] = {"one process": [], "Spark, local[2]": []}
        for _ in range(rounds):
            runs["one process"].append((ran(command(few, alone, 1)), ran(command(source, alone, 1))))
            runs["Spark, local[2]"].append((ran(by_spark(few, parts)), ran(by_spark(source, parts))))
        made = sum(part.stat().st_size for part in parts.glob("outcome=converted/part-*"))
        assert made == alone.stat().st_size, f"{made} bytes by Spark, {alone.stat().st_size} by one process"
    load = os.getloadavg()[0]
    print(f"{count} mixed cases; {rounds} rounds, medians; load of the machine at the end {load:.1f}\n")
    rest = {name: [large.wall - small.wall for small, large in taken] for name, taken in runs.items()}
    rows = []
    for name, taken in runs.items():
        whole = statistics.median(large.wall for _, large in taken)
        faster = statistics.median(one / other for one, other in zip(rest["one process"], rest[name], strict=True))
        rows.append((name, f"{whole:.1f}", f"{whole - statistics.median(rest[name]):.1f}", digits(faster)))
    print_table(("", "s here", f"of these for {max(count // 100, 1)} cases", "× one process, without these"), rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print_spark(given.cases, given.rounds)


if __name__ == "__main__":
    main()
