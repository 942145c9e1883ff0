"""One mapping, and what a profile makes of it, compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fhirconv.mapping.only import Only
from fhirconv.recipe import Recipe
from fhirconv.values.base import ElementRule, all_rules

ANY_SECTION = "*"  # a mapping for every kind of fact

# Whether a fact with these fields is about a concept that a claim is for.
IsAbout = Callable[[Mapping[str, Any]], bool]


class Variant(NamedTuple):
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


@dataclass(frozen=True, eq=False)
class ResourceMapping:
    """One file of mappings/resources for one profile, compiled when it is first used."""

    name: str
    file: str
    resource: str
    section: str  # a section of the case facts, or ANY_SECTION
    role: str
    applies: Only
    about: str  # the element that says what the fact is about, '' for none
    only: Mapping[str, Any]  # as in the file
    narrative_only: tuple[str, ...]
    left_out: tuple[str, ...]
    also_read: frozenset[str]  # fields that are read by no rule of its own, or left out on purpose
    make_recipe: Callable[[], Recipe]
    make_variants: Callable[[], Iterable[Variant]]

    @functools.cached_property
    def recipe(self) -> Recipe:
        """How a resource is made where no claim holds."""
        return self.make_recipe()

    @functools.cached_property
    def variants(self) -> tuple[Variant, ...]:
        """What the profile makes of it, the first to be tried first."""
        return tuple(self.make_variants())

    @functools.cached_property
    def reads(self) -> frozenset[str]:
        """The top-level fields that its rules read, that decide which facts are meant, or that are left out on purpose."""
        sources = {source for rule in all_rules(self.rules) for source in rule.made.sources} | self.also_read
        return frozenset(source.removeprefix(f"{self.section}.").partition(".")[0] for source in sources)

    def compile(self) -> None:
        """Compiles it now: its rules and those of its claims."""
        _ = self.recipe, self.variants

    @property
    def rules(self) -> tuple[ElementRule, ...]:
        """The element rules, those of claims apart."""
        return self.recipe.rules

    @property
    def about_table(self) -> str:
        """The concept table of the element `about`."""
        return next((rule.made.main_table for rule in self.rules if rule.element == self.about), "")
