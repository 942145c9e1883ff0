"""Pages of the readers: which tables they read, and which columns give which fields of case facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fhirconv.mapping_docs.pages import Block, Code, Heading, Link, Page, Paragraph, Words, joined, table
from fhirconv.mapping_docs.reference import Reference
from fhirconv.mapping_docs.wording import field_link
from fhirconv.readers import CODED, find_reader, reader_names
from fhirconv.readers.description import Description, TableRule
from fhirconv.readers.fact_rule import FactRule, Test
from fhirconv.readers.rule import CELL, ROW, Cells, Header, Rule
from fhirconv.readers.table_reader import TableReader


def reader_pages(reference: Reference) -> Iterator[Page]:
    """A page for each reader that is described by a file."""
    for name, title in reader_names(reference.site):
        if name not in CODED:
            reader = find_reader(name, reference.site)
            assert isinstance(reader, TableReader), "the others are code"
            yield Page(f"reader-{name}", f"Reader {name}", tuple(_reader(reference, reader.description, title)))


def _reader(reference: Reference, found: Description, title: str) -> Iterator[Block]:
    name = f"readers/{found.name}"
    yield Paragraph(title)
    yield from reference.remarks(name)
    yield Paragraph(["Files: ", reference.files(name)])
    for one in found.tables:
        yield Heading(2, one.name)
        yield from _table(reference, found, one)


def _table(reference: Reference, found: Description, one: TableRule) -> Iterator[Block]:
    names = joined(map(Code, one.files), " or ")
    key = joined(map(Code, one.key), " and ")
    where = reference.where(f"readers/{found.name}", "tables", one.name)
    yield Paragraph(["Files: ", names, "; the case is told by ", key, "; ", where])
    rows = (row for rule in found.facts if rule.table == one.name for row in _rows(rule))
    yield from table(f"Facts of {one.name}", "Section|Field|From|Of the rows", rows)
    ignored = reference.raw[f"readers/{found.name}"]["tables"][one.name].get("ignore", {})
    unread = ((Code(key), why) for key, why in ignored.items())
    yield from table(f"Columns of {one.name} that are not read", "Column|Why it is not read", unread)


def _rows(rule: FactRule) -> Iterator[tuple[Words, ...]]:
    section = Link(rule.section.name, f"facts-{rule.section.name}")
    which = _which(rule)
    for name, made in _fields(rule.fields.items()):
        yield section, field_link(rule.section.name, name), _from(rule, made), which


def _fields(found: Iterable[tuple[str, Rule]]) -> Iterator[tuple[str, Rule]]:
    """The rules of fields; of an object those of its parts."""
    for name, rule in found:
        if rule.parts:
            yield from ((f"{name}.{part}", one) for part, one in rule.parts.items())
        else:
            yield name, rule


def _from(rule: FactRule, made: Rule) -> Words:
    if made.is_constant:
        found = [made.bind(Header({}, one))(Cells(), []) for one in rule.each.values() or ({},)]
        said = {str(one.get("text", one) if isinstance(one, dict) else one) for one in found}
        return [joined(map(Code, sorted(said)), " or "), ", by the column" if len(said) > 1 else ", always"]
    named = {CELL: "the cell", ROW: "the number of the row"}
    return joined([named.get(one) or Code(one) for one in dict.fromkeys(made.columns)])


def _which(rule: FactRule) -> Words:
    said: list[Words] = [_test(test) for test in rule.where]
    if rule.unless:
        said.append(["not ", joined([_test(test) for test in rule.unless], " and ")])
    if rule.each:
        said.append(["one for each of the columns ", joined(map(Code, rule.each))])
    if rule.split:
        said.append(["one for each part of ", Code(rule.split.column)])
    return joined(said, "; ") if said else "all"


def _test(test: Test) -> Words:
    cell: Words = "the cell" if test.column == CELL else Code(test.column)
    if isinstance(test.wanted, bool):
        return [cell, " says something" if test.wanted else " says nothing"]
    words = {word.casefold(): word for word in sorted(test.wanted, reverse=True)}  # as printed, and folded
    return [cell, " is ", joined(map(Code, sorted(words.values())), " or ")]
