"""FHIR that others made: what can be read is read, the rest is reported, nothing is dropped in silence or raises."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from conftest import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import tried

from fhirconv.back.report import Report
from fhirconv.back.run import facts_in
from fhirconv.conversion import convert_document
from fhirconv.mapping import load_mappings
from fhirconv.source import read_file, read_value

MAPPINGS = load_mappings()
BUNDLES = sorted((FIXTURES / "bundles").glob("*.r4.json"))
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"


def read(*resources: dict[str, Any]) -> tuple[list[dict[str, Any]], Report]:
    report = Report()
    cases = list(facts_in(map(read_value, map(copy.deepcopy, resources)), MAPPINGS, report))
    return cases, report


def one(*resources: dict[str, Any]) -> tuple[dict[str, Any], Report]:
    cases, report = read(*resources)
    assert len(cases) == 1
    assert convert_document(read_value(cases[0]), MAPPINGS).ok
    return cases[0], report


PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "https://hospital.test", "value": "007", "use": "usual"}],
    "name": [{"family": "Beispiel", "given": ["Erika"], "use": "official"}],
    "gender": "female",
    "birthDate": "1950-03",
    "telecom": [{"system": "phone", "value": "555"}],
}
SUBJECT = {"reference": "Patient/p1"}
CONDITION = {
    "resourceType": "Condition",
    "id": "c1",
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
    },
    "verificationStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
    },
    "code": {"coding": [{"system": SNOMED, "code": "254837009", "display": "Malignant neoplasm of breast"}]},
    "subject": SUBJECT,
    "onsetDateTime": "2014-02",
    "recorder": {"reference": "Practitioner/x"},
}
LAB = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "amended",
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
    ],
    "code": {"coding": [{"system": LOINC, "code": "718-7"}], "text": "Hemoglobin"},
    "subject": SUBJECT,
    "focus": [{"reference": "Condition/c1"}],
    "effectiveDateTime": "2014-02-03",
    "valueQuantity": {"value": Decimal("12.50"), "unit": "g/dl", "system": UCUM, "code": "g/dL"},
    "interpretation": [{"text": "low"}],
    "note": [{"text": "first", "time": "2020-01-01T00:00:00Z"}, {"text": "second"}],
    "referenceRange": [
        {"low": {"value": 12, "unit": "g/dl", "system": UCUM, "code": "g/dL"}, "appliesTo": [{"text": "women"}]}
    ],
}
DRUG = {
    "resourceType": "MedicationStatement",
    "id": "m1",
    "status": "stopped",
    "medicationCodeableConcept": {"text": "letrozole"},
    "subject": SUBJECT,
    "effectivePeriod": {"start": "2014-03", "end": "2015"},
    "reasonReference": [{"reference": "Condition/c1", "display": "the cancer"}],
    "dosage": [{"text": "2.5 mg daily", "sequence": 1}],
    "dateAsserted": "2015",
}
PROCEDURE = {
    "resourceType": "Procedure",
    "id": "s1",
    "status": "completed",
    "category": {"coding": [{"system": "https://codes.test", "code": "s"}], "text": "surgery"},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "C50.9"}], "text": "mastectomy"},
    "subject": SUBJECT,
    "performedPeriod": {"start": "2014-03-01", "end": "2014-03-02"},
    "bodySite": [{"coding": [{"system": SNOMED, "code": "80248007"}], "text": "left breast"}],
    "location": {"display": "theatre 3"},
}
STAGE = {
    "resourceType": "Observation",
    "id": "g1",
    "status": "final",
    "code": {"coding": [{"system": LOINC, "code": "21908-9"}, {"system": SNOMED, "code": "80248007"}]},
    "subject": SUBJECT,
    "focus": [{"reference": "Condition/c1"}],
    "valueCodeableConcept": {
        "coding": [{"system": "https://codes.test", "code": "IV", "version": "8"}],
        "text": "Stage IV",
    },
    "method": {"coding": [{"system": SNOMED, "code": "258228008"}], "text": "AJCC 8"},
}
OTHERS = (PATIENT, CONDITION, LAB, DRUG, PROCEDURE, STAGE)


def test_what_can_be_read_becomes_facts_named_by_the_resources() -> None:
    case, report = one(*OTHERS)
    assert case == {
        "case": {"id": "p1"},
        "patient": {
            "identifiers": [{"system": "https://hospital.test", "value": "007"}],
            "name": {"family": "Beispiel", "given": ["Erika"]},
            "sex": "female",
            "birth_date": "1950-03",
        },
        "conditions": [
            {
                "id": "condition-c1",
                "kind": "unknown",
                "name": {
                    "codes": [{"system": "snomed", "code": "254837009", "display": "Malignant neoplasm of breast"}]
                },
                "clinical_status": "active",
                "verification": "confirmed",
                "onset": "2014-02",
            }
        ],
        "labs": [
            {
                "id": "observation-o1",
                "analyte": {"text": "Hemoglobin", "codes": [{"system": "loinc", "code": "718-7"}]},
                "value": Decimal("12.50"),
                "unit": "g/dl",
                "interpretation": "low",
                "reference_range": {"low": 12},
                "of": "condition-c1",
                "at": "2014-02-03",
                "note": "first\nsecond",
            }
        ],
        "medications": [
            {
                "id": "medicationstatement-m1",
                "drug": "letrozole",
                "status": "stopped",
                "start": "2014-03",
                "end": "2015",
                "dose": {"text": "2.5 mg daily"},
                "for": "condition-c1",
            }
        ],
        "procedures": [
            {
                "id": "procedure-s1",
                "procedure": {"text": "mastectomy", "codes": [{"system": "icd-10", "code": "C50.9"}]},
                "kind": "surgery",
                "status": "completed",
                "site": {"text": "left breast", "codes": [{"system": "snomed", "code": "80248007"}]},
                "at": {"from": "2014-03-01", "to": "2014-03-02"},
            }
        ],
        "stages": [
            {
                "id": "observation-g1",
                "of": "condition-c1",
                "stage": {"text": "Stage IV", "codes": [{"system": "https://codes.test", "code": "IV"}]},
                "system": {"text": "AJCC 8", "codes": [{"system": "snomed", "code": "258228008"}]},
                "basis": "clinical",
            }
        ],
    }
    assert dict(report.left) == {
        ("Patient", "identifier.use"): 1,
        ("Patient", "name.use"): 1,
        ("Patient", "telecom.system"): 1,
        ("Patient", "telecom.value"): 1,
        ("Condition", "recorder.reference"): 1,
        ("Observation", "status"): 1,
        ("Observation", "note.time"): 1,
        ("Observation", "referenceRange.appliesTo.text"): 1,
        ("MedicationStatement", "dosage.sequence"): 1,
        ("MedicationStatement", "dateAsserted"): 1,
        ("Procedure", "category.coding.system"): 1,
        ("Procedure", "category.coding.code"): 1,
        ("Procedure", "location.display"): 1,
        ("Observation", "code.coding.system"): 1,
        ("Observation", "code.coding.code"): 1,
        ("Observation", "valueCodeableConcept.coding.version"): 1,
    }
    assert dict(report.unknown) == {("Condition", "conditions.kind"): 1}


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every leaf."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield from (found for key, item in items for found in paths(item, (*path, key)))
    if not isinstance(value, dict | list):
        yield path


# What says nothing of its own: that a result is final, which every fact is, and words that repeat what a reference leads to.
NO_STATEMENT = {"STAGE.status", "DRUG.reasonReference.0.display"}


@pytest.mark.parametrize("name", ["PATIENT", "CONDITION", "LAB", "DRUG", "PROCEDURE", "STAGE"])
def test_no_leaf_is_dropped_in_silence(name: str) -> None:
    """Without any one leaf there are other facts, or it is missing in the report."""
    resource = globals()[name]
    whole = [other for other in OTHERS if other is not resource]
    before = told(*whole, resource)
    for path in paths(resource):
        changed = copy.deepcopy(resource)
        owner: Any = changed
        for step in path[:-1]:
            owner = owner[step]
        del owner[path[-1]]
        is_said = told(*whole, changed) != before
        assert is_said is (".".join([name, *map(str, path)]) not in NO_STATEMENT), path


def told(*resources: dict[str, Any]) -> tuple[Any, Any]:
    cases, report = read(*resources)
    return cases, report.as_dict()


def test_each_patient_is_a_case_and_what_has_none_is_reported() -> None:
    lonely = {key: value for key, value in LAB.items() if key != "subject"}
    other = {**LAB, "id": "o2", "subject": {"reference": "Patient/elsewhere"}}
    cases, report = read(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": one} for one in (*OTHERS, lonely, other)],
        }
    )
    assert [case["case"]["id"] for case in cases] == ["p1", "elsewhere"]
    assert cases[1]["patient"] == {}
    assert "of" not in cases[1]["labs"][0]  # the condition is of another patient
    assert dict(report.unread) == {("Observation", "it does not say which patient it is about"): 1}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": "entered-in-error"}, "its status is entered-in-error"),
        ({"status": "cancelled"}, "its status is cancelled"),
        ({"status": "registered"}, "its status is registered"),
        ({"status": "preliminary"}, "its status is preliminary"),
        ({"status": "unknown"}, "its status is unknown"),
        ({"modifierExtension": [{"url": "https://x.test", "valueBoolean": True}]}, "it has a modifierExtension"),
    ],
)
def test_what_states_no_fact_is_not_read(change: dict[str, Any], why: str) -> None:
    _, report = one(PATIENT, {**LAB, **change})
    assert dict(report.unread) == {("Observation", why): 1}


def test_a_status_that_facts_do_not_know_is_no_other() -> None:
    verification = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "guessed"}]
    }
    _, report = one(PATIENT, {**CONDITION, "verificationStatus": verification}, {**DRUG, "status": "considered"})
    assert dict(report.unread) == {
        ("Condition", "its verificationStatus is guessed"): 1,
        ("MedicationStatement", "its status is considered"): 1,
    }


MEDICATION = {
    "resourceType": "Medication",
    "id": "d1",
    "status": "active",
    "code": {"text": "letrozole", "coding": [{"system": SNOMED, "code": "386911004"}]},
    "form": {"text": "tablet"},
}


@pytest.mark.parametrize("is_contained", [True, False])
def test_the_drug_is_read_from_the_medication_that_is_named(is_contained: bool) -> None:
    drug: dict[str, Any] = {key: value for key, value in DRUG.items() if key != "medicationCodeableConcept"}
    drug["medicationReference"] = {
        "reference": "#d1" if is_contained else "Medication/d1",
        "display": "L",
        "identifier": {"value": "7"},
    }
    drug |= {"contained": [MEDICATION]} if is_contained else {}
    case, report = one(PATIENT, CONDITION, drug, *([] if is_contained else [MEDICATION]))
    assert case["medications"][0]["drug"] == {
        "text": "letrozole",
        "codes": [{"system": "snomed", "code": "386911004"}],
    }
    assert not report.unread
    form = ("MedicationStatement", "contained.form.text") if is_contained else ("Medication", "form.text")
    assert report.left[form] == 1
    assert report.left["MedicationStatement", "medicationReference.identifier.value"] == 1


@pytest.mark.parametrize("change", [{"status": "entered-in-error"}, {"code": None}, {"id": "d2"}])
def test_a_medication_that_is_none_gives_no_drug(change: dict[str, Any]) -> None:
    drug: dict[str, Any] = {key: value for key, value in DRUG.items() if key != "medicationCodeableConcept"}
    drug |= {"medicationReference": {"reference": "Medication/d1"}}
    case, report = one(PATIENT, drug, {**MEDICATION, **change})
    assert "medications" not in case
    why = "its medicationReference cannot be read as 'drug', which a fact of 'medications' needs"
    assert report.unread["MedicationStatement", why] == 1
    assert sum(report.unread.values()) == 2


def test_what_is_said_in_a_form_that_facts_do_not_have_is_not_called_missing() -> None:
    event = {"coding": [{"system": "code-system", "code": "109006"}]}
    harm = {"resourceType": "AdverseEvent", "id": "e", "actuality": "actual", "event": event, "subject": SUBJECT}
    _, report = one(PATIENT, harm)
    why = "its event cannot be read as 'event', which a fact of 'adverse_events' needs"
    assert dict(report.unread) == {("AdverseEvent", why): 1}


def test_two_resources_of_one_identity_that_differ_are_told() -> None:
    bundle = json.loads(
        (FIXTURES / "bundles" / "minimal-labs.r4.json").read_text(encoding="utf-8"), parse_float=Decimal
    )
    lab = next(entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Observation")
    other = copy.deepcopy(lab)
    other["resource"]["effectiveDateTime"] = "2001"
    _, report = one({**bundle, "entry": [*bundle["entry"], lab]})
    assert report.is_clean
    _, report = one({**bundle, "entry": [*bundle["entry"], other]})
    assert dict(report.unread) == {("Observation", "another resource of its identity says something else"): 1}


def test_a_missing_status_is_unknown_and_another_is_no_fact() -> None:
    procedure = {"resourceType": "Procedure", "id": "x", "code": {"text": "mastectomy"}, "subject": SUBJECT}
    case, report = one(PATIENT, procedure)
    assert case["procedures"][0] == {
        "id": "procedure-x",
        "procedure": "mastectomy",
        "kind": "unknown",
        "status": "unknown",
    }
    assert set(report.unknown) == {("Procedure", "procedures.kind"), ("Procedure", "procedures.status")}
    _, report = one(PATIENT, {**procedure, "status": "preparation"})
    assert dict(report.unread) == {("Procedure", "its status is preparation"): 1}


def test_what_the_checks_refuse_is_taken_out_and_counted() -> None:
    backwards = {**DRUG, "effectivePeriod": {"start": "2015", "end": "2014"}}
    wrong_code = {**LAB, "code": {"coding": [{"system": LOINC, "code": "718-8"}], "text": "Hb"}}
    no_value = {key: value for key, value in LAB.items() if key != "valueQuantity"} | {"id": "o2"}
    case, report = one(PATIENT, CONDITION, backwards, wrong_code, no_value)
    assert case["labs"][0]["analyte"] == "Hb"
    assert report.left["Observation", "code.coding.code"] == 1
    assert "end" not in case["medications"][0]
    assert {head for head, _ in report.removed} == {"medications.end", "labs"}


def test_a_bundle_of_ours_that_a_server_gave_back() -> None:
    """Other ids, references by Type/id, versions, narratives rewritten, search entries: the same facts."""
    bundle = json.loads(
        (FIXTURES / "bundles" / "nakagawa-2022.r4.json").read_text(encoding="utf-8"), parse_float=Decimal
    )
    before, _ = one(bundle)
    names = {
        entry["fullUrl"]: f"{entry['resource']['resourceType']}/{number}"
        for number, entry in enumerate(bundle["entry"])
    }
    text = json.dumps(bundle, default=str)
    for url, name in names.items():
        text = text.replace(f'"{url}"', f'"{name}"')
    served = json.loads(text, parse_float=Decimal)
    for number, entry in enumerate(served["entry"]):
        entry["resource"] |= {"id": str(number), "text": {"status": "generated", "div": "<div>x</div>"}}
        entry["resource"]["meta"] |= {"versionId": "3", "lastUpdated": "2024-01-01T00:00:00Z", "source": "#x"}
        entry["fullUrl"] = f"https://server.test/fhir/{entry['resource']['resourceType']}/{number}"
        entry["search"] = {"mode": "match"}
        del entry["request"]
    pages = [
        {**served, "type": "searchset", "entry": served["entry"][at : at + 20]}
        for at in range(0, len(served["entry"]), 20)
    ]
    case, report = one(*pages)
    assert report.is_clean
    assert case == before


PEERS = FIXTURES.parent.parent / "shared" / "corpora" / "mcode-extraction-framework" / "extractors-fixtures"


def test_bundles_of_another_converter() -> None:
    """Those that mcode-extraction-framework expects of itself: each resource is read, or told why not."""
    if not PEERS.is_dir():
        pytest.skip("shared/corpora is not beside the repository")
    report = Report()
    cases = list(facts_in(map(read_file, sorted(PEERS.glob("*bundle*.json"))), MAPPINGS, report))
    assert all(convert_document(read_value(case), MAPPINGS).ok for case in cases)
    assert (
        sum(report.unread.values())
        + sum(number for name, number in report.facts.items() if name != "case")
        + sum(number for (name, rule), number in report.removed.items() if rule == "case-twice" and name != "case")
        >= report.resources
    )
    assert all(
        why.startswith(("it does not say", "its code cannot be read", "its verificationStatus is example-status"))
        for kind, why in report.unread
        if kind in ("Patient", "Condition", "Procedure")
    )


JUNK = st.sampled_from(
    [None, [], {}, "", "x", 0, Decimal("1.5"), True, [None], [[]], {"x": {}}, "Patient/p1", ["a"], [{}]]
)


@settings(tried, max_examples=250)
@given(st.data())
def test_nothing_raises(data: st.DataObject) -> None:
    """Any value of a Bundle may be anything that JSON has."""
    path = data.draw(st.sampled_from(BUNDLES))
    bundle = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    bundle["entry"] = data.draw(st.lists(st.sampled_from(bundle["entry"]), min_size=1, max_size=4))
    bundle["entry"] += [{"resource": one} for one in data.draw(st.lists(st.sampled_from(OTHERS), max_size=2))]
    bundle = copy.deepcopy(bundle)
    for _ in range(data.draw(st.integers(1, 3))):
        where: Any = bundle
        for _ in range(data.draw(st.integers(0, 7))):
            keys = list(where) if isinstance(where, dict) else list(range(len(where)))
            inner = [key for key in keys if isinstance(where[key], dict | list) and where[key]]
            if not inner:
                break
            where = where[data.draw(st.sampled_from(inner))]
        key = data.draw(st.sampled_from(list(where) if isinstance(where, dict) else list(range(len(where)))))
        where[key] = data.draw(JUNK)
    cases, _ = read(bundle)
    for case in cases:
        assert convert_document(read_value(case), MAPPINGS).ok
