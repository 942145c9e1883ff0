"""Which resource a reference leads to, and which patient it means.

A resource is known by its absolute address (https://hl7.org/fhir/R4/bundle.html#references): the full URL of its entry; a
relative reference is resolved against the base of the entry that it stands in. Without full URLs, 'Type/id' is the name.
So 'Patient/1' of one server is never that of another.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from fhirconv.back.resources import Resource, literal_parts

OwnSystems = tuple[str, str]  # of the identifiers that fhirconv makes: of facts, of cases


class Names:
    """The names of resources that may refer to each other. A name of two that differ leads to none of them."""

    def __init__(self, resources: Iterable[Resource], own_systems: OwnSystems) -> None:
        self._own_systems = own_systems
        self._by_name: dict[str, Resource | None] = {}
        self.repeated: set[Resource] = set()  # the same once more, as on two pages of a search
        self.differing: dict[str, tuple[Resource, Resource]] = {}  # patients of one key: the first two
        patients: dict[str, Resource] = {}
        for resource in resources:
            for name in self._names(resource):
                known = self._by_name.setdefault(name, resource)
                if known is not None and not self._is_same(known, resource):
                    self._by_name[name] = None
                elif known is not resource and known is not None and name == resource.name:
                    self.repeated.add(resource)
            if resource.type == "Patient":
                key = self.key_of(resource)
                first = patients.setdefault(key, resource)
                if not self._is_same(first, resource):
                    self.differing.setdefault(key, (first, resource))

    def _names(self, resource: Resource) -> set[str]:
        local = f"{resource.type}/{resource.data['id']}" if "id" in resource.data else ""
        named = {resource.name}
        if local and not resource.base:
            named.add(resource.scope + local)
        if resource.identity:
            named.add(f"{self._own_systems[0]}|{resource.identity.text}")
        return named

    def _is_same(self, one: Resource, other: Resource) -> bool:
        return one is other or (
            one.type == other.type and one.content(self._own_systems) == other.content(self._own_systems)
        )

    def find(self, reference: str, where: Resource) -> Resource | None:
        """The resource that a reference in another one leads to; None if it is not here, or not one alone."""
        return next((found for name in _meant(reference, where) if (found := self._by_name.get(name))), None)

    def key_of(self, patient: Resource) -> str:
        """What tells a patient from all others."""
        return f"{self._own_systems[1]}|{patient.identity.case}" if patient.identity else patient.name

    def patient(self, reference: str, where: Resource) -> str:
        """The key of the patient that a reference means, here or elsewhere; '' if it means none, or not one alone."""
        found = self.find(reference, where)
        if found is not None:
            return self.key_of(found) if found.type == "Patient" else ""
        meant = _meant(reference, where)
        known = [name for name in meant if name in self._by_name]
        if known:
            return known[0] if known[0] in self.differing else ""
        is_patient = literal_parts(reference)[1].startswith("Patient/")
        return meant[0] if is_patient or reference.startswith("urn:") else ""


def _meant(reference: str, where: Resource) -> list[str]:
    """The names that a reference may stand for, the most exact first."""
    base, local = literal_parts(reference)
    if not local:
        return [reference]
    if base or where.base:
        return [(base or where.base) + local]
    return [where.scope + local] if where.is_apart else [local, where.scope + local]


def case_ids(wanted: Mapping[str, str], own_system: str) -> dict[str, str]:
    """An id for each key: the wanted one, with a digest of the key where that is the patient's address on a server.

    So 'Patient/1' of another server, read another day, is never the same case. The digest also tells several apart that
    want the same. Ids of cases that fhirconv made stay as they are.
    """
    often = Counter(wanted.values())
    made = {}
    for key, name in wanted.items():
        is_own = key.startswith(f"{own_system}|")
        is_free = often[name] == 1 and not key.startswith(("http://", "https://"))
        made[key] = name if is_own or is_free else f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    return made


def given_id(resource: Resource) -> str:
    """The id of a resource, or what its full URL ends in; '' for none."""
    return str(resource.data.get("id") or (re.split("[:/]", resource.url)[-1] if resource.url else ""))
