"""HL7's own engine on every example: it reports the broken ones with their key, and nothing on the others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.validator.oracle import Oracle

from .examples import Example, examples, exceptions

pytestmark = pytest.mark.validator


@pytest.fixture(scope="module")
def engine() -> Iterator[Oracle]:
    """HL7's engine, up for the whole module."""
    with Oracle("hl7") as oracle:
        yield oracle


def _judged() -> list[Example]:
    return [example for example in examples() if example.name not in exceptions()["hl7"]]


def test_exceptions_are_examples() -> None:
    assert set(exceptions()["hl7"]) <= {example.name for example in examples()}


@pytest.mark.parametrize("example", _judged(), ids=lambda example: example.name)
def test_hl7_agrees(example: Example, engine: Oracle) -> None:
    findings = engine.outcome(example.resource)
    named = [one for one in findings if re.search(rf"(?<![\w-]){re.escape(example.key)}(?![\w-])", one.message)]
    if example.meets:
        assert not named
        assert not [one for one in findings if one.is_error]
    else:
        assert named, [str(one) for one in findings]
