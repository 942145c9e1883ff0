"""docs/readers.md tells each key, rule, option and finding that there is, and none that there is not."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
import tomli
from conftest import FIXTURES

from fhirconv.readers.description import TABLE, TOP
from fhirconv.readers.fact_rule import FACT
from fhirconv.readers.layout import Layout
from fhirconv.readers.rule import CELL, COLUMN, ROW
from fhirconv.readers.rule import TABLE as NAME
from fhirconv.readers.verbs import VERBS
from fhirconv.rules import RULES

PAGE = (FIXTURES.parent / "docs" / "readers.md").read_text(encoding="utf-8")
OPTIONS = {"only_if_made", "quiet", *(option for _, options in VERBS.values() for option in options)}


def table(heading: str) -> list[list[str]]:
    """The rows of the table that begins so; cells without blanks around them."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|---.*\n((?:\|.*\n)*)", PAGE, re.MULTILINE)
    assert found, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("key of the file", set(TOP)),
        ("key of a table", {*TABLE, *(one.name for one in fields(Layout))}),
        ("key of facts", set(FACT)),
        ("rule | gives", set(VERBS)),
        ("option", OPTIONS),
        ("name | is, where a column is named", {CELL, COLUMN, ROW, NAME}),
    ],
)
def test_each_key_is_told(heading: str, known: set[str]) -> None:
    assert {row[0].strip("`") for row in table(heading)} == known


def test_each_rule_has_the_options_that_are_told() -> None:
    told = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2])) for row in table("rule | gives | options")}
    assert told == {verb: set(options) for verb, (_, options) in VERBS.items()}


def test_findings_have_the_severity_that_is_told() -> None:
    told = {row[0].strip("`"): row[1] for row in table("rule | severity | when")}
    assert told == {name: RULES[name].severity for name in told}
    assert len(told) == 14


def keys(raw: Any) -> set[str]:
    if isinstance(raw, dict):
        return set(raw).union(*map(keys, raw.values()))
    return set().union(*map(keys, raw)) if isinstance(raw, list) else set()


def test_the_maximal_description_has_them_all() -> None:
    found = keys(tomli.loads((FIXTURES / "readers" / "maximal.toml").read_text(encoding="utf-8")))
    assert {*TOP, *TABLE, *FACT, *VERBS, *OPTIONS} - found == set()
