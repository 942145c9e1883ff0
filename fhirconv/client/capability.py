"""What a server can do: its CapabilityStatement, and what mappings/servers.toml knows of its kind.

Spec: https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fhirconv.client.answers import object_of, objects
from fhirconv.client.errors import Unfit
from fhirconv.issues import Issue, MappingError, Place, nearest, shown
from fhirconv.mapping import folders
from fhirconv.mapping.files import read_folders


class Capability(NamedTuple):
    """A server as it describes itself. `kind` is a table of servers.toml, '' if it is of none; None is: not known."""

    software: str
    version: str
    fhir_version: str
    kind: str
    keeps_version: bool
    max_entries: int | None
    max_bytes: int | None
    transaction: bool
    conditional_create: bool
    conditional_update: bool
    update_create: bool | None


def _is_limit(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_KEYS: dict[str, tuple[Callable[[object], bool], str]] = {
    "software": (lambda value: isinstance(value, str) and value != "", "a text"),
    "keeps_version": (lambda value: isinstance(value, bool), "true or false"),
    "entries": (_is_limit, "a number above 0"),
    "bytes": (_is_limit, "a number above 0"),
}


def read_descriptions(site: Path | None = None) -> dict[str, dict[str, Any]]:
    """The tables of servers.toml, those of the folder `site` laid over ours. Raises MappingError."""
    merged, origin, issues = read_folders(folders(site), "servers.toml")
    found = merged.get("servers", {})
    place = Place(origin.get("servers", ""))
    issues += [Issue("mapping-table", message, place) for message in _mistakes(found)]
    if issues:
        raise MappingError(issues)
    return dict(found)


def _mistakes(found: dict[str, Any]) -> list[str]:
    mistakes = []
    for kind, table in found.items():
        if not isinstance(table, dict) or "software" not in table:
            mistakes.append(f"{kind}: expected a table with 'software': how the name of such a server begins")
            continue
        for key, value in table.items():
            if key not in _KEYS:
                mistakes.append(f"{kind}.{key} is no key of a server{nearest(key, _KEYS)}")
            elif not _KEYS[key][0](value):
                mistakes.append(f"{kind}.{key} is {shown(value)}; expected {_KEYS[key][1]}")
    return mistakes


def read_capability(statement: dict[str, Any], descriptions: dict[str, dict[str, Any]]) -> Capability:
    """What a CapabilityStatement says; malformed parts of it count as not said."""
    software = object_of(statement.get("software"))
    name = str(software.get("name", ""))
    fitting = [kind for kind, table in descriptions.items() if name.startswith(table["software"])]
    kind = max(fitting, key=lambda one: len(descriptions[one]["software"]), default="")
    table = descriptions.get(kind, {})
    rests = [rest for rest in objects(statement.get("rest")) if rest.get("mode") == "server"]
    creatable, updatable = (_with_interaction(rests, code) for code in ("create", "update"))
    creates = [resource.get("updateCreate") for resource in updatable]
    return Capability(
        name,
        str(software.get("version", "")),
        str(statement.get("fhirVersion", "")),
        kind,
        table.get("keeps_version", False),
        table.get("entries"),
        table.get("bytes"),
        any(one.get("code") == "transaction" for rest in rests for one in objects(rest.get("interaction"))),
        _all_say(creatable, "conditionalCreate"),
        _all_say(updatable, "conditionalUpdate"),
        False if False in creates else True if True in creates else None,
    )


def _with_interaction(rests: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    return [
        resource
        for rest in rests
        for resource in objects(rest.get("resource"))
        if any(one.get("code") == code for one in objects(resource.get("interaction")))
    ]


def _all_say(resources: list[dict[str, Any]], name: str) -> bool:
    return bool(resources) and all(resource.get(name) is True for resource in resources)


def check_fit(capability: Capability, identity: str) -> None:
    """Raises Unfit for a server that cannot take what a push with this identity ('id', 'identifier') sends."""
    if capability.fhir_version not in ("4.0.0", "4.0.1"):
        stated = shown(capability.fhir_version) if capability.fhir_version else "no version"
        raise Unfit(f"the server says that it speaks FHIR {stated}; expected is R4 (4.0.1)")
    if not capability.transaction:
        raise Unfit("the server does not say that it takes transactions (rest.interaction 'transaction')")
    if identity == "identifier" and not capability.conditional_update:
        raise Unfit("the server does not say that it takes conditional updates for each type; try identity 'id'")
    if identity == "id" and capability.update_create is False:
        raise Unfit("the server says that clients cannot choose ids (updateCreate false); try identity 'identifier'")
