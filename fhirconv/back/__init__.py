"""FHIR back into facts: the rules of the mappings, read backwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from fhirconv.back.cases import Pool
from fhirconv.back.mappings import Backwards
from fhirconv.back.report import Report
from fhirconv.back.resources import resources_in
from fhirconv.document import Document


class Readback(NamedTuple):
    """The cases that were found, as case facts, and what became of the resources."""

    cases: list[dict[str, Any]]
    report: Report


def read_back(documents: Iterable[Document], backwards: Backwards, is_sound: bool = False) -> Readback:
    """The cases of FHIR resources that may refer to each other. Nothing is raised.

    `is_sound`: the resources have the shape that R4 asks for, and need not be looked at for that.
    """
    report = Report()
    system = backwards.tables.identifier_systems["fact"]
    pool = Pool(backwards, resources_in(documents, system, report, is_sound), report)
    return Readback(pool.cases(), report)
