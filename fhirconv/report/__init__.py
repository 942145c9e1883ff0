"""What people look at: cases, and what became of them, on pages. Needs `fhirconv[report]`.

from fhirconv.report import report_case
Path("report.html").write_text(report_case("case.yaml"), encoding="utf-8")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fhirconv.conversion import Conversion
from fhirconv.document import Document
from fhirconv.issues import FhirconvError
from fhirconv.mapping import DEFAULT_PROFILE, load_mappings
from fhirconv.records import read_records
from fhirconv.source import read_value

__all__ = ["ReportError", "report_case"]

_LIBRARIES = ("jinja2", "vl_convert")


class ReportError(FhirconvError):
    """A page cannot be made: a library is not there, or there is nothing to show."""


def need_libraries() -> None:
    """Raises ReportError, which says what to install, where a library for pages is not there. Imports none of them."""
    lacking = [name for name in _LIBRARIES if find_spec(name) is None]
    if lacking:
        raise ReportError(f"{lacking[0]} is not installed; install it: pip install 'fhirconv[report]'")


def report_case(
    case: str | Path | Mapping[str, Any] | Conversion,
    *,
    profile: str = DEFAULT_PROFILE,
    mappings: str | Path | None = None,
    source: str | Path | None = None,
) -> str:
    """The page of a case, or of a Bundle: a file, the data itself, or what `convert` returned.

    The options are those of `fhirconv.convert`; a Conversion is shown as it was made. A file of several has one page of
    all. Raises ReportError where a library is not there or there is nothing to show (it says why), MappingError and
    ValueError as `convert` does.
    """
    need_libraries()
    from fhirconv.report.cases import converted, reports_of
    from fhirconv.report.page import case_page

    if isinstance(case, Conversion) and case.build is not None:
        return case_page([converted(case, case.build.mappings, case.case.document.title)])
    if isinstance(case, Conversion):  # it has errors, or comes from another process: made again, it is the same
        documents: Iterable[Document] = [replace(case.case.document, issues=[])]
    elif isinstance(case, Mapping):
        documents = [read_value(dict(case))]
    else:
        documents = read_records(Path(case))
    loaded = load_mappings(Path(mappings) if mappings else None, profile)
    found = list(reports_of(documents, loaded, Path(source) if source else None))
    reports = [report for report in found if report.conversion.case.facts]
    if not reports:
        raise ReportError("\n".join(issue.text() for report in found for issue in report.issues) or "there is no case")
    return case_page(reports)
