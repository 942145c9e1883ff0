"""MetaData: who wrote the packet and when, and the publication that it tells of.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/metadata.html
"""

from __future__ import annotations

import re
from typing import Any

from fhirconv.issues import shown
from fhirconv.readers.phenopackets.maker import Maker, Read, joined
from fhirconv.readers.phenopackets.terms import reference
from fhirconv.readers.phenopackets.tree import Node

_IDENTIFIERS = {
    "pmid": re.compile(
        r"(?:PMID:\s?|https?://pubmed\.ncbi\.nlm\.nih\.gov/|https?://www\.ncbi\.nlm\.nih\.gov/pubmed/)([1-9]\d{0,8})/?",
        re.I,
    ),
    "doi": re.compile(r"(?:doi:\s?|https?://(?:dx\.)?doi\.org/)(10\.\d{4,9}/\S+)", re.I),
}
_URL = re.compile(r"https?://\S+")
# What a case id may not hold, and the escape itself
_NOT_IN_ID = re.compile(r"^ | $|(?<= ) |[^\S ]|[/|\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|%(?=[0-9A-Fa-f]{2})")


def case_id(packet_id: str) -> str:
    """A packet's id as the id of a case: what may not stand in one is written as %XX of its UTF-8, so that no two meet."""
    return _NOT_IN_ID.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), packet_id)


def make_case(maker: Maker, meta: Node | None) -> None:
    """The case itself and its source."""
    packet = maker.packet
    fields: dict[str, Any] = {"id": Read(case_id(packet.text("id")), packet.place("id"))}
    if meta is not None:
        version = meta.text("phenopacketSchemaVersion")
        if version and not re.match(r"2(\.|$)", version):
            message = f"{shown(version)} is not version 2; the packet is read as one of version 2"
            maker.warn("content-unknown", message, meta.place("phenopacketSchemaVersion"))
        sender = meta.text("submittedBy")
        created = meta.text("created")
        fields |= {
            "recorded": Read(created, meta.place("created")) if "T" in created else None,
            "curator": meta.text("createdBy"),
            "note": joined(
                f"created {created}" if created and "T" not in created else "",
                f"submitted by {sender}" if sender else "",
                *map(_update, meta.all("updates")),
            ),
        }
    maker.state("case", packet, **fields)
    if meta is not None:
        _make_source(maker, meta)


def _update(node: Node) -> str:
    words = " ".join(filter(None, (node.text("timestamp"), node.text("updatedBy"))))
    comment = node.text("comment")
    return f"updated {words}" + (f": {comment}" if comment else "")


def _make_source(maker: Maker, meta: Node) -> None:
    """The first reference is the source, the others stand in its note."""
    references = meta.all("externalReferences")
    if not references:
        return
    first, *others = references
    named = [first.text("id"), first.text("reference")]
    fields: dict[str, Any] = {"title": first.text("description")}
    rest = []
    for words in filter(None, named):
        matches = {field: match[1] for field, pattern in _IDENTIFIERS.items() if (match := pattern.fullmatch(words))}
        if _URL.fullmatch(words):
            matches["url"] = words
        if not matches or any(fields.setdefault(field, value) != value for field, value in matches.items()):
            rest.append(words)
    maker.state("source", first, **fields, note=joined(*rest, *(reference(other, "also") for other in others)))
