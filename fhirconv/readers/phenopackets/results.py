"""Measurement: laboratory results, findings and, of a biosample, results of pathology.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/measurement.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from fhirconv.issues import shown
from fhirconv.readers.phenopackets.maker import Made, Maker, Read, joined
from fhirconv.readers.phenopackets.procedures import find_or_make
from fhirconv.readers.phenopackets.terms import amount, curie_of, range_words, said, term, unit
from fhirconv.readers.phenopackets.times import when
from fhirconv.readers.phenopackets.tree import Node

# What is measured in a body fluid, or per volume of one, is a laboratory's; LOINC's names say so, and units do.
_FLUID = re.compile(
    r"/vol(?:ume)?\]|\b(?:in|of) (?:serum|plasma|blood|urine|csf|cerebral spinal fluid|red blood cells)\b", re.I
)
_PER_VOLUME = re.compile(r"/\S*[LlL]$|/mm3$")
_NAMES = {"labs": "analyte", "findings": "finding", "pathology": "test"}


class _Result(NamedTuple):
    """One result: what was measured, its value, and a remark."""

    about: Node
    quantity: Node | None
    words: Node | None
    remark: str


def make_measurements(maker: Maker, around: Node, specimen: Made | None = None) -> None:
    """The measurements of a packet, or those of a biosample."""
    for node in around.all("measurements"):
        for result in _results(node):
            _make(maker, node, result, specimen)


def _results(node: Node) -> list[_Result]:
    assay = node.one("assay")
    parts = node.one("complexValue")
    if assay is None:
        return []
    if parts is not None and parts.all(
        "typedQuantities"
    ):  # each quantity has a name of its own; the assay holds them together
        whole = said(assay, "part of")
        return [
            _Result(kind, part.one("quantity"), None, whole)
            for part in parts.all("typedQuantities")
            if (kind := part.one("type"))
        ]
    value = node.one("value")
    return [_Result(assay, value.one("quantity") if value else None, value.one("ontologyClass") if value else None, "")]


def _make(maker: Maker, node: Node, result: _Result, specimen: Made | None) -> None:
    section = "pathology" if specimen else "labs" if _is_lab(maker, result) else "findings"
    fields: dict[str, Any] = {_NAMES[section]: term(maker, result.about)}
    fields |= _value(maker, result) | {"specimen": specimen.id if specimen else None}
    remark = result.remark
    if procedure := find_or_make(maker, node.one("procedure")):
        if section == "findings":
            fields["procedure"] = procedure.id
        else:  # which have no field for it
            remark = joined(remark, f"by procedure {procedure.id}")
    maker.add(
        section, node, curie_of(result.about), **fields, at=when(maker, node.one("timeObserved")),
        note=joined(node.text("description"), remark),
    )  # fmt: skip


def _value(maker: Maker, result: _Result) -> dict[str, Any]:
    if result.words is not None:
        return {"result": term(maker, result.words)}
    if result.quantity is None or amount(result.quantity) is None:
        return {"absent": {"reason": "unknown", "text": "the packet states no value"}}
    quantity = result.quantity
    limits = quantity.one("referenceRange")
    return {
        "value": Read(amount(quantity), quantity.place("value")),
        "unit": Read(unit(maker, quantity.one("unit")), quantity.place("unit")),
        "reference_range": _range(maker, quantity, limits) if limits else None,
    }


def _range(maker: Maker, quantity: Node, limits: Node) -> Read:
    """A reference range; in words if its unit is not that of the value."""
    of_value, of_range = quantity.one("unit"), limits.one("unit")
    if of_value and of_range and curie_of(of_value) != curie_of(of_range):
        message = (
            f"the reference range is in {shown(curie_of(of_range))}, the value in {shown(curie_of(of_value))}; "
            "the range is kept as text"
        )
        maker.warn("unit-unknown", message, of_range.pointer)
        return Read({"text": range_words(limits)}, limits.pointer)
    if of_range:
        said(of_range)  # the same unit, which stands with the value
    ends = {"low": limits.value("low"), "high": limits.value("high")}
    return Read({end: value for end, value in ends.items() if value is not None}, limits.pointer)


def _is_lab(maker: Maker, result: _Result) -> bool:
    """Whether a measurement is a laboratory's: by our table of analytes, its name or its unit."""
    label, of_value = result.about.text("label"), result.quantity.one("unit") if result.quantity else None
    code = maker.curies.coding(curie_of(of_value), of_value.place("id")).get("code", "") if of_value else ""
    return bool(
        _FLUID.search(label) or _PER_VOLUME.search(code) or (label and maker.tables.concepts["labs"].find(label))
    )
