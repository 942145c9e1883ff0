"""Which resources a fact makes, by which functions, and whether all of it is read: decided once for each shape of fact."""

from __future__ import annotations

import functools
from collections.abc import Container, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fhirconv.facts import SHAPES, Fact, Kinds, kinds_of
from fhirconv.mapping.only import Path, value_at
from fhirconv.mapping.resource_mapping import ResourceMapping, Variant
from fhirconv.recipe import Filler

_ID = frozenset(("id",))
_READ_ELSEWHERE = {"events": frozenset(("id", "of"))}


class Claim(NamedTuple):
    """A claim of the profile that the fact may make, and the function that makes the resource so."""

    variant: Variant
    fill: Filler


@dataclass(frozen=True, slots=True)
class Step:
    """One resource of a fact: its mapping, the function that makes it, and the claims that are tried before."""

    mapping: ResourceMapping
    role: str
    path: str  # 'Type/': what stands before the id of such a resource in its address
    fill: Filler
    claims: tuple[Claim, ...]


class Plan(NamedTuple):
    """What is made of a fact: resources of its own, and resources about those.

    `is_unsettled` says that it has no resources of its own, or fields that none of all these is made from.
    """

    own: tuple[Step, ...]
    about: tuple[Step, ...]
    is_unsettled: bool


def naming_fields(section: str) -> frozenset[str]:
    """Fields that no element holds because they are what the fact is: its name for others, and what an event belongs to."""
    return _READ_ELSEWHERE.get(section, _ID)


class Plans:
    """The plans for the facts of one section."""

    def __init__(self, section: str, own: Iterable[ResourceMapping], about: Iterable[ResourceMapping]) -> None:
        """`own` are the mappings of the section, `about` those of every kind of fact."""
        self._own = tuple(own)
        self._about = tuple(about)
        self._not_read = naming_fields(section)
        self._known: dict[Hashable, Plan] = {}
        self.of_shape = self._known.get  # the plan for facts of a shape, if that alone decides it and it was made before

    @functools.cached_property
    def _looks_at(self) -> tuple[Path, ...]:
        """What decides on the plan besides the shape; the claims are compiled for that, when a fact is first planned."""
        tests = [mapping.applies for mapping in (*self._own, *self._about)]
        tests += [variant.applies for mapping in self._own for variant in mapping.variants]
        return tuple(dict.fromkeys(path for only in tests for path in only.looks_at))

    def plan(self, fact: Fact, data: Mapping[str, Any], by_id: Mapping[str, Fact]) -> Plan:
        """The plan for a fact with these fields (by dotted name)."""
        key: Hashable = fact.shape
        if self._looks_at or fact.shape.nested:
            key = (*data, *map(type, data.values()), *(value_at(path, data, by_id) for path in self._looks_at))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= SHAPES:
                self._known.clear()
            values = {path: value_at(path, data, by_id) for path in self._looks_at}
            found = self._known[key] = self._make(data, values)
        return found

    def _make(self, data: Mapping[str, Any], values: Mapping[Path, Any]) -> Plan:
        kinds = kinds_of(data)
        own, about = (
            tuple(_step(mapping, kinds, data, values) for mapping in mappings if mapping.applies.holds(data, values))
            for mappings in (self._own, self._about)
        )
        read = self._not_read.union(*(step.mapping.reads for step in (*own, *about)))
        return Plan(own, about, not own or not all(name.partition(".")[0] in read for name in data))


def _step(mapping: ResourceMapping, kinds: Kinds, stated: Container[str], values: Mapping[Path, Any]) -> Step:
    variants = [variant for variant in mapping.variants if variant.applies.holds(stated, values)]
    claims = tuple(Claim(variant, variant.recipe.filler(kinds)) for variant in variants)
    return Step(mapping, mapping.role, f"{mapping.resource}/", mapping.recipe.filler(kinds), claims)
