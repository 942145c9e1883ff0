"""Parts of cells, of facts and of fields: what says nothing is none, and the error of a spreadsheet is told as such."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from fhirconv.document import LIMITS
from fhirconv.readers import Report
from fhirconv.readers.tables import TableError, open_table
from tests.readers.reading import Read, read_rows, reader_of

READER = """
title = "Made-up"
null = ["NA"]
[tables.t]
file = "t.csv"
key = "id"
null = ["none"]
[[facts]]
table = "t"
section = "findings"
split = { column = "sites", by = "|" }
fields = { finding = { column = "@" } }
[[facts]]
table = "t"
section = "conditions"
fields = { kind = { fixed = "other" }, name = { column = "name" }, site = { column = "sites", split = "|" } }
"""


def made(folder: Path, sites: str) -> Read:
    return read_rows(reader_of(READER), folder, t=[("id", "name", "sites"), ("A", "x", sites)])


def test_parts_that_say_nothing_are_none(tmp_path: Path) -> None:
    data = made(tmp_path, "bone|NA| none |liver").one
    assert data["conditions"][0]["site"] == ["bone", "liver"]
    assert [fact["finding"] for fact in data["findings"]] == ["bone", "liver"]


def test_the_error_of_a_spreadsheet_among_parts_is_told(tmp_path: Path) -> None:
    found = made(tmp_path, "bone|#N/A|liver")
    (line,) = (line for line in found.lines if "error" in line)
    assert "t.csv:2:3: error: '#N/A' is an error of a spreadsheet" in line
    assert "[cell-damaged]" in line
    assert [fact["finding"] for fact in found.one["findings"]] == ["bone", "liver"]


UNSURE = """
title = "Made-up"
[tables.t]
file = "t.csv"
key = "id"
[[facts]]
table = "t"
section = "conditions"
where = { name = true }
fields = { id = { column = "of" }, kind = { fixed = "other" }, name = { column = "name" } }
[[facts]]
table = "t"
section = "findings"
where = { name = false }
fields = { finding = { column = "finding" }, of = { column = "of", only_if_made = true } }
"""


def test_a_reference_that_is_left_out_is_counted(tmp_path: Path) -> None:
    rows = [("id", "name", "of", "finding"), ("A", "x", "c1", ""), ("A", "", "c1", "pain"), ("A", "", "c2", "cough")]
    found = read_rows(reader_of(UNSURE), tmp_path, t=rows)
    assert [fact.get("of") for fact in found.one["findings"]] == ["c1", None]
    (line,) = (line for line in found.lines if "cell-left" in line)
    assert "t.csv:4:3: information: t.of: not read, because its case has no fact of that id" in line


def test_a_case_is_given_up_where_it_is_over_the_limit(tmp_path: Path) -> None:
    rows = [("id", "name", "sites"), *(("A", "x", "bone|liver") for _ in range(1000))]
    read_rows(reader_of(READER), tmp_path, t=rows)
    report = Report()
    (document,) = reader_of(READER).read([tmp_path / "t.csv"], LIMITS._replace(nodes=50), report)
    assert document.data is None
    assert [issue.rule for issue in document.issues] == ["too-large"]
    assert report.tables["t"].made < 50


RELATION = '<Relationships><Relationship Id="{0}" Type="x/{1}" Target="{2}"/>{3}</Relationships>'


def shared(path: Path, text: str, times: int) -> Path:
    """A workbook with one shared text, which is in many cells."""
    strings = '<Relationship Id="s" Type="x/sharedStrings" Target="strings.xml"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("_rels/.rels", RELATION.format("b", "officeDocument", "xl/book.xml", ""))
        book.writestr("xl/_rels/book.xml.rels", RELATION.format("r1", "worksheet", "sheet.xml", strings))
        book.writestr("xl/book.xml", '<workbook><sheet name="S" r:id="r1" xmlns:r="r"/></workbook>')
        book.writestr("xl/strings.xml", f"<sst><si><t>{text}</t></si><si><t>id</t></si></sst>")
        rows = "<row><c t='s'><v>0</v></c></row>" * times
        book.writestr("xl/sheet.xml", f"<worksheet><row><c t='s'><v>1</v></c></row>{rows}</worksheet>")
    return path


def test_a_text_that_many_cells_share_is_no_bomb(tmp_path: Path) -> None:
    path = shared(tmp_path / "t.xlsx", "y" * 3000, 500)
    assert sum(1 for _ in open_table(path).rows) == 500
    with pytest.raises(TableError) as bomb:
        list(open_table(path, limits=LIMITS._replace(ratio=50, bytes=200_000)).rows)
    assert "the texts so far are more than 50 times the file, as in a bomb" in str(bomb.value)
    with pytest.raises(TableError) as long:
        list(open_table(path, limits=LIMITS._replace(text=2999)).rows)
    assert f"{path}[S]:2:1: fatal: has a cell of more than 2999 characters" in str(long.value)
