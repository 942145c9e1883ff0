"""The ledger: what became of every fact. Facts in = facts out, or the run fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fhirconv.build import Build, Entry
from fhirconv.facts import Case, Fact, merged_into
from fhirconv.issues import Place

CONVERTED, KEPT_AS_TEXT, MERGED, REJECTED = OUTCOMES = ("converted", "kept as text", "merged", "rejected")


class Line(NamedTuple):
    """One fact's line: `resources` as Type/id, `reason` why it is not simply converted, `remarks` on parts of it.

    `origin` says where a program read a fact that was converted.
    """

    fact: str
    place: Place
    outcome: str
    resources: tuple[str, ...] = ()
    reason: str = ""
    remarks: tuple[str, ...] = ()
    origin: str = ""


@dataclass(slots=True)
class Ledger:
    """Every fact of the case, in the order of the file."""

    lines: list[Line] = field(default_factory=list)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def counts(self) -> dict[str, int]:
        """Number of facts by outcome; every outcome is there."""
        return by_outcome(self.by_section())

    def by_section(self) -> Counter[tuple[str, str]]:
        """Number of facts by section and outcome."""
        return Counter((line.fact.partition("/")[0], line.outcome) for line in self.lines)


def by_outcome(counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Numbers by section and outcome added up to those by outcome; every outcome is there."""
    made = dict.fromkeys(OUTCOMES, 0)
    for (_, outcome), number in counts.items():
        made[outcome] += number
    return made


def rejected(case: Case) -> Ledger:
    """The ledger of a case that makes no Bundle: each fact with its own error, or held back for the others'."""
    errors: dict[str, str] = {}
    for issue in case.issues:
        if issue.is_error:
            errors.setdefault("/".join(issue.place.pointer.split("/")[:3]), issue.rule)
    lines = []
    for fact in case.facts:
        own = errors.get(fact.pointer)
        reason = f"error [{own}]" if own else "held back: other facts of the case have errors"
        lines.append(Line(fact.identity, case.place(fact), REJECTED, reason=reason))
    return Ledger(lines)


def settled(case: Case, build: Build) -> Ledger:
    """The ledger of a converted case."""
    words: dict[str, list[tuple[str, str]]] = {}
    for kept in build.kept_as_text:
        words.setdefault(kept.fact.identity, []).append(
            (kept.table, f"{kept.field}: no code for '{kept.words}' in concepts/{kept.table}")
        )
    return Ledger([_line(case, build, fact, words.get(fact.identity, [])) for fact in case.facts])


def count_settled(case: Case, build: Build) -> Counter[tuple[str, str]]:
    """What `settled(case, build).by_section()` says, without making its lines."""
    others = {one.fact: KEPT_AS_TEXT for one in build.kept_as_text if one.table in _about(build.entries_of(one.fact))}
    others |= {fact: MERGED for fact in case.facts_of("events") if merged_into(case, fact) is not None}
    counts = Counter({(name, CONVERTED): len(facts) for name, facts in case.by_section.items()})
    for fact, outcome in others.items():
        counts[fact.section.name, CONVERTED] -= 1
        counts[fact.section.name, outcome] += 1
    return +counts if others else counts  # without those that came to 0


def _about(entries: Sequence[Entry]) -> set[str]:
    """The tables for what the fact of these resources is about."""
    return {entry.mapping.about_table for entry in entries if entry.mapping.about}


def _line(case: Case, build: Build, fact: Fact, words: list[tuple[str, str]]) -> Line:
    entries = build.entries_of(fact)
    place = case.place(fact)
    target = merged_into(case, fact)
    if target is not None:  # `entries` holds the Provenance of the event's quotes, if it has any
        made = _names((*build.entries_of(target)[:1], *entries))
        return Line(fact.identity, place, MERGED, made, f"is a time of {target.identity}", origin=fact.origin)
    about = _about(entries)
    reasons = tuple(dict.fromkeys(text for table, text in words if table in about))
    remarks = tuple(dict.fromkeys(text for table, text in words if table not in about))
    outcome = KEPT_AS_TEXT if reasons else CONVERTED
    return Line(fact.identity, place, outcome, _names(entries), "; ".join(reasons), remarks, fact.origin)


def _names(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(f"{entry.mapping.resource}/{entry.id}" for entry in entries)
