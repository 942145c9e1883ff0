"""A site's readers lie over fhirconv's own, and beside them."""

from __future__ import annotations

from pathlib import Path

from conftest import FIXTURES, run

from fhirconv.readers import find_reader, reader_names
from fhirconv.readers.table_reader import TableReader

CLINIC = FIXTURES / "readers" / "clinic" / "mappings"


def test_a_site_has_readers_beside_ours() -> None:
    ours = reader_names()
    assert ours
    assert reader_names(CLINIC) == sorted([*ours, ("clinic", "Made-up clinic, CSV exports")])


def test_a_table_of_a_site_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "readers").mkdir()
    (tmp_path / "readers" / "tcga-biotab.toml").write_text(
        'title = "As we have it"\n[tables.patient]\nfile = "p.tsv"\nkey = "bcr_patient_barcode"\nquote = false\n',
        encoding="utf-8",
    )
    ours, theirs = (find_reader("tcga-biotab", folder) for folder in (None, tmp_path))
    assert isinstance(ours, TableReader)
    assert isinstance(theirs, TableReader)
    assert theirs.title == "As we have it"
    before, after = ({one.name: one for one in reader.description.tables} for reader in (ours, theirs))
    assert list(after) == list(before)
    assert after["patient"].files == ("p.tsv",)
    assert after["patient"].layout.skip == 0 != before["patient"].layout.skip
    assert after["patient"].layout.quote is False
    assert after["drug"] == before["drug"]
    assert len(theirs.description.facts) == len(ours.description.facts)


def test_readers_are_listed_with_the_mappings() -> None:
    listed = run("mappings", "list", "--mappings", str(CLINIC)).stdout.splitlines()
    assert "readers/clinic                       Made-up clinic, CSV exports" in listed
