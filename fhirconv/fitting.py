"""What the schema asks of a fact, as questions for the expressions of plain_facts.py: a fact of which all are true fits.

What is asked of its keys is settled here, with its shape. What is left are the values: words that are not blank, a code
among those allowed, a text of a form. Of a value about which no question here is, or that does not answer it, jsonschema_rs
decides, for that value alone: it raises ValueError for types that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from fhirconv.key_schemas import OF_VALUES, holds_for_keys
from fhirconv.schema import Section, case_schema, resolve

Schema = dict[str, Any]

FOR_PEOPLE = frozenset(("title", "description", "x-refers", "x-identity"))
OF_TEXTS = ("pattern", "minLength", "maxLength")  # keywords; what the schema asks of other types has no say for texts
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
    of_keys = {name: one for name, one in definition.items() if name not in FOR_PEOPLE}
    holds = holds_for_keys(of_keys, kinds)
    yield f"len(data) == {len(kinds)}"
    if holds is None:
        yield _judged({name: one for name, one in of_keys.items() if name not in OF_VALUES}, "data", names)
    else:
        yield str(holds)
    for key, kind in kinds.items():
        yield _question(definition["properties"][key], kind, f"data[{key!r}]", names)


def _question(node: Schema, kind: type, value: str, names: dict[str, Any]) -> str:
    asked = {name: one for name, one in resolve(case_schema().schema, node)[1].items() if name not in FOR_PEOPLE}
    if kind is str and asked.keys() == {"enum"}:
        return f"{value} in {_named(frozenset(asked['enum']), names)}"
    if kind is str and "string" in asked.get("type", ()) and asked.keys().isdisjoint(_OF_ANY_TYPE):
        question = _QUESTIONS.get(tuple((name, asked[name]) for name in OF_TEXTS if name in asked))
        if question:
            return question.format(value)
        if "minLength" not in asked:
            return f"({_named(sees_form(asked), names)}({value}) or {_judged(node, value, names)})"
    if kind is object and asked == {"type": ["number", "string"]}:
        return f"type({value}) in {_named(_NUMBERS, names)}"
    return _judged(node, value, names)


def sees_form(asked: Schema) -> Callable[[str], object]:
    """What sees at a glance that a text has a form: one of printable ASCII, of which both engines think the same."""
    return re.compile(rf"(?=[ -~]{{0,{asked.get('maxLength', '')}}}\Z)(?:{asked['pattern']})").match


def _judged(node: Schema, value: str, names: dict[str, Any]) -> str:
    """A question to jsonschema_rs, which is loaded, and the validator made, when it is first asked."""

    def first(data: Any) -> bool:
        names[name] = is_valid = case_schema().validator(node).is_valid
        return bool(is_valid(data))

    name = _named(first, names)
    return f"{name}({value})"


def _named(value: object, names: dict[str, Any]) -> str:
    name = f"fit{len(names)}"
    names[name] = value
    return name
