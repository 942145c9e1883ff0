"""What the schema asks of a fact, as questions for the expressions of plain_facts.py: a fact of which all are true fits.

What is asked of its keys is settled here, with its shape. What is left are the values: words that are not blank, a code
among those allowed. Of a value about which no question here is, jsonschema_rs decides, for that value alone: it raises
ValueError for types that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import jsonschema_rs

from fhirconv.schema import Section, case_schema, resolve

Schema = dict[str, Any]

_FOR_PEOPLE = frozenset(("title", "description", "x-refers", "x-identity"))
_OF_TEXTS = ("pattern", "minLength", "maxLength")  # keywords; what the schema asks of other types has no say for texts
_OF_ANY_TYPE = frozenset(("enum", "const", "if", "not", "allOf", "anyOf", "oneOf"))
_QUESTIONS: dict[tuple[tuple[str, Any], ...], str] = {  # of a text, by what is asked; {0} is its name
    (): "True",
    (("minLength", 1),): "{0}",
    (("pattern", r"\S"), ("minLength", 1)): '("!" <= {0} < "\\x7f" or ({0} and not {0}.isspace()))',
}
_NUMBERS = frozenset((int, float, Decimal))


def fit_questions(section: Section, kinds: Mapping[str, type], names: dict[str, Any]) -> Iterator[str]:
    """For facts, `data`, of a section with values of these kinds (facts.Kinds); what is used is put into `names`."""
    definition = case_schema().definition(section)
    yield f"len(data) == {len(kinds)}"
    for part in _by_keys({name: one for name, one in definition.items() if name != "properties"}, kinds):
        if "'properties'" in str(part):
            yield f"{_named(_accepts(definition), names)}(data)"
        else:
            anything = {**part, "properties": dict.fromkeys(definition["properties"], True)}
            yield str(_accepts(anything)(dict.fromkeys(kinds)))
    for key, kind in kinds.items():
        yield _question(definition["properties"][key], kind, f"data[{key!r}]", names)


def _question(node: Schema, kind: type, value: str, names: dict[str, Any]) -> str:
    asked = {name: one for name, one in resolve(case_schema().schema, node)[1].items() if name not in _FOR_PEOPLE}
    if kind is str and asked.keys() == {"enum"}:
        return f"{value} in {_named(frozenset(asked['enum']), names)}"
    if kind is str and "string" in asked.get("type", ()) and asked.keys().isdisjoint(_OF_ANY_TYPE):
        question = _QUESTIONS.get(tuple((name, asked[name]) for name in _OF_TEXTS if name in asked))
        if question:
            return question.format(value)
    if kind is object and asked == {"type": ["number", "string"]}:
        return f"type({value}) in {_named(_NUMBERS, names)}"
    return f"{_named(_accepts(node), names)}({value})"


def _by_keys(part: Schema, keys: Collection[str]) -> Iterator[Schema]:
    """What a schema asks of an object that has these keys: of a condition that is about them, one branch."""
    part = dict(part)
    condition = part.get("if")
    if condition is None or "properties" in condition:
        yield part
        return
    branch = part.pop("then", {}), part.pop("else", {})
    yield {name: one for name, one in part.items() if name != "if"}
    yield from _by_keys(branch[not _accepts(condition)(dict.fromkeys(keys))], keys)


def _accepts(node: Schema) -> Callable[[Any], bool]:
    check: Callable[[Any], bool] = jsonschema_rs.Draft202012Validator(
        {**node, "$defs": case_schema().schema["$defs"]}
    ).is_valid
    return check


def _named(value: object, names: dict[str, Any]) -> str:
    name = f"fit{len(names)}"
    names[name] = value
    return name
