"""The account of a run as a page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fhirconv.account.account import Account
from fhirconv.account.tables import MOST_ROWS, headline, issues_of, tables_of
from fhirconv.many.tally import MOST_LISTED
from fhirconv.report import need_libraries


def run_page(account: Account, draft: Mapping[str, str] = MappingProxyType({})) -> str:
    """HTML; with `draft`, as `drafts_of` makes it. Raises ReportError where a library is not there."""
    need_libraries()
    from fhirconv.report.html import render

    return render(
        "run.html",
        account=account,
        headline=headline(account),
        tables=tables_of(account),
        issues=issues_of(account),
        most_rows=MOST_ROWS,
        most_listed=MOST_LISTED,
        draft=draft,
    )
