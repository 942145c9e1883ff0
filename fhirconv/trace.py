"""The trace of a resource: from each of its elements back to the fact, the rule and the line that it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fhirconv.build import Build, Entry
from fhirconv.facts import Case, Fact
from fhirconv.issues import Place
from fhirconv.r4 import element_keys
from fhirconv.values.base import ElementRule

_OWN = {
    "id": "identity: version 5 UUID of the identifier system and '{}'",
    "text": "narrative: the fact's fields in words",
    "meta": "the profile that it claims, and the tag of its case",
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
    is_constant: bool = False  # it comes from the mapping or from the identity, not from a field

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


def trace_entry(case: Case, build: Build, entry: Entry) -> Iterator[Trace]:
    """Every leaf of one resource of a build."""
    rules = {rule.element: rule for rule in entry.rules}
    start = _Step("", entry.resource, None, entry.fact)
    for step in _below(build, entry.mapping.resource, rules, None, start):
        yield _trace(case, entry, step)


class _Step(NamedTuple):
    """A value on the way from the resource to its leaves: its path, the nearest rule, and the fact that the rule reads."""

    path: str
    value: Any
    rule: ElementRule | None
    fact: Fact
    item: tuple[str | int, ...] = ()  # the item of a list of the fact that the parts are made from


def _below(
    build: Build, type_name: str, rules: Mapping[str, ElementRule], above: ElementRule | None, at: _Step
) -> Iterator[_Step]:
    """The leaves of an object of a FHIR type whose elements have these rules."""
    keys = element_keys(type_name)
    for key, value in at.value.items():
        name, inner = keys.get(key, (key, ""))
        path = f"{at.path}.{key}" if at.path else key
        yield from _leaves(build, inner, at._replace(path=path, value=value, rule=rules.get(name, above)))


def _leaves(build: Build, type_name: str, step: _Step) -> Iterator[_Step]:
    made = step.rule.made if step.rule else None
    if isinstance(step.value, list):
        for position, value in enumerate(step.value):
            item = step._replace(path=f"{step.path}[{position}]", value=value)
            if made and made.each:
                item = item._replace(item=(made.each, position))
            elif made and made.facts_of:
                item = item._replace(fact=build.naming(step.fact, *made.facts_of)[position])
            yield from _leaves(build, type_name, item)
    elif isinstance(step.value, dict):
        parts = {child.element: child for child in made.children} if made else {}
        yield from _below(build, type_name, parts, step.rule, step)
    else:
        yield step


def _trace(case: Case, entry: Entry, step: _Step) -> Trace:
    fact, mapping, top = step.fact, entry.mapping, step.path.partition(".")[0].partition("[")[0]
    resource = f"{mapping.resource}/{entry.id}"
    if step.rule is None:
        said = f"{mapping.name} ({_OWN.get(top, 'made by fhirconv').format(entry.identifier)})"
        return Trace(resource, step.path, step.value, fact.identity, case.place(fact), (), said)
    rule = f"{mapping.name} {step.rule.where.rpartition(' ')[2]}"
    fields = tuple(_fields(case, step, step.rule.made.sources))
    return Trace(
        resource, step.path, step.value, fact.identity, case.place(fact), fields, rule, step.rule.made.constant
    )


def _fields(case: Case, step: _Step, sources: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    """The stated fields among the sources of a rule, with their places."""
    if step.item:
        listed = isinstance(step.fact.data.get(str(step.item[0])), list)
        yield str(step.item[0]), case.place(step.fact, step.item if listed else step.item[:1])
        return
    for source in sources:
        if source.startswith("case."):
            yield source, case.document.place("/" + source.replace(".", "/"))
        elif step.fact.get(tuple(source.split("."))) is not None:
            yield source, case.place(step.fact, tuple(source.split(".")))
