"""Which mistakes of a language model fhirconv notices: counted on the two real cases and the texts that they were read from.

    python benchmarks/model_errors.py FOLDER [--draws 200]     # FOLDER holds takanashi-2019.txt and nakagawa-2022.txt

A kind of mistake (mistakes.py) lists the places where it can be made in a case; each draw makes one of them (seeded, half
of the draws in each case) and converts the case with --source. It is noticed when there is an error or a warning that the
case does not have without it. `places` says how many different places there are: with few of them the draws repeat.
"""

from __future__ import annotations

import argparse
import copy
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from mistakes import KINDS, Facts
from timing import print_table

from fhirconv.conversion import convert_document
from fhirconv.mapping import load_mappings
from fhirconv.source import read_file, read_value

CASES = Path(__file__).resolve().parents[1] / "fixtures" / "cases"
NAMES = ("takanashi-2019", "nakagawa-2022")


class Counted(NamedTuple):
    """What became of the draws of a kind."""

    draws: int
    places: int
    noticed: int
    as_error: int
    rules: Counter[str]


@cache
def _mappings() -> Any:
    return load_mappings()


def findings(case: Facts, source: Path) -> Counter[tuple[str, str]]:
    """How many errors and warnings there are of each rule."""
    made = convert_document(read_value(case), _mappings(), source=source)
    return Counter((one.rule, one.severity) for one in made.findings if one.severity != "information")


def count(name: str, folder: Path, draws: int) -> Counted:
    """Draws of one kind, half of them in each case."""
    places = noticed = as_error = 0
    rules: Counter[str] = Counter()
    kind = KINDS[name]
    for case_name in NAMES:
        source = folder / f"{case_name}.txt"
        text = source.read_text(encoding="utf-8")
        sound = read_file(CASES / f"{case_name}.yaml").data
        before = findings(sound, source)
        here = sum(1 for _ in kind(copy.deepcopy(sound), text))
        places += here
        draw = Random(f"{name} {case_name}")
        for _ in range(draws // 2 if here else 0):
            case = copy.deepcopy(sound)
            draw.choice(list(kind(case, text)))(draw)
            new = findings(case, source) - before
            noticed += bool(new)
            as_error += any(severity != "warning" for _, severity in new)
            rules.update({rule for rule, _ in new})
    return Counted(draws, places, noticed, as_error, rules)


def main() -> None:
    """Print the table of docs/language-models.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=200)
    arguments = parser.parse_args()
    rows = []
    for name in KINDS:
        found = count(name, arguments.folder, arguments.draws)
        rules = ", ".join(f"{rule} {times}" for rule, times in found.rules.most_common())
        rows.append([name, str(found.places), str(found.noticed), str(found.as_error), rules or "-"])
    print_table(["mistake", "places", f"noticed, of {arguments.draws}", "as an error", "by rule"], rows)


if __name__ == "__main__":
    main()
