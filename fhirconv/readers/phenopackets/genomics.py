"""Interpretation: diagnoses, and the variants and genes that they rest on, in words.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/interpretation.html
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirconv.readers.phenopackets.clinical import disease_of, kind_of
from fhirconv.readers.phenopackets.maker import Made, Maker, Read, joined
from fhirconv.readers.phenopackets.subject import same_subject
from fhirconv.readers.phenopackets.terms import curie_of, said, term
from fhirconv.readers.phenopackets.tree import Node

# What a progress status says of a diagnosis that is no disease of the packet
_VERIFICATIONS = {
    "SOLVED": "confirmed",
    "IN_PROGRESS": "provisional",
    "COMPLETED": "unconfirmed",
    "UNSOLVED": "unconfirmed",
}


def make_interpretations(maker: Maker) -> None:
    """The interpretations of the packet."""
    for node in maker.packet.all("interpretations"):
        progress, diagnosis = node.text("progressStatus"), node.one("diagnosis")
        remark = joined(_worded(progress), node.text("summary"))
        if diagnosis is None:
            if remark:
                maker.add("findings", node, "interpretation", finding="genomic interpretation", result=remark)
            continue
        said(diagnosis.one("disease"))  # of a disease of the packet the name stands there
        disease = disease_of(maker, diagnosis.one("disease")) or _make_condition(maker, diagnosis, progress)
        for call in diagnosis.all("genomicInterpretations"):
            _make_call(maker, call, disease, f"interpretation: {remark}" if remark else "")


def _make_condition(maker: Maker, diagnosis: Node, progress: str) -> Made | None:
    """A condition of a diagnosis that the packet does not list among its diseases."""
    name = diagnosis.one("disease")
    if name is None:
        return None
    made = maker.add(
        "conditions", diagnosis, curie_of(name), kind=kind_of(maker, name), name=term(maker, name),
        verification=_VERIFICATIONS.get(progress),
    )  # fmt: skip
    return maker.diseases.setdefault(curie_of(name), made)


def _make_call(maker: Maker, node: Node, disease: Made | None, remark: str) -> None:
    """A gene or a variant. What it was found in is a specimen of the packet, or the subject."""
    variant, gene = node.one("variantInterpretation"), node.one("gene")
    name, *others = _variant_names(variant.one("variationDescriptor")) if variant else _gene_names(gene)
    found_in = node.text("subjectOrBiosampleId")
    specimen = maker.specimens.get(found_in)
    owner = "" if specimen or same_subject(maker, node, "subjectOrBiosampleId") else f"found in {found_in}"
    action = _worded(variant.text("therapeuticActionability")) if variant else ""
    maker.add(
        "pathology",
        node,
        name,
        test="genetic variant" if variant else "gene of interest",
        result=Read(name, node.pointer),
        absent=None if name else {"reason": "unknown", "text": "the packet does not say which"},
        interpretation=_worded(variant.text("acmgPathogenicityClassification")) if variant else "",
        specimen=specimen.id if specimen else None,
        of=disease.id if disease else None,
        note=joined(*others, _worded(node.text("interpretationStatus")), action, owner, remark),
    )


def _worded(enum: str) -> str:
    """The word of an enum; '' for those that say nothing."""
    says_nothing = enum.startswith(("UNKNOWN", "NOT_PROVIDED", "unspecified"))
    return "" if says_nothing else enum.replace("_", " ").casefold()


def _variant_names(node: Node | None) -> Iterator[str]:
    """What says which variant it is, the best name first ('' if nothing does); then what else is said of it."""
    if node is None:
        yield ""
        return
    name, gene = node.text("id"), " ".join(_gene_names(node.one("geneContext")))
    written = [_expression(one) for one in node.all("expressions")]
    kinds = [said(node.one("structuralType"))]
    record = _record(node.one("vcfRecord"))
    candidates = [node.text("label"), node.text("description"), *written, *kinds, record, gene]
    stated = [one for one in candidates if one]
    yield from (
        [*stated, f"id {name}" if name else ""] if stated else [joined(name, _computable(node)).replace("; ", ": ", 1)]
    )
    yield said(node.one("allelicState"), "allelic state")
    molecule = _worded(node.text("moleculeContext"))
    yield f"molecule: {molecule}" if molecule else ""
    yield from (f"also {label}" for label in node.values("alternateLabels"))
    yield from (f"see {xref}" for xref in node.values("xrefs"))
    yield from (" ".join(filter(None, (one.text("name"), one.text("value")))) for one in node.all("extensions"))


def _computable(node: Node) -> str:
    """The computable form (VRS) in words, for a variant that has no others: 'sequenceId refseq:NC_000013.14, number 1'."""
    values = ((leaf.pointer.removesuffix("/value").rpartition("/")[2], leaf.read()) for leaf in node.open("variation"))
    return ", ".join(f"{name} {value}" for name, value in values)


def _expression(node: Node) -> str:
    """A variant as written in a nomenclature: 'NM_000321.2:c.958C>T (hgvs.c)'."""
    syntax = " ".join(filter(None, (node.text("syntax"), node.text("version"))))
    return " ".join(filter(None, (node.text("value"), f"({syntax})" if syntax else "")))


def _record(node: Node | None) -> str:
    """A variant as a line of a VCF file has it: 'GRCh38 chr13:48367512 C>T'."""
    if node is None or not node.parts:
        return ""
    change = f"{node.text('chrom')}:{node.text('pos')} {node.text('ref')}>{node.text('alt')}"
    return " ".join(filter(None, (node.text("genomeAssembly"), change, node.text("id"))))


def _gene_names(node: Node | None) -> Iterator[str]:
    if node is None:
        yield ""
    else:
        symbol, name = node.text("symbol"), node.text("valueId")
        yield f"{symbol} ({name})" if symbol and name else symbol or name
        if about := node.text("description"):
            yield about
