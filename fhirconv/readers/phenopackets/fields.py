"""The table of the schema's messages and fields (fields.toml), which says of each where it goes."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import NamedTuple

import tomli


class Field(NamedTuple):
    """A field of a message. `none` says why it has no place in case facts; it is empty for those that have."""

    name: str  # as in JSON: camelCase
    type: str
    is_list: bool
    need: str  # 'must', 'should' or ''
    one: str  # fields of a message with the same word exclude each other
    to: str
    none: str


class Message(NamedTuple):
    """The fields of a message, and by name, in camelCase and in snake_case, for protobuf's JSON takes both."""

    fields: tuple[Field, ...]
    by_name: dict[str, Field]
    needed: tuple[Field, ...]  # those whose absence is told; an enum of the value 0 is left out by protobuf


class Prefix(NamedTuple):
    """What stands before the colon of a CURIE, as it is usually written. `is_whole`: the code is the CURIE as a whole."""

    spelled: str
    system: str
    is_whole: bool


class Schema(NamedTuple):
    """The messages and enums of the schema, and the prefixes that we know."""

    messages: dict[str, Message]
    enums: dict[str, tuple[str, ...]]
    prefixes: dict[str, Prefix]  # casefolded


@functools.cache
def schema() -> Schema:
    """The schema 2.0."""
    raw = tomli.loads(Path(__file__).with_name("fields.toml").read_text(encoding="utf-8"))
    enums = {name: tuple(values) for name, values in raw["enums"].items()}
    messages = {name: _message(rows, enums) for name, rows in raw["messages"].items()}
    prefixes = (
        Prefix(prefix, system.removesuffix(":"), system.endswith(":")) for prefix, system in raw["prefixes"].items()
    )
    return Schema(messages, enums, {prefix.spelled.casefold(): prefix for prefix in prefixes})


def _message(rows: dict[str, dict[str, str]], enums: dict[str, tuple[str, ...]]) -> Message:
    fields = tuple(_field(name, row) for name, row in rows.items())
    by_name = {name: field for field in fields for name in (field.name, snake_case(field.name))}
    return Message(fields, by_name, tuple(field for field in fields if field.need and field.type not in enums))


def _field(name: str, row: dict[str, str]) -> Field:
    need = next((word for word in ("must", "should") if row.get(word)), "")
    kind = row["type"].removesuffix("[]")
    return Field(name, kind, kind != row["type"], need, row.get("one", ""), row.get("to", ""), row.get("none", ""))


def snake_case(name: str) -> str:
    """The name of a field as the schema's protobuf files have it."""
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)
