"""The narrative check agrees with HL7's validator on every case of narratives.json, but where the case says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fhirconv.rules import RULES

from .oracle import Oracle

pytestmark = pytest.mark.validator

FILE = Path(__file__).resolve().parents[1] / "validation" / "narratives.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["div"]))
def test_same_verdict(case: dict[str, Any], hl7: Oracle) -> None:
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": case["div"]}}
    theirs = any(finding.is_error for finding in hl7.outcome(patient))
    ours = any(rule.startswith("txt-") or RULES[rule].severity == "error" for rule in case["rules"])
    assert theirs == (ours and "stricter" not in case)
