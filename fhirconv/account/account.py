"""The account of a run: what was read, what it became, what is wrong with it. Rendered as Markdown, JSON, HTML and SARIF.

What a PHI-free account must not say is left out here, once, and so of all renderings: there are no words, values, messages
or case ids in it; names of files, of tables and of columns stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fhirconv.counts import Counts
from fhirconv.issues import Issue, Place
from fhirconv.ledger import OUTCOMES
from fhirconv.many.tally import Tally
from fhirconv.reports import identified, shown_issue
from fhirconv.rules import Rule, rule

if TYPE_CHECKING:
    from fhirconv.readers.report import Report, What

_GRAVEST_FIRST = ("fatal", "error", "warning", "information")


class Finding(NamedTuple):
    """What was found against a rule in one severity: how often, the first place, and the first of them with their ids."""

    rule: str
    severity: str
    number: int
    first: Place
    issues: tuple[tuple[str, Issue], ...]

    @property
    def about(self) -> Rule:
        """Title, layer and address of the rule."""
        return rule(self.rule)


class Words(NamedTuple):
    """Words that have no code in a concept table, and how often; of a PHI-free account all of a table, and `words` is ''."""

    table: str
    words: str
    number: int


class Left(NamedTuple):
    """What a reader left in one way; `source` is a table, a file, or a field of a packet."""

    rule: str
    source: str
    column: str
    reason: str
    number: int
    first: Place
    what: str  # all three in words


@dataclass(frozen=True)
class Account:
    """What became of a run. Records are done + rejected; blank lines are none."""

    inputs: tuple[str, ...]
    done: int
    rejected: int
    blank: int
    rejected_rows: Mapping[str, int]
    facts: Mapping[str, Mapping[str, int]]  # by section, then by outcome
    resources: Mapping[str, int]
    words: tuple[Words, ...]  # the most frequent first
    words_are_cut: bool  # the rarest were not counted
    findings: tuple[Finding, ...]  # the gravest first, then the most frequent
    read: Report | None  # of a reader
    left: tuple[Left, ...]
    noted: tuple[tuple[str, Issue], ...]  # on files that a reader read
    phi_free: bool = False
    is_whole: bool = True  # else the run was stopped
    verb: str = "converted"  # what was done with the records

    @property
    def records(self) -> int:
        """All that were not blank."""
        return self.done + self.rejected

    @property
    def outcomes(self) -> dict[str, int]:
        """Facts by outcome."""
        return {outcome: sum(found[outcome] for found in self.facts.values()) for outcome in OUTCOMES}

    def issues(self) -> Iterator[tuple[str, Issue]]:
        """Each finding that is listed, with its id."""
        yield from self.noted
        for finding in self.findings:
            yield from finding.issues


def account_of(
    inputs: Iterable[object],
    tally: Tally,
    read: Report | None = None,
    phi_free: bool = False,
    is_whole: bool = True,
    verb: str = "converted",
) -> Account:
    """The account of what was counted."""
    if read is not None and phi_free:
        read = read.without_values()
    return Account(
        tuple(map(str, inputs)),
        tally.converted,
        tally.rejected,
        tally.blank,
        dict(sorted(tally.rejected_rows.items())),
        _by_section(tally.facts),
        dict(sorted(tally.resources.items())),
        tuple(words_of(tally.words, phi_free)),
        tally.is_short,
        tuple(_findings(tally, phi_free)),
        read,
        tuple(_left(read.left)) if read else (),
        tuple(_listed(read.noted, False)) if read else (),
        phi_free,
        is_whole,
        verb,
    )


def _by_section(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    made = {section: dict.fromkeys(OUTCOMES, 0) for section, _ in sorted(counts)}
    for (section, outcome), number in counts.items():
        made[section][outcome] = number
    return made


def words_of(counts: Counter[tuple[str, str]], phi_free: bool) -> Iterator[Words]:
    """Words without a code, the most frequent first; if `phi_free`, how many there are of each table."""
    if phi_free:
        by_table: Counter[tuple[str, str]] = Counter()
        for (table, _), number in counts.items():
            by_table[table, ""] += number
        counts = by_table
    for (table, words), number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield Words(table, words, number)


def _findings(tally: Tally, phi_free: bool) -> Iterator[Finding]:
    listed = {name: list(_listed(issues, phi_free)) for name, issues in tally.listed.items()}

    def order(item: tuple[tuple[str, str], int]) -> tuple[int, int, str]:
        (name, severity), number = item
        return _GRAVEST_FIRST.index(severity), -number, name

    for (name, severity), number in sorted(tally.findings.items(), key=order):
        own = tuple((key, issue) for key, issue in listed.get(name, ()) if issue.severity == severity)
        yield Finding(name, severity, number, _place(name, tally.findings.first[name, severity], phi_free), own)


def _listed(issues: Iterable[Issue], phi_free: bool) -> Iterator[tuple[str, Issue]]:
    return ((name, shown_issue(issue, phi_free)) for name, issue in identified(issues))


def _left(left: Mapping[str, Counts[What]]) -> Iterator[Left]:
    for name, kinds in left.items():
        for what, number in kinds.most_first():
            yield Left(name, what.source, what.column, what.reason, number, kinds.first[what], str(what))


def _place(rule_id: str, place: Place, phi_free: bool) -> Place:
    return shown_issue(Issue(rule_id, "", place), phi_free).place
