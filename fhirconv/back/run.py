"""Files of FHIR resources into cases that pass, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fhirconv.back import read_back
from fhirconv.back.checked import passing
from fhirconv.back.inputs import pools
from fhirconv.back.mappings import backwards_of
from fhirconv.back.report import Report
from fhirconv.document import Document
from fhirconv.issues import Issue, shown
from fhirconv.mapping import Mappings


def facts_in(documents: Iterable[Document], mappings: Mappings, report: Report) -> Iterator[dict[str, Any]]:
    """The cases of FHIR resources, as case facts; what was not read goes into the report. Nothing is raised."""
    backwards = backwards_of(mappings)
    had: set[str] = set()
    for pool in pools(documents):
        back = read_back(pool, backwards)
        report.add(back.report)
        for found in back.cases:
            case = passing(found, mappings, report)
            if case is None:
                continue
            name = str(case["case"]["id"])
            if name in had:
                message = (
                    f"case id {shown(name)} was had before, in another Bundle: of one patient, or of two; it is left out; "
                    "give the Bundles in runs of their own, or one Bundle of one patient"
                )
                report.issues.append(Issue("case-twice", message, pool[0].place("")))
                for section, facts in case.items():
                    report.removed[section, "case-twice"] += len(facts) if isinstance(facts, list) else 1
                continue
            had.add(name)
            report.count(case)
            yield case
