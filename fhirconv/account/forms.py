"""The account of a run in each of its forms."""

from __future__ import annotations

from typing import Any

import orjson

from fhirconv import __version__
from fhirconv.account.account import Account
from fhirconv.issues import Issue, printable
from fhirconv.many.tally import MOST_LISTED
from fhirconv.reports import as_object, to_sarif

FORMS = ("md", "json", "html", "sarif")
"""The forms, each also the ending of its files."""


def rendered(account: Account, form: str) -> bytes:
    """The account in one of FORMS (UTF-8). Raises ReportError where a page needs a library that is not there."""
    if form == "json":
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS
        return orjson.dumps(as_data(account), option=options)
    if form == "sarif":
        return orjson.dumps(_sarif(account), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if form == "md":
        from fhirconv.account.markdown import to_markdown

        return to_markdown(account).encode()
    from fhirconv.account.page import run_page

    return run_page(account).encode()


def as_data(account: Account) -> dict[str, Any]:
    """The account as JSON data, with nothing left out but what `phi_free` says and findings beyond MOST_LISTED."""
    made: dict[str, Any] = {
        "inputs": [printable(name) for name in account.inputs],
        "phi_free": account.phi_free,
        "is_whole": account.is_whole,
        "records": {"all": account.records, "done": account.done, "rejected": account.rejected, "blank": account.blank},
        "rejected_rows": {printable(file): count for file, count in account.rejected_rows.items()},
        "facts": account.outcomes,
        "facts_by_section": account.facts,
        "resources": account.resources,
        "kept_as_text": [
            {"table": one.table} | ({"words": printable(one.words)} if one.words else {}) | {"count": one.number}
            for one in account.words
        ],
        "kept_as_text_is_cut": account.words_are_cut,
        "findings": [
            {
                "rule": one.rule,
                "severity": one.severity,
                "title": one.about.title,
                "layer": one.about.layer,
                "count": one.number,
                "first": printable(str(one.first)),
            }
            for one in sorted(account.findings)
        ],
        "issues": [as_object(name, issue) for name, issue in account.issues()],
        "issues_of_a_rule_at_most": MOST_LISTED,
    }
    if account.read is not None:
        made["read"] = account.read.as_dict() | {"left": _left(account)}
    return made


def _left(account: Account) -> dict[str, list[dict[str, Any]]]:
    made: dict[str, list[dict[str, Any]]] = {}
    for one in account.left:
        entry = {"what": one.what, "table": one.source, "column": one.column, "reason": one.reason}
        entry = {key: printable(value) for key, value in entry.items() if value}
        made.setdefault(one.rule, []).append(entry | {"count": one.number, "first": printable(str(one.first))})
    return made


def _sarif(account: Account) -> dict[str, Any]:
    """A log with the findings that are listed, and what a reader left; how many there are in all stands beside the results."""
    left = [Issue(one.rule, f"{one.what} ({one.number:,}x)", one.first) for one in account.left]
    warned = [issue for issue in left if issue.severity != "information"]
    log = to_sarif([*(issue for _, issue in account.issues()), *warned], __version__)
    log["runs"][0]["properties"] = {
        "records": account.records,
        "rejected": account.rejected,
        "findings": {f"{one.severity} {one.rule}": one.number for one in account.findings},
    }
    return log
