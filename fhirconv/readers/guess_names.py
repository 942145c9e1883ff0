"""Names that columns have in the tables of clinics and registries, for the fields of case facts. For drafts of readers only.

Seen in data dictionaries and in the tables of ../shared; words of a field's own name need not stand here.
"""

from __future__ import annotations

KEYS = (
    "mrn", "patient", "patient id", "patientid", "patient number", "patient barcode", "pat id", "patid", "pid", "subject",
    "subject id", "person id", "case id", "medical record number", "record id", "participant id",
)  # fmt: skip

PATIENT = {
    "sex": ("sex", "gender", "administrative sex", "birthsex", "birth sex"),
    "birth_date": ("birth date", "birthdate", "date of birth", "dob", "born"),
    "died": ("date of death", "death date", "died", "deceased date"),
    "vital_status": ("vital status",),
    "name.family": ("family name", "last name", "surname", "lastname"),
    "name.given": ("given name", "first name", "firstname", "forename"),
}

_AT = (
    *("date", "at", "day", "effective date", "effective", "date of observation"),
    *("collected", "collection date", "sample date", "result date", "test date"),
)
_SIDE = ("laterality", "side")
_SITE = ("site", "body site", "anatomic site", "location")
_RESULT = {
    "value": ("value", "result", "result value", "numeric value", "lab value"),
    "result": ("value", "result", "result text"),
    "unit": ("unit", "units", "uom", "value unit"),
}

# Of each section its main field first: a table without a column for that is not of this section.
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "labs": {"analyte": ("analyte", "lab", "lab test", "lab name", "parameter", "component", "test name"), **_RESULT, "at": _AT},
    "pathology": {"test": ("marker", "receptor", "stain"), **_RESULT, "at": _AT},
    "medications": {
        "drug": ("drug", "drug name", "medication", "medication name", "medicine", "substance", "agent"),
        "status": ("status",),
        "start": ("start", "start date", "started", "authored on", "begin date"),
        "end": ("end", "end date", "ended", "stop date", "stopped"),
        "dose.value": ("dose", "dose value", "dosage", "prescribed dose", "dose quantity value"),
        "dose.unit": ("dose unit", "dose units", "prescribed dose units", "dose quantity unit"),
        "route": ("route", "route of administration"),
        "reason": ("reason", "indication", "treatment reason display text", "reason display name"),
    },
    "conditions": {
        "name": ("condition", "diagnosis", "disease", "diagnosis name", "tumour", "tumor"),
        "onset": ("onset", "date of diagnosis", "diagnosis date", "onset date"),
        "histology": ("histology", "histologic type", "histological type", "morphology"),
        "site": _SITE,
        "laterality": _SIDE,
        "clinical_status": ("clinical status",),
        "verification": ("verification status",),
    },
    "procedures": {
        "procedure": ("procedure", "procedure name", "operation", "surgery"),
        "status": ("status",),
        "at": (*_AT, "procedure date", "performed"),
        "site": _SITE,
        "laterality": _SIDE,
        "reason": ("reason", "reason display name"),
    },
    "stages": {
        "stage": ("stage", "stage group", "overall stage", "ajcc stage"),
        "basis": ("type", "stage type", "basis"),
        "at": (*_AT, "staging date", "stage date"),
    },
    "disease_status": {"status": ("disease status", "disease status text", "status"), "at": _AT},
    "adverse_events": {
        "event": ("adverse event", "adverse event display text", "event", "toxicity"),
        "grade": ("grade", "ctcae grade"),
        "at": (*_AT, "onset date"),
    },
    "findings": {"finding": ("finding", "observation", "vital sign"), **_RESULT, "at": _AT},
}  # fmt: skip

MAIN_OF_ANY = ("display name", "display text", "name", "code display", "description")
"""Names of the main column of a table whose file name says what it is about."""

TITLES = {  # words in the name of a file
    "lab": "labs", "labs": "labs", "laboratory": "labs", "observation": "labs", "observations": "labs",
    "drug": "medications", "drugs": "medications", "medication": "medications", "medications": "medications",
    "condition": "conditions", "conditions": "conditions", "diagnosis": "conditions", "diagnoses": "conditions",
    "procedure": "procedures", "procedures": "procedures", "surgery": "procedures", "surgeries": "procedures",
    "staging": "stages", "stage": "stages", "stages": "stages", "adverse": "adverse_events", "toxicity": "adverse_events",
    "status": "disease_status", "receptors": "pathology", "markers": "pathology",
}  # fmt: skip

TABLES = {
    "labs": "labs",
    "pathology": "pathology",
    "medications": "drugs",
    "conditions": "conditions",
    "procedures": "procedures",
    "findings": "findings",
}
"""The concept table that has the words of a section's main field."""

CHOICES = {
    "female": ("f", "w", "female", "woman", "weiblich"),
    "male": ("m", "male", "man", "männlich"),
    "alive": ("alive", "living", "a"),
    "deceased": ("dead", "deceased", "died", "d"),
    "left": ("l", "left"),
    "right": ("r", "right"),
    "bilateral": ("b", "both", "bilateral"),
}
"""Words for the choices of a field, besides the choices themselves."""

UNSAID = {"status": "unknown", "kind": "other", "presence": "present"}
"""What a field that every fact needs is drafted as where no column says it, to be looked at."""
