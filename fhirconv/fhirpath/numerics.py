"""Operators and functions on numbers, quantities and times. What cannot be computed (1 / 0, overflow) is nothing.

Spec: http://hl7.org/fhirpath/N1/#math-1, #math, #datetime-arithmetic
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.registry import function
from fhirconv.fhirpath.running import Run
from fhirconv.fhirpath.temporal import Temporal, add
from fhirconv.fhirpath.values import CALENDAR, WORDS, Collection, Quantity, amounts, single, text_of

_LIMIT = 2**63
_LARGEST = 10**40  # of a decimal: beyond it digits would be lost or memory filled
# UCUM units that may be added to a time; its month and year have a fixed length, which the calendar's have not.
_CALENDAR_OF = {code: word for word, code in CALENDAR.items() if word not in ("month", "year")}


def _result(value: Any) -> Collection:
    """A number within the limits; nothing otherwise."""
    if isinstance(value, float):
        value = Decimal(repr(value)) if math.isfinite(value) else Decimal("NaN")
    if isinstance(value, int):
        return [value] if -_LIMIT <= value < _LIMIT else []
    return [value] if value.is_finite() and abs(value) < _LARGEST else []


def is_number(value: Any) -> bool:
    """Whether a system value is an integer or decimal."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _divided(one: Any, other: Any) -> Any:
    return Decimal(one) / Decimal(other)


def _whole(one: Any, other: Any) -> int:
    return int(Decimal(one) / Decimal(other) if abs(one) < _LARGEST else math.nan)


def _rest(one: Any, other: Any) -> Any:
    return one - other * _whole(one, other)


_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": _divided,
    "div": _whole,
    "mod": _rest,
}


def calculate(run: Run, operator: str, left: Collection, right: Collection) -> Collection:
    """The operators + - * / div mod."""
    one, other = single(left, f"'{operator}'"), single(right, f"'{operator}'")
    if one is None or other is None:
        return []
    if operator == "+" and isinstance(one, str) and isinstance(other, str):
        run.spend_text(len(one) + len(other))
        return [one + other]
    if is_number(one) and is_number(other):
        try:
            return _result(_NUMBERS[operator](one, other))
        except (ArithmeticError, ValueError):
            return []
    if isinstance(one, Temporal) and isinstance(other, Quantity) and operator in "+-":
        return _moved(one, other, operator)
    if isinstance(one, Quantity) and isinstance(other, Quantity) and operator in "+-":
        return _combined(one, other, operator)
    raise FhirPathError(f"'{operator}' cannot be applied to these values")


def _moved(moment: Temporal, by: Quantity, operator: str) -> Collection:
    unit = by.code.removesuffix("s") if by.code in WORDS else _CALENDAR_OF.get(by.code, "")
    if not unit:
        raise FhirPathError("only calendar units ('4 days') can be added to a date or time")
    if by.value is None or not -_LIMIT < by.value < _LIMIT:
        return []
    amount = Decimal(by.value if unit.endswith("second") else int(by.value))
    found = add(moment, -amount if operator == "-" else amount, unit)
    return [] if found is None else [found]


def _combined(one: Quantity, other: Quantity, operator: str) -> Collection:
    if not one.same_unit(other) or amounts(one, other) is None:
        return []
    return [one._replace(value=value) for value in _result(_NUMBERS[operator](one.value, other.value))]


def negated(items: Collection) -> Collection:
    """The operator - before a value."""
    value = single(items, "'-'")
    if isinstance(value, Quantity) and value.value is not None:
        return [value._replace(value=-value.value)]
    if value is not None and not is_number(value):
        raise FhirPathError("'-' cannot be applied to this value")
    return [] if value is None else [-value]


def joined(run: Run, left: Collection, right: Collection) -> Collection:
    """The operator &: text after text, nothing counting as ''."""
    parts = []
    for items in (left, right):
        if len(items) > 1:
            raise FhirPathError(f"'&' joins single values, and there are {len(items)}")
        parts.append((text_of(items[0]) if items else "") or "")
    run.spend_text(len(parts[0]) + len(parts[1]))
    return ["".join(parts)]


def _declare(name: str, change: Callable[..., Any], arguments: tuple[int, int] = (0, 0)) -> None:
    @function(name, *arguments)
    def compute(run: Run, items: Collection, *others: Collection) -> Collection:
        values = [single(one, f"{name}()") for one in (items, *others)]
        if None in values:
            return []
        first = values[0]
        if isinstance(first, Quantity) and name == "abs":
            return [first._replace(value=abs(Decimal(first.value or 0)))]
        if not all(map(is_number, values)):
            raise FhirPathError(f"{name}() works on numbers")
        try:
            return _result(change(*values))
        except (ArithmeticError, ValueError):
            return []


def _rounded(value: Any, places: int = 0) -> Decimal:
    if places < 0:
        raise FhirPathError("round() needs a precision that is not negative")
    return Decimal(value).quantize(Decimal(1).scaleb(-min(places, 28)), ROUND_HALF_UP)


def _power(value: Any, exponent: Any) -> Any:
    if isinstance(value, int) and isinstance(exponent, int) and exponent >= 0:
        return value**exponent if abs(value) < 2 or exponent < 64 else _LIMIT
    found = float(value) ** float(exponent)
    return found if isinstance(found, float) else math.nan


def _floor(value: Any) -> int:
    return math.floor(value) if abs(value) < _LARGEST else _LIMIT


_declare("abs", abs)
_declare("ceiling", lambda value: -_floor(-value))
_declare("floor", _floor)
_declare("truncate", lambda value: int(value) if abs(value) < _LARGEST else _LIMIT)
_declare("round", _rounded, (0, 1))
_declare("sqrt", lambda value: Decimal(value).sqrt())
_declare("exp", lambda value: math.exp(value))
_declare("ln", lambda value: math.log(value))
_declare("log", lambda value, base: math.log(value) / math.log(base), (1, 1))
_declare("power", _power, (1, 1))
