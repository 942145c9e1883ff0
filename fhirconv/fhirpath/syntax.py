"""The parts that a parsed expression is made of."""

from __future__ import annotations

from typing import Any, NamedTuple


class Literal(NamedTuple):
    """A constant; `items` holds its system value, or nothing for {}."""

    items: tuple[Any, ...]


class Special(NamedTuple):
    """$this, $index or $total."""

    name: str
    position: int


class External(NamedTuple):
    """%resource and the like, without the sign."""

    name: str
    position: int


class Name(NamedTuple):
    """A step to the children of this name; `is_first` where nothing stands before it, so that it may be a type's name."""

    name: str
    is_first: bool


class Call(NamedTuple):
    """A function and its arguments."""

    name: str
    arguments: tuple[Any, ...]
    position: int


class Path(NamedTuple):
    """`step` (a Name or Call) on each item of `left`."""

    left: Any
    step: Any


class Index(NamedTuple):
    """One item of `left` by its position."""

    left: Any
    index: Any


class Sign(NamedTuple):
    """A sign before a number."""

    sign: str
    operand: Any
    position: int


class Binary(NamedTuple):
    """An operator between two expressions."""

    operator: str
    left: Any
    right: Any
    position: int


class TypeTest(NamedTuple):
    """`is` or `as` with a type's name, the namespace before it if there was one ('System.Boolean')."""

    operator: str
    left: Any
    type: str
    position: int
