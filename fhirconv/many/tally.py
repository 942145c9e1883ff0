"""What a run counts: small, whatever the number of records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from fhirconv.conversion import Conversion
from fhirconv.counts import Counts
from fhirconv.issues import Issue

MOST_LISTED = 200
"""Findings of a rule that the account of a run tells one by one; all are counted."""

_WORDS = 5_000  # different ones that are counted: most runs have fewer, and memory stays flat where texts are free


@dataclass(slots=True)
class Tally:
    """Counts of a run or of a chunk of it. Records are converted + rejected; blank lines are none."""

    converted: int = 0
    rejected: int = 0
    blank: int = 0
    facts: Counter[tuple[str, str]] = field(default_factory=Counter)  # by section and outcome
    resources: Counter[str] = field(default_factory=Counter)
    words: Counter[tuple[str, str]] = field(default_factory=Counter)  # table and words without a code
    rejected_rows: Counter[str] = field(default_factory=Counter)  # by file: rows of rejected cases
    findings: Counts[tuple[str, str]] = field(default_factory=Counts)  # by rule and severity; information left out
    is_short: bool = False  # the rarest words were left out
    most: int = 0  # findings of each rule that are kept
    listed: dict[str, list[Issue]] = field(default_factory=dict)  # by rule: the first `most`; information left out

    @property
    def records(self) -> int:
        """All that were not blank."""
        return self.converted + self.rejected

    def count(self, result: Conversion) -> None:
        """Counts what became of a record."""
        if result.ok:
            self.converted += 1
        else:
            self.rejected += 1
        self.facts.update(result.section_counts())
        self.resources.update(result.resource_counts())
        if result.ok and result.build is not None:
            self.words.update((kept.table, kept.words) for kept in result.build.kept_as_text)
        for issue in result.findings:
            if issue.severity != "information":
                self.findings.note((issue.rule, issue.severity), issue.place)
                self._list(issue.rule, [issue])

    def add(self, other: Tally) -> None:
        """Counts what came after."""
        self.converted += other.converted
        self.rejected += other.rejected
        self.blank += other.blank
        self.facts.update(other.facts)
        self.resources.update(other.resources)
        self.words.update(other.words)
        self.rejected_rows.update(other.rejected_rows)
        self.findings.add(other.findings)
        for rule, issues in other.listed.items():
            self._list(rule, issues)
        if len(self.words) > 2 * _WORDS:
            self.words, self.is_short = Counter(dict(self.words.most_common(_WORDS))), True

    def _list(self, rule: str, issues: list[Issue]) -> None:
        if self.most:
            listed = self.listed.setdefault(rule, [])
            listed += issues[: self.most - len(listed)]
