"""JSON (RFC 8259) read losslessly: digits kept, duplicate keys reported, places found when they are needed."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fhirconv.document import LIMITS, RAISE, Document, Limits, Places, audit, count_clean, escape_pointer, unreadable
from fhirconv.issues import Issue, Place, shown
from fhirconv.memory import Memory
from fhirconv.numbers import read_number

if TYPE_CHECKING:
    import msgspec


def read_json(text: str, name: str, limits: Limits = LIMITS) -> Document:
    """The document of a JSON text; what is wrong stands in its issues."""
    if next(_texts) >= _MADE_READY:
        data = read_fast(text, limits)
        if data is not UNSURE:
            return Document(name, text, data, find_places=json_places, limits=limits)
    return read_exactly(text, name, limits)


_texts = itertools.count()
_MADE_READY = 16  # texts: importing msgspec takes as long as reading 150 cases exactly, so a command with one has no use of it
UNSURE: Any = object()


def read_fast(text: str, limits: Limits = LIMITS) -> Any:
    """The value of a JSON text in which nothing is wrong, as `read_exactly` reads it; UNSURE if anything may be.

    msgspec takes nothing that is not JSON, and reads it the same way but for repeated keys, of which it keeps the last,
    -0 and long integers. A key ends with a quote, and a colon follows. So where no white space stands before a colon the
    text has at least as many '":' as keys (more if a text holds some); if the objects made have as many, no key is lost.
    """
    try:
        data = _decoder().decode(text)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors, and so is that of a lone surrogate
        return UNSURE
    found = count_clean(data, limits)
    if found is None or found.keys != text.count('":') or _is_colon_apart(text):
        return UNSURE
    whole = found.integers
    if whole and not -_SAFE_INTEGER < min(whole) <= max(whole) < _SAFE_INTEGER:
        return UNSURE
    return UNSURE if 0 in whole and _MINUS_ZERO.search(text) else data


_MINUS_ZERO = re.compile(r"-0(?![0-9.eE])")
_SAFE_INTEGER = 10**17  # below it `read_number` gives integers, with sign and all


def _is_colon_apart(text: str) -> bool:
    """Whether white space stands before a colon (in a text or not)."""
    return any(blank in text and f"{blank}:" in text for blank in " \t\r\n")


@functools.cache
def _decoder() -> msgspec.json.Decoder[Any]:
    import msgspec

    return msgspec.json.Decoder(float_hook=_numbers.__getitem__)


_numbers = Memory(read_number, most=16384)  # the results of most cases are alike


def read_exactly(text: str, name: str, limits: Limits = LIMITS) -> Document:
    """The document of a JSON text, with every finding; `read_fast` is held against this."""
    document = Document(name, text, find_places=json_places, limits=limits)
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
        return unreadable(name, "too-deep", f"is nested more than {limits.depth} levels deep; {RAISE}")
    except json.JSONDecodeError as error:
        return unreadable(name, "not-json", _json_problem(text, error), error.lineno, error.colno)
    except _ConstantError as error:
        start = next((m.start() for m in _TOKEN.finditer(text) if m.group() == str(error)), 0)
        before = text[:start]
        message = f"{error} is not JSON; leave the field out, or say 'absent'"
        return unreadable(name, "not-json", message, before.count("\n") + 1, len(before) - before.rfind("\n"))
    if repeated:
        for key, pointer, (line, column) in _repeated_keys(text):
            message = f"key {shown(key)} stands twice in one object; keep one of them"
            document.issues.append(Issue("duplicate-key", message, Place(name, line, column, pointer)))
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
        return "has more after the end of the JSON value; a file holds one, or is an .ndjson file with one in each line"
    if error.msg.startswith("Expecting property name"):
        return "is not JSON: a key in double quotes was expected here (no comments, no comma before '}')"
    if error.msg.startswith("Unterminated string"):
        return "is not JSON: the text that begins here has no closing quote"
    if "control character" in error.msg:
        return "is not JSON: a line break or control character stands in a text; write it as \\n or \\uXXXX"
    return "is not JSON: a value, ',' or closing bracket was expected here"


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def _json_walk(text: str) -> Iterator[tuple[str, str | None, int]]:
    """Pointer, key (None for items and the top) and offset of each value of valid JSON `text`, in order."""
    stack: list[tuple[str, str]] = []  # pointer of the container, next step (index as text, or key)
    key: str | None = None
    for match in _TOKEN.finditer(text):
        sign = match.group()
        if sign in "}]":
            stack.pop()
        elif sign == ",":
            parent, step = stack[-1]
            stack[-1] = (parent, str(int(step) + 1) if step.isdigit() else step)
        elif sign == ":":
            continue
        elif stack and stack[-1][1] == "" and key is None and sign[0] == '"':
            key = json.loads(sign)
        else:
            parent, step = stack[-1] if stack else ("", "")
            pointer = f"{parent}/{escape_pointer(key if key is not None else step)}" if stack else ""
            yield pointer, key, match.start()
            key = None
            if sign in "{[":
                stack.append((pointer, "" if sign == "{" else "0"))


def json_places(text: str) -> Places:
    """JSON Pointer -> line and column of each value of valid JSON `text`."""
    places: Places = {}
    line, line_start, seen = 1, 0, 0
    for pointer, _, offset in _json_walk(text):
        breaks = text.count("\n", seen, offset)
        if breaks:
            line, line_start = line + breaks, text.rfind("\n", seen, offset) + 1
        seen = offset
        places[pointer] = (line, offset - line_start + 1)
    return places


def _repeated_keys(text: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    seen: set[str] = set()
    line, line_start, told = 1, 0, 0
    for pointer, key, offset in _json_walk(text):
        if key is not None and pointer in seen:
            breaks = text.count("\n", told, offset)
            if breaks:
                line, line_start = line + breaks, text.rfind("\n", told, offset) + 1
            told = offset
            yield key, pointer, (line, offset - line_start + 1)
        seen.add(pointer)
