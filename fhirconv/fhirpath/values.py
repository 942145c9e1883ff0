"""The system values that expressions compute with, and how FHIR's elements become such values.

A collection is a list of items; an item is a Node or a system value: bool, int, Decimal, str, Temporal, Quantity.
Spec: https://hl7.org/fhir/R4/fhirpath.html#types (implicit conversion), http://hl7.org/fhirpath/N1/#literals
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.nodes import Node
from fhirconv.fhirpath.temporal import Temporal, read_temporal, read_time

Item = Any
Collection = list[Item]

UCUM = "http://unitsofmeasure.org"
QUANTITIES = frozenset(("Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity"))
_MOMENTS = frozenset(("date", "dateTime", "instant"))

# Factors to the first unit of each row; calendar words stand for UCUM units where these are exact.
_ROWS: tuple[dict[str, str], ...] = (
    {"ms": "0.001", "s": "1", "min": "60", "h": "3600", "d": "86400", "wk": "604800"},
    {"mo": "1", "a": "12"},
    {"month": "1", "year": "12"},
    {
        "ng": "1e-9",
        "ug": "1e-6",
        "mg": "0.001",
        "g": "1",
        "kg": "1000",
        "[lb_av]": "453.59237",
        "[oz_av]": "28.349523125",
    },
    {"um": "1e-6", "mm": "0.001", "cm": "0.01", "m": "1", "km": "1000", "[in_i]": "0.0254", "[ft_i]": "0.3048"},
    {"uL": "1e-6", "mL": "0.001", "cL": "0.01", "dL": "0.1", "L": "1", "ml": "0.001", "dl": "0.1", "l": "1"},
)
_FACTORS = {unit: (row, Decimal(factor)) for row, units in enumerate(_ROWS) for unit, factor in units.items()}
CALENDAR = {
    "year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}  # fmt: skip
WORDS = CALENDAR | {word + "s": unit for word, unit in CALENDAR.items()}


class Quantity(NamedTuple):
    """`code` is the UCUM code, or the code of another `system`; `unit` the text that a person reads."""

    value: int | Decimal | None
    code: str = "1"
    system: str = UCUM
    unit: str = ""

    def same_unit(self, other: Quantity) -> bool:
        """Whether the two can be compared as they are. HL7's validator also takes equal unit texts for equal units."""
        if self.code and other.code:
            return (_ucum(self.code), self.system) == (_ucum(other.code), other.system)
        return self.unit == other.unit


def _ucum(code: str) -> str:
    """A calendar word as UCUM code; year and month, whose length UCUM fixes and the calendar does not, stay words."""
    word = code.removesuffix("s")
    return code if word not in CALENDAR else word if word in ("year", "month") else CALENDAR[word]


def amounts(left: Quantity, right: Quantity) -> tuple[int | Decimal, int | Decimal] | None:
    """The two numbers in one unit; None if a number is missing or the units are not known to be convertible."""
    if left.value is None or right.value is None:
        return None
    if left.same_unit(right):
        return left.value, right.value
    row, factor = _FACTORS.get(_ucum(left.code), (-1, Decimal(1)))
    other_row, other_factor = _FACTORS.get(_ucum(right.code), (-2, Decimal(1)))
    if row != other_row or left.system != UCUM or right.system != UCUM:
        return None
    return left.value * factor, right.value * other_factor


def _quantity(node: Node) -> Quantity:
    value = node.value
    number = system_number(value.get("value"))
    code, system, unit = (value.get(key) for key in ("code", "system", "unit"))
    texts = [one if isinstance(one, str) else "" for one in (code, system, unit)]
    return Quantity(number, *texts)


def system_number(value: object) -> int | Decimal | None:
    """A number of JSON as int or Decimal; None for anything else."""
    if isinstance(value, float):
        return Decimal(repr(value))
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def plain(item: Item) -> Item:
    """The system value of an item; a Node that has none (a complex type, a primitive without value) stays a Node."""
    if type(item) is not Node:
        return item
    value = item.value
    if type(value) is str:
        if item.type in _MOMENTS:
            return read_temporal(value) or value
        return (read_time(value) or value) if item.type == "time" else value
    if isinstance(value, dict):
        return _quantity(item) if item.type in QUANTITIES else item
    if isinstance(value, float):
        return Decimal(repr(value))
    return value if isinstance(value, bool | int | Decimal) else item


def single(items: Collection, what: str) -> Item | None:
    """The system value of the one item; None for an empty collection. Raises FhirPathError for more."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f"{what} works on one item, and there are {len(items)}")
    return plain(items[0])


def truth(items: Collection) -> bool | None:
    """A collection as condition: None for empty; one item that is no boolean counts as true, several are an error.

    Spec: http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f"a condition has one value, and there are {len(items)}")
    item = items[0]
    value = item.value if type(item) is Node else item
    return value if isinstance(value, bool) else True


def text_of(item: Item) -> str | None:
    """An item as toString() writes it; None where it has no text form."""
    value = item.value if type(item) is Node and not isinstance(item.value, dict) else plain(item)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Temporal):
        return value.text
    if isinstance(value, Quantity):
        unit = value.code if value.code in WORDS else f"'{value.code}'"
        return None if value.value is None else f"{text_of(value.value)} {unit}"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Decimal):
        return str(value) if type(value) is not Decimal else f"{value:f}" if abs(value.adjusted()) < 40 else str(value)
    return str(value) if isinstance(value, str | int) else None
