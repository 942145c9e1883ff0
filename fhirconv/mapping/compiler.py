"""Compiles a set of mappings, and checks every rule against both ends: the schema of case facts and FHIR R4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fhirconv.identity import NOT_SEARCHED
from fhirconv.issues import Issue, Place, nearest
from fhirconv.mapping import DEFAULT_PROFILE, shapes
from fhirconv.mapping.checks import mistakes_of, rules_with, wrong_systems
from fhirconv.mapping.only import Only, Path
from fhirconv.mapping.own import Lazy
from fhirconv.mapping.plans import Plans
from fhirconv.mapping.resource_mapping import ANY_SECTION, IsAbout, ResourceMapping, Variant
from fhirconv.mapping.types import Mappings
from fhirconv.r4 import Element, element_keys, kind_of
from fhirconv.recipe import Meta, Recipe
from fhirconv.schema import Field, Section, case_schema
from fhirconv.terminology import ConceptTable, build_table, build_units, wrong_codes
from fhirconv.terms import Terms
from fhirconv.values import compile_elements
from fhirconv.values.base import Env, Tables
from fhirconv.values.words import is_own_identifier


class Compiler:
    """Compiles one set of mappings for one profile; every mistake goes to `issues`.

    A set that is proven has none: its tables and rules are compiled when they are first used.
    """

    def __init__(
        self, raw: Mapping[str, Any], origin: Mapping[str, str], profile: str, is_proven: bool = False
    ) -> None:
        self.raw = raw
        self.origin = origin
        self.profile = profile
        self.is_proven = is_proven
        self.issues: list[Issue] = []
        self.sections = case_schema().sections
        self._backwards = list(rules_with(raw, "for"))
        self.tables = self._tables()

    def compile(self) -> Mappings:
        """The compiled set; to be used only if `issues` has no error."""
        claims = self._claims()
        names = [name for name in sorted(self.raw) if name.startswith("resources/")]
        compiled = [mapping for name in names if (mapping := self._mapping(name, claims)) is not None]
        by_section: dict[str, list[ResourceMapping]] = {}
        for mapping in sorted(compiled, key=lambda mapping: mapping.role):
            by_section.setdefault(mapping.section, []).append(mapping)
        grouped = {section: tuple(found) for section, found in by_section.items()}
        others = [name for name in self.sections if name not in ("patient", "source", "case")]
        about = grouped.get(ANY_SECTION, ())
        order = ("patient", "source", *others, "case")
        plans = {name: Plans(name, grouped.get(name, ()), about) for name in order}
        mappings = Mappings(self.raw, self.tables, self.profile, tuple(compiled), grouped, plans)
        if not self.issues and not self.is_proven:  # a rule that could not be compiled reads nothing, and all would seem lost
            for mistake in dict.fromkeys(mistakes_of(mappings)):
                self.error(mistake.rule, mistake.name, mistake.message)
        return mappings

    def error(self, rule: str, name: str, message: str) -> None:
        """Notes a mistake in a file of the set."""
        self.issues.append(Issue(rule, message, Place(self.origin.get(name, name))))

    def _fits(
        self, name: str, raw: Mapping[str, Any], shape: shapes.Shape, needed: tuple[str, ...] = (), at: str = ""
    ) -> bool:
        """Whether a table has the keys that it needs, each with what it should hold; what it has besides is a mistake too."""
        mistakes = list(shapes.misshapen(name, raw, shape, needed, at))
        for mistake in mistakes:
            self.error(*mistake)
        return all(mistake.rule == "mapping-key" for mistake in mistakes)

    def _tables(self) -> Tables:
        systems = self.raw.get("systems", {})
        if not self._fits("systems", systems, shapes.SYSTEMS):
            systems = {}
        codes, identifiers = systems.get("code", {}), systems.get("identifier", {})
        for mistake in () if self.is_proven else wrong_systems(self.raw, codes, identifiers):
            self.error(*mistake)
        names = [name.partition("/")[2] for name in sorted(self.raw) if name.startswith("concepts/")]
        concepts = Lazy(names, lambda name: self._concepts(name, codes))
        units, mistakes = build_units(self.raw.get("units", {}))
        for message in mistakes:
            self.error("mapping-table", "units", message)
        tables = concepts if self.is_proven else dict(concepts)
        return Tables(tables, units, codes, identifiers, self.sections, Terms(codes))

    def _concepts(self, name: str, systems: Mapping[str, str]) -> ConceptTable:
        file = f"concepts/{name}"
        table, mistakes = build_table(name, self.raw[file], systems)
        for mistake in mistakes:
            self.error("mapping-table", file, mistake)
        for mistake in () if self.is_proven else wrong_codes(table):
            self.error("mapping-code", file, mistake)
        return table

    # -- resources --

    def _mapping(self, name: str, claims: Mapping[str, Any]) -> ResourceMapping | None:
        raw = self.raw[name]
        if not self._fits(name, raw, shapes.MAPPING, ("resource", "each", "elements")):
            return None
        section = self._section(name, raw["each"])
        if kind_of(raw["resource"]) != "resource":
            self.error("mapping-target", name, f"'{raw['resource']}' is not a resource type of FHIR R4")
            return None
        if section is None:
            return None
        short = name.partition("/")[2]
        only = raw.get("only", {})
        told, left_out = _told(raw), tuple(raw.get("left_out", ()))
        backwards = {rule["by"] for rule in self._backwards if rule["for"] == raw["each"] and "by" in rule}
        mapping = ResourceMapping(
            name=short,
            file=self.origin[name],
            resource=raw["resource"],
            section=raw["each"],
            role=raw.get("role", ""),
            applies=self._only(name, only, section),
            about=raw.get("about", ""),
            only=only,
            narrative_only=told,
            left_out=left_out,
            also_read=frozenset({*backwards, *only, *told, *left_out}),
            make_recipe=lambda: self._recipe(name, raw, section, raw["elements"], "elements"),
            make_variants=lambda: self._variants(short, raw, section, claims),
        )
        if not self.is_proven:
            self._check(name, mapping, section)
        return mapping

    def _check(self, name: str, mapping: ResourceMapping, section: Section) -> None:
        """Notes the mistakes of a mapping, its rules and those of its claims with it."""
        mapping.compile()
        for field in (*mapping.narrative_only, *mapping.left_out):
            if field not in section.fields:
                near = nearest(field, section.fields)
                self.error("mapping-source", name, f"{section.title} has no field '{field}'{near}")
        if mapping.about and not mapping.about_table:
            self.error("mapping-key", name, f"'about' names '{mapping.about}', which is no element made by 'concept'")

    def _section(self, name: str, each: str) -> Section | None:
        if each == ANY_SECTION:
            return _any_section(self.sections)
        if each not in self.sections:
            self.error("mapping-source", name, f"case facts have no section '{each}'{nearest(each, self.sections)}")
        return self.sections.get(each)

    def _recipe(
        self, name: str, raw: Mapping[str, Any], section: Section, own: Mapping[str, Any], key: str, url: str = ""
    ) -> Recipe:
        env = Env(self.tables, section, "", Element("", 0, False, (raw["resource"],)), self.origin[name], key)
        elements = {**raw["elements"], **own}
        rules = tuple(compile_elements(elements, env))
        mine = tuple(f"{key}.{element}" for element in own)  # what a claim takes over is reported where it stands
        self.issues += [issue for issue in env.issues if issue not in self.issues and issue.message.startswith(mine)]
        systems = self.tables.identifier_systems
        is_found = is_own_identifier(elements.get("identifier")) and raw["resource"] not in NOT_SEARCHED
        own_tag = "" if is_found else systems.get("fact", "")
        meta = Meta(url, systems.get("case", ""), own_tag)
        return Recipe(raw["resource"], section, raw.get("role", ""), meta, rules, _told(raw))

    # -- which facts a mapping or a claim is for --

    def _only(self, name: str, only: Mapping[str, Any], section: Section) -> Only:
        """`only = {FIELD = choice or [choices]}`, true or false for stated or not; 'of.kind' is that of the fact 'of' names.

        In a list, false stands for a field that is not stated.
        """
        tests: list[tuple[Path, Any]] = []
        for key, wanted in only.items():
            first, _, second = key.partition(".")
            known = section.fields.get(key) or self._field_of_named(section, first, second)
            if known is None and key not in {field.path[0] for field in section.fields.values()}:
                self.error(
                    "mapping-source", name, f"only: {section.title} has no '{key}'{nearest(key, section.fields)}"
                )
                continue
            if not isinstance(wanted, bool | str) and not (
                isinstance(wanted, list) and all(isinstance(one, str | bool) for one in wanted)
            ):
                self.error("mapping-syntax", name, f"only: '{key}' takes a choice, a list of choices, true or false")
                continue
            values = wanted if isinstance(wanted, bool) else _wanted(wanted)
            if known is not None and known.choices and not isinstance(values, bool):
                for value in sorted(str(value) for value in values - set(known.choices) - {None}):
                    self.error(
                        "mapping-source",
                        name,
                        f"only: '{value}' is no choice of '{key}'{nearest(value, known.choices)}",
                    )
            tests.append(((first, second), values))
        return Only(tuple(tests))

    def _field_of_named(self, section: Section, first: str, second: str) -> Field | None:
        field = section.fields.get(first)
        return self.sections[field.refers[0]].fields.get(second) if field and field.refers and second else None

    def _about(self, name: str, key: str, claim: Mapping[str, Any], raw: Mapping[str, Any]) -> IsAbout:
        """`about = [KEYS]`: the fact is about one of these concepts, by the mapping's own 'about' element."""
        rule = raw["elements"].get(raw.get("about", ""), {})
        table, field = self.tables.concepts.get(rule.get("concept", "")), rule.get("from", "")
        wanted = frozenset(claim["about"])
        for unknown in sorted(wanted - set(table.concepts if table else ())):
            self.error("mapping-table", name, f"{key}: concepts/{rule.get('concept')}.toml has no '{unknown}'")

        def is_about(data: Mapping[str, Any]) -> bool:
            words = data.get(field, "")
            found = table.find(words if isinstance(words, str) else str(words)) if table else None
            return found is not None and found.key in wanted

        return is_about

    # -- profiles --

    def _claims(self) -> Mapping[str, Any]:
        """The claims of the profile by name; each is for a mapping that there is."""
        if self.profile == DEFAULT_PROFILE:
            return {}
        name = f"profiles/{self.profile}"
        claims = self.raw.get(name, {})
        for key, claim in claims.items():
            if not isinstance(claim, dict):
                self.error("mapping-syntax", name, f"{key}: expected a table with mapping and url")
            elif not self._fits(name, claim, shapes.CLAIM, ("mapping", "url"), f"{key}: "):
                continue
            elif f"resources/{claim['mapping']}" not in self.raw:
                self.error("mapping-source", name, f"{key}: there is no resources/{claim['mapping']}.toml")
        return {key: claim for key, claim in claims.items() if isinstance(claim, dict)} if not self.issues else {}

    def _variants(
        self, mapping: str, raw: Mapping[str, Any], section: Section, claims: Mapping[str, Any]
    ) -> Iterator[Variant]:
        name = f"profiles/{self.profile}"
        for key, claim in claims.items():
            if claim.get("mapping") != mapping:
                continue
            only = self._only(name, claim.get("only", {}), section)
            is_about = self._about(name, key, claim, raw) if "about" in claim else None
            recipe = self._recipe(name, raw, section, claim.get("elements", {}), f"{key}.elements", claim["url"])
            needs = tuple((need, self._needed(name, key, raw["resource"], need)) for need in claim.get("needs", ()))
            excludes = tuple(claim.get("excludes", ()))
            for one in excludes:
                if one not in element_keys(raw["resource"]):
                    self.error("mapping-target", name, f"{key}: excludes: {raw['resource']} has no '{one}'")
            requires = tuple(self._required(name, key, section, claim.get("requires", {}), claims))
            yield Variant(key, only, is_about, needs, excludes, requires, recipe)

    def _required(
        self, name: str, key: str, section: Section, raw: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Iterator[tuple[str, frozenset[str]]]:
        """`requires = {FIELD or @patient = [CLAIMS]}`: what the resources that this one refers to must claim."""
        for field, wanted in raw.items():
            refers = section.fields[field].refers if field in section.fields else ()
            if field != "@patient" and not refers:
                self.error(
                    "mapping-source", name, f"{key}: requires: '{field}' is neither @patient nor the id of a fact"
                )
            for one in wanted:
                if one not in claims:
                    self.error(
                        "mapping-table", name, f"{key}: requires: there is no claim '{one}'{nearest(one, claims)}"
                    )
            yield field, frozenset(wanted)

    def _needed(self, name: str, claim: str, resource: str, need: str) -> tuple[tuple[str, str], ...]:
        """`needs = ["value", "code.coding", "reasonCode|reasonReference"]`: JSON keys and parts that provide it."""
        found: list[tuple[str, str]] = []
        for alternative in need.split("|"):
            element, _, part = alternative.partition(".")
            keys = [key for key, (n, _) in element_keys(resource).items() if n in (element, element + "[x]")]
            if not keys:
                self.error("mapping-target", name, f"{claim}: needs: {resource} has no element '{element}'")
            found += [(key, part) for key in keys]
        return tuple(found)


def _told(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that only the narrative tells: those that the file names, and in a main resource where its fact was read."""
    everywhere = () if "role" in raw or raw["each"] == ANY_SECTION else ("origin",)
    return (*raw.get("narrative_only", ()), *everywhere)


def _wanted(given: Any) -> frozenset[Any]:
    """The choices of `only`: false in a list stands for a field that is not stated."""
    return frozenset(None if one is False else one for one in (given if isinstance(given, list) else [given]))


def _any_section(sections: Mapping[str, Section]) -> Section:
    """What all kinds of facts have in common: the words of the source."""
    evidence = next(section.fields["evidence"] for section in sections.values() if "evidence" in section.fields)
    return Section(ANY_SECTION, "fact", True, (), {"evidence": evidence}, frozenset(), frozenset())
