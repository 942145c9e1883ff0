"""mCODE's examples, each broken in one way that only its profile forbids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Json = dict[str, Any]
Change = Callable[[Json], object]

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
SCT = "http://snomed.info/sct"
THO = "http://terminology.hl7.org/CodeSystem/"
LOINC = "http://loinc.org"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
UCUM = "http://unitsofmeasure.org"


class Broken(NamedTuple):
    """One broken resource: a name that says how, the example it is made from, and the change."""

    name: str
    example: str
    change: Change


def concept(system: str, code: str) -> Json:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code}]}


def _holder(resource: Any, path: str) -> tuple[Any, Any]:
    *above, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in above:
        resource = resource[step]
    return resource, last


def put(path: str, value: Any) -> Change:
    """Set the value at a path of keys and positions."""

    def change(resource: Json) -> None:
        holder, last = _holder(resource, path)
        holder[last] = value

    return change


def drop(path: str) -> Change:
    """Take away what stands at a path."""

    def change(resource: Json) -> None:
        holder, last = _holder(resource, path)
        del holder[last]

    return change


def again(path: str) -> Change:
    """Repeat the entry of a list at a path."""

    def change(resource: Json) -> None:
        holder, last = _holder(resource, path)
        holder.append(holder[last])

    return change


def both(*changes: Change) -> Change:
    """Several changes that make one mistake."""
    return lambda resource: [change(resource) for change in changes]


def rename(old: str, new: str, value: Any) -> Change:
    """Replace a choice by another type."""
    head = old.rpartition(".")[0]
    return both(drop(old), put(f"{head}.{new}" if head else new, value))


def extend(url: str, **value: Any) -> Change:
    """Add an extension to the resource."""
    return lambda resource: resource.setdefault("extension", []).append({"url": MCODE + url, **value})


def bulky(code: str) -> Json:
    """The component of a lymphoma stage that says whether the disease is bulky."""
    about = {"system": SCT, "code": "260873006", "display": "Bulky disease status (attribute)"}
    return {"code": {"coding": [about]}, "valueCodeableConcept": concept(SCT, code)}


STOPPED = "MedicationRequest-cancer-related-medication-request-cisplatin-stopped"
REQUEST = "MedicationRequest-cancer-related-medication-request-cisplatin"
ADMIN = "MedicationAdministration-cancer-related-medication-admin-paclitaxel-jenny-m"
PRIMARY = "Condition-primary-cancer-condition-nsclc"
SECONDARY = "Condition-secondary-cancer-condition-brain-mets"
SIZE = "Observation-tumor-size-pathology"
LYMPHOMA = "Observation-hodgkins-lymphoma-stage-IIIe"
AREA = "Observation-body-surface-area-example"
VARIANT = "Observation-genomic-variant-somatic-single-nucleotide"
REGION = "Observation-genomic-region-studied-stk11"
REPORT = "DiagnosticReport-genomics-report-john-anyperson"
SPECIMEN = "Specimen-tumor-specimen-lobular-carcinoma-left-breast"
VOLUME = "BodyStructure-jenny-m-chest-wall-treatment-volume"
TUMOR = "BodyStructure-tumor-lobular-carcinoma-left-breast"
GROUP = "Group-group-mcode-patients"
MARKER = "Observation-tumor-marker-test-egf"
STATUS = "Observation-cancer-disease-status-improved"
RADIO = "Procedure-radiotherapy-treatment-summary-chest-wall-jenny-m"
SURGERY = "Procedure-cancer-related-surgical-procedure-lobectomy"
STAGE = "Observation-tnm-clinical-stage-group-3c"
T_CATEGORY = "Observation-tnm-clinical-primary-tumor-category-cT3"
ECOG = "Observation-ecog-performance-status-fully-active"
PATIENT = "Patient-cancer-patient-adam-everyman"
RHABDO = "Observation-rhabdomyosarcoma-risk-assessment-low"
COMORBID = "Observation-cancer-related-comorbidities-john-anyperson"
BUNDLE = "Bundle-mcode-patient-bundle-jenny-m"
DEAUVILLE = "Observation-deauville-scale-five"
KARNOFSKY = "Observation-karnofsky-performance-status-normal-activity"
HISTOLOGY = "Observation-histologic-behavior-and-type-non-small-cell"

BROKEN = (
    # -- cardinality --
    Broken("patient without name", PATIENT, drop("name")),
    Broken("patient without identifier", PATIENT, drop("identifier")),
    Broken("patient without gender", PATIENT, drop("gender")),
    Broken("identifier without system", PATIENT, drop("identifier.0.system")),
    Broken("telecom without value", PATIENT, put("telecom", [{"system": "phone"}])),
    Broken("condition without category", PRIMARY, drop("category")),
    Broken("condition without code", PRIMARY, drop("code")),
    Broken("secondary condition without code", SECONDARY, drop("code")),
    Broken("specimen without type", SPECIMEN, drop("type")),
    Broken("tumor without location", TUMOR, drop("location")),
    Broken("tumor without identifier", TUMOR, drop("identifier")),
    Broken("stage without method", STAGE, drop("method")),
    Broken("stage without focus", STAGE, drop("focus")),
    Broken("observation without subject", MARKER, drop("subject")),
    Broken("tumor size without component", SIZE, drop("component")),
    Broken("two foci of a tumor size", SIZE, again("focus.0")),
    Broken("area without time", AREA, drop("effectiveDateTime")),
    # -- fixed values and patterns --
    Broken("other code than ECOG's", ECOG, put("code", concept(LOINC, "89243-0"))),
    Broken("code by words only", ECOG, put("code", {"text": "ECOG"})),
    Broken("other code than Karnofsky's", KARNOFSKY, put("code.coding.0.code", "89247-1")),
    Broken("other code than lymphoma's", LYMPHOMA, put("code", concept(SCT, "399537006"))),
    Broken("group of other persons", GROUP, put("code", concept(SCT, "116154003"))),
    Broken("other code of radiotherapy", RADIO, put("code", concept(SCT, "108290001"))),
    Broken("dose in Gy", RADIO, put("extension.4.extension.1.valueQuantity.code", "Gy")),
    Broken("bundle of another type", BUNDLE, put("type", "batch-response")),
    Broken("variant with other code", VARIANT, put("code.coding.0.code", "51969-4")),
    # -- slices --
    Broken("report without the category Genetics", REPORT, put("category", [concept(THO + "v2-0074", "HM")])),
    Broken("variant without laboratory", VARIANT, put("category", [concept(THO + "observation-category", "imaging")])),
    Broken("area that is no vital sign", AREA, put("category", [concept(THO + "observation-category", "exam")])),
    Broken(
        "category of US Core missing",
        PRIMARY,
        put("category", [concept(THO + "condition-category", "encounter-diagnosis")]),
    ),
    Broken("longest dimension missing", SIZE, drop("component.0")),
    Broken("longest dimension twice", SIZE, again("component.0")),
    Broken("other dimension three times", SIZE, both(again("component.1"), again("component.1"))),
    Broken("bulky modifier twice", LYMPHOMA, lambda r: r["component"].extend([bulky("260874000")] * 2)),
    Broken("identifier of a body structure missing", TUMOR, put("identifier.0.type", concept(THO + "v2-0203", "MR"))),
    Broken("display name without value", VOLUME, drop("identifier.0.value")),
    Broken("two display names", VOLUME, again("identifier.0")),
    Broken("gene studied without value", VARIANT, drop("component.0.valueCodeableConcept")),
    Broken("extension twice", PRIMARY, again("extension.0")),
    Broken("intent twice", RADIO, again("extension.1")),
    Broken("laterality twice", PRIMARY, again("bodySite.0.extension.0")),
    Broken(
        "bundle without patient",
        BUNDLE,
        lambda r: r.update(entry=[e for e in r["entry"] if e["resource"]["resourceType"] != "Patient"]),
    ),
    # -- choices of types --
    Broken("ECOG as text", ECOG, rename("valueInteger", "valueString", "0")),
    Broken("stage as text", STAGE, rename("valueCodeableConcept", "valueString", "IIIC")),
    Broken("area at an instant", AREA, rename("effectiveDateTime", "effectiveInstant", "2023-04-01T10:00:00Z")),
    Broken("report over a period", REPORT, rename("effectiveDateTime", "effectivePeriod", {"start": "2019-04-01"})),
    Broken("variant as text", VARIANT, rename("valueCodeableConcept", "valueString", "present")),
    Broken("component as text", SIZE, rename("component.0.valueQuantity", "valueString", "1.2 cm")),
    Broken(
        "course on a day", RADIO, both(lambda r: r.pop("performedPeriod", None), put("performedDateTime", "2018-08-01"))
    ),
    # -- references --
    Broken("subject is a group", MARKER, put("subject", {"reference": "Group/g"})),
    Broken("condition of a group", PRIMARY, put("subject", {"reference": "Group/g"})),
    Broken("focus is a patient", STAGE, put("focus", [{"reference": "Patient/p"}])),
    Broken("focus of a tumor size is a condition", SIZE, put("focus", [{"reference": "Condition/c"}])),
    Broken("group of practitioners", GROUP, put("member.0.entity", {"reference": "Practitioner/p"})),
    Broken("requester is a device", REQUEST, put("requester", {"reference": "Device/d"})),
    Broken("reason is an observation", REQUEST, put("reasonReference", [{"reference": "Observation/o"}])),
    Broken(
        "assessment is a clinical impression",
        PRIMARY,
        put("stage", [{"assessment": [{"reference": "ClinicalImpression/c"}]}]),
    ),
    Broken(
        "dose volume is a patient", RADIO, put("extension.4.extension.0.valueReference", {"reference": "Patient/p"})
    ),
    # -- extensions --
    Broken(
        "histology as text",
        PRIMARY,
        put("extension.0", {"url": MCODE + "mcode-histology-morphology-behavior", "valueString": "x"}),
    ),
    Broken(
        "intent as a code",
        RADIO,
        put("extension.1", {"url": MCODE + "mcode-procedure-intent", "valueCode": "373808002"}),
    ),
    Broken(
        "sessions as text",
        RADIO,
        put("extension.0", {"url": MCODE + "mcode-radiotherapy-sessions", "valueString": "31"}),
    ),
    Broken("dose without volume", RADIO, drop("extension.4.extension.0")),
    Broken("volume twice", RADIO, again("extension.4.extension.0")),
    Broken(
        "dose extension with value",
        RADIO,
        put("extension.4", {"url": MCODE + "mcode-radiotherapy-dose-delivered-to-volume", "valueString": "x"}),
    ),
    Broken(
        "histology on a patient",
        PATIENT,
        extend("mcode-histology-morphology-behavior", valueCodeableConcept=concept(SCT, "1187332001")),
    ),
    Broken(
        "laterality as text",
        PRIMARY,
        put("bodySite.0.extension.0", {"url": MCODE + "mcode-laterality-qualifier", "valueString": "left"}),
    ),
    Broken(
        "normalization basis on a condition",
        PRIMARY,
        extend("mcode-normalization-basis", valueCodeableConcept=concept(SCT, "1187332001")),
    ),
    Broken(
        "extension without value", PRIMARY, put("extension.0", {"url": MCODE + "mcode-histology-morphology-behavior"})
    ),
    # -- bindings --
    Broken(
        "laterality outside its values",
        PRIMARY,
        put("bodySite.0.extension.0.valueCodeableConcept", concept(SCT, "260413007")),
    ),
    Broken(
        "laterality of another system",
        PRIMARY,
        put("bodySite.0.extension.0.valueCodeableConcept", concept(LOINC, "LA4585-1")),
    ),
    Broken("laterality by words only", PRIMARY, put("bodySite.0.extension.0.valueCodeableConcept", {"text": "left"})),
    Broken("lymphoma method outside its values", LYMPHOMA, put("method", concept(SCT, "897275008"))),
    Broken("lymphoma method by words only", LYMPHOMA, put("method", {"text": "Lugano"})),
    Broken("rhabdomyosarcoma value outside", RHABDO, put("valueCodeableConcept", concept(SCT, "10828004"))),
    Broken("evidence type from LOINC", STATUS, put("extension.0.valueCodeableConcept", concept(LOINC, "11502-2"))),
    Broken("evidence type by words only", STATUS, put("extension.0.valueCodeableConcept", {"text": "CT"})),
    Broken(
        "modality outside its values",
        RADIO,
        put("extension.2.extension.0.valueCodeableConcept", concept(SCT, "108290001")),
    ),
    Broken("bulky modifier outside its values", LYMPHOMA, lambda r: r["component"].append(bulky("10828004"))),
    Broken("tumor size in kg", SIZE, put("component.0.valueQuantity", {"value": 1, "system": UCUM, "code": "kg"})),
    Broken("stage value of another system", STAGE, put("valueCodeableConcept", concept(LOINC, "LA6568-5"))),
    Broken(
        "clinical or pathologic outside", LYMPHOMA, put("component.1.valueCodeableConcept", concept(SCT, "10828004"))
    ),
    Broken("staging type of another code", STAGE, put("code", concept(LOINC, "718-7"))),
    # -- invariants --
    Broken("request without reason", REQUEST, lambda r: (r.pop("reasonCode", None), r.pop("reasonReference", None))),
    Broken("order without requester", REQUEST, drop("requester")),
    Broken("administration without reason", ADMIN, drop("reasonReference")),
    Broken("surgery without reason", SURGERY, lambda r: (r.pop("reasonCode", None), r.pop("reasonReference", None))),
    Broken("stopped for another reason", STOPPED, put("statusReason", concept(SCT, "10828004"))),
    Broken("reason of stopping while active", STOPPED, put("status", "active")),
    Broken("focus and specimen of a tumor size", SIZE, put("specimen", {"reference": "Specimen/s"})),
    Broken("neither focus nor specimen", SIZE, drop("focus")),
    Broken("volume without description and identifier", VOLUME, both(drop("description"), drop("identifier"))),
    Broken("name of prefix only", PATIENT, put("name", [{"prefix": ["Mr"]}])),
    Broken(
        "technique that does not fit",
        RADIO,
        put("extension.3.extension.1.valueCodeableConcept", concept(SCT, "1156529004")),
    ),
    Broken("value of a marker from LOINC", MARKER, put("valueCodeableConcept", concept(NCIT, "C1"))),
    Broken(
        "unit outside UCUM",
        MARKER,
        rename("valueCodeableConcept", "valueQuantity", {"value": 1, "system": SCT, "code": "258672001"}),
    ),
    Broken("marker without value", MARKER, drop("valueCodeableConcept")),
    Broken("year only", MARKER, put("effectiveDateTime", "2019")),
)
