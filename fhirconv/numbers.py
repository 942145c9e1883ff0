"""Numbers that keep the digits they were written with.

Spec: https://hl7.org/fhir/R4/datatypes.html#decimal (the precision of a decimal has significance).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

MAX_DIGITS = 34  # IEEE 754 decimal128; FHIR asks for 18
MAX_EXPONENT = 308  # beyond it most readers make infinity or zero of the number

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class Number(Decimal):
    """A decimal that remembers its text: `Number('1.50').text == '1.50'`, also where Decimal would rewrite it."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        """`text` is a JSON number. One whose exponent not even Decimal holds counts as infinite: over every limit."""
        try:
            number = super().__new__(cls, text)
        except InvalidOperation:
            number = super().__new__(cls, "Infinity")
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Number], tuple[str]]:
        return (Number, (self.text,))

    def __copy__(self) -> Number:
        return self

    def __deepcopy__(self, memo: object, /) -> Number:
        return self


def is_json_number(text: str) -> bool:
    """Whether `text` is a number in the grammar of JSON (RFC 8259), which is also FHIR's."""
    return _JSON_NUMBER.fullmatch(text) is not None


def read_number(text: str) -> int | Decimal:
    """The number that the JSON number `text` stands for; never loses a digit, never raises.

    A plain Decimal where it writes itself the same way (jsonschema-rs takes no subclass), else a Number.
    """
    if text.lstrip("-").isdigit() and len(text) <= 18 and text != "-0":  # an integer of 64 bits
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Number(text)
    return number if str(number) == text else Number(text)


def number_excess(value: object, most: int = MAX_DIGITS) -> str:
    """Why `value` is over the limits for numbers; empty if it is not."""
    if isinstance(value, int):
        return "" if abs(value) < 10**most else f"has more than {most} digits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "is not a finite number"  # 17 digits at most
    if not isinstance(value, Decimal):
        return ""
    if not value.is_finite():
        return f"is not a finite number, or has an exponent beyond {MAX_EXPONENT}"
    if len(str(value)) > most and len(value.as_tuple().digits) > most:
        return f"has more than {most} digits"
    if abs(value.adjusted()) > MAX_EXPONENT:
        return f"has an exponent beyond {MAX_EXPONENT}"
    return ""


class Measured(NamedTuple):
    """A printed value: a number with an optional comparator, or a range with `low` and `high`."""

    value: int | float | Decimal | None = None
    comparator: str = ""
    low: int | float | Decimal | None = None
    high: int | float | Decimal | None = None
    remark: str = ""


class Unreadable(NamedTuple):
    """Why a text is not a value, and whether it could be read in two ways."""

    reason: str
    ambiguous: bool = False


_COMPARATOR = {"<": "<", "<=": "<=", "≤": "<=", ">": ">", ">=": ">=", "≥": ">="}
_VALUE = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(-?[0-9.,]*[0-9](?:[eE][+-]?[0-9]+)?)")
_RANGE = re.compile(r"([0-9][0-9.,]*)\s*[-–]\s*([0-9][0-9.,]*)")


def _plain(text: str, mark: str) -> tuple[str, str] | Unreadable:
    """A printed number as JSON number text, and what was completed in it. `mark` is the declared decimal mark."""
    digits = text.lstrip("-")
    sign = text[: len(text) - len(digits)]
    if mark == "comma":
        grouped = re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?", digits)
        digits = (digits.replace(".", "") if grouped else digits).replace(",", ".", 1)
    elif "," in digits:
        if mark == "point" and re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", digits):
            digits = digits.replace(",", "")
        else:
            return Unreadable(_comma_readings(sign, digits, mark), ambiguous=True)
    if is_json_number(sign + digits):
        return sign + digits, ""
    if digits.startswith(".") and is_json_number(f"{sign}0{digits}"):
        return f"{sign}0{digits}", f"read as {sign}0{digits}"
    return Unreadable(
        f"is not a number; write it like {(digits.lstrip('0.,') or '0')[:1]}.5, without blanks or signs in it"
    )


def _comma_readings(sign: str, digits: str, mark: str) -> str:
    """The two readings of a number with a comma, and what decides."""
    if "." in digits:  # both marks: the last one is the decimal mark
        last = max(digits.rfind(","), digits.rfind("."))
        plain = re.sub("[.,]", "", digits[:last]) + "." + digits[last + 1 :]
        return f"has two marks; write {sign}{plain}, if that is meant"
    as_decimal = sign + digits.replace(",", ".", 1)
    as_thousands = sign + digits.replace(",", "")
    if mark:
        return f"has a comma, and the decimal mark of this case is the {mark}; write {as_decimal} or {as_thousands}"
    return (
        f"can be read as {as_decimal} or {as_thousands}; write the number with a point, "
        "or declare 'conventions: {decimal_mark: comma}' (or point) in the case"
    )


def read_measured(value: object, mark: str = "") -> Measured | Unreadable:
    """A value as printed ('9.8', '<20', '60-120') taken apart; `mark` is the case's declared decimal mark.

    Never guesses: a text that is no number, or could be two, gives Unreadable with both readings.
    """
    if isinstance(value, Decimal) and mark == "comma" and re.fullmatch(r"-?[0-9]{1,3}\.[0-9]{3}", str(value)):
        return Unreadable(
            f"can be read as {value} or {str(value).replace('.', '')} in a case that declares a decimal comma; "
            "put it in quotes with the mark you mean",
            ambiguous=True,
        )
    if not isinstance(value, str):
        return Measured(value=value)  # type: ignore[arg-type]
    text = value.strip()
    span = _RANGE.fullmatch(text)
    if span:
        ends = [_plain(end, mark) for end in span.groups()]
        for end in ends:
            if isinstance(end, Unreadable):
                return end
        low, high = (read_number(end[0]) for end in ends)
        if low > high:
            return Unreadable(f"is a range whose low end {low} is above its high end {high}")
        return Measured(low=low, high=high)
    found = _VALUE.fullmatch(text)
    if not found:
        return Unreadable(_hint(text))
    number = _plain(found[2], mark)
    if isinstance(number, Unreadable):
        return number
    return Measured(read_number(number[0]), _COMPARATOR.get(found[1] or "", ""), remark=number[1])


def _hint(text: str) -> str:
    """What to do with a value that is no number."""
    if re.fullmatch(r"[0-9.]+\s*~\s*[0-9.]+", text):
        return "is not a number; write a range as " + shown_range(text)
    if re.match(r"[<>=]*\s*[0-9]", text):
        return "is more than a number; put the unit in 'unit', a flag such as (H) in 'interpretation', and words in 'result'"
    return "is not a number; put a result in words ('negative', '3+') in 'result'"


def shown_range(text: str) -> str:
    """'60~120' as '60-120'."""
    return "'" + re.sub(r"\s*~\s*", "-", text) + "'"
