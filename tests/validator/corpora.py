"""What validators are compared on: HL7's own examples and mCODE's, read straight from their packages.

The third corpus, resources broken on purpose, is tests.validator.broken. Each resource is a Sample: a name and its bytes.
"""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterator
from typing import NamedTuple

from . import install

MAX_BYTES = 2_000_000  # HL7's engine takes minutes for some files above it, all of them lists of definitions

# The types that patient data are exchanged in. Definitions (ValueSet, SearchParameter, ...) follow rules of their own.
TYPES = frozenset(
    [
        *(
            "AllergyIntolerance",
            "Appointment",
            "AuditEvent",
            "BodyStructure",
            "Bundle",
            "CarePlan",
            "CareTeam",
            "Communication",
        ),
        *(
            "Composition",
            "Condition",
            "Consent",
            "Coverage",
            "Device",
            "DiagnosticReport",
            "DocumentReference",
            "Encounter",
        ),
        *("FamilyMemberHistory", "Goal", "Group", "ImagingStudy", "Immunization", "List", "Location", "Medication"),
        *("MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation"),
        *("Organization", "Patient", "Practitioner", "PractitionerRole", "Procedure", "Provenance", "Questionnaire"),
        *("QuestionnaireResponse", "RelatedPerson", "RiskAssessment", "ServiceRequest", "Specimen", "Task"),
    ]
)


class Sample(NamedTuple):
    """One resource to be judged; `name` says where it comes from, `at` where it is broken on purpose (FHIRPath)."""

    name: str
    content: bytes
    at: str = ""


def examples(types: Collection[str] = TYPES) -> Iterator[Sample]:
    """HL7's examples of R4 of these resource types (all types when empty), in the order of their names."""
    return _members(install.EXAMPLES, "package/", types)


def mcode(types: Collection[str] = ()) -> Iterator[Sample]:
    """The examples in mCODE's package, of these resource types (all types when empty)."""
    guide = next(package for package in install.GUIDES if package.name == "hl7.fhir.us.mcode")
    return _members(guide, "package/example/", types)


def _members(package: install.Package, folder: str, types: Collection[str]) -> Iterator[Sample]:
    with tarfile.open(package.path) as archive:
        members = [m for m in archive if m.name.startswith(folder) and m.name.count("/") == folder.count("/")]
        for member in sorted(members, key=lambda m: m.name):
            name = member.name.removeprefix(folder)
            is_resource = "-" in name and name.endswith(".json")  # and not package.json or .index.json
            if is_resource and (not types or name.partition("-")[0] in types) and member.size <= MAX_BYTES:
                file = archive.extractfile(member)
                assert file is not None
                yield Sample(name, file.read())
