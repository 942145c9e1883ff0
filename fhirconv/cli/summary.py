"""The summary of a run over many cases: counts that add up."""

from __future__ import annotations

from collections.abc import Iterator

from fhirconv.issues import printable
from fhirconv.ledger import OUTCOMES
from fhirconv.many.tally import Tally

_MOST_WORDS = 10


def summarize(tally: Tally, verbose: bool = False) -> Iterator[str]:
    """Its lines: records, facts, resources, words without codes (the most frequent; all when `verbose`), findings by rule."""
    blank = f"; {_number(tally.blank, 'blank line')}" if tally.blank else ""
    yield f"{_number(tally.records, 'record')}: {tally.converted:,} converted, {tally.rejected:,} rejected{blank}"
    facts = ", ".join(f"{tally.facts[outcome]:,} {outcome}" for outcome in OUTCOMES if tally.facts[outcome])
    yield f"{_number(tally.facts.total(), 'fact')}: {facts or 'none'}"
    resources = ", ".join(f"{number:,} {name}" for name, number in sorted(tally.resources.items()))
    yield f"{_number(tally.resources.total(), 'resource')}: {resources or 'none'}"
    if tally.words:
        most = len(tally.words) if verbose else min(len(tally.words), _MOST_WORDS)
        rest = f", the {most} most frequent of {'more than ' if tally.is_short else ''}{len(tally.words):,}; -v lists them"
        yield f"kept as text (no code in mappings/concepts){rest if len(tally.words) > most else ''}:"
        for (table, words), number in sorted(tally.words.items(), key=lambda item: (-item[1], item[0]))[:most]:
            yield f"  {table}: '{printable(words)}' ({number:,}x)"
    if tally.findings:
        yield "findings by rule:"
        for rule, found in sorted(tally.findings.items(), key=lambda item: (-item[1].number, item[0])):
            first = f", first at {found.first}" if found.first else ""
            yield f"  {found.severity} [{rule}] {found.number:,}x{first}"


def _number(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
