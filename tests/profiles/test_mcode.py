"""The mCODE definitions that come with fhirconv: whole, small, and the same as those of the package."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import mcode_definitions
import pytest

from fhirconv.data_files import data_file
from fhirconv.profiles.check import Profiles, check_profiles
from fhirconv.profiles.packages import load_package
from tests.validator import install

from .broken import BROKEN, MCODE
from .made import errors, lookup_in

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "bundles"
BUNDLES = sorted(FOLDER.glob("*.mcode.json")) or [FOLDER]
PACKAGES = [
    install.BUILD / "packages" / name
    for name in ("hl7.fhir.us.mcode-4.0.0.tgz", "hl7.fhir.r4.core-4.0.1.tgz", "hl7.terminology.r4-7.0.1.tgz")
]


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_golden_bundles_conform(path: Path, mcode: Profiles) -> None:
    assert errors(json.loads(path.read_bytes()), mcode) == set()


def test_every_profile_of_mcode_is_there_and_can_be_compiled(mcode: Profiles) -> None:
    named = [url for url in mcode.names() if url.startswith(MCODE)]
    assert len(named) == 53
    assert all(mcode.profile(url) for url in mcode.names())
    assert mcode.unusable == {}


def test_what_us_core_would_ask_is_said_to_be_not_checked(mcode: Profiles) -> None:
    bundle = json.loads((FOLDER / "nakagawa-2022.mcode.json").read_bytes())
    _, skipped = check_profiles(bundle, mcode, None, lookup_in(bundle))
    assert any("us-core-patient" in each.what for each in skipped)
    assert len({each.what for each in skipped}) == len(skipped)


def test_a_broken_golden_bundle_is_found_at_its_place(mcode: Profiles) -> None:
    bundle = json.loads((FOLDER / "nakagawa-2022.mcode.json").read_bytes())
    number = next(n for n, entry in enumerate(bundle["entry"]) if entry["resource"]["resourceType"] == "Patient")
    del bundle["entry"][number]["resource"]["name"]
    found = {(finding.rule, finding.path) for finding in errors(bundle, mcode)}
    assert ("profile-min", ("entry", number, "resource")) in found


@pytest.mark.validator
def test_the_file_is_what_the_tool_makes_of_the_packages(tmp_path: Path) -> None:
    install.ensure()
    made = tmp_path / "made.json"
    arguments = ["--us-core", str(install.STANDINS), "--output", str(made), *map(str, PACKAGES)]
    assert mcode_definitions.main(arguments) == 0
    assert made.read_bytes() == data_file("mcode-definitions.json").read_bytes()
    assert made.stat().st_size < 400_000


@pytest.mark.validator
def test_the_package_says_the_same(examples: dict[str, dict[str, Any]], mcode: Profiles) -> None:
    """All but what hangs on US Core's value sets and types, which the packages do not hold."""
    packages = Profiles([load_package(path) for path in PACKAGES])
    us_core = (
        "category of US Core missing",
        "condition of a group",
        "requester is a device",
        "reason is an observation",
    )
    differing = []
    for broken in BROKEN:
        resource = copy.deepcopy(examples[broken.example])
        broken.change(resource)
        if errors(resource, packages) != errors(resource, mcode):
            differing.append(broken.name)
    assert set(differing) <= set(us_core)
