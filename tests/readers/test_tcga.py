"""The reader tcga-biotab on the tables of 1,097 real patients, held against counts that plain csv makes of them.

The tables stay in ../shared; nothing of them stands here but names of columns and words of their value sets.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tomli
from conftest import FIXTURES

from fhirconv.conversion import Conversion, convert_document
from fhirconv.document import LIMITS, Document
from fhirconv.mapping import load_mappings
from fhirconv.readers import Report, find_reader

MAPPINGS = FIXTURES.parent / "mappings"
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "tcga-brca"
KEY = "bcr_patient_barcode"
NOTHING = ("", "[Not Available]", "[Not Applicable]", "[Unknown]", "[Discrepancy]")
OTHER = "Other, specify"
FORM = ("bcr_patient_uuid", "bcr_followup_barcode", "bcr_followup_uuid", "form_completion_date", "followup_reason")

Fact = dict[str, Any]


class Line(NamedTuple):
    """A row of a table as csv reads it."""

    file: str
    number: int
    cells: dict[str, str]

    def __getitem__(self, column: Any) -> str:
        """A cell; empty if it says nothing."""
        cell = self.cells[column].strip()
        return "" if cell in NOTHING else cell


def table(name: str) -> list[Line]:
    """The rows of a table; the names of the columns stand in the first line, and two lines more tell about them."""
    (path,) = FOLDER.glob(f"*clinical_{name}_brca.txt")
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Line(path.name, number, row) for number, row in enumerate(rows[2:], 4)]


NAMES = ("patient", "drug", "radiation", "follow_up_v1.5", "follow_up_v2.1", "follow_up_v4.0", "follow_up_v4.0_nte")
TABLES = {name: table(name) for name in (*NAMES, "nte", "omf_v4.0")}
PATIENTS, DRUGS, RADIATION = (TABLES[name] for name in ("patient", "drug", "radiation"))
FOLLOW_UPS = [row for name in NAMES[3:6] for row in TABLES[name]]
EVENTS = [row for name in (NAMES[4], NAMES[6], "nte") for row in TABLES[name]]  # with the kind of new tumor


class Read(NamedTuple):
    """All cases, and the report."""

    documents: list[Document]
    report: Report

    def facts(self, section: str) -> Iterator[tuple[str, Fact]]:
        """The facts of a section, each with the patient."""
        for document in self.documents:
            assert isinstance(document.data, dict)
            for fact in document.data.get(section, ()):
                yield document.data["case"]["id"], fact


@pytest.fixture(scope="module")
def read() -> Read:
    report = Report()
    reader = find_reader("tcga-biotab")
    sources = sorted(FOLDER.glob("nationwidechildrens.org_*.txt"))
    return Read(list(reader.read(sources, LIMITS, report)), report)


@pytest.fixture(scope="module")
def converted(read: Read) -> dict[str, Conversion]:
    mappings = load_mappings()
    return {document.data["case"]["id"]: convert_document(document, mappings) for document in read.documents}


def words(term: Any) -> str:
    """The words of a term."""
    return str(term["text"] if isinstance(term, dict) else term)


def days(when: Any) -> str:
    """How many days after the diagnosis a time is, as the tables write it; empty for none."""
    if when is None:
        return ""
    if when == {"at": "diagnosis"}:
        return "0"
    (relation,) = when.keys() - {"by"}
    assert (when[relation], when["by"]["unit"]) == ("diagnosis", "days")
    return f"{'-' if relation == 'before' else ''}{when['by']['value']}"


def test_every_patient_is_a_case_in_the_order_of_the_table(read: Read) -> None:
    assert [document.data["case"]["id"] for document in read.documents] == [row[KEY] for row in PATIENTS]
    assert len(PATIENTS) == 1097
    assert [issue for document in read.documents for issue in document.issues] == []


def test_every_row_is_a_source_of_facts_or_says_nothing(read: Read) -> None:
    used: set[tuple[str, int]] = set()
    for document in read.documents:
        for section in document.data.values():
            for fact in section if isinstance(section, list) else [section]:
                origin = fact.get("origin", [])
                used |= {(one["file"], one["row"]) for one in (origin if isinstance(origin, list) else [origin])}
    rows = [row for rows in TABLES.values() for row in rows]
    unused = [row for row in rows if (row.file, row.number) not in used]
    assert len(used) == len(rows) - len(unused)
    for row in unused:
        told = {column for column in row.cells if row[column] and row[column] != "[Not Evaluated]"}
        assert told <= {KEY, *FORM}, row
    assert sum(count.unused for count in read.report.tables.values()) == len(unused)


def test_every_cell_is_counted_and_every_column_is_read_or_left_out_with_a_reason(read: Read) -> None:
    names = {"follow_up_v1.5": "follow_up_1", "follow_up_v2.1": "follow_up_2", "follow_up_v4.0": "follow_up_4"}
    names |= {"follow_up_v4.0_nte": "follow_up_4_nte", "omf_v4.0": "omf"}
    for name, rows in TABLES.items():
        count = read.report.tables[names.get(name, name)]
        assert count.rows == len(rows)
        not_evaluated = ("",) if name in ("patient", "drug", "radiation") else ("", "[Not Evaluated]")
        for column in rows[0].cells:
            stated = sum(row[column] not in not_evaluated for row in rows)
            assert count.columns[column].stated == stated, (name, column)
    assert "column-unread" not in read.report.left
    left = {f"{what.source}.{what.column}": count for what, count in read.report.left.pop("cell-left", {}).items()}
    alone = sum(row["metastasis_site"] == OTHER for row in PATIENTS)  # the site stands in the column of the others
    assert left == {"patient.metastasis_site": alone, "omf.ajcc_staging_edition": 4}, "an edition without a stage"
    assert set(read.report.left) <= {"row-unused"}


def test_every_drug_row_is_a_medication_with_its_words_and_days(read: Read) -> None:
    made = {fact["id"]: (case, fact) for case, fact in read.facts("medications") if "id" in fact}
    assert len(made) == len(DRUGS) == 2406
    for row in DRUGS:
        case, fact = made[row["bcr_drug_barcode"]]
        assert case == row[KEY]
        if row["pharmaceutical_therapy_drug_name"]:
            assert fact["drug"] == row["pharmaceutical_therapy_drug_name"]
        assert days(fact.get("start")) == row["pharmaceutical_tx_started_days_to"]
        assert days(fact.get("end")) == row["pharmaceutical_tx_ended_days_to"]
        assert fact["status"] == {"YES": "active", "NO": "completed"}.get(
            row["pharmaceutical_tx_ongoing_indicator"], "unknown"
        )
        dose = fact.get("dose", {})
        assert dose.get("text", "").startswith(row["prescribed_dose"])
        assert ("value" in dose) == row["prescribed_dose"].replace(".", "", 1).isdecimal()
        assert ("unit" in dose) == ("value" in dose and row["pharmaceutical_tx_dose_units"] != "")
        if "value" in dose:
            assert float(dose["value"]) == float(row["prescribed_dose"])
        assert fact.get("route", "") == row["route_of_administration"]
        assert row["total_dose"] in fact.get("note", "")


def test_radiation_is_a_procedure_with_its_dose(read: Read) -> None:
    made = {fact["id"]: fact for _, fact in read.facts("procedures") if fact["kind"] == "radiotherapy" and "id" in fact}
    for row in RADIATION:
        fact = made[row["bcr_radiation_barcode"]]
        at = fact.get("at", {})
        assert days(at.get("from")) == row["radiation_therapy_started_days_to"]
        assert days(at.get("to")) == row["radiation_therapy_ended_days_to"]
        dose, unit = row["radiation_total_dose"], row["radiation_adjuvant_units"]
        if dose.replace(".", "", 1).isdecimal() and unit:
            assert (float(fact["amount"]["value"]), fact["amount"]["unit"]) == (float(dose), unit)
        else:
            assert "amount" not in fact
        assert fact.get("outcome", "") == row["treatment_best_response"]


def test_stages_and_categories(read: Read) -> None:
    columns = {"group": "ajcc_pathologic_tumor_stage", "T": "ajcc_tumor_pathologic_pt"}
    columns |= {"N": "ajcc_nodes_pathologic_pn", "M": "ajcc_metastasis_pathologic_pm"}
    made = Counter((fact.get("category", "group"), fact["stage"]) for _, fact in read.facts("stages"))
    expected: Counter[tuple[str, str]] = Counter()
    for row in (*PATIENTS, *TABLES["omf_v4.0"]):
        for category, column in columns.items():
            cell = row[column].removeprefix("Stage ")
            if cell:
                expected[category, cell if category == "group" or cell.startswith("c") else f"p{cell}"] += 1
    expected["group", "IB2"] += sum(row["clinical_stage"] == "Stage IB2" for row in TABLES["omf_v4.0"])
    assert made == expected
    systems = Counter(fact.get("system") for _, fact in read.facts("stages") if fact["of"] == "primary")
    assert systems["AJCC 6"] == sum(
        row["ajcc_staging_edition"] == "6th" for row in PATIENTS for c in columns.values() if row[c]
    )


RECEPTORS = {
    "er_status_by_ihc": "estrogen receptor in breast cancer specimen",
    "pr_status_by_ihc": "progesterone receptor in breast cancer specimen",
    "her2_status_by_ihc": "HER2 in breast cancer specimen",
    "her2_fish_status": "HER2 FISH in breast cancer specimen",
}
PERCENT = {
    "er_status_ihc_Percent_Positive": "percentage of ER positive cells in breast cancer specimen",
    "pr_status_ihc_percent_positive": "percentage of PgR positive cells in breast cancer specimen",
    "her2_ihc_percent_positive": "percentage of HER2 positive cells",
    "her2_cent17_ratio": "HER2/centromere 17 ratio",
}


def test_receptors(read: Read) -> None:
    first = TABLES["follow_up_v1.5"]  # has the receptors of the primary cancer, too
    results: Counter[tuple[str, str]] = Counter()
    values: Counter[tuple[str, str]] = Counter()
    for _, fact in read.facts("pathology"):
        if fact.get("of") == "primary":
            test = words(fact["test"])
            results[test, fact.get("result", fact.get("absent", {}).get("reason", ""))] += 1
            values[test, str(fact.get("value"))] += 1
    for column, test in RECEPTORS.items():
        cells = Counter(row[column] for row in (*PATIENTS, *first))
        not_done = sum(row[column] == "[Not Evaluated]" for row in PATIENTS)
        del cells[""]
        cells.pop("[Not Evaluated]", None)
        found = {result: count for (one, result), count in results.items() if one == test}
        assert found == {**cells, "not-performed": not_done}
    for column, test in PERCENT.items():
        cells = Counter(row[column].removesuffix("%") for row in (*PATIENTS, *first) if row[column])
        assert {value: count for (one, value), count in values.items() if one == test} == cells


def test_what_became_of_the_patients(read: Read) -> None:
    dead = {row[KEY] for row in (*PATIENTS, *FOLLOW_UPS) if row["vital_status"] == "Dead"}
    patients = {document.data["case"]["id"]: document.data["patient"] for document in read.documents}
    assert {case for case, patient in patients.items() if patient.get("vital_status") == "deceased"} == dead
    assert all(patient.get("vital_status") in (None, "deceased") for patient in patients.values())
    told = Counter(
        (case, fact["result"], days(fact.get("at")))
        for case, fact in read.facts("findings")
        if fact["finding"] == "vital status"
    )
    assert told == Counter(
        (row[KEY], row["vital_status"], row["death_days_to"] or row["last_contact_days_to"])
        for row in (*PATIENTS, *FOLLOW_UPS)
        if row["vital_status"]
    )
    status = Counter((case, fact["status"]) for case, fact in read.facts("disease_status"))
    assert status == Counter((row[KEY], row["tumor_status"]) for row in (*PATIENTS, *FOLLOW_UPS) if row["tumor_status"])
    ages = {case: patient["age"] for case, patient in patients.items()}
    for row in PATIENTS:
        age = ages[row[KEY]]
        assert str(age["value"]) == row["age_at_diagnosis"]
        assert ("comparator" in age) == (row["age_at_diagnosis"] == "90"), "who was older is given as 90"


def test_the_cancer_its_metastases_and_what_came_later(read: Read) -> None:
    made = Counter(fact["kind"] for _, fact in read.facts("conditions"))
    at_diagnosis = sum(part != OTHER for row in PATIENTS for part in row["metastasis_site"].split("|") if part) + sum(
        bool(row["metastasis_site_other"]) for row in PATIENTS
    )
    kinds = Counter(row["new_tumor_event_type"] for row in EVENTS)
    unknown = sum(bool(row["new_tumor_event_dx_days_to"]) and not row["new_tumor_event_type"] for row in EVENTS)
    unknown += sum(bool(row["new_tumor_event_dx_days_to"]) for row in TABLES["follow_up_v1.5"])
    assert made == {
        "primary-cancer": len(PATIENTS) + kinds["New Primary Tumor"] + len(TABLES["omf_v4.0"]),
        "metastasis": at_diagnosis + kinds["Distant Metastasis"],
        "local-recurrence": kinds["Locoregional Recurrence"] + kinds["Locoregional Disease"],
        "other": unknown,
    }
    primary = {case: fact for case, fact in read.facts("conditions") if fact.get("id") == "primary"}
    for row in PATIENTS:
        fact = primary[row[KEY]]
        assert fact["histology"]["codes"] == [{"system": "icd-o-3", "code": row["icd_o_3_histology"]}]
        assert fact["name"]["codes"][0]["code"] == row["icd_10"]
        assert fact["site"][0]["codes"][0]["code"] == row["icd_o_3_site"]
        parts = set(row["anatomic_neoplasm_subdivision"].split("|"))
        assert {part.split()[0].lower() for part in parts} == {fact["laterality"]}
        assert len(fact["site"]) == 1 + len(parts - {"Left", "Right"})


def test_every_patient_converts_and_what_is_hardly_possible_is_told(converted: dict[str, Conversion]) -> None:
    found = Counter(
        issue.rule for made in converted.values() for issue in made.issues if issue.severity != "information"
    )
    above = sum(
        float(row["radiation_total_dose"]) * (100 if row["radiation_adjuvant_units"] == "Gy" else 1) > 15000
        for row in RADIATION
        if row["radiation_total_dose"].replace(".", "", 1).isdecimal() and row["radiation_adjuvant_units"]
    )
    assert found == {"dose-range": above}
    assert all(made.ok for made in converted.values())


def test_the_bundles_have_what_the_tables_have(converted: dict[str, Conversion]) -> None:
    drugs = Counter(row[KEY] for row in DRUGS)
    for row in TABLES["omf_v4.0"]:
        drugs[row[KEY]] += sum(
            part.strip() not in NOTHING for part in row["pharmaceutical_therapy_drug_name"].split("|")
        )
    made = {case: Counter(bundle_types(conversion)) for case, conversion in converted.items()}
    assert {
        case: types["MedicationStatement"] for case, types in made.items() if types["MedicationStatement"]
    } == +drugs
    assert all(types["Patient"] == 1 for types in made.values())


def bundle_types(conversion: Conversion) -> Iterator[str]:
    """The types of the resources of the Bundle as it is written."""
    for entry in json.loads(conversion.json())["entry"]:
        yield entry["resource"]["resourceType"]


def test_the_codes_of_the_source_go_out_before_ours(converted: dict[str, Conversion]) -> None:
    for row in PATIENTS[::50]:
        resources = [entry["resource"] for entry in json.loads(converted[row[KEY]].json())["entry"]]
        codes = [one["code"].get("coding", [{}])[0] for one in resources if one["resourceType"] == "Condition"]
        assert row["icd_10"] in {coding.get("code") for coding in codes}
        histology = [
            one["valueCodeableConcept"]["coding"][0]
            for one in resources
            if one.get("code", {}).get("coding", [{}])[0].get("code") == "31206-6"
        ]
        assert row["icd_o_3_histology"] in {coding["code"] for coding in histology}


def test_the_data_elements_are_those_that_the_tables_name() -> None:
    """The third line of a table has the number of the data element (CDE) of each column."""
    description = tomli.loads((MAPPINGS / "readers" / "tcga-biotab.toml").read_text(encoding="utf-8"))
    files = {name: table["file"] for name, table in description["tables"].items()}
    checked = 0
    for rule in description["facts"]:
        names = [rule["table"]] if isinstance(rule["table"], str) else rule["table"]
        for column, said in rule.get("each", {}).items():
            codes = [code for term in said.values() if isinstance(term, dict) for code in term["codes"]]
            for name in names if codes else ():
                (path,) = FOLDER.glob(files[name])
                with path.open(encoding="utf-8", newline="") as text:
                    header, _, elements = (
                        line for line, _ in zip(csv.reader(text, delimiter="\t"), range(3), strict=False)
                    )
                if column in header:
                    assert codes == [
                        {"system": "cadsr", "code": elements[header.index(column)].removeprefix("CDE_ID:")}
                    ]
                    checked += 1
    assert checked > 50


def test_known_drug_words_have_codes_and_the_others_are_counted(converted: dict[str, Conversion]) -> None:
    kept = Counter(
        issue.message.split("'")[1]
        for made in converted.values()
        for issue in made.issues
        if issue.rule == "kept-as-text" and "concepts/drugs.toml" in issue.message
    )
    # combinations are never split by guess; groups of drugs, vaccines and what was blinded have no code
    for word in kept:
        parts = (
            "+",
            "/",
            " and ",
            ",",
            "nos",
            "placebo",
            "therapy",
            "specified",
            "taxane",
            "mesna",
            "tesetaxel",
            "poly e",
        )
        is_group = any(part in word.lower() for part in parts) or word.lower() in ("chemotherapy", "ac", "tc", "tch")
        assert is_group or word.lower().startswith(("ae-", "e-75", "doxorubicine ")), word
    assert kept.total() < len(DRUGS) * 0.03
