"""The fast way: says that nothing is wrong with a resource or Bundle, or that the exact check must look.

It never says that something is wrong, but for two things that R4 recommends. What it passes, the exact check passes
too: the tests hold the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fhirconv.r4 import base_of, resource_types
from fhirconv.rules import rule
from fhirconv.validation.finding import Finding, Path
from fhirconv.validation.plain import NotPlainError
from fhirconv.validation.schemas import is_plain
from fhirconv.validation.shapes import Looks, looks_at
from fhirconv.validation.structure import NOTHING, Settled
from fhirconv.validation.together import Seen

_URN = "urn:uuid:"
_DIGITS = bytes.maketrans(b"123456789abcdef", b"0" * 15)
_URL = b"urn:uuid:00000000-0000-0000-0000-000000000000 ".translate(_DIGITS)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/condition-category"
_NOT_PLAIN = (NotPlainError, ValueError, TypeError, AttributeError, LookupError)  # not what is looked for, or not of its type


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
        _look_at([resource], {})
        return _recommended(resource, ())
    except _NOT_PLAIN:
        return None


def _look_at(resources: Iterable[Any], types: Mapping[str, str], is_known_id: bool = False) -> None:
    """Looks at resources. Raises one of _NOT_PLAIN where the exact check has to decide."""
    seen = Seen(types)
    for one in resources:
        _looks[one["resourceType"]][tuple(one)](one, seen)
        if not is_known_id and "id" in one and not _ID(one["id"]):
            raise NotPlainError
    for type_name, one in seen.unusual():
        looks_at(type_name)[tuple(one)](one, seen)
    seen.check()


class _Types(dict[str, Looks]):
    """The looks at the resource types that were met."""

    def __missing__(self, type_name: str) -> Looks:
        if type_name not in resource_types() or not is_plain(type_name):
            raise NotPlainError
        self[type_name] = looks = looks_at(type_name)
        return looks


_looks = _Types()


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
    for concept in condition.get("category", ()):
        for coding in concept.get("coding", ()):
            if coding.get("code") == "problem-list-item" and coding.get("system") == _CATEGORIES:
                return True
    return False


def _bundle(bundle: dict[str, Any]) -> list[Finding]:
    types, resources = _types(bundle), [entry["resource"] for entry in bundle["entry"]]
    _look_at(resources, types, bundle["type"] == "transaction")
    return [
        finding
        for position, one in enumerate(resources)
        if one["resourceType"] == "Condition" or "text" not in one
        for finding in _recommended(one, ("entry", position, "resource"))
    ]


def _types(bundle: dict[str, Any]) -> dict[str, str]:
    """The types of the entries, by what a reference to each may say, of a Bundle of the form that we make.

    Every entry is a PUT to its own id, or has a full URL and no request. Raises one of _NOT_PLAIN for another Bundle.
    """
    entries = bundle["entry"]
    if len(bundle) != 3 or type(entries) is not list or not entries:
        raise NotPlainError
    types = _TYPES[bundle["type"]](entries)
    if len(types) != len(entries) or not resource_types().issuperset(types.values()):
        raise NotPlainError
    return types


def _collected(entries: list[Any]) -> dict[str, str]:
    """The types of the entries by their full URLs, which are UUIDs."""
    types: dict[str, str] = {}
    for entry in entries:
        types[entry["fullUrl"]] = entry["resource"]["resourceType"]
        if len(entry) != 2:
            raise NotPlainError
    _look_at_urls(types)
    return types


def _sent(entries: list[Any]) -> dict[str, str]:
    """The types of the entries by their full URLs, which are UUIDs and the ids that each is put to."""
    types: dict[str, str] = {}
    for entry in entries:
        resource, url, request = entry["resource"], entry["fullUrl"], entry["request"]
        own = resource["id"]
        types[url] = type_name = resource["resourceType"]
        # Two entries with one id have one full URL too, and are counted.
        if request["url"] != f"{type_name}/{own}" or url != _URN + own:
            raise NotPlainError
        if request["method"] != "PUT" or len(request) != 2 or len(entry) != 3:
            raise NotPlainError
    _look_at_urls(types)
    return types


def _sent_apart(entries: list[Any]) -> dict[str, str]:
    """The types of the entries of a batch by Type/id, to which each is put: a server may do them in any order."""
    types: dict[str, str] = {}
    for entry in entries:
        resource, request = entry["resource"], entry["request"]
        url = request["url"]
        types[url] = type_name = resource["resourceType"]
        if url != f"{type_name}/{resource['id']}" or request["method"] != "PUT" or len(request) != 2 or len(entry) != 2:
            raise NotPlainError
    return types


_TYPES = {"collection": _collected, "transaction": _sent, "batch": _sent_apart}


def _look_at_urls(urls: Mapping[str, str]) -> None:
    """Full URLs: each is one UUID. All digits of all are made 0, which is to give the same words again and again."""
    joined = " ".join(urls) + " "
    if joined.count(_URN) != len(urls) or joined.encode().translate(_DIGITS) != _URL * len(urls):
        raise NotPlainError


def settled_entries(bundle: Any) -> tuple[Settled, list[Finding]]:
    """With what in a Bundle the exact check need not deal, and what there is to say of it.

    Of a document or message every resource counts: their entries have to do with each other.
    """
    entries = bundle.get("entry") if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle" else None
    if not isinstance(entries, list) or bundle.get("type") in ("document", "message"):
        return NOTHING, []
    try:
        types, is_ours = _types(bundle), True
    except _NOT_PLAIN:
        types, is_ours = _stated_types(entries), False
    settled: set[Path] = set()
    found: list[Finding] = []
    for position, entry in enumerate(entries):
        path = ("entry", position, "resource")
        try:
            _look_at([entry["resource"]], types)
            found += _recommended(entry["resource"], path)
        except _NOT_PLAIN:
            continue
        settled.add(path)
    return Settled(frozenset(settled), is_ours), found


def _stated_types(entries: list[Any]) -> dict[str, str]:
    """The types of the entries by their full URLs, whatever else is in the Bundle."""
    held = [(one.get("fullUrl"), one.get("resource")) for one in entries if isinstance(one, dict)]
    stated = [(url, one.get("resourceType")) for url, one in held if isinstance(url, str) and isinstance(one, dict)]
    return {url: name for url, name in stated if isinstance(name, str) and name in resource_types()}
