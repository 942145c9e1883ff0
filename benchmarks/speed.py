"""All benchmarks of conversion, one after the other, as tables of Markdown ready to be pasted into docs/performance.md.

    python benchmarks/speed.py [--quick] [--no-peers] [--cases 100000] [PART ...]

The parts are named below; without names all of them run. On a quiet machine that takes half an hour with the peers, most
of it theirs; --quick takes a minute, and tells whether everything runs, not how fast it is.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from importlib.metadata import version

import convert
import files
import growth
import stages
import starts
import torture
from loads import LABS, REFERENCE


def main() -> None:
    given = _arguments()
    quick, peers = given.quick, not given.no_peers
    rounds = min(given.rounds, 3) if quick else given.rounds
    loads = [load.tenth() if quick else load for load in (REFERENCE, LABS)]
    cases = given.cases or (2_000 if quick else 100_000)
    parts: dict[str, Callable[[], None]] = {
        "convert": lambda: convert.print_loads(loads, rounds, peers),
        "files": lambda: files.print_files(cases, 1 if quick else 3, [1, 2]),
        "growth": lambda: growth.print_growth(1_000 if quick else growth.SIZES[-1]),
        "starts": lambda: starts.print_convert_starts(rounds if quick else 15),
        "stages": lambda: stages.print_stages(loads[0], rounds),
        "torture": lambda: torture.print_outcomes(peers, details=False),
    }
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors", end="")
    print(f", fhir.resources {version('fhir.resources')}, orjson {version('orjson')}\n")
    for name in given.parts or parts:
        print(f"## {TITLES[name]}\n")
        parts[name]()


TITLES = {
    "convert": "A case",
    "files": "Many cases, file to file",
    "growth": "A case of any size",
    "starts": "Starts",
    "stages": "Where the time goes",
    "torture": "What each makes of odd input",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(TITLES))
    parser.add_argument("--quick", action="store_true", help="a tenth of the cases, three rounds, 2,000 mixed cases")
    parser.add_argument("--no-peers", action="store_true", help="of the peers fhir.resources only")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cases", type=int, help="mixed cases, file to file")
    given = parser.parse_args()
    if unknown := [name for name in given.parts if name not in TITLES]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(TITLES)}")
    return given


if __name__ == "__main__":
    main()
