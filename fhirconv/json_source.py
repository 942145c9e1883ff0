"""JSON (RFC 8259) read losslessly: digits kept, duplicate keys reported, places found when they are needed."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirconv.document import LIMITS, RAISE, Document, Limits, Places, audit, escape_pointer, is_clean, unreadable
from fhirconv.issues import Issue, Place, shown
from fhirconv.memory import Memory
from fhirconv.numbers import number_excess, read_number

if TYPE_CHECKING:
    import msgspec


def read_json(text: str, name: str, limits: Limits = LIMITS) -> Document:
    """The document of a JSON text; what is wrong stands in its issues."""
    if next(_texts) >= _MADE_READY:
        data = read_fast(text, limits)
        if data is not UNSURE:
            return Document(name, text, data, places=JsonPlaces(text), limits=limits)
    return read_exactly(text, name, limits)


_texts = itertools.count()
_MADE_READY = 16  # texts: importing msgspec takes as long as reading 150 cases exactly, so a command with one has no use of it
UNSURE: Any = object()


def read_fast(text: str, limits: Limits = LIMITS) -> Any:
    """The value of a JSON text in which nothing is wrong, as `read_exactly` reads it; UNSURE if anything may be.

    msgspec takes nothing that is not JSON, no control character and no half of a surrogate pair as they stand, and reads
    all else the same way but for repeated keys, of which it keeps the last, -0 and long integers. With a key that is lost
    two quotes are, which the text has more than what was read.
    """
    try:
        data = _decoder(limits.digits).decode(text)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return UNSURE
    found = _count(data, limits.depth)
    if found is None or 2 * found.texts != (_ESCAPED.sub("", text) if "\\" in text else text).count('"'):
        return UNSURE
    most, whole = 10 ** min(limits.digits, _SAFE_INTEGER), found.integers
    if whole and (not -most < min(whole) <= max(whole) < most or (0 in whole and _MINUS_ZERO.search(text))):
        return UNSURE
    return data if _shows_no_fault(text, limits) or is_clean(data, limits) else UNSURE


_ESCAPED = re.compile(r"\\.")
_MINUS_ZERO = re.compile(r"-0(?![0-9.eE])")
_SAFE_INTEGER = 17  # digits: so far `read_number` gives integers, with sign and all


@functools.lru_cache(maxsize=4)
def _decoder(digits: int) -> msgspec.json.Decoder[Any]:
    """A decoder that refuses numbers over the limits, but for integers."""
    import msgspec

    def number(text: str) -> int | Decimal:
        found = read_number(text)
        if number_excess(found, digits):
            raise ValueError
        return found

    numbers = Memory(number, most=16384)  # the results of most cases are alike
    return msgspec.json.Decoder(float_hook=numbers.__getitem__)


class Count(NamedTuple):
    """How many texts a value holds, keys among them, and its whole numbers."""

    texts: int
    integers: list[int]


def _count(data: Any, depth: int) -> Count | None:
    """Counts what the value of a JSON text holds; None if it is nested deeper."""
    level, texts = [data], 0
    integers: list[int] = []
    for _ in range(depth + 1):
        below: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is str:
                texts += 1
            elif kind is dict:
                texts += len(value)
                below += value.values()
            elif kind is list:
                below += value
            elif kind is int:
                integers.append(value)
        if not below:
            return Count(texts, integers)
        level = below
    return None


def _shows_no_fault(text: str, limits: Limits) -> bool:
    """Whether it is plain from a JSON text that no text in it has a forbidden character, or is too long."""
    return (
        len(text) <= min(limits.text, limits.nodes)  # a value has one character at least
        and "\\" not in text
        and "\ufffe" not in text
        and "\uffff" not in text
    )


def read_exactly(text: str, name: str, limits: Limits = LIMITS) -> Document:
    """The document of a JSON text, with every finding; `read_fast` is held against this."""
    document = Document(name, text, places=JsonPlaces(text), limits=limits)
    repeated = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        made = dict(items)
        repeated = repeated or len(made) != len(items)
        return made

    try:
        document.data = json.loads(
            text, parse_float=read_number, parse_int=read_number, parse_constant=_no_constant, object_pairs_hook=pairs
        )
    except RecursionError:
        return unreadable(name, "too-deep", f"is nested more than {limits.depth} levels deep; {RAISE}", 1, 1)
    except json.JSONDecodeError as error:
        return unreadable(name, "not-json", _json_problem(text, error), error.lineno, error.colno)
    except _ConstantError as error:
        start = next((m.start(2) for m in _VALUE.finditer(text) if m[2] == str(error)), 0)
        before = text[:start]
        message = f"{error} is not JSON; leave the field out, or say 'absent'"
        return unreadable(name, "not-json", message, before.count("\n") + 1, len(before) - before.rfind("\n"))
    if repeated:
        document.places = {}
        for pointer, key, at in json_walk(text):
            if key is not None and pointer in document.places:
                message = f"key {shown(key)} stands twice in one object; keep one of them"
                document.issues.append(Issue("duplicate-key", message, Place(name, *at, pointer)))
            document.places[pointer] = at
    audit(document)
    return document


class _ConstantError(Exception):
    """NaN or an infinity."""


def _no_constant(word: str) -> Any:
    raise _ConstantError(word)


def _json_problem(text: str, error: json.JSONDecodeError) -> str:
    """What is wrong, in our words and without the text around it."""
    start = text.lstrip()[:1]
    if start == "<":
        return "holds HTML or XML, not JSON"
    if start not in "{[":
        return "is not JSON: it should begin with '{' (a YAML file needs the ending .yaml)"
    if error.msg == "Extra data":
        return "has more after the end of the JSON value; a file holds one, and each line of an .ndjson file"
    if error.msg.startswith("Expecting property name"):
        return "is not JSON: a key in double quotes was expected here (no comments, no comma before '}')"
    if error.msg.startswith("Unterminated string"):
        return "is not JSON: the text that begins here has no closing quote"
    if "control character" in error.msg:
        return "is not JSON: a line break or control character stands in a text; write it as \\n or \\uXXXX"
    return "is not JSON: a value, ',' or closing bracket was expected here"


# A value (of a list or object the bracket that opens it), with the key before it; or a bracket that closes.
_TEXT = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_VALUE = re.compile(rf'(?:({_TEXT})\s*+:\s*+)?([{{\[]|{_TEXT}|[^\s{{}}\[\],:"]++)|[}}\]]', re.DOTALL)


def json_walk(text: str) -> Iterator[tuple[str, str | None, tuple[int, int]]]:
    """JSON Pointer, key (None for items and the top), line and column of each value of valid JSON `text`, in order."""
    around: list[tuple[str, int]] = []
    above, index = "", -1  # the pointer of the container with a slash, and the position in it
    line, line_start, seen = 1, 0, 0
    for match in _VALUE.finditer(text):
        written, value = match.groups()
        if value is None:
            above, index = around.pop()
            continue
        index += 1
        key = None if written is None else json.loads(written) if "\\" in written else written[1:-1]
        pointer = above + (str(index) if key is None else escape_pointer(key)) if above else ""
        offset = match.start(2)
        if breaks := text.count("\n", seen, offset):
            line, line_start = line + breaks, text.rfind("\n", seen, offset) + 1
        seen = offset
        yield pointer, key, (line, offset - line_start + 1)
        if value == "{" or value == "[":
            around.append((above, index))
            above, index = f"{pointer}/", -1


class JsonPlaces(Places):
    """The places of a valid JSON text without repeated keys, which is walked only as far as they are asked for."""

    __slots__ = ("_text", "_walk")

    def __init__(self, text: str) -> None:
        self._text = text
        self._walk: Iterator[tuple[str, str | None, tuple[int, int]]] | None = None

    def __missing__(self, pointer: str) -> tuple[int, int]:
        self._walk = self._walk or json_walk(self._text)
        for found, _, at in self._walk:
            self[found] = at
            if found == pointer:
                return at
        raise KeyError(pointer)

    def __reduce__(self) -> tuple[type[JsonPlaces], tuple[str]]:
        return JsonPlaces, (self._text,)
