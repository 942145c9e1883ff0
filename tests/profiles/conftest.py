"""Packages made by tests, the built-in mCODE definitions, and HL7's validator for those who ask for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirconv.profiles.check import Profiles
from fhirconv.profiles.packages import load_package
from tests.validator import corpora, install
from tests.validator.oracle import Oracle

Json = dict[str, Any]
Pack = Callable[..., Profiles]

MANIFEST = {"name": "org.test", "version": "1.0.0", "fhirVersions": ["4.0.1"]}


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Writes definitions as a package into a folder and reads it."""

    def write(*definitions: Json) -> Profiles:
        folder = tmp_path / "package"
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
        for number, definition in enumerate(definitions):
            path = folder / f"{definition['resourceType']}-{number}.json"
            path.write_text(json.dumps(definition), encoding="utf-8")
        return Profiles([load_package(tmp_path)])

    return write


@pytest.fixture(scope="session")
def mcode() -> Profiles:
    """What comes with fhirconv."""
    return Profiles([load_package("mcode")])


@pytest.fixture(scope="session")
def examples() -> dict[str, Json]:
    """The examples of mCODE's package by name."""
    install.ensure()
    return {sample.name.removesuffix(".json"): json.loads(sample.content) for sample in corpora.mcode()}


@pytest.fixture(scope="session")
def hl7() -> Iterator[Oracle]:
    """HL7's own engine. Fails where Java is missing."""
    try:
        install.ensure()
    except install.SetupError as problem:
        pytest.fail(str(problem), pytrace=False)
    with Oracle("hl7") as oracle:
        yield oracle
