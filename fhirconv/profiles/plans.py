"""Profiles compiled into plans: a tree of what is to be counted, checked and sliced, without what asks nothing.

Spec: https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fhirconv.profiles import bindings, element_checks, invariants
from fhirconv.profiles.checks import Check, Glance
from fhirconv.profiles.definitions import Json, Node, slim, tree
from fhirconv.profiles.glance import value_glance
from fhirconv.profiles.items import Item, children, holder_of, keys_of, values_of
from fhirconv.profiles.judged import Judged, codings_of, judged_by_codings
from fhirconv.profiles.run import Run
from fhirconv.profiles.slicing import Index, Matcher, index_of, matcher_of

_NOT_MATCHED = -1


@dataclass(slots=True, eq=False)
class Plan:
    """What a profile asks of one element. `min` and `max` count its values within one parent; max None is no limit."""

    name: str
    label: str
    min: int = 0
    max: int | None = None
    checks: tuple[Check, ...] = ()
    children: tuple[Plan, ...] = ()
    slicing: Slicing | None = None
    required: tuple[Plan, ...] = ()
    judged: Judged | None = None
    tables: dict[str, dict[str, tuple[Plan, str, str]]] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether anything is to be done for it."""
        return bool(self.min or self.max is not None or self.checks or self.children or self.slicing)

    def check_all(self, items: list[Item], parent: Item, run: Run) -> None:
        """Count the values of the element in one parent, and check each, unless the same were right before."""
        key = codings_of([item.value for item in items]) if self.judged is not None and _are_concepts(items) else None
        if self.judged is None or key is None:
            self._check_all(items, parent, run)
            return
        not_checked = self.judged.get(key)
        if not_checked is None:
            look = Run(run.known, run.lookup, run.resource)
            self._check_all(items, parent, look)
            if not look.findings:
                self.judged.remember(key, look.not_checked)
            run.findings += look.findings
            not_checked = look.not_checked
        run.not_checked |= not_checked

    def _check_all(self, items: list[Item], parent: Item, run: Run) -> None:
        count = len(items)
        if count < self.min:
            found = f"stands only {count} times" if count else "is missing"
            run.report("profile-min", f"{self.label} {found}: the profile asks for at least {self.min}; add it", parent)
        if self.max is not None and count > self.max:
            asks = (
                f"stands {count} times: the profile allows {self.max}"
                if self.max
                else "is there: the profile forbids it"
            )
            run.report("profile-max", f"{self.label} {asks}; remove what is too much", items[self.max])
        for item in items:
            self.check(item, run)
        if self.slicing is not None:
            self.slicing.check(items, parent, run)

    def check(self, item: Item, run: Run) -> None:
        """Check one value and what is below it."""
        for check in self.checks:
            check.check(item, run)
        if self.children and (holder := holder_of(item)) is not None:
            self._check_below(holder, item, run)

    def _check_below(self, holder: Json, item: Item, run: Run) -> None:
        """Go through what is there, not through all that a profile speaks of; then look for what must be there."""
        table = self.tables.get(item.type)
        if table is None:
            table = self.tables[item.type] = self._table(item.type)
        met: list[Plan] = []
        for key in holder:
            found = table.get(key)
            if found is None or (key != found[1] and found[1] in holder):
                continue  # '_name' is read with 'name'
            child, name, fhir_type = found
            met.append(child)
            child.check_all(values_of(holder, name, fhir_type, item.path), item, run)
        for child in self.required:
            if child not in met and keys_of(item.type, child.name):
                child.check_all([], item, run)

    def _table(self, type_name: str) -> dict[str, tuple[Plan, str, str]]:
        """JSON key -> the plan, key and type of the element that it belongs to, in a value of this type."""
        table: dict[str, tuple[Plan, str, str]] = {}
        for child in self.children:
            for key, fhir_type in keys_of(type_name, child.name):
                table[key] = table["_" + key] = (child, key, fhir_type)
        return table


def _are_concepts(items: list[Item]) -> bool:
    return all(item.type == "CodeableConcept" for item in items)


@dataclass(slots=True)
class Slicing:
    """The slices of an element, each with the test that tells its values."""

    label: str
    rules: str
    ordered: bool
    slices: tuple[tuple[Matcher, Plan], ...]
    index: Index | None = None
    default: Plan | None = None

    def check(self, items: list[Item], parent: Item, run: Run) -> None:
        """Deal the values out to the slices; check each slice, the order and what is left over."""
        dealt: dict[int, list[Item]] = {}
        unclear: set[int] = set()
        places: list[int] = []
        for item in items:
            place = _NOT_MATCHED
            for number in self.index.candidates(item, run) if self.index else range(len(self.slices)):
                verdict = self.slices[number][0](item, run)
                if verdict:
                    dealt.setdefault(number, []).append(item)
                    place = number if place == _NOT_MATCHED else place
                elif verdict is None:
                    unclear.add(number)
            places.append(place)
        if unclear:
            run.skip(self.label, "its slices are told apart by something that the packages at hand cannot tell")
        elif self.default or self.ordered or self.rules != "open":
            self._check_rest(items, places, parent, run)
        for number, (_, plan) in enumerate(self.slices):
            if number not in unclear and (number in dealt or plan.min):
                plan.check_all(dealt.get(number, []), parent, run)

    def _check_rest(self, items: list[Item], places: list[int], parent: Item, run: Run) -> None:
        rest = [item for item, place in zip(items, places, strict=True) if place == _NOT_MATCHED]
        if self.default is not None:
            self.default.check_all(rest, parent, run)
        elif self.rules == "closed":
            for item in rest:
                run.report(
                    "profile-slice", f"{self.label} belongs to no slice: the profile allows only its slices", item
                )
        previous = 0
        for item, place in zip(items, places, strict=True):
            late = place != _NOT_MATCHED and place < previous and self.ordered
            if late or (place != _NOT_MATCHED and previous == len(self.slices)):
                run.report(
                    "profile-slice", f"{self.label} is out of order: the profile gives its slices an order", item
                )
            if place == _NOT_MATCHED and self.rules == "openAtEnd":
                place = len(self.slices)
            previous = max(previous, place)


@dataclass
class CompiledProfile:
    """One profile: its canonical URL, short name, the type that it constrains, and where an extension may stand."""

    url: str
    name: str
    type: str
    definition: Json
    tree: Node
    root: Plan

    def check(self, item: Item, run: Run) -> None:
        """Report what is wrong with `item` to `run`."""
        if not self.is_met(item.value, item.type, run):
            self.root.check(item, run)

    def is_met(self, value: Any, fhir_type: str, run: Run) -> bool:
        """Whether there is surely nothing to say of a value, as a glance tells."""
        return fhir_type == self.type and self._glance(value, run)

    @functools.cached_property
    def _glance(self) -> Glance:
        return value_glance(self.root, self.type)


def compile_profile(definition: Json) -> CompiledProfile:
    """Compile a StructureDefinition; raises PackageError when it has no snapshot."""
    url = str(definition["url"])
    name = url.rpartition("/")[2]
    reduced = slim(definition)
    node = tree(reduced)
    return CompiledProfile(url, name, str(reduced["type"]), reduced, node, _plan(node, name, dict(_all(node))))


def _all(node: Node) -> Iterator[tuple[str, Node]]:
    yield node.id, node
    for child in (*node.children.values(), *node.slices.values()):
        yield from _all(child)


def _plan(node: Node, profile: str, by_id: dict[str, Node]) -> Plan:
    facts = node.facts
    label = f"{node.id} ({profile})"
    most = facts.get("max", "*")
    checks = (
        *element_checks.checks_of(node, label),
        *bindings.checks_of(node, label),
        *invariants.checks_of(node, label),
    )
    plans = [_plan(child, profile, by_id) for child in node.children.values()]
    if "contentReference" in facts and not plans:
        checks = (*checks, _referred(by_id.get(facts["contentReference"].removeprefix("#")), profile, by_id))
    slicing = _slicing(node, profile, by_id) if "slicing" in facts or node.slices else None
    below = tuple(plan for plan in plans if plan.asks)
    required = tuple(plan for plan in below if plan.min)
    limit = None if most == "*" else int(most)
    judged = judged_by_codings(node)
    return Plan(node.name, label, facts.get("min", 0), limit, checks, below, slicing, required, judged)


def _referred(node: Node | None, profile: str, by_id: dict[str, Node]) -> Check:
    """The checks of an element that has the content of another; made when first met, as content may hold itself."""
    made: list[Plan] = []

    def check(item: Item, run: Run) -> None:
        if not made and node is not None:
            made.append(_plan(node, profile, by_id))
        for plan in made:
            for child in plan.children:
                child.check_all(children(item, child.name), item, run)

    return Check(check)


def _slicing(node: Node, profile: str, by_id: dict[str, Node]) -> Slicing | None:
    slicing = node.facts.get("slicing", {})
    discriminators = slicing.get("discriminator", [])
    slices = {name: each for name, each in node.slices.items() if name != "@default"}
    plans = tuple((matcher_of(discriminators, each), _plan(each, profile, by_id)) for each in slices.values())
    rules = slicing.get("rules", "open")
    if rules == "open" and not any(plan.asks for _, plan in plans) and not slicing.get("ordered"):
        return None
    default = node.slices.get("@default")
    label = f"{node.id} ({profile})"
    left = _plan(default, profile, by_id) if default else None
    return Slicing(label, rules, bool(slicing.get("ordered")), plans, index_of(discriminators, slices.values()), left)
