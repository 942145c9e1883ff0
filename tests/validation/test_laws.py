"""The laws of the validator: it never raises, changes nothing, says the same again, and says where; see laws.py and fuzz.py."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhirconv.r4 import element_keys, resource_types
from fhirconv.validation.run import validate
from tests.validation import fuzz, laws
from tests.validation.fuzz import KEYS, ODD
from tests.validator.broken import Broken, broken, right
from tests.validator.corpora import Sample

tried = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def documents() -> list[dict[str, Any]]:
    """Right resources to be mutated; large Bundles are left to the fuzzing by hand."""
    return [one for one in fuzz.right_resources() if len(json.dumps(one)) < 20_000]


@tried
@given(st.integers(0, 2**32))
def test_laws_on_mutated_resources(seed: int) -> None:
    rnd = random.Random(seed)
    laws.check_laws(rnd, fuzz.mutated(rnd, rnd.choice(documents())))


@tried
@given(st.integers(0, 2**32))
def test_any_text_has_an_outcome(seed: int) -> None:
    rnd = random.Random(seed)
    laws.check_text(rnd, rnd.choice(documents()))


@pytest.mark.parametrize("case", [*right(), *broken()], ids=lambda case: case.name)
def test_laws_on_right_and_broken_resources(case: Sample | Broken) -> None:
    for issue in validate(case.content):
        assert issue.text()
    try:
        document = json.loads(case.content)
    except ValueError:
        return  # broken as JSON
    if isinstance(document, dict):
        laws.check_outcome(document)
        laws.check_order(random.Random(1), document)
    if isinstance(document, dict) and "duplicate" not in case.name:
        laws.check_bytes(document)


# -- any value -------------------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6) | st.sampled_from(ODD)
keys = st.sampled_from(KEYS) | st.text(max_size=4)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
types = st.sampled_from(["Patient", "Observation", "Bundle", "Parameters", "Questionnaire", "StructureDefinition", "ValueSet"])


@st.composite
def resources(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """An object with the type of a resource and any values in elements of that type."""
    kind = draw(types)
    inner = draw(st.dictionaries(st.sampled_from(sorted(element_keys(kind))), values, max_size=4))
    return {"resourceType": kind, **inner}


@settings(tried, max_examples=400)
@given(resources(json_values) | json_values)
def test_any_json_value_has_an_outcome(value: Any) -> None:
    laws.check_fast(value)
    if isinstance(value, dict):
        laws.check_outcome(value)


@pytest.mark.parametrize("type_name", sorted(resource_types()))
def test_every_element_of_every_type_takes_any_value(type_name: str) -> None:
    for key in element_keys(type_name):
        for value in (None, "", [], {}, [None], [[]], [{}], 5, "x", {"x": 1}, [{"x": [{}]}], {"resourceType": []}):
            document = {"resourceType": type_name, key: value}
            assert all(laws.check_issue(issue, document) is None for issue in validate(document))


python_values = st.recursive(
    scalars | st.decimals() | st.dates() | st.binary(max_size=3) | st.just(object()) | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.sets(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=4) | st.integers() | st.none() | st.dates() | st.sampled_from(KEYS), inner)
    ),
    max_leaves=6,
)


@settings(tried, max_examples=300)
@given(resources(python_values))
def test_python_values_that_are_no_json_never_raise(value: dict[str, Any]) -> None:
    for issue in validate(value):
        assert issue.text()


@pytest.mark.parametrize(("kind", "items", "key"), [("Questionnaire", "item", "linkId"), ("CodeSystem", "concept", "code")])
def test_values_that_have_no_hash_are_held_distinct(kind: str, items: str, key: str) -> None:
    """Invariants ask whether they are distinct (que-2, csd-1)."""
    assert any(issue.is_error for issue in validate({"resourceType": kind, items: [{key: {1, 2}}, {key: {1, 2}}]}))


@pytest.mark.parametrize(
    "value", [(1,), {1, 2}, b"x", object(), date(2020, 1, 1), Decimal("NaN"), 1j, {1: 2}, {None: 1}, {("a",): 1}]
)
def test_a_python_value_that_is_no_json_is_an_error(value: object) -> None:
    for holder in ({"name": [{"text": value}]}, {"name": value}, {"active": value}):
        issues = validate({"resourceType": "Patient", **holder})
        assert any(issue.is_error for issue in issues), holder


def test_keys_that_are_no_text_are_an_error() -> None:
    for key in (1, None, True, 1.5, ("a",), b"x"):
        assert any(issue.is_error for issue in validate({"resourceType": "Patient", key: "x"}))  # type: ignore[dict-item]


# -- one outcome -----------------------------------------------------------------------------------------------------------

_TOLD = (
    "import json, sys; from fhirconv import validate; "
    "print(json.dumps([issue.text() for issue in validate(json.load(sys.stdin))]))"
)


def test_the_order_of_issues_is_that_of_the_document() -> None:
    """The same in every process (hash seed), also where no file gives lines."""
    patient = {"resourceType": "Patient", "name": [{"text": ""}] * 40, "telecom": [{"system": "x"}] * 12, "photo": [{}] * 3}
    told = []
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", _TOLD], input=json.dumps(patient), capture_output=True, text=True, env=environment, check=True
        )
        told.append(json.loads(done.stdout))
    assert told[0] == told[1] == told[2]
    names = [issue.place.pointer for issue in validate(patient) if issue.place.pointer.startswith("/name")]
    assert names == [f"/name/{position}/text" for position in range(40)]


def test_what_came_before_decides_nothing() -> None:
    """Memories of codes, units and systems are filled by other resources; the outcome of one stays what it is."""
    samples = [json.loads(sample.content) for sample in right()]
    before = [validate(copy.deepcopy(one)) for one in samples]
    for case in broken():
        validate(case.content)
    assert [validate(one) for one in samples] == before


def test_right_resources_have_no_errors() -> None:
    """Else the laws would be tried on resources that are broken to begin with."""
    for sample in right():
        assert [issue.text() for issue in validate(sample.content) if issue.is_error] == [], sample.name


# -- fuzzing ---------------------------------------------------------------------------------------------------------------


def test_fuzzing_for_three_seconds() -> None:
    """The entry that runs for minutes by hand; here always with the same seeds."""
    command = [sys.executable, "-m", "tests.validation.fuzz", "--seconds", "3", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=fuzz.BUNDLES.parents[1], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) > 20


def test_fuzzing_tells_what_breaks_a_law_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be of no use if it missed a crash, a hang, or a fast way that says nothing."""
    document = {"resourceType": "Patient", "gender": "male"}

    def crash(resource: Any) -> None:
        raise RecursionError("deep")

    def hang(resource: Any) -> None:
        while True:
            pass

    monkeypatch.setattr(fuzz, "SECONDS_EACH", 0.2)
    for broken_way, told in ((crash, "RecursionError: deep"), (hang, "TimeoutError"), (lambda resource: [], "AssertionError")):
        monkeypatch.setattr(laws, "quick_findings", broken_way)
        tried_, failures = fuzz.run([document], seed=3, seconds=5, count=4)
        assert tried_ == 4
        assert any(told in failure.what for failure in failures)
        assert all(3 <= failure.seed < 7 for failure in failures)
