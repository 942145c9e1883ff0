"""fixtures/readers/clinic: its tables against the cases and the report that stand beside them, renewed by --renew."""

from __future__ import annotations

import csv
import gzip
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from conftest import FIXTURES

from fhirconv.bundle import dump_json
from fhirconv.conversion import convert_document
from fhirconv.document import Document
from fhirconv.mapping import load_mappings
from fhirconv.readers import find_reader
from tests.readers.reading import Read, read, reader_of

FOLDER = FIXTURES / "readers" / "clinic"


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch) -> Read:
    """What is read of its folder, without paths in messages."""
    monkeypatch.chdir(FOLDER / "tables")
    return read(find_reader("clinic", FOLDER / "mappings"), Path("patients.csv"), Path("counts.csv"), Path("drugs.csv"))


def lines_of(documents: list[Document]) -> bytes:
    return b"".join(dump_json(document.data) + b"\n" for document in documents)


def test_cases_are_as_expected(clinic: Read, renew: bool) -> None:
    expected = FOLDER / "cases.ndjson"
    if renew:
        expected.write_bytes(lines_of(clinic.documents))
    assert lines_of(clinic.documents) == expected.read_bytes()


def test_the_report_is_as_expected(clinic: Read, renew: bool) -> None:
    expected = FOLDER / "report.json"
    text = orjson.dumps(clinic.report.as_dict(), option=orjson.OPT_INDENT_2) + b"\n"
    if renew:
        expected.write_bytes(text)
    assert text == expected.read_bytes()


def test_all_cases_convert(clinic: Read) -> None:
    found = [convert_document(document, load_mappings()) for document in clinic.documents]
    assert [made.ok for made in found] == [True] * 4
    rules = {issue.rule for made in found for issue in made.issues}
    assert rules == {"kept-as-text", "row-alone"}


def test_a_folder_is_its_tables(clinic: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    again = read(find_reader("clinic", FOLDER / "mappings"), Path("tables"), Path("tables/drugs.csv"))
    assert lines_of(again.documents) == lines_of(clinic.documents), "a file that is named twice is read once"


def test_what_is_no_table_in_a_folder_is_told(clinic: Read, tmp_path: Path) -> None:
    for name in ("patients.csv", "durgs.csv", ".hidden"):
        (tmp_path / name).write_bytes(Path("patients.csv").read_bytes())
    found = read(find_reader("clinic", FOLDER / "mappings"), tmp_path)
    what = "has no name of a file for reader 'clinic'; rename it if it is one"
    told = f"{tmp_path}/durgs.csv: warning: durgs.csv {what} [file-unread]"
    assert [line for line in found.lines if "file-unread" in line] == [told]


def leaves(data: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a case that are no containers, but for where they were read."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key != "origin":
                yield from leaves(value, f"{pointer}/{key}")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, f"{pointer}/{index}")
    else:
        yield pointer, data


# JSON Pointer in the first case -> where its value, or what it was made of, stands.
PLACES = {
    "": "patients.csv:2:1",
    "/case/id": "patients.csv:2:1",
    "/patient/identifiers/0/value": "patients.csv:2:1",
    "/patient/birth_date": "patients.csv:2:3",
    "/events/0/at": "patients.csv:2:9",
    "/events/0/id": "patients.csv:2:9",  # is fixed: where its fact stands
    "/conditions/0/name/codes/0/code": "patients.csv:2:6",
    "/conditions/2/site": "patients.csv:2:10",
    "/labs/1/value": "counts.csv:3:3",
    "/labs/2/value": "counts.csv:3:4",
    "/labs/2/analyte": "counts.csv:3:4",  # by the column of its 'each'
    "/labs/2/at": "counts.csv:3:2",
    "/medications/0/start/by/value": "drugs.csv:2:6",
    "/medications/1/dose/value": "drugs.csv:3:8",
    "/medications/1/dose/unit": "drugs.csv:3:9",
    "/medications/1/route": "drugs.csv:3:10",
}


def test_every_value_is_led_back_to_its_cell(clinic: Read) -> None:
    first = clinic.documents[0]
    assert {pointer: str(first.place(pointer)) for pointer in PLACES} == PLACES
    for document in clinic.documents:
        for pointer, _ in leaves(document.data):
            place = document.place(pointer)
            assert place.line > 1, "no place"
            assert place.column > 0, "no place"
            assert place.pointer == pointer


def test_places_survive_the_way_to_a_worker(clinic: Read) -> None:
    for document in clinic.documents:
        again: Document = pickle.loads(pickle.dumps(document))
        for pointer, _ in leaves(document.data):
            assert again.place(pointer) == document.place(pointer)


def test_a_workbook_gives_the_same_cases_and_names_its_sheet(clinic: Read, tmp_path: Path) -> None:
    for name, delimiter in (("patients", ","), ("drugs", ","), ("counts", ";")):
        made = openpyxl.Workbook()
        made.active.title = "Export"
        with Path(f"{name}.csv").open(encoding="utf-8") as stream:
            for row in csv.reader(stream, delimiter=delimiter):
                made.active.append(row)
        made.save(tmp_path / f"{name}.xlsx")
    description = (FOLDER / "mappings" / "readers" / "clinic.toml").read_text(encoding="utf-8").replace(".csv", ".xlsx")
    found = read(reader_of(description), tmp_path)
    first = found.documents[0]
    assert first.data["patient"]["origin"] == clinic.documents[0].data["patient"]["origin"] | {
        "file": "patients.xlsx",
        "sheet": "Export",
    }
    assert str(first.place("/labs/1/value")) == f"{tmp_path}/counts.xlsx[Export]:3:3"
    assert [dict(leaves(one.data)) for one in found.documents] == [dict(leaves(one.data)) for one in clinic.documents]


def test_packed_tables_are_those_of_their_name(clinic: Read, tmp_path: Path) -> None:
    for path in Path().glob("*.csv"):
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    found = read(find_reader("clinic", FOLDER / "mappings"), tmp_path)
    assert [dict(leaves(one.data)) for one in found.documents] == [dict(leaves(one.data)) for one in clinic.documents]
