"""One case on its way through the mappings: which resources it makes, how they refer to each other, what they hold."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple

from fhirconv.facts import Case, Fact, merged_into
from fhirconv.identity import fact_identifier, resource_id
from fhirconv.mapping import ANY_SECTION, Mappings, ResourceMapping, Variant
from fhirconv.mapping.plans import Step, naming_fields
from fhirconv.timeline import Moment, Timeline, names_event
from fhirconv.values.base import ElementRule

RESTFUL = "batch"  # the kind of Bundle whose entries refer to each other by Type/id
_BY_IDENTITY = attrgetter("identity")
_ABOUT_OTHERS = (ANY_SECTION, "case")  # sections of mappings for resources about other resources


@dataclass(slots=True, eq=False)
class Entry:
    """One resource to be: the fact and mapping that it comes from, its id, and in the end the resource."""

    fact: Fact
    data: dict[str, Any]  # the fields of the fact by dotted name
    step: Step
    identifier: str
    id: str
    reference: str
    resource: dict[str, Any]
    variant: Variant | None = None  # what it claims of the profile

    @property
    def mapping(self) -> ResourceMapping:
        """The mapping that it comes from."""
        return self.step.mapping

    @property
    def rules(self) -> tuple[ElementRule, ...]:
        """The rules by which the resource was made."""
        return self.variant.rules if self.variant else self.mapping.rules


class KeptText(NamedTuple):
    """Words that no concept table knows."""

    fact: Fact
    table: str
    field: str
    words: str


class Build:
    """The state of one conversion; value makers see it as their Context."""

    def __init__(self, case: Case, mappings: Mappings, bundle_type: str) -> None:
        self.case = case
        self.case_id = case.id
        self.mappings = mappings
        self.units = mappings.tables.units
        self.system = mappings.tables.identifier_systems["fact"]
        self.decimal_mark = case.conventions.get("decimal_mark", "")
        self.kept_as_text: list[KeptText] = []
        self.unclaimed: list[tuple[Entry, str, str]] = []  # entry, claim, what it lacks
        self.entries: list[Entry] = []
        self.unsettled: list[Fact] = []  # make no resource of their own, or say what none is made from
        self._of_fact: dict[Fact, list[Entry]] = {}
        self._naming: dict[tuple[str, str], dict[Any, list[Fact]]] = {}
        self._scheme = "" if bundle_type == RESTFUL else "urn:uuid:"  # of references that are no paths
        self._facts = case.by_section
        self.case_fact = case.by_section["case"][0]
        self.fact: Fact = self.case_fact
        self.identifier = ""
        self._plan()
        self.patient: list[str] = self._references_of_section("patient")
        self.source: list[str] = self._references_of_section("source")

    @functools.cached_property
    def timeline(self) -> Timeline:
        """The events of the case; few cases have any."""
        return Timeline(self.case)

    # -- what is made --

    def _plan(self) -> None:
        """Decides which resources there will be; sorted by identity, so that the order of facts does not matter."""
        by_id, about = self.case.by_id, []
        for section, plans in self.mappings.plans.items():
            facts = self._facts.get(section, ())
            for fact in sorted(facts, key=_BY_IDENTITY) if len(facts) > 1 else facts:
                data, plan = fact.data, plans.of_shape(fact.shape)
                if plan is None:
                    data = fact.flat()
                    plan = plans.plan(fact, data, by_id)
                for step in plan.own:
                    self._add(fact, data, step)
                for step in plan.about:
                    about.append((fact, data, step))
                if plan.is_unsettled:
                    self.unsettled.append(fact)
        if about:
            self._add_about(about)

    def _add_about(self, about: list[tuple[Fact, dict[str, Any], Step]]) -> None:
        """Adds the resources about other resources; those of the case as such are about all: they are last."""
        order = self.mappings.by_section[ANY_SECTION]
        for fact, data, step in sorted(about, key=lambda one: order.index(one[2].mapping)):
            if fact in self._of_fact or merged_into(self.case, fact) in self._of_fact:
                self._add(fact, data, step)
        self.entries.sort(key=lambda entry: entry.fact is self.case_fact)

    def _add(self, fact: Fact, data: dict[str, Any], step: Step) -> None:
        identifier = fact_identifier(self.case_id, fact.identity, step.role)
        made = resource_id(self.system, identifier)
        entry = Entry(fact, data, step, identifier, made, f"{self._scheme or step.path}{made}", {})
        self.entries.append(entry)
        self._of_fact.setdefault(fact, []).append(entry)

    def unread_fields(self, fact: Fact) -> list[str]:
        """The stated fields of a fact that none of its resources is made from, and that are not what the fact is."""
        unread = fact.data.keys() - naming_fields(fact.section.name)
        for entry in self.entries_of(fact):
            unread -= entry.mapping.reads
        if unread and merged_into(self.case, fact) is not None:
            unread -= {"name", "at", "origin"}  # the fact that it is the time of has name and time, the ledger the origin
        return sorted(unread)

    def run(self) -> None:
        """Fills the resource of every entry."""
        self._make(self.entries)

    def _make(self, entries: Iterable[Entry]) -> None:
        """Fills the resources of entries; some may be there already (see _unclaimed_references)."""
        for entry in entries:
            if not entry.resource:
                self.identifier, self.fact, step = entry.identifier, entry.fact, entry.step
                claiming = self._claiming(entry) if step.claims else None
                entry.resource = claiming or step.fill(entry.id, entry.data, self)

    def _claiming(self, entry: Entry) -> dict[str, Any] | None:
        """The resource with the first claim of the profile that holds; None if none does."""
        for variant, fill in entry.step.claims:
            if variant.is_about is not None and not variant.is_about(entry.data):
                continue
            lacking = self._unclaimed_references(entry, variant)
            kept = len(self.kept_as_text)
            made = {} if lacking else fill(entry.id, entry.data, self)
            lacking += [need for need, parts in variant.needs if made and not _has(made, parts)]
            lacking += [f"other form than {key}" for key in variant.excludes if key in made]
            if not lacking:
                entry.variant = variant
                return made
            del self.kept_as_text[kept:]
            self.unclaimed.append((entry, variant.name, ", ".join(lacking)))
        return None

    def _unclaimed_references(self, entry: Entry, variant: Variant) -> list[str]:
        """What the claim requires of the resources that this one refers to, and they do not claim."""
        lacking = []
        here = self.identifier, self.fact
        for field_name, claims in variant.requires:
            target = (
                next(iter(self._facts.get("patient", ())), None)
                if field_name == "@patient"
                else self.case.by_id.get(str(entry.fact.data.get(field_name)))
            )
            others = self.entries_of(target)[:1] if target else []
            self._make(others)
            for other in others:
                if other.variant is None or other.variant.name not in claims:
                    lacking.append(f"{field_name} that claims {' or '.join(sorted(claims))}")
        self.identifier, self.fact = here
        return lacking

    # -- what value makers ask for --

    def keep_as_text(self, table: str, field_name: str, words: str) -> None:
        """Notes that words of the current fact have no code."""
        self.kept_as_text.append(KeptText(self.fact, table, field_name, words))

    def fits(self, units: frozenset[str], unit: object) -> bool:
        """Whether a unit of the case (None for none stated) is one of these UCUM codes."""
        return unit is None or (isinstance(unit, str) and self.units.find(unit) in units)

    def entries_of(self, fact: Fact) -> list[Entry]:
        """The resources that a fact makes, the main one first."""
        return self._of_fact.get(fact, [])

    def reference_to(self, fact_id: str) -> str | None:
        """The reference to the main resource of the fact with this id; None if the mappings make none."""
        for entry in self._of_fact.get(self.case.by_id[fact_id], ()):
            if not entry.step.role:
                return entry.reference
        return None

    def references_of_fact(self, fact: Fact, primary: bool) -> list[str]:
        """References to a fact's main resource, or to all of its resources but those about the fact itself.

        An event that is the time of another fact has the main resource of that fact.
        """
        owner = merged_into(self.case, fact)
        only_main = primary or owner is not None
        entries = [entry for entry in self.entries_of(owner or fact) if entry.mapping.section != ANY_SECTION]
        return [entry.reference for entry in entries if not (only_main and entry.mapping.role)]

    def _references_of_section(self, section: str) -> list[str]:
        """References to the main resources of a section's facts."""
        return [entries[0].reference for entries in map(self.entries_of, self._facts.get(section, ())) if entries]

    def all_references(self) -> list[str]:
        """References to every resource that is made from facts, those about other resources left out."""
        return [e.reference for e in self.entries if e.step.mapping.section not in _ABOUT_OTHERS]

    def naming(self, fact: Fact, section: str, field_name: str) -> list[Fact]:
        """The facts of a section whose field names this fact, in the order of their keys."""
        name = fact.data.get("id")
        if name is None or section not in self._facts:
            return []
        index = self._naming.get((section, field_name))
        if index is None:
            index = self._naming[section, field_name] = {}
            for other in sorted(self._facts[section], key=_BY_IDENTITY):
                index.setdefault(other.data.get(field_name), []).append(other)
        return index.get(name, [])

    # -- events --

    def own_moment(self, moment: Moment) -> Moment:
        """The event's own time, where the moment is 'at' an event of the very fact that is being made."""
        if moment.relation == "at":
            anchor = self._event_fact(moment.event)
            if anchor is not None and anchor.data.get("of") == self.fact.data.get("id") is not None:
                made = self.timeline.event_moment(moment.event) or Moment()
                return replace(made, event_id=moment.event, event_name=self.timeline.event_name(moment.event))
        return moment

    def event_target(self, event: str) -> tuple[str, str, str] | None:
        """Reference, path and edge ('start', 'end' or '') of what gives the event its time."""
        fact = self._event_fact(event)
        if fact is None:
            return None
        anchor = self.case.by_id.get(str(fact.data.get("of", "")), fact)
        entries = self.entries_of(anchor)
        if not entries:
            return None
        entry = entries[0]
        field_name = "at" if anchor is fact else _field_naming(anchor, event)
        for rule in entry.mapping.rules:
            if field_name in rule.made.sources:
                path = f"{entry.mapping.resource}.{rule.element.removesuffix('[x]')}"
                edges = (
                    dict(zip(rule.made.sources, ("start", "end"), strict=False)) if len(rule.made.sources) == 2 else {}
                )
                return entry.reference, path, edges.get(field_name, "")
        return None

    def _event_fact(self, event: str) -> Fact | None:
        fact = self.case.by_id.get(event)
        return fact if fact is not None and fact.section.name == "events" else None


def _field_naming(fact: Fact, event: str) -> str:
    """The field of a fact that says 'at this event'."""
    return next((f.name for f in fact.section.fields_of("when") if names_event(fact.get(f.path), event)), "")


def _has(made: Mapping[str, Any], parts: tuple[tuple[str, str], ...]) -> bool:
    """Whether a resource has one of these elements, or parts of elements."""
    for key, part in parts:
        value = made.get(key)
        for one in value if isinstance(value, list) else (value,):
            if one is not None and (not part or (isinstance(one, dict) and part in one)):
                return True
    return False
