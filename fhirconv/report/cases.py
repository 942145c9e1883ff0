"""What a page tells of: each case or Bundle that was given, with all that became of it."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhirconv.back.inputs import pools
from fhirconv.back.report import Report
from fhirconv.back.run import facts_in
from fhirconv.bundle import dump_json
from fhirconv.conversion import Conversion, convert_document
from fhirconv.document import Document
from fhirconv.facts import Case, Fact
from fhirconv.issues import Issue, by_place, has_errors
from fhirconv.mapping import DEFAULT_PROFILE, Mappings
from fhirconv.records import is_resource
from fhirconv.reports import identified
from fhirconv.source import read_value
from fhirconv.validation.layers import BASE, LAYERS, LayerRun
from fhirconv.validation.profiled import ProfileLayer
from fhirconv.validation.run import Validator


@dataclass(frozen=True)
class Given:
    """FHIR that was given in place of case facts, what of it was not read, and how many patients it tells of."""

    bundle: dict[str, Any]
    readback: Report
    patients: int

    @functools.cached_property
    def json(self) -> bytes:
        """The Bundle in the form that `convert` writes."""
        return dump_json(self.bundle, indent=True)


@dataclass(frozen=True)
class CaseReport:
    """One case, and what became of it. `name` is that of its file, with the line where it begins in NDJSON.

    `found` are the findings with the ids that every report of the same run gives them (reports.identified).
    """

    name: str
    conversion: Conversion
    mappings: Mappings
    found: list[tuple[str, Issue]]
    layers: dict[str, LayerRun]
    given: Given | None = None

    @property
    def case_id(self) -> str:
        """The id of the case; its file's name where it has none."""
        return self.conversion.case.id or self.name

    @property
    def issues(self) -> list[Issue]:
        """The findings."""
        return [issue for _, issue in self.found]

    @property
    def profile(self) -> str:
        """The profile that was asked for."""
        return self.mappings.profile

    @property
    def is_ok(self) -> bool:
        """Whether there is a Bundle and nothing in it is an error."""
        return self.conversion.ok and not has_errors(self.issues)

    @functools.cached_property
    def json(self) -> bytes:
        """The Bundle as `convert` writes it to a file, or the one that was given in the same form; nothing if there is none."""
        if self.given:
            return self.given.json
        bundle = self.conversion.bundle
        return dump_json(bundle, indent=True) if bundle is not None else b""

    @property
    def digest(self) -> str:
        """SHA-256 of the Bundle; '' if there is none."""
        return hashlib.sha256(self.json).hexdigest() if self.json else ""

    def fact_of(self, issue: Issue) -> Fact | None:
        """The fact that a finding is about."""
        steps = issue.place.pointer.split("/")
        return self._facts.get("/".join(steps[:3])) or self._facts.get("/".join(steps[:2]))

    @functools.cached_property
    def _facts(self) -> dict[str, Fact]:
        """The facts by their places: in the case or, where FHIR was given, by those of their resources."""
        conversion = self.conversion
        if self.given is None:
            return {fact.pointer: fact for fact in conversion.case.facts}
        made = {entry.id: entry.fact for entry in conversion.build.entries} if conversion.build else {}
        given = enumerate(_resource_ids(self.given.bundle))
        return {f"/entry/{at}": made[name] for at, name in given if isinstance(name, str) and name in made}


def reports_of(documents: Iterable[Document], mappings: Mappings, source: Path | None = None) -> Iterator[CaseReport]:
    """A report for each case and for each patient of each Bundle; what cannot be read at all is a report without facts.

    Bundles come after the cases: single resources, and pages of one answer, may belong together.
    """
    resources = []
    seen: Counter[str] = Counter()
    for document in documents:
        if is_resource(document.data):
            resources.append(document)
        elif not any(issue.rule == "blank-line" for issue in document.issues):
            yield converted(convert_document(document, mappings, source=source), mappings, document.title, seen)
    for pool in pools(resources):
        yield from _given(pool, mappings, seen)


def converted(conversion: Conversion, mappings: Mappings, name: str, seen: Counter[str] | None = None) -> CaseReport:
    """The report of a case that was converted by these mappings; `seen` is what `identified` counted before it."""
    found = identified(conversion.issues, seen)
    return CaseReport(_short(name), conversion, mappings, found, _layers(conversion, mappings.profile))


def _given(pool: list[Document], mappings: Mappings, seen: Counter[str]) -> Iterator[CaseReport]:
    """Reports of the patients that resources tell of; the findings are those about the resources as they were given."""
    checked = [Validator(mappings.profile).check(document) for document in pool]
    issues = by_place(issue for one in checked for issue in one.issues)
    is_bundle = pool[0].data.get("resourceType") == "Bundle" and len(pool) == 1
    bundle = (
        pool[0].data
        if is_bundle
        else {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one.data} for one in pool]}
    )
    readback = Report()
    cases = list(facts_in(pool, mappings, readback))
    issues = by_place([*issues, *readback.issues])
    found = identified(issues, seen)
    name = _short(pool[0].title)
    if not cases:
        yield CaseReport(name, Conversion(None, issues, Case(pool[0])), mappings, found, checked[0].layers)
    given = Given(bundle, readback, len(cases))
    for case in cases:
        conversion = convert_document(read_value(case, name), mappings)
        yield CaseReport(name, conversion, mappings, found, checked[0].layers, given)


def _resource_ids(bundle: Mapping[str, Any]) -> Iterator[Any]:
    """The id of the resource in each entry of a Bundle that anyone may have made."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        yield resource.get("id") if isinstance(resource, dict) else None


def _short(name: str) -> str:
    """A file's name without its folders, which are nobody's business but the writer's."""
    return Path(name).name or "-"


def _layers(conversion: Conversion, profile: str) -> dict[str, LayerRun]:
    """What became of each layer when the case was converted."""
    is_built = conversion.build is not None
    made = {layer.name: LayerRun(layer.name, "not asked for" if layer.asked_by else "not reached") for layer in LAYERS}
    ran = ("input", "mapping", *BASE) if is_built else ("input",)
    made |= {name: LayerRun(name, "ran") for name in ran}
    if profile != DEFAULT_PROFILE:
        bundle = conversion.bundle
        made["profiles"] = (
            ProfileLayer(DEFAULT_PROFILE, ()).run(bundle)[1] if bundle else LayerRun("profiles", "not reached")
        )
    return made
