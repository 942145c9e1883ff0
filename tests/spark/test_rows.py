"""What runs on the executors, without Spark: bounded batches, lines numbered over blocks, faults that stay in their row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from fhirconv.conversion import Conversion
from fhirconv.issues import FhirconvError
from fhirconv.many import converter
from fhirconv.many.converter import Settings
from fhirconv.spark import rows
from fhirconv.spark.rows import Lines, StoppedError, Work, convert_batches

pytestmark = pytest.mark.spark

WORK = Work("case", (), Settings())
CASE = '{"case":{"id":"%s"},"patient":{}}'


def batch(*cases: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"case": list(cases)})


def test_batches_that_come_out_are_small() -> None:
    """A batch of many cases comes out in parts, by number of rows and by size."""
    many = list(convert_batches([batch(*(CASE % n for n in range(2 * rows.ROWS + 1)))], WORK))
    assert [part.num_rows for part in many] == [rows.ROWS, rows.ROWS, 1]
    note = '{"case":{"id":"%s"},"patient":{"note":"' + "x" * 900_000 + '"}}'
    assert max(part.num_rows for part in convert_batches([batch(*(note % n for n in range(12)))], WORK)) < 6


def test_lines_are_numbered_over_batches_and_blocks() -> None:
    lines = Lines("file", "block", {("file:/a%20b", 0): 0, ("file:/a%20b", 90): 3, ("file:/c", 0): 0})
    work = replace(WORK, lines=lines)
    texts = ["{", "", "{", "{", "{", CASE % 1]
    files = ["file:/a%20b"] * 5 + ["file:/c"]
    blocks = [0, 0, 0, 90, 90, 0]
    whole = pa.RecordBatch.from_pydict({"case": texts, "file": files, "block": blocks})
    found = [row for part in convert_batches([whole.slice(0, 2), whole.slice(2)], work) for row in part.to_pylist()]
    assert {row["file"] for row in found} == {"/a b", "/c"}
    assert [row["line"] for row in found] == [1, 2, 3, 4, 5, 1]
    assert [row["issues"][0]["line"] for row in found[:5]] == [1, 2, 3, 4, 5]
    with pytest.raises(StoppedError, match=r"^/a b:1 \[not-json\]$"):
        list(convert_batches([whole], replace(work, stop=True)))


def test_a_blank_line_does_not_stop() -> None:
    assert list(convert_batches([batch("", CASE % 1)], replace(WORK, stop=True)))


@pytest.mark.parametrize(
    ("where", "name", "expected"),
    [(converter, "convert_document", "fhirconv/many/converter.py:"), (Conversion, "json", "fhirconv/spark/rows.py:")],
)
def test_a_fault_of_ours_stays_in_its_row(
    where: object, name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row says what failed and where in our code, and nothing of the case."""

    def broken(*arguments: object) -> None:
        raise KeyError("Erika Beispiel")

    monkeypatch.setattr(where, name, broken)
    (part,) = convert_batches([batch(CASE % 1, CASE % 2)], WORK)
    first, second = part.to_pylist()
    (issue,) = first["issues"]
    assert (first["ok"], first["bundle"], issue["rule"]) == (False, None, "record-failed")
    assert f"KeyError at {expected}" in issue["message"]
    assert "Erika" not in json.dumps([first, second])


def test_what_is_written_as_text_is_the_bundle_or_the_line_of_a_reject() -> None:
    texts = [CASE % 1, "{", ""]
    lines = Lines("file", "block", {("file:/c", 0): 0})
    whole = pa.RecordBatch.from_pydict({"case": texts, "file": ["file:/c"] * 3, "block": [0] * 3})
    told, written = ([row for part in convert_batches([whole], replace(WORK, lines=one)) for row in part.to_pylist()]
                     for one in (lines, replace(lines, as_text=True)))  # fmt: skip
    assert [(row["outcome"], row["facts"]) for row in written] == [(row["outcome"], row["facts"]) for row in told]
    assert [row["outcome"] for row in told] == ["converted", "rejected", "blank"]
    assert written[0]["value"] == told[0]["bundle"]
    (issue,) = (issue for issue in told[1]["issues"])
    stated = {name: value for name, value in issue.items() if value}
    assert json.loads(written[1]["value"]) == {"file": "/c", "line": 2, "issues": [stated]}


def test_another_version_on_a_node_is_told() -> None:
    with pytest.raises(FhirconvError, match="install the same on all"):
        list(convert_batches([batch(CASE % 1)], replace(WORK, version="0.0.1")))


def test_shipped_mappings_leave_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    site = (("systems.toml", b'[identifier]\nfact = "https://hospital.test/fhir/case-facts"\n'),)
    rows.shipped_mappings.__wrapped__(site, "r4")
    assert not list(tmp_path.iterdir())
