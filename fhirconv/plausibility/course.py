"""The facts of a case as the checks of plausibility see them: by section, with the bounds of their times."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

from fhirconv.dates import is_after
from fhirconv.facts import Case, Fact, fold
from fhirconv.memory import is_long
from fhirconv.plausibility.limits import Judged, Limits
from fhirconv.schema import Section
from fhirconv.timeline import Moment, Timeline
from fhirconv.values.base import Tables


class Bounds(NamedTuple):
    """FHIR dates that something was not before (`low`) and not after (`high`); '' for not known."""

    low: str = ""
    high: str = ""


UNKNOWN = Bounds()
_REMEMBERED = 4096  # tests and units, which repeat from case to case


class Course:
    """One patient's course: the facts without those that have errors. `suspects` are those to be looked at one by one."""

    def __init__(self, case: Case, tables: Tables, limits: Limits, suspects: Iterable[Fact] = ()) -> None:
        self.case = case
        self.tables = tables
        self.limits = limits
        broken = _broken(case) if case.issues else frozenset()
        self.sections = _without(broken, case.by_section) if broken else case.by_section
        self.suspects: dict[str, list[Fact]] = {}
        for fact in suspects:
            if not broken or fact.pointer not in broken:
                self.suspects.setdefault(fact.section.name, []).append(fact)
        patient = self.sections.get("patient")
        self.patient: dict[str, Any] = patient[0].data if patient else {}

    @functools.cached_property
    def timeline(self) -> Timeline:
        """Of the facts without errors: events with errors may stand in a circle."""
        return Timeline(Case(self.case.document, by_section=self.sections))

    def of(self, section: str) -> list[Fact]:
        """The facts of a section, in the order of the file."""
        return self.sections.get(section, [])

    def suspects_of(self, section: str) -> list[Fact]:
        """The facts of a section that are to be looked at, in the order of the file."""
        return self.suspects.get(section, [])

    def bounds(self, when: Any) -> Bounds:
        """Within what a time lies, as far as that is certain; `when` as in the case, None for not stated."""
        if type(when) is str:
            return Bounds(when, when)
        return UNKNOWN if when is None else self._of(self.timeline.moment(when))

    def _of(self, moment: Moment) -> Bounds:
        if moment.date:
            return Bounds(moment.date, moment.date)
        if moment.is_span:
            return Bounds(
                self._of(moment.start).low if moment.start else "",
                self._of(moment.end).high if moment.end else "",
            )
        if moment.relation == "at":
            event = self.timeline.event_moment(moment.event)
            return self._of(event) if event else UNKNOWN
        if moment.relation:  # by some time that no calendar gives: after is not before, and the other way round
            date = self.timeline.event_date(moment.event)
            return Bounds(low=date) if moment.relation == "after" else Bounds(high=date)
        return UNKNOWN

    def line(self, fact: Fact, *path: str) -> str:
        """Names the other place of a contradiction."""
        return self.case.mention(fact, path)

    def warn(self, rule: str, message: str, fact: Fact, *path: str) -> None:
        """Notes a warning at a field of a fact."""
        self.case.add(rule, message, fact, path)

    def concept(self, table: str, words: str) -> str:
        """The key of the concept that words mean, else the words folded: what two facts share if they are of one thing."""
        found = self.tables.concepts[table].find(words) if table in self.tables.concepts else None
        return found.key if found else fold(words)

    def unit(self, unit: Any) -> str:
        """The UCUM code of a printed unit; '' for one without, or none."""
        return (self.tables.units.find(unit) or "") if type(unit) is str else ""

    def judged(self, words: str, unit: Any) -> Judged:
        """What is known of a test in a unit, both as they are written."""
        key = (words, unit if type(unit) is str else "")
        if type(words) is not str:  # a term with codes, which is equal to its words, is not the same test
            return self._judged(key)
        return self.limits.judged.get(key) or self._judge(key)

    def _judged(self, key: tuple[str, str]) -> Judged:
        words, unit = key
        return self.limits.of_result(self.concept("labs", words), self.unit(unit), words)

    def _judge(self, key: tuple[str, str]) -> Judged:
        found = self._judged(key)
        if not is_long(key):
            if len(self.limits.judged) >= _REMEMBERED:
                self.limits.judged.clear()
            self.limits.judged[key] = found
        return found


def surely_before(one: Bounds, other: Bounds) -> bool:
    """Whether all of one time lies before all of the other."""
    return bool(one.high and other.low) and is_after(other.low, one.high)


@functools.cache
def times_of(section: Section) -> tuple[str, ...]:
    """The fields of a section's facts that are times."""
    return tuple(field.path[0] for field in section.fields_of("when") if len(field.path) == 1)


def _without(broken: frozenset[str], sections: dict[str, list[Fact]]) -> dict[str, list[Fact]]:
    left = {name: [fact for fact in facts if fact.pointer not in broken] for name, facts in sections.items()}
    return {name: facts for name, facts in left.items() if facts}


def _broken(case: Case) -> frozenset[str]:
    """Pointers of facts with an error in them."""
    found = {"/".join(issue.place.pointer.split("/")[:3]) for issue in case.issues if issue.is_error}
    return frozenset(found | {pointer.rpartition("/")[0] for pointer in found})
