"""The account of a run as tables for people: the same in Markdown and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fhirconv.account.account import Account
from fhirconv.ledger import OUTCOMES

MOST_ROWS = 200
"""Rows of a table that are shown; the account as JSON has all."""


class Link(NamedTuple):
    """Words of ours that lead to an address of ours."""

    text: str
    url: str


Cell = str | int | Link


class Table(NamedTuple):
    """A table with its heading; `key` is a name for links."""

    key: str
    title: str
    names: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    @property
    def more(self) -> int:
        """Rows that are not shown."""
        return max(0, len(self.rows) - MOST_ROWS)

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """The names, each with whether numbers stand below it."""
        return [(name, isinstance(cell, int)) for name, cell in zip(self.names, self.rows[0], strict=True)]


def headline(account: Account) -> str:
    """What became of the records, in a sentence."""
    blank = f", {count_of(account.blank, 'blank line')}" if account.blank else ""
    stopped = "" if account.is_whole else "; stopped before the end"
    return f"{count_of(account.records, 'record')}: {account.done:,} {account.verb}, {account.rejected:,} rejected{blank}{stopped}"


def count_of(number: int, name: str) -> str:
    """'1 record', '1,000 records'."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def tables_of(account: Account) -> list[Table]:
    """Those that have rows."""
    made = [
        _table("facts", "Facts", ("section", *OUTCOMES), _facts(account)),
        _table("resources", "Resources", ("type", "number"), account.resources.items()),
        _words(account),
        *_of_reader(account),
        _table("rejected-rows", "Rows of rejected cases", ("file", "rows"), account.rejected_rows.items()),
        _table(
            "rules", "Findings by rule", ("severity", "rule", "what holds", "layer", "number", "first"), _rules(account)
        ),
    ]
    return [table for table in made if table.rows]


def issues_of(account: Account) -> Table:
    """Each finding that is listed."""
    rows = (
        (
            name,
            one.severity,
            one.rule,
            str(one.place),
            f"{one.expression}: {one.message}" if one.expression else one.message,
        )
        for name, one in account.issues()
    )
    return _table("findings", "The findings", ("id", "severity", "rule", "place", "found"), rows)


def _table(key: str, title: str, names: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> Table:
    return Table(key, title, names, list(rows))


def _facts(account: Account) -> Iterator[tuple[Cell, ...]]:
    for section, found in account.facts.items():
        yield section, *(found[outcome] for outcome in OUTCOMES)
    if account.facts:
        yield "all", *account.outcomes.values()


def _words(account: Account) -> Table:
    title = "Words without a code" + " (the most frequent)" * account.words_are_cut
    if account.phi_free:
        return _table("words", title, ("table", "number"), ((one.table, one.number) for one in account.words))
    return _table("words", title, ("table", "words", "number"), account.words)


def _rules(account: Account) -> Iterator[tuple[Cell, ...]]:
    for one in account.findings:
        about = one.about
        name = Link(one.rule, about.url) if about.url else one.rule
        yield one.severity, name, about.title, about.layer, one.number, str(one.first)


def _of_reader(account: Account) -> Iterator[Table]:
    if account.read is None:
        return
    names = ("table", "rows", "made facts", "made none", "without a case")
    tables = account.read.tables.items()
    rows = ((name, one.rows, one.made, one.unused, one.unread) for name, one in tables)
    yield _table("tables", "Tables that were read", names, rows)
    left = ((one.source, one.column, one.reason, one.rule, one.number, str(one.first)) for one in account.left)
    yield _table("left", "What the reader left", ("table or file", "column", "why", "rule", "number", "first"), left)
