"""A packet held against the schema: what is unknown, missing, or of a wrong type is noted with its place."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from fhirconv.dates import read_date
from fhirconv.document import Document, escape_pointer
from fhirconv.issues import Issue, closest, shown
from fhirconv.misfits import type_word
from fhirconv.numbers import Unreadable, read_number
from fhirconv.readers.phenopackets.fields import Field, schema
from fhirconv.readers.phenopackets.tree import Leaf, Node

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WANTED = {
    "text": "text",
    "flag": "true or false",
    "number": "a number",
    "whole": "a whole number",
    "time": "a timestamp",
}


def grow(document: Document, message: str, value: Any, pointer: str, path: str = "", none: str = "") -> Node | None:
    """The object at `pointer` as a node; None if it is no object. What is wrong in it is noted in the document.

    `path` and `none` are those of the leaves below; see Leaf. Below what has no place in case facts the path stays.
    """
    if not isinstance(value, dict):
        document.add("wrong-type", f"expected an object ({message}), found {type_word(value)}", pointer)
        return None
    node, fields = Node(message, pointer), schema().messages[message].by_name
    chosen: dict[str, str] = {}
    for key, item in value.items():
        at = f"{pointer}/{escape_pointer(key)}"
        field = fields.get(key)
        if field is None:
            _unknown(document, message, key, at)
        elif item is None:  # protobuf's JSON: as if it were not there
            continue
        elif field.name in node.parts:
            document.add("duplicate-key", f"'{field.name}' stands twice, also in snake_case; keep one of them", at)
        elif field.one and chosen.setdefault(field.one, key) != key:
            message_text = f"'{chosen[field.one]}' and '{key}' stand together; {message} takes one of them"
            document.add("value-choice", message_text, at)
        else:
            node.parts[field.name] = _parts(
                document, field, item, at, path if none else f"{path}.{field.name}".lstrip("."), none
            )
    _missing(document, node)
    return node


def _unknown(document: Document, message: str, key: str, pointer: str) -> None:
    known = [field.name for field in schema().messages[message].fields]
    near = closest(key, known, 0.75) or next((name for name in known if key.startswith(name)), "")
    hint = f"did you mean '{near}'?" if near else f"expected one of: {', '.join(known)}"
    document.add("unknown-key", f"{shown(key)} is no field of {message} in schema 2.0; {hint}", pointer)


def _missing(document: Document, node: Node) -> None:
    """Required fields that are not there. protobuf leaves out a zero, and metaData may stand in the family or cohort."""
    for field in schema().messages[node.message].needed:
        if field.name in node.parts or (field.need == "should" and field.type in ("number", "whole")):
            continue
        if field.name == "metaData" and node.pointer:
            continue
        text, severity = (
            f"'{field.name}' is missing; {node.message} requires it",
            "" if field.need == "must" else "warning",
        )
        document.issues.append(Issue("missing-key", text, document.place(node.pointer), severity=severity))


def _parts(document: Document, field: Field, value: Any, pointer: str, path: str, none: str) -> list[Node | Leaf]:
    none = field.none or none
    if not field.is_list:
        return _part(document, field.type, value, pointer, path, none)
    if not isinstance(value, list):
        document.add("wrong-type", f"expected a list, found {type_word(value)}; write it in brackets: [...]", pointer)
        return []
    return [
        part
        for position, item in enumerate(value)
        for part in _part(document, field.type, item, f"{pointer}/{position}", path, none)
    ]


def _part(document: Document, kind: str, value: Any, pointer: str, path: str, none: str) -> list[Node | Leaf]:
    """What a value is, in a list; empty if it is not what the schema says."""
    if kind in schema().messages:
        node = grow(document, kind, value, pointer, path, none)
        return [node] if node else []
    if kind in ("map", "open"):
        if isinstance(value, dict):
            return list(_open_leaves(value, pointer, path, none))
        document.add("wrong-type", f"expected an object (key: value), found {type_word(value)}", pointer)
        return []
    rule, made = _scalar(document, kind, value, pointer)
    if rule:
        document.add(rule, made, pointer)
        return []
    return [Leaf(made, pointer, path, none)]


def _open_leaves(value: Any, pointer: str, path: str, none: str) -> list[Leaf]:
    """The values of what another standard describes, or of a map."""
    if isinstance(value, dict):
        items = [(f"{pointer}/{escape_pointer(key)}", item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{pointer}/{position}", item) for position, item in enumerate(value)]
    else:
        return [] if value is None else [Leaf(value, pointer, path, none)]
    return [leaf for at, item in items for leaf in _open_leaves(item, at, path, none)]


def _scalar(document: Document, kind: str, value: Any, pointer: str) -> tuple[str, Any]:
    """A rule that it breaks and the message; or '' and the value."""
    if kind in schema().enums:
        return _enum(kind, value)
    if kind == "text" and isinstance(value, str):
        return (
            ("", value)
            if value.strip()
            else ("empty-value", "is empty; leave the field out when there is nothing to say")
        )
    if kind == "flag" and isinstance(value, bool):
        return "", value
    if kind == "time" and isinstance(value, str):
        return _timestamp(document, value, pointer)
    if kind in ("number", "whole"):
        if isinstance(value, str) and _NUMBER.fullmatch(value):  # protobuf's JSON takes both
            value = read_number(value)
        if (
            isinstance(value, int | Decimal)
            and not isinstance(value, bool)
            and (kind == "number" or value == int(value))
        ):
            return "", value if kind == "number" else int(value)
    found = type_word(value)
    if not isinstance(value, dict | list):
        found += f" {shown(value)}" + ("; put it in quotes" if kind == "text" else "")
    return "wrong-type", f"expected {_WANTED[kind]}, found {found}"


def _enum(kind: str, value: Any) -> tuple[str, Any]:
    names = schema().enums[kind]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return "", names[value]
    if value in names:
        return "", value
    near = closest(str(value).upper(), names)
    hint = f"; did you mean '{near}'?" if near else ""
    return "not-a-choice", f"{shown(value)} is not one of: {', '.join(names)}{hint}"


def _timestamp(document: Document, value: str, pointer: str) -> tuple[str, Any]:
    if not _TIMESTAMP.fullmatch(value) and not _DATE.fullmatch(value):
        return "date-invalid", f"{shown(value)} is no timestamp; expected YYYY-MM-DDTHH:MM:SSZ"
    read = read_date(value, {})
    if isinstance(read, Unreadable):
        return "date-invalid", f"{shown(value)} {read.reason}; expected YYYY-MM-DDTHH:MM:SSZ"
    if _DATE.fullmatch(value):
        text = f"{shown(value)} has no time of day; the schema asks for YYYY-MM-DDTHH:MM:SSZ. Read as a date"
        document.issues.append(Issue("date-invalid", text, document.place(pointer), severity="warning"))
    return "", value
