"""fhiratwill's assemble_bundle: each value as the words that a narrative would have, under the name of its element."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from peers.serving import Convert, Made, serve

# keys of a fact -> elements, by section; a fact is an instance of its resource
SECTIONS = {
    "conditions": (
        "Condition",
        {"name": "code", "kind": "category", "site": "bodySite", "onset": "onsetDateTime"},
    ),
    "labs": ("Observation", {"analyte": "code", "at": "effectiveDateTime"}),
    "medications": (
        "MedicationStatement",
        {"drug": "medicationCodeableConcept", "status": "status", "start": "effectivePeriod", "for": "reasonReference"},
    ),
    "procedures": (
        "Procedure",
        {
            "procedure": "code",
            "kind": "category",
            "status": "status",
            "at": "performedDateTime",
            "for": "reasonReference",
        },
    ),
}


def converter(_: dict[str, Any]) -> Convert:
    """It looks no codes up, so the tables are not used."""
    from fhiratwill.assembly import assemble_bundle

    def convert(facts: dict[str, Any]) -> Made:
        made = assemble_bundle(list(_entities(facts)), seed=facts["case"]["id"])
        notes = (f"{one.resource_type}.{one.element} {one.action}: {one.detail}" for one in made.notes)
        return Made(made.bundle.model_dump_json(), tuple(notes))

    return convert


def _entities(facts: dict[str, Any]) -> Iterator[dict[str, str]]:
    person = facts["patient"]
    yield _entity("Patient", "patient", "gender", person["sex"])
    yield _entity("Patient", "patient", "birthDate", person["birth_date"])
    yield _entity("Patient", "patient", "deceasedBoolean", "false")
    for section, (kind, elements) in SECTIONS.items():
        for number, fact in enumerate(facts[section]):
            name = fact.get("id") or f"{section}-{number}"
            for key, element in elements.items():
                if key in fact:
                    yield _entity(kind, name, element, str(fact[key]))
            if section == "labs":
                value = f"{fact['value']} {fact['unit']}"
                yield _entity(kind, name, "valueQuantity", value if fact["value"] != "" else "")
                yield _entity(kind, name, "category", "Laboratory")
    yield _entity("Provenance", "case", "recorded", facts["case"]["recorded"])
    yield _entity("Provenance", "case", "target", "case")
    yield _entity("Provenance", "case", "agent", "fhirconv")


def _entity(kind: str, instance: str, element: str, value: str) -> dict[str, str]:
    return {"resourceType": kind, "instance": instance, "keyword": element, "value": value}


if __name__ == "__main__":
    serve(
        version("fhiratwill"), converter, lambda text: json.loads(text, parse_float=str)
    )  # it takes words, digits and all
