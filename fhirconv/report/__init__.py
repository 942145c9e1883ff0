"""What people look at: cases, and what became of them, on pages. Needs `fhirconv[report]`.

from fhirconv.report import report_case
Path("report.html").write_text(report_case("case.yaml"), encoding="utf-8")
"""

from __future__ import annotations

from importlib.util import find_spec

from fhirconv.issues import FhirconvError

_LIBRARIES = ("jinja2", "vl_convert")


class ReportError(FhirconvError):
    """A page cannot be made: a library is not there, or there is nothing to show."""


def need_libraries() -> None:
    """Raises ReportError, which says what to install, where a library for pages is not there. Imports none of them."""
    lacking = [name for name in _LIBRARIES if find_spec(name) is None]
    if lacking:
        raise ReportError(f"{lacking[0]} is not installed; install it: pip install 'fhirconv[report]'")
