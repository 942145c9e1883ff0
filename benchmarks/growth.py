"""Whether the time of one case is linear in its size: 100 to 100,000 laboratory results in one case.

    python benchmarks/growth.py [--most 100000]

Each size in a process of its own: from JSON text with all checks to the bytes of the Bundle, CPU time of the thread, after
a case of 100 results that is not counted. Of the small ones several distinct cases are timed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from timing import digits, print_table

SIZES = (100, 1_000, 10_000, 100_000)
ONE = """
import json, resource, sys, time
from convert import converted
from loads import json_text, with_labs
from fhirconv.mapping import load_mappings

mappings = load_mappings()
for count in (100, int(sys.argv[1])):
    texts = [json_text(with_labs(number, count)) for number in range(max(1, 2000 // count))]
    start = time.thread_time()
    for text in texts:
        done = converted(text, mappings)
        made = done.json()
    taken = (time.thread_time() - start) / len(texts)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
json.dump([taken, len(text) / 1e6, len(made) / 1e6, peak], sys.stdout)
"""


class Size(NamedTuple):
    """Seconds of CPU for a case; its text and its Bundle, MB; memory at its peak, MB."""

    cpu: float
    facts: float
    bundle: float
    peak: float


def size(labs: int) -> Size:
    """Converts a case with so many results."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", ONE, str(labs)], capture_output=True, text=True, check=True, env=environment
    )
    return Size(*json.loads(done.stdout))


def print_growth(most: int) -> None:
    """The table; the last column is 1 where time is linear."""
    found = {labs: size(labs) for labs in SIZES if labs <= most}
    first = found[SIZES[0]].cpu / SIZES[0]
    print(f"One case, JSON text to bytes with all checks; load of the machine {os.getloadavg()[0]:.1f}\n")
    rows = [
        (
            f"{labs:,}", f"{one.facts:.2f}", f"{one.bundle:.2f}", f"{one.cpu * 1e3:.1f}", f"{one.cpu / labs * 1e6:.1f}",
            digits(one.cpu / labs / first), f"{one.peak:.0f}",
        )
        for labs, one in found.items()
    ]  # fmt: skip
    print_table(
        ("labs", "facts, MB", "Bundle, MB", "ms CPU here", "µs a lab", "× that of 100 labs", "memory, MB"), rows
    )
    print()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=SIZES[-1])
    print_growth(parser.parse_args().most)


if __name__ == "__main__":
    main()
