"""One case on its way through the mappings: which resources it makes, how they refer to each other, what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirconv.facts import Case, Fact, merged_into
from fhirconv.identity import fact_identifier, resource_id
from fhirconv.mapping import ANY_SECTION, Mappings, ResourceMapping, Variant
from fhirconv.timeline import Moment, Timeline, names_event
from fhirconv.values.base import ElementRule

RESTFUL = "batch"  # the kind of Bundle whose entries refer to each other by Type/id


# Fields that no element holds because they are what the fact is: its name for others, and what an event belongs to.
_ID = frozenset(("id",))
_READ_ELSEWHERE = {"events": frozenset(("id", "of"))}


@dataclass(slots=True, eq=False)
class Entry:
    """One resource to be: the fact and mapping that it comes from, its id, and in the end the resource."""

    fact: Fact
    mapping: ResourceMapping
    identifier: str
    id: str
    reference: str
    resource: dict[str, Any] = field(default_factory=dict)
    variant: Variant | None = None  # what it claims of the profile

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
        self.decimal_mark = case.conventions.get("decimal_mark", "")
        self.timeline = Timeline(case)
        self.kept_as_text: list[KeptText] = []
        self.unclaimed: list[tuple[Entry, str, str]] = []  # entry, claim, what it lacks
        self.system = mappings.tables.identifier_systems["fact"]
        self.entries: list[Entry] = []
        self._of_fact: dict[Fact, list[Entry]] = {}
        self._naming: dict[tuple[str, str], dict[Any, list[Fact]]] = {}
        self._restful = bundle_type == RESTFUL
        self.case_fact = next(case.facts_of("case"))
        self.fact: Fact = self.case_fact
        self.identifier = ""
        self._patient_fact = next(case.facts_of("patient"), None)
        self._plan()
        self.patient: list[str] = self._references_of_section("patient")
        self.source: list[str] = self._references_of_section("source")

    # -- what is made --

    def _plan(self) -> None:
        """Decides which resources there will be; sorted by identity, so that the order of facts does not matter."""
        rank, by_section = self.mappings.section_rank, self.mappings.by_section
        facts = sorted(self.case.facts, key=lambda fact: (rank[fact.section.name], fact.key))
        for fact in facts:
            for mapping in by_section.get(fact.section.name, ()):
                if mapping.applies is None or mapping.applies(fact.data, self.case.by_id):
                    self._add(fact, mapping)
        for mapping in by_section.get(ANY_SECTION, ()):
            for fact in facts:
                for_it = mapping.applies is None or mapping.applies(fact.data, self.case.by_id)
                if for_it and (fact in self._of_fact or merged_into(self.case, fact) in self._of_fact):
                    self._add(fact, mapping)
        if by_section.get("case"):  # about all the others: last
            self.entries.sort(key=lambda entry: entry.fact is self.case_fact)

    def _add(self, fact: Fact, mapping: ResourceMapping) -> None:
        identifier = fact_identifier(self.case_id, fact.identity, mapping.role)
        made = resource_id(self.system, identifier)
        reference = f"{mapping.resource}/{made}" if self._restful else f"urn:uuid:{made}"
        entry = Entry(fact, mapping, identifier, made, reference)
        self.entries.append(entry)
        self._of_fact.setdefault(fact, []).append(entry)

    def unread_fields(self, fact: Fact) -> list[str]:
        """The stated fields of a fact that none of its resources is made from, and that are not what the fact is."""
        unread = fact.data.keys() - _READ_ELSEWHERE.get(fact.section.name, _ID)
        for entry in self.entries_of(fact):
            unread -= entry.mapping.reads
        if unread and merged_into(self.case, fact) is not None:  # the fact that it is the time of has name and time
            unread -= {"name", "at"}
        return sorted(unread)

    def run(self) -> None:
        """Fills the resource of every entry."""
        for entry in self.entries:
            self._make(entry)

    def _make(self, entry: Entry) -> None:
        """Fills the resource of an entry, unless it is there; making one may call for another (see _unclaimed_references)."""
        if entry.resource:
            return
        before = self.identifier, self.fact
        self.identifier, self.fact = entry.identifier, entry.fact
        if entry.mapping.variants:
            entry.resource = self._claiming(entry)
        entry.resource = entry.resource or entry.mapping.recipe.filler(frozenset(entry.fact.flat()))(entry.id, entry.fact.flat(), self)
        self.identifier, self.fact = before

    def _claiming(self, entry: Entry) -> dict[str, Any]:
        """The resource with the first claim of the profile that holds; empty if none does."""
        mapping, data = entry.mapping, entry.fact.flat()
        for variant in mapping.variants:
            if not all(applies(data, self.case.by_id) for applies in variant.tests):
                continue
            kept = len(self.kept_as_text)
            lacking = self._unclaimed_references(entry, variant)
            made = {} if lacking else variant.recipe.filler(frozenset(data))(entry.id, data, self)
            lacking += [need for need, parts in variant.needs if made and not _has(made, parts)]
            lacking += [f"other form than {key}" for key in variant.excludes if key in made]
            if not lacking:
                entry.variant = variant
                return made
            del self.kept_as_text[kept:]
            self.unclaimed.append((entry, variant.name, ", ".join(lacking)))
        return {}

    def _unclaimed_references(self, entry: Entry, variant: Variant) -> list[str]:
        """What the claim requires of the resources that this one refers to, and they do not claim."""
        lacking = []
        for field_name, claims in variant.requires:
            target = (
                self._patient_fact
                if field_name == "@patient"
                else self.case.by_id.get(str(entry.fact.data.get(field_name)))
            )
            for other in self.entries_of(target)[:1] if target else ():
                self._make(other)
                if other.variant is None or other.variant.name not in claims:
                    lacking.append(f"{field_name} that claims {' or '.join(sorted(claims))}")
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
        entries = self._of_fact.get(self.case.by_id[fact_id], [])
        return next((entry.reference for entry in entries if not entry.mapping.role), None)

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
        return [entries[0].reference for entries in map(self.entries_of, self.case.facts_of(section)) if entries]

    def all_references(self) -> list[str]:
        """References to every resource that is made from facts, those about other resources left out."""
        return [e.reference for e in self.entries if e.mapping.section not in (ANY_SECTION, "case")]

    def naming(self, fact: Fact, section: str, field_name: str) -> list[Fact]:
        """The facts of a section whose field names this fact, in the order of their keys."""
        index = self._naming.get((section, field_name))
        if index is None:
            index = self._naming[section, field_name] = {}
            for other in sorted(self.case.facts_of(section), key=lambda other: other.key):
                index.setdefault(other.data.get(field_name), []).append(other)
        name = fact.data.get("id")
        return index.get(name, []) if name is not None else []

    # -- events --

    def own_moment(self, moment: Moment) -> Moment:
        """The event's own time, where the moment is 'at' an event of the very fact that is being made."""
        if moment.relation == "at":
            anchor = self._event_fact(moment.event)
            if anchor is not None and anchor.data.get("of") == self.fact.data.get("id") is not None:
                return self.timeline.event_moment(moment.event) or Moment()
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
