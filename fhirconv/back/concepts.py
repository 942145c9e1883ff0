"""The inverse of the value maker for concepts: CodeableConcepts to the words of a case, and codes that no table gives."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from fhirconv.back.reading import One, Reading, Spot, Undo, split_extensions, taking, without
from fhirconv.terminology import Concept, ConceptTable
from fhirconv.values.base import ORIGINAL_TEXT
from fhirconv.values.concepts import codeable

SIDES = ("left", "right", "bilateral")


def concept(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """A constant that must stand there; the words of a field; or the words of several fields."""
    table = spot.tables.concepts[rule["concept"]]
    key = spot.key("CodeableConcept", "Coding")
    if "is" in rule:
        return _constant(codeable(table.concepts[rule["is"]], table.concepts[rule["is"]].text), key)
    if rule.get("coded"):
        return taking(key, _echo(rule, table), late=True)
    if not isinstance(rule["from"], str):
        return taking(key, _joined(rule, spot, table), late=True)
    return taking(key, _words(rule, spot, table), late="unit" in rule)


def codings_of(value: Any) -> list[Any]:
    """The codings of a CodeableConcept, or the Coding itself."""
    if not isinstance(value, dict):
        return []
    found = value.get("coding", []) if "coding" in value or "text" in value else [value]
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def code_of(coding: Mapping[str, Any]) -> tuple[Any, Any]:
    """What a Coding says, apart from its words."""
    return coding.get("system"), coding.get("code")


def _constant(made: Mapping[str, Any], key: str) -> Undo:
    ours = {code_of(one) for one in made.get("coding", ())}

    def is_ours(value: Any) -> bool:
        return bool(ours.intersection(map(code_of, codings_of(value)))) if ours else bool(value == made)

    def one(value: Any, reading: Reading) -> Any:
        if not is_ours(value) or value == made:
            return None if value == made else value
        rest = without(value, "system", "code", "display", "coding") or {}
        others = [coding for coding in codings_of(value) if code_of(coding) not in ours]
        rest |= {"coding": others} if others else {}
        return (rest if rest.get("text") != made["text"] else without(rest, "text")) or None

    def fits(out: Mapping[str, Any]) -> bool:
        found = out.get(key)
        return any(map(is_ours, found if isinstance(found, list) else [found]))

    return Undo(taking(key, one).take, fits=fits)


def _echo(rule: Mapping[str, Any], table: ConceptTable) -> One:
    """A code for what other elements say in words; it is taken where it says the same."""
    names = [rule["from"]] if isinstance(rule["from"], str) else rule["from"]

    def one(value: Any, reading: Reading) -> Any:
        originals, _ = split_extensions(value, ORIGINAL_TEXT)
        said = originals[0] if originals else value.get("text") if isinstance(value, dict) else None
        known = " ".join(str(reading.fields.get(name)) for name in names)
        is_known = said == known if reading.section else isinstance(said, str) and table.find(said) is not None
        return None if is_known else value

    return one


def _words(rule: Mapping[str, Any], spot: Spot, table: ConceptTable) -> One:
    name, side_name, unit_name = rule["from"], rule.get("side", ""), rule.get("unit", "")
    in_text, side_url = rule.get("side_in_text", False), rule.get("side_url", "")
    choices = spot.choices(name)

    def one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict):
            return value
        originals, others = split_extensions(value, ORIGINAL_TEXT)
        sides, others = split_extensions({"extension": others}, side_url) if side_url else ([], others)
        words, side = _apart(value.get("text"), originals, sides) if in_text else (value.get("text"), reading.fields.get(side_name))
        if in_text and not words and side:
            return value if not reading.put(side_name, side) else None
        codings = codings_of(value)
        if words is None or (choices and words not in choices):
            words = _choice(choices, table, codings) if choices else None
        found = table.find(words, side or "") if isinstance(words, str) else None
        if found is not None and found.units and not _fits(found, reading.fields.get(unit_name), spot):
            found = None
        term = _term(words, codings, found)
        if term is None or (choices and not isinstance(term, str)) or not reading.put(name, term):
            return value
        if in_text and side:
            reading.put(side_name, side)
        rest = without(value, "text", "extension", "coding") or {}
        left = [left for coding in codings if (left := without(coding, "system", "code", "display"))]
        rest |= {"coding": left} if left else {}
        return ({**rest, "extension": others} if others else rest) or None

    return one


def _fits(found: Concept, unit: Any, spot: Spot) -> bool:
    """As Build.fits: whether codes that hold for some units only are given for this one."""
    return unit is None or (isinstance(unit, str) and spot.tables.units.find(unit) in found.units)


def _apart(text: Any, originals: list[Any], sides: list[Any]) -> tuple[str | None, str]:
    """Words and side of a text that may be '<side> <words>'; the words as they stood are the original text."""
    told = [one.get("text") for one in sides if isinstance(one, dict)]
    side = next((one for one in SIDES if one in told), "")
    if originals and isinstance(text, str):
        words = str(originals[0])
        said = words.lower().split() if text == words else [text.removesuffix(words).strip()]
        return words, side or next((one for one in SIDES if one in said), "")
    if text in SIDES:
        return None, text
    return text if isinstance(text, str) else None, side


def _choice(choices: tuple[str, ...], table: ConceptTable, codings: list[Any]) -> str | None:
    """The choice whose concept has one of the codes."""
    codes = set(map(code_of, codings))
    for choice in choices:
        found = table.find(choice)
        if found is not None and codes.intersection(map(code_of, found.codings)):
            return choice
    return None


def _term(words: str | None, codings: list[Any], found: Concept | None) -> Any:
    """A term of the case: the words; with codes where the table would not give the same for the words alone."""
    ours = list(found.codings) if found else []
    if words is not None and codings in (ours, []):
        return words
    return None


def _joined(rule: Mapping[str, Any], spot: Spot, table: ConceptTable) -> One:
    """Several fields whose words were looked up together: the original text is their words, joined."""
    names = list(rule["from"])
    every = [(None, *spot.choices(name)) for name in names]
    known: dict[str, tuple[Any, ...]] = {}
    if all(len(one) > 1 for one in every):  # the words of fields with choices are told by trying all of them
        for made in itertools.product(*every):
            known.setdefault(" ".join(filter(None, made)), made)

    def one(value: Any, reading: Reading) -> Any:
        originals, others = split_extensions(value, ORIGINAL_TEXT)
        joined = originals[0] if originals else value.get("text") if isinstance(value, dict) else None
        if joined is None:
            return value
        other = table.concepts.get(rule.get("else", ""))
        if not originals and other is not None and joined == other.text:
            return None
        found = known.get(joined) if known else _split(joined, names, reading)
        if found is None or not all(part is None or reading.put(name, part) for name, part in zip(names, found, strict=True)):
            return value
        rest = without(value, "text", "coding", "extension")
        return ({**(rest or {}), "extension": others} if others else rest) or None

    return one


def _split(joined: str, names: list[str], reading: Reading) -> tuple[Any, ...] | None:
    """The last field's words: what comes after those of the others, which other elements tell."""
    before = [reading.fields.get(name) for name in names[:-1]]
    head = "".join(f"{part} " for part in before if part is not None)
    return (*before, joined.removeprefix(head)) if joined.startswith(head) else None


