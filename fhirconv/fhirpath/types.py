"""What type an item has: is, as, ofType().

A name without namespace is a FHIR type if there is one, else a system type: 'boolean' is FHIR's, 'Boolean' the system's.
Spec: http://hl7.org/fhirpath/N1/#types, https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from decimal import Decimal

from fhirconv import r4
from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.nodes import Node, bases, is_primitive
from fhirconv.fhirpath.temporal import Temporal
from fhirconv.fhirpath.values import Item, Quantity

_SYSTEM = frozenset(("Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "Any"))
_SHORTHAND = {"SimpleQuantity": "Quantity", "MoneyQuantity": "Quantity"}


def checked(name: str, position: int) -> str:
    """A type's name with its namespace. Raises FhirPathError for a type that there is not."""
    space, _, plain = name.rpartition(".")
    if space in ("", "FHIR") and (r4.kind_of(plain) or plain in _SHORTHAND):
        return f"FHIR.{_SHORTHAND.get(plain, plain)}"
    if space in ("", "System") and plain in _SYSTEM:
        return f"System.{plain}"
    if space and "." not in space and r4.kind_of(name) == "backbone":
        return f"FHIR.{name}"
    raise FhirPathError(f"{name!r} is no type of R4 or FHIRPath", position)


def system_type(value: Item) -> str:
    """The name of a system value's type."""
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, Temporal):
        return value.kind
    pairs = ((int, "Integer"), (Decimal, "Decimal"), (str, "String"), (Quantity, "Quantity"))
    return next((name for kind, name in pairs if isinstance(value, kind)), "")


def is_of(item: Item, name: str) -> bool:
    """Whether an item is of a type, or of one derived from it; `name` as `checked` gives it."""
    space, _, plain = name.partition(".")
    if type(item) is not Node:
        return space == "System" and plain in (system_type(item), "Any")
    return space == "FHIR" and plain in bases(item.type)


def is_exactly(item: Item, name: str) -> bool:
    """As `is_of`, but a primitive is of its own type alone: for `as`, as in HL7's validator (a code is no string there)."""
    if type(item) is Node and is_primitive(item.type):
        return name == f"FHIR.{item.type}"
    return is_of(item, name)
