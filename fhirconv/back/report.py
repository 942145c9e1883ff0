"""What became of FHIR resources on their way back into facts: how many were read, and every leaf that was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirconv.issues import Issue, has_errors, printable


@dataclass
class Report:
    """Counts by resource type; nothing in it is a value of the data."""

    resources: int = 0
    facts: Counter[str] = field(default_factory=Counter)  # by section
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)  # whole resources: type and why
    left: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # leaves of those that were read: type and element path
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)  # type, and field that is 'unknown' in its fact
    removed: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # facts and fields that did not pass: where and why
    issues: list[Issue] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether all was read."""
        return not (self.unread or self.left or self.unknown or self.removed or has_errors(self.issues))

    def count(self, case: Mapping[str, Any]) -> None:
        """Counts the facts of a case."""
        for name, facts in case.items():
            self.facts[name] += len(facts) if isinstance(facts, list) else 1

    def add(self, other: Report) -> None:
        """Adds another report."""
        self.resources += other.resources
        for name in ("facts", "unread", "left", "unknown", "removed"):
            getattr(self, name).update(getattr(other, name))
        self.issues += other.issues

    def lines(self) -> list[str]:
        """The report for people."""
        total = sum(self.facts.values())
        sections = ", ".join(f"{number} {name}" for name, number in self.facts.items())
        made = [f"{self.resources} resources: {total} facts" + (f" ({sections})" if sections else "")]
        for title, counts in (
            ("resources that were not read", self.unread),
            ("elements that were not read", self.left),
            ("not said by the resource, and 'unknown' in the fact", self.unknown),
            ("facts and fields that did not pass the checks, and were left out", self.removed),
        ):
            if counts:
                made.append(f"  {title}:")
                joint = "." if counts is self.left else ": "
                made += [
                    f"    {number}x {printable(head)}{joint}{printable(tail)}"
                    for (head, tail), number in sorted(counts.items())
                ]
        return made

    def as_dict(self) -> dict[str, Any]:
        """The report for programs."""
        keyed = {
            name: {
                f"{head}.{tail}" if name == "left" else f"{head}: {tail}": number
                for (head, tail), number in sorted(counts.items())
            }
            for name in ("unread", "left", "unknown", "removed")
            for counts in (getattr(self, name),)
        }
        return {"resources": self.resources, "facts": dict(self.facts), **keyed}
