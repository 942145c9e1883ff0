"""Our check of profiles against HL7's engine: on mCODE's examples, our golden Bundles, and examples broken in one way."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fhirconv.profiles.check import Profiles
from fhirconv.profiles.packages import load_package
from tests.validator import corpora, install
from tests.validator.oracle import Finding, Oracle

from .broken import BROKEN, Broken, drop, put, rename
from .made import errors

pytestmark = pytest.mark.validator

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "bundles"

# What HL7's engine says of right resources, and we do not: nothing of it is about a profile of mCODE.
EXPLAINED = {
    "example addresses are refused here by our setting": r"Example URLs are not allowed",
    "our stand-ins for US Core's race and ethnicity define no parts": r"Sub-extension url '\w+' is not defined",
    "and so no patient with them conforms": r"Unable to find a profile match for .* among choices",
    "genomics-reporting 2.0.0 lies on no registry": r"Slicing cannot be evaluated: .*/uv/genomics-reporting/",
    "and its code system neither": r"No definition could be found for URL value '.*/uv/genomics-reporting/",
    "without a terminology server it knows no unit": r"CodeSystem 'http://unitsofmeasure.org' could not be found",
}

# Codes of SNOMED CT outside a list that a required binding gives in full: HL7's engine asks a terminology server,
# and only notes that it has none. The spec leaves no doubt, and HAPI's chain calls them errors too.
STRICTER = {
    "normalization basis on a condition",
    "laterality outside its values",
    "laterality of another system",
    "lymphoma method outside its values",
    "rhabdomyosarcoma value outside",
    "evidence type from LOINC",
    "modality outside its values",
    "clinical or pathologic outside",
}


def _wrong(found: list[Finding]) -> set[str]:
    return {finding.message for finding in found if finding.is_error}


def test_right_resources(hl7: Oracle, mcode: Profiles, examples: dict[str, dict[str, Any]]) -> None:
    golden = {path.name: json.loads(path.read_bytes()) for path in sorted(GOLDEN.glob("*.mcode.json"))}
    assert len(examples) >= 178
    assert len(golden) >= 30
    ours, unexplained = {}, {}
    for name, resource in (examples | golden).items():
        theirs = _wrong(hl7.outcome(resource))
        found = errors(resource, mcode)
        if found and not theirs:
            ours[name] = found
        missed = {message for message in theirs if not any(re.search(p, message) for p in EXPLAINED.values())}
        if missed:
            unexplained[name] = missed
    assert ours == {}
    assert unexplained == {}


def test_broken_resources(hl7: Oracle, mcode: Profiles, examples: dict[str, dict[str, Any]]) -> None:
    before: dict[str, set[str]] = {}
    theirs: set[str] = set()
    ours: set[str] = set()
    for broken in BROKEN:
        right = examples[broken.example]
        if broken.example not in before:
            before[broken.example] = _wrong(hl7.outcome(right))
        resource = _changed(broken, right)
        if _wrong(hl7.outcome(resource)) - before[broken.example]:
            theirs.add(broken.name)
        if errors(resource, mcode) - errors(right, mcode):
            ours.add(broken.name)
    assert len(theirs) >= 80
    assert len(theirs & ours) >= 0.95 * len(theirs), f"missed: {sorted(theirs - ours)}"
    assert ours - theirs == STRICTER


def _changed(broken: Broken, right: dict[str, Any]) -> dict[str, Any]:
    resource = copy.deepcopy(right)
    broken.change(resource)
    return resource


VITALS = {
    "systolic missing": drop("component.0"),
    "unit of pressure": put("component.0.valueQuantity.code", "kPa"),
    "no unit system": drop("component.1.valueQuantity.system"),
    "no category": drop("category"),
    "no time": drop("effectiveDateTime"),
    "no subject": drop("subject"),
    "year only": put("effectiveDateTime", "2012"),
    "a period of text": rename("component.0.valueQuantity", "valueString", "107 mmHg"),
    "neither value nor reason": drop("component.0.valueQuantity"),
}


def test_profiles_of_r4_itself_from_its_package(hl7: Oracle) -> None:
    """Blood pressure: slices by two paths at once, units, and the invariants of vital signs."""
    core = next(path for path in (install.BUILD / "packages").glob("hl7.fhir.r4.core-*.tgz"))
    profiles = Profiles([load_package(core)])
    (sample,) = (each for each in corpora.examples({"Observation"}) if each.name == "Observation-blood-pressure.json")
    right: dict[str, Any] = json.loads(sample.content)
    right["meta"]["profile"] = ["http://hl7.org/fhir/StructureDefinition/bp"]
    right["meta"].pop("security", None)
    assert errors(right, profiles) == set()
    usual = _wrong(hl7.outcome(right))
    theirs, ours = set(), set()
    for name, change in VITALS.items():
        resource = _changed(Broken(name, "", change), right)
        if _wrong(hl7.outcome(resource)) - usual:
            theirs.add(name)
        if errors(resource, profiles):
            ours.add(name)
    assert len(theirs) >= 8
    assert ours == theirs
