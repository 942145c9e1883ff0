"""Plain facts: the quick way to see that the checks of a fact have nothing to say and nothing to rewrite.

Facts have few shapes (a kind of fact and the fields that it states), and for a shape the checks come to a few questions:
is this a date as FHIR has it and within the patient's life, is that unit in the table. They are one expression, compiled
once. What is not plain may be right as well: checks.py and plausibility/ decide. Only names of the schema enter the source
of an expression, values of a case never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fhirconv.dates import PLAIN_DATES, PLAIN_INSTANTS
from fhirconv.facts import Case, Fact, Shape
from fhirconv.fitting import fit_questions
from fhirconv.plausibility.glance import GLANCED, questions
from fhirconv.plausibility.limits import Said
from fhirconv.schema import Field, Section

# The fact, its data, the facts with an id by it, the units by their spelling, the ends of the patient's life, and what
# names say.
IsPlain = Callable[[Fact, Mapping[str, Any], Mapping[str, Fact], Mapping[str, str], str, str, Mapping[str, Said]], bool]

ChecksOf = Callable[[Section], Iterable[tuple[Field, str]]]

SPANS = (("start", "end"), ("onset", "abatement"))  # fields that are in order, if both are stated

_QUESTIONS: dict[tuple[str, type], str] = {  # by the name of the check and what the field, {0}, is by its shape
    ("check_date", str): "dates[{0}]",
    ("check_when", str): "low <= (value := {0}) <= high and (dates[value] or instants[value])",
    ("check_instant", str): "instants[{0}]",
    ("check_integer", object): "type({0}) is int",
    ("check_number", object): "True",
    ("check_term", str): "True",
    ("check_term", list): "set(map(type, {0})) == {{str}}",
    ("check_unit", str): "{0} in units",
    ("check_referencerange", dict): "('low' not in (value := {0}) or 'high' not in value or value['low'] <= value['high'])",
    ("check_references", str): "(other := named.get({0})) is not None and other is not fact"
    " and other.section.name in {refers}",
}


def not_plain(case: Case, units: Mapping[str, str], said: Mapping[str, Said], checks_of: ChecksOf) -> list[Fact]:
    """The facts of a case without a decimal mark of its own which have to be looked at; the others also fit the schema.

    `units` by their spelling; `said` is what names say by their words; `checks_of` names the checks of a section's fields.
    """
    named = case.by_id
    low, high = _life(case.section("patient"))
    try:
        return [
            fact
            for fact in case.facts
            if not (fact.shape.is_plain or _compile(fact.shape, checks_of))(fact, fact.data, named, units, low, high, said)
        ]
    except (TypeError, ValueError):  # a value of a type that no question and no validator is for
        return case.facts


def _life(patient: Mapping[str, Any]) -> tuple[str, str]:
    """Birth and death, between which a time can be seen to be; if they themselves are not plain, none is."""
    birth, died = patient.get("birth_date"), patient.get("died")
    low = "" if birth is None else birth if type(birth) is str and PLAIN_DATES[birth] else "~"
    return low, "~" if died is None else died if type(died) is str and PLAIN_DATES[died] else ""


def _compile(shape: Shape, checks_of: ChecksOf) -> IsPlain:
    shape.is_plain = made = _compiled(shape.section, dict(shape.kinds), checks_of(shape.section))
    return made


def _compiled(section: Section, kinds: Mapping[str, type], checks: Iterable[tuple[Field, str]]) -> IsPlain:
    names: dict[str, Any] = {"dates": PLAIN_DATES, "instants": PLAIN_INSTANTS, **GLANCED}
    asked, shape = [*fit_questions(section, kinds, names)], frozenset(kinds)
    asked += [_question(field, check, kinds) for field, check in checks if field.path[0] in shape]
    asked += [
        f"data[{first!r}] <= data[{last!r}] and len(data[{first!r}]) <= 10"
        for first, last in SPANS
        if shape >= {first, last}
    ]
    if section.name == "events" and "of" in shape:  # the other fact must name it
        asked.append("False")
    asked += questions(section, shape)
    source = "def is_plain(fact, data, named, units, low, high, said):\n return " + " and ".join(asked)
    exec(compile(source, f"<plain facts of {section.name}>", "exec"), names)  # noqa: S102  (see above)
    made: IsPlain = names["is_plain"]
    return made


def _question(field: Field, check: str, kinds: Mapping[str, type]) -> str:
    name, *inner = field.path
    question = _QUESTIONS.get((check, str if inner else kinds[name]), "False")  # None answers no to each
    if len(inner) > 1 or (field.is_list and check != "check_term"):
        return "False"
    if check == "check_number" and "unit" not in kinds:
        return "False"
    if check == "check_unit":
        question += f" and data[{name!r}].get('value') is not None" if inner else f" and {'value' in kinds}"
    if inner:
        question = question.format("value", refers=set(field.refers))
        return f"((value := data[{name!r}].get({inner[0]!r})) is None or (type(value) is str and {question}))"
    return question.format(f"data[{name!r}]", refers=set(field.refers))
