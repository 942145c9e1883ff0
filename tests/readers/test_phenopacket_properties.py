"""Whatever packet fits the schema: it is read without a fault, each value is accounted for, and what it makes is valid."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhirconv.conversion import convert_document
from fhirconv.mapping import load_mappings
from fhirconv.readers.phenopackets.check import grow
from fhirconv.readers.phenopackets.fields import Field, schema
from fhirconv.readers.phenopackets.reader import read_packet
from fhirconv.source import read_bytes

# Contradictions that are the packet's own: an end before its start, a low end above the high one
CONTRADICTIONS = {"time-order", "number-invalid"}

TEXTS = st.sampled_from(
    ["a", "sample 1", "x/y|z", "é  ö", "PMID:12", "https://example.com/1", "<b>&", "10.1000/x", "p1"]
)
CURIES = st.sampled_from(
    [
        "NCIT:C7541",
        "HP:0012834",
        "LOINC:718-7",
        "UCUM:mg/dL",
        "UO:0000022",
        "MONDO:1",
        "LOCAL:1",
        "none",
        "NCBITaxon:9606",
        "PMID:12",
    ]
)
LABELS = st.sampled_from(
    [
        "Retinoblastoma",
        "Left",
        "left eye",
        "pT3 TNM Finding v8",
        "Stage IIA AJCC v8",
        "milligram",
        "Hemoglobin in Blood",
        "unknown",
    ]
)
AGES = st.sampled_from(["P1Y", "P9Y6M", "P5M15D", "P2W", "P0D", "P1DT2H", "PT5S"])
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "flag": st.booleans(),
    "number": st.sampled_from([0, 1.5, "12.50", 1e3]),
    "whole": st.sampled_from([0, 7, "12"]),
    "time": st.sampled_from(["2020-01-01T00:00:00Z", "2020-03-04T05:06:07.123456789Z", "2020-01-01"]),
    "map": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "open": st.just({"allele": {"curie": "ga4gh:VA.x", "list": [1, True, None]}}),
}
SPECIAL = {("OntologyClass", "id"): CURIES, ("OntologyClass", "label"): LABELS, ("Age", "iso8601duration"): AGES}


@st.composite
def packets(draw: st.DrawFn, message: str = "Phenopacket") -> dict[str, Any]:
    made: dict[str, Any] = {}
    chosen: dict[str, str] = {}
    for field in draw(st.permutations(schema().messages[message].fields)):
        is_free = not field.one or field.one not in chosen
        if is_free and (field.need == "must" or field.one or draw(st.integers(0, 2)) == 0):
            chosen[field.one] = field.name
            made[field.name] = draw(value_of(message, field))
    return made


def value_of(message: str, field: Field) -> st.SearchStrategy[Any]:
    enums = schema().enums
    if (message, field.name) in SPECIAL:
        one: st.SearchStrategy[Any] = SPECIAL[(message, field.name)]
    elif field.type in enums:
        one = st.sampled_from(enums[field.type])
    else:
        one = SCALARS[field.type] if field.type in SCALARS else packets(field.type)
    return st.lists(one, max_size=3) if field.is_list else one


# Without shrinking, which takes minutes; the packet that fails is in the message.
@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)
@given(packets())
def test_any_packet_of_the_schema_is_read_and_accounted_for(packet: dict[str, Any]) -> None:
    document = read_bytes(json.dumps(packet).encode(), "packet.json")
    node = grow(document, "Phenopacket", document.data, "")
    assert node is not None
    made = read_packet(document, node, node, load_mappings().tables)
    assert [leaf.pointer for leaf in node.leaves() if not leaf.is_read and not leaf.none] == []
    result = convert_document(made, load_mappings())
    errors = {issue.rule: issue.text() for issue in result.issues if issue.is_error}
    assert errors.keys() <= CONTRADICTIONS, errors
