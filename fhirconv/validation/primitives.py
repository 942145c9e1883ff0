"""The forms of R4's primitive types: JSON type, pattern, calendar, limits.

Spec: https://hl7.org/fhir/R4/datatypes.html#primitive, https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal

from fhirconv.issues import shown
from fhirconv.r4 import pattern_of

MAX_STRING = 1024 * 1024  # characters; R4 says 1 MB
_MAX_INTEGER = 2**31 - 1

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_LEAST = {"integer": -_MAX_INTEGER - 1, "unsignedInt": 0, "positiveInt": 1}

_WANTED = {
    "date": "YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone (Z or +09:00)",
    "instant": "YYYY-MM-DDThh:mm:ss with a zone (Z or +09:00)",
    "time": "hh:mm:ss",
    "id": "1 to 64 letters, digits, '-' and '.'",
    "code": "text without blanks at its ends or two blanks in a row",
    "oid": "urn:oid: and numbers with dots",
    "uuid": "urn:uuid: and a UUID in lower case",
    "uri": "a URI without blanks",
    "url": "a URL without blanks",
    "canonical": "an absolute URL, or # and an id",
    "base64Binary": "base64, in groups of four characters",
}


def json_type_problem(type_name: str, value: object) -> str:
    """Why a value has not the JSON type of a primitive type; '' if it has. Nothing is coerced."""
    if isinstance(value, dict | list):
        return f"expected a value of type {type_name}, found {'an object' if isinstance(value, dict) else 'a list'}"
    if isinstance(value, bool) and type_name != "boolean":
        return f"{str(value).lower()} is a boolean, and a value of type {type_name} was expected"
    if type_name == "boolean":
        return "" if isinstance(value, bool) else f"{shown(value)} is not true or false (without quotes)"
    if type_name in _LEAST:
        if isinstance(value, int) or (isinstance(value, Decimal) and str(value).lstrip("-").isdecimal()):
            return ""  # a file's whole number of more than 18 digits is read as a Decimal
        return f"{shown(value)} is not a whole number (without quotes, decimal point and exponent)"
    if type_name == "decimal":
        if isinstance(value, int | float | Decimal):
            return ""
        return f"{shown(value)} is not a number (without quotes)"
    return "" if isinstance(value, str) else f"{shown(value)} is not a text in quotes, which {type_name} needs"


def form_problem(type_name: str, value: object) -> str:
    """Why a value of the right JSON type has not the form of its primitive type; '' if it has."""
    if isinstance(value, bool):
        return ""
    if type_name in _LEAST and isinstance(value, int | Decimal):
        least = _LEAST[type_name]
        return "" if least <= value <= _MAX_INTEGER else f"{shown(value)} is not from {least} to {_MAX_INTEGER}"
    return _text_problem(type_name, value) if isinstance(value, str) else ""  # digits are counted when a file is read


def _text_problem(type_name: str, text: str) -> str:
    if not text:
        return "is empty; leave the element out"
    if len(text) > MAX_STRING and type_name not in ("base64Binary", "xhtml"):
        return f"has {len(text)} characters; at most {MAX_STRING} are allowed"
    if not text.isprintable() and (bad := _CONTROL.search(text)):
        return f"holds the control character U+{ord(bad.group()):04X}; remove it"
    if text.isspace():
        return "is blank; leave the element out"
    special = _SPECIAL.get(type_name)
    if special:
        return special(text)
    return _by_pattern(type_name, text)


def _by_pattern(type_name: str, text: str) -> str:
    pattern = pattern_of(type_name)
    if pattern is None or pattern.fullmatch(text):
        return ""
    return f"{shown(text)} is not {_WANTED.get(type_name, f'of the form of {type_name}')}"


def _plain(text: str) -> str:
    return ""  # any text: what R4's pattern for string says was checked above


def _date(type_name: str, text: str) -> str:
    wrong = _by_pattern(type_name, text)
    if wrong or len(text) < 10:
        return wrong
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    return "" if day <= monthrange(year, month)[1] else f"{shown(text)} is not a day of the calendar"


def _uri(type_name: str, text: str) -> str:
    wrong = _by_pattern(type_name, text)
    if wrong:
        return wrong
    if text.startswith(("oid:", "uuid:")):
        return f"{shown(text)} lacks 'urn:' before it"
    if text.startswith("urn:oid:"):
        return _by_pattern("oid", text)
    if text.startswith("urn:uuid:"):
        return _by_pattern("uuid", text)
    return ""


def _canonical(text: str) -> str:
    wrong = _uri("canonical", text.partition("|")[0])
    if wrong or text.startswith("#") or _SCHEME.match(text):
        return wrong
    return f"{shown(text)} is not {_WANTED['canonical']}"


def _base64(text: str) -> str:
    packed = re.sub(r"[ \t\r\n]", "", text)
    try:
        base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return f"{shown(text, 20)} is not {_WANTED['base64Binary']}"
    return ""


def _code(text: str) -> str:
    wrong = _by_pattern("code", text)
    if not wrong and any(sign.isspace() and sign != " " for sign in text):
        return f"{shown(text)} is not {_WANTED['code']}, and only plain blanks"
    return wrong


_SPECIAL: dict[str, Callable[[str], str]] = {
    "string": _plain,
    "markdown": _plain,
    "xhtml": _plain,
    **{name: functools.partial(_date, name) for name in ("date", "dateTime", "instant")},
    **{name: functools.partial(_uri, name) for name in ("uri", "url")},
    "canonical": _canonical,
    "code": _code,
    "base64Binary": _base64,
}
