"""The battery of bad and unusual inputs, as far as it is about tables: each row from a file to cases and findings.

Row I40 is met by half: '01-Mar' may be what someone meant, so it is refused where a date is read, and else is text.
"""

from __future__ import annotations

import codecs
from decimal import Decimal
from pathlib import Path

import pytest

from fhirconv.bundle import dump_json
from fhirconv.conversion import convert_document
from fhirconv.mapping import load_mappings
from tests.readers.reading import Read, read, reader_of

READER = reader_of(
    """
title = "Battery"
null = ["[Not Available]", "[Not Applicable]"]
[tables.t]
file = "t.*"
key = "mrn"
[[facts]]
table = "t"
section = "patient"
[facts.fields]
birth_date = { date = "born" }
note = { column = "note" }
[[facts]]
table = "t"
section = "labs"
[facts.fields]
analyte = { column = "test" }
value = { number = "value" }
unit = { fixed = "g/dL" }
"""
)
HEAD = "mrn,born,note,test,value\n"


def given(folder: Path, data: str | bytes, name: str = "t.csv") -> Read:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read(READER, path)


def refused(folder: Path, data: str | bytes, *told: str, name: str = "t.csv") -> None:
    """No case is made, or only rejected ones, and this is told."""
    found = given(folder, data, name)
    errors = [line for line in found.lines if "error: " in line or "fatal: " in line]
    errors += [
        issue.text()
        for document in found.documents
        if document.data
        for issue in convert_document(document, load_mappings()).issues
        if issue.is_error
    ]
    for text in told:
        assert any(text in line for line in errors), errors


def test_i02_byte_order_mark(tmp_path: Path) -> None:
    assert given(tmp_path, codecs.BOM_UTF8 + f"{HEAD}7,,,Hb,9\n".encode()).one["case"] == {"id": "7"}


def test_i03_utf_16(tmp_path: Path) -> None:
    assert given(tmp_path, f"{HEAD}7,,,Hb,9\n".encode("utf-16")).one["case"] == {"id": "7"}
    refused(tmp_path, f"{HEAD}7,,,Hb,9\n".encode("utf-16-le"), "NUL character, as damaged files do, and UTF-16")


def test_i04_latin_1(tmp_path: Path) -> None:
    refused(
        tmp_path, f"{HEAD}7,,Müller,Hb,9\n".encode("latin-1"), "t.csv:2:1: fatal: is not UTF-8: byte 0xfc at offset 29"
    )


def test_i10_ends_of_lines(tmp_path: Path) -> None:
    text = f"{HEAD}7,,,Hb,9\n8,,,Hb,9"
    plain = [document.data for document in given(tmp_path, text).documents]
    for end in ("\r\n", "\r"):
        assert [document.data for document in given(tmp_path, text.replace("\n", end)).documents] == plain


@pytest.mark.parametrize("other", [b"{}", b"<html>", b"PK\x03\x04", b"PAR1"])
def test_i11_what_is_no_table(tmp_path: Path, other: bytes) -> None:
    refused(tmp_path, other + b" " * 99, "[not-a-table]")


def test_i35_unclosed_quote(tmp_path: Path) -> None:
    rows = "".join(f"{number},,,Hb,9\n" for number in range(99))
    refused(tmp_path, f'{HEAD}7,,"x,Hb,9\n{rows}', "t.csv:2:1: fatal: opens a quote that never closes")


def test_i36_rows_and_headers_of_other_width(tmp_path: Path) -> None:
    refused(
        tmp_path,
        f"{HEAD}7,,,Hb\n8,,,Hb,9,9\n9,,,Hb,9\n",
        "t.csv:2:1: fatal: has 4 cells",
        "t.csv:3:1: fatal: has 6 cells",
    )
    refused(tmp_path, "mrn,born,mrn\n", "stands twice, in columns 1 and 3")
    refused(tmp_path, "mrn,,note\n", "column 2 has no name")


def test_i37_delimiters_and_decimal_comma(tmp_path: Path) -> None:
    assert given(tmp_path, HEAD.replace(",", ";") + "7;;;Hb;9.80\n").one["labs"][0]["value"] == Decimal("9.80")
    refused(tmp_path, HEAD.replace(",", "\t"), "is one column by the delimiter comma, and its header has tab")
    refused(tmp_path, f'{HEAD}7,,,Hb,"1,5"\n', "t.csv:2:5: error: '1,5' can be read as 1.5 or 15")


def test_i38_long_fields_nul_and_many_columns(tmp_path: Path) -> None:
    long = "x" * 200_000
    assert given(tmp_path, f"{HEAD}7,,{long},Hb,9\n").one["patient"]["note"] == long
    refused(tmp_path, f"{HEAD}7,,{'x' * 2_000_000},Hb,9\n", "has a cell of more than 1048576 characters")
    refused(tmp_path, f"{HEAD}7,,\0,Hb,9\n", "t.csv:2:1: fatal: holds a NUL character")
    wide = ",".join(f"c{number}" for number in range(10_000))
    found = given(tmp_path, f"{HEAD.strip()},{wide}\n7,,,Hb,9,{'x,' * 9_999}x\n")
    assert len(found.report.left["column-unread"]) == 10_000
    assert found.one["case"] == {"id": "7"}


@pytest.mark.parametrize("cell", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)", "\t=1", "=1"])
def test_i39_formulas_are_text_and_negative_numbers_numbers(tmp_path: Path, cell: str) -> None:
    data = given(tmp_path, f"{HEAD}7,,{cell},Hb,-1\n").one
    assert data["patient"]["note"] == cell.strip()
    assert data["labs"][0]["value"] == -1


def test_i40_damage_by_spreadsheets(tmp_path: Path) -> None:
    refused(
        tmp_path,
        f"{HEAD}1.23457E+12,,,Hb,9\n",
        "t.csv:2:1: error: the row belongs to no case: nothing readable in 'mrn'",
    )
    refused(tmp_path, f"{HEAD}7,01-Mar,,Hb,9\n", "t.csv:2:2: error: '01-Mar' is not a FHIR date")
    refused(tmp_path, f"{HEAD}7,,,###,9\n", "t.csv:2:4: error: '###' is an error of a spreadsheet")
    refused(tmp_path, f"{HEAD}7,,,Hb,#N/A\n", "t.csv:2:5: error: '#N/A' is an error of a spreadsheet")
    assert given(tmp_path, f"{HEAD}0012,,,Hb,9\n").one["case"] == {"id": "0012"}


def test_i41_null_tokens_only_where_declared(tmp_path: Path) -> None:
    data = given(tmp_path, f"{HEAD}7,[Not Available],NA,[Not Applicable],9\n").one
    assert data["patient"]["note"] == "NA"
    assert "birth_date" not in data["patient"]
    assert "labs" not in data


@pytest.mark.parametrize("day", ["2024-02-30", "2023-02-29", "2024-13", "2024-2-1", "2024-W05-4", "２０２４-02-01"])
def test_i42_days_that_there_are_not(tmp_path: Path, day: str) -> None:
    refused(tmp_path, f"{HEAD}7,{day},,Hb,9\n", "t.csv:2:2: error: ")


@pytest.mark.parametrize("number", ["1.0", "1.00", "0.40", "66.899999999999991", "1E-22", "-0.0"])
def test_i47_numbers_keep_their_digits(tmp_path: Path, number: str) -> None:
    (document,) = given(tmp_path, f"{HEAD}7,,,Hb,{number}\n").documents
    assert f'"value":{number}'.encode() in dump_json(document.data)


@pytest.mark.parametrize("value", ["60~120", "3+", "neg", "tr", "5 %"])
def test_i48_what_is_no_number(tmp_path: Path, value: str) -> None:
    refused(tmp_path, f"{HEAD}7,,,Hb,{value}\n", "t.csv:2:5: error: ")


def test_i59_identity(tmp_path: Path) -> None:
    refused(tmp_path, f"{HEAD},,,Hb,9\n  ,,,Hb,9\n", "t.csv:2:1: error: 2 rows belong to no case")
    refused(
        tmp_path,
        f"{HEAD}7,1970,,Hb,9\n7,1971,,CEA,9\n",
        "t.csv:2:2: error: gives 'patient.birth_date' another value than",
        "t.csv:3:2: error: gives 'patient.birth_date' another value than",
    )
