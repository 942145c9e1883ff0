"""A packet that was held against the schema: nodes and leaves, of which each knows whether a fact was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Leaf:
    """One value of a packet. `path` is its pointer without the positions in lists; `none` why facts have no place for it."""

    value: Any
    pointer: str
    path: str
    none: str
    is_read: bool = False

    def read(self) -> Any:
        """The value, read with that."""
        self.is_read = True
        return self.value


@dataclass(slots=True, eq=False)
class Node:
    """An object of a packet: its message, and what it holds by the field's name. Reading a value notes that it was read."""

    message: str
    pointer: str
    parts: dict[str, list[Node | Leaf]] = field(default_factory=dict)

    def all(self, name: str) -> list[Node]:
        """The objects of a field."""
        return [part for part in self.parts.get(name, ()) if isinstance(part, Node)]

    def one(self, name: str) -> Node | None:
        """The object of a field; None if it is not stated."""
        return next(iter(self.all(name)), None)

    def values(self, name: str) -> list[Any]:
        """The values of a field, which are read with that."""
        return [leaf.read() for leaf in self.open(name)]

    def open(self, name: str) -> list[Leaf]:
        """The values of a field, or below it if it is one of another standard; they are not read with that."""
        return [part for part in self.parts.get(name, ()) if isinstance(part, Leaf)]

    def value(self, name: str) -> Any:
        """The value of a field, read with that; None if it is not stated."""
        return next(iter(self.values(name)), None)

    def text(self, name: str) -> str:
        """The text of a field, read with that; '' if it is not stated."""
        return str(self.value(name) or "")

    def place(self, name: str) -> str:
        """Where a field stands."""
        return next((part.pointer for part in self.parts.get(name, ())), self.pointer)

    def leaves(self) -> Iterator[Leaf]:
        """Every value below, in order."""
        for parts in self.parts.values():
            for part in parts:
                if isinstance(part, Leaf):
                    yield part
                else:
                    yield from part.leaves()

    def forget(self) -> None:
        """Lets go of all that it holds."""
        self.parts.clear()
