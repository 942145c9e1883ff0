"""mappings/: read, laid over by a site's own, checked against the case-facts schema and R4, compiled.

The compiler is imported by the first who loads mappings: what validates or pushes resources has no need of it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirconv.data_files import data_dir
from fhirconv.issues import MappingError, has_errors

if TYPE_CHECKING:
    from fhirconv.mapping.compiler import Compiler
    from fhirconv.mapping.resource_mapping import ANY_SECTION, ResourceMapping, Variant
    from fhirconv.mapping.types import Mappings

__all__ = [
    "ANY_SECTION",
    "DEFAULT_PROFILE",
    "Mappings",
    "ResourceMapping",
    "Variant",
    "check_folders",
    "check_mappings",
    "folders",
    "load_mappings",
    "profiles",
    "profiles_in",
]

DEFAULT_PROFILE = "r4"

_MODULES = {"Mappings": "types"} | dict.fromkeys(("ANY_SECTION", "ResourceMapping", "Variant"), "resource_mapping")


def __getattr__(name: str) -> Any:
    """The types are imported when they are first used."""
    if name not in _MODULES:
        raise AttributeError(f"module 'fhirconv.mapping' has no attribute {name!r}")
    return getattr(importlib.import_module(f"fhirconv.mapping.{_MODULES[name]}"), name)


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
    from fhirconv.mapping.compiler import Compiler
    from fhirconv.mapping.own import is_proven, read_own

    if site is None and is_proven():
        return _compiled(Compiler(*read_own(), profile, is_proven=True))
    return check_mappings(site, profile)


def check_mappings(site: Path | None, profile: str) -> Mappings:
    """As load_mappings, with every check made, also of what was checked before."""
    return check_folders(folders(site), profile)


def check_folders(read: Sequence[Path], profile: str) -> Mappings:
    """As check_mappings, for the folders as they are given, the later laid over the earlier."""
    from fhirconv.mapping.compiler import Compiler
    from fhirconv.mapping.files import read_folders

    raw, origin, issues = read_folders(list(read))
    if has_errors(issues):
        raise MappingError(issues)
    return _compiled(Compiler(raw, origin, profile))


def _compiled(compiler: Compiler) -> Mappings:
    from fhirconv.plausibility.limits import build_limits

    mappings = compiler.compile()
    limits, mistakes = build_limits(
        compiler.raw.get("plausibility", {}), mappings.tables.concepts["labs"].concepts, mappings.tables.units.codes
    )
    for key, text in mistakes:
        compiler.error("mapping-table", "plausibility", f"{key}: {text}")
    if has_errors(compiler.issues):
        raise MappingError(compiler.issues)
    return dataclasses.replace(mappings, limits=limits)


def profiles(site: Path | None = None) -> list[str]:
    """The names that --profile takes."""
    return profiles_in(folders(site))


def profiles_in(read: Iterable[Path]) -> list[str]:
    """The names that --profile takes, of the folders as they are given."""
    return [DEFAULT_PROFILE, *sorted({path.stem for folder in read for path in (folder / "profiles").glob("*.toml")})]
