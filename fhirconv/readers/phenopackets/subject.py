"""Individual and VitalStatus: the patient, and what only a finding or an event can say of one.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/individual.html
"""

from __future__ import annotations

import re
from typing import Any

from fhirconv.issues import shown
from fhirconv.readers.phenopackets.maker import Maker, Read, joined
from fhirconv.readers.phenopackets.terms import curie_of, said, term
from fhirconv.readers.phenopackets.times import dated, when
from fhirconv.readers.phenopackets.tree import Node

HUMAN = "NCBITaxon:9606"
_SEXES = {"FEMALE": "female", "MALE": "male", "OTHER_SEX": "other", "UNKNOWN_SEX": "unknown"}
_STATUSES = {"ALIVE": "alive", "DECEASED": "deceased"}


def make_patient(maker: Maker) -> None:
    """The patient of the packet, who is there even if nothing is said of them."""
    subject = maker.packet.one("subject")
    if subject is None:
        maker.state("patient", maker.packet)
        return
    name = subject.text("id")
    birth_date, birth = _birth(subject)
    identifiers, others = _identifiers(maker, subject)
    age, age_at = _age(maker, subject.one("timeAtLastEncounter"))
    note = joined(f"subject {name}" if name else "", *others, birth)
    maker.state(
        "patient", subject, identifiers=identifiers, sex=_SEXES.get(subject.text("sex")), birth_date=birth_date,
        age=age, age_at=age_at, **_vital(maker, subject.one("vitalStatus")), note=note,
    )  # fmt: skip
    _findings(maker, subject)
    check_species(maker, subject)


def check_species(maker: Maker, node: Node) -> None:
    """Warns of a subject or a sample that is not human: a case is about a patient."""
    species = node.one("taxonomy")
    words = said(species)
    if species and curie_of(species).casefold() != HUMAN.casefold():
        message = f"{shown(words)} is not {HUMAN}, a human being; the case is written as that of a patient"
        maker.warn("value-choice", message, species.pointer)
    if species:
        maker.curies.coding(curie_of(species), species.place("id"))


def _birth(subject: Node) -> tuple[Read | None, str]:
    """The date of birth and what it leaves out.

    The schema rounds down: midnight on the first of January may be any day of the year, on the first of a month any day
    of the month. So only what is certain is stated, and the words go beside it.
    """
    words = subject.text("dateOfBirth")
    if not words:
        return None, ""
    day = words[:10]
    is_round = isinstance(dated(words), dict)
    known = re.sub("-01$", "", re.sub("-01-01$", "", day)) if is_round else day
    note = "" if known == words or (is_round and known == day) else f"date of birth {words}"
    return Read(known, subject.place("dateOfBirth")), note


def _identifiers(maker: Maker, subject: Node) -> tuple[Any, list[str]]:
    """Other ids that are CURIEs of a known prefix, and the rest as remarks."""
    identifiers, others = [], []
    for name in subject.values("alternateIds"):
        coding = maker.curies.coding(name, subject.place("alternateIds"))
        if coding.get("system", "").startswith(("http:", "https:", "urn:")):
            identifiers.append({"system": coding["system"], "value": coding["code"]})
        else:
            others.append(f"also known as {name}")
    return identifiers, others


def _age(maker: Maker, node: Node | None) -> tuple[Any, Any]:
    """The age at the last encounter and the words for it; another kind of time is an event."""
    read = when(maker, node)
    if node is None or read is None:
        return None, None
    if isinstance(read.value, dict) and "age" in read.value:
        return Read(read.value["age"], node.pointer), {"text": f"last encounter: {read.value['text']}"}
    maker.add("events", node, "", id=maker.free_id("last-encounter"), name="last encounter", at=read)
    return None, None


def _vital(maker: Maker, status: Node | None) -> dict[str, Any]:
    """Whether the patient lives, and the date of death; another kind of time of death is an event."""
    if status is None:
        return {}
    made: dict[str, Any] = {"vital_status": _STATUSES.get(status.text("status"))}
    death = status.one("timeOfDeath")
    if death and made["vital_status"] == "deceased" and (moment := death.value("timestamp")):
        value = dated(moment)
        made["died"] = Read(value["date"] if isinstance(value, dict) else value, death.pointer)
    elif death:
        maker.add("events", death, "death", id=maker.free_id("death"), name="death", at=when(maker, death))
    return made


def _findings(maker: Maker, subject: Node) -> None:
    """What is said of the patient and has no field there."""
    karyotype = subject.text("karyotypicSex").removesuffix("_KARYOTYPE")
    if karyotype:
        result = Read(karyotype.casefold() if len(karyotype) > 4 else karyotype, subject.place("karyotypicSex"))
        maker.add("findings", subject, "karyotypic-sex", finding="karyotypic sex", result=result)
    if gender := subject.one("gender"):
        maker.add("findings", gender, "gender", finding="self-identified gender", result=term(maker, gender))
    status = subject.one("vitalStatus")
    if status and (cause := status.one("causeOfDeath")):
        maker.add("findings", cause, "cause-of-death", finding="cause of death", result=term(maker, cause))
    days = status.value("survivalTimeInDays") if status else None
    if status and days is not None:
        maker.add(
            "findings", status, "survival-time", finding="survival time after the primary diagnosis",
            value=Read(days, status.place("survivalTimeInDays")), unit="d",
        )  # fmt: skip


def same_subject(maker: Maker, node: Node, name: str) -> bool:
    """Whether an id names the subject, or there is none; warns of another."""
    stated, subject = node.text(name), maker.packet.one("subject")
    known = subject.text("id") if subject else ""
    if stated and known and stated != known:
        message = f"{shown(stated)} is not the subject of the packet, {shown(known)}; check whose it is"
        maker.warn("reference-unknown", message, node.place(name))
        return False
    return True
