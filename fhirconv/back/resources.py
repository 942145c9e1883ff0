"""The resources of an input: found, named, and told apart by whether fhirconv made them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from fhirconv.back.reading import Target, leaves
from fhirconv.back.report import Report
from fhirconv.back.shapes import shaped
from fhirconv.document import Document
from fhirconv.r4 import kind_of

_ENTRY = frozenset(("fullUrl", "request", "response", "search", "link"))
_BUNDLE = frozenset(("resourceType", "id", "meta", "type", "total", "link", "timestamp", "entry"))
_META = ("versionId", "lastUpdated", "source", "profile")
_LITERAL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/.*)?")


class Identity(NamedTuple):
    """What our own identifier of a resource says."""

    case: str
    section: str
    key: str
    role: str
    text: str  # the identifier itself


@dataclass(eq=False)
class Resource:
    """One resource on its way back. `rest` is what was not read of it yet."""

    type: str
    data: dict[str, Any]
    urls: tuple[str, ...]
    identity: Identity | None
    rest: dict[str, Any] = field(default_factory=dict)
    case: str = ""
    target: Target | None = None  # the fact that it is of
    unknown: list[str] = field(default_factory=list)  # fields that its fact needs, and it does not say

    def begin(self, own_systems: tuple[str, str]) -> None:
        """Begins to read it, without what holds no statement: its id, what a server says of it, a narrative made of it."""
        rest = {key: value for key, value in self.data.items() if key not in ("resourceType", "id")}
        narrative = rest.get("text")
        if isinstance(narrative, dict) and narrative.get("status") in ("generated", "empty"):
            del rest["text"]
        meta = rest.pop("meta", None)
        if isinstance(meta, dict):
            tags = [tag for tag in _dicts(meta.get("tag")) if tag.get("system") not in own_systems]
            kept = {key: value for key, value in meta.items() if key not in (*_META, "tag")} | (
                {"tag": tags} if tags else {}
            )
            rest |= {"meta": kept} if kept else {}
        self.rest, self.unknown = rest, []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def resources_in(
    documents: Iterable[Document], fact_system: str, report: Report, is_sound: bool = False
) -> Iterator[Resource]:
    """The resources of Bundles, also of Bundles in Bundles, and single ones; what a Bundle says besides is reported.

    Of resources that are sound already the shape is not looked at.
    """
    for document in documents:
        report.issues += document.issues
        data = document.data
        if data is None:
            continue
        if not isinstance(data, dict) or not isinstance(data.get("resourceType"), str):
            document.issues.clear()
            document.add(
                "content-unknown", "is no FHIR resource: expected an object with 'resourceType', as a Bundle is"
            )
            report.issues += document.issues
            continue
        yield from _resources(data, "", fact_system, report, is_sound)


def _resources(
    data: dict[str, Any], full_url: str, fact_system: str, report: Report, is_sound: bool
) -> Iterator[Resource]:
    kind = str(data.get("resourceType"))
    if kind != "Bundle":
        if not is_sound and kind_of(kind) == "resource":
            data = shaped(data, kind, partial(_misshapen, report, kind))
        urls = (full_url, f"{kind}/{data['id']}" if "id" in data else "")
        yield Resource(kind, data, tuple(filter(None, urls)), identity_of(data, fact_system))
        return
    for path in leaves({key: value for key, value in data.items() if key not in _BUNDLE}):
        report.left[kind, path] += 1
    for entry in data.get("entry", ()) if isinstance(data.get("entry"), list) else ():
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("resourceType"), str):
            yield from _resources(inner, str(entry.get("fullUrl", "")), fact_system, report, is_sound)
            entry = {key: value for key, value in entry.items() if key not in ("resource", *_ENTRY)}
        elif isinstance(entry, dict):
            entry = {key: value for key, value in entry.items() if key not in _ENTRY}
        for path in leaves(entry, "entry"):
            report.left[kind, path] += 1


def _misshapen(report: Report, kind: str, path: str) -> None:
    report.left[kind, path] += 1


def identity_of(data: Mapping[str, Any], fact_system: str) -> Identity | None:
    """What fhirconv's own identifier says, from 'identifier' or, where the type cannot be found by one, from a tag."""
    meta = data.get("meta")
    tags = [(tag.get("system"), tag.get("code")) for tag in _dicts(meta.get("tag") if isinstance(meta, dict) else None)]
    named = [(one.get("system"), one.get("value")) for one in _dicts(data.get("identifier"))]
    for system, value in (*named, *tags):
        if system == fact_system and isinstance(value, str) and value.count("/"):
            case, _, identity = value.partition("/")
            identity, _, role = identity.partition("#")
            section, _, key = identity.partition("/")
            return Identity(case, section, key, role, value)
    return None


def literal(reference: str) -> str:
    """'Type/id' of a reference by address, without server and version; else the reference itself."""
    found = _LITERAL.fullmatch(reference)
    return found[1] if found and not reference.startswith("urn:") else reference
