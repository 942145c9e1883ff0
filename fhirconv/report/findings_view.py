"""What was not converted and why, and the findings of each layer: what the page shows of them, as data."""

from __future__ import annotations

from typing import NamedTuple

from fhirconv.issues import Issue
from fhirconv.ledger import CONVERTED, KEPT_AS_TEXT, MERGED, REJECTED, Line
from fhirconv.report.budget import FINDINGS
from fhirconv.report.cases import CaseReport
from fhirconv.report.facts_view import ABOUT_ALL
from fhirconv.rules import rule
from fhirconv.validation.layers import LAYERS, LayerRun

SEVERITIES = ("fatal", "error", "warning", "information")


class IssueView(NamedTuple):
    """One finding; `fact` is the identity of the fact that it is about, '' for none."""

    id: str
    issue: Issue
    fact: str
    place: str


class RuleView(NamedTuple):
    """What was found by one rule."""

    name: str
    severity: str
    title: str
    issues: list[IssueView]
    omitted: int


class LayerView(NamedTuple):
    """One layer: whether it ran, what it covers and left unchecked, and what it found, the worst first."""

    name: str
    covers: str
    run: LayerRun
    rules: list[RuleView]


def layers_of(report: CaseReport) -> list[LayerView]:
    """Every layer, also those that found nothing."""
    found: dict[str, dict[tuple[str, str], list[IssueView]]] = {}
    for name, issue in report.found:
        fact = report.fact_of(issue)
        view = IssueView(name, issue, fact.identity if fact else "", _place(issue))
        found.setdefault(issue.layer, {}).setdefault((issue.severity, issue.rule), []).append(view)
    made = [LayerView(one.name, one.covers, report.layers[one.name], _rules(found.pop(one.name, {}))) for one in LAYERS]
    return made + [LayerView(name, "", LayerRun(name, "ran"), _rules(rest)) for name, rest in found.items()]


def _rules(found: dict[tuple[str, str], list[IssueView]]) -> list[RuleView]:
    ordered = sorted(found.items(), key=lambda one: SEVERITIES.index(one[0][0]))
    return [
        RuleView(name, severity, rule(name).title, issues[:FINDINGS], max(len(issues) - FINDINGS, 0))
        for (severity, name), issues in ordered
    ]


def _place(issue: Issue) -> str:
    """Where it was found: the line, or what leads there in data without lines."""
    place = issue.place
    return f"line {place.line}" if place.line else place.pointer


class KeptView(NamedTuple):
    """Words that no concept table knows, and the facts that say them."""

    table: str
    words: str
    facts: list[str]


class NotConverted(NamedTuple):
    """What is not simply converted, by kind; `unclaimed` tells of resources that do not claim the profile."""

    kept: list[KeptView]
    as_text: list[Line]
    merged: list[Line]
    rejected: list[Line]
    remarks: list[Line]
    unclaimed: list[tuple[str, str, str]]

    @property
    def is_nothing(self) -> bool:
        """Whether all was converted as it stands."""
        return not any(self)


def not_converted(report: CaseReport) -> NotConverted:
    """What became of the facts that were not simply converted."""
    build = report.conversion.build if report.conversion.ok else None
    words: dict[tuple[str, str], list[str]] = {}
    for kept in build.kept_as_text if build else ():
        words.setdefault((kept.table, kept.words), []).append(kept.fact.identity)
    by_outcome: dict[str, list[Line]] = {}
    for line in report.conversion.ledger:
        by_outcome.setdefault(line.outcome, []).append(line)
    return NotConverted(
        [KeptView(*key, list(dict.fromkeys(facts))) for key, facts in sorted(words.items())],
        by_outcome.get(KEPT_AS_TEXT, []),
        by_outcome.get(MERGED, []),
        by_outcome.get(REJECTED, []),
        [line for line in by_outcome.get(CONVERTED, []) if line.remarks],
        [(entry.fact.identity, claim, lacking) for entry, claim, lacking in build.unclaimed] if build else [],
    )


class QuotedView(NamedTuple):
    """A Provenance: the fact that it is about and the resources that it leads to."""

    id: str
    fact: str
    targets: list[str]


def quoted(report: CaseReport) -> list[QuotedView]:
    """The resources that say where others come from."""
    build = report.conversion.build if report.conversion.ok else None
    if build is None:
        return []
    names = {entry.reference: f"{entry.mapping.resource}/{entry.id}" for entry in build.entries}
    return [
        QuotedView(one.id, one.fact.identity, [names.get(t["reference"], "") for t in one.resource.get("target", ())])
        for one in build.entries
        if one.mapping.resource in ABOUT_ALL
    ]
