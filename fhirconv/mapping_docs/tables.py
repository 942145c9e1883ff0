"""Pages of the further tables: units, systems, limits, servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fhirconv.mapping_docs.pages import Block, Code, Heading, Page, Words, joined, table
from fhirconv.mapping_docs.reference import Reference
from fhirconv.values.writing import listed

Blocks = Callable[[Reference, Mapping[str, Any]], Iterator[Block]]


def table_pages(reference: Reference) -> Iterator[Page]:
    """A page for each of the files, if it is there."""
    for name, (title, blocks) in PAGES.items():
        raw = reference.raw.get(name)
        if raw:
            yield Page(name, title, (*reference.remarks(name), *blocks(reference, raw)))


def _units(reference: Reference, raw: Mapping[str, Any]) -> Iterator[Block]:
    rows = (
        (Code(code), joined(map(Code, entry.get("spellings", ()))), reference.where("units", code))
        for code, entry in raw.items()
    )
    yield from table("Units", "UCUM code|Also printed as|Line", rows)


def _systems(reference: Reference, raw: Mapping[str, Any]) -> Iterator[Block]:
    for key, title in (("code", "Code systems"), ("identifier", "Identifier systems")):
        yield Heading(2, title)
        rows = (
            (Code(name), Code(uri), reference.where("systems", key, name)) for name, uri in raw.get(key, {}).items()
        )
        yield from table(title, "Name in the mappings|URI in FHIR|Line", rows)


def _entries(name: str) -> Blocks:
    """A heading for each table of a file, and what it says."""

    def blocks(reference: Reference, raw: Mapping[str, Any]) -> Iterator[Block]:
        for key, entries in raw.items():
            yield Heading(2, key)
            rows = (
                (Code(" ".join(one)), _said(value), reference.where(name, key, *one)) for one, value in _leaves(entries)
            )
            yield from table(key, "Entry|Says|Line", rows)

    return blocks


def _leaves(entries: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What the tables within a table say: a limit, which is a table too, or words."""
    for key, value in entries.items():
        if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
            yield from (((key, *inner), leaf) for inner, leaf in _leaves(value))
        else:
            yield (key,), value


def _said(value: Any) -> Words:
    if isinstance(value, dict):
        return joined([[f"{key} ", _said(part)] for key, part in value.items()], " ")
    return joined([Code(str(one).lower() if isinstance(one, bool) else str(one)) for one in listed(value)])


PAGES: dict[str, tuple[str, Blocks]] = {
    "units": ("Units", _units),
    "systems": ("Systems", _systems),
    "plausibility": ("Limits of what is plausible", _entries("plausibility")),
    "servers": ("Servers", _entries("servers")),
}
"""The files by the names of their pages."""
