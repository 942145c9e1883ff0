"""What the summary of a run says of findings."""

from __future__ import annotations

from dataclasses import replace

from fhirconv.cli.summary import summarize
from fhirconv.conversion import convert
from fhirconv.many.tally import Tally

CASE = {"case": {"id": "A"}, "patient": {}, "labs": [{"analyte": "Hb", "value": 12, "unit": "g/dL", "at": "31.02.2019"}]}


def test_errors_and_warnings_of_one_rule_are_counted_apart() -> None:
    made = convert(CASE)
    (wrong,) = (issue for issue in made.issues if issue.rule == "date-invalid")
    made.issues.append(replace(wrong, severity="warning"))
    tally, chunk = Tally(), Tally()
    chunk.count(made)
    tally.add(chunk)
    lines = [line.partition("x,")[0].strip() for line in summarize(tally, is_read=True, verbose=False)]
    assert {"error [date-invalid] 1", "warning [date-invalid] 1"} <= set(lines)
