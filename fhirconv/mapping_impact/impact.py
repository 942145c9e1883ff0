"""What two sets of mappings make of the same cases, compared and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from fhirconv.build import Build
from fhirconv.conversion import Conversion
from fhirconv.issues import Place
from fhirconv.many.chunks import Chunk
from fhirconv.many.converter import Converter, Settings
from fhirconv.mapping import Mappings
from fhirconv.mapping_impact.causes import Causes
from fhirconv.mapping_impact.resources import ADDED, GONE, Found, differences
from fhirconv.mapping_impact.sides import Change, Side, changes_between
from fhirconv.pushing.present import Difference
from fhirconv.records import Record

_EXAMPLES = 3  # of each cause
_POSITIONS = re.compile(r"\[[0-9]+\]")

NOT_SAID = (None,)
"""In the place of causes: no entry that differs says why."""


class Example(NamedTuple):
    """One place where a cause shows: the fact's, and one of its elements before and after; the last three are patient data."""

    place: str
    fact: str
    element: str
    before: Any
    after: Any


@dataclass(slots=True)
class Effect:
    """What one cause does: in how many resources and cases, to which elements."""

    resources: int = 0
    cases: int = 0
    elements: Counter[tuple[str, str]] = field(default_factory=Counter)  # sign, and 'Observation.code' or 'Observation'
    examples: list[Example] = field(default_factory=list)

    def add(self, other: Effect) -> None:
        """Counts what came after."""
        self.resources += other.resources
        self.cases += other.cases
        self.elements.update(other.elements)
        self.examples = (self.examples + other.examples)[:_EXAMPLES]


@dataclass(slots=True)
class Impact:
    """Counts of a run or of a chunk of it; as many as the mappings have entries, however many cases there are."""

    cases: int = 0
    neither: int = 0  # make no Bundle with either set
    compared: int = 0  # make one with both
    changed_cases: int = 0  # of which some resource is not the same
    resources: int = 0  # that either set makes, in cases that both convert
    changed: int = 0
    effects: dict[Change | None, Effect] = field(default_factory=dict)  # None: no entry that differs says why
    outcomes: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # sign, rule of an error: cases lost or gained by it
    findings: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # sign, rule, severity
    words: Counter[tuple[str, str, str]] = field(
        default_factory=Counter
    )  # sign, table, key of the concept
    places: dict[tuple[str, str], str] = field(
        default_factory=dict
    )  # the first, of outcomes and findings by sign and rule

    @property
    def is_none(self) -> bool:
        """Whether nothing is different."""
        return not (self.effects or self.outcomes or self.findings or self.words)

    def add(self, other: Impact) -> None:
        """Counts what came after."""
        for name in ("cases", "neither", "compared", "changed_cases", "resources", "changed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for cause, effect in other.effects.items():
            self.effects.setdefault(cause, Effect()).add(effect)
        self.outcomes.update(other.outcomes)
        self.findings.update(other.findings)
        self.words.update(other.words)
        self.places = other.places | self.places


@dataclass(frozen=True)
class ImpactJob:
    """Compares chunks of cases."""

    old: Side
    new: Side
    settings: Settings

    def start(self) -> Callable[[Chunk], Impact]:
        """Reads both sets. Raises FhirconvError, MappingError among them."""
        old, new = (side.load(self.settings.profile) for side in (self.old, self.new))
        causes = Causes(changes_between(self.old, self.new, old.raw, new.raw), old, new)
        return partial(self._impact, [Converter(self.settings, one) for one in (old, new)], causes)

    def _impact(self, converters: list[Converter], causes: Causes, chunk: Chunk) -> Impact:
        impact = Impact()
        for position, record in enumerate(chunk.records):
            if not record.is_blank:
                refused = {0: chunk.refused[position]} if position in chunk.refused else {}
                document = record.document(self.settings.limits)
                copies = (record._replace(data=replace(document, issues=[*document.issues])) for _ in converters)
                one, other = (
                    next(converter.convert(Chunk([copy], refused=refused))).result
                    for converter, copy in zip(converters, copies, strict=True)
                )
                _Comparison(impact, causes, record, one, other).count()
        return impact


class _Comparison:
    """A case as both sets convert it."""

    def __init__(self, impact: Impact, causes: Causes, record: Record, old: Conversion, new: Conversion) -> None:
        self._impact = impact
        self._causes = causes
        self._record = record
        self._both = old, new

    def count(self) -> None:
        """Counts what is different."""
        old, new = self._both
        self._impact.cases += 1
        self._count_findings()
        if old.ok and new.ok:
            assert old.build is not None
            assert new.build is not None
            self._impact.compared += 1
            self._count_resources(old.build, new.build)
            self._count_words(old.build, new.build)
        elif old.ok or new.ok:
            sign, failed = (GONE, new) if old.ok else (ADDED, old)
            for rule in sorted({issue.rule for issue in failed.findings if issue.is_error}):
                self._note(self._impact.outcomes, (sign, rule), self._record.place)
        else:
            self._impact.neither += 1

    def _note(self, counted: Counter[Any], key: tuple[str, ...], place: Place) -> None:
        counted[key] += 1
        self._impact.places.setdefault((key[0], key[1]), str(place))

    def _count_findings(self) -> None:
        old, new = (
            Counter((issue.rule, issue.severity, issue.place, issue.expression) for issue in one.findings)
            for one in self._both
        )
        for sign, found in ((ADDED, new - old), (GONE, old - new)):
            for rule, severity, place, _ in found.elements():
                self._note(self._impact.findings, (sign, rule, severity), place)

    def _count_words(self, old: Build, new: Build) -> None:
        """Words that get a code, or lose it, by the concept that has it."""
        kept = [
            Counter((one.fact.identity, one.table, one.words) for one in build.kept_as_text) for build in (old, new)
        ]
        for sign, found, coding in ((ADDED, kept[0] - kept[1], new), (GONE, kept[1] - kept[0], old)):
            for (_, table, words), number in found.items():
                known = coding.mappings.tables.concepts.get(table)
                concept = known.find(words) if known else None
                if concept and concept.codings:  # else it is text still, on purpose, or its element is made no more
                    self._impact.words[sign, table, concept.key] += number

    def _count_resources(self, old: Build, new: Build) -> None:
        touched: dict[Change | None, set[str]] = {}  # resources by cause
        for found in differences(old, new, self._causes):
            for cause in found.causes or NOT_SAID:
                touched.setdefault(cause, set()).add(found.entry.identifier)
                self._count_effect(self._impact.effects.setdefault(cause, Effect()), found)
        for cause, resources in touched.items():
            self._impact.effects[cause].resources += len(resources)
            self._impact.effects[cause].cases += 1
        self._impact.resources += len({entry.identifier for build in (old, new) for entry in build.entries})
        self._impact.changed += len(set().union(*touched.values()))
        self._impact.changed_cases += bool(touched)

    def _count_effect(self, effect: Effect, found: Found) -> None:
        resource, follows = found.entry.mapping.resource, " (follows)" if found.follows else ""
        paths = {f".{_POSITIONS.sub('', part.element)}" for part in found.parts} or {""}
        effect.elements.update((found.sign, f"{resource}{path}{follows}") for path in paths)
        place = str(self._both[1].case.place(found.entry.fact))
        if len(effect.examples) < _EXAMPLES and place not in {one.place for one in effect.examples}:
            part = found.parts[0] if found.parts else Difference("")
            effect.examples.append(Example(place, found.entry.fact.identity, *part))


def same_identities(old: Mappings, new: Mappings) -> bool:
    """Whether both sets give resources the same ids."""
    return old.tables.identifier_systems["fact"] == new.tables.identifier_systems["fact"]
