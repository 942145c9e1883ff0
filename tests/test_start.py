"""A run reads of fhirconv's own mappings what it needs, and a mistake in them is told all the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fhirconv import MappingError
from fhirconv.data_files import data_dir
from fhirconv.mapping import Mappings, ResourceMapping, check_mappings, load_mappings
from fhirconv.mapping.own import Lazy, is_proven, own_texts, tables_with_code
from fhirconv.values.base import ElementRule, all_rules

ROOT = Path(__file__).resolve().parents[1]
CASE = "case: {id: small}\npatient: {}\nlabs: [{analyte: Hb, value: 11.4, unit: g/dL}]\n"
COMMAND = "from fhirconv.cli import main; main()"


def test_our_mappings_are_those_that_were_checked() -> None:
    assert is_proven(), "mappings/ was changed: run 'make lint' and commit fhirconv/data/mappings.sha256"


def described(rules: Iterable[ElementRule]) -> list[Any]:
    """What can be compared of compiled rules."""
    return [(r.element, r.where, r.definition, r.made.sources, r.made.main_table) for r in all_rules(rules)]


def mapping_as_data(mapping: ResourceMapping) -> list[Any]:
    claims = [(one.name, one.needs, one.excludes, one.requires, described(one.rules)) for one in mapping.variants]
    about = (mapping.name, mapping.file, mapping.resource, mapping.section, mapping.role, mapping.only, mapping.about)
    return [about, sorted(mapping.reads), described(mapping.rules), claims]


def as_data(mappings: Mappings) -> list[Any]:
    tables = {name: (list(table.concepts.items()), table) for name, table in mappings.tables.concepts.items()}
    words = {name: [table.find(key) for key, _ in found] for name, (found, table) in tables.items()}
    concepts = {name: found for name, (found, _) in tables.items()}
    order = {name: [one.name for one in found] for name, found in mappings.by_section.items()}
    limits = replace(mappings.limits, judged={})  # without what it remembers of cases
    return [concepts, words, order, [mapping_as_data(one) for one in mappings.resources], limits]


@pytest.mark.parametrize("profile", ["r4", "mcode"])
def test_what_is_read_when_it_is_needed_is_what_was_checked(profile: str) -> None:
    needed = load_mappings(None, profile)
    assert isinstance(needed.tables.concepts, Lazy)
    assert as_data(needed) == as_data(check_mappings(None, profile))


def test_the_tables_with_a_code_are_found_without_reading_them() -> None:
    for name, table in load_mappings().tables.concepts.items():
        for code in {coding["code"] for concept in table.concepts.values() for coding in concept.codings}:
            assert name in tables_with_code(code), code


def test_values_are_made_when_they_are_asked_for() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    table = Lazy(["a", "b"], make)
    assert (list(table), len(table), "a" in table, "c" in table, made) == (["a", "b"], 2, True, False, [])
    assert (table["a"], table["a"], table.get("c"), made) == ("A", "A", None, ["a"])
    with pytest.raises(KeyError, match="c"):
        table["c"]


def test_a_mistake_of_a_site_is_told_whatever_the_case_needs(tmp_path: Path) -> None:
    (tmp_path / "concepts").mkdir()
    (tmp_path / "concepts" / "drugs.toml").write_text('[x]\ntext = "X"\ncodings = [{}]\n', encoding="utf-8")
    with pytest.raises(MappingError, match=r"drugs\.toml"):
        load_mappings(tmp_path)


# -- an installation whose mappings were changed --


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of fhirconv, with a case that needs little of it."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "fhirconv", folder / "fhirconv", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "case.yaml").write_text(CASE, encoding="utf-8")
    return folder


@pytest.fixture
def changed(elsewhere: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Converts the case with mappings in which `old` of a file is `new`."""
    mappings = elsewhere / "mappings"
    shutil.copytree(data_dir("mappings"), mappings)

    def convert(name: str, old: str, new: str, *options: str) -> subprocess.CompletedProcess[str]:
        text = (mappings / name).read_text("utf-8")
        assert old in text
        (mappings / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        command = [sys.executable, "-c", COMMAND, "convert", "case.yaml", "--quiet", *options]
        return subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, timeout=120, check=False)

    yield convert
    shutil.rmtree(mappings)


@pytest.mark.parametrize(
    ("name", "old", "new", "rule"),
    [
        ("concepts/drugs.toml", 'system = "rxnorm"', 'system = "rxnom"', "mapping-table"),
        ("concepts/sites.toml", "[", "[[", "mapping-syntax"),
        ("resources/stage.toml", "[elements]", "[elements]\nkode = { fixed = 1 }", "mapping-target"),
        ("resources/medication.toml", '"medications"', '"medication"', "mapping-source"),
        ("units.toml", "spellings = [", "spelings = [", "mapping-table"),
        ("plausibility.toml", "oldest_years", "oldest", "mapping-table"),
        ("case-facts.schema.json", '"analyte": {', '"further": {"type": "string"}, "analyte": {', "mapping-lost"),
    ],
)
def test_a_mistake_in_changed_mappings_is_told_whatever_the_case_needs(
    changed: Callable[..., subprocess.CompletedProcess[str]], name: str, old: str, new: str, rule: str
) -> None:
    done = changed(name, old, new)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert f"[{rule}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_a_changed_profile_is_told(changed: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = changed("profiles/mcode.toml", 'mapping = "condition"', 'mapping = "conditions"', "--profile", "mcode")
    assert done.returncode == 3, done.stderr
    assert "mcode.toml" in done.stderr


def test_a_change_without_a_mistake_is_used(changed: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = changed("resources/lab.toml", '"final"', '"amended"')
    assert done.returncode == 0, done.stderr
    assert '"status": "amended"' in done.stdout


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"0" * 64])
def test_without_the_digest_everything_is_checked(
    elsewhere: Path, changed: Callable[..., subprocess.CompletedProcess[str]], content: bytes | None
) -> None:
    digest = elsewhere / "fhirconv" / "data" / "mappings.sha256"
    good = digest.read_bytes()
    try:
        digest.unlink() if content is None else digest.write_bytes(content)
        done = changed("resources/lab.toml", "", "")
    finally:
        digest.write_bytes(good)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_digest_is_of_every_file() -> None:
    folder = data_dir("mappings")
    assert set(own_texts()) == {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
