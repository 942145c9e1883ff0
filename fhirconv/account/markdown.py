"""The account of a run as Markdown (GitHub's: https://github.github.com/gfm/), for a summary in CI, a ticket, a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhirconv.account.account import Account
from fhirconv.account.tables import MOST_ROWS, Cell, Link, Table, headline, issues_of, tables_of
from fhirconv.issues import printable
from fhirconv.many.tally import MOST_LISTED

_ACTIVE = re.compile(r"[\\`*_\[\]<>#|~&$@]|(?<=www)\.|:(?=//)")  # also what GitHub makes links, names and formulas of


def to_markdown(account: Account) -> str:
    """Headings and tables; whatever the data say, they are text."""
    return "\n".join(_lines(account))


def escaped(text: str) -> str:
    """Data as text of one line."""
    return _ACTIVE.sub(lambda found: "\\" + found.group(), printable(text))


def _lines(account: Account) -> Iterator[str]:
    yield f"# {headline(account)}\n"
    yield from (f"- {escaped(name)}" for name in account.inputs[:MOST_ROWS])
    if len(account.inputs) > MOST_ROWS:
        yield f"- and {len(account.inputs) - MOST_ROWS:,} more"
    if account.phi_free:
        yield "\nWithout patient data: words, values and messages are left out."
    for table in tables_of(account):
        yield f"\n## {table.title}\n"
        yield from _rows(table)
    issues = issues_of(account)
    if issues.rows:
        yield f"\n<details><summary>{issues.title}, at most {MOST_LISTED} of each rule</summary>\n"
        yield from _rows(issues)
        yield "\n</details>"
    yield ""


def _rows(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.names)} |"
    yield f"|{'|'.join('---:' if is_number else '---' for _, is_number in table.columns)}|"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in table.rows[:MOST_ROWS])
    if table.more:
        yield f"\n{table.more:,} more are in the account as JSON."


def _cell(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f"[{escaped(cell.text)}]({cell.url})"
    return f"{cell:,}" if isinstance(cell, int) else escaped(cell)
