"""What became of what was read: counts that add up, and what was left with how often and where first."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirconv.counts import Counts
from fhirconv.issues import Issue, Place, printable
from fhirconv.reports import shown_issue
from fhirconv.rules import rule

MOST = 10_000  # kinds of what was left that are told apart, for each rule; what comes after them is counted as others


class What(NamedTuple):
    """What was left: of which table (or file, or field of a packet) and column, and why; alike things are alike here."""

    source: str
    column: str = ""
    reason: str = ""
    joint: str = ": "  # ' ' where the reason goes on with the sentence

    def __str__(self) -> str:
        about = f"{self.source}.{self.column}" if self.column else self.source
        return f"{about}{self.joint}{self.reason}" if self.reason else about


OTHERS = What("(others)")


@dataclass(slots=True)
class ColumnCount:
    """Cells of a column that say something, and how many of them a rule took."""

    stated: int = 0
    taken: int = 0


@dataclass(slots=True)
class TableCount:
    """Rows of a table: all; those that made facts, that made none, and that belong to no case. The rest was not looked at."""

    rows: int = 0
    made: int = 0
    unused: int = 0  # rows that made no facts; `Report.left["row-unused"]` says why
    unread: int = 0  # rows that belong to no case
    columns: dict[str, ColumnCount] = field(default_factory=dict)


class Report:
    """Filled by a reader while it reads; whole when its last Document was taken."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.cases = 0
        self.facts: Counter[str] = Counter()  # by section
        self.tables: dict[str, TableCount] = {}
        self.left: dict[str, Counts[What]] = {}  # by rule id
        self.noted: list[Issue] = []  # on files: what does not keep them from being read

    def count(self, table: str) -> TableCount:
        """The counts of a table."""
        return self.tables.setdefault(table, TableCount())

    def leave(self, rule_id: str, what: What, place: Place, count: int = 1) -> None:
        """Counts what was left."""
        kinds = self.left.setdefault(rule_id, Counts())
        kinds.note(OTHERS if what not in kinds and len(kinds) >= MOST else what, place, count)

    def take(self, data: dict[str, Any]) -> None:
        """Counts a case and its facts."""
        self.cases += 1
        for section, facts in data.items():
            if isinstance(facts, list):
                self.facts[section] += len(facts)

    def without_values(self) -> Report:
        """The same without anything that a cell says."""
        made = copy(self)
        made.noted = [shown_issue(issue, phi_free=True) for issue in self.noted]
        made.left = {rule_id: Counts() for rule_id in self.left}
        for rule_id, kinds in self.left.items():
            for what, count in kinds.items():  # its reason may quote
                place = shown_issue(Issue(rule_id, "", kinds.first[what]), phi_free=True).place
                made.left[rule_id].note(what._replace(reason=""), place, count)
        return made

    def issues(self) -> list[Issue]:
        """What was noted on files, and what was left: one issue for each kind, at the place where it stands first."""
        return self.noted + [
            Issue(rule_id, f"{what}{_times(count)}", kinds.first[what])
            for rule_id, kinds in self.left.items()
            for what, count in kinds.items()
        ]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "files": self.files,
            "tables": {
                name: {
                    "rows": table.rows,
                    "made_facts": table.made,
                    "made_none": table.unused,
                    "without_case": table.unread,
                    "columns": {
                        column: {"stated": count.stated, "taken": count.taken}
                        for column, count in table.columns.items()
                    },
                }
                for name, table in self.tables.items()
            },
            "cases": self.cases,
            "facts": dict(sorted(self.facts.items())),
            "left": {
                rule_id: [
                    {"what": str(what), "count": count, "first": str(kinds.first[what])}
                    for what, count in kinds.most_first()
                ]
                for rule_id, kinds in self.left.items()
            },
        }

    def text(self, most: int | None = 20) -> str:
        """The report for people: of what was left in one way, the `most` frequent kinds, or all for None."""
        sections = ", ".join(f"{count:,} {section}" for section, count in sorted(self.facts.items()))
        lines = [issue.text() for issue in self.noted]
        lines.append(f"{_number(len(self.files), 'file')}: {_number(self.cases, 'case')}, {sections or 'no facts'}")
        for name, table in self.tables.items():
            none = f", {table.unused:,} made none" if table.unused else ""
            none += f", {table.unread:,} without a case" if table.unread else ""
            lines.append(f"  {name}: {_number(table.rows, 'row')}, {table.made:,} made facts{none}")
        for rule_id, kinds in self.left.items():
            lines.append(f"{rule(rule_id).severity}: {rule(rule_id).title.rstrip('.')}, but for: [{rule_id}]")
            found = kinds.most_first()
            lines += [
                f"  {printable(str(what))}{_times(count)}, first at {kinds.first[what]}" for what, count in found[:most]
            ]
            if most is not None and len(found) > most:
                lines.append(f"  and {len(found) - most:,} more; -v lists them")
        return "\n".join(lines)


def _number(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _times(count: int) -> str:
    return f" ({count:,} times)" if count > 1 else ""
