"""How fast a Bundle is validated: ratios in one run, over the 300 distinct Bundles of 20 resources of convert.py.

    python benchmarks/validate.py [--rounds 9]

Floor: orjson.dumps of the Bundles. Peers: see validators.py; those that are not installed are left out, with a line that
says how to get them. Thread CPU time, rounds interleaved; medians of the ratios within a round, because the machine's
speed drifts. A validator in a process of its own is timed by the wall, and held against our wall time of the same round.

Asserted, before and while anything is timed: every validator takes every right Bundle, and fhirconv finds the error in
each of 300 Bundles that are broken in one way. No time is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from contextlib import ExitStack
from typing import Any, NamedTuple

import orjson
from broken_bundles import BREAKS, Broken, broken_bundles
from convert import CASES, case_facts
from starts import print_first_calls, print_memory, print_starts
from validators import LEGEND, Contender, java, json_schema, models, ours, ours_with_profiles, rust

from fhirconv import convert, validate

WARM_UP = 100  # Bundles: a JVM compiles what is used often
LONG = 1000  # cases whose resources make the NDJSON
Bundle = dict[str, Any]


class Taken(NamedTuple):
    """Microseconds a Bundle."""

    cpu: float
    wall: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    right = [finished(number) for number in range(CASES)]
    broken = list(broken_bundles(right))
    assert_found(broken)
    profiled = [finished(number, "mcode") for number in range(CASES)]
    floor = Contender("orjson.dumps of the Bundle (floor)", "", lambda bundle: bool(orjson.dumps(bundle)))
    with ExitStack() as stack:
        engines = java(stack)
        print_table(
            "Base R4",
            [floor, *ours(), *rust(), models(), json_schema(), *engines],
            right,
            broken[: len(BREAKS)],
            rounds,
        )
        print_table("mCODE, profiles too", [floor, *ours_with_profiles(), *engines], profiled, [], rounds)
    print("Checks: " + "\n        ".join(f"{letter}  {meaning}" for letter, meaning in LEGEND.items()))
    print_first_calls(right[0], rounds)
    print_starts(right[0], rounds)
    print_memory([finished(number) for number in range(LONG)])


def finished(number: int, profile: str = "r4") -> Bundle:
    """The Bundle of a case as others would read it: plain JSON data."""
    bundle: Bundle = json.loads(convert(case_facts(number), profile=profile).json())
    return bundle


def assert_found(broken: list[Broken]) -> None:
    """Every broken Bundle has an error, at what was changed, above or below it."""
    missed = [(one.change, one.pointer) for one in broken if not _is_found(one)]
    assert not missed, (
        f"fhirconv does not find the errors of {len(missed)} of {len(broken)} broken Bundles: {missed[:3]}"
    )
    print(f"{len(broken)} Bundles broken in {len(BREAKS)} ways: fhirconv finds each error, where it is")


def _is_found(one: Broken) -> bool:
    places = [issue.place.pointer for issue in validate(one.bundle) if issue.is_error]
    return any(place.startswith(one.pointer) or one.pointer.startswith(place) for place in places)


def print_table(
    title: str, contenders: list[Contender], right: list[Bundle], broken: list[Broken], rounds: int
) -> None:
    """Times the contenders in turn, round by round; the first is the floor, the second ours."""
    size, count, load = len(orjson.dumps(right[0])), len(right[0]["entry"]), os.getloadavg()[0]
    print(f"\n{title}: {len(right)} Bundles, {count} resources and {size} bytes each; {rounds} rounds; load {load:.1f}")
    found = {one.name: _found(one, broken) for one in contenders[1:]} if broken else {}
    samples = {one.name: list(map(one.prepare, right[: round(one.share * len(right))])) for one in contenders}
    for one in contenders:
        _taken(one, list(map(one.prepare, right[-WARM_UP:])))  # others than those that slow ones are timed on
    taken: dict[str, list[Taken]] = {one.name: [] for one in contenders}
    for _ in range(rounds):
        for one in contenders:
            taken[one.name].append(_taken(one, samples[one.name]))
    floor, mine = (taken[one.name] for one in contenders[:2])
    print(f"{'':44} {'x floor':>8} {'x ours':>8} {'us':>9} {'over':>5}  {'checks':8}  {'finds' if found else ''}")
    for one in contenders:
        own, number = taken[one.name], len(samples[one.name])
        clock = "wall" if one.is_process else "cpu"
        ratios = f"{_ratio(own, floor, clock):8.2f} {_ratio(own, mine, clock):8.2f}"
        middle = statistics.median(getattr(each, clock) for each in own)
        print(f"{one.name:44} {ratios} {middle:9.0f} {number:5}  {one.checks:8}  {found.get(one.name, '')}")
    if found:
        print(f"(finds: of {len(broken)} Bundles, each broken in a way of its own; no measure of detection)")


def _ratio(own: list[Taken], other: list[Taken], clock: str) -> float:
    return statistics.median(getattr(a, clock) / getattr(b, clock) for a, b in zip(own, other, strict=True))


def _found(one: Contender, broken: list[Broken]) -> int:
    """In how many broken Bundles it finds an error."""
    return sum(not one.is_right(one.prepare(each.bundle)) for each in broken)


def _taken(one: Contender, items: list[Any]) -> Taken:
    """The time of one pass over the Bundles; all of them must be right."""
    cpu, wall = time.thread_time(), time.perf_counter()
    all_right = all(map(one.is_right, items))
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    assert all_right, f"{one.name} does not take a right Bundle"
    return Taken(cpu / len(items) * 1e6, wall / len(items) * 1e6)


if __name__ == "__main__":
    main()
