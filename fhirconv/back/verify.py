"""Whether the facts of a case come back out of the Bundle that was made of them."""

from __future__ import annotations

from typing import Any

from fhirconv.back import read_back
from fhirconv.back.mappings import backwards_of
from fhirconv.back.same import differences
from fhirconv.build import Build
from fhirconv.document import Document
from fhirconv.issues import Issue

_ADVICE = "no fault of the case: please report it, with your mappings if you have any"


def round_trip_issues(build: Build, bundle: dict[str, Any]) -> list[Issue]:
    """What did not come back as it was stated (same.py says what that means), each at its fact and field."""
    case = build.case
    back = read_back([Document(case.document.name, data=bundle)], backwards_of(build.mappings), is_sound=True)
    found: dict[str, Any] = next((one for one in back.cases if one["case"]["id"] == case.id), {})
    issues = []
    for fact, identity, field in differences(build, found):
        place = case.place(fact, (field,) if field else ()) if fact else case.place(build.case_fact)
        what = f"'{field}' of '{identity}'" if field else f"'{identity}'"
        how = "does not come back out of the Bundle as it was stated"
        if fact is None:
            how = "comes back out of the Bundle, but is no fact of this case"
        issues.append(Issue("round-trip", f"{what} {how}; {_ADVICE}", place))
    return issues
