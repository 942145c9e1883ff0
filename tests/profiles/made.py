"""Profiles in few words, and what a check says of a resource: its rules with their places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.profiles.check import Profiles, check_profiles
from fhirconv.profiles.run import NotChecked
from fhirconv.validation.finding import Finding

Json = dict[str, Any]

URL = "https://test.invalid/StructureDefinition/"


def profile(name: str, type_name: str, *elements: Json, **head: Any) -> Json:
    """A StructureDefinition; elements are given by id, beside the root."""
    root = {"id": type_name, "path": type_name, "min": 0, "max": "*"}
    listed = [root | head.pop("root", {})]
    for element in elements:
        path = ".".join(step.partition(":")[0] for step in element["id"].split("."))
        listed.append({"path": path, "min": 0, "max": "*"} | element)
    made = {"resourceType": "StructureDefinition", "url": URL + name, "type": type_name, "derivation": "constraint"}
    return made | {"kind": "resource", "snapshot": {"element": listed}} | head


def value_set(name: str, *include: Json, exclude: list[Json] | None = None) -> Json:
    """A ValueSet by what it includes."""
    compose = {"include": list(include)} | ({"exclude": exclude} if exclude else {})
    return {"resourceType": "ValueSet", "url": URL + name, "compose": compose}


def codes(system: str, *found: str) -> Json:
    """An include of these codes."""
    return {"system": system, "concept": [{"code": code} for code in found]}


def lookup_in(bundle: Json) -> Any:
    """A lookup of references in a Bundle, and of contained resources."""
    entries = bundle.get("entry", ()) if bundle.get("resourceType") == "Bundle" else ()
    resources = [(entry.get("fullUrl"), entry["resource"]) for entry in entries if "resource" in entry]
    known = {f"{each['resourceType']}/{each.get('id')}": each for _, each in resources}
    known |= {url: each for url, each in resources if url}

    def find(reference: str, resource: Json) -> Json | None:
        if reference.startswith("#"):
            return next((each for each in resource.get("contained", ()) if each.get("id") == reference[1:]), None)
        return known.get(reference)

    return find


def check(resource: Json, profiles: Profiles, *names: str) -> tuple[list[Finding], list[NotChecked]]:
    """Check against profiles of ours by name; against what the resource claims when none is given."""
    return check_profiles(resource, profiles, [URL + name for name in names] or None, lookup_in(resource))


def rules(resource: Json, profiles: Profiles, *names: str) -> dict[str, list[str]]:
    """Rule -> places of the findings, in dots."""
    found: dict[str, list[str]] = {}
    for finding in check(resource, profiles, *names)[0]:
        found.setdefault(finding.rule, []).append(".".join(map(str, finding.path)))
    return found


def errors(resource: Mapping[str, Any], profiles: Profiles) -> set[Finding]:
    """The errors of a resource against what it claims."""
    found, _ = check_profiles(dict(resource), profiles, None, lookup_in(dict(resource)))
    return {finding for finding in found if finding.severity in ("", "error") and finding.rule != "profile-unknown"}
