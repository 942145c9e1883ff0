"""The exact walk over a resource: elements, cardinality, types, forms, required codes, and a visit to each value.

It finds everything and says where; `fast` only says that there is nothing to find.
Spec: https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirconv.document import MAX_DEPTH
from fhirconv.issues import nearest, shown
from fhirconv.r4 import Element, elements_of, kind_of, resource_types
from fhirconv.validation.finding import Finding, Path
from fhirconv.validation.primitives import form_problem, json_type_problem

Visit = Callable[["Walk", Any, "Slot", Path], None]


class Slot(NamedTuple):
    """Where a JSON key leads: the element of the type that holds it, and the type of its value."""

    element: Element
    type: str
    owner: str
    extra_of: str = ""  # for '_key' the primitive type whose id and extensions it holds

    @property
    def definition(self) -> str:
        """The path of the element in R4's definitions, as in Observation.value[x]."""
        return f"{self.owner}.{self.element.name}"


class Plan(NamedTuple):
    """What may stand in an object of a type."""

    type: str
    slots: Mapping[str, Slot]
    required: tuple[tuple[Element, tuple[str, ...]], ...]  # elements that must be there, with the keys that they may have
    choices: tuple[tuple[Element, tuple[str, ...]], ...]
    is_resource: bool


class Held(NamedTuple):
    """A resource met on the way: the one given, an entry of a Bundle, or a contained one (then with its container)."""

    type: str
    value: dict[str, Any]
    path: Path
    container: Held | None


class Settled(NamedTuple):
    """What was found right before: resources by their paths, and whether the Bundle around them was, and its entries."""

    paths: frozenset[Path]
    is_bundle: bool = False


NOTHING = Settled(frozenset())


@dataclass(slots=True)
class Walk:
    """One walk: what was found, and what the later layers ask for."""

    visits: Mapping[str, Visit]  # by type, for what is more than structure
    findings: list[Finding] = field(default_factory=list)
    resources: list[Held] = field(default_factory=list)
    contained: dict[tuple[Path, str], str] = field(default_factory=dict)  # container and id -> type
    objects: list[tuple[str, Any, Path, Held]] = field(default_factory=list)  # type, value, path, resource around it
    constrained: list[tuple[Slot, Any, Path, Held]] = field(default_factory=list)  # elements with invariants of their own
    references: list[tuple[Slot, dict[str, Any], Path, Held]] = field(default_factory=list)
    holders: list[Slot] = field(default_factory=list)  # the elements around the present one, the outermost first
    within: Held | None = None
    settled: frozenset[Path] = frozenset()  # resources that were found right before

    def add(self, rule: str, message: str, path: Path, severity: str = "") -> None:
        """Notes a finding."""
        self.findings.append(Finding(rule, message, path, severity))


@functools.cache
def plan_of(type_name: str) -> Plan:
    """The plan of a type of R4 (a resource, a data type, or a part of one by its path)."""
    slots: dict[str, Slot] = {}
    required, choices = [], []
    for element in elements_of(type_name).values():
        keys = tuple(element.key(one) for one in element.types)
        for key, fhir_type in zip(keys, element.types, strict=True):
            slots[key] = Slot(element, fhir_type, type_name)
            if kind_of(fhir_type) == "primitive":
                slots["_" + key] = Slot(element, "Element", type_name, fhir_type)
        if element.min:
            required.append((element, (*keys, *("_" + key for key in keys if "_" + key in slots))))
        if len(keys) > 1:
            choices.append((element, keys))
    return Plan(type_name, slots, tuple(required), tuple(choices), kind_of(type_name) == "resource")


def walk_resource(value: Any, visits: Mapping[str, Visit], settled: frozenset[Path] = frozenset()) -> Walk:
    """Walks over a resource with everything in it but the `settled` ones. Nothing is raised, whatever the value is."""
    walk = Walk(visits, settled=settled)
    _resource(walk, value, (), None)
    return walk


def walk_entries(bundle: dict[str, Any], visits: Mapping[str, Visit], settled: frozenset[Path]) -> Walk:
    """Walks over the resources in the entries of a Bundle that itself, and whose entries themselves, were found right."""
    walk = Walk(visits, settled=settled, resources=[Held("Bundle", bundle, (), None)])
    for position, entry in enumerate(bundle["entry"]):
        _resource(walk, entry["resource"], ("entry", position, "resource"), None)
    return walk


def structure_findings(value: dict[str, Any], type_name: str) -> list[Finding]:
    """What is wrong with the structure of a single object of a data type, without visits and invariants."""
    walk = Walk({}, within=Held("", value, (), None))
    _object(walk, value, plan_of(type_name), ())
    return walk.findings


def _resource(walk: Walk, value: Any, path: Path, container: Held | None) -> None:
    if not isinstance(value, dict):
        walk.add("element-type", f"expected a resource (an object), found {_kind(value)}", path)
        return
    name = value.get("resourceType")
    if not isinstance(name, str) or name not in resource_types():
        if "resourceType" not in value:
            message = "has no resourceType; say which resource of R4 it is"
        elif not isinstance(name, str):
            message = f"expected the name of a resource type, found {_kind(name)}"
        else:
            message = f"{shown(name)} is not a resource type of R4{nearest(str(name), resource_types())}"
        walk.add("resource-type", message, (*path, "resourceType") if "resourceType" in value else path)
        return
    held = Held(name, value, path, container)
    walk.resources.append(held)
    if container is not None and isinstance(value.get("id"), str):
        walk.contained.setdefault((container.path, value["id"]), name)
    if path in walk.settled:
        return
    before, walk.within = walk.within, held
    _object(walk, value, plan_of(name), path)
    walk.within = before


def _object(walk: Walk, value: dict[str, Any], plan: Plan, path: Path) -> None:
    """An object of a complex type; what is above MAX_DEPTH is reported and left alone."""
    if len(path) > MAX_DEPTH:
        walk.add("too-deep", f"is nested more than {MAX_DEPTH} levels deep", path)
        return
    if not value:
        walk.add("element-empty", "is an empty object; leave the element out", path)
        return
    walk.objects.append((plan.type, value, path, _around(walk)))
    for key, inner in value.items():
        slot = plan.slots.get(key)
        if slot is not None:
            _element(walk, inner, slot, (*path, key))
            if isinstance(inner, list) and slot.element.repeats and (slot.extra_of or kind_of(slot.type) == "primitive"):
                _check_pairs(walk, value, key, path)
        elif not (plan.is_resource and key == "resourceType"):
            _unknown(walk, key, plan, path)
    for element, keys in plan.required:
        if not any(key in value for key in keys):
            walk.add("element-missing", f"lacks '{element.name}', which {plan.type} must have", path)
    for element, keys in plan.choices:
        stated = [key for key in keys if key in value or "_" + key in value]
        if len(stated) > 1:
            message = f"has {' and '.join(stated)}; of '{element.name}' only one may stand"
            walk.add("element-choice", message, (*path, stated[1] if stated[1] in value else "_" + stated[1]))
    if not plan.is_resource and value.keys() == {"id"}:
        walk.add("ele-1", "has an id but neither a value nor children", path)


def _unknown(walk: Walk, key: str, plan: Plan, path: Path) -> None:
    if not isinstance(key, str):
        walk.add("unknown-element", "has a key that is no text; JSON has none", path)
        return
    known = [name for name in plan.slots if not name.startswith("_")]
    where = (*path, key)
    if key == "resourceType":
        walk.add("unknown-element", f"'resourceType' does not belong into {plan.type}", where)
    elif key == "fhir_comments":
        walk.add("unknown-element", "'fhir_comments' is not allowed since FHIR R3; remove it", where)
    else:
        walk.add("unknown-element", f"{shown(key)} is not an element of {plan.type}{nearest(key, known)}", where)


def _element(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    """The value of a key: one, or a list where the element repeats."""
    if slot.element.repeats:
        if not isinstance(value, list):
            walk.add("element-repeats", f"may repeat, so it must be a list; found {_kind(value)}", path)
        elif not value:
            walk.add("element-empty", "is an empty list; leave the element out", path)
        else:
            for position, item in enumerate(value):
                _one(walk, item, slot, (*path, position), in_list=True)
    elif isinstance(value, list):
        walk.add("element-repeats", "may stand once only, so it must not be a list", path)
    else:
        _one(walk, value, slot, path)


def _one(walk: Walk, value: Any, slot: Slot, path: Path, in_list: bool = False) -> None:
    type_name = slot.type
    is_primitive = kind_of(type_name) == "primitive"
    if slot.element.constraints and not slot.extra_of:
        walk.constrained.append((slot, value, path, _around(walk)))
    if value is None:
        # A list of primitives holds null where only the '_' list says something, and the other way round.
        if not (in_list and (is_primitive or slot.extra_of)):
            walk.add("element-empty", "is null; leave the element out", path)
    elif is_primitive:
        _primitive(walk, value, slot, path)
    elif not isinstance(value, dict):
        walk.add("element-type", f"expected an object ({type_name}), found {_kind(value)}", path)
    elif type_name == "Resource":
        _resource(walk, value, path, _container(walk, slot))
    else:
        walk.holders.append(slot)
        _object(walk, value, plan_of(type_name), path)
        walk.holders.pop()
        visit = walk.visits.get(type_name)
        if visit is not None:
            visit(walk, value, slot, path)


def _around(walk: Walk) -> Held:
    assert walk.within is not None  # elements stand in resources only
    return walk.within


def _container(walk: Walk, slot: Slot) -> Held | None:
    return walk.within if slot.element.name == "contained" else None


def _primitive(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    wrong = json_type_problem(slot.type, value)
    if wrong:
        walk.add("element-type", wrong, path)
        return
    wrong = form_problem(slot.type, value)
    if wrong:
        rule = "element-empty" if value == "" else "primitive-form"
        walk.add(rule, wrong, path)
        return
    codes = slot.element.codes
    if codes is not None and slot.type == "code" and value not in codes:
        message = f"{shown(value)} is not a code of '{slot.element.name}'{nearest(value, sorted(codes))}"
        walk.add("code-not-bound", message, path)
    visit = walk.visits.get(slot.type)
    if visit is not None:
        visit(walk, value, slot, path)


def _check_pairs(walk: Walk, value: dict[str, Any], key: str, path: Path) -> None:
    """A repeating primitive and its '_' list: same length, and no position where neither says anything."""
    other_key = key[1:] if key.startswith("_") else "_" + key
    own, other = value[key], value.get(other_key)
    if isinstance(other, list) and len(own) != len(other) and key.startswith("_"):
        message = f"has {len(own)} items and '{other_key}' {len(other)}; they must go together one by one"
        walk.add("element-repeats", message, (*path, key))
    for position, item in enumerate(own):
        partner = other[position] if isinstance(other, list) and position < len(other) else None
        if item is None and partner is None:
            message = "is null, with nothing at its place in the list beside it; leave it out"
            walk.add("element-empty", message, (*path, key, position))


def _kind(value: Any) -> str:
    """A JSON value in words, without showing it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a number"
