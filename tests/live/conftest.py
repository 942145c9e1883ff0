"""One HAPI server for the whole run; each test keeps to resources of its own by a text that no other has."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhirconv import local_server

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests in this folder are live: none can be forgotten."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def hapi_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a HAPI R4 server that begins empty. FHIRCONV_TEST_SERVER names a running one, to save its start."""
    running = os.environ.get("FHIRCONV_TEST_SERVER")
    if running and not os.environ.get("CI"):
        yield running
        return
    data = tmp_path_factory.mktemp("hapi")
    try:
        server = local_server.start(data, port=0)
    except local_server.LocalServerError as error:
        pytest.fail(f"{error} (live tests never skip)", pytrace=False)
    try:
        yield server.url
    finally:
        local_server.stop(data)


@pytest.fixture
def unique() -> str:
    """A text of letters and digits that no other test has: for ids, identifiers and tags."""
    return f"t{uuid.uuid4().hex}"
