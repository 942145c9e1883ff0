"""The account of a run as a page."""

from __future__ import annotations

from fhirconv.many.tally import MOST_LISTED
from fhirconv.report import need_libraries
from fhirconv.report.account import Account
from fhirconv.report.run_tables import MOST_ROWS, headline, issues_of, tables_of


def run_page(account: Account, draft: str = "") -> str:
    """HTML; with `draft`, the beginning of mappings for the words without a code. Raises ReportError without the libraries."""
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
