"""Resources into cases: each resource is read by the rules that it was made by, and gives its fields to its fact."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhirconv.back.mappings import Backwards, Rules
from fhirconv.back.medications import report_medication, resolve_medication
from fhirconv.back.names import Names, case_ids, given_id
from fhirconv.back.reading import Reading, Target, leaves
from fhirconv.back.report import Report
from fhirconv.back.resources import Resource
from fhirconv.back.stated import no_fact, not_understood
from fhirconv.issues import Issue
from fhirconv.mapping import ANY_SECTION
from fhirconv.schema import Section

Key = tuple[str, str]  # section, and key of the fact within it


class CaseBack:
    """One case: its facts so far. Inverses see it as what is around them."""

    def __init__(self, key: str, pool: Pool) -> None:
        self._key = key
        self._pool = pool
        self._here: Resource | None = None
        self.facts: dict[Key, dict[str, Any]] = {}

    def read_from(self, resource: Resource) -> None:
        """Says which resource the next references stand in."""
        self._here = resource

    def _find(self, reference: str) -> Resource | None:
        found = self._pool.names.find(reference, self._here) if self._here is not None else None
        return found if found is not None and found.case == self._key else None

    def target(self, reference: str) -> Target | None:
        """What a reference leads to; the patient of the case, also where there is no Patient."""
        found = self._find(reference)
        if found is None and self._here is not None and not self._pool.names.find(reference, self._here):
            is_mine = self._pool.names.patient(reference, self._here) == self._key
            return Target("patient", "") if is_mine else None
        return found.target if found is not None else None

    def event_at(self, reference: str, path: str, edge: str) -> str | None:
        """The event that a time stands for: an event of its own, or that whose id the element has."""
        resource = self._find(reference)
        if resource is None or resource.target is None:
            return None
        if resource.target.section == "events":
            return resource.target.id
        element = path.partition(".")[2]
        found = set(_ids_below(resource.data, element, edge)) if element else set()
        return found.pop() if len(found) == 1 and resource.identity else None

    def add_event(self, event: dict[str, Any]) -> None:
        """Notes an event that is the time of another fact."""
        self.facts.setdefault(("events", event["id"]), {}).update(event)

    def add_fact(self, section: str, fact: dict[str, Any]) -> None:
        """Notes a fact that has no resource of its own."""
        self.facts[section, f"~{len(self.facts)}"] = fact

    def merge(self, key: Key, fields: dict[str, Any]) -> None:
        """Adds what a further resource says of a fact."""
        known = self.facts.setdefault(key, {})
        for name, value in fields.items():
            known.setdefault(name, value)

    def data(self, case_id: str, sections: Mapping[str, Section]) -> dict[str, Any]:
        """The case in the form of its schema, in the schema's order."""
        made: dict[str, Any] = {}
        for name, section in sections.items():
            found = [_nested(fields, section) for (of, _), fields in self.facts.items() if of == name]
            if section.is_list and found:
                made[name] = found
            elif found or name in ("case", "patient"):
                made[name] = found[0] if found else {}
        made["case"] = {"id": case_id, **made["case"]}
        return made


def _ids_below(data: dict[str, Any], element: str, edge: str) -> Iterable[str]:
    for key, value in data.items():
        if key.removeprefix("_").startswith(element) and isinstance(value, dict | list):
            yield from _ids({"_" + edge: value.get("_" + edge)} if edge and isinstance(value, dict) else value)


def _ids(value: Any) -> Iterable[str]:
    """The ids of elements that are times of events."""
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"]
        for item in value.values():
            yield from _ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from _ids(item)


def _nested(fields: dict[str, Any], section: Section) -> dict[str, Any]:
    """Fields by dotted name as the object that the schema has; one site or quote stands for itself."""
    made: dict[str, Any] = {}
    for name, field in section.fields.items():
        if name in fields:
            value = fields[name]
            if field.kind in ("site", "evidence") and isinstance(value, list) and len(value) == 1:
                value = value[0]
            inner = made
            for step in field.path[:-1]:
                inner = inner.setdefault(step, {})
            inner[field.path[-1]] = value
    return made


class Pool:
    """The resources that may refer to each other."""

    def __init__(self, backwards: Backwards, resources: Iterable[Resource], report: Report) -> None:
        self._backwards = backwards
        self._report = report
        self.resources = list(resources)
        systems = backwards.tables.identifier_systems
        self._own_systems = systems["fact"], systems["case"]
        self.names = Names(self.resources, self._own_systems)
        report.resources += len(self.resources)
        self._used: set[tuple[str, str]] = set()  # ids of facts, by case

    def cases(self) -> list[dict[str, Any]]:
        """The cases, as case facts, in the order in which they are first met."""
        self._tell_differing()
        read = list(self._readable())
        while True:
            cases, lacking = self._read(read)
            if not lacking:
                break
            read = [(resource, rules) for resource, rules in read if resource not in lacking]
        for resource, _ in read:
            for path in leaves(resource.rest):
                self._report.note("left", resource.type, path, resource.where)
            for name in resource.unknown:
                self._report.note("unknown", resource.type, name, resource.where)
        ids = self._ids(cases, read)
        return [case.data(ids[key], self._backwards.tables.sections) for key, case in cases.items()]

    def _tell_differing(self) -> None:
        for first, other in self.names.differing.values():
            message = (
                f"this Patient has the address of the one at {first.where.place}, and says something else: two patients, "
                "or two versions of one; nothing of them was read; give only one of them"
            )
            self._report.issues.append(Issue("patient-differs", message, other.where.place))

    def _readable(self) -> Iterator[tuple[Resource, Rules]]:
        """The resources that state facts of a known patient, with their rules; the others are reported."""
        drugs: set[Resource] = set()
        for resource in self.resources:
            if resource.type == "MedicationStatement":
                drugs.update(filter(None, [resolve_medication(resource, self.names, self._report)]))
        for resource in self.resources:
            if resource in drugs:
                report_medication(resource, self._report)
            elif resource not in self.names.repeated:
                rules = self._backwards.rules_for(resource)
                why = self._why_not(resource, rules)
                if rules is None or why:
                    self._report.note("unread", resource.type, why, resource.where)
                else:
                    resource.target = self._target(resource, rules)
                    yield resource, rules

    def _why_not(self, resource: Resource, rules: Rules | None) -> str:
        """Why a resource is not read; empty if it is. Sets the case that it belongs to."""
        if rules is None:
            return "no mapping makes such a resource of a fact"
        if why := no_fact(resource.data):
            return why
        case = self._case_of(resource)
        if case in self.names.differing:
            return "its patient is told in two ways"
        resource.case = case
        return "" if case else "it does not say which patient it is about"

    def _case_of(self, resource: Resource) -> str:
        """The key of its patient; '' for none."""
        if resource.identity or resource.type == "Patient":
            return self.names.key_of(resource)
        for name in ("subject", "patient"):
            said = resource.data.get(name)
            reference = said.get("reference") if isinstance(said, dict) else None
            if isinstance(reference, str) and reference:
                return self.names.patient(reference, resource)
        return ""

    def _ids(self, cases: Iterable[str], read: Iterable[tuple[Resource, Rules]]) -> dict[str, str]:
        """The id of each case by its key: that of the Patient, or what its address ends in."""
        own = self._own_systems[1]
        wanted = {
            key: key.removeprefix(f"{own}|") if key.startswith(f"{own}|") else re.split("[:/]", key)[-1]
            for key in cases
        }
        for number, (resource, _) in enumerate(read, 1):
            if resource.type == "Patient" and not resource.identity:
                wanted[resource.case] = given_id(resource) or f"patient-{number}"
        return case_ids(wanted, own)

    def _target(self, resource: Resource, rules: Rules) -> Target:
        identity = resource.identity
        if identity:
            is_main = not rules.role and rules.section != ANY_SECTION
            return Target(identity.section, "" if identity.key.startswith("~") else identity.key, is_main)
        section = self._backwards.section(rules.section)
        return Target(rules.section, self._fact_id(resource) if section and section.is_list else "")

    def _fact_id(self, resource: Resource) -> str:
        """An id for a fact of a resource that others made, from the id of the resource."""
        given = given_id(resource) or str(len(self._used) + 1)
        made = f"{resource.type.lower()}-{re.sub(r'[^A-Za-z0-9._-]', '-', given)}"
        if len(made) > 64 or (resource.case, made) in self._used:
            made = f"{made[:50]}-{hashlib.sha256(f'{given} {len(self._used)}'.encode()).hexdigest()[:12]}"
        self._used.add((resource.case, made))
        return made

    def _read(self, read: list[tuple[Resource, Rules]]) -> tuple[dict[str, CaseBack], set[Resource]]:
        """The cases of these resources, and the resources that lack what their facts need."""
        cases: dict[str, CaseBack] = {}
        lacking: set[Resource] = set()
        had: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        for resource, rules in read:
            case = cases.setdefault(resource.case, CaseBack(resource.case, self))
            target = resource.target
            assert target is not None
            section = self._backwards.section(target.section)
            resource.begin(self._own_systems)
            case.read_from(resource)
            reading = Reading(case, section, resource.identity is not None, target)
            rules.undoing.take(resource.rest, reading)
            for name, value in rules.stated.items():
                reading.put(name, value)
            why = not_understood(resource.rest)
            if not why and section and target.is_main:
                why = self._lacks(resource, rules, section, reading)
            if why:
                lacking.add(resource)
                resource.target = None
                self._report.note("unread", resource.type, why, resource.where)
            else:
                key = resource.identity.key if resource.identity else target.id
                case.merge((target.section, key), reading.fields)
                if had.setdefault((resource.case, target.section, key, rules.name), reading.fields) != reading.fields:
                    lacking.add(resource)
                    why = "another resource of its identity says something else"
                    self._report.note("unread", resource.type, why, resource.where)
        return cases, lacking

    def _lacks(self, resource: Resource, rules: Rules, section: Section, reading: Reading) -> str:
        """Why there is no fact: a field that it needs is not said. Where facts can say so, it is 'unknown'."""
        for name in sorted(section.required - reading.fields.keys() - {"id"}):
            element = rules.element_of(name)
            unread = next((key for key in resource.rest if element and key.startswith(element)), "")
            needed = f"'{name}', which a fact of '{section.name}' needs"
            if unread:
                return f"its {unread} cannot be read as {needed}"
            if "unknown" not in section.fields[name].choices:
                return f"it does not say {needed}"
            reading.put(name, "unknown")
            resource.unknown.append(f"{section.name}.{name}")
        return ""
