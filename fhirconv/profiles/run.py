"""What one check of a resource carries along: what it found, what it could not check, and what it knows already."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from fhirconv.profiles.definitions import Node
from fhirconv.profiles.items import Item, root_item
from fhirconv.profiles.value_sets import ValueSet
from fhirconv.validation.finding import Finding

Json = dict[str, Any]
Lookup = Callable[[str, Json], Json | None]
Canonical = str


_DEEPEST = 20  # resources, each held against a profile because another refers to it


class NotChecked(NamedTuple):
    """Something that a profile asks and that could not be checked: `what`, and `why` in plain words."""

    what: str
    why: str


class Known(Protocol):
    """What checks ask of the definitions at hand."""

    def profile(self, canonical: Canonical) -> Profile | None:
        """The compiled profile; None when no package has it or it cannot be used."""

    def type_of(self, canonical: Canonical) -> str:
        """The type that a profile is of, even if its definition is not at hand; '' when nobody says."""

    def value_set(self, canonical: Canonical) -> ValueSet | None:
        """The compiled value set; None when no package has it."""


class Profile(Protocol):
    """A compiled profile."""

    url: str
    name: str
    type: str
    tree: Node

    def check(self, item: Item, run: Run) -> None:
        """Report what is wrong with `item` to `run`."""

    def is_met(self, value: Any, fhir_type: str, run: Run) -> bool:
        """Whether there is surely nothing to say of a value, as a glance tells."""


@dataclass(slots=True)
class Run:
    """One check of one resource. `shared`, common to all runs of one call, is what was concluded about resources."""

    known: Known
    lookup: Lookup
    resource: Json
    root: Json | None = None  # what contains the resource, if something does
    findings: list[Finding] = field(default_factory=list)
    not_checked: dict[NotChecked, None] = field(default_factory=dict)
    shared: dict[tuple[int, Canonical], list[Finding]] = field(default_factory=dict)
    fitting: set[tuple[int, object]] = field(default_factory=set)  # resources, with the checks that they passed as targets
    depth: int = 0
    env: Any = None  # of fhirconv.fhirpath: made when the first invariant is checked

    def report(self, rule: str, message: str, item: Item, severity: str = "") -> None:
        """Note a finding about `item`."""
        self.findings.append(Finding(rule, message, item.path, severity))

    def skip(self, what: str, why: str) -> None:
        """Note, once, what could not be checked."""
        self.not_checked[NotChecked(what, why)] = None

    def resolve(self, value: Any) -> Json | None:
        """The resource that a Reference leads to, if it can be found."""
        reference = value.get("reference") if isinstance(value, dict) else None
        return self.lookup(reference, self.resource) if isinstance(reference, str) else None

    def check_claim(self, item: Item, profile: Profile) -> None:
        """Check a resource against a profile that it claims; what others that refer to it ask is then known."""
        start = len(self.findings)
        profile.check(item, self)
        found = [finding for finding in self.findings[start:] if is_error(finding)]
        depth = len(item.path)
        self.shared[id(item.value), profile.url] = [each._replace(path=each.path[depth:]) for each in found]

    def errors_of(self, resource: Json, profile: Profile) -> list[Finding]:
        """The errors of another resource against a profile; a circle of references is taken to be right."""
        key = (id(resource), profile.url)
        if key not in self.shared:
            if self.depth >= _DEEPEST:
                self.skip(profile.url, f"references are followed {_DEEPEST} deep, and no further")
                return []
            self.shared[key] = []
            self.shared[key] = self._errors(root_item(resource), profile, resource)
        return self.shared[key]

    def errors_at(self, item: Item, profile: Profile) -> list[Finding]:
        """The errors of a part of this resource against a profile, not reported."""
        return self._errors(item, profile, self.resource)

    def _errors(self, item: Item, profile: Profile, resource: Json) -> list[Finding]:
        inner = Run(self.known, self.lookup, resource, not_checked=self.not_checked, shared=self.shared)
        inner.depth = self.depth + 1
        profile.check(item, inner)
        return [finding for finding in inner.findings if is_error(finding)]


def is_error(finding: Finding) -> bool:
    """Whether a finding makes a resource wrong; warnings carry their severity."""
    return finding.severity in ("", "error")


def once(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in their order, each once: an element and its slice may ask the same."""
    return list(dict.fromkeys(findings))
