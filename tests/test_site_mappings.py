"""fixtures/site-mappings laid over ours: it loads, it changes what it says, and the rest stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Converted

from fhirconv import Conversion, MappingError, convert
from fhirconv.mapping import load_mappings

SITE = FIXTURES / "site-mappings"
CASES = [FIXTURES / "cases" / f"{name}.yaml" for name in ("made-up-lab-series", "maximal-patient", "nakagawa-2022")]
CASE = {
    "case": {"id": "site"},
    "patient": {"identifiers": [{"system": "patient-number", "value": "0012345"}]},
    "labs": [{"id": "ferritin", "analyte": "S-ferritin", "value": 12, "unit": "ng/mL"}],
    "medications": [
        {"id": "everolimus", "drug": "Afinitor", "status": "active", "dose": {"value": 2, "unit": "tablets"}},
    ],
}


def resource(made: Conversion, kind: str) -> dict[str, Any]:
    """The first resource of a type."""
    assert made.bundle is not None, [issue.text() for issue in made.issues]
    found = (entry["resource"] for entry in made.bundle["entry"])
    return next(resource for resource in found if resource["resourceType"] == kind)


@pytest.mark.parametrize("profile", ["r4", "mcode"])
def test_it_loads(profile: str) -> None:
    assert load_mappings(SITE, profile).profile == profile


def test_ours_know_none_of_it() -> None:
    rules = {issue.rule for issue in convert(CASE).issues}
    assert rules == {"system-unknown", "unit-unknown"}


def test_its_lab_drug_and_unit_are_known() -> None:
    made = convert(CASE, mappings=SITE)
    assert made.issues == []
    drug = resource(made, "MedicationStatement")
    assert resource(made, "Observation")["code"] == {
        "coding": [{"system": "https://hospital.test/lab-catalogue", "code": "FERR", "display": "Ferritin in serum"}],
        "text": "S-ferritin",
    }
    assert drug["medicationCodeableConcept"]["coding"][0]["system"] == "https://hospital.test/formulary"
    dose = drug["dosage"][0]["doseAndRate"][0]["doseQuantity"]
    assert dose == {"value": 2, "unit": "tablets", "system": "http://unitsofmeasure.org", "code": "{tablet}"}


def test_its_identifier_systems_are_used() -> None:
    patient = resource(convert(CASE, mappings=SITE), "Patient")
    assert patient["identifier"] == [
        {"system": "https://hospital.test/fhir/case-facts", "value": "site/patient"},
        {"system": "https://hospital.test/patient-number", "value": "0012345"},
    ]


def test_its_element_takes_the_place_of_ours() -> None:
    assert resource(convert(CASE, mappings=SITE), "Observation")["status"] == "preliminary"
    ours = {"labs": [{"id": "hb", "analyte": "Hb", "result": "low"}], "case": {"id": "ours"}, "patient": {}}
    assert resource(convert(ours), "Observation")["status"] == "final"


def test_entry_without_a_code_is_an_entry(tmp_path: Path) -> None:
    """Where no code is verified, `codings` is left out: the words are known then, and no finding says they are not."""
    (tmp_path / "concepts").mkdir()
    (tmp_path / "concepts" / "labs.toml").write_text('[neopterin]\ntext = "Neopterin"\n', encoding="utf-8")
    case = {"case": {"id": "site"}, "patient": {}, "labs": [{"analyte": "neopterin", "result": "high"}]}
    assert [issue.text() for issue in convert(case).issues] != []
    assert [issue.text() for issue in convert(case, mappings=tmp_path).issues if "no entry" in issue.message] == []


@pytest.mark.parametrize("profile", ["r4", "mcode"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_all_else_stays_ours(path: Path, profile: str, converted: Converted) -> None:
    ours, theirs = converted(path, profile), convert(path, profile=profile, mappings=SITE)
    assert [issue.text() for issue in theirs.issues] == [issue.text() for issue in ours.issues]
    assert by_identity(theirs, {"preliminary": "final"}) == by_identity(ours, {})


def by_identity(made: Conversion, status: Mapping[str, str]) -> list[Any]:
    """The resources with the identities that ids and references stand for, and with another status of labs."""
    assert made.build is not None
    names = {entry.id: entry.identifier for entry in made.build.entries}
    names |= {f"urn:uuid:{made_id}": name for made_id, name in names.items()}
    names[made.build.system] = "the system"
    return [
        replaced(entry.resource, {**names, **status} if entry.mapping.name == "lab" else names)
        for entry in made.build.entries
    ]


def replaced(value: Any, words: Mapping[str, str]) -> Any:
    """A copy of a value with some texts replaced by others."""
    if isinstance(value, dict):
        return {key: replaced(part, words) for key, part in value.items()}
    if isinstance(value, list):
        return [replaced(part, words) for part in value]
    return words.get(value, value) if isinstance(value, str) else value


def test_a_claim_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text(
        '[claim]\nmapping = "lab"\nurl = "https://hospital.test/profile"\n'
        '[claim.elements]\nnote = { note = ["certainty"] }\n',
        encoding="utf-8",
    )
    with pytest.raises(MappingError, match="no longer read 'note'"):
        convert(CASE, mappings=tmp_path, profile="mine")
