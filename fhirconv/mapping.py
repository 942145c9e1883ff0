"""mappings/: read, laid over by a site's own, checked against the case-facts schema and R4, compiled."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhirconv.data_files import data_dir
from fhirconv.facts import Fact
from fhirconv.issues import Issue, MappingError, Place, has_errors
from fhirconv.r4 import Element, element_keys, elements_of, kind_of
from fhirconv.schema import Field, Section, case_schema
from fhirconv.terminology import build_table, build_units
from fhirconv.values import ElementRule, all_rules, compile_elements
from fhirconv.values.base import Env, Tables, nearest

ANY_SECTION = "*"
DEFAULT_PROFILE = "r4"

# Whether a fact (its data, and all facts by id) is one for a mapping or a claim.
Predicate = Callable[[Mapping[str, Any], Mapping[str, Fact]], bool]


@dataclass(frozen=True, slots=True)
class Variant:
    """What a profile makes of a mapping: other rules for some facts, claimed if the result has what it `needs`."""

    name: str
    url: str
    tests: tuple[Predicate, ...]
    needs: tuple[tuple[str, tuple[str, ...]], ...]  # what is needed, and the JSON keys any of which provides it
    rules: tuple[ElementRule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ResourceMapping:
    """One file of mappings/resources, compiled for one profile."""

    name: str
    file: str
    resource: str
    section: str  # a section of the case facts, or ANY_SECTION
    role: str
    applies: Predicate
    about: str  # the element that says what the fact is about, '' for none
    rules: tuple[ElementRule, ...]
    only: tuple[str, ...] = ()  # the fields that `applies` looks at
    variants: tuple[Variant, ...] = ()
    narrative_only: tuple[str, ...] = ()

    @property
    def about_table(self) -> str:
        """The concept table of the element `about`."""
        return next((rule.made.main_table for rule in self.rules if rule.element == self.about), "")

    def rules_for(self, profile_url: str) -> tuple[ElementRule, ...]:
        """The rules by which a resource was made that claims `profile_url` ('' for none)."""
        return next((variant.rules for variant in self.variants if variant.url == profile_url), self.rules)


@dataclass(frozen=True)
class Mappings:
    """A set of mappings that was checked and compiled."""

    raw: Mapping[str, Any]
    tables: Tables
    profile: str
    resources: tuple[ResourceMapping, ...]
    by_section: Mapping[str, tuple[ResourceMapping, ...]] = field(default_factory=dict)


# -- reading ---------------------------------------------------------------------------------------------------------


def load_mappings(site: Path | None = None, profile: str = DEFAULT_PROFILE) -> Mappings:
    """The mappings of this installation with those of the folder `site` laid over them, for one profile.

    Raises MappingError with every mistake in them. A folder is read once in a process.
    """
    return _load(site.resolve() if site else None, profile)


@functools.lru_cache(maxsize=16)
def _load(site: Path | None, profile: str) -> Mappings:
    raw, origin, issues = read_folders([data_dir("mappings"), *([site] if site else [])])
    if has_errors(issues):
        raise MappingError(issues)
    compiler = _Compiler(raw, origin, profile)
    mappings = compiler.compile()
    if has_errors(compiler.issues):
        raise MappingError(compiler.issues)
    return mappings


def profiles(site: Path | None = None) -> list[str]:
    """The names that --profile takes."""
    folders = [data_dir("mappings"), *([site] if site else [])]
    return [DEFAULT_PROFILE, *sorted({path.stem for folder in folders for path in (folder / "profiles").glob("*.toml")})]


def read_folders(folders: list[Path]) -> tuple[dict[str, Any], dict[str, str], list[Issue]]:
    """The TOML files of folders, the later laid over the earlier table by table, key by key; with each file's path."""
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    issues: list[Issue] = []
    for folder in folders:
        if not folder.is_dir():
            issues.append(Issue("file-unreadable", "is not a folder with mappings", Place(str(folder))))
        for path in sorted(folder.rglob("*.toml")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            depth = _DEPTH.get(name.partition("/")[0])
            if depth is None:
                issues.append(_mistake("mapping-syntax", "expected systems.toml, units.toml, or a file in resources/, concepts/ or profiles/", path))
                continue
            try:
                with path.open("rb") as stream:
                    found = tomllib.load(stream)
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
                issues.append(_mistake("mapping-syntax", f"is not TOML: {error}", path))
                continue
            merged[name] = _lay_over(merged.get(name, {}), found, depth)
            origin[name] = str(path)
    return merged, origin, issues


def _mistake(rule: str, message: str, path: Path) -> Issue:
    return Issue(rule, message, Place(str(path)))


# How many levels of tables are laid over each other key by key; what is below is replaced as a whole. So a site's
# element replaces our element, its concept our concept.
_DEPTH = {"resources": 2, "profiles": 3, "concepts": 1, "systems": 2, "units": 1}


def _lay_over(below: Any, above: Any, depth: int) -> Any:
    if depth and isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _lay_over(below.get(key), value, depth - 1) for key, value in above.items()}}
    return above


# -- compiling -------------------------------------------------------------------------------------------------------

_MAPPING_KEYS = {"resource", "spec", "each", "role", "only", "about", "elements", "narrative_only"}
_CLAIM_KEYS = {"mapping", "only", "about", "needs", "url", "elements"}


class _Compiler:
    """Compiles one set of mappings; every mistake goes to `issues`."""

    def __init__(self, raw: Mapping[str, Any], origin: Mapping[str, str], profile: str) -> None:
        self.raw = raw
        self.origin = origin
        self.profile = profile
        self.issues: list[Issue] = []
        self.sections = dict(case_schema().sections)
        self.tables = self._tables()

    def error(self, rule: str, name: str, message: str) -> None:
        self.issues.append(Issue(rule, message, Place(self.origin.get(name, name))))

    def _tables(self) -> Tables:
        systems = self.raw.get("systems", {})
        codes, identifiers = systems.get("code", {}), systems.get("identifier", {})
        if "fact" not in identifiers:
            self.error("mapping-table", "systems", "[identifier] needs 'fact', the system of fhirconv's own identifiers")
        concepts = {}
        for name in sorted(self.raw):
            if name.startswith("concepts/"):
                table, mistakes = build_table(name.partition("/")[2], self.raw[name], codes)
                concepts[table.name] = table
                for mistake in mistakes:
                    self.error("mapping-table", name, mistake)
        units, mistakes = build_units(self.raw.get("units", {}))
        for mistake in mistakes:
            self.error("mapping-table", "units", mistake)
        return Tables(concepts, units, codes, identifiers, self.sections)

    def compile(self) -> Mappings:
        claims = self._claims()
        compiled = [
            mapping
            for name in sorted(self.raw)
            if name.startswith("resources/") and (mapping := self._mapping(name, claims)) is not None
        ]
        by_section: dict[str, list[ResourceMapping]] = {}
        for mapping in compiled:
            by_section.setdefault(mapping.section, []).append(mapping)
        self._check_nothing_lost(by_section)
        self._check_targets(compiled, by_section)
        frozen = {name: tuple(sorted(found, key=lambda m: m.role)) for name, found in by_section.items()}
        return Mappings(self.raw, self.tables, self.profile, tuple(compiled), frozen)

    def _claims(self) -> Mapping[str, Any]:
        if self.profile == DEFAULT_PROFILE:
            return {}
        name = f"profiles/{self.profile}"
        if name not in self.raw:
            known = [n.partition("/")[2] for n in self.raw if n.startswith("profiles/")]
            self.error("mapping-table", name, f"there is no such profile{nearest(self.profile, [DEFAULT_PROFILE, *known])}")
        return {key: value for key, value in self.raw.get(name, {}).items() if isinstance(value, dict)}

    def _mapping(self, name: str, claims: Mapping[str, Any]) -> ResourceMapping | None:
        raw = self.raw[name]
        for key in sorted(set(raw) - _MAPPING_KEYS):
            self.error("mapping-key", name, f"unknown key '{key}'{nearest(key, sorted(_MAPPING_KEYS))}")
        missing = [key for key in ("resource", "each", "elements") if key not in raw]
        if missing:
            self.error("mapping-syntax", name, f"'{missing[0]}' is missing")
            return None
        section = self._section(name, raw["each"])
        if kind_of(raw["resource"]) != "resource" or section is None:
            if section is not None:
                self.error("mapping-target", name, f"'{raw['resource']}' is not a resource type of FHIR R4")
            return None
        short = name.partition("/")[2]
        only = raw.get("only", {})
        mapping = ResourceMapping(
            short, self.origin[name], raw["resource"], raw["each"], raw.get("role", ""), self._predicate(name, only, section),
            raw.get("about", ""), self._rules(name, raw["resource"], section, raw["elements"], "elements"), tuple(only),
            tuple(self._variants(short, raw, section, claims)), tuple(raw.get("narrative_only", {})),
        )  # fmt: skip
        if mapping.about and not mapping.about_table:
            self.error("mapping-key", name, f"'about' names '{mapping.about}', which is no element made by 'concept'")
        return mapping

    def _section(self, name: str, each: str) -> Section | None:
        if each == ANY_SECTION:
            return _any_section(self.sections)
        if each not in self.sections:
            self.error("mapping-source", name, f"case facts have no section '{each}'{nearest(each, self.sections)}")
        return self.sections.get(each)

    def _predicate(self, name: str, only: Mapping[str, Any], section: Section) -> Predicate:
        """`only = {FIELD = choice, [choices], or true/false for stated or not}`; 'of.kind' is the kind of the fact 'of' names."""
        tests: list[tuple[str, str, Any]] = []
        for key, wanted in only.items():
            first, _, second = key.partition(".")
            known = section.fields.get(key) or self._field_of_named(section, first, second)
            if known is None and key not in {field.path[0] for field in section.fields.values()}:
                self.error("mapping-source", name, f"only: {section.title} has no field '{key}'{nearest(key, section.fields)}")
                continue
            values = wanted if isinstance(wanted, bool) else frozenset([wanted] if isinstance(wanted, str) else wanted)
            for value in () if isinstance(values, bool) or not known or not known.choices else sorted(values - set(known.choices)):
                self.error("mapping-source", name, f"only: '{value}' is not a choice of '{key}'{nearest(value, known.choices)}")
            tests.append((first, second, values))

        def applies(data: Mapping[str, Any], by_id: Mapping[str, Fact]) -> bool:
            for first, second, wanted in tests:
                value = data.get(first)
                if second:
                    named = by_id.get(str(value))
                    value = named.data.get(second) if named else None
                if ((value is not None) is not wanted) if isinstance(wanted, bool) else value not in wanted:
                    return False
            return True

        return applies

    def _field_of_named(self, section: Section, first: str, second: str) -> Field | None:
        field = section.fields.get(first)
        return self.sections[field.refers[0]].fields.get(second) if field and field.refers and second else None

    def _about(self, name: str, key: str, claim: Mapping[str, Any], raw: Mapping[str, Any]) -> Predicate:
        """`about = [KEYS]`: the fact is about one of these concepts, by the mapping's own 'about' element."""
        rule = raw["elements"].get(raw.get("about", ""), {})
        table, field = self.tables.concepts.get(rule.get("concept", "")), rule.get("from", "")
        wanted = frozenset(claim["about"])
        for unknown in sorted(wanted - set(table.concepts if table else ())):
            self.error("mapping-table", name, f"{key}: concepts/{rule.get('concept')}.toml has no '{unknown}'")

        def applies(data: Mapping[str, Any], by_id: Mapping[str, Fact]) -> bool:
            found = table.find(str(data.get(field, ""))) if table else None
            return found is not None and found.key in wanted

        return applies

    def _rules(self, name: str, resource: str, section: Section, raw: Any, key: str) -> tuple[ElementRule, ...]:
        env = Env(self.tables, section, "", Element("", 0, False, (resource,)), self.origin[name], key, issues=self.issues)
        rules = compile_elements(raw, env)
        for rule in all_rules([_as_rule(resource, rules)]):
            self._check_required(name, rule, section)
        return tuple(rules)

    def _variants(self, mapping: str, raw: Mapping[str, Any], section: Section, claims: Mapping[str, Any]) -> Iterator[Variant]:
        name = f"profiles/{self.profile}"
        for key, claim in claims.items():
            for unknown in sorted(set(claim) - _CLAIM_KEYS):
                self.error("mapping-key", name, f"{key}: unknown key '{unknown}'{nearest(unknown, sorted(_CLAIM_KEYS))}")
            if claim.get("mapping") != mapping:
                if f"resources/{claim.get('mapping')}" not in self.raw:
                    self.error("mapping-source", name, f"{key}: there is no resources/{claim.get('mapping')}.toml")
                continue
            keys = element_keys(raw["resource"])
            needs = []
            for need in claim.get("needs", ()):
                element = need.partition(".")[0]
                found = tuple(k for k, (n, _) in keys.items() if n in (element, element + "[x]"))
                if not found:
                    self.error("mapping-target", name, f"{key}: needs: {raw['resource']} has no element '{element}'")
                needs.append((need, found))
            elements = {**raw["elements"], **claim.get("elements", {})}
            rules = self._rules(name, raw["resource"], section, elements, f"{key}.elements")
            tests = [self._predicate(name, claim.get("only", {}), section)]
            tests += [self._about(name, key, claim, raw)] if "about" in claim else []
            yield Variant(key, claim["url"], tuple(tests), tuple(needs), rules)

    # -- what holds for the set as a whole --

    def _check_required(self, name: str, rule: ElementRule, section: Section) -> None:
        """Elements that R4 requires have a rule, in the resource and in every part that is made."""
        if not rule.made.children or rule.definition is None:
            return
        here = {child.element for child in rule.made.children}
        owner = rule.definition.types[0]
        for element in elements_of(owner).values():
            if element.min and element.name not in here and element.name != "url":
                self.error("mapping-target", name, f"{rule.where.partition(' ')[2] or 'elements'}: {owner}.{element.name} is required by R4 and has no rule")

    def _check_nothing_lost(self, by_section: Mapping[str, list[ResourceMapping]]) -> None:
        """Every field of the case facts is read by a rule, or kept in the narrative on purpose."""
        everywhere = {"id", *(s for m in by_section.get(ANY_SECTION, ()) for r in all_rules(m.rules) for s in r.made.sources)}
        anywhere = {s for found in by_section.values() for m in found for r in all_rules(m.rules) for s in r.made.sources}
        backwards = {(raw["for"], raw["by"]) for raw in _tables_with(self.raw, "for") if "by" in raw}
        for section in self.sections.values():
            found = by_section.get(section.name, [])
            if not found:
                self.error("mapping-lost", f"resources/ (section {section.name})", f"no mapping has each = \"{section.name}\"")
            read = {s for m in found for r in all_rules(m.rules) for s in r.made.sources} | everywhere
            read |= {name for m in found for name in (*m.only, *m.narrative_only)}
            for field in section.fields.values():
                used = field.name in read or f"{section.name}.{field.name}" in anywhere or (section.name, field.name) in backwards
                if not used and found and not _is_event_link(section, field):
                    self.error("mapping-lost", f"resources/{found[0].name}", f"no rule reads '{section.name}.{field.name}'; map it, or name it with the reason under [narrative_only]")

    def _check_targets(self, compiled: list[ResourceMapping], by_section: Mapping[str, list[ResourceMapping]]) -> None:
        """References lead to resource types that R4 allows there."""
        for mapping in compiled:
            for rule in all_rules(mapping.rules):
                targets = rule.definition.targets if rule.definition else ()
                for section in rule.made.refers:
                    made = {m.resource for m in by_section.get(section, ()) if not m.role}
                    wrong = made - set(targets)
                    if targets and wrong and "Resource" not in targets:
                        self.error("mapping-type", f"resources/{mapping.name}", f"{rule.element} may refer to {', '.join(targets)}, but facts of '{section}' become {', '.join(sorted(wrong))}")


def _as_rule(resource: str, rules: list[ElementRule]) -> ElementRule:
    """The rules of a resource as the parts of one rule."""
    from fhirconv.values.base import Made, nothing

    return ElementRule("", "", Made(nothing, children=tuple(rules)), Element("", 0, False, (resource,)))


def _any_section(sections: Mapping[str, Section]) -> Section:
    """What all kinds of facts have in common."""
    shared = ("evidence",)
    first = next(section for section in sections.values() if all(name in section.fields for name in shared))
    return Section(ANY_SECTION, "fact", True, (), (), False, {name: first.fields[name] for name in shared})


def _is_event_link(section: Section, field: Field) -> bool:
    """An event's 'of' is followed by the timeline, not by a rule."""
    return section.name == "events" and field.name == "of"


def _tables_with(raw: Any, key: str) -> Iterator[Mapping[str, Any]]:
    """Every table in `raw` that has the key."""
    if isinstance(raw, dict):
        if key in raw:
            yield raw
        for value in raw.values():
            yield from _tables_with(value, key)
    elif isinstance(raw, list):
        for value in raw:
            yield from _tables_with(value, key)
