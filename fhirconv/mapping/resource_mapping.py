"""One mapping, and what a profile makes of it, compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirconv.mapping.only import Only
from fhirconv.recipe import Recipe
from fhirconv.values.base import ElementRule

ANY_SECTION = "*"  # a mapping for every kind of fact

# Whether a fact with these fields is about a concept that a claim is for.
IsAbout = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Variant:
    """What a profile makes of a mapping: other rules for some facts, claimed if the result has what it `needs`."""

    name: str
    applies: Only
    is_about: IsAbout | None  # None: the fact may be about anything
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
    applies: Only
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
