"""What it means that two cases hold the same facts: the one place that says so.

The facts of a case are in *normal form* when each is spelled the way it comes back from FHIR. It differs from how a case
may be written in this:

- order: of the facts in a section, and of the keys in a fact, does not matter;
- conventions: dates are ISO 8601 and numbers have a decimal point, so there are none;
- one of many: a list of one site or quote is that site or quote; `format` is left out;
- times: `{date: X}` is X; a year is text; an age in years has no unit, 70 to 79 years are the decade 70;
- numbers printed as text are numbers, with a comparator or as a range without blanks ("<=3.5", "60-120");
- events: one has no name that only repeats its id;
- what follows from something else is not stated: `vital_status` beside `died`, `name.absent: unknown` where a profile
  asks for a reason anyway;
- ids of the patient and of the source, to which nothing can refer, are left out;
- terms: codes that the concept table gives in the same way for the words alone are not stated; the name of an event that
  is the time of another fact has none;
- fields that a mapping keeps to the narrative or leaves out (`[narrative_only]`, `[left_out]`) are not there;
- a time for which an element has no type (a period in AdverseEvent.date) is its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from fhirconv.back.concepts import coded_as, finder, sought_as, term_of
from fhirconv.build import Build, Entry
from fhirconv.facts import Fact, merged_into
from fhirconv.numbers import Measured, read_measured
from fhirconv.schema import Field, Section
from fhirconv.terms import Term
from fhirconv.timeline import names_event
from fhirconv.values.base import all_rules
from fhirconv.values.concepts import joined_words
from fhirconv.values.times import moment_words
from fhirconv.values.writing import listed

Fields = dict[str, Any]


class Difference(NamedTuple):
    """A field of a fact that did not come back as it was; '' for the whole fact. `fact` is None for one that is new."""

    fact: Fact | None
    identity: str
    field: str


def normal_form(build: Build) -> dict[str, tuple[Fact, Fields]]:
    """The facts of a case that was converted, in normal form, by the identity that they have so."""
    made = ((fact, _normal(fact, build)) for fact in build.case.facts)
    return {_identity(fact.section, fields, build): (fact, fields) for fact, fields in made}


def _identity(section: Section, fields: Fields, build: Build) -> str:
    """The identity of a fact with these fields, in which terms with codes are as a case states them."""
    read_term = build.mappings.tables.terms.read
    terms = {name for name, field in section.fields.items() if field.kind in ("term", "site")}

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return [read(one) for one in value]
        return read_term(value).term if isinstance(value, dict) else value

    made = {name: read(value) if name in terms else value for name, value in fields.items()}
    return Fact(section, 0, made).identity


def normal_case(build: Build) -> dict[str, Any]:
    """The case in normal form, as case facts."""
    made: dict[str, Any] = {}
    for fact, fields in normal_form(build).values():
        if fact.section.is_list:
            made.setdefault(fact.section.name, []).append(fields)
        else:
            made[fact.section.name] = fields
    return made


def differences(build: Build, came_back: Mapping[str, Any]) -> Iterator[Difference]:
    """Where the facts that came back are not those of the case."""
    wanted = normal_form(build)
    found = dict(_facts_of(build, came_back))
    for identity, (fact, fields) in wanted.items():
        other = found.pop(identity, None)
        if other is None:
            yield Difference(fact, identity, "")
            continue
        for name in sorted(fields.keys() | other.keys()):
            if _comparable(fields.get(name)) != _comparable(other.get(name)):
                yield Difference(fact, identity, name)
    for identity in found:
        yield Difference(None, identity, "")


def _facts_of(build: Build, data: Mapping[str, Any]) -> Iterator[tuple[str, Fields]]:
    for section in build.mappings.tables.sections.values():
        for one in listed(data.get(section.name, [])):
            yield _identity(section, one, build), one


def _comparable(value: Any) -> Any:
    """A value in which numbers are their digits: 1.50 is not 1.5."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return f"number {value}" if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value


def _normal(fact: Fact, build: Build) -> Fields:
    unsaid = _unsaid(fact, build)
    made = {key: value for key, value in fact.data.items() if key not in unsaid}
    if fact.section.name == "case":
        made["id"] = build.case_id
    for field in fact.section.fields.values():
        outer = field.path[0]
        if outer in made:
            made[outer] = _at(made[outer], field, field.path[1:], fact, build)
    return {key: value for key, value in made.items() if value not in ({}, [])}


def _unsaid(fact: Fact, build: Build) -> set[str]:
    """The fields that no element holds, as the mapping declares; and what says nothing more."""
    entries = build.entries_of(fact)
    read = {
        source.partition(".")[0] for entry in entries for rule in all_rules(entry.rules) for source in rule.made.sources
    }
    unsaid = {name for entry in entries for name in (*entry.mapping.narrative_only, *entry.mapping.left_out)} - read
    if not fact.section.is_list and fact.section.name != "case":
        unsaid.add("id")
    if fact.section.name == "patient" and "died" in fact.data:
        unsaid.add("vital_status")
    is_merged = merged_into(build.case, fact) is not None
    name = fact.data.get("name")
    if fact.section.name == "events" and name == fact.data["id"] and (is_merged or not isinstance(name, Term)):
        unsaid.add("name")
    if is_merged:
        unsaid.add("origin")
    for entry in entries:
        unsaid.update(_implied(entry, build))
    return unsaid


def _implied(entry: Entry, build: Build) -> Iterator[str]:
    """Fields that say what a profile says anyway (`missing = CODE, from = FIELD, else = true`)."""
    claim = build.mappings.raw[f"profiles/{build.mappings.profile}"][entry.variant.name] if entry.variant else {}
    for rules in claim.get("elements", {}).values():
        for rule in rules if isinstance(rules, list) else [rules]:
            name = rule.get("from", "") if "missing" in rule and rule.get("else") else ""
            if name and entry.data.get(name) == rule["missing"]:
                yield name.partition(".")[0]


def _at(value: Any, field: Field, path: tuple[str, ...], fact: Fact, build: Build) -> Any:
    """The value with the part that the field is in normal form."""
    if path:
        inner = value.get(path[0]) if isinstance(value, dict) else None
        return value if inner is None else {**value, path[0]: _at(inner, field, path[1:], fact, build)}
    if field.kind in ("site", "evidence"):
        made = [_term(one, fact, field.name, build) for one in listed(value)]
        return made[0] if len(made) == 1 else made
    if isinstance(value, Term):
        return _term(value, fact, field.name, build)
    if field.kind == "when":
        return _when(value, build, _holds_span(fact, field.name, build))
    if field.kind == "age":
        return _age(value)
    if field.kind == "number":
        return printed(read_measured(value, build.decimal_mark), value)
    if field.kind == "objects":
        short = {uri: name for name, uri in build.mappings.tables.identifier_systems.items()}
        return [
            {**item, "system": short.get(item["system"], item["system"])} if "system" in item else item
            for item in value
        ]
    return str(value) if field.kind == "date" else value


def _term(value: Any, fact: Fact, name: str, build: Build) -> Any:
    """Words with codes of the source, without those that the table gives in the same way."""
    if not isinstance(value, Term):
        return value
    if merged_into(build.case, fact):
        return str(value)
    tables = build.mappings.tables
    rules = (
        rule
        for entry in build.entries_of(fact)
        for rule in _rules(build.mappings.raw[f"resources/{entry.mapping.name}"]["elements"])
    )
    rule = next(
        (
            rule
            for rule in rules
            if name in (rule.get("from"), rule.get("words")) or rule.get("from", ())[-1:] == [name]
        ),
        {},
    )
    table = tables.concepts.get(rule.get("concept", rule.get("table", "")))
    if table is None:
        return term_of(value.words, list(value.codings), lambda term: None, tables)
    find = finder(table, str(fact.data.get(rule.get("side", ""), "")), fact.data.get(rule.get("unit", "")), tables)
    if isinstance(rule.get("from"), list):
        joined = joined_words(*(fact.data[one] for one in rule["from"] if one in fact.data))
        find = partial(sought_as, finder(table, "", None, tables), str(joined))
    return term_of(value.words, coded_as(value, find(value)), find, tables)


def _rules(elements: Any) -> Iterator[Mapping[str, Any]]:
    """Every rule among the elements of a mapping that looks words up."""
    if isinstance(elements, list):
        for one in elements:
            yield from _rules(one)
    elif isinstance(elements, dict):
        if "concept" in elements or "words" in elements:
            yield elements
        for one in elements.values():
            yield from _rules(one)


def printed(found: Any, value: Any) -> Any:
    """A number as it is printed in normal form: plain where it can be."""
    if not isinstance(found, Measured):
        return value
    if found.value is None:
        return f"{found.low}-{found.high}"
    return f"{found.comparator}{found.value}" if found.comparator else found.value


def _when(value: Any, build: Build, holds_span: bool) -> Any:
    if not isinstance(value, dict):
        return str(value)
    if {"from", "to"} & value.keys() and not holds_span:
        return {"text": moment_words(build.timeline.moment(value), build.timeline)}
    made = dict(value)
    for end in ("from", "to"):
        if end in made:
            made[end] = _when(made[end], build, holds_span=False)
    if "date" in made:
        made["date"] = str(made["date"])
    if "age" in made:
        made["age"] = _age(made["age"])
    if "by" in made:
        made["by"] = _zero(made["by"])
    return made["date"] if made.keys() == {"date"} else made


def _holds_span(fact: Fact, name: str, build: Build) -> bool:
    """Whether the element that holds a time of a fact can be a Period; an event's is that of the fact it is the time of."""
    owner = merged_into(build.case, fact)
    if owner is not None:
        names = (
            field.name
            for field in owner.section.fields_of("when")
            if names_event(owner.get(field.path), fact.data["id"])
        )
        return _holds_span(owner, next(names, ""), build)
    rules = [
        rule for entry in build.entries_of(fact)[:1] for rule in all_rules(entry.rules) if rule.made.sources == (name,)
    ]
    return any(rule.definition is not None and "Period" in rule.definition.types for rule in rules)


def _zero(extent: Fields) -> Fields:
    return {"value": extent["low"], "unit": extent["unit"]} if extent.get("low") == extent.get("high") == 0 else extent


def _age(extent: Fields) -> Fields:
    made = {key: item for key, item in extent.items() if (key, item) != ("unit", "years")}
    low = made.get("low")
    if low == made.get("high") == 0:
        return {**{key: item for key, item in made.items() if key == "unit"}, "value": low}
    is_decade = isinstance(low, int) and low % 10 == 0 and made == {"low": low, "high": low + 9}
    return {"decade": low} if is_decade else made
