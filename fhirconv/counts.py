"""Counted findings: how often each of some things was found, and where first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

from fhirconv.issues import Place

K = TypeVar("K", bound=Hashable)


class Counts(Counter[K]):
    """A Counter which remembers, for each thing, where it stands first."""

    first: dict[K, Place]

    def __init__(self, counted: Mapping[K, int] | None = None, first: Mapping[K, Place] | None = None) -> None:
        super().__init__(counted or {})
        self.first = dict(first or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return Counts, (dict(self), self.first)

    def note(self, what: K, place: Place, count: int = 1) -> None:
        """So many more were found, the first of them at `place`."""
        self[what] += count
        self.first.setdefault(what, place)

    def add(self, other: Counts[K]) -> None:
        """Counts what was found after."""
        self.update(other)
        self.first = {**other.first, **self.first}

    def most_first(self) -> list[tuple[K, int]]:
        """Each with its count, the most frequent first; those of one count in the order in which they were found."""
        return sorted(self.items(), key=lambda item: -item[1])
