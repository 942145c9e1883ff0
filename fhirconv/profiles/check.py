"""Resources held against the profiles that they claim in meta.profile.

Spec: https://hl7.org/fhir/R4/profiling.html#resources
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fhirconv.issues import shown
from fhirconv.profiles.archive import PackageError
from fhirconv.profiles.definitions import R4_URL, Json
from fhirconv.profiles.extensions import check_extensions, may_have_any
from fhirconv.profiles.items import Item, root_item
from fhirconv.profiles.packages import Package
from fhirconv.profiles.plans import CompiledProfile, compile_profile
from fhirconv.profiles.run import Canonical, Lookup, NotChecked, Run, once
from fhirconv.profiles.value_sets import ValueSet, compile_value_set
from fhirconv.validation.finding import Finding, Path

# Definitions come from outside: one that is not as R4 asks makes itself unusable, not the run.
_MALFORMED = (PackageError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


class Profiles:
    """The definitions of some packages; of two with one canonical the first package's counts.

    Each is parsed and compiled when it is first asked for, and kept.
    """

    def __init__(self, packages: Sequence[Package]) -> None:
        self.packages = tuple(packages)
        self.unusable: dict[Canonical, str] = {}
        self._profiles: dict[Canonical, CompiledProfile | None] = {}
        self._value_sets: dict[Canonical, ValueSet | None] = {}

    def names(self) -> list[Canonical]:
        """The canonical URLs of the profiles of resources and data types, sorted."""
        found = {
            url
            for package in self.packages
            for url, entry in package.index.items()
            if entry.kind == "StructureDefinition"
        }
        return sorted(found)

    def find(self, canonical: Canonical) -> Json | None:
        """The definition with this canonical, 'url' or 'url|version'."""
        url, _, version = canonical.partition("|")
        return next((found for package in self.packages if (found := package.find(url, version))), None)

    def profile(self, canonical: Canonical) -> CompiledProfile | None:
        """The compiled profile; None when no package has it, or it has no snapshot (see `unusable`)."""
        if canonical not in self._profiles:
            if self.find(canonical) is None:
                return None  # and not remembered: data may name any number of them
            self._profiles[canonical] = self._compile(canonical)
        return self._profiles[canonical]

    def _compile(self, canonical: Canonical) -> CompiledProfile | None:
        definition = self.find(canonical)
        if definition is None or definition.get("resourceType") != "StructureDefinition":
            return None
        try:
            return compile_profile(definition)
        except _MALFORMED as error:
            self.unusable[canonical] = str(error)
            return None

    def type_of(self, canonical: Canonical) -> str:
        """The type that a profile is of, even if its definition is not at hand; '' when no package says."""
        profile = self.profile(canonical)
        url = canonical.partition("|")[0]
        return profile.type if profile else next((p.missing[url] for p in self.packages if url in p.missing), "")

    def value_set(self, canonical: Canonical) -> ValueSet | None:
        """The compiled value set; None when no package has it."""
        try:
            return compile_value_set(canonical, self.find, self._value_sets)
        except _MALFORMED as error:
            self.unusable[canonical] = str(error)
            return None


def check_profiles(
    resource: Json, profiles: Profiles, claimed: Iterable[Canonical] | None, lookup: Lookup
) -> tuple[list[Finding], list[NotChecked]]:
    """What a resource, and each resource inside it, lacks of the profiles that it claims, and what was not checked.

    `claimed` replaces what the outer resource claims in meta.profile. `lookup(reference, resource)` gives the resource
    that a reference of `resource` leads to, or None. The resource has the structure of R4: what else it has, is ignored.
    """
    run = Run(profiles, lookup, resource)
    has_extensions = may_have_any(resource)
    for one, where, container in _resources(resource, (), None):
        claims = _claims(one) if claimed is None or where else [(url, ()) for url in claimed]
        if not claims and not has_extensions:
            continue
        item = root_item(one, where)
        run.resource, run.root, run.env = one, container, None
        for url, path in claims:
            _check_claim(url, path, item, profiles, run)
        if has_extensions:
            check_extensions(item, run)
    return once(run.findings), list(run.not_checked)


def _check_claim(canonical: Canonical, path: Path, item: Item, profiles: Profiles, run: Run) -> None:
    if canonical.removeprefix(R4_URL).partition("|")[0] == item.type:
        return  # claims what it is
    profile = profiles.profile(canonical)
    if profile is None:
        why = profiles.unusable.get(canonical, "no package at hand defines it; add one with --package")
        run.findings.append(
            Finding("profile-unknown", f"{shown(canonical, 200)} was not checked: {why}", (*item.path, *path))
        )
    elif profile.type != item.type:
        message = f"{shown(canonical, 200)} is a profile of {profile.type}, claimed by {shown(item.type)}"
        run.findings.append(Finding("profile-type", message, (*item.path, *path)))
    else:
        run.check_claim(item, profile)


def _list(holder: Json, key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _claims(resource: Json) -> list[tuple[Canonical, Path]]:
    meta = resource.get("meta")
    if not isinstance(meta, dict) or "profile" not in meta:
        return []
    listed = enumerate(_list(meta, "profile"))
    return [(one, ("meta", "profile", position)) for position, one in listed if isinstance(one, str)]


def _resources(resource: Json, path: Path, container: Json | None) -> Iterator[tuple[Json, Path, Json | None]]:
    """A resource, those contained in it, each with what contains it, and those of a Bundle's entries, at any depth."""
    yield resource, path, container
    for position, inner in enumerate(_list(resource, "contained")):
        if isinstance(inner, dict):
            yield from _resources(inner, (*path, "contained", position), resource)
    if resource.get("resourceType") != "Bundle":
        return
    for position, entry in enumerate(_list(resource, "entry")):
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            where = (*path, "entry", position, "resource")
            if "contained" in inner or inner.get("resourceType") == "Bundle":
                yield from _resources(inner, where, None)
            else:
                yield inner, where, None  # the usual one, without a call
