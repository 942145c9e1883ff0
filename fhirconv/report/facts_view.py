"""Facts beside the resources that they became: what the page shows of them, as data.

A field and what was made from it share a key, the field's name, so that each leads to the other and is marked with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.build import Build, Entry
from fhirconv.course.course import anchor
from fhirconv.course.telling import name_of, title_of
from fhirconv.facts import Fact, fold
from fhirconv.issues import Issue
from fhirconv.ledger import KEPT_AS_TEXT, MERGED, Line
from fhirconv.narrative import field_words
from fhirconv.report.budget import ELEMENTS, FACTS_IN_FULL, FACTS_IN_LINES
from fhirconv.report.cases import CaseReport
from fhirconv.report.elements import element_words
from fhirconv.terms import words_of
from fhirconv.trace import Trace, trace_entry

ABOUT_ALL = ("Provenance",)  # resources that tell where others come from: listed once, not with each fact


class FieldView(NamedTuple):
    """A stated field. `target` is the identity of the fact that it names, `made` the mark of the first element made from it."""

    name: str
    words: str
    line: int
    target: str = ""
    made: str = ""


class QuoteView(NamedTuple):
    """Words of the source, and the fields whose words stand in them."""

    words: str
    keys: tuple[str, ...]


class ElementView(NamedTuple):
    """A leaf or, of the main ones, an element as a whole, which has a mark that is unique in its fact.

    `keys` are the fields of the fact that it was made from, `others` those of other facts.
    """

    path: str
    words: str
    keys: tuple[str, ...]
    others: tuple[str, ...] = ()
    rule: str = ""
    mark: str = ""


class ResourceView(NamedTuple):
    """A resource of a fact. `elements` is None where the page has no room for them."""

    type: str
    id: str
    profiles: tuple[str, ...]
    main: list[ElementView]
    elements: list[ElementView] | None


class FactView(NamedTuple):
    """One fact, all of it."""

    fact: Fact
    number: int  # on the page, from 1
    anchor: str
    title: str
    line: int
    fields: list[FieldView]
    quotes: list[QuoteView]
    resources: list[ResourceView]
    state: Line
    merged_into: str
    issues: list[tuple[str, Issue]]

    @property
    def kinds(self) -> str:
        """What the filter finds it by."""
        found = (
            "text" if self.state.outcome == KEPT_AS_TEXT or self.state.remarks else "",
            "found" if self.issues else "",
        )
        return " ".join(filter(None, found))


class SectionView(NamedTuple):
    """The facts of a section: in full, as lines of a table, and how many are only counted."""

    name: str
    title: str
    total: int
    full: list[FactView]
    short: list[tuple[str, str, Line]]  # anchor, title, what became of it
    omitted: int

    def identities(self) -> Iterator[str]:
        """The facts that are shown."""
        yield from (view.fact.identity for view in self.full)
        yield from (state.fact for _, _, state in self.short)


Found = Mapping[str, list[tuple[str, Issue]]]  # findings with their ids, by the pointer of their fact


def sections_of(report: CaseReport, issues: Found) -> list[SectionView]:
    """The facts of a case by section, in the order of the schema; those with findings before others where room is short."""
    return _Viewer(report, issues).sections()


def issues_by_fact(report: CaseReport) -> Found:
    """Findings by the pointer of the fact that they are about."""
    made: dict[str, list[tuple[str, Issue]]] = {}
    for name, issue in report.found:
        fact = report.fact_of(issue)
        if fact is not None:
            made.setdefault(fact.pointer, []).append((name, issue))
    return made


class _Viewer:
    def __init__(self, report: CaseReport, issues: Found) -> None:
        self._case, self._build = report.conversion.case, report.conversion.build
        self._issues = issues
        self._states = {line.fact: line for line in report.conversion.ledger}
        self._names = names_in(self._build) if self._build else {}
        self._room = ELEMENTS
        self._number = 0
        self._anchors: set[str] = set()

    def sections(self) -> list[SectionView]:
        made = []
        for name, facts in self._case.by_section.items():
            worst = sorted(
                facts, key=lambda fact: fact.pointer not in self._issues
            )  # stable: else the order of the file
            chosen = set(worst[:FACTS_IN_FULL])
            full = [self._fact(fact) for fact in facts if fact in chosen]
            rest = [fact for fact in facts if fact not in chosen]
            short = [(self._anchor(f), name_of(f), self._states[f.identity]) for f in rest[:FACTS_IN_LINES]]
            made.append(SectionView(name, title_of(name), len(facts), full, short, max(len(rest) - FACTS_IN_LINES, 0)))
        return made

    def _fact(self, fact: Fact) -> FactView:
        entries = self._build.entries_of(fact) if self._build else []
        told = [one for one in entries if one.mapping.resource not in ABOUT_ALL]
        resources = [self._resource(fact, one, f"{number}.") for number, one in enumerate(told)]
        marks = {key: one.mark for made in reversed(resources) for one in reversed(made.main) for key in one.keys}
        fields = [field._replace(made=marks.get(field.name, "")) for field in self._fields(fact)]
        state = self._states[fact.identity]
        self._number += 1
        into = self._case.by_id.get(str(fact.data.get("of"))) if state.outcome == MERGED else None
        return FactView(
            fact,
            self._number,
            self._anchor(fact),
            name_of(fact),
            self._case.place(fact).line,
            fields,
            list(_quotes(fact, fields)),
            resources,
            state,
            into.identity if into else "",
            self._issues.get(fact.pointer, []),
        )

    def _anchor(self, fact: Fact) -> str:
        """The fact's id on the page; of two facts that are the same, which is an error, the second has another."""
        made = anchor(fact.identity)
        made = f"{made}~{len(self._anchors)}" if made in self._anchors else made
        self._anchors.add(made)
        return made

    def _fields(self, fact: Fact) -> Iterator[FieldView]:
        known = fact.section.fields
        flat = fact.flat()
        inner = {name.rpartition(".")[0] for name in flat}
        for name, value in flat.items():
            if name in ("id", "evidence") or name in inner:
                continue
            field = known.get(name)
            target = self._case.by_id.get(value) if field and field.refers and isinstance(value, str) else None
            sound = self._build if field else None
            words = field_words(field, value, sound) if field and sound else _plain(value)
            line = self._case.place(fact, tuple(name.split("."))).line
            yield FieldView(name, words, line, target.identity if target else "")

    def _resource(self, fact: Fact, entry: Entry, mark: str) -> ResourceView:
        assert self._build is not None
        traces = list(trace_entry(self._case, self._build, entry))
        profiles = tuple(entry.resource.get("meta", {}).get("profile", ()))
        self._room -= len(traces)
        leaves = [_leaf(one, fact) for one in traces] if self._room >= 0 else None
        main = [one._replace(mark=mark + one.path) for one in _main(entry.resource, traces, fact, self._names)]
        return ResourceView(entry.mapping.resource, entry.id, profiles, main, leaves)


def names_in(build: Build) -> dict[str, str]:
    """What the code systems of the mappings are called, and each reference: 'Condition of conditions/breast-cancer'."""
    made = {uri: name for name, uri in build.mappings.tables.code_systems.items()}
    return made | {one.reference: f"{one.mapping.resource} of {one.fact.identity}" for one in build.entries}


def _quotes(fact: Fact, fields: Iterable[FieldView]) -> Iterator[QuoteView]:
    quotes = fact.data.get("evidence", [])
    for quote in quotes if isinstance(quotes, list) else [quotes]:
        said = fold(str(quote))
        yield QuoteView(str(quote), tuple(one.name for one in fields if one.words and fold(one.words) in said))


def _leaf(trace: Trace, fact: Fact) -> ElementView:
    return ElementView(trace.element, _plain(trace.value), *_sources(trace, fact), trace.rule)


def _sources(trace: Trace, fact: Fact) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of the fact that a leaf was made from, and those of other facts, in words."""
    own = tuple(name for name, place in trace.fields if f"{place.pointer}/".startswith(f"{fact.pointer}/"))
    return own, tuple(f"{name} of {trace.fact}" for name, _ in trace.fields if name not in own)


def _main(
    resource: Mapping[str, Any], traces: Iterable[Trace], fact: Fact, names: Mapping[str, str]
) -> Iterator[ElementView]:
    """The elements that were made from fields, and what the resource is about."""
    keys: dict[str, dict[str, None]] = {}
    others: dict[str, dict[str, None]] = {}
    for trace in traces:
        top = trace.element.partition(".")[0].partition("[")[0].removeprefix("_")
        for found, sources in zip((keys, others), _sources(trace, fact), strict=True):
            found.setdefault(top, {}).update(dict.fromkeys(sources))
    for top, own in keys.items():
        if own or others[top] or top == "code":
            yield ElementView(top, element_words(resource, top, names), tuple(own), tuple(others[top]))


def _plain(value: Any) -> str:
    """Any value in words; of facts with errors, also one that is not what it should be."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(one)}" for key, one in value.items())
    if isinstance(value, list):
        return "; ".join(map(_plain, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return words_of(value)
