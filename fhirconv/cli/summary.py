"""The summary of a run over many cases, for people: counts that add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fhirconv.account.account import Words, words_of
from fhirconv.issues import printable
from fhirconv.ledger import OUTCOMES, by_outcome
from fhirconv.many.tally import Tally

_MOST_WORDS = 10


def summarize(tally: Tally, is_read: bool, verbose: bool, phi_free: bool = False) -> Iterator[str]:
    """Its lines: records, facts, resources (not where cases are only read), words without codes, findings by rule.

    Of the words the most frequent; all when `verbose`, and none when `phi_free`, only how many each table has.
    """
    yield from counted(tally, "read" if is_read else "converted")
    if not is_read:
        yield f"{_number(tally.resources.total(), 'resource')}{_counts(tally.resources, sorted(tally.resources))}"
    if tally.words:
        words = list(words_of(tally.words, phi_free))
        most = len(words) if verbose else min(len(words), _MOST_WORDS)
        rest = f", the {most} most frequent of {'more than ' if tally.is_short else ''}{len(words):,}; -v lists them"
        yield f"kept as text (no code in mappings/concepts){rest if len(words) > most else ''}:"
        yield from map(_words, words[:most])
    if tally.findings:
        yield "findings by rule:"
        for (rule, severity), number in sorted(tally.findings.items(), key=lambda item: (-item[1], item[0])):
            first = str(tally.findings.first[rule, severity])
            yield f"  {severity} [{rule}] {number:,}x{f', first at {first}' if first else ''}"


def counted(tally: Tally, done: str) -> Iterator[str]:
    """The lines of its records and facts."""
    blank = f"; {_number(tally.blank, 'blank line')}" if tally.blank else ""
    yield f"{_number(tally.records, 'record')}: {tally.converted:,} {done}, {tally.rejected:,} rejected{blank}"
    if tally.rejected_rows:
        files = sorted(tally.rejected_rows)
        yield f"rows of rejected cases: {', '.join(f'{tally.rejected_rows[file]:,} in {printable(file)}' for file in files)}"
    yield f"{_number(tally.facts.total(), 'fact')}{_counts(by_outcome(tally.facts), OUTCOMES)}"


def _words(one: Words) -> str:
    return f"  {one.table}: " + (f"'{printable(one.words)}' ({one.number:,}x)" if one.words else f"{one.number:,}x")


def _counts(counts: Mapping[str, int], names: Iterable[str]) -> str:
    counted = ", ".join(f"{counts[name]:,} {name}" for name in names if counts[name])
    return counted and f": {counted}"


def _number(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
