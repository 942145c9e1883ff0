"""Where the time of a conversion goes: each stage in multiples of the cold floor.

    python benchmarks/stages.py [--rounds 9] [--labs] [--profile mcode]

The stages are called as conversion.convert_document calls them, over distinct cases, each timed by itself; the clock costs
some 0.1 microsecond a stage. The last line is the whole without the clock between. This is the one benchmark that knows
what a conversion is made of, and has to follow when that changes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from convert import converted
from loads import LABS, REFERENCE, Load, json_text
from timing import Times, Way, cpu, digits, print_table, ratio, rounds_of

from fhirconv import conversion
from fhirconv.build import Build
from fhirconv.bundle import dump_json, make_bundle
from fhirconv.checks import check_case
from fhirconv.evidence import check_evidence
from fhirconv.facts import read_case
from fhirconv.issues import by_place
from fhirconv.mapping import DEFAULT_PROFILE, Mappings, load_mappings
from fhirconv.plausibility import check_plausibility
from fhirconv.source import read_bytes
from fhirconv.validation.fast import findings_of
from fhirconv.validation.located import located
from fhirconv.validation.profiled import claim_findings

T = TypeVar("T")


class Stopwatch:
    """CPU time by the name of a stage."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = defaultdict(float)

    def __call__(self, name: str, work: Callable[..., T], *given: Any) -> T:
        start = time.thread_time()
        result = work(*given)
        self.taken[name] += time.thread_time() - start
        return result


def convert_in_stages(text: bytes, mappings: Mappings, stage: Stopwatch) -> bytes:
    """What conversion.convert_document does with a case that is right."""
    tables = mappings.tables
    document = stage("read JSON, hold it against the limits", read_bytes, text, "x.json")
    case = stage("facts with identity", read_case, document)
    suspects = stage("schema, checks: times, numbers, units, references", check_case, case, tables, mappings.limits)
    stage("evidence", check_evidence, case, None)
    stage("plausibility", check_plausibility, case, tables, mappings.limits, suspects)
    build = stage("which rules, which ids", Build, case, mappings, "transaction")
    stage("nothing is lost", conversion._check_nothing_lost, case, build)
    stage("resources", build.run)
    bundle = stage("Bundle", make_bundle, build.entries, "transaction")
    findings = stage("base validation", findings_of, bundle)
    if mappings.profile != DEFAULT_PROFILE:
        findings += stage("profiles", claim_findings, bundle)
    stage("findings to lines", lambda: list(located(findings, bundle, case, build)))
    stage("issues in order", by_place, case.issues)
    return stage("bytes", dump_json, bundle)


def times_of(texts: list[bytes], mappings: Mappings, rounds: int) -> tuple[Times, Times]:
    """Microseconds a case: of the floor and the whole, and of the stages in the same rounds."""
    bundles = [converted(text, mappings).bundle for text in texts]
    stages: Times = defaultdict(list)

    def in_stages() -> float:
        stage = Stopwatch()
        for text in texts:
            convert_in_stages(text, mappings, stage)
        for name, taken in stage.taken.items():
            stages[name].append(taken / len(texts) * 1e6)
        return sum(stage.taken.values()) / len(texts) * 1e6

    ways = [
        Way("floor", lambda: cpu(dump_json, bundles)),
        Way("sum of the stages", in_stages),
        Way("the whole", lambda: cpu(lambda text: converted(text, mappings).json(), texts)),
    ]
    times = rounds_of(ways, rounds)
    return times, {name: taken[1:] for name, taken in stages.items()}  # without the round that is not counted


def print_stages(load: Load, rounds: int, profile: str = "r4") -> None:
    """The table."""
    texts = [json_text(load.facts(number)) for number in range(load.count)]
    times, stages = times_of(texts, load_mappings(profile=profile), rounds)
    print(f"{load.name}: {len(texts)} distinct cases; {rounds} rounds; load of the machine {os.getloadavg()[0]:.1f}\n")
    rows = [
        (name, digits(ratio(taken, times["floor"])), f"{statistics.median(taken):.1f}")
        for name, taken in (stages | times).items()
    ]
    print_table(("", "× floor", "µs CPU here"), rows)
    print()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--labs", action="store_true", help="the case with 120 lab values")
    parser.add_argument("--profile", default=DEFAULT_PROFILE)
    given = parser.parse_args()
    print_stages(LABS if given.labs else REFERENCE, given.rounds, given.profile)


if __name__ == "__main__":
    main()
