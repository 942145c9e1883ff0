"""Why a document does not fit a JSON Schema, in our words: what was found, what was expected, what to do."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from numbers import Number
from typing import Any

from fhirconv.document import Document, escape_pointer
from fhirconv.issues import closest, shown

# Rule, message, and the rest of the JSON Pointer.
Misfit = tuple[str, str, str]

_TYPE_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "object": "an object (key: value)",
    "array": "a list",
    "boolean": "true or false",
    "null": "null",
}


def explain_misfits(schema: dict[str, Any], document: Document) -> None:
    """Notes in `document` every place where its data does not fit the schema, with what to do about it."""
    for error in _checker()(schema).iter_errors(document.data):
        pointer = "".join("/" + escape_pointer(step) for step in error.absolute_path)
        for rule, message, below in _SAYINGS.get(str(error.validator), _wrong_form)(error):
            document.add(rule, message, pointer + below)


@functools.cache
def _checker() -> Any:
    """The class of validators; to make it takes longer than to check a case."""
    import jsonschema  # costs 90 ms: only when there is something to say

    extend: Any = jsonschema.validators.extend  # has no types
    return extend(jsonschema.Draft202012Validator, {"multipleOf": _multiple_of})


def _multiple_of(validator: Any, step: Any, value: Any, schema: Any) -> Iterator[Any]:
    """As jsonschema has it, which divides Decimals with 28 digits and raises for longer ones."""
    from fractions import Fraction

    import jsonschema

    if validator.is_type(value, "number") and math.isfinite(value) and Fraction(value) % Fraction(step):
        yield jsonschema.ValidationError(f"{value} is not a multiple of {step}")


def _unknown_key(error: Any) -> Iterator[Misfit]:
    known = list(error.schema.get("properties", {}))
    for key in sorted(set(error.instance) - set(known), key=str):
        near = _nearest(str(key), known)
        hint = f"did you mean '{near}'?" if near else f"expected one of: {', '.join(known)}"
        yield "unknown-key", f"unknown key {shown(key)}; {hint}", "/" + escape_pointer(key)


def _missing_key(error: Any) -> Iterator[Misfit]:
    key = error.message.split("'")[1]  # jsonschema gives one error for each missing key, and names it only here
    about = error.schema.get("properties", {}).get(key, {}).get("description", "")
    what = about.partition(". ")[0].rstrip(".")
    yield "missing-key", f"'{key}' is missing" + (f": {what}" if what else ""), ""


def _missing_companion(error: Any) -> Iterator[Misfit]:
    for key, needed in error.validator_value.items():
        for name in needed if key in error.instance else ():
            if name not in error.instance:
                yield "missing-key", f"'{key}' needs '{name}' beside it", f"/{key}"


def _wrong_type(error: Any) -> Iterator[Misfit]:
    found, kinds = error.instance, error.validator_value
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fix = "; leave the field out, or write {} if it is required" if found is None else ""
    if kinds == ["array"] and isinstance(found, str):
        fix = "; write it in brackets: [...]"
    elif kinds == ["integer"] and isinstance(found, Number):
        fix = f" {found}"
    if isinstance(found, Number) and not isinstance(found, bool) and kinds[0] == "string":
        fix = "; put it in quotes"
    wanted = " or ".join(_TYPE_WORDS[kind] for kind in kinds)
    yield "wrong-type", f"expected {wanted}, found {type_word(found)}{fix}", ""


def type_word(value: object) -> str:
    for kind, word in ((bool, "true or false"), (str, "text"), (dict, "an object"), (list, "a list")):
        if isinstance(value, kind):
            return word
    if value is None:
        return "nothing (null)"
    return "a number" if isinstance(value, Number) else f"a Python {type(value).__name__}"


def _not_a_choice(error: Any) -> Iterator[Misfit]:
    expected = error.validator_value
    if error.instance is None:
        yield "wrong-type", "is nothing (null); leave the field out", ""
        return
    choices = list(map(str, expected)) if isinstance(expected, list) else [str(expected)]
    near = _nearest(str(error.instance), choices)
    hint = f"; did you mean '{near}'?" if near else ""
    yield "not-a-choice", f"{shown(error.instance)} is not one of: {', '.join(choices)}{hint}", ""


def _empty(error: Any) -> Iterator[Misfit]:
    yield "empty-value", "is empty; leave the field out when there is nothing to say", ""


def _pattern(error: Any) -> Iterator[Misfit]:
    if error.validator_value == "\\S":
        yield "empty-value", "holds blanks only; leave the field out when there is nothing to say", ""
    else:
        yield from _wrong_form(error)


def _one_of(error: Any) -> Iterator[Misfit]:
    if not isinstance(error.instance, dict):  # its type is a misfit of its own
        return
    names = [alternative["required"][0] for alternative in error.validator_value if "required" in alternative]
    given = [name for name in names if name in error.instance]
    choice = "', '".join(names)
    if len(given) > 1:
        judged = (
            " (a judgement beside a value goes to 'interpretation')"
            if "interpretation" in error.schema["properties"]
            else ""
        )
        message = f"'{given[0]}' and '{given[1]}' stand together; state one of '{choice}'{judged}"
        yield "value-choice", message, f"/{given[1]}"
    else:
        yield "value-missing", f"has no result; state one of '{choice}'", ""


def _too_many(error: Any) -> Iterator[Misfit]:
    yield "value-choice", "states a value and why there is none; keep one of them", ""


def _out_of_range(error: Any) -> Iterator[Misfit]:
    word = {"minimum": "at least", "maximum": "at most", "multipleOf": "a multiple of"}[error.validator]
    yield "wrong-form", f"{shown(error.instance)} must be {word} {error.validator_value}", ""


def _wrong_form(error: Any) -> Iterator[Misfit]:
    what = error.schema.get("description", "").partition(". ")[0].rstrip(".")
    yield "wrong-form", f"{shown(error.instance)} has not the form expected" + (f": {what}" if what else ""), ""


_SAYINGS: dict[str, Callable[[Any], Iterator[Misfit]]] = {
    "additionalProperties": _unknown_key,
    "required": _missing_key,
    "dependentRequired": _missing_companion,
    "type": _wrong_type,
    "enum": _not_a_choice,
    "const": _not_a_choice,
    "minLength": _empty,
    "minItems": _empty,
    "minProperties": _empty,
    "pattern": _pattern,
    "oneOf": _one_of,
    "maxProperties": _too_many,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "multipleOf": _out_of_range,
}


def _nearest(word: str, known: list[str]) -> str:
    """The known word that `word` probably means; empty if none is near."""
    folded = {_bare(name): name for name in known}
    near = closest(_bare(word), folded, 0.75)
    return folded[near] if near else ""


def _bare(word: str) -> str:
    return word.strip().casefold().replace("-", "").replace("_", "")
