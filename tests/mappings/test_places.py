"""Each key of the mappings is found in the line that states it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from conftest import FIXTURES

from fhirconv.data_files import data_dir
from fhirconv.mapping.places import Places

FILES = sorted(data_dir("mappings").rglob("*.toml"))
SITE = FIXTURES / "site-mappings"


def tables(data: dict[str, Any], keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of a file, and of the tables in it."""
    for key, value in data.items():
        yield (*keys, key)
        if isinstance(value, dict):
            yield from tables(value, (*keys, key))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_line_of_a_key_names_it(path: Path) -> None:
    folder = data_dir("mappings")
    name = path.relative_to(folder).with_suffix("").as_posix()
    places, lines = Places([folder]), path.read_text("utf-8").splitlines()
    for keys in tables(tomli.loads(path.read_text("utf-8"))):
        found = places.find(name, *keys)
        assert found is not None
        assert any(key in lines[found.line - 1] for key in keys), keys
        if len(keys) == 1:
            assert keys[0] in lines[found.line - 1]


def test_the_last_folder_that_states_a_key() -> None:
    places = Places([data_dir("mappings"), SITE])
    ours, theirs = places.find("resources/lab", "elements", "code"), places.find("resources/lab", "elements", "status")
    assert ours is not None
    assert theirs is not None
    assert (ours.folder, theirs.folder, theirs.line) == (data_dir("mappings"), SITE, 2)
    assert [found.folder for found in places.files("resources/lab")] == [data_dir("mappings"), SITE]
    assert places.find("resources/nothing", "elements") is None


def test_what_only_looks_like_a_key(tmp_path: Path) -> None:
    text = 'a = [\n["b"],\n"x = 1",\n]\n[b]\n"c.d" = { e = 1 }\nf.g = """\nh = 2\n"""\n[b.h]\ni = 1\n'
    (tmp_path / "odd.toml").write_text(text, encoding="utf-8")
    places = Places([tmp_path])
    wanted = {("a",): 1, ("b",): 5, ("b", "c.d"): 6, ("b", "f", "g"): 7, ("b", "h", "i"): 11}
    assert {keys: found.line for keys in wanted if (found := places.find("odd", *keys))} == wanted
