"""An OperationOutcome of ours is one for HL7's validator, with issues of every rule and without any."""

from __future__ import annotations

import pytest

from fhirconv.issues import Issue, Place
from fhirconv.reports import to_operation_outcome
from fhirconv.rules import RULES

from .oracle import Oracle

pytestmark = pytest.mark.validator

PLACES = (Place("case.yaml", 14, 9, "/labs/0/unit"), Place("b.json"), Place(), Place("", 0, 0, "/labs/0"))


@pytest.mark.parametrize("phi_free", [False, True])
def test_outcomes_are_valid(phi_free: bool, hl7: Oracle) -> None:
    issues = [
        Issue(name, " a\x07 message ", PLACES[number % 4], "Bundle.entry[0].resource" if number % 3 else "")
        for number, name in enumerate((*RULES, "txt-1", "per-1"))
    ]
    for outcome in (to_operation_outcome(issues, phi_free), to_operation_outcome([], phi_free)):
        found = [f for f in hl7.outcome(outcome) if f.severity != "information" and "dom-6" not in f.message]
        assert [str(f) for f in found if f.is_error] == []
