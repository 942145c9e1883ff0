"""From an element that changed to the entries of the mappings that are why.

An entry is a cause where it is the rule of the element, or a concept, unit or system that the element holds before or
after. That is read off the values: no case is converted again to find it out.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhirconv.build import Entry
from fhirconv.mapping import Mappings
from fhirconv.mapping.places import Keys
from fhirconv.mapping_impact.sides import Change
from fhirconv.r4 import element_keys
from fhirconv.values.times import UCUM

Token = tuple[str, str]  # system and code; a system and ''; '' and a text
_MAKING = ("only", "each", "role", "resource")
"""The keys of a mapping that decide whether there is a resource."""
_TELLING = ("narrative_only", "left_out")
"""Those that decide what the narrative tells."""


class Causes:
    """The entries that differ between two sets, found by what they bring into resources."""

    def __init__(self, changes: Iterable[Change], old: Mappings, new: Mappings) -> None:
        self._sets = old, new
        self._changes = tuple(changes)
        self._tokens = {change: tokens for change in self._changes if (tokens := self._tokens_of(change))}
        self._tables_of = functools.cache(self._find_tables)

    def of_resource(self, entry: Entry) -> list[Change]:
        """Why a resource is made in one of the sets only."""
        return [one for one in self._of_mapping(entry) if not one.keys or one.keys[0] in _MAKING]

    def of_element(self, old: Entry, new: Entry, key: str) -> list[Change]:
        """Why an element of a resource, by its JSON key, is not the same; empty if no entry says."""
        element, _ = element_keys(new.mapping.resource).get(key, (key, ""))
        found = list(self._of_rule(old, new, element))
        held = held_in((old.resource.get(key), new.resource.get(key)))
        found += self._of_tokens(held, self._tables_of(new.mapping.name, element))
        found += (
            []
            if found
            else self._of_tokens(held_in((old.resource, new.resource)), self._tables_of(new.mapping.name, ""))
        )
        return list(dict.fromkeys(found))

    def _of_rule(self, old: Entry, new: Entry, element: str) -> Iterator[Change]:
        """The rule of the element, by the mapping or the claim; of what the claim itself is, whatever differs in it."""
        for entry in (old, new):
            for change in self._of_mapping(entry):
                tells = element == "text" and change.keys[:1] and change.keys[0] in _TELLING
                if change.keys == ("elements", element) or tells:
                    yield change
        claims = {entry.variant.name for entry in (old, new) if entry.variant}
        if len(claims) > 1 or (old.variant is None) != (new.variant is None):
            needed = {
                one for entry in (old, new) if entry.variant for _, names in entry.variant.requires for one in names
            }
            yield from (change for change in self._of_profile() if change.keys[0] in claims | needed)
        else:
            of_claim = ("url",) if element == "meta" else ("elements", element)
            yield from (one for one in self._of_profile() if one.keys[0] in claims and one.keys[1:] == of_claim)

    def _of_mapping(self, entry: Entry) -> Iterator[Change]:
        return (change for change in self._changes if change.name == f"resources/{entry.mapping.name}")

    def _of_profile(self) -> Iterator[Change]:
        profile = f"profiles/{self._sets[1].profile}"
        return (change for change in self._changes if change.name == profile and change.keys)

    def _of_tokens(self, held: set[Token], tables: frozenset[str]) -> Iterator[Change]:
        for change, tokens in self._tokens.items():
            kind, _, table = change.name.partition("/")
            if (kind != "concepts" or table in tables) and not tokens.isdisjoint(held):
                yield change

    def _find_tables(self, mapping: str, element: str) -> frozenset[str]:
        """The concept tables that the rules of an element read ('' for all), by the mapping or a claim of it."""
        found: set[str] = set()
        for one in self._sets:
            claims = one.raw.get(f"profiles/{one.profile}", {}).values()
            raws = [
                one.raw.get(f"resources/{mapping}", {}),
                *(claim for claim in claims if claim["mapping"] == mapping),
            ]
            rules = [raw.get("elements", {}) for raw in raws]
            found.update(_tables([rule.get(element) if element else rule for rule in rules]))
        return frozenset(found)

    def _tokens_of(self, change: Change) -> frozenset[Token]:
        kind, _, _ = change.name.partition("/")
        if kind == "units":
            return frozenset((UCUM, key) for key in change.keys)
        entries = [_at(one.raw.get(change.name), change.keys) for one in self._sets]
        if kind == "systems" and None not in entries:  # one that is new does nothing by itself
            return frozenset((str(entry), "") for entry in entries)
        stated = zip(entries, self._sets, strict=True) if kind == "concepts" else ()
        return frozenset(token for entry, one in stated if entry for token in self._coded(entry, one))

    @staticmethod
    def _coded(entry: Mapping[str, Any], mappings: Mappings) -> Iterator[Token]:
        systems = mappings.tables.code_systems
        codings = entry.get("codings", ())
        yield from ((systems[coding["system"]], coding["code"]) for coding in codings)
        if not codings:
            yield "", entry["text"]


def _at(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def held_in(value: Any) -> set[Token]:
    """What a value holds of systems, codes and texts of concepts."""
    found: set[Token] = set()
    _hold(value, found)
    return found


def _hold(value: Any, found: set[Token]) -> None:
    if isinstance(value, dict):
        system = value.get("system")
        if isinstance(system, str):
            found |= {(system, ""), (system, str(value.get("code", "")))}
        if isinstance(value.get("text"), str):
            found.add(("", value["text"]))
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for part in value:
        _hold(part, found)


def _tables(raw: Any) -> Iterator[str]:
    """The concept tables that are named within rules; a side has one of its own."""
    if isinstance(raw, dict):
        yield from (str(raw[key]) for key in ("concept", "table") if key in raw)
        yield from ["laterality"] if "side_url" in raw else []
        raw = list(raw.values())
    if isinstance(raw, list):
        for part in raw:
            yield from _tables(part)
