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
    from fhirconv.trace import Trace


def located(findings: Iterable[Finding], bundle: dict[str, Any], case: Case, build: Build) -> Iterator[Issue]:
    """Issues at the places of the facts; the expression names the element of the Bundle."""
    for rule, message, path, severity in findings:
        yield Issue(rule, message, _place(path, case, build), expression_of(bundle, path), severity)


def _place(path: Path, case: Case, build: Build) -> Place:
    """The place of the field that an element was made from, else that of its fact."""
    if len(path) < 2 or path[0] != "entry" or not isinstance(path[1], int):
        return case.document.place("")
    from fhirconv.trace import trace_entry  # only where there is something to say

    entry = build.entries[path[1]]
    wanted = ""
    for step in path[3:]:
        wanted += f"[{step}]" if isinstance(step, int) else f".{step}" if wanted else str(step)
    nearest: Place | None = None
    for one in trace_entry(case, build, entry):
        if one.element == wanted or one.element.startswith((f"{wanted}.", f"{wanted}[")):
            return _field(one, wanted)
        if wanted.startswith((f"{one.element}.", f"{one.element}[")):
            nearest = _field(one, wanted)
    return nearest or case.place(entry.fact)


def _field(one: Trace, element: str) -> Place:
    """The place of the field that a trace leads to; of a quantity's unit, code and system that of the unit."""
    is_unit = element.endswith((".unit", ".code", ".system"))
    of_unit = [place for name, place in one.fields if is_unit and name.rpartition(".")[2] == "unit"]
    return of_unit[0] if of_unit else one.fields[0][1] if one.fields else one.place
