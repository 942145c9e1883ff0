"""Session fixtures: the two validators, installed when they are not, each in one JVM for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from . import install
from .oracle import Oracle


@pytest.fixture(scope="session")
def oracles() -> Iterator[dict[str, Oracle]]:
    """Both validators by engine name; they load their definitions side by side. Fails where Java is missing."""
    try:
        install.ensure()
    except install.SetupError as problem:
        pytest.fail(str(problem), pytrace=False)
    with ExitStack() as stack:
        yield {engine: stack.enter_context(Oracle(engine)) for engine in ("hl7", "hapi")}


@pytest.fixture(scope="session")
def hl7(oracles: dict[str, Oracle]) -> Oracle:
    """HL7's own engine: the judge."""
    return oracles["hl7"]


@pytest.fixture(scope="session")
def hapi(oracles: dict[str, Oracle]) -> Oracle:
    """The chain behind a HAPI server's $validate: stricter on displays, units and LOINC, blind on SNOMED CT."""
    return oracles["hapi"]
