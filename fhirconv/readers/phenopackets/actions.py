"""MedicalAction: medications, regimens, procedures and radiotherapy, with target, response and adverse events.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/medical-action.html
"""

from __future__ import annotations

from typing import Any

from fhirconv.readers.phenopackets.clinical import disease_of
from fhirconv.readers.phenopackets.maker import Made, Maker, Read, joined
from fhirconv.readers.phenopackets.procedures import make_procedure, procedure_fields
from fhirconv.readers.phenopackets.terms import (
    amount,
    curie_of,
    quantity_words,
    reference,
    said,
    site,
    term,
    unit,
)
from fhirconv.readers.phenopackets.times import dated, when
from fhirconv.readers.phenopackets.tree import Node

_REGIMEN_STATUSES = {"STARTED": "in-progress", "COMPLETED": "completed", "DISCONTINUED": "stopped"}


def make_actions(maker: Maker) -> None:
    """The medical actions of the packet."""
    for node in maker.packet.all("medicalActions"):
        common = _common(maker, node)
        made, words = _make_action(maker, node, common)
        if made:
            _make_response(maker, node, words)
            _make_adverse_events(maker, node, made, words)
        else:
            maker.document.add("missing-key", "has no action: one of procedure, treatment, radiationTherapy, "
                               "therapeuticRegimen is required", node.pointer)  # fmt: skip


def _common(maker: Maker, node: Node) -> dict[str, Any]:
    """What is said of any action. A reason why it ended means that it was stopped."""
    target, disease = node.one("treatmentTarget"), disease_of(maker, node.one("treatmentTarget"))
    target_term = term(maker, target)
    ended = term(maker, node.one("treatmentTerminationReason"))
    return {
        "status": "stopped" if ended else None,
        "status_reason": ended,
        "for_": disease.id if disease else None,
        "reason": None if disease else target_term,
        "note": said(node.one("treatmentIntent"), "intent"),
    }


def _make_action(maker: Maker, node: Node, common: dict[str, Any]) -> tuple[Made | None, str]:
    """The fact that an action is (the first, if it is a drug in several courses), and what it is in words."""
    if treatment := node.one("treatment"):
        return _make_medications(maker, treatment, common), said(treatment.one("agent"))
    if radiation := node.one("radiationTherapy"):
        return _make_radiation(maker, radiation, common), said(radiation.one("modality"))
    if regimen := node.one("therapeuticRegimen"):
        return _make_regimen(maker, regimen, common)
    if procedure := node.one("procedure"):
        fields = procedure_fields(maker, procedure)
        stated = {key: field for key, field in common.items() if field}
        return make_procedure(maker, procedure, fields | stated), said(procedure.one("code"))
    return None, ""


def _make_medications(maker: Maker, node: Node, common: dict[str, Any]) -> Made | None:
    """A medication for each course of one dose. Whether a course that ended was completed, the packet does not say."""
    agent = node.one("agent")
    kind = node.text("drugType")
    note = joined(
        common["note"],
        f"drug type {kind}" if kind and not kind.startswith("UNKNOWN") else "",
        quantity_words(node.one("cumulativeDose"), "cumulative dose"),
    )
    fields = common | {
        "drug": term(maker, agent),
        "status": common["status"] or "unknown",
        "route": term(maker, node.one("routeOfAdministration")),
        "note": note,
    }
    courses = node.all("doseIntervals")
    made = [maker.add("medications", one, curie_of(agent), **fields, **_course(maker, one)) for one in courses]
    return made[0] if made else maker.add("medications", node, curie_of(agent), **fields)


def _course(maker: Maker, node: Node) -> dict[str, Any]:
    quantity, span = node.one("quantity"), node.one("interval")
    dose: dict[str, Any] = {
        "text": joined(quantity_words(quantity), said(node.one("scheduleFrequency"))).replace("; ", ", ")
    }
    if quantity:
        dose |= {"value": amount(quantity), "unit": unit(maker, quantity.one("unit"))}
    start, end = (span.value(name) if span else None for name in ("start", "end"))
    return {
        "start": Read(dated(start), span.place("start")) if span and start else None,
        "end": Read(dated(end), span.place("end")) if span and end else None,
        "dose": Read({key: value for key, value in dose.items() if value not in ("", None)}, node.pointer),
    }


def _make_radiation(maker: Maker, node: Node, common: dict[str, Any]) -> Made:
    """Radiotherapy; the schema gives the total dose in gray."""
    where, side = site(maker, node.one("bodySite"))
    dose, fractions = node.value("dosage"), node.value("fractions")
    fields = common | {
        "procedure": term(maker, node.one("modality")),
        "kind": "radiotherapy",
        "status": common["status"] or "unknown",
        "site": where,
        "laterality": side,
        "amount": None if dose is None else Read({"value": dose, "unit": "Gy"}, node.place("dosage")),
        "note": joined(common["note"], "" if fractions is None else f"{fractions} fractions"),
    }
    return maker.add("procedures", node, curie_of(node.one("modality")), **fields)


def _make_regimen(maker: Maker, node: Node, common: dict[str, Any]) -> tuple[Made, str]:
    named, study = node.one("ontologyClass"), node.one("externalReference")
    words = said(named) or (study.text("description") if study else "") or reference(study) or "regimen"
    name = term(maker, named) or Read(words, (study or node).pointer)
    stated = node.text("regimenStatus")
    made = maker.add(
        "regimens", node, curie_of(named) or words, name=name,
        **common | {
            "status": common["status"] or _REGIMEN_STATUSES.get(stated, "unknown"),
            "note": joined(common["note"], reference(study, "reference")),
        },
        start=when(maker, node.one("startTime")), end=when(maker, node.one("endTime")),
    )  # fmt: skip
    return made, words


def _make_response(maker: Maker, node: Node, words: str) -> None:
    """How the disease answered to an action."""
    response = node.one("responseToTreatment")
    if response:
        disease = disease_of(maker, node.one("treatmentTarget"))
        maker.add(
            "disease_status", response, curie_of(response), of=disease.id if disease else None,
            status=term(maker, response), note=f"response to {words}",
        )  # fmt: skip


def _make_adverse_events(maker: Maker, node: Node, made: Made, words: str) -> None:
    """What the patient suffered from an action. A regimen cannot be a suspect, so it is named in words."""
    is_regimen = node.one("therapeuticRegimen") is not None
    for event in node.all("adverseEvents"):
        maker.add(
            "adverse_events", event, curie_of(event), event=term(maker, event), presence="present",
            suspect=None if is_regimen else made.id, note=f"during {words}" if is_regimen else "",
        )  # fmt: skip
