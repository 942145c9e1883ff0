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


class Schema(NamedTuple):
    """Messages with their fields by name, in camelCase and in snake_case as protobuf's JSON takes both."""

    messages: dict[str, dict[str, Field]]
    enums: dict[str, tuple[str, ...]]
    prefixes: dict[str, str]  # of a CURIE, casefolded -> code system; see fields.toml

    def fields(self, message: str) -> list[Field]:
        """The fields of a message, each once."""
        return list({field.name: field for field in self.messages[message].values()}.values())


@functools.cache
def schema() -> Schema:
    """The schema 2.0."""
    raw = tomli.loads(Path(__file__).with_name("fields.toml").read_text(encoding="utf-8"))
    messages = {message: _fields(rows) for message, rows in raw["messages"].items()}
    enums = {name: tuple(values) for name, values in raw["enums"].items()}
    return Schema(messages, enums, {prefix.casefold(): system for prefix, system in raw["prefixes"].items()})


def _fields(rows: dict[str, dict[str, str]]) -> dict[str, Field]:
    made = {}
    for name, row in rows.items():
        need = next((word for word in ("must", "should") if row.get(word)), "")
        kind = row["type"].removesuffix("[]")
        field = Field(name, kind, kind != row["type"], need, row.get("one", ""), row.get("to", ""), row.get("none", ""))
        made[name] = made[snake_case(name)] = field
    return made


def snake_case(name: str) -> str:
    """The name of a field as the schema's protobuf files have it."""
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)
