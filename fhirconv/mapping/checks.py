"""What must hold for a set of mappings as a whole: nothing is lost, references fit, what R4 requires is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.issues import nearest
from fhirconv.mapping.resource_mapping import ANY_SECTION, ResourceMapping
from fhirconv.mapping.types import Mappings
from fhirconv.r4 import elements_of
from fhirconv.schema import Section
from fhirconv.values.base import URI, ElementRule, all_rules

_IDENTIFIERS = ("fact", "case", "doi", "pmid", "uri")


class Mistake(NamedTuple):
    """A mistake of a set: rule id, file name within the set, message."""

    rule: str
    name: str
    message: str


def mistakes_of(mappings: Mappings) -> Iterator[Mistake]:
    """Every mistake of the set that no single rule shows."""
    for section in mappings.tables.sections.values():
        yield from _lost(mappings, section)
    yield from _unread_tables(mappings)
    for mapping in mappings.resources:
        for rules in (mapping.rules, *(variant.rules for variant in mapping.variants)):
            yield from _lacking(mapping, mapping.resource, "", rules)
            yield from _unsure(mappings, mapping, rules)
            yield from _wrong_targets(mappings, mapping, rules)


def wrong_systems(
    raw: Mapping[str, Any], codes: Mapping[str, Any], identifiers: Mapping[str, Any]
) -> Iterator[Mistake]:
    """The mistakes of systems.toml: names that no rule uses, what is no URI, what is missing."""
    used = {str(rule.get("system")) for rule in rules_with(raw, "identifier")}
    for name in sorted(set(identifiers) - set(_IDENTIFIERS) - used):
        near = nearest(name, _IDENTIFIERS)
        if "did you mean" in near:  # one of ours misspelt; other names are for patients' identifiers
            yield Mistake("mapping-key", "systems", f"identifier: no rule uses '{name}'{near}")
    for name, uri in (*codes.items(), *identifiers.items()):
        if not isinstance(uri, str) or not URI.fullmatch(uri):
            yield Mistake("mapping-type", "systems", f"{name}: '{uri}' is no URI")
    for name in sorted({"fact", "case"} - set(identifiers)):
        yield Mistake("mapping-table", "systems", f"[identifier] needs '{name}': fhirconv's own identifiers use it")


def _unread_tables(mappings: Mappings) -> Iterator[Mistake]:
    """Every concept table is read by a rule of some profile."""
    read = {"laterality", *(rule[key] for key in ("concept", "table") for rule in rules_with(mappings.raw, key))}
    for name in sorted(set(mappings.tables.concepts) - read):
        yield Mistake("mapping-table", f"concepts/{name}", f"no rule reads this table{nearest(name, sorted(read))}")


def _lost(mappings: Mappings, section: Section) -> Iterator[Mistake]:
    """Every field of a kind of fact is read by a rule of its mappings, or left out on purpose."""
    found = mappings.by_section.get(section.name, ())
    if not found:
        yield Mistake(
            "mapping-lost", "resources", f"no mapping takes the facts of '{section.name}' (each = \"{section.name}\")"
        )
        return
    everywhere = {"id", *(name for mapping in mappings.by_section.get(ANY_SECTION, ()) for name in mapping.reads)}
    read = everywhere.union(*(mapping.reads for mapping in found))
    for field in section.fields.values():
        followed = section.name == "events" and field.name == "of"  # by the timeline
        if field.path[0] not in read and not followed:
            fix = "map it, or name it with the reason under [narrative_only] or [left_out]"
            yield Mistake(
                "mapping-lost", f"resources/{found[0].name}", f"no rule reads '{section.name}.{field.name}'; {fix}"
            )
    yield from _doubled(found)
    for mapping in found:
        yield from _lost_by_claims(mapping)


def _lost_by_claims(mapping: ResourceMapping) -> Iterator[Mistake]:
    """A claim reads every field that its mapping reads: it may say a thing in another way, not leave it out."""
    read = set(_sources(mapping.rules))
    for variant in mapping.variants:
        for name in sorted(read - set(_sources(variant.rules))):
            message = f"elements of the claim '{variant.name}' no longer read '{name}', which {mapping.name} does"
            yield Mistake("mapping-lost", f"resources/{mapping.name}", message)


def _sources(rules: tuple[ElementRule, ...]) -> Iterator[str]:
    return (source for rule in all_rules(rules) for source in rule.made.sources)


def _doubled(found: tuple[ResourceMapping, ...]) -> Iterator[Mistake]:
    """Two mappings of a section have different roles, or are for different facts; else they would make one id twice."""
    for position, one in enumerate(found):
        for other in found[position + 1 :]:
            if one.role == other.role and not _apart(one.only, other.only):
                message = f"makes the same resources as {one.name}: give it a 'role', or 'only' other facts"
                yield Mistake("mapping-key", f"resources/{other.name}", message)


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether no fact can be for both."""
    for key in one.keys() & other.keys():
        first, second = (value if isinstance(value, list) else [value] for value in (one[key], other[key]))
        if not {str(value) for value in first} & {str(value) for value in second}:
            return True
    return False


def rules_with(raw: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """Every table of a set's mappings and profiles that has the key; the other files hold no rules."""
    return (table for name in raw if name.startswith(("resources/", "profiles/")) for table in _tables(raw[name], key))


def _tables(raw: Any, key: str) -> Iterator[Mapping[str, Any]]:
    if isinstance(raw, dict):
        if key in raw:
            yield raw
        for value in raw.values():
            if isinstance(value, dict | list):
                yield from _tables(value, key)
    elif isinstance(raw, list):
        for value in raw:
            yield from _tables(value, key)


def _lacking(mapping: ResourceMapping, owner: str, path: str, rules: tuple[ElementRule, ...]) -> Iterator[Mistake]:
    """Elements that R4 requires have a rule, in the resource and in every part that is made."""
    here = {rule.element for rule in rules}
    for element in elements_of(owner).values():
        if element.min and element.name not in here and (owner, element.name) != ("Extension", "url"):
            message = f"elements{path}: {owner}.{element.name} is required by R4 and has no rule"
            yield Mistake("mapping-target", f"resources/{mapping.name}", message)
    for rule in rules:
        if rule.made.children and rule.definition:
            yield from _lacking(mapping, rule.definition.types[0], f"{path}.{rule.element}", rule.made.children)


def _unsure(mappings: Mappings, mapping: ResourceMapping, rules: tuple[ElementRule, ...]) -> Iterator[Mistake]:
    """A rule of an element that R4 requires yields something for every fact."""
    section = mappings.tables.sections.get(mapping.section)
    stated = (section.required if section else frozenset()) | {
        key for key, value in mapping.only.items() if value is not False
    }
    for rule in rules:
        made = rule.made
        sure = (
            made.constant or made.always or not stated.isdisjoint(source.partition(".")[0] for source in made.sources)
        )
        if rule.definition and rule.definition.min and not sure:
            fields = " or ".join(made.sources)
            message = f"elements.{rule.element} is required by R4, but a fact need not state {fields}; give a list that ends in a value"
            yield Mistake("mapping-target", f"resources/{mapping.name}", message)


def _wrong_targets(mappings: Mappings, mapping: ResourceMapping, rules: tuple[ElementRule, ...]) -> Iterator[Mistake]:
    """References lead to resource types that R4 allows there."""
    for rule in all_rules(rules):
        targets = rule.definition.targets if rule.definition else ()
        for section in rule.made.refers if targets and "Resource" not in targets else ():
            made = {other.resource for other in mappings.by_section.get(section, ()) if not other.role}
            if made - set(targets):
                wrong = ", ".join(sorted(made - set(targets)))
                message = f"{rule.element} may refer to {', '.join(targets)}; facts of '{section}' become {wrong}"
                yield Mistake("mapping-type", f"resources/{mapping.name}", message)
