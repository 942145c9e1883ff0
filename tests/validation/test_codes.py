"""Codings: check digits, code systems of HL7, system URIs, displays; identifiers, languages, media types, currencies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhirconv.data_files import data_dir
from fhirconv.mapping import load_mappings
from fhirconv.rules import RULES
from fhirconv.validation.code_forms import code_form_problem, form_of_another
from fhirconv.validation.code_systems import code_system, is_known, uri_of
from fhirconv.validation.codes import code_findings, coding_findings, quantity_findings
from fhirconv.validation.finding import Finding
from fhirconv.validation.registries import currency_problem, identifier_findings, language_problem, mime_problem

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_O_3 = "http://terminology.hl7.org/CodeSystem/icd-o-3"
ATC = "http://www.whocc.no/atc"
UCUM = "http://unitsofmeasure.org"
THO = "http://terminology.hl7.org/CodeSystem/"


def rules(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    """Rule and severity of each finding."""
    return [(found.rule, found.severity or RULES[found.rule].severity) for found in findings]


# -- the form of codes --


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (LOINC, "718-7"),
        (LOINC, "85337-4"),
        (LOINC, "LA6576-8"),
        (LOINC, "LA28366-5"),
        (LOINC, "LP29693-6"),
        (LOINC, "LL4986-7"),
        (SNOMED, "254837009"),
        (SNOMED, "353431000119107"),
        (SNOMED, "74400008"),
        (SNOMED, "254837009:363698007=76752008"),
        (RXNORM, "56946"),
        (ICD_10, "C50.9"),
        (ICD_10, "C50"),
        (ICD_10, "C00-C97"),
        (ICD_10_CM, "C50.919"),
        (ICD_10_CM, "Z3A.01"),
        (ICD_10_CM, "C7A.010"),
        (ICD_O_3, "C50.9"),
        (ICD_O_3, "8500/3"),
        (ICD_O_3, "8500/32"),
        (ATC, "L02BG04"),
        (ATC, "L02BG"),
        (ATC, "L"),
        ("http://hl7.org/fhir/sid/ndc", "0069-0187-21"),
        ("http://hl7.org/fhir/sid/cvx", "207"),
        ("http://www.ama-assn.org/go/cpt", "99213"),
        ("https://hospital.test/codes", "anything"),
    ],
)
def test_codes_of_the_right_form(system: str, code: str) -> None:
    assert code_form_problem(system, code) == ""


@pytest.mark.parametrize(
    ("system", "code", "reason"),
    [
        (LOINC, "718-8", "it would be '718-7'"),
        (LOINC, "LA6576-9", "it would be 'LA6576-8'"),
        (LOINC, "4548-40", "a hyphen and a check digit"),
        (LOINC, "Hemoglobin", "a hyphen and a check digit"),
        (SNOMED, "254837008", "it would be '254837009'"),
        (SNOMED, "443451005", "it would be '443451004'"),
        (SNOMED, "12345", "6 to 18 digits"),
        (SNOMED, "0254837009", "6 to 18 digits"),
        (SNOMED, "breast cancer", "6 to 18 digits"),
        (SNOMED, "101013", "identifies a description"),
        (RXNORM, "letrozole", "RXCUI"),
        (RXNORM, "072965", "RXCUI"),
        (ICD_10, "C50-9", "as in C50.9"),
        (ICD_10, "c50.9", "as in C50.9"),
        (ICD_10_CM, "C50919", "as in C50.919"),
        (ICD_10_CM, "50.9", "as in C50.919"),
        (ICD_O_3, "8500-3", "as in 8500/3"),
        (ICD_O_3, "8500/5", "as in 8500/3"),
        (ATC, "L02BG4", "1, 3, 4, 5 or 7 characters"),
        (ATC, "E02BG04", "1, 3, 4, 5 or 7 characters"),
        ("http://hl7.org/fhir/sid/cvx", "Pfizer", "three digits"),
    ],
)
def test_codes_of_a_wrong_form(system: str, code: str, reason: str) -> None:
    problem = code_form_problem(system, code)
    assert problem.startswith(f"'{code}' is not a code of ")
    assert reason in problem
    assert "code-form" in [rule for rule, _ in rules(code_findings(system, code))]


@given(st.sampled_from(["254837009", "387713003", "26643006", "74400008"]), st.data())
def test_no_single_wrong_digit_of_a_snomed_code_passes(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code) - 1))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != code[place]]))
    assert code_form_problem(SNOMED, code[:place] + digit + code[place + 1 :])


@given(st.integers(10, 9_999_999), st.sampled_from(["", "LA", "LP", "LL", "LG"]))
def test_exactly_one_check_digit_fits_a_loinc_code(number: int, prefix: str) -> None:
    right = [digit for digit in range(10) if not code_form_problem(LOINC, f"{prefix}{number}-{digit}")]
    assert len(right) == 1


def test_every_code_of_our_concept_tables_has_the_right_form_and_its_own_display() -> None:
    tables = load_mappings().tables.concepts.values()
    codings = [coding for table in tables for concept in table.concepts.values() for coding in concept.codings]
    assert len(codings) > 300
    assert [(coding, found) for coding in codings for found in coding_findings(coding)] == []


@pytest.mark.parametrize(
    ("system", "code", "name"),
    [
        (SNOMED, "718-7", "LOINC"),
        (LOINC, "254837009", "SNOMED CT"),
        (RXNORM, "254837009", "SNOMED CT"),
        (ICD_10, "718-7", "LOINC"),
    ],
)
def test_a_code_of_another_system(system: str, code: str, name: str) -> None:
    (found,) = code_findings(system, code)
    assert found.rule == "system-mismatch"
    assert f"has the form of one of {name}" in found.message
    assert form_of_another(system, code) == name


# -- code systems of HL7 --


@pytest.mark.parametrize(
    ("system", "code", "display"),
    [
        (THO + "v2-0203", "MR", "Medical record number"),
        (THO + "v2-0203", "MR", "medical record NUMBER"),
        (THO + "v3-ObservationInterpretation", "H", "High"),
        (THO + "v3-ActClass", "COMPOSITION", "Attestable unit"),
        (THO + "observation-category", "laboratory", ""),
        ("http://hl7.org/fhir/administrative-gender", "female", "Female"),
        (THO + "insurance-plan-type", "not-listed-there", ""),  # a fragment
        (THO + "condition-category", "encounter-diagnosis", "Encounter Diagnosis"),
    ],
)
def test_codes_that_hl7_lists(system: str, code: str, display: str) -> None:
    assert code_findings(system, code, display) == ()


@pytest.mark.parametrize(
    ("system", "code", "near"),
    [
        ("http://hl7.org/fhir/observation-status", "Final", "final"),
        ("http://hl7.org/fhir/observation-status", "finall", "final"),
        (THO + "v2-0203", "mr", "MR"),
        (THO + "v2-0203", "Medical record number", "MR"),
        (THO + "observation-category", "labratory", "laboratory"),
    ],
)
def test_codes_that_hl7_does_not_list(system: str, code: str, near: str) -> None:
    (found,) = code_findings(system, code)
    assert rules((found,)) == [("code-unknown", "error")]
    assert found.path == ("code",)
    assert found.message.endswith(f"did you mean '{near}'?")


@pytest.mark.parametrize(
    "display", ["Medical rec", "medical  record number", "Krankenaktennummer", "Medical record number "]
)
def test_a_display_that_hl7_does_not_have(display: str) -> None:
    (found,) = code_findings(THO + "v2-0203", "MR", display)
    assert rules((found,)) == [("display-wrong", "error")]
    assert found.path == ("display",)
    assert "expected 'Medical record number'" in found.message


def test_codes_of_another_version_than_ours_are_doubted_only() -> None:
    coding = {"system": THO + "v2-0203", "code": "QQQ"}
    assert rules(coding_findings(coding | {"version": "2.9"})) == [("code-unknown", "warning")]
    assert rules(coding_findings(coding | {"version": "5.0.0"})) == [("code-unknown", "error")]


def test_the_file_of_code_systems_is_sound() -> None:
    content = (data_dir("data") / "code-systems.tsv").read_bytes()
    assert len(content) < 600_000
    uris = [line.partition("\t")[0] for line in content.decode().splitlines()]
    assert uris == sorted(set(uris))
    listed = [system for system in map(code_system, uris) if system]
    assert len(listed) > 1100
    assert sum(len(system.displays) for system in listed) > 15_000
    assert code_system("http://terminology.hl7.org/CodeSystem/v2-0203\nx") is None
    assert not is_known("")


# -- URIs of systems --


@pytest.mark.parametrize(
    ("system", "proper"),
    [
        ("http://loinc.org/", LOINC),
        ("https://loinc.org", LOINC),
        ("http://www.loinc.org", LOINC),
        ("http://loinc.org ", LOINC),
        ("LOINC", LOINC),
        ("LN", LOINC),
        ("http://snomed.info/sct/", SNOMED),
        ("SNOMED CT", SNOMED),
        ("http://snomed.info/sct|20240101", SNOMED),
        ("http://snomed.info/sct/731000124108", SNOMED),
        ("RxNorm", RXNORM),
        ("https://www.nlm.nih.gov/research/umls/rxnorm", RXNORM),
        ("http://ucum.org", UCUM),
        ("http://unitsofmeasure.org/", UCUM),
        ("ICD-10-CM", ICD_10_CM),
        ("http://hl7.org/fhir/v2/0203", THO + "v2-0203"),
        ("http://hl7.org/fhir/v3/ActCode", THO + "v3-ActCode"),
        ("https://terminology.hl7.org/CodeSystem/v2-0203", THO + "v2-0203"),
        (THO + "v2-0203/", THO + "v2-0203"),
        (THO + "v2-0203|5.0.0", THO + "v2-0203"),
        ("http://hl7.org/fhir/observation-category", THO + "observation-category"),
        ("http://hl7.org/fhir/ValueSet/observation-status", "http://hl7.org/fhir/observation-status"),
        ("http://www.hl7.org/fhir/observation-status", "http://hl7.org/fhir/observation-status"),
    ],
)
def test_misspelt_systems_and_their_uri(system: str, proper: str) -> None:
    found = coding_findings({"system": system, "code": "x"})[0]
    assert rules((found,)) == [("system-form", "error")]
    assert found.path == ("system",)
    assert found.message.endswith(f"write '{proper}'")


def test_an_oid_of_a_system_with_a_uri_is_a_warning() -> None:
    assert uri_of("urn:oid:2.16.840.1.113883.6.96") == SNOMED
    assert rules(code_findings("urn:oid:2.16.840.1.113883.6.1", "718-7")) == [("system-form", "warning")]
    assert code_findings("urn:oid:2.16.840.1.113883.6.238", "2106-3") == ()  # race and ethnicity: the OID is the URI


@pytest.mark.parametrize(
    ("system", "rule"),
    [
        ("foo", "system-form"),
        ("hospital.test/codes", "system-form"),
        ("http://hospital.test/my codes", "system-form"),
        ("urn:oid:1.2.3.04", "system-form"),
        ("urn:uuid:86587458-7463-4F48-a399-1ec451e11054", "system-form"),
        ("http://hl7.org/fhir/us/core/ValueSet/us-core-x", "system-form"),
        (THO + "no-such-system", "system-undefined"),
        ("http://hl7.org/fhir/no-such-system", "system-undefined"),
        ("http://hl7.org/fhir/sid/no-such-system", "system-undefined"),
    ],
)
def test_systems_that_cannot_be(system: str, rule: str) -> None:
    assert rules(code_findings(system, "x")) == [(rule, "error")]


@pytest.mark.parametrize(
    "system",
    [
        "https://hospital.test/codes",
        "urn:oid:1.2.3.4",
        "urn:uuid:86587458-7463-4f48-a399-1ec451e11054",
        "urn:iso:std:iso:3166",
        "http://hl7.org/fhir/us/core/CodeSystem/us-core-category",
        "http://hl7.org/fhir/sid/icd-9",
        "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem",
        ICD_O_3,
    ],
)
def test_systems_that_nothing_is_known_against(system: str) -> None:
    assert code_findings(system, "8500/3") == ()


# -- displays of the codes that we ship --


def test_other_displays_of_our_codes() -> None:
    assert code_findings(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood") == ()
    assert code_findings(LOINC, "718-7", "hemoglobin [Mass/volume]  in blood") == ()
    assert (
        code_findings(SNOMED, "26643006", "Oral route")
        == code_findings(SNOMED, "26643006", "Oral route (qualifier value)")
        == ()
    )
    (found,) = code_findings(LOINC, "718-7", "Hgb Bld-mCnc")
    assert rules((found,)) == [("display-wrong", "warning")]
    assert "'Hemoglobin [Mass/volume] in Blood'" in found.message


def test_the_display_of_another_code_of_ours_is_an_error() -> None:
    (found,) = code_findings(LOINC, "718-7", "Platelets [#/volume] in Blood")
    assert rules((found,)) == [("display-wrong", "error")]
    assert "is the display of '26515-7', not of '718-7'" in found.message


def test_a_display_of_a_code_that_we_do_not_know_is_left_alone() -> None:
    assert code_findings(LOINC, "2951-2", "whatever") == ()


# -- quantities --


def test_quantities() -> None:
    assert quantity_findings({"value": 1, "unit": "mg/dl", "system": UCUM, "code": "mg/dL"}) == ()
    assert quantity_findings({"value": 1, "unit": "tablets"}) == ()
    (invalid,) = quantity_findings({"value": 1, "unit": "gm/dL", "system": UCUM, "code": "gm/dL"})
    assert (invalid.rule, invalid.path) == ("ucum-invalid", ("code",))
    (other,) = quantity_findings({"value": 1, "unit": "mg/dL", "system": UCUM, "code": "g/dL"})
    assert (rules((other,)), other.path) == ([("unit-contradicts", "warning")], ("unit",))
    (system,) = quantity_findings({"value": 1, "unit": "mg", "system": "UCUM", "code": "mg"})
    assert (system.rule, system.path) == ("system-form", ("system",))
    (code,) = quantity_findings({"value": 1, "system": THO + "v3-orderableDrugForm", "code": "Tab"})
    assert code.message.endswith("did you mean 'TAB'?")
    assert quantity_findings({"value": 1, "unit": "unit", "system": UCUM, "code": "{unit}"}) == ()
    assert rules(quantity_findings({"value": 1, "system": SNOMED, "code": "415818005"})) == [("code-form", "warning")]


# -- identifiers, languages, media types, currencies --


@pytest.mark.parametrize(
    ("system", "value", "path", "severity"),
    [
        ("MRN", "1", "system", "error"),
        ("www.hospital.test", "1", "system", "error"),
        ("http://hospital test", "1", "system", "error"),
        ("urn:oid:1.2.3.04", "1", "system", "error"),
        ("urn:uuid:ABC", "1", "system", "error"),
        ("urn:ietf:rfc:3986", "10.1159/000524152", "value", "error"),
        ("urn:ietf:rfc:3986", "urn:uuid:ABC", "value", "warning"),
        ("urn:ietf:rfc:3986", "urn:oid:3.4", "value", "warning"),
    ],
)
def test_identifiers_that_cannot_be(system: str, value: str, path: str, severity: str) -> None:
    (found,) = identifier_findings({"system": system, "value": value})
    assert (rules((found,)), found.path) == ([("identifier-form", severity)], (path,))


def test_identifiers_that_can() -> None:
    for system, value in [
        ("https://hospital.test/mrn", "4711"),
        ("urn:oid:2.16.840.1.113883.2.4.6.3", "4711"),
        ("urn:ietf:rfc:3986", "urn:uuid:86587458-7463-4f48-a399-1ec451e11054"),
        ("urn:ietf:rfc:3986", "https://doi.org/10.1159/000524152"),
        ("http://hl7.org/fhir/sid/us-ssn", "444222222"),
    ]:
        assert identifier_findings({"system": system, "value": value}) == ()
    assert identifier_findings({"value": "4711"}) == ()


def test_languages() -> None:
    for tag in ["en", "en-US", "de-AT", "fr-LU", "zh-Hans-CN", "de-CH-1996", "tlh", "sr-Latn", "es-419", "en-x-mine"]:
        assert language_problem(tag) is None
    for tag in ["zz", "e", "deutsch", "fr-", "x-foo", ""]:
        assert language_problem(tag) is not None
    for tag, right in [("en_US", "en-US"), ("EN", "en"), ("en-us", "en-US")]:
        found = language_problem(tag)
        assert found is not None
        assert found.message.endswith(f"did you mean '{right}'?")


def test_media_types() -> None:
    for media_type in [
        "text/plain",
        "text/plain; charset=utf-8",
        "application/fhir+json",
        "image/svg+xml;q=1",
        "application/vnd.foo",
        "json",
    ]:
        assert mime_problem(media_type) is None
    for media_type in ["pdf", "application/pdf;x", "text / plain", "", "text/", "a/b/c"]:
        assert mime_problem(media_type) is not None


def test_currencies() -> None:
    assert currency_problem("EUR") is currency_problem("JPY") is None
    for code, end in [("usd", "did you mean 'USD'?"), ("EURO", "as in 'EUR'"), ("", "as in 'EUR'")]:
        found = currency_problem(code)
        assert found is not None
        assert found.message.endswith(end)


# -- whatever may come --

PARTS = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.lists(st.text(), max_size=2),
    st.dictionaries(st.text(), st.text(), max_size=2),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that is busy
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("system", "code", "display", "version", "unit", "value"), PARTS))
)
def test_parts_of_any_type_are_judged_or_left_to_others(given_object: dict[str, Any]) -> None:
    for judge in (coding_findings, quantity_findings, identifier_findings):
        for found in judge(given_object):
            assert found.rule in RULES
            assert len(found.path) == 1


@given(st.sampled_from([LOINC, SNOMED, UCUM, THO + "v2-0203", ICD_10, ATC]), st.text(max_size=30), st.text(max_size=30))
def test_any_code_and_display_are_judged(system: str, code: str, display: str) -> None:
    for found in code_findings(system, code, display):
        assert "\n" not in found.message


def test_a_coding_seen_before_costs_a_look() -> None:
    coding = {"system": THO + "v2-0203", "code": "QQQ"}
    assert coding_findings(coding) is coding_findings(dict(coding))


# -- what HL7 says --


def codings(value: object) -> Iterator[dict[str, Any]]:
    """The objects with system and code in a resource."""
    if isinstance(value, dict):
        if isinstance(value.get("system"), str) and "code" in value:
            yield value
        for part in value.values():
            yield from codings(part)
    elif isinstance(value, list):
        for part in value:
            yield from codings(part)


def test_golden_bundles_have_right_codes() -> None:
    folder = data_dir("fixtures") / "bundles"
    found = {
        (finding.rule, finding.message)
        for path in folder.glob("*.json")
        for one in codings(json.loads(path.read_text()))
        for finding in (quantity_findings(one) if "value" in one else coding_findings(one))
    }
    assert found == set()


AGREED = [
    {"system": THO + "v2-0203", "code": "MR", "display": "Medical record number"},
    {"system": THO + "v2-0203", "code": "MR", "display": "medical record NUMBER"},
    {"system": THO + "v2-0203", "code": "MR", "display": "medical  record number"},
    {"system": THO + "v2-0203", "code": "MR", "display": "Medical rec"},
    {"system": THO + "v2-0203", "code": "mr"},
    {"system": THO + "v2-0203", "code": "QQQ", "version": "2.9"},
    {"system": THO + "v2-0203", "code": "QQQ", "version": "5.0.0"},
    {"system": THO + "v3-ActClass", "code": "COMPOSITION", "display": "Attestable unit"},
    {"system": THO + "v3-ObservationInterpretation", "code": "H", "display": "Hoch"},
    {"system": THO + "insurance-plan-type", "code": "zzz"},
    {"system": "http://hl7.org/fhir/observation-status", "code": "Final"},
    {"system": "http://hl7.org/fhir/v2/0203", "code": "MR"},
    {"system": THO + "nope", "code": "x"},
    {"system": "http://hl7.org/fhir/sid/us-ssn", "code": "x"},
    {"system": "http://hl7.org/fhir/sid/icd-9", "code": "x"},
    {"system": "urn:oid:2.16.840.1.113883.6.1", "code": "718-7"},
    {"system": "urn:oid:1.2.3.04", "code": "x"},
    {"system": "urn:uuid:ABC", "code": "x"},
    {"system": "http://hospital.test/my codes", "code": "x"},
    {"system": "https://hospital.test/codes", "code": "x"},
]


@pytest.mark.validator
def test_hl7_and_we_agree_on_what_is_an_error(tmp_path: Path) -> None:
    from tests.validator.install import ensure
    from tests.validator.oracle import Oracle

    ensure()
    components = [{"code": {"text": "x"}, "valueCodeableConcept": {"coding": [coding]}} for coding in AGREED]
    resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "component": components}
    path = tmp_path / "observation.json"
    path.write_text(json.dumps(resource))
    with Oracle("hl7") as judge:
        errors = [str(found) for found in judge.outcome(path) if found.is_error]
    theirs = [any(f"component[{number}]" in error for error in errors) for number in range(len(AGREED))]
    ours = [any(severity == "error" for _, severity in rules(coding_findings(coding))) for coding in AGREED]
    assert [coding for coding, one, other in zip(AGREED, ours, theirs, strict=True) if one != other] == []
