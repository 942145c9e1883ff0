"""The resources of a case as two sets of mappings make them: which differ, in what, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.build import Build, Entry
from fhirconv.mapping_impact.causes import Causes
from fhirconv.mapping_impact.sides import Change
from fhirconv.pushing.present import Difference, compared

ADDED, GONE, CHANGED = "+", "-", "~"


class Found(NamedTuple):
    """A resource that one set alone makes, or an element that is not the same, and the entries that are why, if any says.

    `follows` says that they are why something else is not the same: another element, or a resource that it refers to.
    """

    sign: str
    entry: Entry  # of the new set, if that makes it
    parts: tuple[Difference, ...] = ()  # of the element
    causes: tuple[Change, ...] = ()
    follows: bool = False


def differences(old: Build, new: Build, causes: Causes) -> list[Found]:
    """What is different between the resources of a case; paired by type, fact and role."""
    found = list(_direct(old, new, causes))
    if all(one.causes for one in found):
        return found
    names = _names(old) | _names(new)
    names |= {name: name for name in names.values()}
    known: dict[str, dict[Change, None]] = {}
    for one in found:
        known.setdefault(one.entry.identifier, {}).update(dict.fromkeys(one.causes))
    return [one if one.causes else _following(one, names, known) for one in found]


def _direct(old: Build, new: Build, causes: Causes) -> Iterator[Found]:
    before, after = _by_identity(old), _by_identity(new)
    has_new_ids = old.system != new.system
    names = (_names(old), _names(new)) if has_new_ids else ({}, {})
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        if one is None or other is None:
            entry = one or other
            assert entry is not None
            yield Found(GONE if one else ADDED, entry, (), tuple(causes.of_resource(entry)))
        elif has_new_ids:
            yield from _changed(one, other, _named(one.resource, names[0]), _named(other.resource, names[1]), causes)
        elif one.resource != other.resource:
            yield from _changed(one, other, one.resource, other.resource, causes)


def _changed(
    one: Entry, other: Entry, before: Mapping[str, Any], after: Mapping[str, Any], causes: Causes
) -> Iterator[Found]:
    for key in dict.fromkeys((*before, *after)):
        parts = tuple(compared(key, before.get(key), after.get(key))) if before.get(key) != after.get(key) else ()
        if parts:
            yield Found(CHANGED, other, parts, tuple(causes.of_element(one, other, key.removeprefix("_"))))


def _following(found: Found, names: Mapping[str, str], known: Mapping[str, Mapping[Change, None]]) -> Found:
    """With the causes of what the changed element refers to, else with those of this resource and of all that it refers to."""
    values = [value for part in found.parts for value in (part.before, part.after)]
    named = _named_in(values, names) or {found.entry.identifier} | _named_in(found.entry.resource, names)
    causes = dict.fromkeys(cause for name in sorted(named) for cause in known.get(name, ()))
    return found._replace(causes=tuple(causes), follows=bool(causes))


def _named_in(value: Any, names: Mapping[str, str]) -> set[str]:
    """The resources, by what ids stand for, that are named in a value."""
    if isinstance(value, str):
        return {names[value]} if value in names else set()
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*(_named_in(part, names) for part in parts))


def _by_identity(build: Build) -> dict[tuple[str, str], Entry]:
    return {(entry.mapping.resource, entry.identifier): entry for entry in build.entries}


def _names(build: Build) -> dict[str, str]:
    """What ids, references and the system of identifiers stand for."""
    names = {entry.id: entry.identifier for entry in build.entries}
    names |= {entry.reference: entry.identifier for entry in build.entries}
    names[build.system] = "the system of identifiers"
    return names


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """A copy with names in the place of ids."""
    if isinstance(value, dict):
        return {key: _named(part, names) for key, part in value.items()}
    if isinstance(value, list):
        return [_named(part, names) for part in value]
    return names.get(value, value) if isinstance(value, str) else value
