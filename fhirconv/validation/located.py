"""Findings about a Bundle that was just made, led back to the fact, and its line, that each element came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fhirconv.issues import Issue, Place
from fhirconv.validation.expressions import expression_of
from fhirconv.validation.finding import Finding, Path

if TYPE_CHECKING:
    from fhirconv.build import Build
    from fhirconv.facts import Case


def located(findings: Iterable[Finding], bundle: dict[str, Any], case: Case, build: Build) -> Iterator[Issue]:
    """Issues at the places of the facts; the expression names the element of the Bundle."""
    for rule, message, path, severity in findings:
        yield Issue(rule, message, _place(path, case, build), expression_of(bundle, path), severity)


def _place(path: Path, case: Case, build: Build) -> Place:
    """The place of the field that an element was made from, else that of its fact."""
    if len(path) < 2 or path[0] != "entry" or not isinstance(path[1], int):
        return case.document.place("")
    from fhirconv.trace import origin_of  # only where there is something to say

    return case.document.place(origin_of(build, build.entries[path[1]], path[3:]))
