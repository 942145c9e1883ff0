"""What became of a push: of each record, and of all together; the counts add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from fhirconv.issues import Issue

STATES = ("done", "done before", "rejected", "failed", "unknown", "not sent")
"""Of a record. rejected: it has errors, nothing was sent; unknown: it may have been carried out or not."""

OUTCOMES = ("created", "updated", "unchanged", "retracted", "confirmed", *STATES[1:])
"""Of a resource. confirmed: the answer was lost, and the server holds it as it was sent."""


class Made(NamedTuple):
    """What the server made of one resource; `address` is its Type/id there, `position` its entry in the record's Bundle."""

    outcome: str
    address: str
    position: int


@dataclass(slots=True)
class UnitResult:
    """What became of one record. `resources` counts all that was to be there, retractions too, by outcome."""

    number: int
    name: str
    state: str = "done"
    made: list[Made] = field(default_factory=list)
    resources: Counter[str] = field(default_factory=Counter)
    issues: list[Issue] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, made: list[Made]) -> None:
        """Notes resources of which the server said what it made."""
        self.made += made
        self.resources.update(one.outcome for one in made)

    def end(self, state: str, resources: int, note: str = "") -> None:
        """Notes that so many resources ended in a state, which is then that of the record."""
        self.state = state
        self.resources[state] += resources
        if note:
            self.notes.append(note)

    def end_rest(self, planned: int) -> None:
        """Notes that of so many resources those without an outcome were not sent."""
        rest = planned - self.resources.total()
        if rest > 0:
            self.resources["not sent"] += rest
            if self.state in ("done", "done before"):
                self.state = "not sent"


@dataclass(slots=True)
class PushResult:
    """What became of all: records by state, resources by outcome. `stopped` says why the run ended early; '' if it did not.

    `is_unread`: then there were more records, which were not read, and are not counted.
    `units` holds each record's result, unless the caller of push took them one by one.
    """

    records: Counter[str] = field(default_factory=Counter)
    resources: Counter[str] = field(default_factory=Counter)
    units: list[UnitResult] = field(default_factory=list)
    retries: int = 0
    stopped: str = ""
    is_refused: bool = False
    is_unread: bool = False

    def add(self, unit: UnitResult) -> None:
        """Counts one record."""
        self.records[unit.state] += 1
        self.resources.update(unit.resources)

    @property
    def ok(self) -> bool:
        """Whether the server holds all of it."""
        return not self.stopped and not any(self.records[state] for state in STATES[2:])

    @property
    def is_incomplete(self) -> bool:
        """Whether something may not have been sent or carried out: run it again."""
        return bool(self.records["unknown"] or self.records["not sent"] or self.stopped)
