"""The page of one case or of several: put together from its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from fhirconv.course.course import anchor, course_of
from fhirconv.ledger import KEPT_AS_TEXT, MERGED
from fhirconv.report import budget
from fhirconv.report.cases import CaseReport
from fhirconv.report.course_view import AxisView, WithoutPlace, axes_of, told_in_rows, without_place
from fhirconv.report.facts_view import FieldView, SectionView, issues_by_fact, sections_of
from fhirconv.report.findings_view import (
    SEVERITIES,
    LayerView,
    NotConverted,
    QuotedView,
    layers_of,
    not_converted,
    quoted,
)
from fhirconv.report.html import render

_HEADED = {"patient": ("note", "origin"), "source": ("text", "language", "note", "origin")}  # left to the facts below


class CaseView(NamedTuple):
    """Everything that the page says of one case. `prefix` begins every id of it.

    `checked` is the prefix of the first case of the same Bundle, where the findings about that Bundle stand.
    """

    prefix: str
    checked: str
    report: CaseReport
    verdict: str
    patient: list[FieldView]
    source: list[FieldView]
    outcomes: dict[str, int]
    resources: dict[str, int]
    severities: dict[str, int]
    axes: list[AxisView]
    unplaced: WithoutPlace
    sections: list[SectionView]
    shown: frozenset[str]  # the facts that stand with the facts
    linked: frozenset[str]  # those and the others that links lead to
    lost: NotConverted
    layers: list[LayerView]
    quoted: list[QuotedView]
    json: str


def case_page(reports: Sequence[CaseReport]) -> str:
    """The page of these cases. Same cases, same text."""
    checked: dict[int, str] = {}
    views = []
    for number, report in enumerate(reports, 1):
        prefix = f"c{number}-"
        views.append(_view(prefix, report, checked.setdefault(id(report.given or report), prefix)))
    return render("cases.html", cases=views, anchor=anchor, budget=budget, svg=Markup)


def _view(prefix: str, report: CaseReport, checked: str) -> CaseView:
    conversion = report.conversion
    sections = sections_of(report, issues_by_fact(report))
    course = course_of(conversion.case, report.mappings)
    axes = axes_of(course, prefix)
    shown = frozenset(one for section in sections for one in section.identities())
    severities = Counter(issue.severity for issue in report.issues)
    return CaseView(
        prefix,
        checked,
        report,
        verdict(report),
        list(_heading(sections, "patient")),
        list(_heading(sections, "source")),
        conversion.ledger.counts(),
        conversion.resource_counts(),
        {_plural(severities[name], name): severities[name] for name in SEVERITIES if severities[name]},
        axes,
        without_place(course, conversion.case),
        sections,
        shown,
        shown | told_in_rows(axes),
        not_converted(report),
        layers_of(report) if checked == prefix else [],
        quoted(report),
        _json(report),
    )


def verdict(report: CaseReport) -> str:
    """What became of a case, in a sentence or two."""
    conversion = report.conversion
    if not conversion.ok:
        errors = sum(issue.is_error for issue in report.issues)
        return f"Not converted: {_number(errors, 'error')} below must be mended first. There is no Bundle."
    counts, facts = conversion.ledger.counts(), len(conversion.ledger)
    resources = sum(conversion.resource_counts().values())
    said = [f"All {_number(facts, 'fact')} of the case became FHIR: {_number(resources, 'resource')}."]
    if report.given:
        said = [f"{_number(facts, 'fact')} could be read from the Bundle that was given."]
        said.append("All of it was read." if report.given.readback.is_clean else "Not all of it was read: see below.")
    if text := counts[KEPT_AS_TEXT]:
        said.append(f"{text:,} went out as text, since no code is known for the words.")
    if merged := counts[MERGED]:
        said.append("1 is the time of another fact." if merged == 1 else f"{merged:,} are times of other facts.")
    if report.given and not report.is_ok:
        said.append("The Bundle has errors.")
    return " ".join(said)


def _number(number: int, name: str) -> str:
    return f"{number:,} {_plural(number, name)}"


def _plural(number: int, name: str) -> str:
    return name if number == 1 or name == "information" else f"{name}s"


def _heading(sections: Sequence[SectionView], name: str) -> Iterator[FieldView]:
    """The fields of a single object that stand at the head of the page."""
    for section in sections:
        for field in section.full[0].fields if section.name == name else ():
            if field.name not in _HEADED[name]:
                yield field._replace(name=field.name.removesuffix(".absent").replace("_", " "))


def _json(report: CaseReport) -> str:
    """The Bundle, if the page has room for it, and it tells of no other patient."""
    if report.given and report.given.patients > 1:
        return ""
    data = report.json
    return data.decode() if len(data) <= budget.JSON_BYTES else ""


def index_page(pages: Mapping[str, CaseReport]) -> str:
    """A list of pages by the names of their files, each with what became of the case."""
    return render("index.html", pages=[(name, report, verdict(report)) for name, report in pages.items()])
