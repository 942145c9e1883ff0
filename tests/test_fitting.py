"""What is taken for plain at a glance fits the schema: jsonschema_rs, asked of the whole case, is the judge."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv.schema import case_schema
from fhirconv.source import read_file
from tests.test_plain_facts import checked, found

CASES = [read_file(path).data for path in sorted(Path("fixtures/cases").glob("*.yaml"))]
PLAIN: dict[str, Any] = {
    "case": {"id": "plain", "recorded": "2015-12-31T12:00:00Z"},
    "source": {"title": "x", "language": "en", "published": "2014"},
    "patient": {"sex": "female", "birth_date": "1950", "vital_status": "alive"},
    "conditions": [{"id": "c", "kind": "primary-cancer", "name": "x", "site": "breast", "onset": "2014-01"}],
    "labs": [{"analyte": "Hb", "value": 9.5, "unit": "g/dL", "at": "2014-03"}, {"analyte": "CRP", "result": "low"}],
    "medications": [{"drug": "x", "status": "stopped", "start": "2014-02", "end": "2014-03", "for": "c", "note": "y"}],
    "procedures": [{"procedure": "CT", "kind": "imaging", "status": "completed", "at": "2014-02", "evidence": "z"}],
    "stages": [{"of": "c", "stage": "IV", "category": "group", "basis": "clinical"}],
    "findings": [{"finding": "size", "value": 2, "unit": "cm", "laterality": "left"}],
    "performance_status": [{"scale": "ecog", "score": 1, "at": "2014-02"}],
}
ODD: list[Any] = [
    None,
    "",
    " ",
    "\u3000",
    "\u200b",
    "a",
    "é",
    "ecog",
    "unknown",
    0,
    7,
    -1,
    2014,
    2.5,
    True,
    10**40,
    [],
    ["a"],
]
ODD += [
    [""],
    {},
    {"text": "a"},
    {"text": " "},
    {"value": 1, "unit": "mg"},
    {"date": "2014"},
    "2014-02",
    "a b",
    "1a",
    "x" * 65,
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of a case stand, its own place apart."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths(inner, (*path, key))


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A case of which one to three values are gone, others, or new."""
    data = copy.deepcopy(draw(st.sampled_from([*[PLAIN] * len(CASES), *CASES])))
    for _ in range(draw(st.integers(1, 3))):
        *around, last = draw(st.sampled_from([*paths(data), ("new",)]))
        inner = data
        for step in around:
            inner = inner[step]
        what = draw(st.sampled_from(["value", "value", "gone", "key"]))
        if what == "gone" and last != "new":
            del inner[last]
        elif what == "key" and isinstance(inner, dict):
            names = ["new", "id", "abatement", "value", "result", "of", "died", "age_at", "conventions", "format"]
            inner[draw(st.sampled_from(names))] = copy.deepcopy(draw(st.sampled_from(ODD)))
        else:
            inner[last] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return data


def fits(data: Any) -> bool:
    try:
        return bool(case_schema().accepts.is_valid(data))
    except ValueError:  # a value that jsonschema_rs does not take
        return False


@settings(deadline=None, max_examples=150)
@given(changed())
def test_what_does_not_fit_is_told_with_the_glance_as_without(data: Any) -> None:
    if not fits(data):
        assert any(issue.is_error for issue in checked(data)[0].issues)
        assert found(data) == found(data, in_full=True)


@pytest.mark.parametrize("at", list(paths(PLAIN)), ids=lambda path: "/".join(map(str, path)))
def test_no_odd_value_in_a_plain_case_is_let_through(at: tuple[Any, ...]) -> None:
    data = copy.deepcopy(PLAIN)
    inner = data
    for step in at[:-1]:
        inner = inner[step]
    for value in ODD:
        inner[at[-1]] = value
        assert fits(data) or any(issue.is_error for issue in checked(data)[0].issues)


def test_the_plain_case_is_plain() -> None:
    """Else the tests above would hold nothing against the glance, which would be none."""
    case, suspects = checked(PLAIN)
    assert (case.issues, suspects) == ([], [])
    assert case_schema().takes_around(PLAIN, len(case.facts))
