"""How fast a case becomes a Bundle: ratios in one run, over 300 distinct cases of 20 resources.

    python benchmarks/convert.py [--rounds 9]

Floor: orjson.dumps of the finished Bundles. By hand: the same Bundles from a program written for just these cases
(by_hand.py), without checks. Peer: the same Bundles built with the models of fhir.resources and dumped.
Ours: from facts that were checked before; from facts; from the JSON text of the facts.
Thread CPU time, rounds interleaved; medians of the ratios within a round, because the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import orjson
from by_hand import ByHand

from fhirconv.build import Build
from fhirconv.bundle import dump_json, make_bundle
from fhirconv.conversion import Conversion, convert_document
from fhirconv.facts import Case
from fhirconv.mapping import load_mappings
from fhirconv.source import read_bytes, read_value

CASES = 300
ANALYTES = (("Hb", "g/dL", 9.5), ("platelets", "10*3/uL", 150), ("CA15-3", "U/mL", 30.6), ("CEA", "ng/mL", 5.2))


def case_facts(number: int) -> dict[str, Any]:
    """A made-up case that becomes 20 resources, different for each number."""
    labs = [
        {
            "analyte": ANALYTES[i % 4][0],
            "value": round(ANALYTES[i % 4][2] + number / 100 + i, 2),
            "unit": ANALYTES[i % 4][1],
            "at": f"20{10 + number % 14}-{i + 1:02d}-{number % 27 + 1:02d}",
        }
        for i in range(10)
    ]
    year = f"20{10 + number % 14}"
    return {
        "case": {"id": f"case-{number}", "recorded": f"{year}-12-31T12:00:00Z"},
        "patient": {"sex": "female", "birth_date": f"19{40 + number % 40}", "vital_status": "alive"},
        "conditions": [
            {"id": "primary", "kind": "primary-cancer", "name": "breast cancer", "site": "breast", "onset": f"{year}-01"},
            {"id": "bone", "kind": "metastasis", "name": "bone metastasis", "of": "primary", "onset": f"{year}-02"},
            {"id": "anemia", "kind": "other", "name": "anemia", "onset": f"{year}-03"},
        ],
        "labs": labs,
        "medications": [
            {"drug": drug, "status": "active", "start": f"{year}-{month:02d}", "for": "primary"}
            for month, drug in ((1, "letrozole"), (6, "palbociclib"), (7, "fulvestrant"))
        ],
        "procedures": [
            {"procedure": "PET-CT", "kind": "imaging", "status": "completed", "at": f"{year}-02-{number % 27 + 1:02d}"},
            {"procedure": "needle biopsy", "kind": "biopsy", "status": "completed", "at": f"{year}-01", "for": "primary"},
        ],
    }  # fmt: skip


def models_by_hand() -> Callable[[dict[str, Any]], Any]:
    """Builds a Bundle with the models of fhir.resources, by their constructors, from the values of a finished one."""
    from fhir.resources.R4B import get_fhir_model_class
    from fhir.resources.R4B.bundle import Bundle, BundleEntry, BundleEntryRequest

    def build(bundle: dict[str, Any]) -> Any:
        entries = []
        for entry in bundle["entry"]:
            resource = dict(entry["resource"])
            model = get_fhir_model_class(resource.pop("resourceType"))
            request = BundleEntryRequest(**entry["request"])
            entries.append(BundleEntry(fullUrl=entry["fullUrl"], resource=model(**resource), request=request))
        return Bundle(type=bundle["type"], entry=entries)

    return build


def measure(work: Callable[[Any], object], items: list[Any]) -> float:
    """Microseconds of CPU an item."""
    start = time.thread_time()
    for item in items:
        work(item)
    return (time.thread_time() - start) / len(items) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    mappings = load_mappings()
    facts = [case_facts(number) for number in range(CASES)]
    texts = [json.dumps(one).encode() for one in facts]

    def ours(one: dict[str, Any]) -> Conversion:
        result = convert_document(read_value(one), mappings)
        result.json()
        return result

    def ours_alone(case: Case) -> bytes:
        build = Build(case, mappings, "transaction")
        build.run()
        return dump_json(make_bundle(build.entries, "transaction"))

    cases = [ours(one).case for one in facts]
    hand = ByHand(mappings)
    bundles = [ours(one).bundle or {} for one in facts]
    assert all(dump_json(hand(one)) == dump_json(bundle) for one, bundle in zip(facts, bundles, strict=True))
    plain = [json.loads(dump_json(bundle)) for bundle in bundles]
    size, count = len(dump_json(bundles[0])), len(bundles[0]["entry"])
    print(f"{CASES} cases, {count} resources and {size} bytes each, {rounds} rounds; CPU microseconds a case")
    build = models_by_hand()
    some = plain[:30]
    steps: dict[str, Callable[[], float]] = {
        "orjson.dumps of the finished Bundles (floor)": lambda: measure(orjson.dumps, plain),
        "by hand: facts -> Bundle -> bytes": lambda: measure(lambda one: dump_json(hand(one)), facts),
        "checked facts -> Bundle -> bytes": lambda: measure(ours_alone, cases),
        "facts -> checks -> Bundle -> bytes": lambda: measure(ours, facts),
        "JSON text -> checks -> Bundle -> bytes": lambda: measure(
            lambda text: convert_document(read_bytes(text, "x.json"), mappings).json(), texts
        ),
        "fhir.resources by hand + model_dump_json": lambda: measure(lambda one: build(one).model_dump_json(), some),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(step())
    floor, *_, peer = times.values()
    for name, taken in times.items():
        of_floor = statistics.median(t / f for t, f in zip(taken, floor, strict=True))
        of_peer = statistics.median(p / t for t, p in zip(taken, peer, strict=True))
        print(
            f"{name:46} {statistics.median(taken):9.0f}  {of_floor:6.2f} x floor  {of_peer:6.1f} x faster than fhir.resources"
        )


if __name__ == "__main__":
    main()
