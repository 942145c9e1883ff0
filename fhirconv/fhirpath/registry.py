"""The functions that expressions may call, by name; the modules of functions put themselves in.

Spec: http://hl7.org/fhirpath/N1/#functions, https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fhirconv.fhirpath.values import Collection

# (run, items that the function is called on, arguments)
Implementation = Callable[..., Collection]


class Function(NamedTuple):
    """`lazy`: arguments come unevaluated, to be run on each item; otherwise each comes as the collection it gave."""

    run: Implementation
    fewest: int
    most: int
    lazy: bool


FUNCTIONS: dict[str, Function] = {}


def function(
    name: str, fewest: int = 0, most: int | None = None, *, lazy: bool = False
) -> Callable[[Implementation], Implementation]:
    """Declare a function with its number of arguments."""

    def declare(implementation: Implementation) -> Implementation:
        FUNCTIONS[name] = Function(implementation, fewest, fewest if most is None else most, lazy)
        return implementation

    return declare


def yes_no(value: bool | None) -> list[Any]:
    """A truth value as collection: nothing for None."""
    return [] if value is None else [value]
