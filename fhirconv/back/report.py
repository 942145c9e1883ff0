"""What became of FHIR resources on their way back into facts: how many were read, and every leaf that was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
    first: dict[tuple[str, str, str], str] = field(default_factory=dict)  # place of the first: account, and as there
    issues: list[Issue] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether all was read."""
        return not (self.unread or self.left or self.unknown or self.removed or has_errors(self.issues))

    def note(self, account: str, head: str, tail: str, where: Where) -> None:
        """Counts one more in 'unread', 'left' or 'unknown'."""
        counts: Counter[tuple[str, str]] = getattr(self, account)
        if not counts[head, tail]:
            self.first.setdefault((account, head, tail), str(where.place))
        counts[head, tail] += 1

    def count(self, case: Mapping[str, Any]) -> None:
        """Counts the facts of a case."""
        for name, facts in case.items():
            self.facts[name] += len(facts) if isinstance(facts, list) else 1

    def add(self, other: Report) -> None:
        """Adds another report."""
        self.resources += other.resources
        for name in ("facts", "unread", "left", "unknown", "removed"):
            getattr(self, name).update(getattr(other, name))
        self.first = {**other.first, **self.first}
        self.issues += other.issues

    def lines(self) -> list[str]:
        """The report for people."""
        total = sum(self.facts.values())
        sections = ", ".join(f"{number} {name}" for name, number in self.facts.items())
        made = [
            f"{self.resources:,} resource{'' if self.resources == 1 else 's'}: {total:,} facts"
            + (f" ({sections})" if sections else "")
        ]
        for title, account in _TITLES:
            counts: Counter[tuple[str, str]] = getattr(self, account)
            if counts:
                made.append(f"  {title}:")
                made += [self._line(account, *key, number) for key, number in sorted(counts.items())]
        return made

    def _line(self, account: str, head: str, tail: str, number: int) -> str:
        first = self.first.get((account, head, tail), "")
        told = _joined(account, head, tail) + (f" (first: {first})" if first else "")
        return f"    {number}x {printable(told)}"

    def as_dict(self) -> dict[str, Any]:
        """The report for programs."""
        accounts = [account for _, account in _TITLES]
        keyed = {
            account: {_joined(account, *key): number for key, number in sorted(getattr(self, account).items())}
            for account in accounts
        }
        first: dict[str, dict[str, str]] = {account: {} for account in accounts}
        for (account, head, tail), place in sorted(self.first.items()):
            first[account][_joined(account, head, tail)] = place
        return {"resources": self.resources, "facts": dict(self.facts), **keyed, "first": first}


_TITLES = (
    ("resources that were not read", "unread"),
    ("elements that were not read", "left"),
    ("not said by the resource, and 'unknown' in the fact", "unknown"),
    ("facts and fields that did not pass the checks, and were left out", "removed"),
)


def _joined(account: str, head: str, tail: str) -> str:
    return f"{head}.{tail}" if account == "left" else f"{head}: {tail}"
