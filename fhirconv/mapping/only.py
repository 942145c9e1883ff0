"""Which facts a mapping or a claim is for: `only` of a file, as tests of single fields."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from fhirconv.facts import Fact

Path = tuple[str, str]  # a field, and '' or the field of the fact that it names


class Only(NamedTuple):
    """Every test must hold: of a field, or of a field of the fact that it names.

    A test is true or false for stated or not, or a set of choices, in which None stands for a field that is not stated.
    """

    tests: tuple[tuple[Path, bool | frozenset[str | None]], ...]

    @property
    def looks_at(self) -> tuple[Path, ...]:
        """The values that decide, besides which fields are stated."""
        return tuple(path for path, wanted in self.tests if path[1] or not isinstance(wanted, bool))

    def holds(self, stated: Container[str], values: Mapping[Path, Any]) -> bool:
        """Whether it is for a fact with these fields and, of what it looks at, these values."""
        for path, wanted in self.tests:
            if not isinstance(wanted, bool):
                fits = values[path] in wanted
            elif path[1]:
                fits = (values[path] is not None) is wanted
            else:
                fits = (path[0] in stated) is wanted
            if not fits:
                return False
        return True


def value_at(path: Path, data: Mapping[str, Any], by_id: Mapping[str, Fact]) -> Any:
    """What a fact with these fields says there; None for nothing."""
    value = data.get(path[0])
    if not path[1]:
        return value
    named = by_id.get(str(value))
    return named.data.get(path[1]) if named else None
