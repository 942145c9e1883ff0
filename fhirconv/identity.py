"""The only place that makes identifiers, ids and full URLs: from the case and the fact, never from a position or a value.

The identifier of a resource is `<case id>/<section>/<fact key>[#<role>]` in the identifier system 'fact' of
systems.toml; its id is the version 5 UUID (RFC 9562) of system and identifier.
"""

from __future__ import annotations

import uuid

import uuid_utils

# Names the UUIDs of fhirconv among all version 5 UUIDs. Changing it changes every id on every server.
NAMESPACE = uuid.UUID("6f0a1c0e-6d3b-5c57-9a53-0f3f3a1f7c11")
_NAMESPACE = uuid_utils.UUID(NAMESPACE.hex)

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


def fact_identifier(case_id: str, fact_identity: str, role: str) -> str:
    """The business identifier of the resource that a fact makes in a role ('' for its main one)."""
    return f"{case_id}/{fact_identity}#{role}" if role else f"{case_id}/{fact_identity}"


def resource_id(system: str, identifier: str) -> str:
    """The id of a resource: uuid5(NAMESPACE, '<system>|<identifier>'), several times as fast as uuid.uuid5."""
    return str(uuid_utils.uuid5(_NAMESPACE, f"{system}|{identifier}"))
