"""Biosample: the specimen, and what pathology found in it.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/biosample.html
"""

from __future__ import annotations

from fhirconv.readers.phenopackets.clinical import modifiers
from fhirconv.readers.phenopackets.maker import Made, Maker, joined
from fhirconv.readers.phenopackets.procedures import find_or_make
from fhirconv.readers.phenopackets.results import make_measurements
from fhirconv.readers.phenopackets.stages import make_stage
from fhirconv.readers.phenopackets.subject import check_species, same_subject
from fhirconv.readers.phenopackets.terms import curie_of, said, site, term
from fhirconv.readers.phenopackets.times import when, when_words
from fhirconv.readers.phenopackets.tree import Node

_TESTS = (
    ("histologicalDiagnosis", "histological diagnosis"),
    ("tumorProgression", "tumor progression"),
    ("tumorGrade", "tumor grade"),
    ("diagnosticMarkers", "diagnostic marker"),
)
_REMARKS = (("materialSample", "material sample"), ("sampleProcessing", "processing"), ("sampleStorage", "storage"))


def make_samples(maker: Maker) -> None:
    """The biosamples of the packet."""
    for node in maker.packet.all("biosamples"):
        specimen = _make_specimen(maker, node)
        for field, test in _TESTS:
            for result in node.all(field):
                maker.add("pathology", result, test, test=test, result=term(maker, result), specimen=specimen.id)
        for feature in node.all("phenotypicFeatures"):
            _make_feature(maker, feature, specimen)
        make_measurements(maker, node, specimen)
        _make_stages(maker, node, specimen)
        check_species(maker, node)


def _make_specimen(maker: Maker, node: Node) -> Made:
    """The specimen. What kind of material it is says its type; where there is none, the tissue does."""
    name, parent = node.text("id"), node.text("derivedFromId")
    kind, tissue = node.one("sampleType"), node.one("sampledTissue")
    where, side = site(maker, tissue) if kind else (None, "")
    procedure = find_or_make(maker, node.one("procedure"))
    owner = "" if same_subject(maker, node, "individualId") else f"of {node.text('individualId')}"
    made = maker.add(
        "specimens", node, name, type=term(maker, kind or tissue) or "biosample", site=where, laterality=side,
        procedure=procedure.id if procedure else None, collected=when(maker, node.one("timeOfCollection")),
    )  # fmt: skip
    note = joined(
        "" if made.id == name else f"biosample {name}",
        node.text("description"),
        owner,
        f"derived from {parent}" if parent else "",
        *(said(node.one(field), about) for field, about in _REMARKS),
    )
    if note:
        made.data["note"] = note
    maker.specimens.setdefault(name, made)
    return made


def _make_feature(maker: Maker, node: Node, specimen: Made) -> None:
    """What a look at the sample showed, or did not show."""
    side, remarks = modifiers(node)
    maker.add(
        "pathology", node, curie_of(node.one("type")), test=term(maker, node.one("type")),
        result="absent" if node.value("excluded") else "present", specimen=specimen.id, at=when(maker, node.one("onset")),
        note=joined(
            node.text("description"), said(node.one("severity"), "severity"), f"side: {side}" if side else "", *remarks,
            when_words(maker, node.one("resolution"), "resolved"),
        ),
    )  # fmt: skip


def _make_stages(maker: Maker, node: Node, specimen: Made) -> None:
    """Stages go to the cancer of the packet; if it has none or several, they are results of the specimen."""
    for finding in (*node.all("pathologicalStage"), *node.all("pathologicalTnmFinding")):
        if len(maker.cancers) == 1:
            make_stage(maker, finding, maker.cancers[0], "pathological")
        else:
            maker.add(
                "pathology",
                finding,
                curie_of(finding),
                test="pathological stage",
                result=term(maker, finding),
                specimen=specimen.id,
            )
