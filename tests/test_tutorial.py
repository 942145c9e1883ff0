"""The case of docs/tutorial.md quotes what the report says, and grows from step to step. Its commands: test_docs.py."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import FIXTURES

from fhirconv import convert
from fhirconv.evidence import find_quote

STEPS = sorted((FIXTURES / "tutorial").glob("[0-9]-*.yaml"))
EXCERPT = FIXTURES / "tutorial" / "excerpt.txt"
REPORT = FIXTURES.parent.parent / "shared" / "clinical" / "takanashi-2019.txt"


@pytest.mark.skipif(
    not REPORT.is_file() and not os.environ.get("CI"), reason="the report is not part of this repository"
)
def test_every_quote_of_the_excerpt_is_in_the_report_and_short() -> None:
    report = REPORT.read_text(encoding="utf-8")
    quotes = [quote.strip() for quote in EXCERPT.read_text(encoding="utf-8").split("[...]")]
    assert [quote for quote in quotes if find_quote(report, quote) is None] == []
    assert max(len(quote.split()) for quote in quotes) <= 25
    assert sum(len(quote.split()) for quote in quotes) < 120


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)
def test_step_has_no_finding(step: Path) -> None:
    made = convert(step, source=EXCERPT)
    assert [issue.text() for issue in made.issues if issue.severity != "information"] == []


def test_a_step_keeps_what_the_steps_before_it_made() -> None:
    """But for the time of the result, which the second step adds, and the condition that the last one takes back."""
    ids = [{fact.identity for fact in convert(step).case.facts} for step in STEPS]
    gone = [before - after for before, after in pairwise(ids)]
    assert gone == [{"labs/~ca15-3"}, set(), {"conditions/bone-metastases"}]
