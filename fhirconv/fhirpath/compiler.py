"""From syntax to closures: each part of an expression becomes one function of the items before it.

Spec: http://hl7.org/fhirpath/N1/#operations
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fhirconv.fhirpath import collections, conversions, fhir, numerics, strings  # noqa: F401 - they declare functions
from fhirconv.fhirpath.equality import equal_collections, equivalent, order
from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.nodes import Node, bases, named
from fhirconv.fhirpath.registry import FUNCTIONS, yes_no
from fhirconv.fhirpath.running import Evaluate, Run
from fhirconv.fhirpath.syntax import Binary, Call, External, Index, Literal, Name, Path, Sign, Special, TypeTest
from fhirconv.fhirpath.types import checked, is_exactly, is_of
from fhirconv.fhirpath.values import UCUM, Collection, single, truth

_CONSTANTS = {"ucum": UCUM, "sct": "http://snomed.info/sct", "loinc": "http://loinc.org"}
_FOLDERS = {"vs-": "http://hl7.org/fhir/ValueSet/", "ext-": "http://hl7.org/fhir/StructureDefinition/"}
_TYPE_FUNCTIONS = ("is", "as", "ofType")


def compiled(part: Any) -> Evaluate:
    """The function of a part of an expression. Raises FhirPathError for functions, variables and types unknown."""
    return _COMPILERS[type(part)](part)


def _literal(part: Literal) -> Evaluate:
    items = list(part.items)
    return lambda focus, run: items


def _special(part: Special) -> Evaluate:
    if part.name == "$this":
        return lambda focus, run: run.this
    if part.name == "$total":
        return lambda focus, run: run.total
    return lambda focus, run: [] if run.index is None else [run.index]


def _external(part: External) -> Evaluate:
    name = part.name
    constant = _CONSTANTS.get(name)
    for prefix, folder in _FOLDERS.items():
        if name.startswith(prefix):
            constant = folder + name.removeprefix(prefix)
    if constant:
        return lambda focus, run: [constant]
    if name == "resource":
        return lambda focus, run: [run.env.resource]
    if name == "rootResource":
        return lambda focus, run: [run.env.root]
    if name == "context":
        return lambda focus, run: [run.context]
    raise FhirPathError(f"%{name} is no variable of FHIRPath or FHIR", part.position)


def _name(part: Name) -> Evaluate:
    name = part.name
    may_be_type = part.is_first and name[:1].isupper()

    def step(focus: Collection, run: Run) -> Collection:
        found: Collection = []
        for item in focus:
            if type(item) is Node:
                if may_be_type and name in bases(item.type):
                    found.append(item)
                else:
                    found += named(item, name)
        run.spend(1 + len(found))
        return found

    return step


def _path(part: Path) -> Evaluate:
    left, step = compiled(part.left), compiled(part.step)
    return lambda focus, run: step(left(focus, run), run)


def _index(part: Index) -> Evaluate:
    left, index = compiled(part.left), compiled(part.index)

    def pick(focus: Collection, run: Run) -> Collection:
        items, place = left(focus, run), single(index(run.this, run), "an index")
        if place is None:
            return []
        if not isinstance(place, int):
            raise FhirPathError("an index is an integer")
        return items[place : place + 1] if place >= 0 else []

    return pick


def _call(part: Call) -> Evaluate:
    name, position = part.name, part.position
    if name in _TYPE_FUNCTIONS and len(part.arguments) == 1:
        return _type_test(name, _type_name(part.arguments[0], position), position)
    found = FUNCTIONS.get(name)
    if found is None:
        raise FhirPathError(f"{name}() is no function of FHIRPath or FHIR", position)
    if not found.fewest <= len(part.arguments) <= found.most:
        raise FhirPathError(f"{name}() does not take {len(part.arguments)} arguments", position)
    run_function, arguments = found.run, [compiled(one) for one in part.arguments]
    if not arguments:
        return lambda focus, run: run_function(run, focus)
    if found.lazy:
        return lambda focus, run: run_function(run, focus, *arguments)
    if len(arguments) == 1:
        argument = arguments[0]
        return lambda focus, run: run_function(run, focus, argument(run.this, run))
    return lambda focus, run: run_function(run, focus, *[one(run.this, run) for one in arguments])


def _type_name(part: Any, position: int) -> str:
    if isinstance(part, Name):
        return part.name
    if isinstance(part, Path) and isinstance(part.left, Name) and isinstance(part.step, Name):
        return f"{part.left.name}.{part.step.name}"
    raise FhirPathError("the name of a type must stand in the parentheses", position)


def _type_test(operator: str, type_name: str, position: int) -> Evaluate:
    """The functions is(), as(), ofType(), on what stands before them. as() takes many items, as dom-3 needs it."""
    name = checked(type_name, position)
    if operator == "is":
        return lambda focus, run: [is_of(focus[0], name)] if len(focus) == 1 else _none_of(focus)
    return lambda focus, run: [item for item in focus if is_exactly(item, name)]


def _none_of(focus: Collection) -> Collection:
    if focus:
        raise FhirPathError(f"'is' tests one item, and there are {len(focus)}")
    return []


def _type_operator(part: TypeTest) -> Evaluate:
    left = compiled(part.left)
    test = _type_test(part.operator, part.type, part.position)
    return lambda focus, run: test(left(focus, run), run)


def _sign(part: Sign) -> Evaluate:
    operand = compiled(part.operand)
    if part.sign == "+":
        return operand
    return lambda focus, run: numerics.negated(operand(focus, run))


def _and(left: Evaluate, right: Evaluate) -> Evaluate:
    def both(focus: Collection, run: Run) -> Collection:
        one = truth(left(focus, run))
        if one is False:
            return [False]
        other = truth(right(focus, run))
        return [False] if other is False else [] if one is None or other is None else [True]

    return both


def _or(left: Evaluate, right: Evaluate) -> Evaluate:
    def either(focus: Collection, run: Run) -> Collection:
        one = truth(left(focus, run))
        if one:
            return [True]
        other = truth(right(focus, run))
        return [True] if other else [] if one is None or other is None else [False]

    return either


def _implies(left: Evaluate, right: Evaluate) -> Evaluate:
    def denied(focus: Collection, run: Run) -> Collection:
        one = truth(left(focus, run))
        return [] if one is None else [not one]

    return _or(denied, right)


def _xor(left: Evaluate, right: Evaluate) -> Evaluate:
    def one_of_two(focus: Collection, run: Run) -> Collection:
        one, other = truth(left(focus, run)), truth(right(focus, run))
        return [] if one is None or other is None else [one is not other]

    return one_of_two


_LOGIC = {"and": _and, "or": _or, "implies": _implies, "xor": _xor}

_ORDER: dict[str, Callable[[int], bool]] = {
    "<": lambda found: found < 0,
    ">": lambda found: found > 0,
    "<=": lambda found: found <= 0,
    ">=": lambda found: found >= 0,
}


def _compared(operator: str, left: Collection, right: Collection) -> Collection:
    if not left or not right:
        return []
    if len(left) > 1 or len(right) > 1:
        raise FhirPathError(f"'{operator}' compares single items")
    found = order(left[0], right[0])
    return [] if found is None else [_ORDER[operator](found)]


def _apply(operator: str, run: Run, left: Collection, right: Collection) -> Collection:
    """The operators that need both sides, other than those of _EQUALITY."""
    run.spend()
    if operator in _ORDER:
        return _compared(operator, left, right)
    if operator == "|":
        return collections.union(run, left, right)
    if operator == "&":
        return numerics.joined(run, left, right)
    if operator == "in":
        return collections.contains(run, right, left, operator)
    if operator == "contains":
        return collections.contains(run, left, right, operator)
    return numerics.calculate(run, operator, left, right)


def _differ(left: Collection, right: Collection) -> bool | None:
    found = equal_collections(left, right)
    return None if found is None else not found


_EQUALITY: dict[str, Callable[[Collection, Collection], bool | None]] = {
    "=": equal_collections,
    "!=": _differ,
    "~": equivalent,
    "!~": lambda left, right: not equivalent(left, right),
}


def _binary(part: Binary) -> Evaluate:
    operator, left, right = part.operator, compiled(part.left), compiled(part.right)
    if operator in _LOGIC:
        return _LOGIC[operator](left, right)
    if operator in _EQUALITY:
        test = _EQUALITY[operator]
        return lambda focus, run: yes_no(test(left(focus, run), right(focus, run)))
    apply = functools.partial(_apply, operator)
    return lambda focus, run: apply(run, left(focus, run), right(focus, run))


_COMPILERS: dict[type, Callable[[Any], Evaluate]] = {
    Literal: _literal,
    Special: _special,
    External: _external,
    Name: _name,
    Path: _path,
    Index: _index,
    Call: _call,
    TypeTest: _type_operator,
    Sign: _sign,
    Binary: _binary,
}
