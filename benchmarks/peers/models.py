"""Models of FHIR in Python: the dicts of by_hand.py, resource by resource through a model's constructor, and dumped.

Called with the name of a package: fhir.resources or fhircraft.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from by_hand import ByHand

from peers.serving import Convert, Made, serve


def fhir_resources(tables: dict[str, Any]) -> Convert:
    """fhir.resources for R4B, which is R4 for these types."""
    return _by(ByHand(tables), bundle_text())


def bundle_text() -> Callable[[dict[str, Any]], str]:
    """Makes a Bundle of fhir.resources by its models' constructors, and dumps it."""
    from fhir.resources.R4B import get_fhir_model_class
    from fhir.resources.R4B.bundle import Bundle, BundleEntry, BundleEntryRequest

    def build(bundle: dict[str, Any]) -> str:
        entries = []
        for entry in bundle["entry"]:
            resource = dict(entry["resource"])
            model = get_fhir_model_class(resource.pop("resourceType"))
            request = BundleEntryRequest(**entry["request"])
            entries.append(BundleEntry(fullUrl=entry["fullUrl"], resource=model(**resource), request=request))
        text: str = Bundle(type=bundle["type"], entry=entries).model_dump_json()
        return text

    return build


def fhircraft(tables: dict[str, Any]) -> Convert:
    """fhircraft's models for R4, which check the invariants of R4 with its own FHIRPath."""
    from fhircraft import R4

    def build(bundle: dict[str, Any]) -> str:
        entries = []
        for entry in bundle["entry"]:
            resource = entry["resource"]
            entry["resource"] = getattr(R4, resource.pop("resourceType"))(**resource)
            entries.append(R4.BundleEntry(**entry))
        text: str = R4.Bundle(type=bundle["type"], entry=entries).model_dump_json(exclude_none=True)
        return text

    return _by(ByHand(tables), build)


def _by(hand: ByHand, build: Callable[[dict[str, Any]], str]) -> Convert:
    return lambda facts: Made(build(hand(facts)))


def _read(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


if __name__ == "__main__":
    known = {"fhir.resources": fhir_resources, "fhircraft": fhircraft}
    serve(version(sys.argv[1]), known[sys.argv[1]], _read)
