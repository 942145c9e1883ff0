"""Pages of the concept tables, and the index of all words."""

from __future__ import annotations

from collections.abc import Iterator

from fhirconv.facts import fold
from fhirconv.mapping_docs.pages import Block, Bullets, Code, Heading, Link, Page, Paragraph, Words, joined, table
from fhirconv.mapping_docs.reference import Reference
from fhirconv.terminology import Concept, ConceptTable


def concept_pages(reference: Reference) -> Iterator[Page]:
    """A page for each table, and the index."""
    tables = sorted(reference.mappings.tables.concepts.items())
    for name, found in tables:
        yield Page(f"table-{name}", f"Concepts: {name}", tuple(_table(reference, found)))
    rows = [row for name, found in tables for row in _words(reference, found)]
    by_word = sorted(rows, key=lambda row: (fold(row[0]), row[0], row[1].page))
    note = (
        "Words are compared without regard to case, width of letters, and blanks. A word means one concept of a table."
    )
    blocks = [Paragraph(note), *table("Words", "Word|Concept|Table", by_word)]
    yield Page("words", "All words", tuple(blocks))


def _table(reference: Reference, found: ConceptTable) -> Iterator[Block]:
    yield from reference.remarks(f"concepts/{found.name}")
    yield Paragraph(["Looked up by: ", joined(reference.users.get(found.name, ())) or "rules that carry a side"])
    for concept in found.concepts.values():
        yield Heading(2, concept.key)
        yield from _concept(reference, found, concept)


def _concept(reference: Reference, found: ConceptTable, concept: Concept) -> Iterator[Block]:
    name = f"concepts/{found.name}"
    entry = reference.raw[name][concept.key]
    facts: list[Words] = [
        ["Text: ", concept.text],
        ["Found by: ", joined(map(Code, _spellings(reference, found, concept)))],
    ]
    if concept.units:
        facts.append(["Codes hold for the units: ", joined(map(Code, entry["units"]))])
    facts.append(["File: ", reference.where(name, concept.key)])
    if not concept.codings:
        facts.append("Goes out as text, on purpose" if concept.is_text else "No verified code: goes out as text")
    yield Bullets(tuple(facts))
    rows = (
        (Link(one["system"], "systems"), Code(one["code"]), one.get("display", ""), one["verified"])
        for one in entry.get("codings", ())
    )
    yield from table(f"Codes of {concept.key}", "System|Code|Display|Verified in", rows)


def _spellings(reference: Reference, found: ConceptTable, concept: Concept) -> list[str]:
    """The words that find a concept, each once however it is written."""
    entry = reference.raw[f"concepts/{found.name}"][concept.key]
    words = concept.text, concept.key.replace("-", " "), *entry.get("also", ())
    return list({fold(word): word for word in reversed(words)}.values())[::-1]


def _words(reference: Reference, found: ConceptTable) -> Iterator[tuple[str, Link, Link]]:
    page = f"table-{found.name}"
    for concept in found.concepts.values():
        for word in _spellings(reference, found, concept):
            yield word, Link(concept.text, page, concept.key), Link(found.name, page)
