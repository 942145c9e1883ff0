"""The law of the way back: facts -> Bundle -> facts loses nothing that the mapping declares as mapped.

`fhirconv/back/same.py` says what the same facts are. Held on every fixture in every profile, and on cases that
hypothesis makes up.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Converted
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from test_properties import Case, cases, texts, tried
from test_properties import converted as convert_made

from fhirconv import convert
from fhirconv.back import Readback, read_back
from fhirconv.back.mappings import Backwards
from fhirconv.back.rules import INVERSES
from fhirconv.back.same import differences, normal_case
from fhirconv.conversion import Conversion, convert_document
from fhirconv.mapping import load_mappings
from fhirconv.schema import case_schema
from fhirconv.source import read_bytes, read_value
from fhirconv.values import VERBS

CASES = sorted(path for path in (FIXTURES / "cases").iterdir() if path.suffix in (".yaml", ".json"))
PROFILES = ("r4", "mcode")


@functools.cache
def backwards(profile: str) -> Backwards:
    return Backwards(load_mappings(None, profile))


def came_back(result: Conversion, profile: str) -> Readback:
    """What is read back from the bytes of a Bundle."""
    return read_back([read_bytes(result.json(), "bundle.json")], backwards(profile))


def again(facts: dict[str, Any], profile: str) -> bytes:
    result = convert_document(read_value(facts), load_mappings(None, profile))
    assert result.ok, [issue.text() for issue in result.issues if issue.is_error]
    return result.json()


def assert_law(result: Conversion, profile: str) -> None:
    """The same facts, nothing left over; and from them the same Bundle, byte for byte."""
    assert result.build is not None
    back = came_back(result, profile)
    assert back.report.lines()[1:] == []
    assert len(back.cases) == 1
    assert list(differences(result.build, back.cases[0])) == []
    assert again(back.cases[0], profile) == again(normal_case(result.build), profile)


def test_every_value_maker_has_one_inverse() -> None:
    assert INVERSES.keys() == VERBS.keys()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_fixtures_come_back(case: Path, profile: str, converted: Converted) -> None:
    assert_law(converted(case, profile), profile)


@pytest.mark.parametrize("form", ["batch", "collection"])
def test_every_form_of_a_bundle_comes_back(form: str) -> None:
    result = convert(FIXTURES / "cases" / "nakagawa-2022.yaml", bundle=form)
    back = came_back(result, "r4")
    assert result.build is not None
    assert back.report.is_clean
    assert list(differences(result.build, back.cases[0])) == []


CODES = [
    {"system": "loinc", "code": "718-7"},
    {"system": "loinc", "code": "718-7", "display": "Hemoglobin [Mass/volume] in Blood"},
    {"system": "http://snomed.info/sct", "code": "76752008"},
    {"system": "snomed", "code": "258228008"},
    {"system": "urn:example:codes", "code": "A 1", "display": "one of ours"},
]
coded = st.lists(st.sampled_from(CODES), min_size=1, max_size=2, unique_by=lambda code: code["code"])
words = (
    st.sampled_from(["Hb", "breast", "left breast", "left", "IV", "Stage IV", "AJCC 8", "left and right", "Note: x"])
    | texts
)


@st.composite
def rich_cases(draw: DrawFn) -> Case:
    """Cases with codes of the source, words that can be taken for others, and events that are the time of a fact."""
    case = draw(cases())
    for name, section in case_schema().sections.items():
        for fact in case.get(name, []) if section.is_list else []:
            for field in (
                field for field in section.fields.values() if field.kind in ("term", "site") and field.name in fact
            ):
                term = draw(st.fixed_dictionaries({"codes": coded}, optional={"text": words}) | words | st.none())
                fact[field.name] = term or fact[field.name]
    for event in case.get("events", []):
        owners = [
            (fact, field.name)
            for name, section in case_schema().sections.items()
            if section.is_list and name != "events"
            for fact in case.get(name, [])
            for field in section.fields_of("when")
            if "id" in fact and field.name in fact
        ]
        if owners and "certainty" not in event and "note" not in event and draw(st.booleans()):
            fact, when = draw(st.sampled_from(owners))
            event["of"], fact[when] = fact["id"], {"at": event["id"]}
    return case


@pytest.mark.parametrize("profile", PROFILES)
@tried
@given(rich_cases())
def test_any_case_comes_back(profile: str, case: Case) -> None:
    result = convert_made(case, profile)
    assume(result.ok)
    assert_law(result, profile)


def test_facts_that_differ_only_in_the_words_of_a_code_stay_two() -> None:
    codes = [{"system": "loinc", "code": "718-7"}]
    names: list[dict[str, Any]] = [{"codes": codes}, {"text": "left breast", "codes": codes}]
    regimens = [{"name": name, "status": "completed"} for name in names]
    assert_law(convert({"case": {"id": "a"}, "patient": {}, "regimens": regimens}), "r4")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ({"date": "2020-09-02", "text": "2020-09-02T00:00:00Z"}, {"date": "2020-09-02", "text": "2020-09-02T00:00:00Z"}),
        ({"date": "2020-09-02", "text": "2020-09-02"}, "2020-09-02"),
        ({"date": "2020", "text": "2020-05"}, "2020-06"),
        ("2020-03", {"date": "2020", "text": "2020-05"}),
        ("2020", {"date": "2020-05", "text": "T2"}),
        ({"date": "2020-09-02T08:00:00Z", "text": "2020-09-02T08:00:00Z"}, "2020-09-02T08:00:00Z"),
    ],
)
def test_words_that_look_like_a_finer_date_stay_words(start: Any, end: Any) -> None:
    drugs = [{"drug": "letrozole", "status": "completed", "start": start, "end": end}]
    found = [{"finding": "pain", "at": {"from": start, "to": end}}]
    assert_law(convert({"case": {"id": "a"}, "patient": {}, "medications": drugs, "findings": found}), "r4")
