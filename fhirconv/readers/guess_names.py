"""Names that columns have in the tables of clinics and registries, for the fields of case facts. For drafts of readers only.

Seen in data dictionaries and in the tables of ../shared; words of a field's own name need not stand here.
"""

from __future__ import annotations

KEYS = (
    "mrn", "patient", "patient id", "patientid", "patient number", "patient barcode", "pat id", "patid", "pid", "subject",
    "subject id", "person id", "medical record number", "record id", "participant id", "patient no", "pat no", "patno",
    "pat nr", "patnr", "patienten nr", "patientennr", "patienten id", "patientennummer", "patientnr", "patient nr", "pat",
)  # fmt: skip
CASE_KEYS = (
    "case id", "case no", "case number", "fall", "fall nr", "fallnr", "fallnummer", "fall id", "fallid", "aufnahmenummer",
)  # fmt: skip
"""Of a stay, of which a patient has several: second to KEYS."""

_BORN = ("geburtsdatum", "geb datum", "gebdatum", "geb dat", "gebdat", "geboren", "geboren am")

PATIENT = {
    "sex": ("sex", "gender", "administrative sex", "birthsex", "birth sex", "geschlecht"),
    "birth_date": ("birth date", "birthdate", "date of birth", "dob", "born", *_BORN),
    "died": ("date of death", "death date", "died", "deceased date", "sterbedatum", "verstorben am", "todesdatum"),
    "vital_status": ("vital status",),
    "name.family": ("family name", "last name", "surname", "lastname", "nachname", "familienname"),
    "name.given": ("given name", "first name", "firstname", "forename", "vorname"),
}

_AT = (
    *("date", "at", "day", "effective date", "effective", "date of observation"),
    *("collected", "collection date", "sample date", "result date", "test date", "collection time", "collected at"),
    *("datum", "abnahme", "abnahmedatum", "entnahme", "entnahmedatum", "befunddatum", "abnahmezeitpunkt", "am"),
)
_SIDE = ("laterality", "side", "seite", "seitenlokalisation")
_SITE = ("site", "body site", "anatomic site", "location", "lokalisation")
_RESULT = {
    "value": (
        "value",
        "result",
        "result value",
        "numeric value",
        "lab value",
        "ergebnis",
        "messwert",
        "wert",
        "resultat",
    ),
    "result": ("value", "result", "result text", "ergebnis", "befund"),
    "unit": ("unit", "units", "uom", "value unit", "einheit"),
    "interpretation": ("interpretation", "flag", "abnormal", "abnormal flag", "bewertung", "pathologisch"),
}

_DRUG = ("wirkstoff", "medikament", "medikation", "arzneimittel", "präparat", "substanz", "handelsname")
_ANALYTE = ("test name", "test", "bezeichnung", "analyt", "laborwert", "untersuchung", "messgröße", "laborparameter")

# Of each section its main field first: a table without a column for that is not of this section.
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "labs": {"analyte": ("analyte", "lab", "lab test", "lab name", "parameter", "component", *_ANALYTE), **_RESULT, "at": _AT},
    "pathology": {"test": ("marker", "receptor", "stain"), **_RESULT, "at": _AT},
    "medications": {
        "drug": ("drug", "drug name", "medication", "medication name", "medicine", "substance", "agent", *_DRUG),
        "status": ("status",),
        "start": ("start", "start date", "started", "authored on", "begin date", "beginn", "von", "startdatum", "therapiebeginn"),
        "end": ("end", "end date", "ended", "stop date", "stopped", "ende", "bis", "enddatum", "therapieende"),
        "dose.value": ("dose", "dose value", "dosage", "prescribed dose", "dose quantity value"),
        "dose.text": ("dose", "dosage", "dosis", "dosierung"),
        "dose.unit": ("dose unit", "dose units", "prescribed dose units", "dose quantity unit", "dosiseinheit"),
        "route": ("route", "route of administration", "applikation"),
        "reason": ("reason", "indication", "treatment reason display text", "reason display name"),
    },
    "conditions": {
        "name": ("condition", "diagnosis", "disease", "diagnosis name", "tumour", "tumor", "diagnose", "hauptdiagnose"),
        "onset": ("onset", "date of diagnosis", "diagnosis date", "onset date", "diagnosedatum", "erstdiagnose"),
        "histology": ("histology", "histologic type", "histological type", "morphology"),
        "site": _SITE,
        "laterality": _SIDE,
        "clinical_status": ("clinical status",),
        "verification": ("verification status",),
    },
    "procedures": {
        "procedure": ("procedure", "procedure name", "operation", "surgery", "eingriff", "prozedur"),
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
    "labor": "labs", "laborwerte": "labs", "medikamente": "medications", "medikation": "medications", "diagnosen": "conditions",
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
    "alive": ("alive", "living", "a", "lebend", "lebt"),
    "deceased": ("dead", "deceased", "died", "d", "verstorben", "tot"),
    "active": ("laufend",),
    "completed": ("beendet", "abgeschlossen"),
    "stopped": ("abgebrochen", "abgesetzt"),
    "left": ("l", "left", "li", "links"),
    "right": ("r", "right", "re", "rechts"),
    "bilateral": ("b", "both", "bilateral", "beidseits", "bds"),
}
"""Words for the choices of a field, besides the choices themselves."""

CODES = {"labs": {"loinc": "loinc", "loinc code": "loinc"}, "conditions": {"icd 10": "icd-10", "icd10": "icd-10"}}
"""Columns of codes beside the words of a section's main field, and their system."""

UNSAID = {"status": "unknown", "kind": "other", "presence": "present"}
"""What a field that every fact needs is drafted as where no column says it, to be looked at."""
