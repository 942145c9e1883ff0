"""fhirconv.validate: what it takes, what it gives back, and what it raises."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES
from hypothesis import given
from hypothesis import strategies as st

import fhirconv
from fhirconv import FhirconvError, Issue, MappingError, to_operation_outcome, validate
from fhirconv.document import LIMITS
from fhirconv.profiles.archive import PackageError
from fhirconv.source import read_value
from fhirconv.validation.run import Validator

TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient.</div>'}
GOOD = {"resourceType": "Patient", "id": "a", "text": TEXT, "gender": "female"}
BAD = GOOD | {"gender": "femalee"}
BUNDLES = sorted((FIXTURES / "bundles").glob("*.json"))
CASES = sorted((FIXTURES / "cases").glob("*.yaml"))


def rules(issues: list[Issue]) -> list[str]:
    return [issue.rule for issue in issues]


# -- what it takes -------------------------------------------------------------------------------------------------------


def test_a_dict_bytes_and_a_file_say_the_same(tmp_path: Path) -> None:
    """A dict has no lines; all else of an issue is the same."""
    text = json.dumps(BAD, indent=1)
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    (of_dict,), (of_bytes,), (of_file,) = validate(BAD), validate(text.encode()), validate(tmp_path / "bad.json")
    assert (of_dict.place.file, of_dict.place.line, of_dict.place.pointer) == ("", 0, "/gender")
    assert (of_bytes.place.file, of_bytes.place.line) == ("", 8)
    assert (of_file.place.file, of_file.place.line, of_file.place.column) == (str(tmp_path / "bad.json"), 8, 12)
    assert validate(str(tmp_path / "bad.json")) == [of_file]
    for other in (of_bytes, of_file):
        assert (other.rule, other.message, other.expression, other.severity) == (
            of_dict.rule, of_dict.message, of_dict.expression, of_dict.severity
        )  # fmt: skip


def test_the_fields_of_an_issue() -> None:
    (issue,) = validate(BAD)
    assert issue == Issue("code-not-bound", issue.message, issue.place, "Patient.gender", "error")
    assert (issue.code, issue.layer, issue.is_error) == ("code-invalid", "bindings", True)
    assert "'femalee'" in issue.message
    assert "'female'" in issue.message
    assert issue.text() == f"/gender: error: Patient.gender: {issue.message} [code-not-bound]"


def test_bytes_may_be_ndjson_or_yaml() -> None:
    lines = b"\n".join(json.dumps(one).encode() for one in (GOOD, BAD, GOOD, BAD))
    assert [issue.place.line for issue in validate(lines)] == [2, 4]
    assert rules(validate(b"case: {id: c}\npatient: {sex: x}\n")) == ["not-a-choice"]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty-input"),
        (b"null", "content-unknown"),
        (b"[]", "content-unknown"),
        (b"7", "content-unknown"),
        (b"{}", "content-unknown"),
        (b"\xff\xfe", "encoding"),
    ],
)
def test_what_is_neither_a_resource_nor_a_case(data: bytes, rule: str) -> None:
    found = validate(data)
    assert rules(found) == [rule]
    assert found[0].is_error


@pytest.mark.parametrize("data", [{}, {"a": 1}, {"resourcetype": "Patient"}])
def test_a_dict_that_is_neither(data: dict[str, Any]) -> None:
    assert rules(validate(data)) == ["content-unknown"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert rules(validate(tmp_path / "none.json")) == ["file-unreadable"]
    assert rules(validate(tmp_path)) == ["file-unreadable"]


def test_limits() -> None:
    for data in (GOOD, json.dumps(GOOD).encode()):
        assert rules(validate(data, limits=LIMITS._replace(depth=1))) == ["too-deep"]
    assert validate(GOOD, limits=LIMITS) == []


def test_decimals_of_python_are_numbers() -> None:
    observation = {"resourceType": "Observation", "text": TEXT, "status": "final", "code": {"text": "Hb"}}
    for value in (9.8, 10, Decimal("9.80")):
        assert validate(observation | {"valueQuantity": {"value": value}}) == []
    for value in ("9.8", True, [9.8]):
        assert validate(observation | {"valueQuantity": {"value": value}}) != []


# -- what it leaves alone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [GOOD, BAD, {"case": {"id": "c"}, "patient": {"sex": "x"}}], ids=["good", "bad", "case"])
def test_the_data_is_left_as_it_was(data: dict[str, Any]) -> None:
    before = copy.deepcopy(data)
    validate(data, strict=True, profile="mcode")
    assert data == before


def test_a_validator_may_be_used_again_and_again() -> None:
    """A finding about one record says nothing about the next."""
    validator = Validator(profile="mcode", strict=True)
    first = [validator.check(read_value(dict(one))).issues for one in (BAD, GOOD, BAD)]
    assert first[0] == first[2] != first[1] == []


# -- what it says --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_no_golden_bundle_has_an_error(path: Path) -> None:
    """HL7's engine has nothing against them either (tests/validator)."""
    assert [issue.text() for issue in validate(path) if issue.is_error] == []


@pytest.mark.parametrize("path", [CASES[0], FIXTURES / "cases" / "nakagawa-2022.yaml"], ids=lambda path: path.stem)
def test_a_case_is_converted_and_its_bundle_checked(path: Path) -> None:
    assert [issue.text() for issue in validate(path, strict=True) if issue.is_error] == []


def test_findings_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    wrong = {"resourceType": "Patient", "id": "!", "birthDate": "x", "gender": "x", "active": "x"}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong, indent=1), encoding="utf-8")
    found = [issue.place.line for issue in validate(tmp_path / "wrong.json") if issue.rule != "dom-6"]
    assert found == [3, 4, 5, 6]


KEYS = st.sampled_from(["resourceType", "id", "name", "value", "case", "patient", "labs"]) | st.text(max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@given(VALUES)
def test_whatever_it_is_given_it_answers(value: Any) -> None:
    """It raises nothing, what is no resource and no case is never good, and its findings are valid FHIR."""
    for data in ({"a": value}, {"resourceType": "Patient", "name": value}, {"resourceType": value}, {"case": value}):
        found = validate(data)
        assert any(issue.is_error for issue in found) or data.get("resourceType") == "Patient"
        assert {issue.rule for issue in validate(to_operation_outcome(found))} <= {"dom-6"}


# -- what it raises ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["none", "", "MCODE", "https://test.invalid/none"])
def test_an_unknown_profile(profile: str) -> None:
    with pytest.raises(ValueError, match="profile"):
        validate(GOOD, profile=profile)


def test_a_package_that_cannot_be_used(tmp_path: Path) -> None:
    for package in ("none", tmp_path, FIXTURES / "cases" / "nakagawa-2022.yaml"):
        with pytest.raises(PackageError) as caught:
            validate(GOOD, packages=[package])
        assert isinstance(caught.value, FhirconvError)


def test_mappings_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "units.toml").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        validate({"case": {"id": "c"}, "patient": {}}, mappings=tmp_path)
    assert caught.value.issues
    assert validate(GOOD, mappings=tmp_path) == [], "a resource needs none"


# -- to_operation_outcome ------------------------------------------------------------------------------------------------


def test_to_operation_outcome_is_public() -> None:
    assert fhirconv.to_operation_outcome is to_operation_outcome
    assert {"validate", "to_operation_outcome", "Issue"} <= set(fhirconv.__all__)


@pytest.mark.parametrize("phi_free", [False, True])
@pytest.mark.parametrize("data", [GOOD, BAD, {"a": 1}], ids=["good", "bad", "unknown"])
def test_an_outcome_is_valid(data: dict[str, Any], phi_free: bool) -> None:
    made = to_operation_outcome(validate(data), phi_free=phi_free)
    assert {issue.rule for issue in validate(made, strict=True)} <= {"dom-6"}
    assert (made["issue"][0]["severity"] == "information") == (data is GOOD)
