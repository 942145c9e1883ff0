"""What a set of mappings is once it was read, checked and compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirconv.facts import Fact
from fhirconv.plausibility.limits import Limits
from fhirconv.recipe import Recipe
from fhirconv.values.base import ElementRule, Tables

ANY_SECTION = "*"  # a mapping for every kind of fact
DEFAULT_PROFILE = "r4"

# Whether a fact (its data, and all facts by id) is one for a mapping or a claim.
Predicate = Callable[[Mapping[str, Any], Mapping[str, Fact]], bool]


@dataclass(frozen=True, slots=True)
class Variant:
    """What a profile makes of a mapping: other rules for some facts, claimed if the result has what it `needs`."""

    name: str
    tests: tuple[Predicate, ...]
    needs: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # what; JSON key and part, any of which will do
    excludes: tuple[str, ...]  # JSON keys that must not be there
    requires: tuple[tuple[str, frozenset[str]], ...]  # field naming a fact, or @patient, and the claims it must make
    recipe: Recipe

    @property
    def rules(self) -> tuple[ElementRule, ...]:
        """The element rules with those of the claim in place."""
        return self.recipe.rules


@dataclass(frozen=True, slots=True, eq=False)
class ResourceMapping:
    """One file of mappings/resources, compiled for one profile."""

    name: str
    file: str
    resource: str
    section: str  # a section of the case facts, or ANY_SECTION
    role: str
    applies: Predicate | None  # None: every fact of the section
    about: str  # the element that says what the fact is about, '' for none
    recipe: Recipe
    only: Mapping[str, Any] = field(default_factory=dict)  # as in the file
    variants: tuple[Variant, ...] = ()
    narrative_only: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()  # the top-level fields that its rules read, or that it leaves out on purpose

    @property
    def rules(self) -> tuple[ElementRule, ...]:
        """The element rules, those of claims apart."""
        return self.recipe.rules

    @property
    def about_table(self) -> str:
        """The concept table of the element `about`."""
        return next((rule.made.main_table for rule in self.rules if rule.element == self.about), "")


@dataclass(frozen=True)
class Mappings:
    """A set of mappings that was checked and compiled."""

    raw: Mapping[str, Any]
    tables: Tables
    profile: str
    resources: tuple[ResourceMapping, ...]
    by_section: Mapping[str, tuple[ResourceMapping, ...]]
    section_rank: Mapping[str, int]  # in which order the resources of the sections stand in a Bundle
    limits: Limits = field(default_factory=Limits)
