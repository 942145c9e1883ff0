"""The Bundles of benchmarks/convert.py as a programmer would build them by hand for just these cases: no checks, no
mappings, the concepts looked up before. The same resources, ids and narratives, byte for byte.

Uses nothing of fhirconv, so that the peers that have no way of their own to make dicts are given these.
"""

from __future__ import annotations

import hashlib
from html import escape
from typing import Any

UCUM = "http://unitsofmeasure.org"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>%s</b></p>%s</div>'


class ByHand:
    """Builds the Bundle of one case after the other."""

    def __init__(self, tables: dict[str, Any]) -> None:
        """Takes what loads.tables_by_hand gives."""
        self.system = tables["system"]
        self.case_system = tables["case_system"]
        self.namespace = bytes.fromhex(tables["namespace"])
        self.codes: dict[str, dict[str, list[dict[str, str]]]] = tables["codes"]
        self.units = tables["units"]

    def __call__(self, facts: dict[str, Any]) -> dict[str, Any]:
        self.case = facts["case"]["id"]
        self.entries: list[dict[str, Any]] = []
        self.patient = {"reference": "urn:uuid:" + self.uuid5(f"{self.system}|{self.case}/patient")}
        person = facts["patient"]
        rows = {"sex": person["sex"], "birth date": person["birth_date"], "vital status": person["vital_status"]}
        made = self.start("Patient", "patient", "patient", rows)
        made |= {"gender": person["sex"], "birthDate": person["birth_date"], "deceasedBoolean": False}
        conditions = {one["id"]: self.reference(f"conditions/{one['id']}") for one in facts["conditions"]}
        titles = {one["id"]: one["name"] for one in facts["conditions"]}
        for one in sorted(facts["conditions"], key=lambda one: one["id"]):
            self.condition(one, conditions, titles)
        for one in sorted(facts["labs"], key=lambda one: self.lab_key(one)):
            self.lab(one)
        for one in sorted(facts["medications"], key=lambda one: one["drug"]):
            self.medication(one, conditions, titles)
        for one in sorted(facts["procedures"], key=lambda one: one["procedure"].lower()):
            self.procedure(one, conditions, titles)
        self.provenance(facts["case"]["recorded"])
        return {"resourceType": "Bundle", "type": "transaction", "entry": self.entries}

    def uuid5(self, name: str) -> str:
        """Version 5 UUID in one format: faster than uuid.uuid5."""
        made = hashlib.sha1(self.namespace + name.encode(), usedforsecurity=False).hexdigest()
        return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{'89ab'[int(made[16], 16) & 3]}{made[17:20]}-{made[20:32]}"

    def reference(self, identity: str) -> dict[str, str]:
        return {"reference": "urn:uuid:" + self.uuid5(f"{self.system}|{self.case}/{identity}")}

    def start(
        self, kind: str, identity: str, title: str, rows: dict[str, Any], identified: bool = True
    ) -> dict[str, Any]:
        value = f"{self.case}/{identity}"
        made_id = self.uuid5(f"{self.system}|{value}")
        items = "".join(f"<li>{label}: {escape(str(row), quote=False)}</li>" for label, row in rows.items())
        div = DIV % (escape(title, quote=False), f"<ul>{items}</ul>" if items else "")
        meta = {"tag": [{"system": self.case_system, "code": self.case}]}
        text = {"status": "generated", "div": div}
        made: dict[str, Any] = {"resourceType": kind, "id": made_id, "meta": meta, "text": text}
        if not identified:  # no server finds such a resource by an identifier: a second tag has it
            meta["tag"].append({"system": self.system, "code": value})
        else:
            made["identifier"] = [{"system": self.system, "value": value}]
        request = {"method": "PUT", "url": f"{kind}/{made_id}"}
        self.entries.append({"fullUrl": f"urn:uuid:{made_id}", "resource": made, "request": request})
        return made

    def coded(self, table: str, words: str) -> dict[str, Any]:
        codings = self.codes[table][words]
        return {"coding": codings.copy(), "text": words} if codings else {"text": words}

    def condition(self, one: dict[str, Any], known: dict[str, Any], titles: dict[str, str]) -> None:
        rows = {"kind": one["kind"]}
        if "site" in one:
            rows["site"] = one["site"]
        if "of" in one:
            rows["of"] = titles[one["of"]]
        made = self.start("Condition", f"conditions/{one['id']}", one["name"], rows | {"onset": one["onset"]})
        if "of" in one:
            url = "http://hl7.org/fhir/StructureDefinition/condition-related"
            identifier = made.pop("identifier")
            made["extension"] = [{"url": url, "valueReference": dict(known[one["of"]])}]
            made["identifier"] = identifier
        made["category"] = [{"text": one["kind"]}]
        made["code"] = self.coded("conditions", one["name"])
        if "site" in one:
            made["bodySite"] = [self.coded("sites", one["site"])]
        made["subject"] = self.patient.copy()
        made["onsetDateTime"] = one["onset"]

    def lab_key(self, one: dict[str, Any]) -> str:
        return f"{one['analyte'].lower().replace(' ', '-')}//{one['at']}"

    def lab(self, one: dict[str, Any]) -> None:
        rows = {"value": one["value"], "unit": one["unit"], "at": one["at"]}
        made = self.start("Observation", f"labs/~{self.lab_key(one)}", one["analyte"], rows)
        made["status"] = "final"
        made["category"] = [self.coded("observation-categories", "Laboratory")]
        made["code"] = self.coded("labs", one["analyte"])
        made["subject"] = self.patient.copy()
        made["effectiveDateTime"] = one["at"]
        code = self.units[one["unit"]]
        made["valueQuantity"] = {"value": one["value"], "unit": one["unit"], "system": UCUM, "code": code}

    def medication(self, one: dict[str, Any], known: dict[str, Any], titles: dict[str, str]) -> None:
        rows = {"status": one["status"], "start": one["start"], "for": titles[one["for"]]}
        made = self.start("MedicationStatement", f"medications/~{one['drug']}/{one['start']}", one["drug"], rows)
        made["status"] = one["status"]
        made["medicationCodeableConcept"] = self.coded("drugs", one["drug"])
        made["subject"] = self.patient.copy()
        made["effectivePeriod"] = {"start": one["start"]}
        made["reasonReference"] = [dict(known[one["for"]])]

    def procedure(self, one: dict[str, Any], known: dict[str, Any], titles: dict[str, str]) -> None:
        rows = {"kind": one["kind"], "status": one["status"], "at": one["at"]}
        if "for" in one:
            rows["for"] = titles[one["for"]]
        identity = f"procedures/~{one['procedure'].lower().replace(' ', '-')}///{one['at']}"
        made = self.start("Procedure", identity, one["procedure"], rows)
        made["status"] = one["status"]
        made["category"] = self.coded("procedure-categories", one["kind"])
        made["code"] = self.coded("procedures", one["procedure"])
        made["subject"] = self.patient.copy()
        made["performedDateTime"] = one["at"]
        if "for" in one:
            made["reasonReference"] = [dict(known[one["for"]])]

    def provenance(self, recorded: str) -> None:
        targets = [{"reference": entry["fullUrl"]} for entry in self.entries]
        made = self.start("Provenance", "case", "case", {"recorded": recorded}, identified=False)
        made["target"] = targets
        made["recorded"] = recorded
        made["agent"] = [{"type": self.coded("agents", "Assembler"), "who": {"display": "fhirconv"}}]
