"""PhenotypicFeature and Disease: conditions, and the stages of cancers.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/phenotype.html and disease.html
"""

from __future__ import annotations

import re
from typing import Any

from fhirconv.readers.phenopackets.maker import Made, Maker, joined
from fhirconv.readers.phenopackets.stages import make_stage
from fhirconv.readers.phenopackets.terms import curie_of, reference, said, side_of, site, term
from fhirconv.readers.phenopackets.times import when
from fhirconv.readers.phenopackets.tree import Node

# HPO's terms for sides, https://hpo.jax.org: Right, Left, Bilateral
_SIDE_TERMS = {"HP:0012834": "right", "HP:0012835": "left", "HP:0012832": "bilateral"}

# Words that name a malignant tumour, and words with which they name something else: a risk, a syndrome, a benign one.
_CANCER = re.compile(
    r"\b(cancer|\w*carcinoma|\w*sarcoma|\w*lymphoma|(?:erythro)?leuka?emia|\w*melanoma|\w*myeloma|mesothelioma|seminoma"
    r"|(?:retino|neuro|nephro|hepato|medullo|glio|pancreato|pineo|pneumo)blastoma"
    r"|malignan(?:t|cy)\b.*\b(?:neoplasm|tumou?r)|malignan(?:t neoplasm|t tumou?r|cy))\b",
    re.IGNORECASE,
)
_NO_CANCER = re.compile(
    r"\b(suscept\w*|predispos\w*|syndrome|hereditary|familial|history|risk|benign|pseudo\w+|in situ|no evidence|remission)\b",
    re.IGNORECASE,
)
_SECONDARY = re.compile(r"\b(metastas[ie]s|secondary malignant)\b", re.IGNORECASE)
_CODES = (  # by code system: codes whose form says that they mean a malignant tumour, and its spread
    (("icd-10", "icd-10-cm"), re.compile(r"C7[789]"), "metastasis"),
    (("icd-10", "icd-10-cm"), re.compile(r"C[0-9]"), "primary-cancer"),
    (("icd-o-3",), re.compile(r"\d{4}/6"), "metastasis"),
    (("icd-o-3",), re.compile(r"\d{4}/3"), "primary-cancer"),
)


def make_conditions(maker: Maker) -> None:
    """The diseases of the packet with their stages, then its features."""
    for disease in maker.packet.all("diseases"):
        _make_disease(maker, disease)
    for feature in maker.packet.all("phenotypicFeatures"):
        _make_feature(maker, feature)


def kind_of(maker: Maker, node: Node, is_staged: bool = False) -> str:
    """What kind of condition a disease is: a cancer if its code, its words or a TNM finding say so, else 'other'."""
    coding = maker.curies.coding(node.text("id"), node.place("id"))
    for systems, pattern, kind in _CODES:
        if coding.get("system") in systems and pattern.match(coding["code"]):
            return kind
    label = node.text("label")
    if _SECONDARY.search(label):
        return "metastasis"
    return "primary-cancer" if is_staged or (_CANCER.search(label) and not _NO_CANCER.search(label)) else "other"


def _make_disease(maker: Maker, node: Node) -> None:
    name = node.one("term")
    if name is None:
        return
    tnm, groups = node.all("clinicalTnmFinding"), node.all("diseaseStage")
    kind = kind_of(maker, name, bool(tnm))
    site_term, side = site(maker, node.one("primarySite"))
    laterality = node.one("laterality")
    stated_side, laterality_words = side_of(laterality), said(laterality, "laterality")
    is_cancer = kind == "primary-cancer"
    note = joined(
        "" if stated_side else laterality_words,
        *(() if is_cancer else (said(group, "stage") for group in (*groups, *tnm))),
    )
    made = maker.add(
        "conditions", node, curie_of(name), kind=kind, name=term(maker, name), site=site_term,
        laterality=stated_side or side, **_course(maker, node), note=note,
    )  # fmt: skip
    is_excluded = "verification" in made.data
    maker.diseases.setdefault(curie_of(name), made)
    if is_cancer:
        if not is_excluded:
            maker.cancers.append(made)
        for finding in (*groups, *tnm):
            make_stage(maker, finding, made, "clinical" if finding in tnm else "")


def _make_feature(maker: Maker, node: Node) -> None:
    name = node.one("type")
    if name is None:
        return
    side, remarks = modifiers(node)
    maker.add(
        "conditions", node, curie_of(name), kind="other", name=term(maker, name), laterality=side,
        **_course(maker, node), severity=term(maker, node.one("severity")), note=joined(node.text("description"), *remarks),
    )  # fmt: skip


def _course(maker: Maker, node: Node) -> dict[str, Any]:
    """Whether it was there at all, since when and until when. What ended is resolved, in the schema's own word."""
    resolution = when(maker, node.one("resolution"))
    return {
        "clinical_status": "resolved" if resolution else None,
        "verification": "refuted" if node.value("excluded") else None,
        "onset": when(maker, node.one("onset")),
        "abatement": resolution,
    }


def modifiers(node: Node) -> tuple[str, list[str]]:
    """The side that the modifiers of a feature name, and the others, with the evidence for it, as remarks."""
    side, remarks = "", []
    for modifier in node.all("modifiers"):
        words = said(modifier, "modifier")
        named = _SIDE_TERMS.get(curie_of(modifier)) or side_of(modifier)
        side, words = (named, "") if named and not side else (side, words)
        remarks.append(words)
    for evidence in node.all("evidence"):
        remarks.append(
            joined(said(evidence.one("evidenceCode"), "evidence"), reference(evidence.one("reference"), "reference"))
        )
    return side, remarks


def disease_of(maker: Maker, node: Node | None) -> Made | None:
    """The disease of the packet that an ontology class names by the same id."""
    return maker.diseases.get(curie_of(node)) if node else None
