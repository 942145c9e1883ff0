"""Expressions as Python conditions over plain JSON: what a glance decides, of values of a type that is known beforehand.

Names, exists(), empty(), where(), not(), ofType(), `is`, `=` with a text, and the logic between them: that is most of what
invariants are made of. A condition is met only where the expression surely is true. Whatever else there is, in an
expression or in data, is left to the evaluation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fhirconv import r4
from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.expression import compile_expression
from fhirconv.fhirpath.nodes import Node, is_primitive, keys_of
from fhirconv.fhirpath.parser import parse
from fhirconv.fhirpath.syntax import Binary, Call, Literal, Name, Path, Special, TypeTest
from fhirconv.fhirpath.types import checked, is_exactly, is_of

Condition = Callable[[Any], bool]

_LONGEST = 10_000  # characters of a condition: xor doubles what it joins
_WIDEST = 12  # types of a choice
_TEXTS = frozenset(("canonical", "code", "id", "markdown", "oid", "string", "uri", "url", "uuid"))
_UNFIT = (FhirPathError, SyntaxError, RecursionError, MemoryError)


class _UncertainError(Exception):
    """An expression, or a value, that is not of the kind that conditions are made for."""


class _Truth(NamedTuple):
    """Python source for 'surely true' and for 'surely false'; where FHIRPath gives nothing, both say no."""

    yes: str
    no: str


_YES, _NO = _Truth("True", "False"), _Truth("False", "True")
_DECIDED = {("and", _NO): _NO, ("or", _YES): _YES, ("implies", _NO): _YES}  # whatever stands on the right


class _Items(NamedTuple):
    """Values of one type: their name in a comprehension, its clauses, and the call that gives them if no more is needed."""

    type: str
    name: str
    clauses: str = ""
    call: str = ""


@functools.lru_cache(4096)
def certainly(text: str, fhir_type: str) -> Condition | bool:
    """The condition of an expression for values of a type, without extensions where it is primitive.

    True if the type alone decides, False if there is none. The condition says False also where it cannot tell.
    """
    try:
        found = _truth(parse(compile_expression(text).text), _Items(fhir_type, "v")).yes
        if found in ("True", "False"):
            return found == "True"
        # Names of R4 and texts of the expression enter the source, each as a Python literal.
        holds = eval(compile(f"lambda v: {found}", "<invariant>", "eval"), {"each": _each, "same": _same})  # noqa: S307
    except (_UncertainError, *_UNFIT):
        return False

    def condition(value: Any) -> bool:
        try:
            return bool(holds(value))
        except _UncertainError:
            return False

    return condition


# What conditions call. ------------------------------------------------------------------------------------------------


def _each(holder: Any, key: str, sibling: str) -> Sequence[Any]:
    """The values under a key of an object."""
    if not isinstance(holder, dict) or sibling in holder:
        raise _UncertainError
    if key not in holder:
        return ()
    value = holder[key]
    values = value if isinstance(value, list) else (value,)
    if None in values:
        raise _UncertainError
    return values


def _same(values: list[Any], text: str) -> bool | None:
    """Whether the one value is this text; None where there is no value."""
    return values == [text] if values else None


# From syntax to conditions. -------------------------------------------------------------------------------------------


def _truth(part: Any, focus: _Items) -> _Truth:
    """An expression as condition on `focus`."""
    if isinstance(part, Binary):
        found = _binary(part, focus)
    elif isinstance(part, TypeTest):
        found = _type_test(part, focus)
    elif isinstance(part, Path) and isinstance(part.step, Call):
        found = _call(part.left, part.step, focus)
    else:
        raise _UncertainError
    if len(found.yes) + len(found.no) > _LONGEST:
        raise _UncertainError
    return found


def _binary(part: Binary, focus: _Items) -> _Truth:
    if part.operator == "=":
        return _equality(_items(part.left, focus), part.right)
    if part.operator not in ("and", "or", "xor", "implies"):
        raise _UncertainError
    one = _truth(part.left, focus)
    if decided := _DECIDED.get((part.operator, one)):
        return decided
    other = _truth(part.right, focus)
    if part.operator == "and":
        return _Truth(_all(one.yes, other.yes), _any(one.no, other.no))
    if part.operator == "or":
        return _Truth(_any(one.yes, other.yes), _all(one.no, other.no))
    if part.operator == "implies":
        return _Truth(_any(one.no, other.yes), _all(one.yes, other.no))
    differ = _any(_all(one.yes, other.no), _all(one.no, other.yes))
    return _Truth(differ, _any(_all(one.yes, other.yes), _all(one.no, other.no)))


def _all(one: str, other: str) -> str:
    if "False" in (one, other):
        return "False"
    return other if one == "True" else one if other == "True" else f"({one} and {other})"


def _any(one: str, other: str) -> str:
    if "True" in (one, other):
        return "True"
    return other if one == "False" else one if other == "False" else f"({one} or {other})"


def _equality(left: list[_Items], right: Any) -> _Truth:
    if not left:
        return _Truth("False", "False")
    if len(left) > 1 or left[0].type not in _TEXTS or not isinstance(right, Literal):
        raise _UncertainError
    if not (len(right.items) == 1 and isinstance(right.items[0], str)):
        raise _UncertainError
    values = f"[{left[0].name}{left[0].clauses}]"
    return _Truth(*(f"same({values}, {right.items[0]!r}) is {found}" for found in (True, False)))


def _type_test(part: TypeTest, focus: _Items) -> _Truth:
    if part.operator != "is" or not isinstance(part.left, Special) or part.left.name != "$this":
        raise _UncertainError
    found = is_of(Node(None, focus.type), checked(part.type, part.position))
    return _Truth(str(found), str(not found))


def _call(left: Any, call: Call, focus: _Items) -> _Truth:
    if call.name == "not" and not call.arguments:
        denied = _truth(left, focus)
        return _Truth(denied.no, denied.yes)
    items = _items(left, focus)
    if call.name == "exists" and len(call.arguments) == 1:
        items = _where(items, call.arguments[0])
    elif call.name not in ("exists", "empty") or call.arguments:
        raise _UncertainError
    exists = functools.reduce(_any, map(_exists, items), "False")
    empty = "True" if not items else f"not {exists}"
    return _Truth(exists, empty) if call.name == "exists" else _Truth(empty, exists)


def _exists(items: _Items) -> str:
    return items.call or (f"any(True{items.clauses})" if items.clauses else "True")


def _items(part: Any, focus: _Items) -> list[_Items]:
    """The values that a path leads to from `focus`, those of each type apart."""
    if isinstance(part, Special) and part.name == "$this":
        return [focus]
    if isinstance(part, Name):
        return _children(focus, part)
    if not isinstance(part, Path):
        raise _UncertainError
    left = _items(part.left, focus)
    if isinstance(part.step, Name):
        return [found for each in left for found in _children(each, part.step)]
    if part.step.name == "where" and len(part.step.arguments) == 1:
        return _where(left, part.step.arguments[0])
    if part.step.name == "ofType" and isinstance(part.step.arguments[0], Name):
        name = checked(part.step.arguments[0].name, part.step.position)
        return [each for each in left if is_exactly(Node(None, each.type), name)]
    raise _UncertainError


def _children(focus: _Items, step: Name) -> list[_Items]:
    if is_primitive(focus.type):
        return []
    places = keys_of(focus.type, step.name)
    may_be_type = step.is_first and step.name[:1].isupper()
    if not r4.kind_of(focus.type) or may_be_type or len(places) > _WIDEST or any(p.type == "Resource" for p in places):
        raise _UncertainError
    found = []
    for number, place in enumerate(places):
        name, call = f"{focus.name}_{number}", f"each({focus.name}, {place.key!r}, {place.sibling!r})"
        clauses = f"{focus.clauses} for {name} in {call}"
        found.append(_Items(place.type, name, clauses, "" if focus.clauses else call))
    return found


def _where(items: list[_Items], criterion: Any) -> list[_Items]:
    """The values that meet a criterion, in which each of them is the focus."""
    met = [_truth(criterion, _Items(one.type, one.name)).yes for one in items]
    return [one._replace(clauses=f"{one.clauses} if {yes}", call="") for one, yes in zip(items, met, strict=True)]
