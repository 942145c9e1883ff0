"""Two sets of mappings, and the entries in which they differ."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fhirconv.issues import FhirconvError
from fhirconv.mapping import Mappings, check_folders, folders, profiles_in
from fhirconv.mapping.places import Keys, Places
from fhirconv.schema import SCHEMA_FILE

OURS = "default"
"""The name of fhirconv's own mappings without any of a site."""

# How deep an entry stands in the files of a kind. What readers and servers do, converts no case.
_DEPTH = {"resources": 2, "profiles": 3, "concepts": 1, "systems": 2, "units": 1, "plausibility": 3}
_NONE: dict[str, Any] = {}


class Side(NamedTuple):
    """One of the two sets: its name, and the folders that are laid over each other."""

    name: str
    folders: tuple[Path, ...]

    def load(self, profile: str) -> Mappings:
        """The set for a profile, read once in a process. Raises FhirconvError for one that it has not, MappingError with every mistake."""
        known = profiles_in(self.folders)
        if profile not in known:
            raise FhirconvError(f"{self.name} has no profile '{profile}', only {', '.join(known)}")
        return _checked(self.folders, profile)


_checked = functools.lru_cache(maxsize=4)(check_folders)  # the command tells its mistakes, before cases are converted


def side_of(name: str) -> Side:
    """'default'; a folder of a site, over fhirconv's own; or a whole set, known by its schema of case facts.

    Raises FhirconvError where there is no such folder.
    """
    if name == OURS:
        return Side(name, tuple(folders()))
    path = Path(name)
    if not path.is_dir():
        raise FhirconvError(f"{name} is not a folder with mappings, nor '{OURS}' for those of fhirconv")
    return Side(name, (path,) if (path / SCHEMA_FILE).is_file() else tuple(folders(path)))


class Change(NamedTuple):
    """An entry of the mappings in which the sets differ: file of the set, keys, what differs, and where it stands."""

    name: str
    keys: Keys
    what: str
    where: str

    def __str__(self) -> str:
        """'concepts/labs cea: codings +1'."""
        return f"{' '.join(filter(None, (self.name, '.'.join(self.keys))))}: {self.what}"


def changes_between(old: Side, new: Side, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The entries that differ between two sets, whose files are given as they were read."""
    at = Places(old.folders), Places(new.folders)
    found = []
    for name in sorted({*before, *after}):
        depth = _DEPTH.get(name.partition("/")[0], 0)
        if depth:
            for keys, one, other in _different(before.get(name, _NONE), after.get(name, _NONE), depth):
                found.append(Change(name, keys, _what(one, other), _where(name, keys, at, other is None)))
    return found


def _different(one: Any, other: Any, depth: int, keys: Keys = ()) -> Iterator[tuple[Keys, Any, Any]]:
    """The entries that differ, with what either set has there; None for nothing."""
    if keys[-1:] == ("elements",):  # of a claim that had none, say: each is an entry by itself
        one, other = one or _NONE, other or _NONE
    if depth and isinstance(one, dict) and isinstance(other, dict) and (keys or (one and other)):
        for key in dict.fromkeys((*one, *other)):
            yield from _different(one.get(key), other.get(key), depth - 1, (*keys, key))
    elif one != other:
        yield keys, one or None, other or None


def _what(one: Any, other: Any) -> str:
    if one is None or other is None:
        return "added" if one is None else "taken out"
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in dict.fromkeys((*one, *other)) if one.get(key) != other.get(key)]
        return ", ".join(f"{key} {_part(one.get(key), other.get(key))}" for key in keys)
    return _part(one, other)


def _part(one: Any, other: Any) -> str:
    """How a part of an entry differs: lists by the number of items, where a code was verified apart; others by their values."""
    before, after = ([] if value is None else value for value in (one, other))
    if isinstance(before, list) and isinstance(after, list):
        olds, news = ([_told(item) for item in items] for items in (before, after))
        more, fewer = sum(item not in olds for item in news), sum(item not in news for item in olds)
        signs = [f"+{more}"] * bool(more) + [f"-{fewer}"] * bool(fewer)
        return " ".join(signs) or "changed"
    if one is None or other is None:
        return "added" if one is None else "taken out"
    is_plain = not any(isinstance(value, dict | list) for value in (one, other))
    return f"'{one}' -> '{other}'" if is_plain else "changed"


def _told(item: Any) -> Any:
    return {key: value for key, value in item.items() if key != "verified"} if isinstance(item, dict) else item


def _where(name: str, keys: Keys, at: tuple[Places, Places], is_gone: bool) -> str:
    """File and line of an entry in the new set, or, where that says nothing of it, in the old one."""
    for places in at if is_gone else at[::-1]:
        found = places.find(name, *keys)
        if found is not None:
            return f"{found.folder / found.file}:{found.line}"
        files = places.files(name)
        if files:
            return str(files[-1].folder / files[-1].file)
    return name
