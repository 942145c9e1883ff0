"""mappings/: read, laid over by a site's own, checked against the case-facts schema and R4, compiled."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

from fhirconv.data_files import data_dir
from fhirconv.issues import Issue, MappingError, Place, has_errors
from fhirconv.mapping.compiler import Compiler
from fhirconv.mapping.files import read_folders
from fhirconv.mapping.resource_mapping import ANY_SECTION, ResourceMapping, Variant
from fhirconv.mapping.types import DEFAULT_PROFILE, Mappings
from fhirconv.plausibility.limits import build_limits

__all__ = [
    "ANY_SECTION",
    "DEFAULT_PROFILE",
    "Mappings",
    "ResourceMapping",
    "Variant",
    "folders",
    "load_mappings",
    "profiles",
]


def folders(site: Path | None = None) -> list[Path]:
    """The folders that mappings are read from, the later laid over the earlier."""
    return [data_dir("mappings"), *([site] if site else [])]


def load_mappings(site: Path | None = None, profile: str = DEFAULT_PROFILE) -> Mappings:
    """The mappings of this installation with those of the folder `site` laid over them, for one profile.

    Raises ValueError for a profile that there is not, MappingError with every mistake in the mappings. A folder is read
    once in a process.
    """
    return _load(site.resolve() if site else None, profile)


@functools.lru_cache(maxsize=16)
def _load(site: Path | None, profile: str) -> Mappings:
    known = profiles(site)
    if profile not in known:
        raise ValueError(f"profile must be one of {', '.join(known)}, not {profile!r}")
    raw, origin, issues = read_folders(folders(site))
    if has_errors(issues):
        raise MappingError(issues)
    compiler = Compiler(raw, origin, profile)
    mappings = compiler.compile()
    limits, mistakes = build_limits(
        raw.get("plausibility", {}), mappings.tables.concepts["labs"].concepts, mappings.tables.units.codes
    )
    file = origin.get("plausibility", "")
    issues = [*compiler.issues, *(Issue("mapping-table", f"{key}: {text}", Place(file)) for key, text in mistakes)]
    if has_errors(issues):
        raise MappingError(issues)
    return dataclasses.replace(mappings, limits=limits)


def profiles(site: Path | None = None) -> list[str]:
    """The names that --profile takes."""
    return [
        DEFAULT_PROFILE,
        *sorted({path.stem for folder in folders(site) for path in (folder / "profiles").glob("*.toml")}),
    ]
