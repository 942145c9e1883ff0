"""Drugs that stand in a Medication of their own, to which a MedicationStatement leads.

Facts have the drug itself: the code of that Medication is read as if it stood in the statement. The other elements of the
Medication are reported. Spec: https://hl7.org/fhir/R4/medicationstatement-definitions.html#MedicationStatement.medication_x_
"""

from __future__ import annotations

from typing import Any

from fhirconv.back.names import Names
from fhirconv.back.reading import leaves, without
from fhirconv.back.report import Report
from fhirconv.back.resources import Resource
from fhirconv.back.shapes import shaped

_REFERENCE, _CONCEPT = "medicationReference", "medicationCodeableConcept"
_READ = ("resourceType", "id", "meta", "code")  # and what no statement is


def resolve_medication(resource: Resource, names: Names, report: Report) -> Resource | None:
    """Puts the drug that a resource refers to into it; returns the Medication, if it is a resource of its own."""
    said = resource.data.get(_REFERENCE)
    reference = said.get("reference") if isinstance(said, dict) else None
    if not isinstance(reference, str) or _CONCEPT in resource.data:
        return None
    if reference.startswith("#"):
        _resolve_contained(resource, reference[1:], report)
        return None
    found = names.find(reference, resource)
    if found is None or not _is_drug(found.data):
        return None
    resource.data = _with_drug(resource.data, found.data)
    return found


def report_medication(medication: Resource, report: Report) -> None:
    """Reports what was not read of a Medication whose code was."""
    for path in leaves(_others(medication.data)):
        report.note("left", "Medication", path, medication.where)


def _resolve_contained(resource: Resource, name: str, report: Report) -> None:
    def tell(path: str) -> None:
        report.note("left", resource.type, f"contained.{path}", resource.where)

    inside = resource.data.get("contained", [])
    found = next((one for one in inside if isinstance(one, dict) and one.get("id") == name), {})
    if found.get("resourceType") != "Medication" or not _is_drug(found):
        return
    drug = shaped(found, "Medication", tell)
    if "code" in drug:
        data = _with_drug(resource.data, drug)
        rest = [one for one in inside if one is not found] + [left for left in [_others(drug)] if left]
        resource.data = {**data, "contained": rest} if rest else without(data, "contained") or {}


def _is_drug(data: dict[str, Any]) -> bool:
    return (
        data.get("resourceType") == "Medication"
        and isinstance(data.get("code"), dict)
        and data.get("status", "active") != "entered-in-error"
        and "modifierExtension" not in data
    )


def _with_drug(data: dict[str, Any], medication: dict[str, Any]) -> dict[str, Any]:
    rest = without(data[_REFERENCE], "reference", "type", "display")  # type and words only repeat what it leads to
    kept = {key: value for key, value in data.items() if key != _REFERENCE}
    return {**kept, _CONCEPT: medication["code"], **({_REFERENCE: rest} if rest else {})}


def _others(medication: dict[str, Any]) -> dict[str, Any]:
    narrative = medication.get("text")
    is_made = isinstance(narrative, dict) and narrative.get("status") in ("generated", "empty")
    return without(medication, *_READ, *(["text"] if is_made else []), *_active(medication)) or {}


def _active(medication: dict[str, Any]) -> tuple[str, ...]:
    return ("status",) if medication.get("status") == "active" else ()
