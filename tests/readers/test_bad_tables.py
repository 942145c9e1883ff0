"""Tables that cannot be read as they are, each folder against what is told of it. A new folder is a new test.

Told is what came of each case, then the report. Renewed by `pytest tests/readers/test_bad_tables.py --renew`; read each
line as someone who knows tables, and not this project.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import FIXTURES

from fhirconv.conversion import convert_document
from fhirconv.mapping import load_mappings
from tests.readers.reading import Read, read, reader_of

FOLDER = FIXTURES / "readers" / "bad"
NAMES = sorted(path.name for path in FOLDER.iterdir())


def read_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> Read:
    """All its tables, read from within so that no path gets into a message."""
    monkeypatch.chdir(FOLDER / name)
    return read(reader_of(Path("reader.toml").read_text(encoding="utf-8")), *sorted(Path().glob("*.csv")))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_told(name: str, monkeypatch: pytest.MonkeyPatch, renew: bool) -> None:
    found = read_folder(name, monkeypatch)
    lines = []
    for document in found.documents:
        if document.data is None:
            lines += [f"no case from {document.name}", *(f"  {issue.text()}" for issue in document.issues)]
        else:
            made = convert_document(document, load_mappings())
            lines.append(f"case {made.case.id}: {'converted' if made.ok else 'rejected'}")
            lines += [f"  {issue.text()}" for issue in made.issues if issue.rule != "kept-as-text"]
    text = "\n".join([*lines, "", found.report.text(), ""])
    expected = Path("expected.txt")
    if renew:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_every_rule_of_readers_is_broken_here(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for name in NAMES:
        read_here = read_folder(name, monkeypatch)
        found |= {issue.rule for document in read_here.documents for issue in document.issues}
        found |= {issue.rule for issue in read_here.report.issues()}
    wanted = {"source-unknown", "table-missing", "column-missing", "row-without-case", "row-unused", "row-alone"}
    wanted |= {"cell-damaged", "cell-unknown", "cell-form", "cell-conflict", "cell-kept", "cell-left", "column-unread"}
    assert sorted(wanted - found) == []
