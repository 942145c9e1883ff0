"""One resource on its way back: what of it was not read yet, and the fields of the fact that were found in the rest.

Every inverse of a value maker *takes* what it understands out of a copy of the resource. What is left over in the end was
not read, and is reported leaf by leaf: so nothing is dropped in silence, and nothing has to be listed twice. Only the dict
that an inverse is given changes; what stands in it may be the caller's own, and is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from fhirconv.r4 import Element
from fhirconv.schema import Section
from fhirconv.values.base import Tables


class Around(Protocol):
    """The case that a resource belongs to, as far as inverses ask for it."""

    def target(self, reference: str) -> Target | None:
        """What a reference leads to; None if it is not in this case."""

    def event_at(self, reference: str, path: str, edge: str) -> str | None:
        """The id of the event that a time of a resource stands for (`path` as 'Procedure.performed'); None for none."""

    def add_event(self, event: dict[str, Any]) -> None:
        """Notes an event that is the time of another fact."""

    def add_fact(self, section: str, fact: dict[str, Any]) -> None:
        """Notes a fact that has no resource of its own."""


class Target(NamedTuple):
    """A resource that a reference leads to, and the fact that it is of."""

    section: str
    id: str  # of the fact; '' for none
    is_main: bool = True


class Reading:
    """The fields that were found so far, by dotted name. `section` is None for the parts of a list."""

    def __init__(self, around: Around, section: Section | None, is_ours: bool, me: Target | None = None) -> None:
        self.around = around
        self.section = section
        self.is_ours = is_ours  # made by fhirconv: ids of elements are those of events
        self.me = me
        self.fields: dict[str, Any] = {"id": me.id} if section and me and me.id else {}

    def inner(self) -> Reading:
        """For an item of a list of the fact."""
        return Reading(self.around, None, self.is_ours, self.me)

    def put(self, name: str, value: Any) -> bool:
        """Notes a field; whether it could be: what was found already stays, unless the field is a list."""
        if self.takes_list(name):
            self.fields.setdefault(name, []).append(value)
            return True
        return bool(self.fields.setdefault(name, value) == value)

    def put_all(self, name: str, values: list[Any]) -> bool:
        """Notes several values of a list field."""
        for value in values:
            self.put(name, value)
        return True

    def takes_list(self, name: str) -> bool:
        """Whether a field may hold several values."""
        field = self.section.fields.get(name) if self.section else None
        return field is not None and field.is_list


Take = Callable[[dict[str, Any], Reading], None]  # takes what it understands out of the dict of an element's owner
One = Callable[[Any, Reading], Any]  # takes what it understands out of one value; returns the rest, None for nothing
Fits = Callable[[Mapping[str, Any]], bool]


class Undo(NamedTuple):
    """The inverse of a rule. `fits`: for a constant, whether it stands there; `late`: it needs what other rules find."""

    take: Take
    late: bool = False
    fits: Fits | None = None


class Spot(NamedTuple):
    """Where a rule stands: the type that owns the element, the element, the section whose fields it reads."""

    tables: Tables
    section: Section | None
    owner: str
    element: Element

    def key(self, *wanted: str) -> str:
        """The JSON key for the first of these types that the element allows; the element's name if none is."""
        kind = next((one for one in wanted if one in self.element.types), "")
        return self.element.key(kind) if kind else self.element.name

    def choices(self, name: str) -> tuple[str, ...]:
        """The choices of a field; empty if it may hold any words."""
        field = self.section.fields.get(name) if self.section else None
        return field.choices if field else ()


def taking(key: str, one: One, late: bool = False) -> Undo:
    """Takes the value of a key, or each item of it."""

    def take(out: dict[str, Any], reading: Reading) -> None:
        value = out.get(key)
        if value is None:
            return
        if isinstance(value, list):
            rest: Any = [left for item in value if (left := one(item, reading)) is not None]
        else:
            rest = one(value, reading)
        if rest is None or rest == []:
            del out[key]
        else:
            out[key] = rest

    return Undo(take, late)


def without(value: Mapping[str, Any], *keys: str) -> dict[str, Any] | None:
    """What is left of an object without these keys; None for nothing."""
    return {key: item for key, item in value.items() if key not in keys} or None


def split_extensions(value: Any, url: str) -> tuple[list[Any], list[Any]]:
    """The values of the extensions with this URL ('valueString': ... gives its value), and the other extensions."""
    found, others = [], []
    for one in value.get("extension", ()) if isinstance(value, dict) else ():
        if isinstance(one, dict) and one.get("url") == url and len(one) == 2:
            found.append(next(item for key, item in one.items() if key != "url"))
        else:
            others.append(one)
    return found, others


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The path of every leaf, without positions in lists; an empty object or list has none."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path
