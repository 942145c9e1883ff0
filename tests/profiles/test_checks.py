"""Each thing that a profile can ask, in a profile that asks only that."""

from __future__ import annotations

from typing import Any

import pytest

from fhirconv import validate
from fhirconv.profiles.check import Profiles

from .conftest import Pack
from .made import URL, check, codes, profile, rules, value_set

Json = dict[str, Any]

SYSTEM = "https://test.invalid/codes"
OBSERVATION: Json = {"resourceType": "Observation"}


def concept(code: str, system: str = SYSTEM) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def test_values_are_counted_within_their_parent(pack: Pack) -> None:
    profiles = pack(
        profile(
            "p",
            "Patient",
            {"id": "Patient.contact", "max": "2"},
            {"id": "Patient.contact.name", "min": 1},
            {"id": "Patient.photo", "max": "0"},
        )
    )
    patient: Json = {"resourceType": "Patient"}
    assert rules(patient, profiles, "p") == {}  # no contact, so none without a name
    patient["contact"] = [{"name": {"text": "x"}}, {"gender": "male"}, {"gender": "male"}]
    patient["photo"] = [{"url": "x"}]
    assert rules(patient, profiles, "p") == {
        "profile-max": ["contact.2", "photo.0"],
        "profile-min": ["contact.1", "contact.2"],
    }


def test_a_primitive_with_extensions_alone_is_there(pack: Pack) -> None:
    profiles = pack(profile("p", "Patient", {"id": "Patient.birthDate", "min": 1}))
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    assert rules({"resourceType": "Patient", "_birthDate": absent}, profiles, "p") == {}


@pytest.mark.parametrize(
    ("facts", "right", "wrong"),
    [
        ({"fixedCode": "final"}, {"status": "final"}, {"status": "amended"}),
        (
            {"id": "Observation.code", "fixedCodeableConcept": concept("a")},
            {"code": concept("a")},
            {"code": concept("a") | {"text": "more"}},
        ),
        (
            {"id": "Observation.code", "patternCodeableConcept": concept("a")},
            {"code": {"text": "more", "coding": [{"code": "z"}, concept("a")["coding"][0] | {"display": "A"}]}},
            {"code": {"coding": [{"system": SYSTEM}, {"code": "a"}]}},
        ),
        (
            {"id": "Observation.value[x]", "patternQuantity": {"code": "cm"}},
            {"valueQuantity": {"value": 1, "code": "cm"}},
            {"valueQuantity": {"value": 1}},
        ),
    ],
)
def test_fixed_values_are_the_same_and_patterns_are_held(facts: Json, right: Json, wrong: Json, pack: Pack) -> None:
    profiles = pack(profile("p", "Observation", {"id": "Observation.status"} | facts))
    assert rules(OBSERVATION | right, profiles, "p") == {}
    assert rules(OBSERVATION | wrong, profiles, "p") == {"profile-value": list(wrong)}


@pytest.mark.parametrize(
    ("facts", "right", "wrong"),
    [
        ({"maxLength": 3}, {"valueString": "abc"}, {"valueString": "abcd"}),
        ({"minValueInteger": 1, "maxValueInteger": 4}, {"valueInteger": 4}, {"valueInteger": 5}),
        ({"minValueInteger": 1}, {"valueInteger": 1}, {"valueInteger": 0}),
        ({"minValueDateTime": "2020-05"}, {"valueDateTime": "2020"}, {"valueDateTime": "2020-04-30"}),
        (
            {"maxValueQuantity": {"value": 4, "system": "s", "code": "cm"}},
            {"valueQuantity": {"value": 50, "system": "s", "code": "mm"}},
            {"valueQuantity": {"value": 5, "system": "s", "code": "cm"}},
        ),
    ],
)
def test_limits(facts: Json, right: Json, wrong: Json, pack: Pack) -> None:
    profiles = pack(profile("p", "Observation", {"id": "Observation.value[x]"} | facts))
    assert rules(OBSERVATION | right, profiles, "p") == {}
    assert rules(OBSERVATION | wrong, profiles, "p") == {"profile-limit": list(wrong)}


def test_a_choice_is_narrowed(pack: Pack) -> None:
    profiles = pack(
        profile("p", "Observation", {"id": "Observation.value[x]", "type": [{"code": "Quantity"}, {"code": "string"}]})
    )
    assert rules(OBSERVATION | {"valueString": "x"}, profiles, "p") == {}
    assert rules(OBSERVATION | {"valueInteger": 1}, profiles, "p") == {"profile-type": ["valueInteger"]}


def target(*urls: str) -> list[Json]:
    return [{"code": "Reference", "targetProfile": list(urls)}]


def test_references_lead_to_types_and_profiles_that_are_allowed(pack: Pack) -> None:
    named = profile("named", "Patient", {"id": "Patient.name", "min": 1})
    about = profile("p", "Observation", {"id": "Observation.subject", "type": target(URL + "named")})
    profiles = pack(named, about)
    bundle: Json = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "1"}},
            {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient", "id": "2", "name": [{"text": "x"}]}},
        ],
    }
    found = {}
    for reference in ("urn:uuid:1", "urn:uuid:2", "Patient/1", "Patient/elsewhere", "Group/3", "urn:uuid:9"):
        made = OBSERVATION | {"meta": {"profile": [URL + "p"]}, "subject": {"reference": reference}}
        found[reference] = rules(bundle | {"entry": [*bundle["entry"], {"resource": made}]}, profiles)
    here = ["entry.2.resource.subject"]
    assert found == {
        "urn:uuid:1": {"profile-conformance": here},
        "urn:uuid:2": {},
        "Patient/1": {"profile-conformance": here},
        "Patient/elsewhere": {},
        "Group/3": {"profile-target": here},
        "urn:uuid:9": {},
    }


def test_a_circle_of_references_ends(pack: Pack) -> None:
    profiles = pack(profile("p", "Observation", {"id": "Observation.hasMember", "type": target(URL + "p")}))
    claims = {"meta": {"profile": [URL + "p"]}}
    entries = [
        {"resource": OBSERVATION | claims | {"id": str(n), "hasMember": [{"reference": f"Observation/{(n + 1) % 3}"}]}}
        for n in range(3)
    ]
    assert rules({"resourceType": "Bundle", "entry": entries}, profiles) == {}


def test_a_long_chain_of_references_ends_and_is_said(pack: Pack) -> None:
    profiles = pack(profile("p", "Observation", {"id": "Observation.hasMember", "type": target(URL + "p")}))
    claims = {"meta": {"profile": [URL + "p"]}}
    entries = [
        {"resource": OBSERVATION | claims | {"id": str(n), "hasMember": [{"reference": f"Observation/{n + 1}"}]}}
        for n in range(2000)
    ]
    findings, skipped = check({"resourceType": "Bundle", "entry": entries}, profiles)
    assert findings == []
    assert any("deep" in each.why for each in skipped)


def test_contained_resources_are_resolved_and_checked_for_their_own_claims(pack: Pack) -> None:
    profiles = pack(profile("named", "Patient", {"id": "Patient.name", "min": 1}))
    patient = {"resourceType": "Patient", "id": "p", "meta": {"profile": [URL + "named"]}}
    assert rules(OBSERVATION | {"contained": [patient]}, profiles) == {"profile-min": ["contained.0"]}


def test_a_profile_of_a_data_type_is_applied(pack: Pack) -> None:
    profiles = pack(
        profile("whole", "Period", {"id": "Period.end", "min": 1}),
        profile("p", "Encounter", {"id": "Encounter.period", "type": [{"code": "Period", "profile": [URL + "whole"]}]}),
    )
    assert rules({"resourceType": "Encounter", "period": {"start": "2020"}}, profiles, "p") == {
        "profile-min": ["period"]
    }


def test_content_that_is_that_of_another_element_is_checked_as_it(pack: Pack) -> None:
    profiles = pack(
        profile(
            "p",
            "Questionnaire",
            {"id": "Questionnaire.item"},
            {"id": "Questionnaire.item.text", "min": 1},
            {"id": "Questionnaire.item.item", "contentReference": "#Questionnaire.item"},
        )
    )
    inner = {"text": "x", "item": [{"text": "y"}, {"linkId": "z"}]}
    found = rules({"resourceType": "Questionnaire", "item": [{"text": "w", "item": [inner]}]}, profiles, "p")
    assert found == {"profile-min": ["item.0.item.0.item.1"]}


def test_claims(pack: Pack) -> None:
    profiles = pack(profile("p", "Patient", {"id": "Patient.name", "min": 1}, version="1.2"))
    claims = [URL + "p|1.2", URL + "p|9", URL + "none", "http://hl7.org/fhir/StructureDefinition/Patient"]
    patient = {"resourceType": "Patient", "meta": {"profile": claims}}
    assert rules(patient, profiles) == {"profile-min": [""], "profile-unknown": ["meta.profile.1", "meta.profile.2"]}
    assert rules(OBSERVATION, profiles, "p") == {"profile-type": [""]}


def test_bindings(pack: Pack) -> None:
    complete = {
        "resourceType": "CodeSystem",
        "url": SYSTEM,
        "content": "complete",
        "concept": [{"code": "root", "concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "c"}]}],
    }
    tree = value_set(
        "tree",
        {"system": SYSTEM, "filter": [{"property": "concept", "op": "is-a", "value": "a"}]},
        {"valueSet": [URL + "listed"]},
        exclude=[codes(SYSTEM, "b")],
    )
    bound = profile(
        "p",
        "Observation",
        {"id": "Observation.code", "binding": {"strength": "required", "valueSet": URL + "tree"}},
        {"id": "Observation.method", "binding": {"strength": "extensible", "valueSet": URL + "listed"}},
    )
    profiles = pack(complete, tree, value_set("listed", codes(SYSTEM, "x")), bound)
    verdicts = {code: not rules(OBSERVATION | {"code": concept(code)}, profiles, "p") for code in "abcx"}
    assert verdicts == {"a": True, "b": False, "c": False, "x": True}
    for wrong in (concept("a", "https://test.invalid/other"), {"text": "words"}, {"coding": [{"code": "a"}]}):
        assert rules(OBSERVATION | {"code": wrong}, profiles, "p") == {"profile-binding": ["code"]}
    both = {"coding": [*concept("z")["coding"], *concept("a")["coding"]]}
    assert rules(OBSERVATION | {"code": both}, profiles, "p") == {}
    (finding,) = check(OBSERVATION | {"method": concept("z")}, profiles, "p")[0]
    assert (finding.rule, finding.severity) == ("profile-binding", "warning")
    for right in (concept("z", "https://test.invalid/other"), {"text": "words"}, concept("x")):
        assert rules(OBSERVATION | {"method": right}, profiles, "p") == {}


def test_value_sets_that_include_themselves_or_each_other_a_billion_times_end(pack: Pack) -> None:
    lattice = [value_set(f"v{n}", *[{"valueSet": [f"{URL}v{n + 1}"]}] * 3) for n in range(40)]
    circle = value_set("v40", codes(SYSTEM, "a"), {"valueSet": [URL + "v0"]})
    bound = profile(
        "p", "Observation", {"id": "Observation.code", "binding": {"strength": "required", "valueSet": URL + "v0"}}
    )
    profiles = pack(*lattice, circle, bound)
    assert rules(OBSERVATION | {"code": concept("a")}, profiles, "p") == {}


def test_a_value_set_that_is_not_as_r4_asks_is_said_to_be_not_checked(pack: Pack) -> None:
    bad = value_set("bad", {"system": SYSTEM, "concept": [{"display": "no code"}]})
    bound = profile(
        "p", "Observation", {"id": "Observation.code", "binding": {"strength": "required", "valueSet": URL + "bad"}}
    )
    findings, skipped = check(OBSERVATION | {"code": concept("a")}, pack(bad, bound), "p")
    assert (findings, [each.what for each in skipped]) == ([], [URL + "bad"])


@pytest.mark.parametrize("value", [1, "x", None, [None], [[1]], {"coding": 1}, [{"coding": [1]}], [{"url": []}]])
def test_what_has_not_the_structure_of_r4_is_left_to_the_check_of_structure(value: object, mcode: Profiles) -> None:
    patient = {
        "resourceType": "Patient",
        "meta": {"profile": ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-patient"]},
    }
    for name in ("contained", "extension", "identifier", "name", "maritalStatus", "communication", "link", "_gender"):
        assert isinstance(rules(patient | {name: value}, mcode), dict)


@pytest.mark.parametrize("contained", [5.0, "o", ["o"], {"id": "o"}, None])
def test_a_reference_into_contained_resources_that_are_none_leads_nowhere(contained: object) -> None:
    condition = {
        "resourceType": "Condition",
        "meta": {"profile": ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-primary-cancer-condition"]},
        "contained": contained,
        "subject": {"reference": "#o"},
    }
    assert "profile-min" in {issue.rule for issue in validate(condition)}


def test_what_a_value_set_does_not_list_is_said_once(pack: Pack) -> None:
    snomed = {"system": "http://snomed.info/sct", "filter": [{"property": "concept", "op": "is-a", "value": "1"}]}
    binding = {"strength": "required", "valueSet": URL + "some"}
    bound = profile(
        "p",
        "Observation",
        {"id": "Observation.code", "binding": binding},
        {"id": "Observation.method", "binding": binding},
    )
    code = concept("2", "http://snomed.info/sct")
    findings, skipped = check(OBSERVATION | {"code": code, "method": code}, pack(value_set("some", snomed), bound), "p")
    assert findings == []
    assert [each.what for each in skipped] == [URL + "some"]


def test_invariants_of_the_profile_and_not_those_of_r4(pack: Pack) -> None:
    r4 = {"key": "obs-6", "severity": "error", "human": "?", "expression": "false"}
    own = {
        "key": "own-1",
        "severity": "warning",
        "human": "A year is not enough.",
        "expression": "value.empty() or status = 'final'",
    }
    profiles = pack(
        profile(
            "p",
            "Observation",
            root={"constraint": [r4 | {"source": "http://hl7.org/fhir/StructureDefinition/Observation"}, own]},
        )
    )
    assert rules(OBSERVATION | {"status": "final", "valueInteger": 1}, profiles, "p") == {}
    (finding,) = check(OBSERVATION | {"valueInteger": 1}, profiles, "p")[0]
    assert (finding.rule, finding.severity) == ("profile-invariant", "warning")
    assert "own-1" in finding.message


def test_messages_hold_no_more_than_the_one_wrong_value(pack: Pack) -> None:
    profiles = pack(
        profile(
            "p",
            "Patient",
            {"id": "Patient.gender", "fixedCode": "male"},
            {"id": "Patient.name", "max": "1"},
            {"id": "Patient.birthDate", "max": "0"},
        )
    )
    patient = {
        "resourceType": "Patient",
        "gender": "female",
        "name": [{"text": "Secret"}] * 2,
        "birthDate": "1950-01-02",
    }
    messages = [finding.message for finding in check(patient, profiles, "p")[0]]
    assert len(messages) == 3
    assert not any(word in message for message in messages for word in ("Secret", "1950"))


def extension(name: str, *elements: Json, **head: Any) -> Json:
    contexts = [{"type": "element", "expression": place} for place in head.pop("places", ["Patient"])]
    url = {"id": "Extension.url", "fixedUri": URL + name}
    return profile(name, "Extension", url, *elements, context=contexts, **head)


def test_extensions_are_held_against_their_definitions_wherever_they_stand(pack: Pack) -> None:
    profiles = pack(
        extension(
            "text",
            {"id": "Extension.value[x]", "min": 1, "type": [{"code": "string"}]},
            places=["Patient", "HumanName", "Patient.birthDate"],
        ),
        extension("strong", root={"isModifier": True}),
        extension("inner", places=[]) | {"context": [{"type": "extension", "expression": URL + "text"}]},
    )
    text = {"url": URL + "text", "valueString": "x"}
    right = {
        "resourceType": "Patient",
        "extension": [text, {"url": "https://test.invalid/unknown", "valueString": "x"}],
        "name": [{"extension": [text | {"extension": [{"url": URL + "inner"}]}]}],
        "_birthDate": {"extension": [text]},
        "modifierExtension": [{"url": URL + "strong", "valueString": "x"}],
    }
    assert rules(right, profiles) == {}
    wrong = {
        "resourceType": "Patient",
        "extension": [
            {"url": URL + "text", "valueInteger": 1},
            {"url": URL + "text"},
            {"url": URL + "strong", "valueString": "x"},
            {"url": URL + "inner"},
        ],
        "contact": [{"name": {"text": "x"}, "extension": [text]}],
    }
    assert rules(wrong, profiles) == {
        "profile-type": ["extension.0.valueInteger"],
        "profile-min": ["extension.1"],
        "profile-extension": ["extension.2", "extension.3", "contact.0.extension.0"],
    }


@pytest.mark.parametrize("url", ["Patient/1", "http://hl7.org/fhir/StructureDefinition/x", URL + "e"])
def test_an_extension_is_found_whatever_other_urls_are_there(url: str, pack: Pack) -> None:
    contexts = [{"type": "element", "expression": "Observation"}]
    profiles = pack(profile("e", "Extension", context=contexts))
    of_r4 = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    patient: Json = {"resourceType": "Patient", "_birthDate": {"extension": [of_r4]}}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": patient, "request": {"method": "PUT", "url": url}}]}
    assert check(bundle, profiles) == ([], [])
    patient["extension"] = [{"url": URL + "e"}]
    assert [(one.rule, one.path[-1]) for one in check(bundle, profiles)[0]] == [("profile-extension", 0)]
