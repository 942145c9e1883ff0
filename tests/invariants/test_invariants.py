"""Every invariant of R4, shown by resources that meet it and resources that break it.

A file KEY.json holds "type", "meets" and "breaks" (a list of such objects where types share the key); for an invariant
that nothing can break, "why_none_breaks" says why.
"""

from __future__ import annotations

import pytest

from fhirconv import r4

from .examples import Example, examples, exceptions, files
from .walk import broken

NOTED = {"dom-6", "con-3"}  # few examples have a narrative; con-3 has a Condition without status to show


def _declared() -> dict[str, set[str]]:
    """Key -> the types that declare it."""
    found: dict[str, set[str]] = {}
    for type_name in r4.all_types():
        inherited = r4.constraints_of(r4.base_of(type_name)) if r4.base_of(type_name) else ()
        own = [one for one in r4.constraints_of(type_name) if one not in inherited]
        on_elements = [one for element in r4.elements_of(type_name).values() for one in element.constraints]
        for constraint in own + on_elements:
            found.setdefault(constraint.key, set()).add(type_name)
    return found


def test_every_invariant_of_r4_has_examples() -> None:
    declared = _declared()
    assert len(declared) == 237
    assert sorted(files()) == sorted(declared)
    assert {entry["type"] for entry in files()["inv-1"]} == {"Parameters", "Task", "TestReport"}
    for key, entries in files().items():
        for entry in entries:
            assert entry["meets"], f"{key}: nothing meets it"
            assert bool(entry["breaks"]) != ("why_none_breaks" in entry), f"{key}: nothing breaks it, and no word why"


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_example_meets_or_breaks_its_invariant_and_no_other(example: Example) -> None:
    found = {one.key for one in broken(example.resource) if one.severity == "error" or one.key == example.key}
    expected = set() if example.meets else {example.key}
    assert found - {*exceptions()["companions"].get(example.key, ())} == expected


def test_companions_do_come_along() -> None:
    for key, companions in exceptions()["companions"].items():
        found = {one.key for example in examples() if example.key == key for one in broken(example.resource)}
        assert set(companions) <= found, f"{key} needs no companion"


def test_no_example_fails_to_be_evaluated() -> None:
    problems = {one.problem for example in examples() for one in broken(example.resource)}
    assert problems == {"not met"}


def test_warnings_of_an_example_are_its_own() -> None:
    for example in examples():
        if example.meets:
            found = {one.key for one in broken(example.resource) if one.severity == "warning"}
            assert found <= NOTED, example.name
