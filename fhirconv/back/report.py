"""What became of FHIR resources on their way back into facts: how many were read, and every leaf that was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirconv.counts import Counts
from fhirconv.document import Document
from fhirconv.issues import Issue, Place, has_errors, printable


class Where(NamedTuple):
    """Where a resource stands; its line is looked for only when it is told."""

    document: Document
    pointer: str

    @property
    def place(self) -> Place:
        """File, line and column."""
        return self.document.place(self.pointer)

    def below(self, steps: str) -> Where:
        """Where something within it stands."""
        return Where(self.document, f"{self.pointer}/{steps}")


Key = tuple[str, str]


@dataclass
class Report:
    """Counts by resource type; nothing in it is a value of the data."""

    resources: int = 0
    facts: Counter[str] = field(default_factory=Counter)  # by section
    unread: Counts[Key] = field(default_factory=Counts)  # whole resources: type and why
    left: Counts[Key] = field(default_factory=Counts)  # leaves of those that were read: type and element path
    unknown: Counts[Key] = field(default_factory=Counts)  # type, and field that is 'unknown' in its fact
    removed: Counts[Key] = field(default_factory=Counts)  # facts and fields that did not pass: where and why
    issues: list[Issue] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether all was read."""
        return not (self.unread or self.left or self.unknown or self.removed or has_errors(self.issues))

    def note(self, account: str, head: str, tail: str, where: Where) -> None:
        """Counts one more in 'unread', 'left' or 'unknown'."""
        counts: Counts[Key] = getattr(self, account)
        counts.note((head, tail), Place() if (head, tail) in counts else where.place)

    def count(self, case: Mapping[str, Any]) -> None:
        """Counts the facts of a case."""
        for name, facts in case.items():
            self.facts[name] += len(facts) if isinstance(facts, list) else 1

    def add(self, other: Report) -> None:
        """Adds another report."""
        self.resources += other.resources
        self.facts.update(other.facts)
        for account, counts in self._accounts():
            counts.add(getattr(other, account))
        self.issues += other.issues

    def lines(self) -> list[str]:
        """The report for people."""
        total = sum(self.facts.values())
        sections = ", ".join(f"{number} {name}" for name, number in self.facts.items())
        made = [
            f"{self.resources:,} resource{'' if self.resources == 1 else 's'}: {total:,} facts"
            + (f" ({sections})" if sections else "")
        ]
        for account, counts in self._accounts():
            if counts:
                made.append(f"  {_TITLES[account]}:")
                made += [f"    {number}x {printable(_told(account, key, counts))}" for key, number in sorted(counts.items())]
        return made

    def as_dict(self) -> dict[str, Any]:
        """The report for programs."""
        keyed: dict[str, dict[str, int]] = {}
        first: dict[str, dict[str, str]] = {}
        for account, counts in self._accounts():
            keyed[account] = {_joined(account, *key): number for key, number in sorted(counts.items())}
            first[account] = {_joined(account, *key): str(place) for key, place in sorted(counts.first.items())}
        return {"resources": self.resources, "facts": dict(self.facts), **keyed, "first": first}

    def _accounts(self) -> list[tuple[str, Counts[Key]]]:
        return [(account, getattr(self, account)) for account in _TITLES]


_TITLES = {
    "unread": "resources that were not read",
    "left": "elements that were not read",
    "unknown": "not said by the resource, and 'unknown' in the fact",
    "removed": "facts and fields that did not pass the checks, and were left out",
}


def _told(account: str, key: Key, counts: Counts[Key]) -> str:
    first = str(counts.first.get(key, ""))
    return _joined(account, *key) + (f" (first: {first})" if first else "")


def _joined(account: str, head: str, tail: str) -> str:
    return f"{head}.{tail}" if account == "left" else f"{head}: {tail}"
