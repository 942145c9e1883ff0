"""The drug of a statement that refers to a Medication: read as if its code stood in the statement itself.

Spec: https://hl7.org/fhir/R4/medicationstatement-definitions.html#MedicationStatement.medication_x_
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhirconv.back.reading import without
from fhirconv.back.resources import Resource

_REFERENCE, _CONCEPT = "medicationReference", "medicationCodeableConcept"


def take_drug(resource: Resource, find: Callable[[str], Resource | None]) -> Resource | None:
    """Puts the code of the Medication in the place of the reference to it; returns the Medication if it is a resource of
    its own, contained in none. What else the Medication says stays where it is, to be reported."""
    link = resource.data.get(_REFERENCE)
    if not isinstance(link, dict) or _CONCEPT in resource.data:
        return None
    name = link.get("reference")
    if not isinstance(name, str):
        return None
    if name.startswith("#"):
        _take_contained(resource, link, name[1:])
        return None
    found = find(name)
    if found is None or not _names_a_drug(found.data):
        return None
    resource.data = _with_drug(resource.data, link, found.data["code"])
    return found


def _names_a_drug(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and data.get("resourceType") == "Medication"
        and isinstance(data.get("code"), dict)
        and data.get("status") != "entered-in-error"
        and "modifierExtension" not in data
    )


def _with_drug(data: dict[str, Any], link: dict[str, Any], code: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in data.items() if key != _REFERENCE} | {_CONCEPT: code}
    rest = without(link, "reference", "type", "display")  # these only repeat what the Medication says
    return made | ({_REFERENCE: rest} if rest else {})


def _take_contained(resource: Resource, link: dict[str, Any], name: str) -> None:
    given = resource.data.get("contained")
    contained = given if isinstance(given, list) else []
    for one in contained:
        if _names_a_drug(one) and one.get("id") == name:
            made = _with_drug(resource.data, link, one["code"])
            inner = without(one, "resourceType", "id", "code")
            others = [inner if other is one else other for other in contained]
            resource.data = made | {"contained": [other for other in others if other is not None]}
            return
