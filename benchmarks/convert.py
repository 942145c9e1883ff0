"""How fast a case becomes a Bundle: ratios in one run, over distinct cases of 20 resources and of 120 lab values.

    python benchmarks/convert.py [--rounds 9] [--quick] [--no-peers]

Floors: dump_json and orjson.dumps of the finished Bundles, each another one ("cold": a Bundle that was dumped just before
takes half of the time). By hand: the same Bundles, byte for byte, from a program written for just these cases (by_hand.py),
without checks. Ours: from facts that were checked before; from the JSON text of the facts, with more and more checks.
Peers: see peers/service.py. CPU time of one thread; rounds interleaved; medians of the ratios within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from contextlib import ExitStack

import orjson
from by_hand import ByHand
from loads import LABS, REFERENCE, Load, case_facts, json_text, tables_by_hand, with_decimals
from peers.service import MODELS, Peer, Service, started, there
from timing import Way, cpu, digits, print_table, ratio, rounds_of

from fhirconv.build import Build
from fhirconv.bundle import dump_json, make_bundle
from fhirconv.conversion import Conversion, convert_document
from fhirconv.facts import Case, read_case
from fhirconv.mapping import Mappings, load_mappings
from fhirconv.source import read_bytes

__all__ = ["CASES", "case_facts"]

CASES = REFERENCE.count
FLOOR = "dump_json of the finished Bundle, cold (floor)"


def bundle_alone(case: Case, mappings: Mappings) -> bytes:
    """The Bundle of checked facts, and no check of it."""
    build = Build(case, mappings, "transaction")
    build.run()
    return dump_json(make_bundle(build.entries, "transaction"))


def converted(text: bytes, mappings: Mappings, validate: bool = True) -> Conversion:
    """What the library makes of a case's JSON text."""
    return convert_document(read_bytes(text, "x.json"), mappings, validate=validate)


def own_ways(load: Load, texts: list[bytes]) -> list[Way]:
    """The floors, the program by hand, and ours; asserts that the program by hand makes the same bytes."""
    mappings, mcode = load_mappings(), load_mappings(profile="mcode")
    facts = [with_decimals(text) for text in texts]
    done = [converted(text, mappings) for text in texts]
    cases, bundles = [one.case for one in done], [one.bundle for one in done]
    hand = ByHand(tables_by_hand(mappings, facts))
    assert all(dump_json(hand(one)) == dump_json(bundle) for one, bundle in zip(facts, bundles, strict=True))
    plain = [json.loads(dump_json(bundle)) for bundle in bundles]
    size, count = len(dump_json(bundles[0])), len(bundles[0]["entry"] if bundles[0] else [])
    print(f"{load.name}: {len(texts)} distinct cases, {count} resources and {size} bytes each", end="")
    return [
        Way(FLOOR, lambda: cpu(dump_json, bundles)),
        Way("orjson.dumps of it, numbers as floats", lambda: cpu(orjson.dumps, plain)),
        Way("by hand: facts → Bundle → bytes", lambda: cpu(lambda one: dump_json(hand(one)), facts), "none"),
        Way("fhirconv: checked facts → bytes", lambda: cpu(lambda case: bundle_alone(case, mappings), cases), "none"),
        Way(
            "fhirconv: JSON text → bytes",
            lambda: cpu(lambda text: bundle_alone(read_case(read_bytes(text, "x.json")), mappings), texts),
            "schema of the facts",
        ),
        Way(
            "fhirconv: with facts checks",
            lambda: cpu(lambda text: converted(text, mappings, validate=False).json(), texts),
            "all of the facts",
        ),
        Way(
            "fhirconv: with facts checks and base validation",
            lambda: cpu(lambda text: converted(text, mappings).json(), texts),
            "all of the facts, all of R4",
        ),
        Way(
            "fhirconv: the same, profile mcode",
            lambda: cpu(lambda text: converted(text, mcode).json(), texts),
            "all of the facts, R4, mCODE",
        ),
    ]


def peer_ways(peers: list[tuple[Peer, Service]], load: Load, texts: list[bytes]) -> list[Way]:
    """The peers, warmed up, each in a process of its own."""
    mappings = load_mappings()
    tables = tables_by_hand(mappings, [json.loads(text) for text in texts])
    for peer, service in peers:
        service.load(texts[: load.few * peer.speed], tables)
    return [Way(peer.name, service.time, peer.checks) for peer, service in peers]


def print_load(load: Load, rounds: int, peers: list[tuple[Peer, Service]]) -> None:
    """The table of one load."""
    texts = [json_text(load.facts(number)) for number in range(load.count)]
    ways = [*own_ways(load, texts), *peer_ways(peers, load, texts)]
    print(f"; {rounds} rounds; load of the machine {os.getloadavg()[0]:.1f}\n")
    times = rounds_of(ways, rounds)
    models = times.get(MODELS)
    rows = []
    for way in ways:
        taken = times[way.name]
        faster = digits(ratio(models, taken)) if models else "-"
        rows.append(
            (way.name, digits(ratio(taken, times[FLOOR])), faster, f"{statistics.median(taken):.0f}", way.note or "-")
        )
    print_table(("", "× floor", "fhir.resources ÷ it", "µs CPU here", "checks"), rows)
    print()


def print_loads(loads: list[Load], rounds: int, with_peers: bool) -> None:
    """The tables of all loads; the peers stay up between them."""
    with ExitStack() as stack:
        peers = [(peer, stack.enter_context(started(peer))) for peer in there(with_peers)]
        for load in loads:
            print_load(load, rounds, peers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--no-peers", action="store_true", help="of the peers fhir.resources only")
    parser.add_argument("--quick", action="store_true", help="a tenth of the cases")
    given = parser.parse_args()
    loads = [load.tenth() if given.quick else load for load in (REFERENCE, LABS)]
    print_loads(loads, given.rounds, not given.no_peers)


if __name__ == "__main__":
    main()
