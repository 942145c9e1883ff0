"""The set of mappings that the reference is made of, and what several pages ask of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fhirconv.mapping import DEFAULT_PROFILE, Mappings, ResourceMapping, check_mappings, folders, profiles
from fhirconv.mapping.places import Found, Places
from fhirconv.mapping_docs.pages import Block, Bullets, Code, Link, Paragraph, Words, joined
from fhirconv.mapping_docs.wording import Row, Scope, element_rows, field_link
from fhirconv.values.writing import listed


class Claim(NamedTuple):
    """What a profile makes of a mapping for some facts, as its file says; `rows` are the elements that differ."""

    profile: str
    name: str
    mapping: str
    raw: Mapping[str, Any]
    rows: tuple[Row, ...]

    @property
    def link(self) -> Link:
        """Leads to its description."""
        return Link(f"{self.profile}: {self.name}", f"profile-{self.profile}", self.name)


class Reference:
    """fhirconv's own mappings with those of a site laid over them, for every profile."""

    def __init__(self, site: Path | None) -> None:
        """Raises MappingError with every mistake."""
        self.site = site
        self.profiles: dict[str, Mappings] = {name: check_mappings(site, name) for name in profiles(site)}
        self.mappings = self.profiles[DEFAULT_PROFILE]
        self.raw: Mapping[str, Any] = self.mappings.raw
        self.places = Places(folders(site))

    @functools.cached_property
    def rows(self) -> Mapping[str, tuple[Row, ...]]:
        """The elements of each resource mapping, by its name."""
        return {
            one.name: tuple(
                element_rows(one.resource, self.raw[f"resources/{one.name}"]["elements"], Scope(one.section))
            )
            for one in self.mappings.resources
        }

    @functools.cached_property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim of every profile, in the order in which they are tried."""
        by_name = {one.name: one for one in self.mappings.resources}
        found = []
        for profile in self.profiles:
            for name, raw in self.raw.get(f"profiles/{profile}", {}).items():
                mapping = by_name[raw["mapping"]]
                rows = element_rows(mapping.resource, raw.get("elements", {}), Scope(mapping.section))
                found.append(Claim(profile, name, mapping.name, raw, tuple(rows)))
        return tuple(found)

    def claims_of(self, mapping: ResourceMapping) -> tuple[Claim, ...]:
        """Those for a mapping."""
        return tuple(claim for claim in self.claims if claim.mapping == mapping.name)

    @functools.cached_property
    def fed(self) -> Mapping[tuple[str, str], list[Words]]:
        """For each field, by section and name, the elements that are made of it, also by claims."""
        found: dict[tuple[str, str], list[Words]] = {}
        for mapping in self.mappings.resources:
            for row in self.rows[mapping.name]:
                for source in row.sources:
                    found.setdefault(source, []).append(_element(mapping, row))
            for claim in self.claims_of(mapping):
                for row in claim.rows:
                    for source in row.sources:
                        found.setdefault(source, []).append([_element(mapping, row), " by ", claim.link])
        return found

    @functools.cached_property
    def users(self) -> Mapping[str, tuple[Link, ...]]:
        """For each concept table the mappings that read it."""
        found: dict[str, dict[Link, None]] = {}
        for mapping in self.mappings.resources:
            claimed = (row for claim in self.claims_of(mapping) for row in claim.rows)
            for row in (*self.rows[mapping.name], *claimed):
                for table in row.tables:
                    found.setdefault(table, {})[mapping_link(mapping)] = None
        return {table: tuple(links) for table, links in found.items()}

    def where(self, name: str, *keys: str) -> Words:
        """The file and line of a key: of fhirconv's own mappings, or of the site's."""
        found = self.places.find(name, *keys)
        assert found is not None, "it is read from the same files"
        return [Code(f"{found.file}:{found.line}"), self._whose(found)]

    def files(self, name: str) -> Words:
        """The files that are laid over each other under a name."""
        return joined([[Code(found.file), self._whose(found)] for found in self.places.files(name)])

    def _whose(self, found: Found) -> str:
        return " (yours)" if found.folder == self.site else ""

    def remarks(self, name: str) -> Iterator[Block]:
        """What stands on top of a file."""
        for paragraph in self.places.remarks(name).split("\n\n"):
            item = "- " if "- " in re.findall(r"^- ", paragraph, re.MULTILINE) else "  +"
            said, *items = re.split(f"(?:^|\n){item}", paragraph)
            if said:
                yield Paragraph(" ".join(said.split()))
            if items:
                yield Bullets(tuple(" ".join(item.split()) for item in items))


def mapping_link(mapping: ResourceMapping, text: str = "") -> Link:
    """Leads to the page of a mapping."""
    return Link(text or mapping.name, f"resource-{mapping.name}")


def _element(mapping: ResourceMapping, row: Row) -> Words:
    return [mapping_link(mapping, f"{mapping.resource}.{row.path}"), f" ({mapping.name})"]


def only_in_words(only: Mapping[str, Any], section: str) -> Words:
    """Which facts a mapping or a claim is for."""
    if not only:
        return "every one"
    return ["those where ", joined([_test(key, wanted, section) for key, wanted in only.items()], " and ")]


def _test(key: str, wanted: Any, section: str) -> Words:
    first, _, second = key.partition(".")
    field: Words = (
        field_link(section, first) if first == key else [field_link(section, first), " names one whose ", Code(second)]
    )
    if isinstance(wanted, bool):
        return [field, " is stated" if wanted else " is not stated"]
    choices = ["not stated" if one is False else Code(str(one)) for one in listed(wanted)]
    return [field, " is ", joined(choices, " or ")]
