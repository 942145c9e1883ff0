"""convert_cases: a DataFrame of cases in, one of Bundles out; whatever a row holds, a row comes out."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fhirconv
from benchmarks.mixed import mixed_cases
from fhirconv.spark import convert_cases

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

pytestmark = pytest.mark.spark

CASE = {"case": {"id": "a"}, "patient": {"sex": "female"}, "labs": [{"analyte": "Hb", "value": 9.5, "unit": "g/dL"}]}

SITE = """[creatinine]
text = "Creatinine"
also = ["crea"]
codings = [{ system = "loinc", code = "2160-0", display = "Creatinine [Mass/volume] in Serum or Plasma", verified = "README" }]
"""


def rows(spark: SparkSession, *cases: Any, **options: Any) -> list[Row]:
    """What becomes of each case: dicts are written as JSON, bytes and None stay what they are."""
    data = [(json.dumps(case).encode() if isinstance(case, dict) else case, n) for n, case in enumerate(cases)]
    return convert_cases(spark.createDataFrame(data, "case binary, n int"), **options).collect()


def test_a_row_is_what_convert_makes_of_the_case(spark: SparkSession) -> None:
    alone = fhirconv.convert(CASE, profile="mcode", bundle="collection")
    (row,) = rows(spark, CASE, profile="mcode", bundle="collection")
    assert row.bundle.encode() == alone.json()
    assert (row.case_id, row.ok, row.n) == ("a", True, 0)
    assert row.facts.asDict() == {name.replace(" ", "_"): n for name, n in alone.ledger.counts().items()}


def test_every_row_comes_out_in_its_place(spark: SparkSession) -> None:
    """Also in batches smaller than a partition, whatever a row holds."""
    odd = [
        None,
        b"",
        b" ",
        b"{",
        b"\xff",
        b"[1]",
        b"null",
        b"{}",
        b"a: 1",
        b'{"case":{"id":"x"},"patient":[]}',
        b"{" * 99999,
    ]
    cases = list(mixed_cases(150))
    cases[70:70] = odd
    found = rows(spark, *cases)
    assert [row.n for row in found] == list(range(len(cases)))
    assert [row.ok for row in found] == [not 70 <= n < 70 + len(odd) for n in range(len(cases))]
    for row in found[70 : 70 + len(odd)]:
        assert row.bundle is None
        assert row.issues
    assert [row.issues[0].rule for row in found[70:75]] == [
        "empty-input",
        "blank-line",
        "blank-line",
        "not-json",
        "encoding",
    ]


def test_a_huge_row_is_rejected_and_the_others_are_not(spark: SparkSession) -> None:
    huge = {"case": {"id": "huge", "note": "x" * 17_000_000}, "patient": {}}
    before, found, after = rows(spark, CASE, huge, CASE)
    assert (before.ok, found.ok, after.ok) == (True, False, True)
    assert [issue.rule for issue in found.issues] == ["too-large"]


def test_issues_say_where(spark: SparkSession) -> None:
    (row,) = rows(spark, b'{"case":{"id":"a"},\n"patient":{},"labs":[{"analyte":"Hb","value":9,"unit":"cubits"}]}')
    (issue,) = row.issues
    assert (issue.severity, issue.rule, issue.line, issue.pointer) == ("error", "unit-unknown", 2, "/labs/0/unit")
    assert "cubits" in issue.message
    assert row.facts.rejected == 3


def test_a_source_that_executors_do_not_have_is_told_in_each_row_with_quotes(
    spark: SparkSession, tmp_path: Path
) -> None:
    quoted = {**CASE, "patient": {"sex": "female", "evidence": "a woman"}}
    first, second = rows(spark, quoted, CASE, source=tmp_path / "nowhere.txt")
    assert [issue.rule for issue in first.issues] == ["source-unreadable"]
    assert second.ok


def test_columns_that_are_the_sections(spark: SparkSession) -> None:
    """NULL is not stated, a struct of nothing but NULL neither; decimals keep the digits of their column."""
    lab = "analyte: string, value: decimal(6,2), unit: string, at: date, specimen: string"
    schema = (
        "case struct<id: string, note: string>, patient struct<sex: string, birth_date: string>, "
        f"labs array<struct<{lab}, reference_range: struct<low: double, high: double>>>, source struct<doi: string>, ward string"
    )
    day = datetime.date(2020, 1, 31)
    data = [
        (("a", None), ("female", None), [("Hb", Decimal("9.50"), "g/dL", day, None, (12.0, 15.5))], None, "3b"),
        (("b", None), ("female", "1950"), [("Hb", Decimal("8.00"), "g/dL", None, None, (None, None))], (None,), None),
        (("c", None), ("nothing", None), [], None, None),
        (None, None, None, None, "none"),
    ]
    found = convert_cases(spark.createDataFrame(data, schema), None, keep=["ward"]).collect()
    stated = [
        '{"case":{"id":"a"},"patient":{"sex":"female"},"labs":[{"analyte":"Hb","value":9.50,"unit":"g/dL",'
        '"at":"2020-01-31","reference_range":{"low":12,"high":15.5}}]}',
        '{"case":{"id":"b"},"patient":{"sex":"female","birth_date":"1950"},"labs":[{"analyte":"Hb","value":8.00,"unit":"g/dL"}],'
        '"source":{}}',
    ]
    same = rows(spark, *(text.encode() for text in stated))
    assert [row.bundle for row in found[:2]] == [row.bundle for row in same]
    assert '"value":9.50' in found[0].bundle
    assert [row.ok for row in found] == [True, True, False, False]
    assert [row.ward for row in found] == ["3b", None, None, "none"]
    assert [(issue.rule, issue.pointer) for issue in found[2].issues] == [("not-a-choice", "/patient/sex")]


def test_mappings_of_a_site_reach_the_executors(spark: SparkSession, tmp_path: Path) -> None:
    """By their content: the folder may be gone when the work runs."""
    (tmp_path / "concepts").mkdir()
    table = tmp_path / "concepts" / "labs.toml"
    table.write_text(SITE)
    case = {**CASE, "labs": [{"analyte": "crea", "result": "high"}]}
    expected = fhirconv.convert(case, mappings=tmp_path).json()
    made = convert_cases(spark.createDataFrame([(json.dumps(case),)], "case string"), mappings=tmp_path)
    table.unlink()
    (row,) = made.collect()
    assert b"2160-0" in expected
    assert row.bundle.encode() == expected


def test_what_cannot_be_used_is_told_before_anything_runs(spark: SparkSession, tmp_path: Path) -> None:
    df = spark.createDataFrame([("{}", 1)], "case string, bundle int")
    (tmp_path / "units.toml").write_text("not TOML")
    with pytest.raises(fhirconv.MappingError, match=r"units\.toml"):
        convert_cases(df.select("case"), mappings=tmp_path)
    with pytest.raises(ValueError, match="profile must be one of r4, mcode"):
        convert_cases(df.select("case"), profile="mcod")
    with pytest.raises(ValueError, match="is no folder of mappings"):
        convert_cases(df.select("case"), mappings=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="bundle must be one of"):
        convert_cases(df, bundle="history")
    with pytest.raises(ValueError, match="no column 'cas'; did you mean 'case'"):
        convert_cases(df, "cas")
    with pytest.raises(ValueError, match="column 'bundle' is one of those that come out"):
        convert_cases(df)
    with pytest.raises(ValueError, match="column 'lab' is no section of case facts; did you mean 'labs'"):
        convert_cases(spark.createDataFrame([(1,)], "lab int"), None)


def test_parquet_keeps_every_byte(spark: SparkSession, tmp_path: Path) -> None:
    lines = list(mixed_cases(60))
    df = spark.createDataFrame([(line,) for line in lines], "case binary")
    convert_cases(df).write.parquet(str(tmp_path / "out"))
    found = {row.case_id: row for row in spark.read.parquet(str(tmp_path / "out")).collect()}
    assert len(found) == len(lines)
    for line in lines:
        case = json.loads(line, parse_float=Decimal)
        assert found[case["case"]["id"]].bundle.encode() == fhirconv.convert(case).json()
