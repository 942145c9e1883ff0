"""The examples of each invariant: resources that meet it, and resources that break it and are right otherwise."""

from __future__ import annotations

import functools
import json
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent


class Example(NamedTuple):
    """One resource; `meets` says whether it meets the invariant `key` of `type`."""

    key: str
    type: str
    meets: bool
    number: int
    resource: dict[str, Any]

    @property
    def name(self) -> str:
        """How exceptions.toml names it."""
        return f"{self.key} {self.type} {'meets' if self.meets else 'breaks'} {self.number}"


@functools.cache
def files() -> dict[str, list[dict[str, Any]]]:
    """Key of an invariant -> its examples, one entry for each type that has an invariant of this key."""
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = content if isinstance(content, list) else [content]
    return found


@functools.cache
def examples() -> tuple[Example, ...]:
    """All examples."""
    return tuple(
        Example(key, entry["type"], kind == "meets", number, resource)
        for key, entries in files().items()
        for entry in entries
        for kind in ("meets", "breaks")
        for number, resource in enumerate(entry[kind])
    )


@functools.cache
def exceptions() -> dict[str, Any]:
    """exceptions.toml."""
    return tomllib.loads((FOLDER / "exceptions.toml").read_text(encoding="utf-8"))
