"""Concepts that met all that a profile asks of them: the same codings come again in every case, and need one look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from fhirconv.profiles.definitions import Json, Node
from fhirconv.profiles.run import NotChecked

_CODED = {"binding", "max", "min", "pattern", "slicing", "type"}
_OF_CODING = {"system", "version", "code", "display", "userSelected"}
_MOST = 1000  # of one element
_LONGEST = 1000  # bytes; longer ones are data


class Judged(dict[bytes | None, dict[NotChecked, None]]):
    """The codings of the values of one element, together, that were found right; with what of them could not be checked."""

    def remember(self, key: bytes, not_checked: dict[NotChecked, None]) -> None:
        """Adds a key; a full memory begins anew."""
        if len(self) >= _MOST:
            self.clear()
        self[key] = not_checked


def judged_by_codings(node: Node) -> Judged | None:
    """A memory for an element of which a profile asks nothing but codings; None for others.

    Words are not remembered: who asks for those of `text`, for extensions or an invariant, looks each time.
    """
    is_coded = all(
        each.types == ("CodeableConcept",)
        and _CODED.issuperset(each.facts)
        and _asks_codings(each.facts)
        and each.children.keys() <= {"coding"}
        and all(_is_of_coding(child) for child in each.children.values())
        for each in _with_slices(node)
    )
    return Judged() if is_coded else None


def _with_slices(node: Node) -> Iterator[Node]:
    yield node
    for each in node.slices.values():
        yield from _with_slices(each)


def _asks_codings(facts: Json) -> bool:
    told_apart = facts.get("slicing", {}).get("discriminator", ())
    return (
        facts.get("pattern", {}).keys() <= {"coding"}
        and all(each["type"] in ("value", "pattern") and "text" not in each["path"] for each in told_apart)
        and not any("profile" in entry for entry in facts.get("type", ()))
    )


def _is_of_coding(node: Node) -> bool:
    return all(
        "constraint" not in each.facts
        and each.children.keys() <= _OF_CODING
        and not any("constraint" in child.facts or child.children or child.slices for child in each.children.values())
        and not any("profile" in entry for entry in each.facts.get("type", ()))
        for each in _with_slices(node)
    )


def codings_of(concepts: Sequence[Any]) -> bytes | None:
    """What tells the concepts of an element from others: which parts they have, and their codings. None: look each time."""
    parts: list[Any] = []
    for concept in concepts:
        if type(concept) is not dict:
            return None
        parts += [*concept], concept.get("coding")
    try:
        key = orjson.dumps(parts)
    except TypeError:  # it holds what orjson does not write
        return None
    return key if len(key) <= _LONGEST and b'xtension"' not in key else None
