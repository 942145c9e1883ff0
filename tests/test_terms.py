"""Terms: words with the codes that a source gives itself, and `origin`, from the facts to the Bundle and back to the line."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Converted, run
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv import Conversion, MappingError, convert
from fhirconv.explain import trace
from fhirconv.mapping import load_mappings
from fhirconv.schema import Field, Section, case_schema
from fhirconv.terms import Term

CASES = sorted((FIXTURES / "cases").glob("*.yaml"))
SYSTEMS = load_mappings().tables.code_systems
LOCAL = "https://hospital.test/codes"
TERMS = [
    (section, field)
    for section in case_schema().sections.values()
    for field in section.fields.values()
    if field.kind in ("term", "site")
]
each_profile = pytest.mark.parametrize("profile", ["r4", "mcode"])
each_case = pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)


def resources(made: Conversion, kind: str = "") -> list[dict[str, Any]]:
    assert made.bundle is not None, [issue.text() for issue in made.issues]
    found = [entry["resource"] for entry in made.bundle["entry"]]
    return [resource for resource in found if kind in ("", resource["resourceType"])]


def parts(value: Any) -> Iterator[Any]:
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(part)


def case(**sections: Any) -> dict[str, Any]:
    return {"case": {"id": "terms"}, "patient": {"sex": "female"}, **sections}


def lab(analyte: Any, value: Any = 9.8, unit: Any = "g/dL", **more: Any) -> dict[str, Any]:
    return {"analyte": analyte, "value": value, "unit": unit, "at": "2020-01-01", **more}


def term(*codes: tuple[str, str], text: str = "") -> dict[str, Any]:
    made = {"codes": [{"system": system, "code": code} for system, code in codes]}
    return {"text": text, **made} if text else made


def made_of(*labs: dict[str, Any]) -> list[dict[str, Any]]:
    """Observation.code of each lab, in the order given."""
    made = convert(case(labs=[{"id": f"lab-{number:03}", **one} for number, one in enumerate(labs)]))
    return [resource["code"] for resource in resources(made, "Observation")]


# -- the law: the source's codes first, as they are; then ours, never a second coding of a system; the source's words ------

# For each field that a table is for: words, known and unknown, and codes that tables have and that they do not have.
FIELDS: dict[str, dict[str, Any]] = {
    "conditions.name": {"kind": "primary-cancer"},
    "conditions.histology": {"kind": "primary-cancer", "name": "x"},
    "conditions.site": {"kind": "primary-cancer", "name": "x"},
    "conditions.severity": {"kind": "symptom", "name": "x"},
    "labs.analyte": {"value": 9.8, "unit": "g/dL"},
    "labs.method": {"analyte": "x", "result": "y"},
    "labs.result": {"analyte": "x"},
    "labs.interpretation": {"analyte": "x", "result": "y"},
    "pathology.test": {"result": "y"},
    "findings.finding": {},
    "medications.drug": {"status": "active"},
    "medications.route": {"drug": "x", "status": "active"},
    "medications.reason": {"drug": "x", "status": "active"},
    "procedures.procedure": {"kind": "surgery", "status": "completed"},
    "procedures.using": {"procedure": "x", "kind": "surgery", "status": "completed"},
    "specimens.type": {},
    "specimens.site": {"type": "x"},
    "disease_status.status": {},
    "regimens.name": {"status": "completed"},
    "adverse_events.event": {"presence": "present"},
    "events.name": {"id": "e"},
}
WORDS = [
    "",
    "Breast Cancer",
    "breast",
    "hb",
    "letrozole",
    "mastectomy",
    "positive",
    "by mouth",
    "tumor",
    "nobody's words",
    "<b>",
]
CODES = [
    ("snomed", "254837009"),
    ("http://snomed.info/sct", "76752008"),
    ("snomed", "94391008"),
    ("loinc", "718-7"),
    ("icd-10", "C50.9"),
    ("icd-o-3", "8500/3"),
    ("rxnorm", "72965"),
    ("atc", "L02BG04"),
    ("v2-0487", "TUMOR"),
    (LOCAL, "A b"),
    (LOCAL, "2"),
]
terms = st.builds(
    lambda codes, text: term(*codes, text=text),
    st.lists(
        st.sampled_from(CODES), min_size=1, max_size=3, unique_by=lambda one: (SYSTEMS.get(one[0], one[0]), one[1])
    ),
    st.sampled_from(WORDS),
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(FIELDS)), terms, st.sampled_from(["", "left"]), st.sampled_from(["r4", "mcode"]))
def test_codes_of_the_source_come_first_and_ours_repeat_no_system(
    name: str, stated: dict[str, Any], side: str, profile: str
) -> None:
    section, _, field = name.partition(".")
    sided = {"laterality": side} if side and "laterality" in case_schema().sections[section].fields else {}
    made = convert(case(**{section: [{**FIELDS[name], **sided, field: stated}]}), profile=profile)
    theirs = [{"system": SYSTEMS.get(one["system"], one["system"]), "code": one["code"]} for one in stated["codes"]]
    found = [
        one
        for one in parts(resources(made))
        if isinstance(one, dict) and one.get("coding", [])[: len(theirs)] == theirs
    ]
    assert found
    for concept in found:
        ours = [coding["system"] for coding in concept["coding"][len(theirs) :]]
        assert not {coding["system"] for coding in theirs} & set(ours)
        assert len(set(ours)) == len(ours)
        words = stated.get("text", "")
        assert concept.get("text", "") in (words, f"{side} {words}".strip() if field == "site" else words)
    line = made.ledger.lines[-1]
    assert f"{field}:" not in " ".join((line.reason, *line.remarks))


def test_ours_are_added_for_the_concept_that_a_code_or_the_words_mean() -> None:
    drugs = [
        term(("atc", "L02BG04")),
        term(("atc", "L02BG04"), text="nobody's words"),
        term((LOCAL, "1"), text="Femara"),
        term((LOCAL, "1")),
        term(("rxnorm", "72965"), ("atc", "L02BG03"), text="anastrozole"),  # two drugs: each code stays, none is added
    ]
    facts = [{"id": f"d{number}", "drug": drug, "status": "active"} for number, drug in enumerate(drugs)]
    made = convert(case(medications=facts))
    found = [resource["medicationCodeableConcept"] for resource in resources(made, "MedicationStatement")]
    assert [[coding["code"] for coding in one["coding"]] for one in found] == [
        ["L02BG04", "72965"],
        ["L02BG04", "72965"],
        ["1", "72965", "L02BG04"],
        ["1"],
        ["72965", "L02BG03"],
    ]
    assert [one.get("text") for one in found] == [None, "nobody's words", "Femara", None, "anastrozole"]


def test_a_code_of_several_concepts_is_the_one_that_the_words_mean_or_none() -> None:
    shared = ("icd-10", "C50.9")  # of ten concepts
    names = [term(shared), term(shared, text="triple-negative breast cancer"), term(shared, text="nobody's words")]
    facts = [{"id": f"c{n}", "kind": "primary-cancer", "name": name} for n, name in enumerate(names)]
    made = convert(case(conditions=facts))
    first, second, third = (resource["code"]["coding"] for resource in resources(made, "Condition"))
    assert len(first) == len(third) == 1
    meant = load_mappings().tables.concepts["conditions"].concepts["triple-negative-breast-cancer"]
    assert second[1:] == [coding for coding in meant.codings if coding["system"] != SYSTEMS["icd-10"]]


def test_the_side_is_looked_for_where_the_words_are_found() -> None:
    stated = term(("snomed", "254837009"), text="breast cancer")
    made = convert(case(conditions=[{"kind": "primary-cancer", "name": stated, "laterality": "left"}]))
    (condition,) = resources(made, "Condition")
    left = load_mappings().tables.concepts["conditions"].concepts["left-breast-cancer"]
    assert condition["code"]["coding"][1:] == [one for one in left.codings if one["system"] != SYSTEMS["snomed"]]


def test_a_stage_is_found_with_its_system_and_keeps_its_own_words() -> None:
    iib = term(("snomed", "1222769001"))
    ways = [
        (term((LOCAL, "1"), text="IIB"), "AJCC 8", ["1", "1222769001"], "IIB"),
        (term((LOCAL, "1"), text="IIB"), term((LOCAL, "2"), text="AJCC 8"), ["1", "1222769001"], "IIB"),
        ("IIB", term((LOCAL, "2"), text="AJCC 8"), ["1222769001"], "AJCC stage IIB"),
        ("IIB", term((LOCAL, "2")), None, "IIB"),
        ({**iib, "text": "2B"}, "AJCC 8", ["1222769001"], "2B"),
        (iib, "AJCC 8", ["1222769001"], None),
    ]
    facts = [{"id": f"s{n}", "of": "c", "stage": stage, "system": system} for n, (stage, system, *_) in enumerate(ways)]
    made = convert(case(conditions=[{"id": "c", "kind": "primary-cancer", "name": "x"}], stages=facts))
    (condition,) = resources(made, "Condition")
    for values in (
        [one["valueCodeableConcept"] for one in resources(made, "Observation")],
        [one["summary"] for one in condition["stage"]],
    ):
        for found, (_, _, codes, text) in zip(values, ways, strict=True):
            assert [coding["code"] for coding in found.get("coding", ())] == (codes or [])
            assert found.get("text") == text


@pytest.mark.parametrize(("unit", "is_added"), [("g/dL", True), ("mmol/L", False)])
def test_ours_go_out_only_for_units_that_they_hold_for(unit: str, is_added: bool) -> None:
    (found,) = made_of(lab(term((LOCAL, "HGB"), text="Hb"), unit=unit))
    assert (SYSTEMS["loinc"] in [coding["system"] for coding in found["coding"]]) is is_added
    (by_code,) = made_of(lab(term(("loinc", "718-7")), unit=unit))
    assert by_code == {"coding": [{"system": SYSTEMS["loinc"], "code": "718-7"}]}  # the source's own, whatever we think


@pytest.mark.parametrize("first", [0, 1])
def test_plain_words_and_the_same_words_with_a_code_are_told_apart(first: int) -> None:
    """What is remembered of words must not be said of a term, nor the other way round."""
    ways: list[Any] = ["Hemoglobin", term((LOCAL, f"H{first}"), text="Hemoglobin")]
    order = [ways[first], ways[1 - first]] * 2
    for analyte, found in zip(order, made_of(*map(lab, order)), strict=True):
        assert [coding["code"] for coding in found["coding"]] == (
            ["718-7"] if analyte is ways[0] else [f"H{first}", "718-7"]
        )


def test_plain_words_and_words_with_codes_stand_in_one_list() -> None:
    sites = ["breast", term((LOCAL, "1"), text="breast"), "breast", term((LOCAL, "2"))]
    made = convert(case(conditions=[{"kind": "primary-cancer", "name": "x", "site": sites}]))
    (condition,) = resources(made, "Condition")
    codes = [[coding["code"] for coding in one["coding"]] for one in condition["bodySite"]]
    assert codes == [["76752008"], ["1", "76752008"], ["76752008"], ["2"]]


def test_words_alone_in_an_object_are_words() -> None:
    assert made_of(lab({"text": "Hb"})) == made_of(lab("Hb"))
    one, other = (convert(case(conditions=[{"kind": "symptom", "name": name}])) for name in ("odd", {"text": "odd"}))
    assert one.json() == other.json()
    assert one.counts() == other.counts()


# -- identity --------------------------------------------------------------------------------------------------------------


def coded(facts: dict[str, Any], where: list[tuple[Section, Field]]) -> dict[str, Any]:
    """The facts, each plain word of which has a code now."""
    made = copy.deepcopy(facts)
    for section, field in where:
        listed = made.get(section.name, [])
        for fact in listed if isinstance(listed, list) else [listed]:
            value = fact.get(field.path[0])
            if isinstance(value, str):
                fact[field.path[0]] = term((LOCAL, "1"), text=value)
            elif isinstance(value, list):
                fact[field.path[0]] = [term((LOCAL, "1"), text=one) if isinstance(one, str) else one for one in value]
    return made


@each_case
def test_codes_beside_words_change_no_identity(path: Path, converted: Converted) -> None:
    plain = converted(path, "r4")
    with_codes = convert(coded(plain.case.document.data, TERMS))
    assert [resource["id"] for resource in resources(with_codes)] == [resource["id"] for resource in resources(plain)]
    assert not with_codes.ledger.counts()["kept as text"]


def test_codes_alone_are_the_identity_however_they_are_named_and_ordered() -> None:
    pair = [("loinc", "718-7"), (LOCAL, "HGB")]
    ways = [term(*pair), term(*reversed(pair)), term(("http://loinc.org", "718-7"), (LOCAL, "HGB"))]
    displayed = copy.deepcopy(ways[0])
    displayed["codes"][1]["display"] = "Haemoglobin"
    ids = {resources(convert(case(labs=[lab(way)])), "Observation")[0]["id"] for way in (*ways, displayed)}
    assert len(ids) == 1
    (other,) = resources(convert(case(labs=[lab(term(("loinc", "26515-7")))])), "Observation")
    assert other["id"] not in ids


def test_two_facts_with_the_same_words_are_one_whatever_their_codes() -> None:
    made = convert(case(labs=[lab("Hb"), lab(term((LOCAL, "1"), text="Hb"))]))
    assert [issue.rule for issue in made.issues if issue.is_error] == ["fact-duplicate"]


def test_a_name_of_a_system_and_its_uri_are_the_same() -> None:
    one, other = (
        convert(case(labs=[lab(term((system, "718-7"), text="Hb"))])) for system in ("loinc", "http://loinc.org")
    )
    assert one.json() == other.json()


# -- what else reads words ---------------------------------------------------------------------------------------------------


@each_profile
@each_case
def test_terms_go_no_further_than_the_facts(path: Path, profile: str, converted: Converted) -> None:
    """A Bundle is plain JSON data; and the facts that were handed over stay as they were."""
    made = converted(path, profile)
    assert not [part for part in parts(made.bundle) if isinstance(part, Term)]
    assert not [part for part in parts(made.case.document.data) if isinstance(part, Term)]


def test_a_fact_with_codes_is_converted_and_not_kept_as_text() -> None:
    facts = {"conditions": [{"id": "c", "kind": "primary-cancer", "name": "nobody's words", "severity": "odd"}]}
    assert convert(case(**facts)).counts()["kept as text"] == 1
    made = convert(coded(case(**facts), TERMS))
    assert made.counts()["kept as text"] == made.ledger.counts()["kept as text"] == 0
    assert made.issues == []


def test_the_narrative_tells_words_and_codes() -> None:
    names = [term(("snomed", "22253000"), text="sore <back>"), term((LOCAL, "P-1")), term(("snomed", "49727002"))]
    names[2]["codes"][0]["display"] = "Cough"
    facts = [{"id": f"c{n}", "kind": "symptom", "name": name, "site": [name, "spine"]} for n, name in enumerate(names)]
    divs = [resource["text"]["div"] for resource in resources(convert(case(conditions=facts)), "Condition")]
    told = ["sore &lt;back&gt; (snomed 22253000)", f"{LOCAL} P-1", "Cough (snomed 49727002)"]
    for div, words in zip(divs, told, strict=True):
        assert f"<b>{words}</b>" in div
        assert f"<li>site: {words}, spine</li>" in div


def test_plausibility_knows_tests_drugs_and_names_by_code_or_words() -> None:
    hb = term(("loinc", "718-7"))
    drug = term(("atc", "L02BG04"))
    made = convert(
        case(
            labs=[lab("Hb", 98), lab(hb, 980, id="far"), lab(term((LOCAL, "1"), text="Hb"), 981, id="too")],
            medications=[
                {"id": "a", "drug": drug, "status": "completed", "start": "2015-01-01", "end": "2016-01-01"},
                {"id": "b", "drug": "Femara", "status": "completed", "start": "2015-06-01", "end": "2017-01-01"},
            ],
            conditions=[{"kind": "other", "name": term((LOCAL, "1"), text="no metastases")}],
        )
    )
    rules = [(issue.rule, issue.place.pointer) for issue in made.issues]
    assert ("value-range", "/labs/1/value") in rules
    assert ("value-range", "/labs/2/value") in rules
    assert ("value-conflict", "/labs/1/value") in rules  # Hb and LOINC 718-7 are one test
    assert [rule for rule, pointer in rules if pointer.startswith("/medications")] == ["therapy-order"]
    assert ("name-negated", "/conditions/0/name") in rules


def test_one_name_with_two_codes_is_two_tests() -> None:
    """What is remembered of the words 'Hb' in g/dL is not said of another code under these words."""
    other = term(("loinc", "26515-7"), text="Hb")
    made = convert(case(labs=[lab("Hb", 9.8), lab(other, 11, id="other"), lab("Hb", 10.1, id="same")]))
    assert [(issue.rule, issue.place.pointer) for issue in made.issues] == [("value-conflict", "/labs/2/value")]


def test_a_quote_need_not_hold_codes() -> None:
    quote = "letrozole was given"
    drugs = [
        term(("rxnorm", "72965")),
        term(("rxnorm", "72965"), text="letrozole"),
        term(("rxnorm", "72965"), text="Femara"),
    ]
    facts = [{"id": f"d{n}", "drug": drug, "status": "active", "evidence": quote} for n, drug in enumerate(drugs)]
    made = convert(case(medications=facts))
    assert [issue.place.pointer for issue in made.issues if issue.rule == "quote-lacks"] == ["/medications/2/drug"]


def test_a_profile_is_claimed_for_a_concept_that_a_code_means() -> None:
    facts = {"pathology": [{"test": term(("loinc", "40556-3")), "result": "positive"}]}
    (made,) = resources(convert(case(**facts), profile="mcode"), "Observation")
    assert made["meta"]["profile"] == ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-tumor-marker-test"]


def test_each_element_of_a_term_leads_back_to_its_field() -> None:
    made = convert(FIXTURES / "cases" / "maximal-conditions.yaml")
    (one,) = (one for one in trace(made) if (one.fact, one.value) == ("conditions/coded", "D-17"))
    assert one.element == "code.coding[1].code"
    name, place = one.fields[0]
    assert (name, place.pointer) == (
        "name",
        f"/conditions/{[f.key for f in made.case.facts_of('conditions')].index('coded')}/name",
    )


def test_a_wrong_code_is_told_where_it_stands() -> None:
    made = convert(
        case(conditions=[{"kind": "symptom", "name": "pain", "site": ["spine", term(("snomed", "12345678"))]}])
    )
    (issue,) = made.issues
    assert (issue.rule, issue.place.pointer) == ("code-form", "/conditions/0/site/1/codes/0/code")
    assert made.bundle is None


def test_what_is_only_doubtful_is_a_warning_about_what_goes_out() -> None:
    made = convert(case(labs=[lab(term(("urn:oid:2.16.840.1.113883.6.1", "718-7"), text="Hb"))]))
    assert [(one.rule, one.severity, one.place.pointer) for one in made.issues] == [
        ("system-form", "warning", "/labs/0/analyte")
    ]


def test_a_display_that_contradicts_its_code_is_told_at_the_field() -> None:
    stated = term(("observation-interpretation", "H"))
    stated["codes"][0]["display"] = "Low"
    made = convert(case(labs=[lab("Hb", interpretation=stated)]))
    assert [(issue.rule, issue.place.pointer) for issue in made.issues] == [("display-wrong", "/labs/0/interpretation")]


def test_a_case_with_terms_can_be_pickled() -> None:
    made = convert(FIXTURES / "cases" / "maximal-labs.yaml")
    assert pickle.loads(pickle.dumps(made)).json() == made.json()
    word = next(fact.data["analyte"] for fact in made.case.facts_of("labs") if isinstance(fact.data["analyte"], Term))
    again = pickle.loads(pickle.dumps(word))
    assert (again, again.codings, again.said, again.key) == (word, word.codings, word.said, word.key)


# -- mappings of a site --------------------------------------------------------------------------------------------------------


def site(tmp_path: Path, elements: str) -> Path:
    """A site whose procedures have these elements besides or in place of ours."""
    folder = tmp_path / "resources"
    folder.mkdir()
    ours = (Path(__file__).parents[1] / "mappings" / "resources" / "condition.toml").read_text(encoding="utf-8")
    lines = [line for line in ours.splitlines() if not line.startswith(elements.partition(" ")[0] + " ")]
    (folder / "condition.toml").write_text("\n".join(lines) + f"\n{elements}\n", encoding="utf-8")
    return tmp_path


def test_words_that_a_map_makes_codes_of_keep_the_codes_of_the_source(tmp_path: Path) -> None:
    rule = 'severity = { code = "severity", system = "snomed", map = { bad = "24484000" } }'
    stated = [
        term((LOCAL, "1"), text="bad"),
        term((LOCAL, "1"), text="odd"),
        term(("snomed", "6736007"), text="bad"),
        "bad",
    ]
    facts = [{"id": f"c{n}", "kind": "symptom", "name": "pain", "severity": one} for n, one in enumerate(stated)]
    made = convert(case(conditions=facts), mappings=site(tmp_path, rule))
    found = [resource["severity"] for resource in resources(made, "Condition")]
    assert [[coding["code"] for coding in one["coding"]] for one in found] == [
        ["1", "24484000"],
        ["1"],
        ["6736007"],
        ["24484000"],
    ]
    assert [one["text"] for one in found] == ["bad", "odd", "bad", "bad"]


def test_the_words_of_a_term_may_name_what_is_referred_to(tmp_path: Path) -> None:
    rule = 'asserter = { reference = "@patient", display = "severity" }'
    facts = [{"kind": "symptom", "name": "pain", "severity": term((LOCAL, "1"), text="Dr. Who")}]
    (found,) = resources(convert(case(conditions=facts), mappings=site(tmp_path, rule)), "Condition")
    assert found["asserter"] == {**found["subject"], "display": "Dr. Who"}
    assert type(found["asserter"]["display"]) is str


def test_an_element_with_a_required_value_set_takes_no_codes_of_the_source(tmp_path: Path) -> None:
    rule = 'clinicalStatus = { concept = "results", from = "severity" }'
    with pytest.raises(
        MappingError, match=r"'severity' may have any codes of the source; Condition\.clinicalStatus takes"
    ):
        convert(case(), mappings=site(tmp_path, rule))


# -- origin ----------------------------------------------------------------------------------------------------------------------

ORIGIN = [
    {"file": "labs <a>.xlsx", "sheet": "May", "row": 12, "columns": ["Hb", "day"]},
    {"file": "more.csv", "row": 3},
]
TOLD = "labs <a>.xlsx, sheet May, row 12, columns Hb, day; more.csv, row 3"


@each_case
def test_origin_is_told_and_changes_nothing_else(path: Path, converted: Converted) -> None:
    plain = converted(path, "r4")
    facts = copy.deepcopy(plain.case.document.data)
    for name in case_schema().sections:
        listed = facts.get(name, [])
        for fact in listed if isinstance(listed, list) else [listed]:
            fact["origin"] = ORIGIN
    made = convert(facts)
    for one, other in zip(resources(made), resources(plain), strict=True):
        assert {**one, "text": ""} == {**other, "text": ""}
    assert {line.origin for line in made.ledger} == {TOLD}
    assert made.build is not None
    escaped = TOLD.replace("<", "&lt;").replace(">", "&gt;")
    for entry in made.build.entries:
        is_main = not entry.mapping.role
        assert (f"<li>origin: {escaped}</li>" in entry.resource["text"]["div"]) is is_main, entry.mapping.name


def test_explain_shows_the_origin(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case(labs=[lab("Hb", id="hb", origin=ORIGIN)])), encoding="utf-8")
    assert f"; read from {TOLD}\n" in run("explain", str(file)).stdout
    assert f"labs/hb ({file}:1:" in (said := run("explain", str(file), "hb").stdout)
    assert f"\n  read from: {TOLD}\n" in said
    (value,) = (
        one
        for one in json.loads(run("explain", str(file), "hb", "--json").stdout)
        if one["element"] == "valueQuantity.value"
    )
    assert value["origin"] == TOLD
