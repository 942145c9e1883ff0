"""The trace: from every element of the output back to the fact, the rule and the line; and from a fact to its elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fhirconv.build import Entry
from fhirconv.conversion import Conversion
from fhirconv.issues import Place
from fhirconv.r4 import element_keys
from fhirconv.values.base import ElementRule

_OWN = {
    "id": "identity: version 5 UUID of the identifier system and '{}'",
    "text": "narrative: the fact's fields in words",
    "meta": "claim of the profile",
    "resourceType": "resource of the mapping",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """One leaf of a resource: where it came from. `fields` are the stated fields that the rule reads, each with its place."""

    resource: str
    element: str
    value: Any
    fact: str
    place: Place
    fields: tuple[tuple[str, Place], ...]
    rule: str

    def as_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "resource": self.resource,
            "element": self.element,
            "value": self.value,
            "fact": self.fact,
            "file": self.place.file,
            "line": self.place.line,
            "fields": [{"field": name, "line": at.line, "pointer": at.pointer} for name, at in self.fields],
            "rule": self.rule,
        }


def trace(conversion: Conversion) -> Iterator[Trace]:
    """Every leaf of every resource of a conversion, in the order of the Bundle; nothing when there is no Bundle."""
    build = conversion.build
    for entry in build.entries if build and conversion.ok else ():
        rules = {rule.element: rule for rule in entry.mapping.rules_for(entry.profile)}
        for step in _below(entry.mapping.resource, rules, None, entry.resource, _Step("", None, None, ())):
            yield _trace(conversion, entry, step)


class _Step(NamedTuple):
    """A value on the way from the resource to its leaves: its path, the nearest rule, the positions in lists."""

    path: str
    value: Any
    rule: ElementRule | None
    positions: tuple[int, ...]


def _below(
    type_name: str, rules: Mapping[str, ElementRule], above: ElementRule | None, data: Mapping[str, Any], at: _Step
) -> Iterator[_Step]:
    """The leaves of an object of a FHIR type whose elements have these rules."""
    keys = element_keys(type_name)
    for key, value in data.items():
        name, inner = keys.get(key, (key, ""))
        path = f"{at.path}.{key}" if at.path else key
        yield from _leaves(inner, _Step(path, value, rules.get(name, above), at.positions))


def _leaves(type_name: str, step: _Step) -> Iterator[_Step]:
    if isinstance(step.value, list):
        for position, item in enumerate(step.value):
            yield from _leaves(
                type_name, _Step(f"{step.path}[{position}]", item, step.rule, (*step.positions, position))
            )
    elif isinstance(step.value, dict):
        parts = {child.element: child for child in step.rule.made.children} if step.rule else {}
        yield from _below(type_name, parts, step.rule, step.value, step)
    else:
        yield step


def _trace(conversion: Conversion, entry: Entry, step: _Step) -> Trace:
    path, leaf, rule, positions = step
    case, fact, mapping = conversion.case, entry.fact, entry.mapping
    top = path.partition(".")[0].partition("[")[0]
    resource = f"{mapping.resource}/{entry.id}"
    if rule is None:
        said = _OWN.get(top, "made by fhirconv").format(entry.identifier)
        return Trace(resource, path, leaf, fact.identity, case.place(fact), (), f"{mapping.name} ({said})")
    fields = []
    for source in rule.made.sources:
        if source == "item":  # the parts of a list: the list is the field of the rule around
            fields.append(("evidence", case.place(fact, ("evidence", *positions[:1]))))
        elif source.startswith("case."):
            fields.append((source, case.document.place("/" + source.replace(".", "/"))))
        elif fact.get(tuple(source.split("."))) is not None:
            fields.append((source, case.place(fact, tuple(source.split(".")))))
    return Trace(
        resource,
        path,
        leaf,
        fact.identity,
        case.place(fact),
        tuple(fields),
        f"{mapping.name} {rule.where.rpartition(' ')[2]}",
    )


def quotes_of(conversion: Conversion, fact_identity: str) -> list[str]:
    """The words of the source for a fact."""
    for fact in conversion.case.facts:
        if fact.identity == fact_identity:
            quotes = fact.data.get("evidence", [])
            return quotes if isinstance(quotes, list) else [quotes]
    return []


def find(conversion: Conversion, target: str) -> list[Trace]:
    """The traces that a target names.

    A target is a fact (its id, 'section/key', or a line number of the file), a resource ('Observation', its id or the
    beginning of the id, 'Observation/<id>'), or an element ('Observation.valueQuantity', '<resource>.<element>').
    """
    facts = _facts_named(conversion, target)
    if facts:
        return [one for one in trace(conversion) if one.fact in facts]
    head, _, element = target.partition(".")
    return [one for one in trace(conversion) if _names(head, one.resource) and _is_below(one.element, element)]


def _facts_named(conversion: Conversion, target: str) -> set[str]:
    case = conversion.case
    if target.isdigit():
        before = [fact for fact in case.facts if case.place(fact).line <= int(target)]
        return {before[-1].identity} if before else set()
    named = {fact.identity for fact in case.facts if target in (fact.data.get("id"), fact.identity)}
    return named | {fact.identity for fact in case.facts if fact.section.name == target}


def _names(head: str, resource: str) -> bool:
    kind, _, made = resource.partition("/")
    return head in (kind, resource) or (len(head) >= 4 and (made.startswith(head) or resource.startswith(head)))


def _is_below(element: str, wanted: str) -> bool:
    return not wanted or element == wanted or element.startswith((f"{wanted}.", f"{wanted}[", f"_{wanted}."))
