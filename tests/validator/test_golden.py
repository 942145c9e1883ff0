"""Every golden Bundle, judged by both validators."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from . import expected
from .oracle import Finding, Oracle

pytestmark = pytest.mark.validator

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "bundles"
# pytest skips a test without parameters; an empty folder must fail, so it stands for itself.
BUNDLES = sorted(FOLDER.glob("*.json")) or [FOLDER]
ENGINES = ("hl7", "hapi")

Judge = Callable[[str, Path], list[Finding]]


@pytest.fixture(scope="session")
def judge(oracles: dict[str, Oracle]) -> Judge:
    """What an engine says of a golden Bundle; asked once for each."""

    @cache
    def outcome(engine: str, path: Path) -> list[Finding]:
        assert path.is_file(), f"no *.json in fixtures/{FOLDER.name}/: nothing was judged"
        return oracles[engine].outcome(path)

    return outcome


@pytest.fixture(scope="session")
def entries() -> list[expected.Expected]:
    """The entries of expected-warnings.toml."""
    return expected.load(expected.FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
@pytest.mark.parametrize("engine", ENGINES)
def test_golden_bundle_is_valid(engine: str, path: Path, judge: Judge, entries: list[expected.Expected]) -> None:
    surprises = expected.unexpected(engine, judge(engine, path), entries)
    assert not surprises, f"{engine} on {path.name}, not in {expected.FILE.name}:\n{expected.summary(surprises)}"


def test_every_expected_finding_still_occurs(judge: Judge, entries: list[expected.Expected]) -> None:
    stale = [
        str(entry)
        for entry in entries
        if not any(entry.covers(entry.engine, found) for path in BUNDLES for found in judge(entry.engine, path))
    ]
    assert not stale, f"nothing matches these entries of {expected.FILE.name}; remove them:\n" + "\n".join(stale)
