"""Stand-ins for the US Core 6.1.0 definitions that mCODE points at.

US Core lies on none of the registries that we use. mCODE's profiles carry full snapshots, so every rule that they
inherit from US Core is checked without it; but a profile or value set that discriminates a slice and cannot be found
makes HL7's engine and HAPI report errors on correct resources. A stand-in profile names its base type and constrains
nothing; of the value sets only those that discriminate slices are here, with the codes that US Core lists.
The names below are canonicals that the profiles of hl7.fhir.us.mcode 4.0.0 name and no package here defines.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

VERSION = "6.1.0"

_R4 = "http://hl7.org/fhir/StructureDefinition/"
_US_CORE = "http://hl7.org/fhir/us/core"
_PROFILES = {
    "careplan": "CarePlan",
    "careteam": "CareTeam",
    "condition-problems-health-concerns": "Condition",
    "documentreference": "DocumentReference",
    "encounter": "Encounter",
    "medication": "Medication",
    "medicationrequest": "MedicationRequest",
    "observation-clinical-result": "Observation",
    "observation-lab": "Observation",
    "organization": "Organization",
    "patient": "Patient",
    "practitioner": "Practitioner",
    "practitionerrole": "PractitionerRole",
    "procedure": "Procedure",
    "questionnaireresponse": "QuestionnaireResponse",
    "relatedperson": "RelatedPerson",
    "servicerequest": "ServiceRequest",
    "simple-observation": "Observation",
    "specimen": "Specimen",
    "vital-signs": "Observation",
}
_EXTENSIONS = ("birthsex", "ethnicity", "genderIdentity", "race", "sex", "tribal-affiliation")

_HL7 = "http://terminology.hl7.org/CodeSystem"
_CODE_SYSTEMS = {
    "condition-category": ("problem", "health-concern"),
    "us-core-category": ("sdoh", "functional-status", "disability-status", "cognitive-status"),
}
# Value set: the codes of each system in it; None: all of them.
_VALUE_SETS: dict[str, dict[str, tuple[str, ...] | None]] = {
    "us-core-problem-or-health-concern": {
        f"{_HL7}/condition-category": ("problem-list-item",),
        f"{_US_CORE}/CodeSystem/condition-category": ("health-concern",),
    },
    "us-core-screening-assessment-condition-category": {f"{_US_CORE}/CodeSystem/us-core-category": None},
    "us-core-simple-observation-category": {
        f"{_US_CORE}/CodeSystem/us-core-category": None,
        f"{_HL7}/observation-category": None,
    },
    "us-core-clinical-result-observation-category": {
        f"{_HL7}/observation-category": (
            *("laboratory", "exam", "therapy", "imaging"),
            *("procedure", "vital-signs", "activity"),
        ),
    },
}


def write(folder: Path) -> list[Path]:
    """Write all stand-ins into a folder, made anew, one JSON file each; returns the files, sorted."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    definitions = [_profile(name, base) for name, base in _PROFILES.items()]
    definitions += [_extension(name) for name in _EXTENSIONS]
    definitions += [_code_system(name, codes) for name, codes in _CODE_SYSTEMS.items()]
    definitions += [_value_set(name, systems) for name, systems in _VALUE_SETS.items()]
    for definition in definitions:
        path = folder / f"{definition['resourceType']}-{definition['id']}.json"
        path.write_text(json.dumps(definition), encoding="utf-8")
    return sorted(folder.glob("*.json"))


def _head(kind: str, name: str) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": name,
        "url": f"{_US_CORE}/{kind}/{name}",
        "version": VERSION,
        "name": "StandIn" + name.title().replace("-", ""),
        "status": "active",
        "description": "Stand-in written for offline checks. Not US Core.",
    }


def _profile(name: str, base: str, kind: str = "resource") -> dict[str, Any]:
    return _head("StructureDefinition", f"us-core-{name}") | {
        "fhirVersion": "4.0.1",
        "kind": kind,
        "abstract": False,
        "type": base,
        "baseDefinition": _R4 + base,
        "derivation": "constraint",
        "differential": {"element": [{"id": base, "path": base}]},
    }


def _extension(name: str) -> dict[str, Any]:
    definition = _profile(name, "Extension", "complex-type")
    definition["context"] = [{"type": "element", "expression": "Patient"}]
    definition["differential"]["element"].append(
        {"id": "Extension.url", "path": "Extension.url", "fixedUri": definition["url"]}
    )
    return definition


def _concepts(codes: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"code": code} for code in codes]


def _code_system(name: str, codes: tuple[str, ...]) -> dict[str, Any]:
    return _head("CodeSystem", name) | {"content": "complete", "caseSensitive": True, "concept": _concepts(codes)}


def _value_set(name: str, systems: dict[str, tuple[str, ...] | None]) -> dict[str, Any]:
    include = [
        {"system": system} | ({"concept": _concepts(codes)} if codes else {}) for system, codes in systems.items()
    ]
    return _head("ValueSet", name) | {"compose": {"include": include}}
