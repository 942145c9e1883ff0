"""The inverse of the value maker for concepts: CodeableConcepts to the words of a case, and codes that no table gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fhirconv.back.reading import One, Reading, Spot, Undo, split_extensions, taking, without
from fhirconv.terminology import Concept, ConceptTable
from fhirconv.terms import Term
from fhirconv.values.base import ORIGINAL_TEXT, Tables
from fhirconv.values.concepts import SIDES, codeable, sides_in

Find = Callable[[str], Concept | None]


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
        words, side = _apart(value.get("text"), originals, sides) if in_text else (value.get("text"), "")
        sought_side = side if in_text else reading.fields.get(side_name, "")
        find = finder(table, sought_side, reading.fields.get(unit_name), spot.tables)
        codings, left = sayable(codings_of(value), spot)
        if choices:
            said: Any = words if words in choices else _choice(choices, table, codings)
            left += _others(codings, table.find(said or ""))
        else:
            said = term_of(words, codings, find, spot.tables)
        if not (said or side) or (said and not reading.put(name, said)):
            return value
        if side and not reading.put(side_name, side):
            others = value["extension"]
        return rest_of(value, left, others)

    return one


def finder(table: ConceptTable, side: str, unit: Any, tables: Tables) -> Find:
    """Looks terms up as the value maker does: with the side, and only for a unit that the codes hold for."""

    def find(term: str) -> Concept | None:
        found = table.find(term, side)
        is_fit = (
            found is None
            or not found.units
            or unit is None
            or (isinstance(unit, str) and tables.units.find(unit) in found.units)
        )
        return found if is_fit else None

    return find


def sayable(codings: list[Any], spot: Spot) -> tuple[list[dict[str, Any]], list[Any]]:
    """The codings that a term can state (system, code, display), and what is left of all."""
    made, left = [], []
    for coding in codings:
        said = {key: coding[key] for key in ("system", "code", "display") if isinstance(coding.get(key), str)}
        is_whole = {"system", "code"} <= said.keys()
        if not is_whole or spot.tables.terms.read({"codes": [said]}).mistakes:
            left.append(coding)
        else:
            made.append(said)
            left += [rest for rest in [without(coding, *said)] if rest]
    return made, left


def rest_of(value: Mapping[str, Any], codings: list[Any], extensions: list[Any]) -> dict[str, Any] | None:
    """What is left of a CodeableConcept (or Coding) whose words were read."""
    rest = without(value, "text", "extension", "coding", "system", "code", "display") or {}
    rest |= {"extension": extensions} if extensions else {}
    return rest | ({"coding": codings} if codings else {}) or None


def term_of(words: str | None, codings: list[dict[str, Any]], find: Find, tables: Tables) -> Any:
    """A term of the case: its words, with those codes that the table would not give for it; None for nothing.

    The codes of the source stand first. How many there are is found by making the CodeableConcept anew; in one that others
    made, all are.
    """
    if words and (not codings or codings == coded_as(words, find(words))):
        return words
    short = {uri: name for name, uri in tables.code_systems.items()}
    codes = [{**coding, "system": short.get(coding["system"], coding["system"])} for coding in codings]
    given: dict[str, Any] = {}
    for count in range(1, len(codes) + 1):
        given = {"text": words, "codes": codes[:count]} if words else {"codes": codes[:count]}
        term = tables.terms.read(given).term
        if coded_as(term, find(term)) == codings:
            break
    return given or None


def coded_as(term: str, found: Concept | None) -> list[Any]:
    """The codings that go out for a term."""
    made: list[Any] = codeable(found, term).get("coding", [])
    return made


def _apart(text: Any, originals: list[Any], sides: list[Any]) -> tuple[str | None, str]:
    """Words and side of a text that may be '<side> <words>'; the words as they stood are the original text."""
    told = [one.get("text") for one in sides if isinstance(one, dict)]
    side = next((one for one in SIDES if one in told), "")
    if originals and isinstance(text, str):
        words = str(originals[0])
        said = (
            ([] if words in SIDES else sides_in(words))
            if text == words
            else [text.removesuffix(words.rstrip()).strip()]
        )
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


def _joined(rule: Mapping[str, Any], spot: Spot, table: ConceptTable) -> One:
    """Several fields whose words were looked up together: the original text is their words, joined."""
    names = list(rule["from"])
    every = [(None, *spot.choices(name)) for name in names]
    known: dict[str, tuple[Any, ...]] = {}
    if all(len(one) > 1 for one in every):  # the words of fields with choices are told by trying all of them
        for made in itertools.product(*every):
            known.setdefault(" ".join(filter(None, made)), made)
        del known[""]

    def one(value: Any, reading: Reading) -> Any:
        originals, others = split_extensions(value, ORIGINAL_TEXT)
        joined = originals[0] if originals else value.get("text", "") if isinstance(value, dict) else None
        other = table.concepts.get(rule.get("else", ""))
        if not originals and other is not None and value == codeable(other, other.text):
            return None
        if not isinstance(joined, str):
            return value
        codings, left = sayable(codings_of(value), spot)
        if known:
            said = joined if joined in known else _known_by(codings, known, table)
            found, left = known.get(said), left + _others(codings, table.find(said))
        else:
            found = _split(joined, names, codings, partial(sought_as, table.find, joined), reading, spot)
        if found is None or not all(
            part is None or reading.put(name, part) for name, part in zip(names, found, strict=True)
        ):
            return value
        return rest_of(value, left, others)

    return one


def _known_by(codings: list[Any], known: Mapping[str, tuple[Any, ...]], table: ConceptTable) -> str:
    """The choices whose joined words mean the concept with one of the codes; of several ways, the shortest."""
    codes = set(map(code_of, codings))
    for joined in sorted(known, key=len):
        found = table.find(joined) if joined else None
        if found is not None and codes.intersection(map(code_of, found.codings)):
            return joined
    return "no choice"


def _others(codings: list[Any], found: Concept | None) -> list[Any]:
    """The codings that are none of a concept's."""
    ours = set(map(code_of, found.codings)) if found else set()
    return [coding for coding in codings if code_of(coding) not in ours]


def sought_as(find: Find, joined: str, term: str) -> Concept | None:
    """Looks a term up by the joined words of several fields."""
    return find(term.sought_as(joined) if isinstance(term, Term) else joined)


def _split(
    joined: str,
    names: list[str],
    codings: list[Any],
    find: Find,
    reading: Reading,
    spot: Spot,
) -> tuple[Any, ...] | None:
    """The term of the last field: what comes after the words of the others, which other elements tell."""
    before = [reading.fields.get(name) for name in names[:-1]]
    head = "".join(f"{words} " for words in map(words_of, before) if words)
    words = joined.removeprefix(head) if joined != head[:-1] else ""
    term = term_of(words, codings, find, spot.tables)
    return None if term is None else (*before, term)


def words_of(term: Any) -> str:
    """The words of a term of a case; '' for none."""
    return str(term.get("text", "")) if isinstance(term, dict) else term or ""
