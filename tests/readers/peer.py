"""The rows and the expected Bundles of mcode-extraction-framework, and what of a Bundle is compared with ours.

Both stay in ../shared. Most of its rows hold words that stand for a value ('example-status', 'YYYY-MM-DD'); these are
replaced, in its rows and in its Bundles alike, for a row with them is rightly no case.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhirconv.conversion import Conversion, convert_document
from fhirconv.document import LIMITS
from fhirconv.mapping import load_mappings
from fhirconv.readers import Report, find_reader

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "mcode-extraction-framework"
SAMPLE = CORPUS / "sample-client-data"
FIXTURES = CORPUS / "extractors-fixtures"
KINDS = {
    "adverse-event": "adverse-event",
    "cancer-disease-status": "cancer-disease-status",
    "condition": "condition",
    "ctc-adverse-event": "ctc-adverse-event",
    "medication-administration": "cancer-related-medication-administration",
    "observation": "observation",
    "patient": "patient",
    "procedure": "procedure",
    "staging": "staging",
}
SNOMED = "http://snomed.info/sct"
REAL = {
    "YYYY-MM-DD": "2020-01-02",
    "code-system": SNOMED,
    "example-code-system": SNOMED,
    "example-system": SNOMED,
    "example-code": "373808002",
    "example-reason": "363346000",
    "example-site": "76752008",
    "example-laterality": "7771000",
    "example-histology": "35917007",
    "example-treatment-intent": "373808002",
    "example-category": "problem-list-item",
    "example-status": "completed",
}
REAL_BY_KEY = {("clinicalstatus", "example-status"): "active", ("verificationstatus", "example-status"): "confirmed"}

Triple = tuple[str, str, str]  # type of the resource, what of it, the value


def made_real(value: Any, key: str = "") -> Any:
    """JSON with a value for each word that stands for one."""
    if isinstance(value, dict):
        inner = ((name, name.lower() if name.lower().endswith("status") else key) for name in value)
        return {name: made_real(value[name], around) for name, around in inner}
    if isinstance(value, list):
        return [made_real(one, key) for one in value]
    return REAL_BY_KEY.get((key, value), REAL.get(value, value)) if isinstance(value, str) else value


def rows_of(kind: str) -> list[dict[str, str]]:
    """The rows as the peer has parsed them: the names of the columns in small letters."""
    found = json.loads((FIXTURES / f"csv-{kind}-module-response.json").read_bytes())
    assert isinstance(found, list)
    return found


def bundle_of(kind: str) -> Any:
    """The Bundle that the peer expects of these rows."""
    return json.loads((FIXTURES / f"csv-{kind}-bundle.json").read_bytes())


def columns_of(table: str) -> list[str]:
    """The columns of a table in the peer's dictionary."""
    with (CORPUS / "docs" / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream))


def write(folder: Path, table: str, rows: list[dict[str, str]]) -> Path:
    """A table of the dictionary with these rows; what they do not say is an empty cell."""
    path = folder / f"{table}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns_of(table))
        for row in rows:
            by_name = {key.lower(): cell for key, cell in row.items()}
            writer.writerow([by_name.get(column.lower(), "") for column in columns_of(table)])
    return path


def tables_of(folder: Path, kind: str, rows: list[dict[str, str]]) -> list[Path]:
    """The rows as tables, with the patient and the condition that they name."""
    paths = [write(folder, KINDS[kind], rows)]
    if kind != "patient":
        whole = {"familyname": "Doe", "givenname": "Jane", "gender": "female"}
        paths.append(write(folder, "patient", [{"mrn": row["mrn"], **whole} for row in rows]))
    named = [row for row in rows if "conditionid" in row] if kind != "condition" else []
    if named:
        whole = {"codesystem": SNOMED, "code": "363346000", "displayname": "cancer"}
        made = [{"mrn": row["mrn"], "conditionid": row["conditionid"], **whole} for row in named]
        paths.append(write(folder, "condition", made))
    return paths


def convert(*sources: Path) -> tuple[list[Conversion], Report]:
    """What comes of tables by the reader, and its report."""
    report, mappings = Report(), load_mappings(None, "mcode")
    documents = find_reader("mcode-csv").read(sources, LIMITS, report)
    return [convert_document(document, mappings) for document in documents], report


def resources(bundle: Any) -> list[Any]:
    """The resources of a Bundle, without what says where it comes from."""
    return [
        one for one in (entry["resource"] for entry in bundle["entry"]) if one["resourceType"] not in ("Provenance",)
    ]


def projection(found: list[Any], subject: str) -> Counter[Triple]:
    """Codes, values, units, dates and subjects of resources."""
    return Counter(
        (one["resourceType"], what, value) for one in found for what, value in _said({**one}, subject) if value
    )


def _said(one: dict[str, Any], subject: str) -> Iterator[tuple[str, str]]:
    for name in ("code", "event", "medicationCodeableConcept"):
        yield from (("code", value) for value in _concept(one.get(name)))
    yield "value", one.get("gender", "")
    for name in one.get("name", []):
        yield "value", f"{name['family']}, {' '.join(name['given'])}"
    yield from (("value", value) for value in _concept(one.get("valueCodeableConcept")))
    yield "value", str(one.get("valueString", one.get("valueInteger", "")))
    quantity = one.get("valueQuantity", {})
    yield "value", str(quantity.get("value", ""))
    yield "unit", quantity.get("code", "")
    yield "absent", "".join(_concept(one.get("dataAbsentReason")))
    for name in ("birthDate", "effectiveDateTime", "onsetDateTime", "performedDateTime", "date"):
        yield "date", one.get(name, "")
    for part in ("start", "end"):
        yield f"date.{part}", one.get("effectivePeriod", {}).get(part, "")
    for extension in one.get("extension", []):
        yield from _extended(extension)
    if "subject" in one:
        yield "subject", subject if one["subject"]["reference"].startswith("urn:uuid:") else one["subject"]["reference"]


def _concept(concept: Any) -> list[str]:
    if not concept:
        return []
    codings = [f"{one['system']}|{one['code']}" for one in concept.get("coding", [])]
    return codings or [concept.get("text", "")]


def _extended(extension: dict[str, Any]) -> Iterator[tuple[str, str]]:
    name = extension["url"].rpartition("/")[2]
    for key, value in extension.items():
        if key == "valueCodeableConcept":
            yield from ((name, one) for one in _concept(value))
        elif key == "valueCoding":
            yield name, f"{value['system']}|{value['code']}"
        elif key in ("valueDateTime", "valueCode", "valueString"):
            yield name, value
    for inner in extension.get("extension", []):
        yield from ((f"{name}.{what}", value) for what, value in _extended(inner))
