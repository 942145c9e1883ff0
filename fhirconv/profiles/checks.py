"""A check of the values of an element, and what a glance at one of them tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fhirconv.profiles.items import Item
from fhirconv.profiles.run import Run

# A glance at a value (JSON, of a primitive without a '_key' beside it): whether there is surely nothing to say of it. What
# it notes as not checked, the check notes as well.
Glance = Callable[[Any, Run], bool]


def never(value: Any, run: Run) -> bool:
    """The glance that tells nothing."""
    return False


def always(value: Any, run: Run) -> bool:
    """The glance at values of which nothing is asked."""
    return True


def no_glance(fhir_type: str) -> Glance:
    """For checks that look each time."""
    return never


class Check(NamedTuple):
    """`check` reports what is wrong with a value; `glance` gives, for values of a type, the glance that may spare it."""

    check: Callable[[Item, Run], None]
    glance: Callable[[str], Glance] = no_glance
