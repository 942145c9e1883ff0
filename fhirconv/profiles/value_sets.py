"""Whether a code is in a value set, as far as the packages can tell: yes, no, or unknown.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Find = Callable[[str], Json | None]
Verdict = bool | None

_DEEPEST = 50  # value sets that include value sets

# Systems whose codes follow a grammar (languages, media types, units); other layers check the grammar.
_GRAMMARS = frozenset({"urn:ietf:bcp:47", "urn:ietf:bcp:13", "http://unitsofmeasure.org"})


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Yes if one is yes, no if all are no, else unknown."""
    result: Verdict = False
    for verdict in verdicts:
        if verdict:
            return True
        if verdict is None:
            result = None
    return result


@dataclass(frozen=True, slots=True)
class Part:
    """One include or exclude: codes of a system (None: not known which), that are in all of `sets` too."""

    system: str | None
    codes: frozenset[str] | None
    sets: tuple[ValueSet | None, ...]

    def verdict(self, system: str | None, code: str) -> Verdict:
        """Whether it holds the code; system None asks for the code in any system."""
        verdicts: list[Verdict] = [each.verdict(system, code) if each else None for each in self.sets]
        if self.system is not None:
            if system is not None and system != self.system:
                return False
            verdicts.append(self.system in _GRAMMARS or None if self.codes is None else code in self.codes)
        negated = any_of(None if verdict is None else not verdict for verdict in verdicts)
        return None if negated is None else not negated


@dataclass(frozen=True, slots=True, eq=False)
class ValueSet:
    """A value set: its includes, and its excludes taken away. `systems` are those that it draws codes from."""

    url: str
    included: tuple[Part, ...]
    excluded: tuple[Part, ...]
    systems: frozenset[str]

    def verdict(self, system: str | None, code: str) -> Verdict:
        """Whether the code is in it; None where the packages cannot tell."""
        return _verdict(self, system, code)

    def codes(self) -> frozenset[str] | None:
        """Every code in it, without systems; None unless it can be listed."""
        if self.excluded or any(part.codes is None or part.sets for part in self.included):
            return None
        return frozenset(code for part in self.included for code in part.codes or ())


@functools.lru_cache(maxsize=4096)  # value sets include each other; without it a hostile lattice of them takes for ever
def _verdict(value_set: ValueSet, system: str | None, code: str) -> Verdict:
    found = any_of(part.verdict(system, code) for part in value_set.included)
    if found is False or not value_set.excluded:
        return found
    excluded = any_of(part.verdict(system, code) for part in value_set.excluded)
    return False if excluded else (None if excluded is None else found)


Made = dict[str, ValueSet | None]


def compile_value_set(url: str, find: Find, made: Made | None = None, depth: int = 0) -> ValueSet | None:
    """The value set with this canonical; None when no package has it, or where it includes itself."""
    made = {} if made is None else made
    if url not in made:
        made[url] = None
        definition = find(url) if depth < _DEEPEST else None
        if definition is not None and definition.get("resourceType") == "ValueSet":
            made[url] = _compiled(definition, find, made, depth)
    return made[url]


def _compiled(definition: Json, find: Find, made: Made, depth: int) -> ValueSet:
    compose = definition.get("compose") or {"include": list(_expanded(definition))}
    included = tuple(_part(part, find, made, depth) for part in compose.get("include", ()))
    excluded = tuple(_part(part, find, made, depth) for part in compose.get("exclude", ()))
    systems = {part.system for part in included if part.system}
    systems |= {system for part in included for each in part.sets if each for system in each.systems}
    return ValueSet(str(definition.get("url")), included, excluded, frozenset(systems))


def _expanded(definition: Json) -> Iterator[Json]:
    for entry in definition.get("expansion", {}).get("contains", ()):
        if "code" in entry:
            yield {"system": entry.get("system"), "concept": [{"code": entry["code"]}]}
        yield from _expanded({"expansion": entry})


def _part(part: Json, find: Find, made: Made, depth: int) -> Part:
    sets = tuple(compile_value_set(url, find, made, depth + 1) for url in part.get("valueSet", ()))
    system = part.get("system")
    if "concept" in part:
        return Part(system, frozenset(str(concept["code"]) for concept in part["concept"]), sets)
    return Part(system, _of_system(system, part.get("filter", []), find) if system else None, sets)


def _of_system(system: str, filters: list[Json], find: Find) -> frozenset[str] | None:
    """The codes of a system that pass the filters; None when the packages do not hold all of it, or a filter is new."""
    definition = find(system)
    if definition is None or definition.get("content") != "complete" or definition.get("resourceType") != "CodeSystem":
        return None
    parents = dict(_parents(definition.get("concept", ()), frozenset()))
    chosen = frozenset(parents)
    for each in filters:
        if each.get("property") != "concept" or each.get("op") not in ("is-a", "descendent-of", "is-not-a"):
            return None
        root = each["value"]
        below = _descendants(root, parents) | ({root} if each["op"] != "descendent-of" else set())
        chosen = chosen - below if each["op"] == "is-not-a" else chosen & below
    return chosen


def _parents(concepts: Iterable[Json], above: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Code -> its parents: by nesting, or by the property that names them."""
    for concept in concepts:
        named = {
            str(each.get("valueCode"))
            for each in concept.get("property", ())
            if each.get("code") in ("parent", "subsumedBy")
        }
        yield concept["code"], above | named
        yield from _parents(concept.get("concept", ()), frozenset({concept["code"]}))


def _descendants(root: str, parents: dict[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    fresh = {root}
    while fresh:
        fresh = {code for code, above in parents.items() if above & fresh} - found - {root}
        found |= fresh
    return found
