"""fpml, the FHIRPath mapping language: one template for the whole Bundle, expressions compiled once.

Codes and ids come through functions of our own, which it lets one add: FHIRPath has neither tables nor hashes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

from peers.serving import Convert, Made, serve

DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>%s</b></p><ul>%s</ul></div>'
NAMES = {  # what a fact is called within its case
    "conditions": "%one.id",
    "labs": "'~' & %one.analyte.name() & '//' & %one.at",
    "medications": "'~' & %one.drug & '/' & %one.start",
    "procedures": "'~' & %one.procedure.name() & '///' & %one.at",
}
TITLE = "%context.conditions.where(id=%one.{0}).name"


def converter(tables: dict[str, Any]) -> Convert:
    """Compiles each expression at its first use."""
    from fhirpathpy import compile as compile_path
    from fpml import resolve_template

    template, functions = _template(tables), _functions(tables)

    @cache
    def compiled(expression: str) -> Any:
        return compile_path(expression, options={"userInvocationTable": functions})

    def evaluate(resource: Any, expression: str, context: dict[str, Any]) -> Any:
        return compiled(expression)(resource, context)

    def convert(facts: dict[str, Any]) -> Made:
        made = resolve_template(facts, template, {"case": facts["case"]["id"]}, evaluate=evaluate)
        targets = [{"reference": entry["fullUrl"]} for entry in made["entry"][:-1]]
        made["entry"][-1]["resource"]["target"] = targets
        return Made(json.dumps(made, separators=(",", ":"), default=_number))

    return convert


def _number(value: Any) -> float:
    return float(value)  # its FHIRPath turns numbers into Decimals, which json cannot write


def _functions(tables: dict[str, Any]) -> dict[str, Any]:
    space = uuid.UUID(tables["namespace"])

    def each(work: Callable[..., Any], *kinds: str) -> dict[str, Any]:
        return {"fn": lambda words, *more: [work(one, *more) for one in words], "arity": {len(kinds): list(kinds)}}

    return {
        "codings": {
            "fn": lambda words, table: [
                dict(one) for word in words for one in tables["codes"][table].get(word, ())
            ],
            "arity": {1: ["String"]},
        },
        "ucum": each(lambda unit: tables["units"].get(unit) or []),
        "uuid": each(lambda name: str(uuid.uuid5(space, f"{tables['system']}|{name}"))),
        "name": each(lambda words: words.lower().replace(" ", "-")),
    }  # fmt: skip


def _template(tables: dict[str, Any]) -> dict[str, Any]:
    entries = [
        _entry(tables, "Patient", "'patient'", "patient", PATIENT_ROWS, PATIENT),
        _each(tables, "conditions", "Condition", "{{ %one.name }}", CONDITION_ROWS, CONDITION),
        _each(tables, "labs", "Observation", "{{ %one.analyte }}", LAB_ROWS, LAB),
        _each(tables, "medications", "MedicationStatement", "{{ %one.drug }}", MEDICATION_ROWS, MEDICATION),
        _each(tables, "procedures", "Procedure", "{{ %one.procedure }}", PROCEDURE_ROWS, PROCEDURE),
        _entry(tables, "Provenance", "'case'", "case", {"recorded": "%context.case.recorded"}, PROVENANCE),
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _each(
    tables: dict[str, Any], section: str, kind: str, title: str, rows: dict[str, str], elements: dict[str, Any]
) -> dict[str, Any]:
    name = f"('{section}/' & {NAMES[section]})"
    return {f"{{% for one in {section} %}}": _entry(tables, kind, name, title, rows, elements)}


def _entry(
    tables: dict[str, Any], kind: str, name: str, title: str, rows: dict[str, str], elements: dict[str, Any]
) -> dict[str, Any]:
    value = f"%case & '/' & {name}"
    made_id = f"{{{{ ({value}).uuid() }}}}"
    items = "".join(f"<li>{label}: {{{{ {path} }}}}</li>" for label, path in rows.items())
    tags = [{"system": tables["case_system"], "code": "{{ %case }}"}]
    identifier = {"system": tables["system"], "value": f"{{{{ {value} }}}}"}
    resource: dict[str, Any] = {
        "resourceType": kind,
        "id": made_id,
        "meta": {"tag": tags},
        "text": {"status": "generated", "div": DIV % (title, items)},
    }
    if kind == "Provenance":
        tags.append({"system": tables["system"], "code": identifier["value"]})
    else:
        resource["identifier"] = [identifier]
    request = {"method": "PUT", "url": f"{kind}/{made_id}"}
    return {"fullUrl": f"urn:uuid:{made_id}", "resource": resource | elements, "request": request}


def _coded(table: str, path: str) -> dict[str, Any]:
    return {"coding": [f"{{[ {path}.codings('{table}') ]}}"], "text": f"{{{{ {path} }}}}"}


def _reference(name: str) -> dict[str, str]:
    return {"reference": f"urn:uuid:{{{{ (%case & '/' & {name}).uuid() }}}}"}


def _if_stated(key: str, node: Any) -> dict[str, Any]:
    return {f"{{% if %one.{key}.exists() %}}": node}


SUBJECT = _reference("'patient'")
PATIENT_ROWS = {"sex": "patient.sex", "birth date": "patient.birth_date", "vital status": "patient.vital_status"}
PATIENT = {
    "gender": "{{ patient.sex }}",
    "birthDate": "{{ patient.birth_date }}",
    "deceasedBoolean": "{{ patient.vital_status != 'alive' }}",
}
CONDITION_ROWS = {"kind": "%one.kind", "onset": "%one.onset"}
CONDITION = {
    "extension": [
        _if_stated(
            "of",
            {
                "url": "http://hl7.org/fhir/StructureDefinition/condition-related",
                "valueReference": _reference("'conditions/' & %one.of"),
            },
        )
    ],
    "category": [{"text": "{{ %one.kind }}"}],
    "code": _coded("conditions", "%one.name"),
    "bodySite": [_if_stated("site", _coded("sites", "%one.site"))],
    "subject": SUBJECT,
    "onsetDateTime": "{{ %one.onset }}",
}
LAB_ROWS = {"value": "%one.value", "unit": "%one.unit", "at": "%one.at"}
LAB = {
    "status": "final",
    "category": [_coded("observation-categories", "'Laboratory'")],
    "code": _coded("labs", "%one.analyte"),
    "subject": SUBJECT,
    "effectiveDateTime": "{{ %one.at }}",
    "valueQuantity": {
        "value": "{{ %one.value }}",
        "unit": "{{ %one.unit }}",
        "system": "http://unitsofmeasure.org",
        "code": "{{ %one.unit.ucum() }}",
    },
}
MEDICATION_ROWS = {"status": "%one.status", "start": "%one.start", "for": TITLE.format("for")}
MEDICATION = {
    "status": "{{ %one.status }}",
    "medicationCodeableConcept": _coded("drugs", "%one.drug"),
    "subject": SUBJECT,
    "effectivePeriod": {"start": "{{ %one.start }}"},
    "reasonReference": [_reference("'conditions/' & %one.for")],
}
PROCEDURE_ROWS = {"kind": "%one.kind", "status": "%one.status", "at": "%one.at"}
PROCEDURE = {
    "status": "{{ %one.status }}",
    "category": _coded("procedure-categories", "%one.kind"),
    "code": _coded("procedures", "%one.procedure"),
    "subject": SUBJECT,
    "performedDateTime": "{{ %one.at }}",
    "reasonReference": [_if_stated("for", _reference("'conditions/' & %one.for"))],
}
PROVENANCE = {
    "recorded": "{{ %context.case.recorded }}",
    "agent": [{"type": _coded("agents", "'Assembler'"), "who": {"display": "fhirconv"}}],
}


if __name__ == "__main__":
    serve(version("fpml"), converter)
