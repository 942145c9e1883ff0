"""The inverses of the value makers for words and codes: fixed, text, note, code, identifier, missing, instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.back.concepts import codings_of, rest_of, sayable, term_of
from fhirconv.back.reading import Reading, Spot, Undo, split_extensions, taking, without
from fhirconv.r4 import elements_of, kind_of
from fhirconv.values.words import DATA_ABSENT_REASON, TEXTS, note_head


def fixed(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """Nothing to find; another value than ours is left to be reported."""
    value = rule["fixed"]
    kinds = {bool: ("boolean",), int: ("integer",)}.get(type(value), spot.element.types)
    key = spot.key(*kinds)
    take = taking(key, lambda found, reading: None if found == value else found).take
    return Undo(take, fits=lambda out: out.get(key) == value)


def text(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """Words that stand as text, as CodeableConcept.text or as Annotation.text."""
    name, head = rule["text"], f"{rule['label']}: " if rule.get("label") else ""
    choices = spot.choices(name)
    is_term = "CodeableConcept" in spot.element.types and not choices

    def concept(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict):
            return value
        codings, left = sayable(codings_of(value), spot)
        term = term_of(value.get("text"), codings, lambda term: None, spot.tables)
        return rest_of(value, left, value.get("extension", [])) if term and reading.put(name, term) else value

    def one(value: Any, reading: Reading) -> Any:
        said = value.get("text") if isinstance(value, dict) else value
        if not isinstance(said, str) or not said.startswith(head):
            return value
        said = said.removeprefix(head)
        if (choices and said not in choices) or not reading.put(name, said):
            return value
        return without(value, "text") if isinstance(value, dict) else None

    return taking(spot.key(*TEXTS), concept if is_term else one)


def note(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """Annotations, each with the name of its field before its words; 'note' may have none."""
    names = rule["note"]

    def one(value: Any, reading: Reading) -> Any:
        said = value.get("text") if isinstance(value, dict) else None
        if not isinstance(said, str):
            return value
        name = next((name for name in names if said.startswith(note_head(name))), "note")
        words = said.removeprefix(note_head(name))
        return without(value, "text") if name in names and _put_words(name, words, reading, spot) else value

    return taking(spot.element.name, one)


def _put_words(name: str, words: str, reading: Reading, spot: Spot) -> bool:
    field = spot.section.fields[name] if spot.section else None
    if field is not None and field.is_list:
        items = words.split(", ")
        return set(items) <= set(field.choices) and reading.put_all(name, items)
    if field is not None and field.kind == "integer":
        return words.isdecimal() and reading.put(name, int(words))
    if field is not None and field.choices and words not in field.choices:
        return False
    if name == "note" and not reading.is_ours and "note" in reading.fields:  # others may have several remarks
        reading.fields[name] += f"\n{words}"
        return True
    return reading.put(name, words)


def code(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """A code, by the map read backwards; in a CodeableConcept by the words that stand beside it, if they do."""
    name, system = rule["code"], spot.tables.code_systems.get(rule.get("system", ""), "")
    made = {choice: choice for choice in spot.choices(name)} | dict(rule.get("map", {}))
    words_of: dict[Any, list[str]] = {}
    for words, value in made.items():
        words_of.setdefault(value, []).append(words)

    def one(value: Any, reading: Reading) -> Any:
        if not system:
            said = words_of.get(value, ()) if isinstance(value, str | bool) else ()
            return None if len(said) == 1 and reading.put(name, said[0]) else value
        if not isinstance(value, dict):
            return value
        codings = value.get("coding", []) if "CodeableConcept" in spot.element.types else [value]
        found = next((one for one in codings if isinstance(one, dict) and one.get("system") == system), {})
        said = words_of.get(str(found.get("code")), [])
        if value.get("text") in said:
            said = [value["text"]]
        if len(said) != 1 or ("text" in value and value["text"] != said[0]) or not reading.put(name, said[0]):
            return value
        others = [one if one is not found else without(one, "system", "code", "display") for one in codings]
        return _rest(value, [one for one in others if one])

    kinds = (
        ("boolean",) if any(isinstance(one, bool) for one in made.values()) else ("CodeableConcept", "Coding", "code")
    )
    return taking(spot.key(*kinds), one)


def _rest(value: Mapping[str, Any], codings: list[Any]) -> dict[str, Any] | None:
    """A CodeableConcept whose text was read, with the codings that were not."""
    rest = without(value, "text", "coding") or {}
    return ({**rest, "coding": codings} if codings else rest) or None


def identifier(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """Our own identifier, which was read before; those of a document or of the patient."""
    name, systems = rule["identifier"], spot.tables.identifier_systems
    own = {systems.get("fact"), systems.get("case")}
    wanted = systems.get(rule.get("system", ""), "") if name != "@fact" else systems.get("fact", "")
    short = {uri: key for key, uri in systems.items()}

    def one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("value"), str):
            return value
        system = value.get("system")
        if name == "@fact":
            return without(value, "system", "value") if system == wanted else value
        if wanted:
            is_read = system == wanted and reading.put(name, value["value"])
            return without(value, "system", "value") if is_read else value
        if not isinstance(system, str) or system in own:
            return value
        kind = value.get("type", {})
        words = kind.get("text") if isinstance(kind, dict) else None
        made = {"system": short.get(system, system), "value": value["value"]}
        reading.put(name, {**made, "type": words} if isinstance(words, str) else made)
        rest = without(value, "system", "value", "type") or {}
        kept = without(kind, "text") if isinstance(words, str) else kind
        return ({**rest, "type": kept} if kept else rest) or None

    return taking(spot.element.name, one)


def missing(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """The reason why an element is absent. One that is made where nothing is stated says nothing of the fact."""
    name, default = rule.get("from", ""), str(rule["missing"])
    kind = spot.element.types[0]
    is_primitive = not elements_of(kind) and kind_of(kind).startswith("primitive")
    key = ("_" if is_primitive else "") + spot.element.key(kind)

    def one(value: Any, reading: Reading) -> Any:
        reasons, others = split_extensions(value, DATA_ABSENT_REASON)
        if len(reasons) != 1 or reasons[0] not in (spot.choices(name) or (default,)):
            return value
        says_nothing = not name or (rule.get("else") and reasons[0] == default)
        if not says_nothing and not reading.put(name, reasons[0]):
            return value
        rest = without(value, "extension") or {}
        return ({"extension": others, **rest} if others else rest) or None

    return taking(key, one)


def instant(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """A field of the case object; in a resource about something else it is a copy of that."""
    name = rule["instant"]

    def one(value: Any, reading: Reading) -> Any:
        is_own = reading.section is not None and reading.section.name == "case"
        return None if not is_own or reading.put(name, value) else value

    return taking(spot.key("instant", "dateTime"), one)
