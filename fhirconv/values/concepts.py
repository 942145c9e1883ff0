"""The value maker for concepts: words of the case to CodeableConcepts, by the concept tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.issues import nearest
from fhirconv.terminology import Concept, ConceptTable
from fhirconv.terms import Term
from fhirconv.values.base import ORIGINAL_TEXT, WORDS, Env, Made, failed
from fhirconv.values.writing import Writer

Put = Callable[[Writer, str, str], None]  # puts the value of an expression, a CodeableConcept, into a dict
Look = Callable[[str, str | None, Any, Context], dict[str, Any] | None]
Known = dict[tuple[str, str | None], Callable[[str], dict[str, Any]]]  # words and unit to a maker for the words
_MOST_WORDS = 4096
SIDES = ("left", "right", "bilateral")
AddSide = Callable[[str, dict[str, Any]], dict[str, Any]]  # side and CodeableConcept to CodeableConcept


def codeable(found: Concept | None, words: str) -> dict[str, Any]:
    """A CodeableConcept: the concept's codings (none if there is no concept) and the words as they stand.

    Codes of the source come first, as they are; then ours of the systems that the source does not use.
    """
    if isinstance(words, Term):
        stated = {coding["system"] for coding in words.codings}
        ours = (coding for coding in (found.codings if found else ()) if coding["system"] not in stated)
        codings = [dict(coding) for coding in (*words.codings, *ours)]
        return {"coding": codings, "text": words.words} if words.words else {"coding": codings}
    return {"text": words} if found is None else found.codeable(words)


def original(made: dict[str, Any], words: str) -> dict[str, Any]:
    """The CodeableConcept with the words (if any) that its text was made of: it says more, or says it in another way."""
    return {"extension": [{"url": ORIGINAL_TEXT, "valueString": words}], **made} if words else made


def concept(rule: Mapping[str, Any], env: Env) -> Made:
    """`concept = TABLE` with `is = KEY` (always this one) or `from = FIELD` (looked up; text alone if it is not there).

    Codes that the source gives with the words go out in any case; see `codeable`.

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
        made = repr(codeable(known, known.text))
        is_made = bool(known.codings) or "CodeableConcept" in env.element.types
        return Made(lambda code, out: put(code, out, made), constant=is_made)
    return _looked_up(rule, env, table, put)


def _looked_up(rule: Mapping[str, Any], env: Env, table: ConceptTable, put: Put) -> Made:
    names = [rule["from"]] if isinstance(rule["from"], str) else list(rule["from"])
    side_name, unit_name = rule.get("side", ""), rule.get("unit", "")
    known = [env.source(name, *WORDS, "integer") for name in names]
    known += [env.source(n) for n in [side_name] if n] + [env.source(n, "unit") for n in [unit_name] if n]
    env.takes_code_of(table)
    env.refuses_terms(names[-1])
    if not all(known) or env.refuses_list(names[0]):
        return failed()
    other = table.concepts.get(rule.get("else", ""))
    in_text, coded = rule.get("side_in_text", False), rule.get("coded", False)
    name, single = names[-1], len(names) == 1
    add_side = _side_extension(rule, env)
    makers: Known = {}
    look = _look(rule, table, add_side, makers)

    def write(code: Writer, out: str) -> None:
        side, unit = code.field(side_name), code.field(unit_name)

        def put_found(word: str) -> None:
            found = f"{code.name(look)}({word}, {side}, {unit}, context)"
            if single and side == "None" and (unit == "None" or code.is_text(unit_name)):
                make = code.variable()
                plain = "" if code.is_text(name) else f"type({word}) is str and "  # what may have codes is looked at
                found = f"({make}({word}) if {plain}({make} := {code.name(makers)}.get(({word}, {unit}))) else {found})"
            if not coded:
                put(code, out, found)
                return
            known = code.variable()
            code.line(f"{known} = {found}")
            with code.block(f"if {known} is not None:"):
                put(code, out, known)

        stated = [one for one in names if code.states(one)]
        if stated and single:
            with code.items(name) as word:
                put_found(word)
        elif stated:
            put_found(f"{code.name(joined_words)}({', '.join(map(code.field, stated))})")
        elif other is not None:
            put(code, out, repr(codeable(other, other.text)))
        elif code.states(side_name) and in_text:
            put(code, out, f"{code.name(add_side)}({side}, {{'text': {side}}})")

    sources = (*names, *filter(None, (side_name,)))
    return Made(write, sources, main_table=table.name, always=other is not None)


def _look(rule: Mapping[str, Any], table: ConceptTable, add_side: AddSide, known: Known) -> Look:
    """Makes the CodeableConcept of one word, with its side if it has one; None for one that is left out.

    `known` gets the words that have a code for a unit, or for any: what is made of them needs nothing else.
    """
    name = rule["from"] if isinstance(rule["from"], str) else rule["from"][-1]
    joined = not isinstance(rule["from"], str) and len(rule["from"]) > 1
    coded, in_text = rule.get("coded", False), rule.get("side_in_text", False)

    def look(word: str, side: str | None, unit: Any, context: Context) -> dict[str, Any] | None:
        found = table.find(word, side or "")
        is_unfit = found is not None and bool(found.units) and not context.fits(found.units, unit)
        if is_unfit:
            found = None
        is_term = isinstance(word, Term)  # has a code in any case
        is_coded = found is not None and bool(found.codings)
        if not is_term and not is_coded:
            if coded and not is_unfit:
                return None
            if found is None or not found.is_text:
                context.keep_as_text(table.name, name, word)
        elif not is_term and found is not None and side is None and not isinstance(unit, dict) and not joined:
            if len(known) >= _MOST_WORDS:
                known.clear()
            known[word, unit] = found.codeable
        if joined:  # joined fields are no words of the source
            if found is None and not is_term:
                return codeable(None, word)
            return original(codeable(found, word if is_term or found is None else found.text), str(word))
        made = codeable(found, _sided(word, side) if in_text and side is not None else word)
        words = word.words if isinstance(word, Term) else word
        if in_text and (side is not None or words in SIDES):
            made = original(made, words)
        return made if side is None else add_side(side, made)

    return look


def _sided(word: str, side: str) -> str:
    """A term with the side before its words, unless they tell that side and no other."""
    words = word.words if isinstance(word, Term) else word
    said = words if sides_in(words) == [side] != [words] else f"{side} {words}".rstrip()
    return word.with_words(said) if isinstance(word, Term) else said


def sides_in(words: str) -> list[str]:
    """The sides that words name."""
    said = words.lower().split()
    return [side for side in SIDES if side in said]


def joined_words(*parts: Any) -> str:
    """Fields as the words of one concept. Codes of the last are codes of it: the others only make it precise."""
    said = " ".join(filter(None, (part.words if isinstance(part, Term) else str(part) for part in parts)))
    return parts[-1].sought_as(said) if isinstance(parts[-1], Term) else said


def _side_extension(rule: Mapping[str, Any], env: Env) -> AddSide:
    """Adds the side to a CodeableConcept by the extension `side_url`, if the rule has one."""
    sides = env.table("laterality") if "side_url" in rule else None
    if sides is None:
        return lambda side, made: made
    url = rule["side_url"]

    def add(side: str, made: dict[str, Any]) -> dict[str, Any]:
        extension = {"url": url, "valueCodeableConcept": codeable(sides.find(side), side)}
        return {**made, "extension": [*made.get("extension", ()), extension]}

    return add


def _put_concept(env: Env) -> Put:
    """Sets a CodeableConcept, or its codings where the element is a Coding."""
    target = env.put("CodeableConcept", "Coding")
    if "CodeableConcept" in env.element.types:
        return lambda code, out, made: code.put(out, target, made)

    def put_codings(code: Writer, out: str, made: str) -> None:
        with code.block(f"for coding in {made}.get('coding', ()):"), code.sharing():
            code.put(out, target, "coding")

    return put_codings
