"""The functions that FHIR adds to FHIRPath.

Spec: https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

from collections.abc import Callable

from fhirconv import r4
from fhirconv.fhirpath.errors import FhirPathUndecided
from fhirconv.fhirpath.nodes import Node, descendants, named
from fhirconv.fhirpath.registry import function
from fhirconv.fhirpath.running import Run
from fhirconv.fhirpath.strings import text
from fhirconv.fhirpath.temporal import from_datetime
from fhirconv.fhirpath.types import is_of, system_type
from fhirconv.fhirpath.values import Collection

_TYPE_URL = "http://hl7.org/fhir/StructureDefinition/"
_RESOURCE_TYPES = "http://hl7.org/fhir/ValueSet/resource-types"
_HTML_RULES = frozenset(("txt-1", "txt-2", "narrative-form", "narrative-unsafe"))
_LINKING = frozenset(("canonical", "uri", "url"))


@function("hasValue")
def _has_value(run: Run, items: Collection) -> Collection:
    if len(items) != 1:
        return [False]
    item = items[0]
    return [type(item) is not Node or (item.value is not None and not isinstance(item.value, dict))]


@function("getValue")
def _get_value(run: Run, items: Collection) -> Collection:
    return items if _has_value(run, items)[0] else []


@function("extension", 1)
def _extension(run: Run, items: Collection, url: Collection) -> Collection:
    wanted = text(url, "extension()")
    found = [one for item in items if type(item) is Node for one in named(item, "extension")]
    run.spend(len(found))
    return [one for one in found if isinstance(one.value, dict) and one.value.get("url") == wanted]


@function("resolve")
def _resolve(run: Run, items: Collection) -> Collection:
    found = []
    for item in items:
        run.spend()
        reference = item.value.get("reference") if type(item) is Node and isinstance(item.value, dict) else None
        target = _target(run, reference if reference is not None else getattr(item, "value", item))
        if target is not None:
            found.append(target)
    return found


def _target(run: Run, reference: object) -> Node | None:
    if not isinstance(reference, str):
        return None
    root = run.env.root
    if reference == "#":
        return root
    if reference.startswith("#"):
        held = [one for one in named(root, "contained") if isinstance(one.value, dict)]
        run.spend(len(held))
        return next((one for one in held if one.value.get("id") == reference[1:]), None)
    return run.env.resolve(reference) if run.env.resolve else None


def _asked(ask: Callable[[Node, str], bool | None] | None, items: Collection, url: str | None) -> Collection:
    """The answer of the environment for one node. Raises FhirPathUndecided if it has none."""
    if not items or url is None:
        return []
    answer = ask(items[0], url) if ask and len(items) == 1 else None
    if answer is None:
        raise FhirPathUndecided(f"whether a value belongs to {url} cannot be known here")
    return [answer]


@function("memberOf", 1)
def _member_of(run: Run, items: Collection, value_set: Collection) -> Collection:
    url = text(value_set, "memberOf()")
    if url == _RESOURCE_TYPES and items:
        return [getattr(items[0], "value", items[0]) in r4.resource_types() | {"Resource", "DomainResource"}]
    return _asked(run.env.member_of, items, url)


@function("conformsTo", 1)
def _conforms_to(run: Run, items: Collection, profile: Collection) -> Collection:
    url = text(profile, "conformsTo()")
    type_name = (url or "").removeprefix(_TYPE_URL)
    if len(items) == 1 and r4.kind_of(type_name):
        return [is_of(items[0], f"FHIR.{type_name}")]
    return _asked(run.env.conforms_to, items, url)


def _narrative(items: Collection, rules: Callable[[str], bool]) -> Collection:
    from fhirconv.validation.xhtml import narrative_problems  # the validation of resources stands on this package

    value = getattr(items[0], "value", items[0]) if len(items) == 1 else None
    return [isinstance(value, str) and not any(rules(rule) for rule, _ in narrative_problems(value))]


@function("htmlChecks")
def _html_checks(run: Run, items: Collection) -> Collection:
    return _narrative(items, lambda rule: rule in _HTML_RULES)


@function("htmlChecks1")
def _html_is_formatting(run: Run, items: Collection) -> Collection:
    return _narrative(items, lambda rule: rule in _HTML_RULES and rule != "txt-2")


@function("htmlChecks2")
def _html_has_content(run: Run, items: Collection) -> Collection:
    return _narrative(items, lambda rule: rule == "txt-2")


@function("now")
def _now(run: Run, items: Collection) -> Collection:
    return [from_datetime(run.env.now(), "DateTime")]


@function("today")
def _today(run: Run, items: Collection) -> Collection:
    return [from_datetime(run.env.now(), "Date")]


@function("timeOfDay")
def _time_of_day(run: Run, items: Collection) -> Collection:
    return [from_datetime(run.env.now(), "Time")]


@function("orphans")
def _orphans(run: Run, items: Collection) -> Collection:
    """Ours, for dom-3: the contained resources that nothing leads to from their container, and that do not lead to it.

    As in HL7's validator, one that only another orphan refers to is an orphan.
    """
    found = []
    for item in items:
        inner = named(item, "contained") if type(item) is Node else []
        held = [one for one in inner if isinstance(one.value, dict)]
        links = {id(one): _links(run, one) for one in held}
        linked = _links(run, item) if held else set()
        reached: set[int] = set()
        while True:
            fresh = [
                one
                for one in held
                if id(one) not in reached and (f"#{one.value.get('id')}" in linked or "#" in links[id(one)])
            ]
            if not fresh:
                break
            reached.update(map(id, fresh))
            linked = linked.union(*(links[id(one)] for one in fresh))
            run.spend(len(held))
        found += [one for one in held if id(one) not in reached]
    return found


def _links(run: Run, node: Node) -> set[str]:
    """The fragments ('#a') that a resource refers to, those of resources contained in it left out."""
    found = set()
    for below in descendants(node):
        run.spend()
        if len(below.path) > len(node.path) and below.path[len(node.path)] == "contained":
            continue
        value = below.value
        is_link = below.type in _LINKING or (below.type == "string" and below.path[-1:] == ("reference",))
        if is_link and isinstance(value, str) and value.startswith("#"):
            found.add(value)
    return found


@function("type")
def _type(run: Run, items: Collection) -> Collection:
    names = [("FHIR", item.type) if type(item) is Node else ("System", system_type(item)) for item in items]
    return [Node({"namespace": space, "name": name}, "") for space, name in names]
