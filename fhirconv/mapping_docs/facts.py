"""Pages of the case facts: each field, as the schema describes it, and the elements that it feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.mapping import ANY_SECTION
from fhirconv.mapping.plans import naming_fields
from fhirconv.mapping_docs.pages import Block, Bullets, Code, Heading, Link, Page, Paragraph, Words, joined
from fhirconv.mapping_docs.reference import Reference, mapping_link
from fhirconv.schema import Field, Section, case_schema, resolve


class Described(NamedTuple):
    """What the schema says of a field: the definition of its values ('' for none) and the description."""

    kind: str
    description: str


def fact_pages(reference: Reference) -> Iterator[Page]:
    """A page for each section, and one for the kinds of values that they share."""
    sections = case_schema().sections
    kinds = set()
    for section in sections.values():
        described = {name: describe(section, field) for name, field in section.fields.items()}
        kinds |= {one.kind for one in described.values()}
        yield Page(
            f"facts-{section.name}", f"Case facts: {section.name}", tuple(_section(reference, section, described))
        )
    yield Page("values", "Kinds of values", tuple(_kinds(kinds)))


def describe(section: Section, field: Field) -> Described:
    """What the schema says of a field of a section."""
    schema = case_schema().schema
    kind, node = "", schema["properties"][section.name]
    _, node = resolve(schema, node["items"] if section.is_list else node)
    for step in field.path:
        kind, node = resolve(schema, node["properties"][step])
    if not kind and "items" in node:
        kind, _ = resolve(schema, node["items"])
    return Described(kind, node.get("description", ""))


def introduction(name: str) -> str:
    """What the schema says of a section."""
    schema = case_schema().schema
    node = schema["properties"][name]
    return str(resolve(schema, node)[1].get("description", ""))


def _section(reference: Reference, section: Section, described: Mapping[str, Described]) -> Iterator[Block]:
    yield Paragraph(introduction(section.name))
    made = [mapping_link(one, f"{one.resource} ({one.name})") for one in reference.mappings.by_section[section.name]]
    facts: list[Words] = [["Becomes: ", joined(made)]]
    if section.identity:
        facts.append(["What makes it this fact and no other, if it has no id: ", joined(map(Code, section.identity))])
    yield Bullets(tuple(facts))
    for name, field in section.fields.items():
        yield Heading(2, name)
        if described[name].description:
            yield Paragraph(described[name].description)
        yield Bullets(tuple(_field(reference, section, field, described[name].kind)))


def _field(reference: Reference, section: Section, field: Field, kind: str) -> Iterator[Words]:
    what: Words = Link(kind, "values", kind) if kind else "one of the choices" if field.choices else Code(field.kind)
    what = "the id of a fact" if field.refers else what
    needed = ", required" if field.path[0] in section.required and len(field.path) == 1 else ""
    yield ["Holds: ", "a list, each " if field.is_list else "", what, needed]
    if field.choices:
        yield ["Choices: ", joined(map(Code, field.choices))]
    if field.refers:
        yield ["Names a fact of: ", joined([Link(name, f"facts-{name}") for name in field.refers])]
    fed = reference.fed.get((section.name, field.name)) or reference.fed.get((ANY_SECTION, field.name))
    yield ["Feeds: ", joined(fed) if fed else _unfed(reference, section, field)]


def _unfed(reference: Reference, section: Section, field: Field) -> Words:
    """What becomes of a field that no element is made of."""
    for mapping in reference.mappings.by_section[section.name]:
        raw = reference.raw[f"resources/{mapping.name}"]
        for key, words in (("narrative_only", "only the narrative"), ("left_out", "nothing")):
            if field.path[0] in raw.get(key, {}):
                return [words, " of ", mapping_link(mapping), ": ", raw[key][field.path[0]]]
    if field.name in naming_fields(section.name):
        return "no element: it is what other facts name it by, and part of the identity"
    if field.name == "origin":
        return "only the narrative, and the report"
    deciding = [mapping_link(one) for one in reference.mappings.by_section[section.name] if field.name in one.only]
    return ["no element: it decides about ", joined(deciding)] if deciding else "no element of its own"


def _kinds(used: set[str]) -> Iterator[Block]:
    schema = case_schema().schema
    for name in sorted(used - {""}):
        _, node = resolve(schema, schema["$defs"][name])
        yield Heading(2, name)
        yield Paragraph(node.get("description") or node["title"].capitalize())
        choices = node.get("enum", ())
        if choices:
            yield Paragraph(["Choices: ", joined([Code(str(one)) for one in choices])])
        parts = [(key, part) for key, part in node.get("properties", {}).items()]
        if parts:
            yield Bullets(tuple([Code(key), _part(schema, part)] for key, part in parts))


def _part(schema: dict[str, Any], node: dict[str, Any]) -> Words:
    _, found = resolve(schema, node)
    said = found.get("description", "")
    choices = found.get("enum", ())
    return [f": {said}" if said else "", [" Choices: ", joined([Code(str(one)) for one in choices])] if choices else ""]
