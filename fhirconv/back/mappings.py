"""Which rules a resource was made by, or may be read by: the mapping of its fact, and the claim of a profile."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhirconv.back.concepts import code_of, codings_of
from fhirconv.back.reading import Spot
from fhirconv.back.resources import Resource
from fhirconv.back.rules import Undoing, undo_elements
from fhirconv.mapping import ANY_SECTION, Mappings
from fhirconv.r4 import Element
from fhirconv.schema import Section
from fhirconv.values.writing import listed


@dataclass(frozen=True, eq=False)
class Rules:
    """A mapping with, perhaps, the elements of a claim in place, read backwards."""

    name: str
    resource: str
    section: str
    role: str
    about: str
    stated: Mapping[str, str]  # what 'only' says of every such fact
    elements: Mapping[str, Any]
    spot: Spot

    @functools.cached_property
    def undoing(self) -> Undoing:
        """The inverses, compiled when they are first needed."""
        return undo_elements(self.elements, self.spot)

    def element_of(self, field: str) -> str:
        """The element that a field goes to, without the '[x]' of a choice; '' for none."""
        return next((name.removesuffix("[x]") for name, rule in self.elements.items() if _reads(rule, field)), "")


def _reads(rule: Any, field: str) -> bool:
    if isinstance(rule, list):
        return any(_reads(one, field) for one in rule)
    return isinstance(rule, Mapping) and field in (rule.get(key) for key in ("from", "text", "code", "reference"))


class Backwards:
    """A set of mappings read backwards, with the claims of all its profiles."""

    def __init__(self, mappings: Mappings) -> None:
        self.mappings = mappings
        self.tables = mappings.tables
        self._raw = mappings.raw
        names = [name for name in sorted(mappings.raw) if name.startswith("resources/")]
        self._own = {name.partition("/")[2]: self._rules(name.partition("/")[2], {}) for name in names}
        self._claimed: dict[tuple[str, str], Rules] = {}
        for profile in (name for name in sorted(mappings.raw) if name.startswith("profiles/")):
            for claim in mappings.raw[profile].values():
                key = claim["mapping"], claim["url"]
                self._claimed.setdefault(key, self._rules(claim["mapping"], claim))

    def _rules(self, name: str, claim: Mapping[str, Any]) -> Rules:
        raw = self._raw[f"resources/{name}"]
        section = self.section(raw["each"])
        only = {**raw.get("only", {}), **claim.get("only", {})}
        stated = {
            key: value for key, value in only.items() if isinstance(value, str) and section and key in section.fields
        }
        elements = {**raw["elements"], **claim.get("elements", {})}
        spot = Spot(self.tables, section, raw["resource"], Element("", 0, False, (raw["resource"],)))
        return Rules(
            name, raw["resource"], raw["each"], raw.get("role", ""), raw.get("about", ""), stated, elements, spot
        )

    def section(self, name: str) -> Section | None:
        """A section of case facts; for what is said of every kind of fact, any that can say it."""
        if name == ANY_SECTION:
            return next(section for section in self.tables.sections.values() if "evidence" in section.fields)
        return self.tables.sections.get(name)

    def rules_for(self, resource: Resource) -> Rules | None:
        """The rules for a resource; None if there are none."""
        found = self._made_by(resource) if resource.identity else self._nearest(resource)
        return self._claim(found, resource) if found else None

    def _claim(self, found: Rules, resource: Resource) -> Rules:
        meta = resource.data.get("meta")
        urls = meta.get("profile", ()) if isinstance(meta, dict) else ()
        return next((made for url in urls if (made := self._claimed.get((found.name, str(url))))), found)

    def _made_by(self, resource: Resource) -> Rules | None:
        identity = resource.identity
        for rules in self._own.values():
            sections = (identity.section, ANY_SECTION) if identity else ()
            if (
                identity
                and rules.section in sections
                and (rules.role, rules.resource) == (identity.role, resource.type)
            ):
                return rules
        return None

    def _nearest(self, resource: Resource) -> Rules | None:
        """For what others made: the rules whose constants stand in it and whose table knows what it is about."""
        ranked = [(rank, name) for name, rules in self._own.items() if (rank := self._rank(rules, resource)) >= 0]
        best = max((rank for rank, _ in ranked), default=-1)
        return next((self._own[name] for rank, name in ranked if rank == best), None)

    def _rank(self, rules: Rules, resource: Resource) -> int:
        if rules.resource != resource.type or rules.section in (ANY_SECTION, "case", "source") or rules.role:
            return -1
        if rules.section == "patient":
            return 0
        rule = rules.elements.get("code", rules.elements.get(rules.about))
        if not isinstance(rule, dict) or "concept" not in rule:  # told by any words, it cannot be told from others
            alone = [other for other in self._own.values() if other.resource == rules.resource and not other.role]
            return 0 if alone == [rules] else -1
        data, rank = resource.data, 0
        if "code" in rules.elements:
            codes = set(map(code_of, codings_of(data.get("code"))))
            closed, known = self._codes(rule, rules)
            if closed and not codes & known:
                return -1
            rank = 4 if closed else 2 if codes & known else 0
        category = rules.elements.get("category")
        if isinstance(category, dict) and "is" in category:
            wanted = self._codes(category, rules)[1]
            found = {code_of(coding) for one in listed(data.get("category")) for coding in codings_of(one)}
            rank += 1 if wanted & found else 0
        return rank

    def _codes(self, rule: Mapping[str, Any], rules: Rules) -> tuple[bool, set[tuple[Any, Any]]]:
        """Whether a concept is one of few (a constant, or of fields with choices), and the codes that it may have."""
        table = self.tables.concepts[rule["concept"]]
        concepts = [table.concepts[rule["is"]]] if "is" in rule else list(table.concepts.values())
        known = {code_of(coding) for concept in concepts for coding in concept.codings}
        names = [rule["from"]] if isinstance(rule.get("from"), str) else rule.get("from", ())
        return all(rules.spot.choices(name) for name in names), known

    def all_rules(self) -> Iterator[Rules]:
        """Those of every mapping, and of every claim."""
        yield from self._own.values()
        yield from self._claimed.values()


_MOST = 16
_known: dict[int, Backwards] = {}  # by the identity of the mappings, which each of them keeps


def backwards_of(mappings: Mappings) -> Backwards:
    """A set of mappings read backwards; made once for a set that is used again."""
    found = _known.get(id(mappings))
    if found is None:
        if len(_known) >= _MOST:
            _known.clear()
        found = _known[id(mappings)] = Backwards(mappings)
    return found
