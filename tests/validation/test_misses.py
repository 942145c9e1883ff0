"""What the comparison with HL7's engine showed to be missing: vital signs, requests, documents, claims, extensions."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import vitals_definitions

from fhirconv import Issue, validate
from fhirconv.data_files import data_file
from fhirconv.validation.code_forms import LOINC, SNOMED, code_form_problem
from fhirconv.validation.fast import quick_findings
from fhirconv.validation.vitals import CODES, PROFILES, profile_types
from tests.validator import install
from tests.validator.verdicts import Verdicts

Json = dict[str, Any]

BUNDLES = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "bundles").glob("*.json"))
HL7 = "http://hl7.org/fhir/StructureDefinition/"
URN = "urn:uuid:00000000-0000-4000-8000-00000000000"
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>A sign.</p></div>'}
VITAL = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}],
}


def quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def loinc(*codes: str) -> Json:
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def weight(**changes: Any) -> Json:
    """A right body weight, with changes; None takes an element away."""
    resource: Json = {
        "resourceType": "Observation",
        "text": TEXT,
        "status": "final",
        "category": [VITAL],
        "code": loinc("29463-7"),
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2020-01-02",
        "valueQuantity": quantity(70, "kg"),
    }
    return {key: value for key, value in (resource | changes).items() if value is not None}


def bundle(kind: str, *resources: Json, requests: tuple[Json, ...] = ()) -> Json:
    entries = [{"fullUrl": f"{URN}{number}", "resource": one} for number, one in enumerate(resources)]
    asked = (
        [entry | {"request": request} for entry, request in zip(entries, requests, strict=True)]
        if requests
        else entries
    )
    return {"resourceType": "Bundle", "type": kind, "entry": asked}


def as_bytes(resource: Json) -> bytes:
    return json.dumps(resource).encode()


def errors(resource: Json) -> list[Issue]:
    return [issue for issue in validate(resource) if issue.is_error]


def places(resource: Json, rule: str) -> list[str]:
    return [issue.expression for issue in validate(resource) if issue.rule == rule]


# -- vital signs

RIGHT: dict[str, Json] = {
    "weight": weight(),
    "weight in pounds": weight(valueQuantity=quantity(154, "[lb_av]")),
    "over a period": weight(effectiveDateTime=None, effectivePeriod={"start": "2020-01-02"}),
    "not measured": weight(valueQuantity=None, dataAbsentReason={"text": "refused"}),
    "a more exact code beside it": weight(code=loinc("3141-9", "29463-7")),
    "another category beside it": weight(category=[{"text": "exam"}, VITAL]),
    "temperature": weight(code=loinc("8310-5"), valueQuantity=quantity(37.5, "Cel")),
    "heart rate": weight(code=loinc("8867-4"), valueQuantity=quantity(80, "/min")),
    "part with a code for value": weight(
        component=[{"code": loinc("8361-8"), "valueCodeableConcept": {"text": "sitting"}}]
    ),
    "blood pressure": weight(
        code=loinc("85354-9"),
        valueQuantity=None,
        component=[
            {"code": loinc("8480-6"), "valueQuantity": quantity(120, "mm[Hg]")},
            {"code": loinc("8462-4"), "valueQuantity": quantity(80, "mm[Hg]")},
        ],
    ),
    "panel": bundle(
        "collection",
        weight(code=loinc("85353-1"), valueQuantity=None, hasMember=[{"reference": URN + "1"}]),
        weight(),
    ),
    "weight as a part of something else": weight(
        code=loinc("718-7"),
        category=None,
        valueQuantity=None,
        component=[{"code": loinc("29463-7"), "valueQuantity": quantity(70000000, "mg")}],
    ),
}

WRONG: dict[str, tuple[Json, str]] = {
    "unit": (weight(valueQuantity=quantity(70000, "mg")), "Observation.value.code"),
    "no unit": (weight(valueQuantity={"value": 70}), "Observation.value"),
    "text": (weight(valueQuantity=None, valueString="70 kg"), "Observation.value"),
    "neither value nor reason": (weight(valueQuantity=None), "Observation"),
    "no category": (weight(category=None), "Observation"),
    "another category": (weight(category=[{"text": "exam"}]), "Observation"),
    "no subject": (weight(subject=None), "Observation"),
    "a group": (weight(subject={"reference": "Group/1"}), "Observation.subject"),
    "no time": (weight(effectiveDateTime=None), "Observation"),
    "month only": (weight(effectiveDateTime="2020-01"), "Observation.effective"),
    "the more exact code alone": (weight(code=loinc("3141-9")), "Observation.code"),
    "SNOMED CT alone": (weight(code={"coding": [{"system": SNOMED, "code": "735395000"}]}), "Observation.code"),
    "height in metres": (weight(code=loinc("8302-2"), valueQuantity=quantity(1.8, "m")), "Observation.value.code"),
    "systolic alone": (weight(code=loinc("8480-6"), valueQuantity=quantity(120, "mm[Hg]")), "Observation"),
    "saturation with one of its two codes": (
        weight(code=loinc("59408-5"), valueQuantity=quantity(98, "%")),
        "Observation.code",
    ),
    "claimed": (
        weight(code=loinc("718-7"), category=None, meta={"profile": [HL7 + "vitalsigns"]}),
        "Observation",
    ),
    "in a Bundle": (
        bundle("collection", weight(), weight(valueQuantity=quantity(7, "mg"))),
        "Bundle.entry[1].resource.value.code",
    ),
    "contained": (
        {
            "resourceType": "DiagnosticReport",
            "text": TEXT,
            "status": "final",
            "code": {"text": "x"},
            "result": [{"reference": "#w"}],
            "contained": [weight(id="w", text=None, valueQuantity=quantity(7, "mg"))],
        },
        "DiagnosticReport.contained[0].value.code",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_vital_signs_have_no_error(name: str) -> None:
    assert errors(RIGHT[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_wrong_vital_signs_are_found_at_their_place(name: str) -> None:
    resource, place = WRONG[name]
    assert place in places(resource, "vital-sign")


def test_the_message_says_why_an_observation_is_held_to_a_profile() -> None:
    (issue,) = errors(weight(valueQuantity=quantity(70000, "mg")))
    assert "bodyweight" in issue.message
    assert "the code '29463-7' asks for R4's profile" in issue.message
    claimed = errors(weight(code=loinc("718-7"), category=None, meta={"profile": [HL7 + "vitalsigns"]}))
    assert claimed
    assert all("meta.profile claims it" in issue.message for issue in claimed)


def test_a_member_of_a_panel_that_is_no_vital_sign_is_a_warning() -> None:
    panel = weight(code=loinc("85353-1"), valueQuantity=None, hasMember=[{"reference": URN + "1"}])
    found = validate(bundle("collection", panel, weight(code=loinc("718-7"), category=None)))
    assert [(issue.rule, issue.severity) for issue in found if issue.rule == "vital-sign"] == [
        ("vital-sign", "warning")
    ]


def test_the_fast_way_leaves_vital_signs_and_claims_to_the_exact_check() -> None:
    assert quick_findings(weight()) is None
    assert quick_findings(weight(code=loinc("718-7"), meta={"profile": [HL7 + "bmi"]})) is None
    assert quick_findings(weight(code=loinc("718-7"), meta={"profile": ["https://doi.org/p"]})) == []


@pytest.mark.parametrize(
    "change",
    [
        {"code": {"coding": [{"system": ["x"], "code": {}}, "x", None, {"system": LOINC, "code": "29463-7"}]}},
        {"code": {"coding": {"system": LOINC, "code": "29463-7"}}},
        {"code": loinc("29463-7"), "category": {"coding": 1}, "component": [None, 3, {"code": []}]},
        {"meta": {"profile": [None, 3, {}, HL7 + "bmi"]}},
        {"valueQuantity": {"value": 70, "_value": [{"id": "x"}], "code": "kg"}},
        {"meta": {"profile": HL7 + "bmi"}, "hasMember": [{"reference": "#x"}], "contained": ["x", {"id": "x"}]},
    ],
)
def test_malformed_vital_signs_end_without_an_exception(change: Json) -> None:
    assert errors(weight() | change)


def test_codes_have_the_form_of_their_systems() -> None:
    assert [code for system, code in CODES if code_form_problem(system, code)] == []
    assert set(CODES.values()) == set(PROFILES) - {"vitalsigns"}


def test_the_definitions_are_small_and_name_the_profiles_of_r4() -> None:
    assert data_file("vitals-definitions.json").stat().st_size < 60_000
    assert len(profile_types()) > 40
    assert {profile_types()[name] for name in PROFILES} == {"Observation"}


@pytest.mark.validator
def test_the_file_is_what_the_tool_makes_of_the_package(tmp_path: Path) -> None:
    install.ensure()
    made = tmp_path / "made.json"
    (core,) = (install.BUILD / "packages").glob("hl7.fhir.r4.core-*.tgz")
    assert vitals_definitions.main([str(core), "--output", str(made)]) == 0
    assert made.read_bytes() == data_file("vitals-definitions.json").read_bytes()


@pytest.mark.validator
def test_the_judge_holds_the_same_codes_to_the_same_profiles() -> None:
    """It names the profile that a code asks for in an information."""
    differing = []
    with Verdicts("hl7") as hl7:
        for (system, code), profile in CODES.items():
            found = hl7.of(as_bytes(weight(code={"coding": [{"system": system, "code": code}]})))
            if not any(f"({HL7}{profile})" in one.message and code in one.message for one in found):
                differing.append((system, code, profile))
    assert differing == []


@pytest.mark.validator
def test_the_judge_says_the_same_of_vital_signs() -> None:
    with Verdicts("hl7") as hl7:
        right = [name for name, one in RIGHT.items() if any(found.is_error for found in hl7.of(as_bytes(one)))]
        wrong = [name for name, (one, _) in WRONG.items() if not any(found.is_error for found in hl7.of(as_bytes(one)))]
    assert (right, wrong) == ([], [])


# -- requests, responses and documents

PATIENT = {"resourceType": "Patient", "text": TEXT, "id": "p", "active": True}
NEW = {"resourceType": "Patient", "text": TEXT, "active": True}


@pytest.mark.parametrize(
    ("resource", "request_", "part", "words"),
    [
        (PATIENT, {"method": "PUT", "url": "Patient"}, "url", "Patient/id or Patient?search"),
        (PATIENT, {"method": "PUT", "url": "Patient?"}, "url", "Patient/id or Patient?search"),
        (None, {"method": "DELETE", "url": "Patient"}, "url", "Patient/id or Patient?search"),
        (NEW, {"method": "POST", "url": "https://doi.org/fhir/Patient"}, "url", "is absolute"),
        (NEW, {"method": "POST", "url": "Patient", "ifNoneExist": "?identifier=1"}, "ifNoneExist", "more than a query"),
        (
            NEW,
            {"method": "POST", "url": "Patient", "ifNoneExist": "https://doi.org/?a=1"},
            "ifNoneExist",
            "more than a query",
        ),
        (NEW, {"method": "POST", "url": "Pateint"}, "url", "did you mean 'Patient'?"),
    ],
)
def test_requests_that_no_server_can_carry_out(resource: Json | None, request_: Json, part: str, words: str) -> None:
    entry = {"fullUrl": URN + "0", "resource": resource, "request": request_}
    sent = {"resourceType": "Bundle", "type": "transaction", "entry": [{k: v for k, v in entry.items() if v}]}
    (issue,) = (issue for issue in errors(sent) if issue.rule == "request")
    assert issue.expression == f"Bundle.entry[0].request.{part}"
    assert words in issue.message


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "PUT", "url": "Patient?identifier=https://doi.org|1"},
        {"method": "PUT", "url": "/Patient/p"},
        {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=https://doi.org|1"},
        {"method": "POST", "url": "Patient", "ifNoneExist": "identifier:of-type=https://doi.org|MR|1"},
    ],
)
def test_right_requests(request_: Json) -> None:
    assert errors(bundle("transaction", PATIENT, requests=(request_,))) == []


def test_one_resource_is_changed_once_in_a_transaction_only() -> None:
    put = {"method": "PUT", "url": "Patient?identifier=https://doi.org|1"}
    assert places(bundle("transaction", NEW, NEW, requests=(put, put)), "request") == ["Bundle.entry[1].request.url"]
    assert places(bundle("batch", NEW, NEW, requests=(put, put)), "request") == []


def test_a_history_tells_of_many_changes_of_one_resource() -> None:
    entry = {
        "fullUrl": "https://doi.org/fhir/Patient/p",
        "resource": PATIENT,
        "request": {"method": "PUT", "url": "Patient/p"},
        "response": {"status": "200 OK"},
    }
    first = copy.deepcopy(entry) | {"request": {"method": "POST", "url": "Patient/p/_history/1"}}
    versions = [
        one | {"resource": PATIENT | {"meta": {"versionId": str(n)}}} for n, one in enumerate([first, entry, entry])
    ]
    assert places({"resourceType": "Bundle", "type": "history", "entry": versions}, "request") == []


@pytest.mark.parametrize(
    ("status", "is_right"), [("201", True), ("201 Created", True), ("Created", False), ("20", False)]
)
def test_the_status_of_a_response(status: str, is_right: bool) -> None:
    answer = {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": {"status": status}}]}
    assert (places(answer, "response") == []) == is_right


BASE = "https://doi.org/fhir/"
COMPOSITION = {
    "resourceType": "Composition",
    "text": TEXT,
    "id": "c",
    "status": "final",
    "type": {"text": "summary"},
    "subject": {"reference": "Patient/p"},
    "date": "2020-01-02",
    "author": [{"display": "A."}],
    "title": "Summary",
}
ORGANIZATION = {"resourceType": "Organization", "text": TEXT, "id": "o", "name": "O"}
PROVENANCE = {
    "resourceType": "Provenance",
    "text": TEXT,
    "id": "v",
    "target": [{"reference": "Patient/p"}],
    "recorded": "2020-01-02T10:00:00Z",
    "agent": [{"who": {"reference": "Organization/o"}}],
}


def document(*resources: Json) -> Json:
    entries = [{"fullUrl": f"{BASE}{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    identifier = {"system": "https://doi.org", "value": "1"}
    head = {"resourceType": "Bundle", "type": "document", "identifier": identifier, "timestamp": "2020-01-02T10:00:00Z"}
    return head | {"entry": entries}


def test_a_document_holds_only_what_hangs_together() -> None:
    assert places(document(COMPOSITION, PATIENT, ORGANIZATION), "bundle-entry") == ["Bundle.entry[2]"]
    assert errors(document(COMPOSITION, PATIENT, ORGANIZATION, PROVENANCE)) == []


def test_an_empty_document_ends_without_an_exception() -> None:
    assert places(document() | {"entry": []}, "element-empty") == ["Bundle.entry"]


def test_a_relative_reference_of_a_document_counts_from_its_own_entry() -> None:
    made = document(COMPOSITION, PATIENT, PROVENANCE, ORGANIZATION)
    made["entry"][2]["fullUrl"] = URN + "2"
    assert sorted(places(made, "reference-dangling")) == [
        "Bundle.entry[2].resource.agent[0].who.reference",
        "Bundle.entry[2].resource.target[0].reference",
    ]


def test_a_search_is_a_reference_within_a_transaction_only() -> None:
    asked = weight(code=loinc("718-7"), subject={"reference": "Patient?identifier=https://doi.org|1"})
    assert places(asked, "reference-form") == ["Observation.subject.reference"]
    post = {"method": "POST", "url": "Observation"}
    assert errors(bundle("transaction", asked, requests=(post,))) == []


# -- claims, canonicals, codes and extensions


@pytest.mark.parametrize(
    ("profile", "rule"),
    [
        (HL7 + "Patientt", "claim-unknown"),
        (HL7 + "bodyweight", "claim-of-another-type"),
        (HL7 + "Observation", "claim-of-another-type"),
        (HL7 + "Patient", ""),
        (HL7 + "DomainResource", ""),
        (HL7 + "newer|5.0.0", ""),
    ],
)
def test_claims_in_the_namespace_of_hl7(profile: str, rule: str) -> None:
    assert [issue.rule for issue in errors(PATIENT | {"meta": {"profile": [profile]}})] == ([rule] if rule else [])


def test_a_canonical_of_hl7_leads_to_what_its_url_says() -> None:
    answer = {"resourceType": "QuestionnaireResponse", "text": TEXT, "status": "completed"}
    for url, expected in {
        HL7 + "Patient": 1,
        "http://hl7.org/fhir/Questionnaire/f201": 0,
        "https://doi.org/q": 0,
    }.items():
        assert len(places(answer | {"questionnaire": url}, "reference-target")) == expected


def test_a_code_without_its_system_is_a_warning() -> None:
    (issue,) = validate(weight(code={"text": "x", "coding": [{"code": "29463-7"}]}))
    assert (issue.rule, issue.severity, issue.expression) == ("coding-system", "warning", "Observation.code.coding[0]")


MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"


def extended(*extensions: Json, key: str = "extension") -> Json:
    return PATIENT | {key: list(extensions)}


@pytest.mark.parametrize(
    ("resource", "severity"),
    [
        (extended({"url": MCODE + "mcode-colour", "valueString": "red"}), "error"),
        (extended({"url": MCODE + "mcode-cancer-patient", "valueString": "a profile of a resource"}), "error"),
        (
            extended({"url": MCODE + "mcode-radiotherapy-dose-delivered-to-volume", "extension": [{"url": "colour"}]}),
            "error",
        ),
        (extended({"url": "https://doi.org/e", "valueString": "x"}), "information"),
        (extended({"url": "https://doi.org/e", "valueString": "x"}, key="modifierExtension"), "error"),
    ],
)
def test_extensions_that_no_definition_at_hand_knows(resource: Json, severity: str) -> None:
    found = [issue for issue in validate(resource) if issue.rule in ("extension-unknown", "extension-not-checked")]
    assert [issue.severity for issue in found] == [severity]


def test_an_extension_that_cannot_be_checked_is_told_once() -> None:
    one = {"url": "https://doi.org/e", "valueString": "x"}
    two = {"url": "https://doi.org/f", "extension": [{"url": "a", "valueString": "x"}]}
    assert places(extended(one, two, one, two), "extension-not-checked") == [
        "Patient.extension[0].url",
        "Patient.extension[1].url",
    ]


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_our_own_bundles_have_none_of_this(path: Path) -> None:
    rules = {"vital-sign", "request", "claim-unknown", "coding-system", "extension-not-checked", "extension-unknown"}
    assert [issue for issue in validate(path) if issue.rule in rules] == []
