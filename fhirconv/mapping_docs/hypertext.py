"""Pages as HTML, by the template mapping-docs.html: no page asks for anything but the others."""

from __future__ import annotations

from fhirconv.course.parts import anchor
from fhirconv.mapping_docs.pages import Page, inlines
from fhirconv.report.html import render

SUFFIX = ".html"


def written(page: Page) -> str:
    """A page; `kind` tells the template what an inline or a block is."""
    return render("mapping-docs.html", page=page, inlines=inlines, kind=lambda one: type(one).__name__, anchor=anchor)
