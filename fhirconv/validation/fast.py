"""The fast way: says that nothing is wrong with a resource or Bundle, or that the exact check must look.

It never says that something is wrong, but for two things that R4 recommends. What it passes, the exact check passes
too: the tests hold the two together.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs

from fhirconv.r4 import base_of, resource_types
from fhirconv.rules import rule
from fhirconv.validation.finding import Finding, Path
from fhirconv.validation.plain import Look, NotPlainError, Types, look_of
from fhirconv.validation.schemas import Generator, is_plain

_UUIDS = re.compile("(?:(?:^| )urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})+").fullmatch
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/condition-category"
_KINDS = ("transaction", "collection")

Accepts = Callable[[Any], bool]


@functools.cache
def _accepts(type_name: str, any_narrative: bool) -> Accepts | None:
    """The compiled schema of a list of resources of one type; None where there is none."""
    if not is_plain(type_name):
        return None
    schema = Generator(any_narrative).schema_of_list(type_name)
    check: Accepts = jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions()).is_valid
    return check


def findings_of(resource: Any) -> list[Finding]:
    """Everything that base R4 has to say against a resource or Bundle (JSON data). Nothing is raised."""
    quick = quick_findings(resource)
    if quick is not None:
        return quick
    from fhirconv.validation.exact import exact_findings  # with FHIRPath and all: only where there is something to say

    settled, findings = settled_entries(resource)
    return findings + exact_findings(resource, settled)


def quick_findings(resource: Any) -> list[Finding] | None:
    """What base R4 has to say against a resource or Bundle; None where only the exact check can tell.

    The list holds no more than what R4 recommends: a narrative (dom-6), the status of a listed problem (con-3).
    """
    try:
        if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
            return _bundle(resource)
        _look_at([resource], resource["resourceType"], {})
        return _recommended(resource, ())
    except (NotPlainError, ValueError, TypeError, AttributeError, KeyError):  # not what a schema takes, or accepts
        return None


def _look_at(resources: list[Any], type_name: str, types: Types) -> None:
    """Looks at resources of one type. Raises NotPlainError where the exact check has to decide."""
    accepts, look = _checks(type_name)
    if not accepts(resources) and not all(accepts([one]) or _accepts_otherwise(one) for one in resources):
        raise NotPlainError
    for one in resources:
        look(one, types)


def _recommended(resource: dict[str, Any], path: Path) -> list[Finding]:
    """What R4 recommends and a right resource lacks: its narrative, the status of a listed problem."""
    lacking = []
    if "clinicalStatus" not in resource and resource["resourceType"] == "Condition" and _is_listed(resource):
        lacking.append("con-3")
    if "text" not in resource and base_of(resource["resourceType"]) == "DomainResource":
        lacking.append("dom-6")
    return [Finding(key, rule(key).title, path, rule(key).severity) for key in lacking]


def _is_listed(condition: dict[str, Any]) -> bool:
    """Whether a condition is an item of the problem list, which con-3 wants to have a clinical status."""
    codings = [coding for concept in condition.get("category", ()) for coding in concept.get("coding", ())]
    return any(coding.get("code") == "problem-list-item" and coding.get("system") == _CATEGORIES for coding in codings)


def _checks(type_name: str) -> tuple[Accepts, Look]:
    """The two halves of the look at a resource type, made when it is first met."""
    found = _made.get(type_name)
    if found is None:
        if type_name not in resource_types():
            raise NotPlainError
        accepts = _accepts(type_name, False)
        found = _made[type_name] = (_nothing, look_of("Element")) if accepts is None else (accepts, look_of(type_name))
    return found


_made: dict[str, tuple[Accepts, Look]] = {}


def _nothing(resources: Any) -> bool:
    """Stands for the schema of a type that has none."""
    return False


def _accepts_otherwise(resource: dict[str, Any]) -> bool:
    """Whether only the narrative is not of our own making, and it is right too."""
    from fhirconv.validation.xhtml import narrative_problems  # only for narratives of others

    accepts = _accepts(resource["resourceType"], True)
    text = resource.get("text")
    return accepts is not None and text is not None and accepts([resource]) and not narrative_problems(text["div"])


def _bundle(bundle: dict[str, Any]) -> list[Finding] | None:
    kind, entries = bundle["type"], bundle["entry"]
    if kind not in _KINDS or len(bundle) != 3 or type(entries) is not list or not entries:
        return None
    types: dict[str, str] = {}
    of_type: dict[str, list[Any]] = {}
    for entry in entries:
        resource, url = entry["resource"], entry["fullUrl"]
        types[url] = type_name = resource["resourceType"]
        of_type.setdefault(type_name, []).append(resource)
        if kind == "transaction":
            own, request = resource["id"], entry["request"]
            # The id is that of the fullUrl: so two entries with one id have one fullUrl too, and are counted below.
            if url[9:] != own or request["url"] != f"{type_name}/{own}" or request["method"] != "PUT":
                return None
            if len(request) != 2 or len(entry) != 3:
                return None
        elif len(entry) != 2:
            return None
    if len(types) != len(entries) or not _UUIDS(" ".join(types)):
        return None
    for type_name, resources in of_type.items():
        _look_at(resources, type_name, types)
    return [
        finding
        for position, entry in enumerate(entries)
        if "text" not in entry["resource"] or entry["resource"]["resourceType"] == "Condition"
        for finding in _recommended(entry["resource"], ("entry", position, "resource"))
    ]


def settled_entries(bundle: Any) -> tuple[frozenset[Path], list[Finding]]:
    """The paths of the resources of a Bundle with which the exact check need not deal, and what there is to say of them.

    Of a document or message every resource counts: their entries have to do with each other.
    """
    settled: set[Path] = set()
    found: list[Finding] = []
    entries = bundle.get("entry") if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle" else None
    if not isinstance(entries, list) or bundle.get("type") in ("document", "message"):
        return frozenset(), found
    held: list[tuple[Any, Any]] = [(one.get("fullUrl"), one.get("resource")) if isinstance(one, dict) else (None, None) for one in entries]
    types = {url: str(one.get("resourceType")) for url, one in held if isinstance(url, str) and isinstance(one, dict)}
    for position, (_, resource) in enumerate(held):
        path = ("entry", position, "resource")
        try:
            _look_at([resource], resource["resourceType"], types)
            found += _recommended(resource, path)
        except (NotPlainError, ValueError, TypeError, AttributeError, KeyError):
            continue
        settled.add(path)
    return frozenset(settled), found
