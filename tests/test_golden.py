"""Every case of fixtures/cases in both profiles, byte by byte as it stands in fixtures/bundles.

Renewed by `pytest tests/test_golden.py --renew`; read the diff before you commit it.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from conftest import FIXTURES, Converted

from fhirconv import convert

CASES = sorted(path for path in (FIXTURES / "cases").iterdir() if path.suffix in (".yaml", ".json"))
PROFILES = ("r4", "mcode")
SHOWN_LINES = 60


def golden(case: Path, profile: str) -> Path:
    """Where the golden Bundle of a case stands."""
    return FIXTURES / "bundles" / f"{case.stem}.{profile}.json"


GOLDENS = {golden(case, profile) for case in CASES for profile in PROFILES}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_bundle_is_golden(case: Path, profile: str, converted: Converted, renew: bool) -> None:
    made, file = converted(case, profile).json(indent=True), golden(case, profile)
    if renew:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(made)
    assert file.is_file(), f"no {file.name}; make it with: pytest tests/test_golden.py --renew"
    if file.read_bytes() != made:
        pytest.fail(difference(file, made), pytrace=False)


def test_every_golden_has_its_case(renew: bool) -> None:
    orphans = sorted(set((FIXTURES / "bundles").glob("*")) - GOLDENS)
    for orphan in orphans if renew else ():
        orphan.unlink()
    assert renew or not orphans, f"no case makes {', '.join(path.name for path in orphans)}; remove them, or --renew"


@pytest.mark.parametrize("name", ["nakagawa-2022", "takanashi-2019"])
def test_bundle_does_not_depend_on_the_source_text(name: str, converted: Converted, tmp_path: Path) -> None:
    case = FIXTURES / "cases" / f"{name}.yaml"
    copy = tmp_path / case.name
    copy.write_text(
        case.read_text(encoding="utf-8").replace("source:\n", "source:\n  text: nowhere.txt\n", 1), encoding="utf-8"
    )
    alone = convert(copy)
    assert "source-missing" in [issue.rule for issue in alone.issues]
    assert alone.json() == converted(case, "r4").json()


def difference(file: Path, made: bytes) -> str:
    """The first lines in which a golden Bundle and what was made differ."""
    sides = (file.read_text(encoding="utf-8").splitlines(), made.decode().splitlines())
    lines = list(difflib.unified_diff(*sides, "golden", "made", lineterm="", n=2))
    more = f"\n... {len(lines) - SHOWN_LINES} more lines" if len(lines) > SHOWN_LINES else ""
    return f"{file.name} is not what is made:\n" + "\n".join(lines[:SHOWN_LINES]) + more
