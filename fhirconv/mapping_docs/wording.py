"""Rules of mappings in words, by the words that stand where the value makers are defined (fhirconv.values)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.mapping import ANY_SECTION
from fhirconv.mapping_docs.pages import Code, Link, Words, joined
from fhirconv.r4 import Element, elements_of
from fhirconv.schema import case_schema
from fhirconv.values import NAMED, VERBS
from fhirconv.values.writing import listed

Rule = Mapping[str, Any]

_PLACE = re.compile(r"\{(\w+)\}")


class Scope(NamedTuple):
    """What a rule reads: the facts of a section or, with `each`, the items of a list of such a fact."""

    section: str
    each: str = ""


class Row(NamedTuple):
    """An element that a mapping makes: its path in the resource, its definition, the rule in words, and the fields read."""

    path: str
    element: Element
    words: Words
    sources: tuple[tuple[str, str], ...]  # section and field
    tables: tuple[str, ...]  # of concepts


def element_rows(owner: str, elements: Mapping[str, Any], scope: Scope, before: str = "") -> Iterator[Row]:
    """A row for each element and each of their parts, in the order of the specification; `owner` is their FHIR type."""
    known = elements_of(owner)
    order = list(known)
    for name in sorted(elements, key=order.index):
        rules, element = listed(elements[name]), known[name]
        said = [rule_in_words(rule, scope) for rule in rules]
        found = [value for rule in rules for value in _values(rule, scope)]
        sources = tuple(dict.fromkeys(source for kind, value, at in found for source in _sources(kind, value, at)))
        tables = tuple(dict.fromkeys(value for kind, value, _ in found if kind == "table"))
        yield Row(before + name, element, _together(said, element), sources, tables)
        for number, rule in enumerate(rules, 1):
            if "elements" in rule:
                which = f" ({number})" if len(rules) > 1 else ""
                inner = element_rows(
                    element.types[0], rule["elements"], _within(rule, scope), f"{before}{name}{which}."
                )
                yield from inner


def _together(said: list[Words], element: Element) -> Words:
    """The rules of one element: all of them where it repeats, else the first that yields something."""
    if len(said) == 1:
        return said[0]
    how = "each of these: " if element.repeats else "the first of these that yields something: "
    return [how, joined([[f"({number}) ", one] for number, one in enumerate(said, 1)])]


def rule_in_words(rule: Rule, scope: Scope) -> Words:
    """A rule in words, with links to the fields and tables that it names."""
    verb = next(verb for name, verb in VERBS.items() if name in rule)
    inner = _within(rule, scope)
    said = [_filled(verb.words, rule[verb.name], rule, inner)]
    for option, words in verb.options.items():
        if rule.get(option) not in (None, False):
            said.append(_filled(words, rule[option], rule, scope if "{list}" in words else inner))
    return joined(said)


def _within(rule: Rule, scope: Scope) -> Scope:
    """What the parts of a rule read."""
    if "each" in rule:
        return Scope(scope.section, rule["each"])
    return Scope(rule["for"]) if "for" in rule else scope


def _values(rule: Rule, scope: Scope) -> Iterator[tuple[str, Any, Scope]]:
    """The values of a rule that the words have places for: what each is, and in which scope; not those of its parts."""
    verb = next(verb for name, verb in VERBS.items() if name in rule)
    inner = _within(rule, scope)
    for option, words in ((verb.name, verb.words), *verb.options.items()):
        for kind in _PLACE.findall(words) if option in rule else ():
            if kind == "rule":
                yield from _values(rule[option], inner)
            else:
                yield kind, rule[option], scope if kind == "list" else inner


def _sources(kind: str, value: Any, scope: Scope) -> Iterator[tuple[str, str]]:
    if kind == "case":
        yield "case", value
    elif kind in ("field", "list") or (kind in ("named", "own") and value not in NAMED):
        for name in listed(value):
            yield scope.section, scope.each or name


def _filled(words: str, value: Any, rule: Rule, scope: Scope) -> Words:
    before, kind, after = [*_PLACE.split(words, maxsplit=1), "", ""][:3]
    return [before, _KINDS[kind](value, rule, scope) if kind else "", after]


def field_link(section: str, name: str, text: str = "") -> Link:
    """Leads to the description of a field, or of the first of its parts; of what all facts have to that of such values."""
    if section == ANY_SECTION:
        return Link(text or name, "values", name)
    known = case_schema().sections[section].fields
    outer = name.partition(".")[0]
    at = next((one for one in (name, outer) if one in known), None) or next(
        one for one in known if one.startswith(f"{outer}.")
    )
    return Link(text or name, f"facts-{section}", at)


def _fields(value: Any, scope: Scope) -> Words:
    return joined([_field(name, scope) for name in listed(value)], " and ")


def _field(name: str, scope: Scope) -> Link:
    if not scope.each:
        return field_link(scope.section, name)
    return field_link(scope.section, scope.each, scope.each if name == "item" else f"{scope.each}: {name}")


def _constant(value: Any) -> Code:
    return Code(str(value).lower() if isinstance(value, bool) else str(value))


def _pairs(value: Mapping[str, Any]) -> Words:
    return joined([[Code(words), " → ", _constant(made)] for words, made in value.items()])


_KINDS: dict[str, Callable[[Any, Rule, Scope], Words]] = {
    "value": lambda value, rule, scope: _constant(value),
    "field": lambda value, rule, scope: _fields(value, scope),
    "list": lambda value, rule, scope: field_link(scope.section, value),
    "case": lambda value, rule, scope: field_link("case", value),
    "table": lambda value, rule, scope: Link(value, f"table-{value}"),
    "concept": lambda value, rule, scope: Link(value, f"table-{rule['concept']}", value),
    "system": lambda value, rule, scope: Link(value, "systems"),
    "identifiers": lambda value, rule, scope: Link(value, "systems"),
    "section": lambda value, rule, scope: Link(value, f"facts-{value}"),
    "named": lambda value, rule, scope: NAMED.get(value) or ["what ", _fields(value, scope), " names"],
    "own": lambda value, rule, scope: NAMED.get(value) or ["what ", _fields(value, scope), " says"],
    "map": lambda value, rule, scope: _pairs(value),
    "rule": lambda value, rule, scope: rule_in_words(value, scope),
    "parts": lambda value, rule, scope: joined(map(Code, value)),
}
"""How the value of each place of the words is said."""
