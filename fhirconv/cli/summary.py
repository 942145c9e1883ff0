"""The summary of a run over many cases: counts that add up, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from fhirconv.cli.outputs import write_to
from fhirconv.issues import printable
from fhirconv.ledger import OUTCOMES, by_outcome
from fhirconv.many.tally import Tally

if TYPE_CHECKING:
    from fhirconv.readers import Report

_MOST_WORDS = 10


def summarize(tally: Tally, is_read: bool, verbose: bool) -> Iterator[str]:
    """Its lines: records, facts, resources (not where cases are only read), words without codes, findings by rule.

    Of the words the most frequent; all when `verbose`.
    """
    blank = f"; {_number(tally.blank, 'blank line')}" if tally.blank else ""
    done = "read" if is_read else "converted"
    yield f"{_number(tally.records, 'record')}: {tally.converted:,} {done}, {tally.rejected:,} rejected{blank}"
    if tally.rejected_rows:
        files = sorted(tally.rejected_rows)
        yield f"rows of rejected cases: {', '.join(f'{tally.rejected_rows[file]:,} in {printable(file)}' for file in files)}"
    yield f"{_number(tally.facts.total(), 'fact')}: {_counts(by_outcome(tally.facts), OUTCOMES)}"
    if not is_read:
        yield f"{_number(tally.resources.total(), 'resource')}: {_counts(tally.resources, sorted(tally.resources))}"
    if tally.words:
        most = len(tally.words) if verbose else min(len(tally.words), _MOST_WORDS)
        rest = (
            f", the {most} most frequent of {'more than ' if tally.is_short else ''}{len(tally.words):,}; -v lists them"
        )
        yield f"kept as text (no code in mappings/concepts){rest if len(tally.words) > most else ''}:"
        for (table, words), number in _words(tally)[:most]:
            yield f"  {table}: '{printable(words)}' ({number:,}x)"
    if tally.findings:
        yield "findings by rule:"
        for (rule, severity), number in sorted(tally.findings.items(), key=lambda item: (-item[1], item[0])):
            first = str(tally.findings.first[rule, severity])
            yield f"  {severity} [{rule}] {number:,}x{f', first at {first}' if first else ''}"


def write_report(path: Path, tally: Tally, read: Report | None) -> str:
    """Writes the summary with nothing left out, and what a reader read and left, as JSON; returns why it could not."""
    made: dict[str, Any] = {
        "records": {"all": tally.records, "done": tally.converted, "rejected": tally.rejected},
        "rejected_rows": {printable(file): count for file, count in tally.rejected_rows.items()},
        "facts": by_outcome(tally.facts),
        "resources": tally.resources,
        "kept_as_text": [
            {"table": table, "words": printable(words), "count": number} for (table, words), number in _words(tally)
        ],
        "findings": [
            {
                "rule": rule,
                "severity": severity,
                "count": number,
                "first": printable(str(tally.findings.first[rule, severity])),
            }
            for (rule, severity), number in sorted(tally.findings.items())
        ],
    }
    if read is not None:
        made["read"] = read.as_dict()
    return write_to(
        path, orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS)
    )


def _words(tally: Tally) -> list[tuple[tuple[str, str], int]]:
    """The words that are kept as text, each with its table, the most frequent first."""
    return sorted(tally.words.items(), key=lambda item: (-item[1], item[0]))


def _counts(counts: Mapping[str, int], names: Iterable[str]) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in names if counts[name]) or "none"


def _number(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
