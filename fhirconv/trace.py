"""The trace of a resource: from each of its elements back to the fact, the rule and the line that it came from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fhirconv.build import Build, Entry
from fhirconv.facts import Case, Fact
from fhirconv.issues import Place
from fhirconv.r4 import element_keys
from fhirconv.validation.finding import Path
from fhirconv.values.base import ElementRule

_OWN = {
    "id": "identity: version 5 UUID of the identifier system and '{}'",
    "text": "narrative: the fact's fields in words",
    "meta": "the profile that it claims, and the tag of its case",
    "resourceType": "resource of the mapping",
}
_OF_UNIT = ("unit", "code", "system")


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
    origin: str = ""  # where a program read the fact
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
            "origin": self.origin,
            "fields": [{"field": name, "line": at.line, "pointer": at.pointer} for name, at in self.fields],
            "rule": self.rule,
        }


def trace_entry(case: Case, build: Build, entry: Entry) -> Iterator[Trace]:
    """Every leaf of one resource of a build."""
    for step in _leaves_of(build, entry, ()):
        yield _trace(case, entry, step)


def origin_of(build: Build, entry: Entry, path: Path) -> str:
    """JSON Pointer to what an element of a resource was made from: a field, or else a fact.

    Of an element with parts that of the first; of a quantity's unit, code and system that of the unit.
    """
    step = next(_leaves_of(build, entry, path), None) if path else None
    if step is None:
        return entry.fact.pointer
    fields = list(_fields(step)) if step.rule else []
    if len(path) > 1 and path[-1] in _OF_UNIT:
        fields = [one for one in fields if one[0].rpartition(".")[2] == "unit"] or fields
    return fields[0][1] if fields else step.fact.pointer


class _Step(NamedTuple):
    """A value on the way from the resource to its leaves: its path, the nearest rule, and the fact that the rule reads."""

    path: str
    value: Any
    rule: ElementRule | None
    fact: Fact
    item: tuple[str | int, ...] = ()  # the item of a list of the fact that the parts are made from


def _leaves_of(build: Build, entry: Entry, toward: Path) -> Iterator[_Step]:
    """The leaves of a resource on the way to an element and below it: with no path, all."""
    rules = {rule.element: rule for rule in entry.rules}
    return _below(build, entry.mapping.resource, rules, None, _Step("", entry.resource, None, entry.fact), toward)


def _below(
    build: Build, type_name: str, rules: Mapping[str, ElementRule], above: ElementRule | None, at: _Step, toward: Path
) -> Iterator[_Step]:
    """The leaves of an object of a FHIR type whose elements have these rules."""
    keys = element_keys(type_name)
    for key in _chosen(at.value, toward):
        name, inner = keys.get(key, (key, ""))
        path = f"{at.path}.{key}" if at.path else key
        step = at._replace(path=path, value=at.value[key], rule=rules.get(name, above))
        yield from _leaves(build, inner, step, toward[1:])


def _leaves(build: Build, type_name: str, step: _Step, toward: Path) -> Iterator[_Step]:
    made = step.rule.made if step.rule else None
    if isinstance(step.value, list):
        for position in _chosen(range(len(step.value)), toward):
            item = step._replace(path=f"{step.path}[{position}]", value=step.value[position])
            if made and made.each:
                item = item._replace(item=(made.each, position))
            elif made and made.facts_of:
                item = item._replace(fact=build.naming(step.fact, *made.facts_of)[position])
            yield from _leaves(build, type_name, item, toward[1:])
    elif isinstance(step.value, dict):
        parts = {child.element: child for child in made.children} if made else {}
        yield from _below(build, type_name, parts, step.rule, step, toward)
    else:
        yield step


def _chosen(steps: Collection[Any], toward: Path) -> Collection[Any]:
    """The steps to be taken from here: all, unless a path says which."""
    return steps if not toward else toward[:1] if toward[0] in steps else ()


def _trace(case: Case, entry: Entry, step: _Step) -> Trace:
    fact, mapping, top = step.fact, entry.mapping, step.path.partition(".")[0].partition("[")[0]
    resource = f"{mapping.resource}/{entry.id}"
    if step.rule is None:
        said = f"{mapping.name} ({_OWN.get(top, 'made by fhirconv').format(entry.identifier)})"
        return Trace(resource, step.path, step.value, fact.identity, case.place(fact), (), said, fact.origin)
    rule = f"{mapping.name} {step.rule.where.rpartition(' ')[2]}"
    fields = tuple((name, case.document.place(pointer)) for name, pointer in _fields(step))
    place, is_constant = case.place(fact), step.rule.made.constant
    return Trace(resource, step.path, step.value, fact.identity, place, fields, rule, fact.origin, is_constant)


def _fields(step: _Step) -> Iterator[tuple[str, str]]:
    """The stated fields among the sources of a step's rule, with their JSON Pointers."""
    fact = step.fact
    if step.item:
        listed = isinstance(fact.data.get(str(step.item[0])), list)
        yield str(step.item[0]), fact.pointer_to(step.item if listed else step.item[:1])
        return
    for source in step.rule.made.sources if step.rule else ():
        path = tuple(source.split("."))
        if path[0] == "case" and len(path) > 1:
            yield source, "/" + "/".join(path)
        elif fact.get(path) is not None:
            yield source, fact.pointer_to(path)
