"""The layer of profiles: which definitions are at hand, and which resources are held against which of them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirconv.issues import shown
from fhirconv.profiles.packages import BUILT_IN, load_package
from fhirconv.validation.addresses import MCODE
from fhirconv.validation.finding import Finding
from fhirconv.validation.layers import LayerRun

if TYPE_CHECKING:
    from fhirconv.profiles.check import Profiles
    from fhirconv.profiles.packages import Package

_CANONICAL = re.compile(r"https?://\S+")

Resource = dict[str, Any]


def is_canonical(profile: str) -> bool:
    """Whether a profile is named by its URL, not by the name of a set."""
    return _CANONICAL.fullmatch(profile) is not None


# The sets that are built in, by how the URLs of their profiles begin.
CLAIMED = {MCODE: "mcode"}


@functools.cache
def built_in(name: str) -> Profiles:
    """The profiles of a set that comes with fhirconv."""
    return _profiles_of(load_package(name))


def _profiles_of(*packages: Package) -> Profiles:
    from fhirconv.profiles.check import Profiles  # not at import: most resources claim no profile

    return Profiles(packages)


class ProfileLayer:
    """The profiles of packages, and of the set that is built in, loaded when the first resource is checked.

    `profile` is 'r4' (none), the name of a set, or the canonical URL of one profile, against which every resource of its
    type is then held. Raises PackageError for a package that cannot be used.
    """

    def __init__(self, profile: str, packages: Sequence[str | Path]) -> None:
        self._wanted = profile if is_canonical(profile) else ""
        self._names = (profile,) if profile in BUILT_IN else tuple(BUILT_IN) if self._wanted else ()
        self._packages = tuple(load_package(package) for package in packages)
        if self._wanted and self._profiles.profile(self._wanted) is None:
            raise ValueError(f"no package at hand defines the profile {self._wanted}; give it with --package")

    @property
    def is_asked(self) -> bool:
        """Whether profiles were asked for; those that are built in are checked wherever they are claimed."""
        return bool(self._names or self._packages)

    def defines(self, url: object) -> bool:
        """Whether one of the packages asked for defines the profile or extension with this URL."""
        return isinstance(url, str) and self.is_asked and self._profiles.find(url) is not None

    @functools.cached_property
    def _profiles(self) -> Profiles:
        if not self._packages and len(self._names) == 1:
            return built_in(self._names[0])
        return _profiles_of(*self._packages, *map(load_package, self._names))

    def run(self, resource: Resource) -> tuple[list[Finding], LayerRun]:
        """What profiles have against a resource or Bundle, and what became of the layer."""
        if self.is_asked:
            found, skipped = self._against(resource, self._profiles)
            return found, LayerRun("profiles", "ran", skipped)
        if any(url.startswith(tuple(CLAIMED)) for url in _claims(resource)):
            found, skipped = self._against(resource, built_in(next(iter(CLAIMED.values()))))
            return found, LayerRun("profiles", "ran", skipped)
        claimed = set(_claims(resource))
        notes = tuple(f"{shown(url, 200)}: claimed, and no package at hand defines it" for url in sorted(claimed))
        return [], LayerRun("profiles", "not asked for" if claimed else "nothing to do", notes)

    def _against(self, resource: Resource, profiles: Profiles) -> tuple[list[Finding], tuple[str, ...]]:
        from fhirconv.profiles.check import check_profiles
        from fhirconv.profiles.run import NotChecked

        find = _lookup(resource)
        found, skipped = check_profiles(resource, profiles, None, find)
        if self._wanted:
            kind = profiles.type_of(self._wanted)
            held = [(path, one) for path, one in _resources(resource, ()) if one.get("resourceType") == kind]
            for path, one in held:
                more, also = check_profiles(one, profiles, (self._wanted,), find)
                found += [finding._replace(path=(*path, *finding.path)) for finding in more]
                skipped += also
            if not held:
                skipped.append(NotChecked(self._wanted, f"there is no resource of its type, {kind}"))
        return list(dict.fromkeys(found)), tuple(dict.fromkeys(f"{what}: {why}" for what, why in skipped))


def claim_findings(bundle: Resource) -> list[Finding]:
    """What a Bundle lacks of the built-in profiles that it claims."""
    return ProfileLayer("r4", ()).run(bundle)[0]


def _claims(resource: Any) -> Iterator[str]:
    """The profiles that a resource, or those in the entries of a Bundle, claim in meta.profile."""
    for _, one in _resources(resource, ()):
        meta = one.get("meta")
        claimed = meta.get("profile") if isinstance(meta, dict) else None
        for url in claimed if isinstance(claimed, list) else ():
            if isinstance(url, str):
                yield url


def _resources(resource: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Resource]]:
    """A resource and those in the entries of a Bundle."""
    if not isinstance(resource, dict):
        return
    yield path, resource
    entries = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        one, where = entry.get("resource") if isinstance(entry, dict) else None, (*path, "entry", position, "resource")
        if isinstance(one, dict) and "entry" not in one:
            yield where, one  # the usual one, without a call
        else:
            yield from _resources(one, where)


def _lookup(root: Resource) -> Callable[[str, Resource], Resource | None]:
    """Finds what a reference leads to: a contained resource, or an entry by its fullUrl or Type/id."""
    known: dict[str, Resource] = {}
    entries = root.get("entry") if root.get("resourceType") == "Bundle" else None
    for entry in entries if isinstance(entries, list) else ():
        one = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(one, dict):
            known.setdefault(f"{one.get('resourceType')}/{one.get('id')}", one)
            if isinstance(entry.get("fullUrl"), str):
                known[entry["fullUrl"]] = one

    def find(reference: str, resource: Resource) -> Resource | None:
        if reference.startswith("#"):
            inside = resource.get("contained")
            held = [one for one in inside if isinstance(one, dict)] if isinstance(inside, list) else []
            return next((one for one in held if one.get("id") == reference[1:]), None)
        return known.get(reference)

    return find
