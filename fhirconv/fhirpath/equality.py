"""Equality, equivalence and order of items.

Spec: http://hl7.org/fhirpath/N1/#equality, #equivalence, #comparison
"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal

from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.nodes import Node
from fhirconv.fhirpath.temporal import Temporal, compare, in_utc
from fhirconv.fhirpath.values import CALENDAR, Collection, Item, Quantity, amounts, plain


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


def _frozen(value: object, loosely: bool = False) -> Hashable:
    """A JSON value as something that compares and hashes by content; `loosely` as equivalence asks."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(one, loosely)) for key, one in value.items())
    if isinstance(value, list):
        items = [_frozen(one, loosely) for one in value]
        return tuple(sorted(items, key=repr)) if loosely else tuple(items)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, str) and loosely:
        return _folded(value)
    if not isinstance(value, Hashable):  # a Python value that is no JSON: told elsewhere, here it equals itself alone
        return id(value)
    return (value,) if isinstance(value, bool) else value


def identity(item: Item) -> Hashable:
    """A key that two items share if and only if they are surely equal: for distinct(), union and the like."""
    value = plain(item)
    if type(value) is Node:
        return _frozen(value.value) if value.value is not None else ("extra", _frozen(value.extra))
    if isinstance(value, Temporal):
        return (value.kind == "Time", value.zone is None, in_utc(value))
    if isinstance(value, Quantity):
        return ("quantity", value.value, value.code or value.unit, value.system)
    return (value,) if isinstance(value, bool) else value


def equal(left: Item, right: Item) -> bool | None:
    """Whether two items are equal; None where it cannot be decided."""
    one, other = plain(left), plain(right)
    if isinstance(one, Temporal) and isinstance(other, Temporal):
        if "Time" in (one.kind, other.kind) and one.kind != other.kind:
            return False
        found = compare(one, other)
        return None if found is None else found == 0
    if type(one) is Temporal:
        one = one.text
    if type(other) is Temporal:
        other = other.text
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        return _equal_quantities(one, other)
    if type(one) is Node and type(other) is Node:
        if isinstance(one.value, dict) and isinstance(other.value, dict) and one.value.keys() != other.value.keys():
            return False  # without looking into resources of any size
        return one.value is other.value or (one.value is not None and _frozen(one.value) == _frozen(other.value))
    if type(one) is Node or type(other) is Node or isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def _equal_quantities(one: Quantity, other: Quantity) -> bool | None:
    if one.value is None and other.value is None:
        return one == other
    pair = amounts(one, other)
    return None if pair is None else pair[0] == pair[1]


def equal_collections(left: Collection, right: Collection) -> bool | None:
    """The operator =: None if either is empty, or no pair is unequal and one is undecided."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    found = [equal(a, b) for a, b in zip(left, right, strict=True)]
    if False in found:
        return False
    return None if None in found else True


def equivalent(left: Collection, right: Collection) -> bool:
    """The operator ~: always decided, blind to order, letter case and blanks."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for item in left:
        match = next((index for index, other in enumerate(rest) if _equivalent(item, other)), None)
        if match is None:
            return False
        del rest[match]
    return True


def _equivalent(left: Item, right: Item) -> bool:
    one, other = plain(left), plain(right)
    if isinstance(one, str) and isinstance(other, str):
        return _folded(one) == _folded(other)
    if type(one) is Node and type(other) is Node:
        return _frozen(one.value, True) == _frozen(other.value, True)
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        pair = amounts(*(_in_ucum(each) for each in (one, other)))
        return pair is not None and _rounded_alike(*pair)
    if _is_number(one) and _is_number(other):
        return _rounded_alike(one, other)
    return equal(one, other) is True


def _in_ucum(quantity: Quantity) -> Quantity:
    return quantity._replace(code=CALENDAR.get(quantity.code.removesuffix("s"), quantity.code))


def _is_number(value: Item) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _rounded_alike(one: int | Decimal, other: int | Decimal) -> bool:
    """Whether two numbers are equal at the lower of their precisions."""
    places = [max(0, -int(Decimal(each).normalize().as_tuple().exponent)) for each in (one, other)]
    return round(Decimal(one), min(places)) == round(Decimal(other), min(places))


def order(left: Item, right: Item) -> int | None:
    """-1, 0 or 1 for two items of a comparable type; None where it cannot be decided. Raises FhirPathError for others."""
    one, other = plain(left), plain(right)
    if isinstance(one, Temporal) and isinstance(other, Temporal):
        return compare(one, other)
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        pair = amounts(one, other)
        return None if pair is None else (pair[0] > pair[1]) - (pair[0] < pair[1])
    if (_is_number(one) and _is_number(other)) or (isinstance(one, str) and isinstance(other, str)):
        return int(one > other) - int(one < other)
    raise FhirPathError(f"{_kind(one)} and {_kind(other)} have no order")


def _kind(value: Item) -> str:
    return value.type if isinstance(value, Node) else type(value).__name__
