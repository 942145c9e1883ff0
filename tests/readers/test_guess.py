"""Drafts of readers: what is recognised, with why; nothing that runs before a person has looked, and no cell of a patient."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv.document import LIMITS
from fhirconv.issues import MappingError
from fhirconv.mapping import load_mappings
from fhirconv.readers import Report, find_reader
from fhirconv.readers.guess import guess
from fhirconv.readers.tables import DEFAULT, Layout, TableError, open_table

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def draft(folder: Path, name: str, text: str, layout: Layout = DEFAULT) -> tuple[str, dict[str, Any]]:
    """The draft for a table, as text and as TOML."""
    (folder / name).write_text(text, encoding="utf-8")
    made = guess(folder / name, layout, load_mappings())
    return made, tomllib.loads(made)


def accepted(folder: Path, made: str) -> Path:
    """A folder of mappings with the draft, as a person accepts it."""
    (folder / "site" / "readers").mkdir(parents=True, exist_ok=True)
    lines = [line for line in made.splitlines() if not line.startswith("draft")]
    (folder / "site" / "readers" / "drafted.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder / "site"


def fields(made: dict[str, Any], section: str) -> dict[str, Any]:
    return next(fact["fields"] for fact in made["facts"] if fact["section"] == section)


LONG = "MRN,Lab,Result,Units,Collected,Colour\n7,Hb,9.80,g/dL,13.06.2019,red\n7,CRP,<5,mg/L,01.02.2019,\n8,PLT,NA,10*9/L,,blue\n"


def test_a_long_table_of_results(tmp_path: Path) -> None:
    text, made = draft(tmp_path, "export.csv", LONG)
    assert made["tables"]["export"]["key"] == "MRN"
    assert made["null"] == ["NA"]
    assert fields(made, "labs") == {
        "analyte": {"column": "Lab"},
        "value": {"number": "Result"},
        "unit": {"column": "Units"},
        "at": {"date": "Collected", "order": "day-month-year"},
    }
    assert "3 of 3 stated cells are words of concepts/labs.toml" in text
    assert "2 of 2 stated cells are dates; 1 prove the order" in text
    assert '\n# "Colour" = "2 of 3 cells are stated: texts, 2 different ones"\n' in text
    assert "ignore" not in made["tables"]["export"], (
        "what is not read is told of until a person says that it is not wanted"
    )


def test_a_wide_table_with_decimal_commas(tmp_path: Path) -> None:
    _, made = draft(
        tmp_path, "counts.csv", "patient_id;day;Hb (g/dL);PLT\n7;2019-06-13;9,8;250\n8;2019-06-14;10,25;<7\n"
    )
    (fact,) = made["facts"]
    assert fact["each"] == {"Hb (g/dL)": {"analyte": "Hb", "unit": "g/dL"}, "PLT": {"analyte": "PLT"}}
    assert fact["fields"]["value"] == {"number": "@", "decimal_mark": "comma"}
    assert fact["fields"]["at"] == {"date": "day"}


GERMAN = """Fallnr;Pat.-Nr.;Abnahme;Bezeichnung;Ergebnis;Einheit;Flag
1;00123;13.03.2019 08:15;LDH;241,5;U/l;+
1;00123;13.03.2019 08:15;CRP;<5;mg/l;
2;00124;05.04.2019 07:50;Hb;11,4;g/dl;-
"""


def test_a_table_of_a_german_laboratory(tmp_path: Path) -> None:
    text, made = draft(tmp_path, "labor.csv", GERMAN)
    assert made["tables"]["labor"]["key"] == "Pat.-Nr."
    assert fields(made, "labs") == {
        "analyte": {"column": "Bezeichnung"},
        "value": {"number": "Ergebnis", "decimal_mark": "comma"},
        "unit": {"column": "Einheit"},
        "interpretation": {"column": "Flag"},
        "at": {"date": "Abnahme", "order": "day-month-year"},
    }
    assert "3 with a time of day" in text


def test_a_german_list_of_drugs(tmp_path: Path) -> None:
    table = "PatNr;Wirkstoff;Beginn;Ende;Dosis;Status\n1;Letrozol;15.05.2020;;2,5 mg;laufend\n"
    _, made = draft(tmp_path, "medikamente.csv", table)
    assert fields(made, "medications") == {
        "drug": {"column": "Wirkstoff"},
        "status": {"column": "Status", "values": {"laufend": "active"}},
        "start": {"date": "Beginn", "order": "day-month-year"},
        "dose.text": {"column": "Dosis"},
    }


@pytest.mark.parametrize(
    "name",
    ["PatNr", "Pat-Nr", "Pat.-Nr.", "PATNR", "PatientenNr", "Patientennummer", "pat_no", "PID", "Patient ID", "MRN"],
)
def test_the_number_of_a_patient_is_the_key_and_not_that_of_a_stay(tmp_path: Path, name: str) -> None:
    table = f"Fallnr,Hb,{name}\n1,9.8,7\n2,9.9,7\n"
    assert draft(tmp_path, "t.csv", table)[1]["tables"]["t"]["key"] == name
    assert draft(tmp_path, "t.csv", table.replace(name, "Zimmer"))[1]["tables"]["t"]["key"] == "Fallnr"


def test_a_row_of_units_under_the_header_gives_the_units(tmp_path: Path) -> None:
    text, made = draft(tmp_path, "t.csv", "PatNr;Hb;CRP;LDH\n;g/dl;[mg/l];Stk/x\n7;9,8;5;240\n8;10,1;<5;200\n")
    assert made["tables"]["t"]["skip"] == 1
    assert made["tables"]["t"]["key"] == "PatNr"
    (fact,) = made["facts"]
    assert fact["each"] == {
        "Hb": {"analyte": "Hb", "unit": "g/dl"},
        "CRP": {"analyte": "CRP", "unit": "mg/l"},
        "LDH": {"analyte": "LDH"},
    }
    assert "CHECK: 'Stk/x' is no unit of units.toml" in text


def test_a_header_under_titles_is_found(tmp_path: Path) -> None:
    text, made = draft(tmp_path, "t.csv", "Tumorregister\nStand: 1.11.2026\n\nPatNr;Geschlecht;Hb\n7;w;9,8\n")
    assert (made["tables"]["t"]["header"], made["tables"]["t"]["key"]) == (4, "PatNr")
    assert "Tumorregister" not in text
    book = openpyxl.Workbook()
    for row in (["Tumorregister"], ["Stand: 1.11.2026"], ["PatNr", "Geschlecht", "Hb"], ["00123", "w", 9.8]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    made = tomllib.loads(guess(tmp_path / "t.xlsx", DEFAULT, load_mappings()))
    assert (made["tables"]["t"]["header"], fields(made, "patient")["sex"]["values"]) == (3, {"w": "female"})


@pytest.mark.parametrize("table", ["mrn,,x\nA1,lab,c\nA2,d,e\n", "mrn,sex\nA1,f,extra\nA2,m,extra\n"])
def test_a_row_of_a_patient_is_never_taken_for_the_header(tmp_path: Path, table: str) -> None:
    with pytest.raises(TableError) as found:
        draft(tmp_path, "t.csv", table)
    assert "A1" not in str(found.value)


def test_a_name_with_the_end_of_a_line_in_it_stays_in_its_comment(tmp_path: Path) -> None:
    text, _ = draft(tmp_path, "t.csv", "mrn,a\x85b,c\u2028d\n1,x,y\n")
    assert all(line.startswith("#") for line in text.splitlines() if "cells" in line)


def test_many_mistakes_of_one_cause_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Liste,2026\n" + "a,b,c\n" * 50)
    with pytest.raises(TableError) as found:
        guess(tmp_path / "t.csv", DEFAULT, load_mappings())
    assert len(found.value.issues) == 4
    assert "47 more such problems; do other lines stand over its header? say --header LINE" in str(found.value)


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (["13.06.2019", "01.02.2019"], "day-month-year"),
        (["06/13/2019", "01/02/2019"], "month-day-year"),
        (["01/02/2019", "03/04/2019"], None),
        (["13/06/2019", "06/13/2019"], None),
        (["2019-06-13", "2019"], ""),
    ],
)
def test_the_order_of_a_date_is_told_only_when_a_cell_proves_it(
    tmp_path: Path, days: list[str], order: str | None
) -> None:
    text, made = draft(tmp_path, "patients.csv", "mrn,dob\n" + "".join(f"p{day},{day}\n" for day in days))
    assert fields(made, "patient")["birth_date"].get("order", "") == (order or "")
    assert ("AMBIGUOUS" in text) == (order is None)


def test_thousands_prove_no_decimal_comma(tmp_path: Path) -> None:
    _, made = draft(tmp_path, "labs.csv", "mrn;analyte;value\n7;PLT;1,250\n8;PLT;2,000\n")
    assert fields(made, "labs")["value"] == {"number": "value"}


def test_words_of_closed_lists_are_told_with_those_that_are_not_known(tmp_path: Path) -> None:
    text, made = draft(tmp_path, "p.csv", "mrn,gender,surname\n1,F,Meier\n2,M,Huber\n3,D,Maier\n")
    assert fields(made, "patient")["sex"] == {"column": "gender", "values": {"F": "female", "M": "male"}}
    assert "CHECK what these are: 'D'" in text
    assert not [name for name in ("Meier", "Huber", "Maier") if name in text]


def test_codes_beside_words_are_read_with_them(tmp_path: Path) -> None:
    table = "mrn,reasonDisplay,code,codeSystem,displayName,dateOfDiagnosis\n1,x,363346000,http://snomed.info/sct,Cancer,2019\n"
    _, made = draft(tmp_path, "condition-information.csv", table)
    assert fields(made, "conditions")["name"] == {"term": "displayName", "code": "code", "system": "codeSystem"}


def test_a_fact_that_lacks_what_it_needs_stands_as_a_comment(tmp_path: Path) -> None:
    text, made = draft(tmp_path, "staging.csv", "mrn,stageGroup\n1,IIA\n")
    assert "facts" not in made
    assert "# CHECK: say how 'of' is made" in text
    assert '\n# "stageGroup" = "1 of 1 cells' in text


def test_a_draft_is_refused_until_its_line_is_out_and_then_reads(tmp_path: Path) -> None:
    text, _ = draft(tmp_path, "export.csv", LONG)
    site = accepted(tmp_path, text)
    report = Report()
    documents = list(find_reader("drafted", site).read([tmp_path / "export.csv"], LIMITS, report))
    assert [document.data["case"]["id"] for document in documents] == ["7", "8"]
    assert documents[0].data["labs"][0]["at"] == "2019-06-13"
    (site / "readers" / "drafted.toml").write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match="this reader is a draft"):
        find_reader("drafted", site)


@pytest.mark.parametrize(
    ("data", "option"),
    [
        (b'mrn\tname\n1\t"x" y\n', {"quote": False, "delimiter": "\t"}),
        ("mrn,name\n1,Müller\n".encode("windows-1252"), {"encoding": "windows-1252"}),
        (b'mrn,name\n1,"x" y\n', {"quote": False}),
        (b"mrn|name\n1|x\n", {"delimiter": "|"}),
        (b"mrn,name\nmrn,Name of it\nID:1,ID:2\n1,x\n", {"skip": 2}),
        (b"mrn,name,day\nID:1,ID:2,ID:3\n1,x,y\n", {"skip": 1}),
    ],
)
def test_how_a_table_can_be_read_is_found_by_trying(tmp_path: Path, data: bytes, option: dict[str, Any]) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    table = tomllib.loads(guess(tmp_path / "t.csv", DEFAULT, load_mappings()))["tables"]["t"]
    assert {name: value for name, value in table.items() if name not in ("file", "key", "ignore")} == option


def test_a_table_that_cannot_be_read_in_any_way_is_told_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("mrn,mrn\n1,2\n")
    with pytest.raises(TableError, match="stands twice"):
        guess(tmp_path / "t.csv", DEFAULT, load_mappings())


def tables() -> list[Path]:
    return [*CORPORA.glob("mcode-extraction-framework/sample-client-data/*.csv"), *CORPORA.glob("tcga-brca/*_brca.txt")]


def test_drafts_of_real_tables_are_descriptions_and_account_for_each_column(tmp_path: Path) -> None:
    if not tables():
        pytest.skip("shared/corpora is not beside the repository")
    for path in tables():
        text = guess(path, DEFAULT, load_mappings())
        made = tomllib.loads(text)
        (table,) = made["tables"].values()
        told = text.partition("\n[tables.")[2]
        assert [name for name in open_table(path).columns if f'"{name}"' not in told] == [], path.name
        if "facts" in made:
            find_reader("drafted", accepted(tmp_path, text))
        assert table["key"] in ("mrn", "bcr_patient_barcode")
        assert table.get("skip", 0) == (2 if path.suffix == ".txt" else 0)


NAMES = st.lists(st.text(min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=5, unique_by=str.strip)
CELLS = st.one_of(st.text(max_size=6), st.sampled_from(["13.06.2019", "9,8", "F", "Hb", "mg/L", "-", "letrozole", "1"]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_draft_of_anything_is_toml_and_fits(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Law: whatever columns are called and hold, the draft says what it was made of and is a description once accepted."""
    import pyarrow
    from pyarrow import parquet

    names = data.draw(
        st.one_of(NAMES, st.permutations(["mrn", "drug", "dose", "sex", "date", "Hb", "status", "display name"]))
    )
    columns = {name: data.draw(st.lists(CELLS, min_size=3, max_size=3)) for name in names}
    path = tmp_path_factory.mktemp("t") / "drug lab's [1].parquet"
    parquet.write_table(pyarrow.table(columns), path)
    text = guess(path, DEFAULT, load_mappings())
    if "facts" in tomllib.loads(text):
        find_reader("drafted", accepted(path.parent, text))
