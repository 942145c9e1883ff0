"""The resources of an input: found, named, and told apart by whether fhirconv made them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirconv.back.reading import Target, leaves
from fhirconv.back.report import Report, Where
from fhirconv.back.shapes import shaped
from fhirconv.document import Document
from fhirconv.r4 import kind_of

_ENTRY = frozenset(("fullUrl", "request", "response", "search", "link"))
_BUNDLE = frozenset(("resourceType", "id", "meta", "type", "total", "link", "timestamp", "entry"))
_META = ("versionId", "lastUpdated", "source", "profile")
_LITERAL = re.compile(r"(https?://.+/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/.*)?")


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
    identity: Identity | None
    where: Where
    scope: str = ""  # what the names of one input begin with
    url: str = ""  # the full URL of its entry
    rest: dict[str, Any] = field(default_factory=dict)
    case: str = ""
    target: Target | None = None  # the fact that it is of
    unknown: list[str] = field(default_factory=list)  # fields that its fact needs, and it does not say

    @functools.cached_property
    def base(self) -> str:
        """The address of the server that its full URL names; '' for none."""
        return literal_parts(self.url)[0]

    @property
    def is_apart(self) -> bool:
        """Whether it has a full URL that names no server: its relative references mean resources of the same Bundle."""
        return bool(self.url) and not self.base

    @property
    def name(self) -> str:
        """What tells it from all others."""
        if self.url:
            return "".join(literal_parts(self.url)) or self.url
        return f"{self.type}/{self.data['id']}" if "id" in self.data else f"{self.scope}{self.where.pointer}"

    def begin(self, own_systems: tuple[str, str]) -> None:
        """Begins to read it."""
        self.rest, self.unknown = self.content(own_systems), []

    def content(self, own_systems: tuple[str, str]) -> dict[str, Any]:
        """It without what holds no statement: its id, what a server says of it, a narrative made of it."""
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
        return rest


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def resources_in(
    documents: Iterable[Document], fact_system: str, report: Report, is_sound: bool = False
) -> Iterator[Resource]:
    """The resources of Bundles, also of Bundles in Bundles, and single ones; what a Bundle says besides is reported.

    Of resources that are sound already the shape is not looked at.
    """
    for number, document in enumerate(documents, 1):
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
        found = _resources(data, Where(document, ""), "", report, is_sound)
        for one in found:
            one.identity, one.scope = identity_of(one.data, fact_system), f"{number}#"
            yield one


def _resources(data: dict[str, Any], where: Where, url: str, report: Report, is_sound: bool) -> Iterator[Resource]:
    kind = str(data.get("resourceType"))
    if kind != "Bundle":
        if not is_sound and kind_of(kind) == "resource":
            data = shaped(data, kind, lambda path: report.note("left", kind, path, where))
        yield Resource(kind, data, None, where, url=url)
        return
    for path in leaves({key: value for key, value in data.items() if key not in _BUNDLE}):
        report.note("left", kind, path, where)
    for number, entry in enumerate(data.get("entry", ()) if isinstance(data.get("entry"), list) else ()):
        here = where.below(f"entry/{number}")
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("resourceType"), str):
            yield from _resources(inner, here.below("resource"), str(entry.get("fullUrl", "")), report, is_sound)
            entry = {key: value for key, value in entry.items() if key not in ("resource", *_ENTRY)}
        elif isinstance(entry, dict):
            entry = {key: value for key, value in entry.items() if key not in _ENTRY}
        for path in leaves(entry, "entry"):
            report.note("left", kind, path, here)


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


def literal_parts(reference: str) -> tuple[str, str]:
    """Server ('http://.../') and 'Type/id' of a reference by address, without version; both empty if it is none."""
    found = _LITERAL.fullmatch(reference)
    return (found[1] or "", found[2]) if found else ("", "")
