"""Descriptions of readers with mistakes, each against what is told of it. A new file in fixtures/readers/mistakes is a new test.

Renewed by `pytest tests/readers/test_mistakes.py --renew`; read each line as someone who writes a first description.
"""

from __future__ import annotations

import contextlib
import copy
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from conftest import FIXTURES, run

from fhirconv import MappingError
from fhirconv.readers import find_reader
from fhirconv.readers.description import read_description
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


MAXIMAL = tomli.loads((FIXTURES / "readers" / "maximal.toml").read_text(encoding="utf-8"))
ODD = [
    "",
    "x",
    0,
    -1,
    1.5,
    True,
    [],
    ["x"],
    [[]],
    [{}],
    {},
    {"x": 1},
    {"x": []},
    {"column": "x"},
    {"fixed": {"x": []}},
    datetime.date(2020, 1, 1),
]


def nodes(raw: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value of a description."""
    if path:
        yield path
    for key, value in raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ():
        yield from nodes(value, (*path, key))


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_whatever_stands_in_a_description_is_right_or_told(odd: Any) -> None:
    """Each value of a description with all keys in turn is something else."""
    read_description("made-up", MAXIMAL, "made-up.toml")
    for path in nodes(MAXIMAL):
        raw = copy.deepcopy(MAXIMAL)
        within = raw
        for step in path[:-1]:
            within = within[step]
        within[path[-1]] = odd
        with contextlib.suppress(MappingError):
            read_description("made-up", raw, "made-up.toml")
