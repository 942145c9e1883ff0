"""The mapping reference: pages for who reads the mappings beside those of FHIR, made of what was loaded.

pages.py says what a page is; markdown.py and hypertext.py write it; the others make the pages of one kind each.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from fhirconv.mapping_docs.pages import Page

FORMS = {"html": "hypertext", "md": "markdown"}
"""What can be written, and the module that does."""


def mapping_pages(site: Path | None = None) -> Iterator[Page]:
    """The pages for fhirconv's own mappings with those of the folder `site` laid over them; the first is 'index'.

    Raises MappingError with every mistake.
    """
    from fhirconv.mapping_docs.index import all_pages  # whoever asks for FORMS needs none of it
    from fhirconv.mapping_docs.reference import Reference

    return all_pages(Reference(site))


def files(pages: Iterable[Page], form: str) -> Iterator[tuple[str, bytes]]:
    """The name and content of the file of each page, in one of FORMS."""
    writer = importlib.import_module(f"fhirconv.mapping_docs.{FORMS[form]}")
    for page in pages:
        yield f"{page.name}{writer.SUFFIX}", writer.written(page).encode()
