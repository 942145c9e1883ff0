"""The value maker for concepts: words of the case to CodeableConcepts, by the concept tables."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.issues import nearest
from fhirconv.terminology import Concept, ConceptTable
from fhirconv.values.base import WORDS, Env, Made, constant, failed

Put = Callable[[dict[str, Any], Any], None]
AddSide = Callable[[str, dict[str, Any]], dict[str, Any]]  # side and CodeableConcept to CodeableConcept


def codeable(found: Concept | None, words: str) -> dict[str, Any]:
    """A CodeableConcept: the concept's codings (none if there is no concept) and the words as they stand."""
    if found is None or not found.codings:
        return {"text": words}
    return {"coding": [coding.copy() for coding in found.codings], "text": words}


def concept(rule: Mapping[str, Any], env: Env) -> Made:
    """`concept = TABLE` with `is = KEY` (always this one) or `from = FIELD` (looked up; text alone if it is not there).

    `from` may be a list, whose stated fields are joined; `else = KEY` is taken when no field is stated. `side = FIELD`
    looks for '<side> <words>' first; `side_in_text` puts the side into the text (and makes a text of it alone where the
    words are not stated), `side_url` into that extension. `unit = FIELD` takes the codes only if they hold for the unit.
    `coded` leaves words out that have no code.
    """
    table = env.table(rule["concept"])
    if table is None:
        return failed()
    for option in ("is", "else"):
        if option in rule and rule[option] not in table.concepts:
            hint = nearest(rule[option], table.concepts)
            env.error("mapping-table", f"concepts/{table.name}.toml has no '{rule[option]}'{hint}")
            return failed()
    put = _put_concept(env)
    if "is" in rule:
        known = table.concepts[rule["is"]]
        made = codeable(known, known.text)
        if "CodeableConcept" in env.element.types:
            return constant(env, repr(made), "CodeableConcept")
        return Made(lambda out, data, context: put(out, copy.deepcopy(made)), constant=True)
    return _looked_up(rule, env, table, put)


def _looked_up(rule: Mapping[str, Any], env: Env, table: ConceptTable, put: Put) -> Made:
    names = [rule["from"]] if isinstance(rule["from"], str) else list(rule["from"])
    side_name, unit_name = rule.get("side", ""), rule.get("unit", "")
    known = [env.source(name, *WORDS, "integer") for name in names]
    known += [env.source(n) for n in [side_name] if n] + [env.source(n, "unit") for n in [unit_name] if n]
    env.takes_code_of(table)
    if not all(known) or env.refuses_list(names[0]):
        return failed()
    other = table.concepts.get(rule.get("else", ""))
    in_text, name, single = rule.get("side_in_text", False), names[-1], len(names) == 1
    add_side = _side_extension(rule, env)
    put_word = _word_putter(rule, table, put, add_side)

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        words = data.get(name) if single else _joined(data, names)
        side, unit = data.get(side_name), data.get(unit_name)
        if isinstance(words, list):
            for word in words:
                put_word(out, word, side, unit, context)
        elif words is not None:
            put_word(out, words, side, unit, context)
        elif other is not None:
            put(out, codeable(other, other.text))
        elif side is not None and in_text:
            put(out, add_side(side, {"text": side}))

    sources = (*names, *filter(None, (side_name,)))
    return Made(make, sources, main_table=table.name, always=other is not None)


def _word_putter(
    rule: Mapping[str, Any], table: ConceptTable, put: Put, add_side: AddSide
) -> Callable[[dict[str, Any], str, str | None, Any, Context], None]:
    """Puts the concept of one word, with its side if it has one."""
    name = rule["from"] if isinstance(rule["from"], str) else rule["from"][-1]
    joined = not isinstance(rule["from"], str) and len(rule["from"]) > 1
    coded, in_text = rule.get("coded", False), rule.get("side_in_text", False)

    def put_word(out: dict[str, Any], word: str, side: str | None, unit: Any, context: Context) -> None:
        found = table.find(word, side or "")
        if found is not None and found.units and not context.fits(found.units, unit):
            context.keep_as_text(table.name, name, word)
            found = None
        elif found is None or not found.codings:
            if coded:
                return
            if found is None or not found.is_text:
                context.keep_as_text(table.name, name, word)
        if joined and found is not None:
            word = found.text  # joined fields are no words of the source
        if side is None:
            put(out, codeable(found, word))
        else:
            said = f"{side} {word}" if in_text and side not in word.lower().split() else word
            put(out, add_side(side, codeable(found, said)))

    return put_word


def _side_extension(rule: Mapping[str, Any], env: Env) -> AddSide:
    """Adds the side to a CodeableConcept by the extension `side_url`, if the rule has one."""
    sides = env.table("laterality") if "side_url" in rule else None
    if sides is None:
        return lambda side, made: made
    url = rule["side_url"]
    return lambda side, made: {
        "extension": [{"url": url, "valueCodeableConcept": codeable(sides.find(side), side)}],
        **made,
    }


def _put_concept(env: Env) -> Put:
    """Sets a CodeableConcept, or its codings where the element is a Coding."""
    put = env.put("CodeableConcept", "Coding")
    if "CodeableConcept" in env.element.types:
        return put

    def put_codings(out: dict[str, Any], made: dict[str, Any]) -> None:
        for coding in made.get("coding", ()):
            put(out, coding)

    return put_codings


def _joined(data: Mapping[str, Any], names: list[str]) -> str | None:
    """Several fields as one text, those that are not stated left out."""
    return " ".join(str(data[name]) for name in names if name in data) or None
