"""Inputs into pools: which resources may refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fhirconv.document import Document

_PAGES = ("searchset", "history")


def pools(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Each Bundle by itself, as soon as it is read; in the end all that are pages of one answer, or single resources."""
    together: list[Document] = []
    for document in documents:
        data = document.data
        is_whole = isinstance(data, dict) and data.get("resourceType") == "Bundle" and data.get("type") not in _PAGES
        if is_whole:
            yield [document]
        else:
            together.append(document)
    if together:
        yield together
