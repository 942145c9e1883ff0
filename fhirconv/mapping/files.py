"""The files of mappings/, and a site's own laid over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli

from fhirconv.issues import Issue, Place


def read_folders(folders: list[Path], names: str = "*.toml") -> tuple[dict[str, Any], dict[str, str], list[Issue]]:
    """The TOML files of folders, the later laid over the earlier table by table, key by key; with each file's path."""
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    issues: list[Issue] = []
    for folder in folders:
        if not folder.is_dir():
            issues.append(Issue("file-unreadable", "is not a folder with mappings", Place(str(folder))))
        for path in sorted(folder.rglob("*.json")) if folder != folders[0] else ():
            issues.append(
                _mistake(
                    "mapping-syntax", "is not read: a site has TOML files; the schema of case facts is fhirconv's", path
                )
            )
        for path in sorted(folder.rglob(names)):
            name = path.relative_to(folder).with_suffix("").as_posix()
            depth = _DEPTH.get(name.partition("/")[0])
            if depth is None:
                issues.append(
                    _mistake(
                        "mapping-syntax",
                        "expected systems.toml, units.toml, plausibility.toml, servers.toml, "
                        "or a file in resources/, concepts/, profiles/ or readers/",
                        path,
                    )
                )
                continue
            try:
                with path.open("rb") as stream:
                    found = tomli.load(stream)
            except (tomli.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
                issues.append(_mistake("mapping-syntax", f"is not TOML: {error}", path))
                continue
            merged[name] = _lay_over(merged.get(name, {}), found, depth)
            origin[name] = str(path)
    return merged, origin, issues


def _mistake(rule: str, message: str, path: Path) -> Issue:
    return Issue(rule, message, Place(str(path)))


# How many levels of tables are laid over each other key by key; what is below is replaced as a whole. So a site's
# element replaces our element, its concept our concept. `false` removes what is below.
_DEPTH = {"resources": 2, "profiles": 3, "concepts": 2, "systems": 2, "units": 2, "plausibility": 3, "servers": 2}
_DEPTH["readers"] = 2  # a site's table or values replace ours of that name; its rules ([[facts]]) replace all of ours
_ADDED = ("also", "spellings")  # lists of words: what a site has is added to what is there


def _lay_over(below: Any, above: Any, depth: int) -> Any:
    if depth and isinstance(below, dict) and isinstance(above, dict):
        merged = {**below, **{key: _lay_over(below.get(key), value, depth - 1) for key, value in above.items()}}
        for key in _ADDED:
            if isinstance(below.get(key), list) and isinstance(above.get(key), list):
                merged[key] = [*below[key], *(one for one in above[key] if one not in below[key])]
        return {key: value for key, value in merged.items() if above.get(key) is not False}
    return above
