"""What the looks at one resource or Bundle note, to be looked at together at the end: in C, all of a kind at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

import orjson

from fhirconv.validation.plain import NotPlainError, look_at_number, look_at_reference, systems
from fhirconv.validation.plain_narrative import are_simple_narratives, has_control
from fhirconv.validation.primitive_schemas import LONGEST_TEXT, PRIMITIVES

_is_code = re.compile(PRIMITIVES["code"]["pattern"]).fullmatch
_begins_wrong = re.compile(r"\s|\Z").match
_are_short_numbers = re.compile(r"(?:-?[0-9]{1,9}(?:\.[0-9]{1,9})?(?: |\Z))++").fullmatch
_NUMBERS = {Decimal, int, float}


class Seen:
    """What the looks at one resource or Bundle share."""

    __slots__ = ("codes", "identifiers", "last", "meta", "narratives", "numbers", "references", "texts", "types")

    def __init__(self, types: Mapping[str, str]) -> None:
        self.types = types  # what a reference may say -> resource type, within one Bundle
        self.texts: list[str] = []
        self.numbers: list[Any] = []
        self.identifiers: list[dict[str, Any]] = []
        self.narratives: list[dict[str, Any]] = []
        self.references: list[dict[str, Any]] = []  # those that may lead to a resource of any type
        self.codes: set[str] = set()  # those of systems in which any code is right
        self.last: dict[str, list[Any]] = {}  # the last concepts that were right, by the element that holds them
        self.meta: Any = self  # the last that was right and holds tags alone: those of a case are the same

    def unusual(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The identifiers and narratives that have to be looked at one by one, with their type."""
        found = _columns(self.identifiers, "system", "value")
        if found and systems.issuperset(found[0]):
            self.texts += found[1]
        else:
            yield from (("Identifier", one) for one in self.identifiers)
        found = _columns(self.narratives, "status", "div")
        if not found or set(found[0]) != {"generated"} or not are_simple_narratives(found[1]):
            yield from (("Narrative", one) for one in self.narratives)

    def check(self) -> None:
        """Looks at codes, references, numbers and texts."""
        if not all(map(_is_code, self.codes)):
            raise NotPlainError
        found = _columns(self.references, "reference")
        if not found or set(found[0]).difference(self.types):
            for one in self.references:
                look_at_reference(one, self, None)
        numbers, texts = self.numbers, self.texts
        if not _NUMBERS.issuperset(map(type, numbers)) or not _are_short_numbers(" ".join(map(str, numbers))):
            for number in numbers:
                look_at_number(number)
        written = orjson.dumps(texts)  # raises a TypeError for half of a surrogate pair
        if len(written) > LONGEST_TEXT and max(map(len, texts)) > LONGEST_TEXT:
            raise NotPlainError
        begin_well = not texts or (min(texts) >= "!" and max(texts) < "\x7f")
        if has_control(texts, written) or (not begin_well and any(map(_begins_wrong, texts))):
            raise NotPlainError


def _columns(objects: Sequence[dict[str, Any]], *keys: str) -> list[list[Any]] | None:
    """The values of objects that have just these keys, key by key; None if one has others."""
    if set(map(len, objects)) != {len(keys)}:
        return None
    try:
        return [list(map(itemgetter(key), objects)) for key in keys]
    except KeyError:
        return None
