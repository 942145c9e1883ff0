"""Resources into cases: each resource is read by the rules that it was made by, and gives its fields to its fact."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhirconv.back.concepts import codings_of
from fhirconv.back.mappings import Backwards, Rules
from fhirconv.back.medications import take_drug
from fhirconv.back.reading import Reading, Target, leaves, without
from fhirconv.back.report import Report
from fhirconv.back.resources import Resource, literal
from fhirconv.mapping import ANY_SECTION
from fhirconv.schema import Section

Key = tuple[str, str]  # section, and key of the fact within it


class CaseBack:
    """One case: its facts so far. Inverses see it as what is around them."""

    def __init__(self, case_id: str, pool: Pool) -> None:
        self.id = case_id
        self._pool = pool
        self.facts: dict[Key, dict[str, Any]] = {}

    def target(self, reference: str) -> Target | None:
        """What a reference leads to."""
        resource = self._pool.find(reference)
        return resource.target if resource is not None and resource.case == self.id else None

    def event_at(self, reference: str, path: str, edge: str) -> str | None:
        """The event that a time stands for: an event of its own, or that whose id the element has."""
        resource = self._pool.find(reference)
        if resource is None or resource.target is None or resource.case != self.id:
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

    def data(self, sections: Mapping[str, Section]) -> dict[str, Any]:
        """The case in the form of its schema, in the schema's order."""
        made: dict[str, Any] = {}
        for name, section in sections.items():
            found = [_nested(fields, section) for (of, _), fields in self.facts.items() if of == name]
            if section.is_list and found:
                made[name] = found
            elif found or name in ("case", "patient"):
                made[name] = found[0] if found else {}
        made["case"] = {"id": self.id, **made["case"]}
        return made


# Values of modifier elements by which a resource does not say that something is so.
_NO_FACTS = {"status": ("entered-in-error", "cancelled", "registered"), "actuality": ("potential",)}

# A fact is a result that stands: what is preliminary would go out as final. Without a status nothing says otherwise.
_RESULTS = (None, "final", "amended", "corrected")


def _no_fact(data: dict[str, Any]) -> str:
    """Why a resource states no fact; empty if it does (https://hl7.org/fhir/R4/conformance-rules.html#isModifier)."""
    for name, values in _NO_FACTS.items():
        if data.get(name) in values:
            return f"its {name} is {data[name]}"
    if data.get("resourceType") == "Observation" and data.get("status") not in _RESULTS:
        return "its status is not final, amended or corrected"
    if any(coding.get("code") == "entered-in-error" for coding in codings_of(data.get("verificationStatus"))):
        return "its verificationStatus is entered-in-error"
    return "it has a modifierExtension" if "modifierExtension" in data else ""


def _why_missing(name: str, rules: Rules, rest: Mapping[str, Any]) -> str:
    """What became of a field: nothing in the resource says it, or what could say it was not understood."""
    for element, rule in rules.elements.items():
        key = element.removesuffix("[x]")
        if name in _strings(rule) and any(left.removeprefix("_").startswith(key) for left in rest):
            return f"its {key} cannot be read as '{name}'"
    return f"it does not say '{name}'"


def _strings(rule: Any) -> Iterator[str]:
    if isinstance(rule, str):
        yield rule
    elif isinstance(rule, dict | list):
        for one in rule.values() if isinstance(rule, dict) else rule:
            yield from _strings(one)


def _given_id(resource: Resource) -> str:
    """The id of a resource, or what its full URL ends in; '' for none."""
    return str(resource.data.get("id") or (re.split("[:/]", resource.urls[0])[-1] if resource.urls else ""))


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
        self._by_url: dict[str, Resource] = {}
        systems = backwards.tables.identifier_systems
        for resource in self.resources:
            named = f"{systems['fact']}|{resource.identity.text}" if resource.identity else ""
            for url in (*resource.urls, named):
                self._by_url.setdefault(url, resource)
        report.resources += len(self.resources)
        self._own_systems = systems["fact"], systems["case"]
        self._used: set[str] = set()

    def find(self, reference: str) -> Resource | None:
        """The resource that a reference leads to; None if it is not here."""
        return self._by_url.get(reference) or self._by_url.get(literal(reference))

    def cases(self) -> list[CaseBack]:
        """The cases, in the order in which they are first met."""
        read: list[tuple[Resource, Rules]] = []
        drugs = {found for resource in self.resources if (found := take_drug(resource, self.find))}
        for resource in self.resources:
            rules = self._backwards.rules_for(resource)
            if resource in drugs:
                resource.begin(self._own_systems)
                self._leave(resource, without(resource.rest, "code"))
                continue
            why = self._why_not(resource, rules)
            if rules is None or why:
                self._report.unread[resource.type, why] += 1
            else:
                resource.target = self._target(resource, rules)
                read.append((resource, rules))
        while True:
            cases, lacking = self._read(read)
            if not lacking:
                break
            read = [(resource, rules) for resource, rules in read if resource not in lacking]
        for resource, _ in read:
            self._leave(resource, resource.rest)
            for name in resource.unknown:
                self._report.unknown[resource.type, name] += 1
        return list(cases.values())

    def _leave(self, resource: Resource, rest: Any) -> None:
        for path in leaves(rest or {}):
            self._report.left[resource.type, path] += 1

    def _why_not(self, resource: Resource, rules: Rules | None) -> str:
        """Why a resource is not read; empty if it is. Sets the case that it belongs to."""
        if rules is None:
            return "no mapping makes such a resource of a fact"
        if why := _no_fact(resource.data):
            return why
        resource.case = self._case_of(resource)
        return "" if resource.case else "it does not say which patient it is about"

    def _case_of(self, resource: Resource) -> str:
        if resource.identity:
            return resource.identity.case
        if resource.type == "Patient":
            return _given_id(resource) or f"patient-{self.resources.index(resource) + 1}"
        for name in ("subject", "patient"):
            said = resource.data.get(name)
            reference = said.get("reference") if isinstance(said, dict) else None
            if isinstance(reference, str) and reference:
                patient = self.find(reference)
                if patient is not None:
                    return self._case_of(patient) if patient.type == "Patient" else ""
                kind, _, name = literal(reference).rpartition("/")
                return (
                    name if kind == "Patient" else reference.rpartition(":")[2] if reference.startswith("urn:") else ""
                )
        return ""

    def _target(self, resource: Resource, rules: Rules) -> Target:
        identity = resource.identity
        if identity:
            is_main = not rules.role and rules.section != ANY_SECTION
            return Target(identity.section, "" if identity.key.startswith("~") else identity.key, is_main)
        section = self._backwards.section(rules.section)
        return Target(rules.section, self._fact_id(resource) if section and section.is_list else "")

    def _fact_id(self, resource: Resource) -> str:
        """An id for a fact of a resource that others made, from the id of the resource."""
        given = _given_id(resource) or str(len(self._used) + 1)
        made = f"{resource.type.lower()}-{re.sub(r'[^A-Za-z0-9._-]', '-', given)}"
        if len(made) > 64 or made in self._used:
            made = f"{made[:50]}-{hashlib.sha256(f'{given} {len(self._used)}'.encode()).hexdigest()[:12]}"
        self._used.add(made)
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
            reading = Reading(case, section, resource.identity is not None, target)
            rules.undoing.take(resource.rest, reading)
            for name, value in rules.stated.items():
                reading.put(name, value)
            missing = self._missing(resource, section, reading) if section and target.is_main else ""
            if missing:
                lacking.add(resource)
                resource.target = None
                why = _why_missing(missing, rules, resource.rest)
                self._report.unread[resource.type, f"{why}, which a fact of '{target.section}' needs"] += 1
            else:
                key = resource.identity.key if resource.identity else target.id
                case.merge((target.section, key), reading.fields)
                if had.setdefault((resource.case, target.section, key, rules.name), reading.fields) != reading.fields:
                    lacking.add(resource)
                    self._report.unread[resource.type, "another resource of its identity says something else"] += 1
        return cases, lacking

    def _missing(self, resource: Resource, section: Section, reading: Reading) -> str:
        """A field that a fact needs and the resource does not say. Where facts can say so, it is 'unknown'."""
        for name in sorted(section.required - reading.fields.keys() - {"id"}):
            if "unknown" not in section.fields[name].choices or name in resource.rest:
                return name
            reading.put(name, "unknown")
            resource.unknown.append(f"{section.name}.{name}")
        return ""
