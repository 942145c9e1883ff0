"""The first page: what there is, and how much."""

from __future__ import annotations

from collections.abc import Iterator

from fhirconv.mapping_docs.concepts import concept_pages
from fhirconv.mapping_docs.facts import fact_pages, introduction
from fhirconv.mapping_docs.pages import Block, Bullets, Heading, Link, Page, Paragraph, Words, joined, table
from fhirconv.mapping_docs.readers import reader_pages
from fhirconv.mapping_docs.reference import Reference, mapping_link
from fhirconv.mapping_docs.resources import facts_of, profile_pages, resource_pages
from fhirconv.mapping_docs.tables import table_pages
from fhirconv.readers import CODED

_ABOUT = (
    "How case facts become FHIR R4: which element is made of which field, by which rule and with which codes. These pages are "
    "made of the mappings as they were loaded and checked, and say nothing that does not stand there."
)


def all_pages(reference: Reference) -> Iterator[Page]:
    """The index, then every other page."""
    further = [*profile_pages(reference)], [*table_pages(reference)], [*reader_pages(reference)]
    yield Page("index", "Mapping reference", tuple(_index(reference, *further)))
    yield from resource_pages(reference)
    yield from fact_pages(reference)
    yield from concept_pages(reference)
    for pages in further:
        yield from pages


def _index(reference: Reference, profiles: list[Page], tables: list[Page], readers: list[Page]) -> Iterator[Block]:
    yield Paragraph(_ABOUT)
    if reference.site:
        yield Paragraph(
            "A site's own mappings are laid over those of fhirconv; what comes from them is marked (yours)."
        )
    yield from table("Counts", "Profile|Mappings|Element rules|Concepts", _counts(reference))
    yield Heading(2, "Resources")
    rows = (
        (one.resource, mapping_link(one), facts_of(one), joined([claim.link for claim in reference.claims_of(one)]))
        for one in sorted(reference.mappings.resources, key=lambda one: (one.resource, one.name))
    )
    yield from table("Resources", "FHIR type|Mapping|Made of|Profiles", rows)
    yield Heading(2, "Case facts")
    sections = reference.mappings.tables.sections
    yield from table(
        "Case facts",
        "Section|What stands there",
        ((Link(name, f"facts-{name}"), introduction(name)) for name in sections),
    )
    yield Bullets((Link("Kinds of values", "values"),))
    yield Heading(2, "Concept tables")
    concepts = sorted(reference.mappings.tables.concepts.items())
    by_table = (
        (Link(name, f"table-{name}"), str(len(one.concepts)), joined(reference.users.get(name, ())))
        for name, one in concepts
    )
    yield from table("Concept tables", "Table|Concepts|Looked up by", by_table)
    yield Bullets((Link("All words", "words"),))
    yield Heading(2, "Profiles")
    yield _links(profiles)
    yield Heading(2, "Further tables")
    yield _links(tables)
    yield Heading(2, "Readers")
    yield _links(readers)
    yield Bullets(tuple(f"{name}: {title} (by code, not by a mapping)" for name, (_, title) in CODED.items()))


def _counts(reference: Reference) -> Iterator[tuple[Words, ...]]:
    for name, loaded in reference.profiles.items():
        rules = sum(len(mapping.rules) for mapping in loaded.resources)
        concepts = sum(len(one.concepts) for one in loaded.tables.concepts.values())
        yield name, str(len(loaded.resources)), str(rules), str(concepts)


def _links(pages: list[Page]) -> Bullets:
    return Bullets(tuple(Link(page.title, page.name) for page in pages))
