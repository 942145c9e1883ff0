"""What a schema says of an object by its keys alone, and what it leaves to the values. See `shapes`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

Schema = dict[str, Any]

_OF_VALUES = ("properties", "additionalProperties")  # of the object itself: those are looked at key by key


def holds_for_keys(schema: Schema, keys: Collection[str]) -> bool | None:
    """Whether an object that has these keys, and right values, meets its schema; None where it depends on values."""
    return _all(_holds(name, value, keys) for name, value in schema.items() if name not in _OF_VALUES)


def asks_of_values(schema: Schema) -> tuple[Schema, tuple[str, ...]]:
    """The part of a schema that is not said key by key, and the keys whose values it asks for."""
    part = {name: value for name, value in schema.items() if name not in _OF_VALUES}
    return part, tuple(sorted(set(_asked(part))))


def _asked(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for one in schema:
            yield from _asked(one)
    elif isinstance(schema, dict):
        yield from (key for key, value in schema.get("properties", {}).items() if value is not False)
        for name, value in schema.items():
            if name in ("allOf", "anyOf"):
                yield from _asked(value)
            elif name == "dependentSchemas":
                yield from _asked(list(value.values()))


def _holds(name: str, value: Any, keys: Collection[str]) -> bool | None:
    """Whether one keyword holds."""
    if name == "type":
        return True
    if name == "required":
        return all(key in keys for key in value)
    if name == "minProperties":
        return len(keys) >= int(value)
    if name == "properties":
        return _all(None if one is not False else False for key, one in value.items() if key in keys)
    if name == "dependentRequired":
        return all(one in keys for key, needed in value.items() if key in keys for one in needed)
    if name == "dependentSchemas":
        return _all(_whole(one, keys) for key, one in value.items() if key in keys)
    if name == "allOf":
        return _all(_whole(one, keys) for one in value)
    if name == "anyOf":
        return _any(_whole(one, keys) for one in value)
    return False if (name, value) == ("not", {}) else None


def _whole(schema: Schema, keys: Collection[str]) -> bool | None:
    return _all(_holds(name, value, keys) for name, value in schema.items())


def _all(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return False if False in found else None if None in found else True


def _any(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return True if True in found else None if None in found else False
