"""What a schema says of an object by its keys alone, and what it leaves to the values. See `fitting` and `validation.shapes`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

Schema = dict[str, Any]

OF_VALUES = ("properties", "additionalProperties")  # of the object itself: those are looked at key by key


def holds_for_keys(schema: Schema, keys: Collection[str]) -> bool | None:
    """Whether an object that has these keys, and right values, meets its schema; None where it depends on values."""
    return _whole({name: value for name, value in schema.items() if name not in OF_VALUES}, keys)


def asks_of_values(schema: Schema) -> tuple[Schema, tuple[str, ...]]:
    """The part of a schema that is not said key by key, and the keys whose values it asks for."""
    part = {name: value for name, value in schema.items() if name not in OF_VALUES}
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


def _whole(schema: Schema, keys: Collection[str]) -> bool | None:
    parts = [_HOLDS.get(name, _depends)(value, keys) for name, value in schema.items() if name not in _IN_BRANCHES]
    if "if" in schema:
        meets = _whole(schema["if"], keys)
        parts.append(None if meets is None else _whole(schema.get("then" if meets else "else", {}), keys))
    return _all(parts)


def _depends(value: Any, keys: Collection[str]) -> None:
    """A keyword that asks for values, or that is not known here."""


def _one_of(schemas: list[Schema], keys: Collection[str]) -> bool | None:
    found = [_whole(one, keys) for one in schemas]
    return None if None in found else found.count(True) == 1


def _not(schema: Schema, keys: Collection[str]) -> bool | None:
    found = _whole(schema, keys)
    return None if found is None else not found


def _all(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return False if False in found else None if None in found else True


def _any(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return True if True in found else None if None in found else False


_IN_BRANCHES = ("if", "then", "else")
# Whether one keyword holds for an object that has these keys.
_HOLDS: dict[str, Callable[[Any, Collection[str]], bool | None]] = {
    "type": lambda value, keys: True if value == "object" else None,
    "required": lambda value, keys: all(key in keys for key in value),
    "minProperties": lambda value, keys: len(keys) >= value,
    "maxProperties": lambda value, keys: len(keys) <= value,
    "properties": lambda value, keys: _all(
        None if one is not False else False for key, one in value.items() if key in keys
    ),
    "dependentRequired": lambda value, keys: all(
        one in keys for key, needed in value.items() if key in keys for one in needed
    ),
    "dependentSchemas": lambda value, keys: _all(_whole(one, keys) for key, one in value.items() if key in keys),
    "allOf": lambda value, keys: _all(_whole(one, keys) for one in value),
    "anyOf": lambda value, keys: _any(_whole(one, keys) for one in value),
    "oneOf": _one_of,
    "not": _not,
}
