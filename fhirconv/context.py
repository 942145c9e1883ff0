"""What the making of one element may ask about the rest of its case: the only thing that value makers see of it."""

from __future__ import annotations

from typing import Protocol

from fhirconv.facts import Case, Fact
from fhirconv.terminology import Units
from fhirconv.timeline import Moment, Timeline


class Context(Protocol):
    """One conversion, seen from the resource that is being made. References are FHIR reference strings."""

    case: Case
    case_id: str
    case_fact: Fact  # the object 'case' itself
    fact: Fact  # the fact that is being read
    identifier: str  # business identifier of the resource that is being made
    units: Units
    decimal_mark: str
    patient: list[str]  # the reference to the patient
    source: list[str]  # the reference to the document, if the case has one

    @property
    def timeline(self) -> Timeline:
        """The events of the case."""

    def keep_as_text(self, table: str, field_name: str, words: str) -> None:
        """Notes that words of the current fact have no code in a concept table."""

    def fits(self, units: frozenset[str], unit: object) -> bool:
        """Whether a unit of the case (None for none stated) is one of these UCUM codes."""

    def reference_to(self, fact_id: str) -> str | None:
        """The main resource of the fact with this id; None if the mappings make none."""

    def references_of_fact(self, fact: Fact, primary: bool) -> list[str]:
        """A fact's main resource, or all of its resources but those about the fact itself."""

    def all_references(self) -> list[str]:
        """Every resource that is made from facts, those about other resources left out."""

    def naming(self, fact: Fact, section: str, field_name: str) -> list[Fact]:
        """The facts of a section whose field names this fact, in the order of their keys."""

    def own_moment(self, moment: Moment) -> Moment:
        """The event's own time, where the moment is 'at' an event of the very fact that is being made."""

    def event_target(self, event: str) -> tuple[str, str, str] | None:
        """Reference, path and edge ('start', 'end' or '') of what gives the event its time; None if nothing does."""
