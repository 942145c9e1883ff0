"""Procedure: one fact for each procedure, however many parts of a packet tell of it.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/procedure.html
"""

from __future__ import annotations

from typing import Any

from fhirconv.readers.phenopackets.maker import Made, Maker, Read
from fhirconv.readers.phenopackets.terms import curie_of, site, term
from fhirconv.readers.phenopackets.times import when
from fhirconv.readers.phenopackets.tree import Node


def find_or_make(maker: Maker, node: Node | None) -> Made | None:
    """The procedure of the packet with the same code, site and time, or a new one."""
    if node is None or node.one("code") is None:
        return None
    fields = procedure_fields(maker, node)
    plain = {key: field.value if isinstance(field, Read) else field for key, field in fields.items()}
    plain = {key: value for key, value in plain.items() if value}
    for made in maker.procedures:
        if all(made.data.get(key) == plain.get(key) for key in ("procedure", "site", "laterality", "at")):
            return made
    return make_procedure(maker, node, fields)


def make_procedure(maker: Maker, node: Node, fields: dict[str, Any]) -> Made:
    """A new procedure."""
    made = maker.add("procedures", node, curie_of(node.one("code")), **fields)
    maker.procedures.append(made)
    return made


def procedure_fields(maker: Maker, node: Node) -> dict[str, Any]:
    """What a Procedure says. It was done if it says when; its kind is told by no field."""
    where, side = site(maker, node.one("bodySite"))
    performed = when(maker, node.one("performed"))
    return {
        "procedure": term(maker, node.one("code")),
        "kind": "other",
        "status": "completed" if performed else "unknown",
        "site": where,
        "laterality": side,
        "at": performed,
    }
