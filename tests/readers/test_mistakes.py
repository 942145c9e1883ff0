"""Descriptions of readers with mistakes, each against what is told of it. A new file in fixtures/readers/mistakes is a new test.

Renewed by `pytest tests/readers/test_mistakes.py --renew`; read each line as someone who writes a first description.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import FIXTURES, run

from fhirconv import MappingError
from fhirconv.readers import find_reader
from tests.readers.reading import mistakes_of

FOLDER = FIXTURES / "readers" / "mistakes"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_all_mistakes_are_told_at_once(name: str, renew: bool) -> None:
    lines = "".join(f"{line}\n" for line in mistakes_of((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))
    expected = FOLDER / f"{name}.expected"
    if renew:
        expected.write_text(lines, encoding="utf-8")
    assert lines == expected.read_text(encoding="utf-8")
    assert lines, "there is no mistake"


def test_every_expected_file_has_its_description() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.expected")) == NAMES


def site_with(folder: Path, text: str) -> Path:
    """A folder of a site with one reader."""
    (folder / "readers").mkdir()
    (folder / "readers" / "made-up.toml").write_text(text, encoding="utf-8")
    return folder


def test_mappings_check_tells_them_with_the_file(tmp_path: Path) -> None:
    done = run("mappings", "check", str(site_with(tmp_path, 'title = "x"\ntables = 3\n')))
    assert done.exit_code == 3
    assert f"{tmp_path}/readers/made-up.toml: error: tables: expected a table [mapping-syntax]" in done.stderr
    assert f"{tmp_path}/readers/made-up.toml: error: facts: is missing or empty [mapping-syntax]" in done.stderr


def test_what_is_no_toml_is_told_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"made-up.toml: error: is not TOML: .*line 3"):
        find_reader("made-up", site_with(tmp_path, 'title = "x"\nnull = [\ntables = 3'))


@pytest.mark.parametrize("name", ["clinc", "*", "../secret", ""])
def test_a_reader_that_there_is_not(name: str) -> None:
    with pytest.raises(MappingError, match="there is no reader"):
        find_reader(name, FIXTURES / "readers" / "clinic" / "mappings")


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(MappingError, match="did you mean 'clinic'"):
        find_reader("clinc", FIXTURES / "readers" / "clinic" / "mappings")
