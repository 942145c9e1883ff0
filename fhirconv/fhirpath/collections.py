"""Functions over collections: existence, filters, parts, sets, trees.

Spec: http://hl7.org/fhirpath/N1/#existence, #filtering-and-projection, #subsetting, #combining, #tree-navigation
"""

from __future__ import annotations

from fhirconv.fhirpath import nodes
from fhirconv.fhirpath.equality import equal, identity
from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.nodes import Node
from fhirconv.fhirpath.registry import function, yes_no
from fhirconv.fhirpath.running import Evaluate, Run
from fhirconv.fhirpath.values import Collection, Item, single, truth


@function("empty")
def _empty(run: Run, items: Collection) -> Collection:
    return [not items]


@function("exists", 0, 1, lazy=True)
def _exists(run: Run, items: Collection, *criteria: Evaluate) -> Collection:
    return [bool(_where(run, items, *criteria) if criteria else items)]


@function("not")
def _not(run: Run, items: Collection) -> Collection:
    value = truth(items)
    return [] if value is None else [not value]


@function("all", 1, lazy=True)
def _all(run: Run, items: Collection, criteria: Evaluate) -> Collection:
    return [all(truth(found) is True for found in run.each(items, criteria))]


@function("allTrue")
def _all_true(run: Run, items: Collection) -> Collection:
    return [all(truth([item]) for item in items)]


@function("anyTrue")
def _any_true(run: Run, items: Collection) -> Collection:
    return [any(truth([item]) for item in items)]


@function("allFalse")
def _all_false(run: Run, items: Collection) -> Collection:
    return [not any(truth([item]) for item in items)]


@function("anyFalse")
def _any_false(run: Run, items: Collection) -> Collection:
    return [not all(truth([item]) for item in items)]


@function("count")
def _count(run: Run, items: Collection) -> Collection:
    return [len(items)]


@function("where", 1, lazy=True)
def _where(run: Run, items: Collection, criteria: Evaluate) -> Collection:
    return [item for item, found in zip(items, run.each(items, criteria), strict=True) if truth(found)]


@function("select", 1, lazy=True)
def _select(run: Run, items: Collection, projection: Evaluate) -> Collection:
    return [one for found in run.each(items, projection) for one in found]


@function("repeat", 1, lazy=True)
def _repeat(run: Run, items: Collection, projection: Evaluate) -> Collection:
    found: Collection = []
    seen = set()
    while items:
        fresh = []
        for item in _select(run, items, projection):
            run.spend()
            key = identity(item)
            if key not in seen:
                seen.add(key)
                fresh.append(item)
        found += fresh
        items = fresh
    return found


@function("aggregate", 1, 2, lazy=True)
def _aggregate(run: Run, items: Collection, step: Evaluate, *initial: Evaluate) -> Collection:
    before = run.total
    run.total = initial[0](run.this, run) if initial else []
    try:
        for item in items:
            run.total = run.each([item], step)[0]
        return run.total
    finally:
        run.total = before


@function("iif", 2, 3, lazy=True)
def _iif(run: Run, items: Collection, criterion: Evaluate, then: Evaluate, *otherwise: Evaluate) -> Collection:
    if len(items) > 1:
        raise FhirPathError(f"iif() works on one item, and there are {len(items)}")
    if truth((run.each(items, criterion) or [criterion(items, run)])[0]):
        return then(items, run)
    return otherwise[0](items, run) if otherwise else []


@function("trace", 1, 2, lazy=True)
def _trace(run: Run, items: Collection, *_: Evaluate) -> Collection:
    return items  # what a case holds goes into no log


@function("single")
def _single(run: Run, items: Collection) -> Collection:
    if len(items) > 1:
        raise FhirPathError(f"single() is for one item, and there are {len(items)}")
    return items


@function("first")
def _first(run: Run, items: Collection) -> Collection:
    return items[:1]


@function("last")
def _last(run: Run, items: Collection) -> Collection:
    return items[-1:]


@function("tail")
def _tail(run: Run, items: Collection) -> Collection:
    return items[1:]


def _number(items: Collection, name: str) -> int:
    value = single(items, name)
    if not isinstance(value, int):
        raise FhirPathError(f"{name} needs an integer")
    return max(value, 0)


@function("skip", 1)
def _skip(run: Run, items: Collection, number: Collection) -> Collection:
    return items[_number(number, "skip()") :]


@function("take", 1)
def _take(run: Run, items: Collection, number: Collection) -> Collection:
    return items[: _number(number, "take()")]


@function("distinct")
def distinct(run: Run, items: Collection) -> Collection:
    """The items without those that are equal to an earlier one."""
    run.spend(len(items))
    found: dict[object, Item] = {}
    for item in items:
        found.setdefault(identity(item), item)
    return list(found.values())


@function("isDistinct")
def _is_distinct(run: Run, items: Collection) -> Collection:
    run.spend(len(items))
    return [len({identity(item) for item in items}) == len(items)]


@function("union", 1)
def union(run: Run, items: Collection, others: Collection) -> Collection:
    """Both collections, each item once."""
    return distinct(run, items + others)


@function("combine", 1)
def _combine(run: Run, items: Collection, others: Collection) -> Collection:
    run.spend(len(items) + len(others))
    return items + others


def _keys(run: Run, items: Collection) -> set[object]:
    run.spend(len(items))
    return {identity(item) for item in items}


@function("intersect", 1)
def _intersect(run: Run, items: Collection, others: Collection) -> Collection:
    wanted = _keys(run, others)
    return [item for item in distinct(run, items) if identity(item) in wanted]


@function("exclude", 1)
def _exclude(run: Run, items: Collection, others: Collection) -> Collection:
    unwanted = _keys(run, others)
    return [item for item in items if identity(item) not in unwanted]


@function("subsetOf", 1)
def _subset_of(run: Run, items: Collection, others: Collection) -> Collection:
    return [_keys(run, items) <= _keys(run, others)]


@function("supersetOf", 1)
def _superset_of(run: Run, items: Collection, others: Collection) -> Collection:
    return [_keys(run, items) >= _keys(run, others)]


def contains(run: Run, items: Collection, wanted: Collection, operator: str) -> Collection:
    """Whether the one wanted item is among `items`: the operators `in` and `contains`."""
    if not wanted:
        return []
    if len(wanted) > 1:
        raise FhirPathError(f"'{operator}' looks for one item, and there are {len(wanted)}")
    run.spend(len(items))
    return yes_no(any(equal(item, wanted[0]) for item in items))


@function("children")
def _children(run: Run, items: Collection) -> Collection:
    found = [child for item in items if isinstance(item, Node) for child in nodes.children(item)]
    run.spend(len(found))
    return found


@function("descendants")
def _descendants(run: Run, items: Collection) -> Collection:
    found: Collection = []
    for item in items:
        for below in nodes.descendants(item) if isinstance(item, Node) else ():
            run.spend()
            found.append(below)
    return found
