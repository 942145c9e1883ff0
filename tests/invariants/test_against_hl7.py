"""HL7's own engine on every example: it reports the broken ones with their key, and nothing on the others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.validator.oracle import Finding, Oracle

from .examples import Example, examples, exceptions

pytestmark = pytest.mark.validator


@pytest.fixture(scope="module")
def engine() -> Iterator[Oracle]:
    """HL7's engine, up for the whole module."""
    with Oracle("hl7") as oracle:
        yield oracle


def _judged() -> list[Example]:
    return [example for example in examples() if example.name not in exceptions()["hl7_dies"]]


def test_exceptions_are_examples() -> None:
    assert {*exceptions()["hl7"], *exceptions()["hl7_dies"]} <= {example.name for example in examples()}


def _agrees(example: Example, findings: list[Finding]) -> bool:
    names = re.compile(rf"(?<![\w-]){re.escape(example.key)}(?![\w-])")
    if example.meets:
        return not any(one.is_error or names.search(one.message) for one in findings)
    return any(names.search(one.message) for one in findings)


@pytest.mark.parametrize("example", _judged(), ids=lambda example: example.name)
def test_hl7_agrees_unless_an_exception_says_why_not(example: Example, engine: Oracle) -> None:
    findings = engine.outcome(example.resource)
    assert _agrees(example, findings) == (example.name not in exceptions()["hl7"]), [str(one) for one in findings]
