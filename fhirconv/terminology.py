"""Concept tables, units and systems: words of the case to codes, by table and never by guess."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirconv.facts import fold
from fhirconv.issues import closest
from fhirconv.terms import Term
from fhirconv.validation.code_forms import code_form_problem


@dataclass(frozen=True)
class Concept:
    """What one entry of mappings/concepts says: a text and its codings (system as URI, code, display)."""

    key: str
    text: str
    codings: tuple[dict[str, str], ...]
    verified: tuple[str, ...] = ()
    units: frozenset[str] = frozenset()  # UCUM codes that the codings hold for; empty for any
    is_text: bool = False  # `codings = []`: text on purpose, nothing to report

    @functools.cached_property
    def codeable(self) -> Callable[[str], dict[str, Any]]:
        """Makes a CodeableConcept of words for the concept: one literal, so that no two of them share a part."""
        codings = f"'coding': {list(self.codings)!r}, " if self.codings else ""
        made: Callable[[str], dict[str, Any]] = eval(f"lambda words: {{{codings}'text': words}}")  # noqa: S307
        return made


@dataclass(slots=True)
class ConceptTable:
    """One file of mappings/concepts. Words are compared after `fold`."""

    name: str
    concepts: dict[str, Concept]
    _by_word: dict[str, Concept]
    _by_code: dict[tuple[str, str], list[Concept]] = field(default_factory=dict)  # system and code; made when it is needed

    def find(self, text: str, side: str = "") -> Concept | None:
        """The concept for a text as written; with a side, '<side> <text>' is looked for first.

        A Term means the concept that has one of its codes, else what its words mean. A code that several concepts share
        means the one that the words mean, or none.
        """
        if isinstance(text, Term):
            return self._find_term(text, side)
        found = self._by_word.get(f"{side} {text}" if side else text)  # as it is written in the table
        if found is None:
            word = fold(text)
            found = (self._by_word.get(f"{side} {word}") if side else None) or self._by_word.get(word)
        return found

    def _find_term(self, term: Term, side: str) -> Concept | None:
        if not self._by_code:
            for concept in self.concepts.values():
                for coding in concept.codings:
                    self._by_code.setdefault((coding["system"], coding["code"]), []).append(concept)
        by_words = self.find(str(term), side) if term.words else None
        for coding in term.codings:
            found = self._by_code.get((coding["system"], coding["code"]), [])
            if by_words in found or len(found) == 1:
                return by_words if by_words in found else found[0]
        return by_words


def build_table(name: str, entries: Mapping[str, Any], systems: Mapping[str, str]) -> tuple[ConceptTable, list[str]]:
    """The table of a concepts file, and its mistakes (each beginning with the key it is about)."""
    concepts: dict[str, Concept] = {}
    words: dict[str, Concept] = {}
    as_written: dict[str, Concept] = {}  # found without folding
    mistakes: list[str] = []
    for key, entry in entries.items():
        problem = _entry_problem(entry, systems)
        if problem:
            mistakes.append(f"{key}: {problem}")
            continue
        codings = tuple(
            {"system": systems[c["system"]], "code": c["code"]} | ({"display": c["display"]} if "display" in c else {})
            for c in entry.get("codings", ())
        )
        concept = Concept(
            key,
            entry["text"],
            codings,
            tuple(c["verified"] for c in entry.get("codings", ())),
            frozenset(entry.get("units", ())),
            entry.get("codings") == [],
        )
        concepts[key] = concept
        spellings = (key.replace("-", " "), key, entry["text"], *entry.get("also", ()))
        as_written.update(dict.fromkeys(spellings, concept))
        for word in map(fold, spellings):
            other = words.setdefault(word, concept)
            if other is not concept:
                mistakes.append(f"{key}: '{word}' also means {other.key}; a word may mean one concept only")
    return ConceptTable(name, concepts, as_written | words), mistakes


def wrong_codes(table: ConceptTable) -> list[str]:
    """The codes of a table that cannot be codes of their system: by form and check digit."""
    codings = [(concept.key, coding) for concept in table.concepts.values() for coding in concept.codings]
    return [
        f"{key}: {problem}" for key, coding in codings if (problem := code_form_problem(coding["system"], coding["code"]))
    ]


def _entry_problem(entry: Any, systems: Mapping[str, str]) -> str:
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        return 'expected a table with text = "..."'
    unknown = set(entry) - {"text", "also", "units", "codings"}
    if unknown:
        return f"unknown key '{min(unknown)}'; expected text, also, units, codings"
    if not isinstance(entry.get("also", []), list) or not isinstance(entry.get("codings", []), list):
        return "also and codings are lists"
    for name in ("also", "units"):
        if not all(isinstance(one, str) for one in entry.get(name, [])):
            return f"{name} holds texts"
    for coding in entry.get("codings", ()):
        if not isinstance(coding, dict) or not {"system", "code", "verified"} <= set(coding) <= {
            "system",
            "code",
            "display",
            "verified",
        }:
            return "a coding has system, code, verified (where the code was looked up) and, if verified, display"
        for name, part in coding.items():
            if not isinstance(part, str):
                return f"{name} of a coding is a text in quotes"
            if not part.strip():
                return f"{name} of a coding is empty: fill it in" + (" or leave it out" if name == "display" else "")
        if coding["system"] not in systems:
            near = closest(coding["system"], systems)
            return f"system '{coding['system']}' is not in systems.toml" + (f"; did you mean '{near}'?" if near else "")
    return ""


@dataclass(slots=True)
class Units:
    """units.toml: units as printed, and the UCUM codes (https://ucum.org) that they mean."""

    codes: frozenset[str]
    by_spelling: dict[str, str]

    def find(self, unit: str) -> str | None:
        """The UCUM code of a unit as printed, or None."""
        return self.by_spelling.get(unit) or self.by_spelling.get(_unit_fold(unit))

    def nearest(self, unit: str) -> str:
        """The UCUM code of a unit that was probably meant; empty if none is near."""
        folded: dict[str, str] = {}
        for spelling, code in self.by_spelling.items():
            folded.setdefault(spelling.casefold(), code)
        near = closest(unit.casefold(), folded) if len(unit) > 1 else ""
        return folded[near] if near else ""


def _unit_fold(unit: str) -> str:
    """Both signs for micro as one, superscripts as digits, no blanks."""
    return unicodedata.normalize("NFKC", unit).replace(" ", "")


def build_units(entries: Mapping[str, Any]) -> tuple[Units, list[str]]:
    """The unit table, and its mistakes."""
    spellings: dict[str, str] = {}
    mistakes: list[str] = []
    for code, entry in entries.items():
        spelled = entry.get("spellings", []) if isinstance(entry, dict) else None
        if (
            not isinstance(spelled, list)
            or set(entry) - {"spellings"}
            or not all(isinstance(one, str) for one in spelled)
        ):
            mistakes.append(f"{code}: expected spellings = [...]")
            continue
        for spelling in (s for given in (code, *entry.get("spellings", ())) for s in (given, _unit_fold(given))):
            other = spellings.setdefault(spelling, code)
            if other != code:
                mistakes.append(f"{code}: '{spelling}' also means {other}; a spelling may mean one unit only")
    return Units(frozenset(entries), spellings), mistakes
