"""Stages of cancers out of ontology classes: category, edition and basis as far as the words of the class name them."""

from __future__ import annotations

import re

from fhirconv.issues import shown
from fhirconv.readers.phenopackets.maker import Made, Maker
from fhirconv.readers.phenopackets.terms import curie_of, term
from fhirconv.readers.phenopackets.tree import Node

_CATEGORY = re.compile(r"\b([ycpra]{0,3})([TNM])((?:[0-4][a-e]?\d?|X|is|a)(?:mi)?(?:\([^)\s]+\))?)(?!\w)")
_GROUP = re.compile(r"\bstage ((?:0|I{1,3}V?|IV|[1-4])[A-E]?[1-3]?)\b", re.IGNORECASE)
_EDITION = re.compile(r"\bv(\d{1,2})\b")
_BASES = {"c": "clinical", "p": "pathological"}


def make_stage(maker: Maker, node: Node, of: Made, basis: str) -> None:
    """A stage of the cancer `of`. `basis` is what the field says; a basis in the words counts more, with a warning."""
    category, words, stated = _category(node.text("label"))
    if stated and basis and stated != basis:
        message = f"{shown(node.text('label'))} names a {stated} finding in a field for {basis} ones; read as {stated}"
        maker.warn("value-choice", message, node.pointer)
    maker.add(
        "stages", node, curie_of(node), of=of.id, category=category, stage=term(maker, node, words),
        system=_system(node.text("label")), basis=stated or basis,
    )  # fmt: skip


def _category(label: str) -> tuple[str, str, str]:
    """TNM category ('' for a group), the words for the stage ('' for the label as it is) and the basis that they name."""
    if found := _CATEGORY.search(label):
        prefix, category, rest = found.groups()
        basis = next((_BASES[letter] for letter in prefix if letter in _BASES), "")
        is_plain = prefix in ("", "c", "p")  # 'y' and 'r' say more than the basis: they stay
        return category, f"{category}{rest}" if is_plain else found[0], basis
    group = _GROUP.search(label)
    return "", group[1].upper() if group else "", ""


def _system(label: str) -> str:
    """The staging system that the words name, with its edition: 'AJCC 8', 'TNM v8'."""
    named = re.search(r"\b(AJCC|UICC|FIGO|TNM)\b", label)
    if named is None:
        return ""
    edition = _EDITION.search(label)
    if edition is None:
        return "" if named[1] == "TNM" else named[1]
    return f"TNM v{edition[1]}" if named[1] == "TNM" else f"{named[1]} {edition[1]}"
