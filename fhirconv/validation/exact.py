"""The exact check of a resource: one walk, then references, Bundle rules and invariants over what it met."""

from __future__ import annotations

from typing import Any

from fhirconv.validation.bundles import check_bundles
from fhirconv.validation.datatypes import VISITS
from fhirconv.validation.extensions import once_each
from fhirconv.validation.finding import Finding, Path
from fhirconv.validation.invariants import check_invariants
from fhirconv.validation.references import Index, check_references, index_of
from fhirconv.validation.structure import NOTHING, Settled, Walk, walk_entries, walk_resource
from fhirconv.validation.vitals import check_vitals


def exact_findings(resource: Any, settled: Settled = NOTHING) -> list[Finding]:
    """Everything that base R4 has to say against a resource (JSON data), in the order of the layers.

    Numbers may be int, float or Decimal. What is `settled` is taken to be right. Nothing is raised, whatever the value is.
    """
    walk = (walk_entries if settled.is_bundle else walk_resource)(resource, VISITS, settled.paths)
    indexes = _Indexes(walk)
    check_references(walk, indexes)
    check_bundles(walk, indexes)
    check_invariants(walk)
    check_vitals(walk, indexes)
    return once_each(walk.findings)


class _Indexes:
    """The index of the nearest Bundle around a path, each made once."""

    def __init__(self, walk: Walk) -> None:
        bundles = [held for held in walk.resources if held.type == "Bundle"]
        self._made = {held.path: index_of(held.value, walk.resources, held.path) for held in bundles}
        self._none = Index("", {}, {}, {})

    def __call__(self, path: Path) -> Index:
        for length in range(len(path), -1, -1):
            if path[:length] in self._made:
                return self._made[path[:length]]
        return self._none
