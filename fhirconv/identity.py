"""The only place that makes identifiers, ids and full URLs: from the case and the fact, never from a position or a value.

The identifier of a resource is `<case id>/<section>/<fact key>[#<role>]` in the identifier system 'fact' of
systems.toml; its id is the version 5 UUID (RFC 9562) of system and identifier.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

# Names the UUIDs of fhirconv among all version 5 UUIDs. Changing it changes every id on every server.
NAMESPACE = uuid.UUID("6f0a1c0e-6d3b-5c57-9a53-0f3f3a1f7c11")

NOT_SEARCHED = frozenset(
    {
        "AdverseEvent",
        "BiologicallyDerivedProduct",
        "CatalogEntry",
        "MedicinalProductIngredient",
        "ObservationDefinition",
        "SubstanceSpecification",
    }
)
"""Types that have identifiers, but no search parameter for them in R4 (searchparameter-registry.html)."""

_SEED = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}  # RFC 9562, section 4.1


def fact_identifier(case_id: str, fact_identity: str, role: str) -> str:
    """The business identifier of the resource that a fact makes in a role ('' for its main one)."""
    return f"{case_id}/{fact_identity}#{role}" if role else f"{case_id}/{fact_identity}"


def resource_id(system: str, identifier: str) -> str:
    """The id of a resource: uuid5(NAMESPACE, '<system>|<identifier>'), three times as fast as uuid.uuid5."""
    return identities(system)(identifier, "")[1]


def identities(system: str, head: str = "") -> Callable[[str, str], tuple[str, str]]:
    """Makes identifier and id of the resources that facts make, each in a role.

    `head` is what their identifiers begin with: fact_identifier(case_id, "", ""). It is hashed once.
    """
    state = _SEED.copy()
    state.update(f"{system}|{head}".encode())
    state_before = state.copy

    def of(fact_identity: str, role: str) -> tuple[str, str]:
        own = f"{fact_identity}#{role}" if role else fact_identity
        state = state_before()
        state.update(own.encode())
        made = state.hexdigest()
        return head + own, f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{_VARIANT[made[16]]}{made[17:20]}-{made[20:32]}"

    return of
