"""Pages of the resource mappings, and of what profiles make of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fhirconv.mapping import ANY_SECTION, ResourceMapping
from fhirconv.mapping_docs.pages import Block, Bullets, Code, Heading, Link, Page, Paragraph, Words, joined, table
from fhirconv.mapping_docs.reference import Claim, Reference, mapping_link, only_in_words
from fhirconv.mapping_docs.wording import Row, field_link
from fhirconv.r4 import Element

_EVERY = (
    "Besides, each resource has an id and an identifier or tag made of the case and the fact, the tag of its case, and a "
    "narrative that tells the fact in words."
)


def resource_pages(reference: Reference) -> Iterator[Page]:
    """A page for each mapping."""
    for mapping in reference.mappings.resources:
        blocks = (*_about(reference, mapping), *_elements(reference, mapping), *_unmapped(reference, mapping))
        yield Page(f"resource-{mapping.name}", f"{mapping.resource}: {mapping.name}", blocks)


def facts_of(mapping: ResourceMapping) -> Words:
    """The facts that a mapping is for."""
    if mapping.section == ANY_SECTION:
        return ["facts of every kind, ", only_in_words(mapping.only, mapping.section)]
    return [Link(mapping.section, f"facts-{mapping.section}"), ": ", only_in_words(mapping.only, mapping.section)]


def _about(reference: Reference, mapping: ResourceMapping) -> Iterator[Block]:
    name = f"resources/{mapping.name}"
    raw = reference.raw[name]
    yield from reference.remarks(name)
    facts: list[Words] = [
        ["Made of: ", facts_of(mapping)],
        ["FHIR R4: ", Link(mapping.resource, url=raw["spec"]) if "spec" in raw else Code(mapping.resource)],
        ["Files: ", reference.files(name)],
    ]
    if mapping.role:
        facts.append(["A further resource of the fact, as its ", Code(mapping.role)])
    if mapping.about:
        facts.append(["What the fact is about stands in ", Code(mapping.about)])
    claims = [claim.link for claim in reference.claims_of(mapping)]
    if claims:
        facts.append(["What profiles make of it, the first that fits: ", joined(claims)])
    yield Bullets(tuple(facts))


def _elements(reference: Reference, mapping: ResourceMapping) -> Iterator[Block]:
    yield Heading(2, "Elements")
    yield Paragraph(_EVERY)
    claims, name = reference.claims_of(mapping), f"resources/{mapping.name}"
    rows = (
        (*_cells(mapping, row), joined(_said_of(claims, row)), reference.where(name, "elements", _key(row)))
        for row in reference.rows[mapping.name]
    )
    yield from table("Elements", "Element|How many|Type|What it holds|Profiles|Line", rows)


def _cells(mapping: ResourceMapping, row: Row) -> tuple[Words, Words, Words, Words]:
    return _path(mapping, row.path), _count(row.element), joined(map(Code, row.element.types)), row.words


def _path(mapping: ResourceMapping, path: str) -> Words:
    """The path; of an element of the resource itself with a link to its definition."""
    if "." in path:
        return Code(path)
    at = f"{mapping.resource}.{path.replace('[x]', '_x_')}"
    return Link(path, url=f"https://hl7.org/fhir/R4/{mapping.resource.lower()}-definitions.html#{at}")


def _key(row: Row) -> str:
    """The key under [elements] that the row is of: the path up to its first part and number."""
    return row.path.partition(".")[0].partition(" ")[0]


def _count(element: Element) -> str:
    return f"{element.min}..{'*' if element.repeats else '1'}"


def _said_of(claims: Iterable[Claim], row: Row) -> Iterator[Words]:
    """What claims say of an element."""
    name = row.path.removesuffix("[x]")
    for claim in claims:
        if row.path in claim.raw.get("elements", {}):
            yield [claim.link, " fills it otherwise"]
        if name in {one.partition(".")[0] for need in claim.raw.get("needs", ()) for one in need.split("|")}:
            yield [claim.link, " needs it"]
        if {row.element.key(kind) for kind in row.element.types} & set(
            claim.raw.get("excludes", ())
        ) and "." not in row.path:
            yield [claim.link, " holds only without ", joined(map(Code, claim.raw["excludes"]))]


def _unmapped(reference: Reference, mapping: ResourceMapping) -> Iterator[Block]:
    raw = reference.raw[f"resources/{mapping.name}"]
    for key, title in (("narrative_only", "Only told in words"), ("left_out", "Left out on purpose")):
        reasons = raw.get(key, {})
        if reasons:
            yield Heading(2, title)
            yield from table(
                title, "Field|Why", ((field_link(mapping.section, one), why) for one, why in reasons.items())
            )


def profile_pages(reference: Reference) -> Iterator[Page]:
    """A page for each profile that is more than base R4."""
    by_name = {mapping.name: mapping for mapping in reference.mappings.resources}
    for profile in reference.profiles:
        if f"profiles/{profile}" not in reference.raw:
            continue
        blocks: list[Block] = [*reference.remarks(f"profiles/{profile}")]
        for claim in reference.claims:
            if claim.profile == profile:
                blocks += _claim(reference, claim, by_name[claim.mapping])
        yield Page(f"profile-{profile}", f"Profile {profile}", tuple(blocks))


def _claim(reference: Reference, claim: Claim, mapping: ResourceMapping) -> Iterator[Block]:
    raw = claim.raw
    yield Heading(2, claim.name)
    facts: list[Words] = [
        ["Profile: ", Code(raw["url"])],
        ["Made of: ", mapping_link(mapping), ", ", only_in_words(raw.get("only", {}), mapping.section)],
        ["File: ", reference.where(f"profiles/{claim.profile}", claim.name)],
    ]
    if "about" in raw:
        concepts = [Link(key, f"table-{mapping.about_table}", key) for key in raw["about"]]
        facts.append(["Only what is about one of: ", joined(concepts)])
    for key, words in (("needs", "Must have: "), ("excludes", "Must not have: ")):
        if raw.get(key):
            facts.append([words, joined([Code(one.replace("|", " or ")) for one in raw[key]])])
    for field, names in raw.get("requires", {}).items():
        whose: Words = "the patient" if field == "@patient" else ["what ", field_link(mapping.section, field), " names"]
        links = [Link(name, f"profile-{claim.profile}", name) for name in names]
        facts.append(["Requires that ", whose, " claims: ", joined(links, " or ")])
    yield Bullets(tuple(facts))
    rows = (_cells(mapping, row) for row in claim.rows)
    yield from table(f"Elements of {claim.name} that differ", "Element that differs|How many|Type|What it holds", rows)
