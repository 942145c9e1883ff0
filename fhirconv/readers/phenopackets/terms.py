"""OntologyClass and what is built of it: terms, sites with a side, units, quantities; and the same as words for a note."""

from __future__ import annotations

import re
from typing import Any

from fhirconv.readers.phenopackets.maker import Maker, Read
from fhirconv.readers.phenopackets.tree import Node

_SIDE = re.compile(r"(left|right|bilateral)[ -](?:sided? )?(.+)", re.IGNORECASE)
_SIDES = {"left": "left", "right": "right", "bilateral": "bilateral", "left side": "left", "right side": "right"}


def term(maker: Maker, node: Node | None, words: str = "") -> Read | None:
    """An ontology class as a term: its label as the words, its id as a code of the source.

    Other `words` take the place of the label, which then goes beside the code as its display.
    """
    if node is None:
        return None
    curie, label = node.text("id"), node.text("label")
    coding = maker.curies.coding(curie, node.place("id"))
    if not coding:
        told = _told(label, curie)
        return Read(f"{words} ({told})" if words else told, node.pointer)
    if words and label and words != label:
        coding["display"] = label
    text = words or label
    return Read({"text": text, "codes": [coding]} if text else {"codes": [coding]}, node.pointer)


def curie_of(node: Node | None) -> str:
    """The id of an ontology class; '' if there is none."""
    return node.text("id") if node else ""


def said(node: Node | None, about: str = "") -> str:
    """An ontology class in words: 'Recurrent (HP:0031796)', with what it is about in front; '' if there is none."""
    if node is None:
        return ""
    words = _told(node.text("label"), node.text("id"))
    return f"{about}: {words}" if about else words


def _told(label: str, curie: str) -> str:
    return f"{label} ({curie})" if label and curie else label or curie


def side_of(node: Node | None) -> str:
    """The side that an ontology class names; '' if it names none."""
    return _SIDES.get(node.text("label").strip().casefold(), "") if node else ""


def site(maker: Maker, node: Node | None) -> tuple[Read | None, str]:
    """A part of the body without its side, and the side if the label begins with one."""
    match = _SIDE.fullmatch(node.text("label").strip()) if node else None
    if match is None:
        return term(maker, node), ""
    return term(maker, node, match[2]), match[1].lower()


def unit(maker: Maker, node: Node | None) -> Any:
    """A unit of the unit table, by its UCUM code or else its label; else as text."""
    if node is None:
        return None
    curie, label = node.text("id"), node.text("label")
    coding = maker.curies.coding(curie, node.place("id"))
    for words in (coding.get("code", "") if coding.get("system") == "ucum" else "", label):
        found = maker.tables.units.find(words) if words else None
        if found:
            return found
    return {"text": _told(label, curie)}


def quantity_words(node: Node | None, about: str = "") -> str:
    """A quantity with its range, in words: 'cumulative dose: 200.0 mg/kg'; '' if there is none."""
    if node is None:
        return ""
    unit_node = node.one("unit")
    words = f"{amount(node)} {said(unit_node)}".strip()
    limits = node.one("referenceRange")
    words += f", reference range {range_words(limits)}" if limits else ""
    return f"{about}: {words}" if about else words


def amount(node: Node) -> Any:
    """The value of a quantity; protobuf leaves out a zero. None for one that could not be read, which was noted."""
    return node.value("value") if "value" in node.parts else 0


def range_words(node: Node) -> str:
    """A reference range in words, with its unit."""
    low, high = node.value("low"), node.value("high")
    span = f"{low}-{high}" if low is not None and high is not None else f">={low}" if low is not None else f"<={high}"
    return f"{span} {said(node.one('unit'))}".strip()


def reference(node: Node | None, about: str = "") -> str:
    """An external reference in words; '' if there is none."""
    if node is None:
        return ""
    words = ", ".join(filter(None, (node.text("id"), node.text("reference"), node.text("description"))))
    return f"{about}: {words}" if about and words else words
