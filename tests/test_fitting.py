"""What is taken for plain at a glance fits the schema: jsonschema_rs, asked of the whole case, is the judge."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv.fitting import FOR_PEOPLE, OF_TEXTS, sees_form
from fhirconv.key_schemas import OF_VALUES, holds_for_keys
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


def forms(node: Any) -> Iterator[dict[str, Any]]:
    """Every text in the schema that has a form of its own."""
    if isinstance(node, dict) and isinstance(node.get("pattern"), str) and node["pattern"] != r"\S":
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from forms(inner)


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


OBJECTS = {
    name: {part: one for part, one in node.items() if part not in FOR_PEOPLE}
    for name, node in case_schema().schema["$defs"].items()
    if "properties" in node and node["type"] == "object"
}


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_what_is_asked_of_keys_is_settled_as_jsonschema_rs_does(data: st.DataObject) -> None:
    """Of values, every definition asks nothing here: those that a condition asks for leave it open."""
    name = data.draw(st.sampled_from(sorted(OBJECTS)))
    known = list(OBJECTS[name]["properties"])
    keys = data.draw(
        st.sets(st.sampled_from([*known, *OBJECTS[name].get("required", ()), "value", "result", "absent"]))
    )
    holds = holds_for_keys(OBJECTS[name], keys)
    free = {part: one for part, one in OBJECTS[name].items() if part not in OF_VALUES}
    fitting = [
        case_schema().validator(free).is_valid(dict.fromkeys(keys, value)) for value in (None, "resolved", "ecog", 7)
    ]
    assert fitting == [holds] * 4 if holds is not None else "if" in str(free)


def test_what_asks_for_values_alone_is_left_open() -> None:
    """The rest is settled: a start of the command waits for no validator of it."""
    held = {name: holds_for_keys(node, node.get("required", ())) for name, node in OBJECTS.items()}
    assert [name for name, found in held.items() if found is None] == ["performanceStatus"]


@pytest.mark.parametrize("asked", [*forms(case_schema().schema)], ids=lambda node: str(node["pattern"]))
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_text_of_a_form_has_it(asked: dict[str, Any], data: st.DataObject) -> None:
    """Of texts that nearly have it too: with a line break or a blank at an end, of another script, one sign too long."""
    text = data.draw(st.from_regex(asked["pattern"]) | st.text(max_size=8) | st.text("aZ09 ._-/:|+", max_size=140))
    text = data.draw(
        st.sampled_from(["{}", "{}\n", " {}", "{} ", "{}\u200b", "{}\x1f", "{}é", "{}" + "x" * 128])
    ).format(text)
    fits = case_schema().validator({part: one for part, one in asked.items() if part in OF_TEXTS}).is_valid(text)
    assert fits or not sees_form(asked)(text)


def test_the_plain_case_is_plain() -> None:
    """Else the tests above would hold nothing against the glance, which would be none."""
    case, suspects = checked(PLAIN)
    assert (case.issues, suspects) == ([], [])
    assert case_schema().takes_around(PLAIN, len(case.facts))
