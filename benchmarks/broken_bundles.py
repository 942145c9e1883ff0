"""The Bundles of convert.py, each broken in one way: so that a validator that is fast because it does nothing shows.

They are no measure of how well a validator finds errors: for that see tests/validator.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

GONE = object()
TEXT = {"text": "made up"}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">%s</div>'


class Break(NamedTuple):
    """One change that makes a right Bundle wrong, at a path in the entry of a resource of that type."""

    layer: str
    type: str
    path: str
    value: Any


class FullUrl(NamedTuple):
    """In place of a value: the fullUrl of the Bundle's first resource of a type."""

    type: str


class Broken(NamedTuple):
    """A broken Bundle, and the JSON Pointer of what was changed in it."""

    bundle: dict[str, Any]
    pointer: str
    change: Break


BREAKS = (
    Break("structure", "Observation", "resource.status", GONE),
    Break("structure", "Observation", "resource.statuss", "final"),
    Break("structure", "Observation", "resource.code.coding", {"system": "http://loinc.org", "code": "6875-9"}),
    Break("structure", "Observation", "resource.valueQuantity.value", "12.5"),
    Break("structure", "Patient", "resource.deceasedBoolean", "false"),
    Break("structure", "Patient", "resource.gender", None),
    Break("structure", "Condition", "resource.subject", GONE),
    Break("structure", "Condition", "resource.code.text", ""),
    Break("structure", "Procedure", "resource.performedPeriod", {"start": "2020"}),
    Break("structure", "Procedure", "resource.resourceType", "Procedur"),
    Break("structure", "MedicationStatement", "resource.reasonReference", []),
    Break("structure", "MedicationStatement", "resource.medicationCodeableConcept", GONE),
    Break("structure", "Provenance", "resource.agent", GONE),
    Break("structure", "Provenance", "resource.agent.0.who", GONE),
    Break("structure", "Patient", "resource.birthDate", "1943-02-30"),
    Break("structure", "Observation", "resource.effectiveDateTime", "2013-3-4"),
    Break("structure", "Condition", "resource.onsetDateTime", "in 2013"),
    Break("structure", "Provenance", "resource.recorded", "2013-12-31T12:00:00"),
    Break("structure", "Procedure", "resource.identifier.0.system", "urn:uuid:1"),
    Break("bindings", "Patient", "resource.gender", "femalee"),
    Break("bindings", "Observation", "resource.status", "done"),
    Break("bindings", "Procedure", "resource.status", "complete"),
    Break("bindings", "MedicationStatement", "resource.status", "taken"),
    Break("bindings", "Condition", "resource.text.status", "made"),
    Break("invariants", "Observation", "resource.dataAbsentReason", TEXT),  # obs-6
    Break("invariants", "Observation", "resource.referenceRange", [{"appliesTo": [TEXT]}]),  # obs-3
    Break("invariants", "Observation", "resource.valueQuantity.system", GONE),  # qty-3
    Break("invariants", "MedicationStatement", "resource.effectivePeriod.end", "2001-01"),  # per-1
    Break("invariants", "Condition", "resource.abatementDateTime", "2024"),  # con-4
    Break("invariants", "Patient", "resource.contact", [{"gender": "male"}]),  # pat-1
    Break("references", "Observation", "resource.subject.reference", FullUrl("Condition")),
    Break("references", "Condition", "resource.subject.reference", "Medication/1"),
    Break("references", "Procedure", "resource.reasonReference", [{"reference": "Patient/1"}]),
    Break(
        "references",
        "MedicationStatement",
        "resource.subject.reference",
        "urn:uuid:00000000-0000-4000-8000-000000000000",
    ),
    Break("references", "Condition", "fullUrl", FullUrl("Patient")),
    Break("references", "Observation", "request", GONE),
    Break("references", "Procedure", "request.method", "PUTT"),
    Break("codes", "Observation", "resource.valueQuantity.code", "g/dll"),
    Break("codes", "Observation", "resource.code.coding.0.code", "6875-1"),  # its check digit is 9
    Break("codes", "Observation", "resource.category.0.coding.0.code", "labs"),
    Break("narrative", "Condition", "resource.text.div", DIV % "<p>one<script>two()</script></p>"),
    Break("narrative", "Procedure", "resource.text.div", DIV % "<p>one"),
)


def broken_bundles(bundles: list[dict[str, Any]]) -> Iterator[Broken]:
    """Each Bundle broken in one way: one way after the other, in another resource of the type each time round."""
    ways = zip(itertools.cycle(BREAKS), itertools.count(), bundles, strict=False)
    return (_broken(bundle, change, number // len(BREAKS)) for change, number, bundle in ways)


def _broken(right: dict[str, Any], change: Break, turn: int) -> Broken:
    bundle = copy.deepcopy(right)
    places = _places(bundle, change.type)
    steps = [
        "entry",
        places[turn % len(places)],
        *(int(step) if step.isdigit() else step for step in change.path.split(".")),
    ]
    *before, last = steps
    around: Any = bundle
    for step in before:
        around = around[step]
    if change.value is GONE:
        del around[last]
    elif isinstance(change.value, FullUrl):
        around[last] = bundle["entry"][_places(bundle, change.value.type)[0]]["fullUrl"]
    else:
        around[last] = change.value
    return Broken(bundle, "".join(f"/{step}" for step in steps), change)


def _places(bundle: dict[str, Any], type_name: str) -> list[int]:
    return [i for i, entry in enumerate(bundle["entry"]) if entry["resource"]["resourceType"] == type_name]
