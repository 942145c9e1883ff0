"""Conversions between system types: toX() and convertsToX(). What cannot be converted is nothing.

Spec: http://hl7.org/fhirpath/N1/#conversion
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from fhirconv.fhirpath.registry import function
from fhirconv.fhirpath.running import Run
from fhirconv.fhirpath.temporal import Temporal, read_temporal, read_time
from fhirconv.fhirpath.values import WORDS, Collection, Item, Quantity, single, text_of

_INTEGER = re.compile(r"[+-]?\d{1,19}")
_DECIMAL = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?")
_QUANTITY = re.compile(r"([+-]?\d{1,40}(?:\.\d{1,40})?)\s*(?:'([^']+)'|([a-z]+))?")
_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))

Convert = Callable[[Item], Item | None]


def _to_boolean(value: Item) -> bool | None:
    word = (text_of(value) or "").lower()
    if isinstance(value, bool):
        return value
    return True if word in _TRUE else False if word in _FALSE else None


def _to_integer(value: Item) -> int | None:
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _to_decimal(value: Item) -> Decimal | None:
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def _to_quantity(value: Item) -> Quantity | None:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal):
        return Quantity(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if not found or (found[3] and found[3] not in WORDS):
        return None
    return Quantity(Decimal(found[1]), found[2] or found[3] or "1")


def _to_date(value: Item) -> Temporal | None:
    found = value if isinstance(value, Temporal) else read_temporal(value) if isinstance(value, str) else None
    if found is None or found.kind == "Time":
        return None
    return found if found.kind == "Date" else read_temporal(found.text.partition("T")[0])


def _to_date_time(value: Item) -> Temporal | None:
    found = value if isinstance(value, Temporal) else read_temporal(value) if isinstance(value, str) else None
    return None if found is None or found.kind == "Time" else found._replace(kind="DateTime")


def _to_time(value: Item) -> Temporal | None:
    if isinstance(value, Temporal):
        return value if value.kind == "Time" else None
    return read_time(value) if isinstance(value, str) else None


def _declare(name: str, convert: Convert) -> None:
    @function(f"to{name}", 0, 1 if name == "Quantity" else 0)
    def run_conversion(run: Run, items: Collection, *unit: Collection) -> Collection:
        value = single(items, f"to{name}()")
        found = None if value is None else convert(value)
        return [] if found is None else [found]

    @function(f"convertsTo{name}", 0, 1 if name == "Quantity" else 0)
    def run_test(run: Run, items: Collection, *unit: Collection) -> Collection:
        value = single(items, f"convertsTo{name}()")
        return [] if value is None else [convert(value) is not None]


_declare("Boolean", _to_boolean)
_declare("Integer", _to_integer)
_declare("Decimal", _to_decimal)
_declare("Quantity", _to_quantity)
_declare("Date", _to_date)
_declare("DateTime", _to_date_time)
_declare("Time", _to_time)
_declare("String", text_of)
