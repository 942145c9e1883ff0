"""The meaning of a case's facts: times, numbers, units, references and identities. All findings in one run."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from fhirconv.dates import PLAIN_DATES, is_after, read_date
from fhirconv.facts import Case, Fact
from fhirconv.issues import nearest, shown
from fhirconv.numbers import Unreadable, number_excess, read_measured
from fhirconv.plain_facts import SPANS, not_plain
from fhirconv.plausibility.limits import Limits
from fhirconv.schema import Field, Section, case_schema
from fhirconv.timeline import RELATIONS, names_event
from fhirconv.together import check_together
from fhirconv.values.base import Tables

Path = tuple[str | int, ...]
Check = Callable[["_Checker", Fact, Field, Any], None]


def check_case(case: Case, tables: Tables, limits: Limits) -> list[Fact]:
    """Notes in the case what does not fit the schema, or is wrong with its facts.

    Gives those facts that were not seen to be right, and within the limits of what is plausible, at a glance.
    Dates are rewritten as FHIR has them where the case says how, and words with codes of the source become Terms.
    """
    in_full = bool(case.issues) or "decimal_mark" in case.conventions
    suspects = case.facts if in_full else not_plain(case, tables.units.by_spelling, limits.said, _checks_of)
    if suspects or not case_schema().takes_around(case.document.data, len(case.facts)):
        case_schema().check(case.document)
    if case.issues:
        broken = {"/".join(issue.place.pointer.split("/")[:3]) for issue in case.issues if issue.is_error}
        broken |= {pointer.rpartition("/")[0] for pointer in broken}  # a field of a single object: its section
        suspects = [fact for fact in case.facts if fact.pointer not in broken]
    if suspects:
        checker = _Checker(case, tables)
        for fact in suspects:
            checker.check(fact)
    check_together(case)
    return suspects


def _checks_of(section: Section) -> list[tuple[Field, str]]:
    return [(field, check.__name__) for checked in _plan(section).values() for field, check in checked]


@functools.cache
def _plan(section: Section) -> dict[str, list[tuple[Field, Check]]]:
    """Top-level key -> the fields below it that have a check, with the check."""
    plan: dict[str, list[tuple[Field, Check]]] = {}
    for field in section.fields.values():
        check = "references" if field.refers and field.refers != ("events",) else field.kind
        method = _CHECKS.get(f"check_{check}".lower())
        if method:
            plan.setdefault(field.path[0], []).append((field, method))
    return plan


class _Checker:
    """The checks of one case."""

    def __init__(self, case: Case, tables: Tables) -> None:
        self.case = case
        self.units = tables.units
        self.systems = tables.identifier_systems
        self.terms = tables.terms
        self.conventions = case.conventions
        self.mark = case.conventions.get("decimal_mark", "")
        self.events = {str(fact.data.get("id")): fact for fact in case.facts_of("events")}

    def check(self, fact: Fact) -> None:
        plan, data = _plan(fact.section), fact.data
        for key in data:
            for field, check in plan.get(key, ()):
                value = data[key] if len(field.path) == 1 else fact.get(field.path)
                if value is not None:
                    check(self, fact, field, value)
        if fact.data is not data:  # a date or a term was rewritten: its key with it
            fact.rekey()
        for first, last in SPANS:
            if first in fact.data and last in fact.data:
                self._order(fact, (last,), fact.data[first], fact.data[last])
        if fact.section.name == "events":
            self._check_anchor(fact)

    def _check_anchor(self, fact: Fact) -> None:
        """An event of a fact must be named by that fact as one of its times; else its time would be lost."""
        target = self.case.by_id.get(str(fact.data.get("of", "")))
        if target is None or "id" not in fact.data:
            return
        times = [
            field for field in target.section.fields_of("when") if names_event(target.get(field.path), fact.data["id"])
        ]
        if not times:
            possible = " or ".join(f"'{field.name}'" for field in target.section.fields_of("when"))
            message = f"'{target.data['id']}' does not name this event; give it {possible}: {{at: {fact.data['id']}}}, or leave 'of' out"
            self.case.add("event-unused", message, fact, ("of",))

    # -- times --

    def check_date(self, fact: Fact, field: Field, value: Any) -> None:
        self._date(fact, field.path, value, lambda text: _put(fact, field.path, text))
        text = str(fact.get(field.path))
        if field.name == "birth_date" and "T" in text:
            self.case.add("date-invalid", "a birth date has no time of day; write YYYY-MM-DD", fact, field.path)

    def check_instant(self, fact: Fact, field: Field, value: Any) -> None:
        text = read_date(value, self.conventions)
        if isinstance(text, Unreadable) or "T" not in text:
            reason = text.reason if isinstance(text, Unreadable) else "has no time of day"
            self.case.add(
                "date-invalid", f"{shown(value)} {reason}; expected YYYY-MM-DDTHH:MM:SS+zone", fact, field.path
            )
        elif text != value:
            _put(fact, field.path, text)

    def check_when(self, fact: Fact, field: Field, value: Any) -> None:
        if type(value) is not str or not PLAIN_DATES[value]:
            self._when(fact, field.path, value, lambda made: _put(fact, field.path, made))

    def _date(self, fact: Fact, path: Path, value: Any, put: Callable[[str], None]) -> None:
        text = read_date(value, self.conventions)
        if isinstance(text, Unreadable):
            rule = (
                "date-ambiguous"
                if text.ambiguous
                else "time-zone-missing"
                if "without a zone" in text.reason
                else "date-invalid"
            )
            self.case.add(rule, f"{shown(value)} {text.reason}", fact, path)
        elif text != value:
            put(text)

    def _when(self, fact: Fact, path: Path, value: Any, put: Callable[[Any], None]) -> None:
        if not isinstance(value, dict):
            self._date(fact, path, value, put)
            return
        made = dict(value)
        ways = [key for key in ("date", *RELATIONS, "age") if key in value]
        ways += ["from/to"] if "from" in value or "to" in value else []
        if len(ways) > 1 or (not ways and "text" not in value):
            found = " and ".join(f"'{way}'" for way in ways) or "none"
            message = (
                f"a time is one of 'date', 'at', 'after', 'before', 'age', 'from'/'to' or 'text' alone; found {found}"
            )
            self.case.add("time-choice", message, fact, path)
        if "by" in value and not {"after", "before"} & set(value):
            self.case.add(
                "time-choice", "'by' needs the event that it counts from in 'after' or 'before'", fact, (*path, "by")
            )
        for key in ("from", "to"):
            if key in value:
                self._when(fact, (*path, key), value[key], functools.partial(made.__setitem__, key))
        if "date" in value:
            self._date(fact, (*path, "date"), value["date"], functools.partial(made.__setitem__, "date"))
        for relation in RELATIONS:
            if relation in value and value[relation] not in self.events:
                hint = nearest(value[relation], sorted(self.events)) if self.events else "; the case defines no events"
                message = f"event {shown(value[relation])} does not exist{hint}"
                self.case.add("event-unknown", message, fact, (*path, relation))
        for key in ("by", "age"):
            if key in value:
                self._extent(fact, (*path, key), value[key])
        self._order(fact, (*path, "to"), made.get("from"), made.get("to"))
        if made != value:
            put(made)

    def _order(self, fact: Fact, path: Path, first: Any, last: Any) -> None:
        """A span that ends before it begins, as far as both are dates."""
        first, last = (when.get("date") if isinstance(when, dict) else when for when in (first, last))
        if isinstance(first, str) and isinstance(last, str) and is_after(first, last):
            self.case.add("time-order", f"ends at {last}, before it begins at {first}; check both", fact, path)

    def check_integer(self, fact: Fact, field: Field, value: Any) -> None:
        if not isinstance(value, int):
            message = f"expected a whole number, found {shown(value)}; write it without a point"
            self.case.add("wrong-type", message, fact, field.path)

    def check_age(self, fact: Fact, field: Field, value: Any) -> None:
        self._extent(fact, field.path, value)

    def _extent(self, fact: Fact, path: Path, value: dict[str, Any]) -> None:
        """A duration or an age: one way to say it, and its ends in order."""
        ways: list[str] = [key for key in ("value", "decade") if key in value]
        ways += ["low/high"] if {"low", "high"} & set(value) else []
        if len(ways) != 1:
            found = " and ".join(f"'{way}'" for way in ways) or "none"
            self.case.add("value-choice", f"state one of 'value', 'low'/'high' or 'decade'; found {found}", fact, path)
        if "age" in path and value.get("value") == 0 and "comparator" in value:  # R4 has no such Age (age-1)
            message = f"an age of '{value['comparator']} 0' says nothing; state what is known, or leave it out"
            self.case.add("number-invalid", message, fact, path)
        self._ends(fact, path, value)

    def _ends(self, fact: Fact, path: Path, value: dict[str, Any]) -> None:
        if "low" in value and "high" in value and value["low"] > value["high"]:
            self.case.add("number-invalid", f"'low' {value['low']} is above 'high' {value['high']}", fact, path)

    # -- numbers and units --

    def check_number(self, fact: Fact, field: Field, value: Any) -> None:
        if type(value) is not str and not self.mark and "unit" in fact.data:
            return
        found = read_measured(value, self.mark)
        if isinstance(found, Unreadable):
            rule = "number-ambiguous" if found.ambiguous else "number-invalid"
            self.case.add(rule, f"{shown(value)} {found.reason}", fact, field.path)
        elif excess := next(filter(None, map(number_excess, (found.value, found.low, found.high))), ""):
            self.case.add("number-limit", f"number {shown(value, 20)} {excess}; check the digits", fact, field.path)
        elif found.remark:
            self.case.add("number-completed", f"{shown(value)} {found.remark}", fact, field.path)
        if "unit" in fact.section.fields and "unit" not in fact.data and fact.section.name == "labs":
            self.case.add(
                "unit-missing", "a laboratory value without 'unit'; add it if the source prints one", fact, field.path
            )

    def check_referencerange(self, fact: Fact, field: Field, value: Any) -> None:
        self._ends(fact, field.path, value)

    def check_unit(self, fact: Fact, field: Field, value: Any) -> None:
        if isinstance(value, str) and self.units.find(value) is None:
            near = self.units.nearest(value)
            hint = f"; did you mean '{near}'?" if near else "."
            message = (
                f"{shown(value)} is not in the unit table{hint} "
                "Correct it, add it to units.toml, or write {text: ...} to keep it without a UCUM code"
            )
            self.case.add("unit-unknown", message, fact, field.path)
        if fact.get((*field.path[:-1], "value")) is None:
            self.case.add("unit-without-value", "a unit without a value; remove it or add 'value'", fact, field.path)

    # -- terms --

    def check_term(self, fact: Fact, field: Field, value: Any) -> None:
        if not isinstance(value, str):
            _put(fact, field.path, self._read(fact, field.path, value))

    check_site = check_term  # or a list of them

    def _read(self, fact: Fact, path: Path, value: Any) -> Any:
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return [self._read(fact, (*path, position), one) for position, one in enumerate(value)]
        term, mistakes = self.terms.read(value)
        for mistake in mistakes:
            self.case.add(mistake.rule, mistake.message, fact, (*path, *mistake.path))
        return term

    # -- references --

    def check_references(self, fact: Fact, field: Field, value: Any) -> None:
        for position, name in enumerate(value if isinstance(value, list) else [value]):
            path: Path = (*field.path, position) if isinstance(value, list) else field.path
            target = self.case.by_id.get(name)
            if target is None:
                known = sorted(i for i, other in self.case.by_id.items() if other.section.name in field.refers)
                hint = nearest(name, known) if known else f"; it needs one of {', '.join(field.refers)}, with an id"
                message = f"no fact has the id {shown(name)}{hint}"
                self.case.add("reference-unknown", message, fact, path)
            elif target.section.name not in field.refers:
                message = (
                    f"{shown(name)} is in '{target.section.name}'; expected an id from {' or '.join(field.refers)}"
                )
                self.case.add("reference-wrong", message, fact, path)
            elif target is fact:
                self.case.add("reference-wrong", "a fact cannot refer to itself", fact, path)

    def check_objects(self, fact: Fact, field: Field, value: Any) -> None:
        """Objects that name the system of an identifier: a URI, or a name from systems.toml."""
        for position, item in enumerate(value):
            system = item.get("system")
            if system is None:
                continue
            if self.systems.get(system, system) in (self.systems.get("fact"), self.systems.get("case")):
                message = f"{shown(system)} is fhirconv's own system; name who gave this identifier"
                self.case.add("system-unknown", message, fact, (*field.path, position, "system"))
            elif system not in self.systems and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:\S", system):
                message = f"{shown(system)} is neither a URI nor a name under [identifier] in systems.toml"
                self.case.add("system-unknown", message, fact, (*field.path, position, "system"))


_CHECKS: dict[str, Check] = {name: method for name, method in vars(_Checker).items() if name.startswith("check_")}


def _put(fact: Fact, path: Path, value: Any) -> None:
    """Replaces a value of the fact without touching the data that the caller gave."""
    fact.data = dict(fact.data)
    data = fact.data
    for step in path[:-1]:
        data[str(step)] = dict(data[str(step)])
        data = data[str(step)]
    data[str(path[-1])] = value
