"""What the tests of the battery share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..faults import Proxy
from ..oracle import Push
from ..toxics import MAKERS, Way, line, toxiproxy


@pytest.fixture
def proxy(hapi_url: str) -> Iterator[Proxy]:
    """In front of the real server."""
    with Proxy(hapi_url) as made:
        yield made


@pytest.fixture
def push(tmp_path: Path, hapi_url: str) -> Callable[..., Push]:
    """Makes a push of small cases that no other test has (options as of Push)."""

    def make(records: int = 1, **options: Any) -> Push:
        return Push(Path(tempfile.mkdtemp(dir=tmp_path)), hapi_url, records, **options)

    return make


@pytest.fixture(scope="session")
def toxiproxy_api() -> Iterator[str]:
    """Where toxiproxy listens; '' where there is no Go to build it."""
    if "toxiproxy" not in MAKERS:
        yield ""
        return
    with toxiproxy() as api:
        yield api


@pytest.fixture
def ways(hapi_url: str, toxiproxy_api: str) -> Callable[[str], Way]:
    """Opens a way to the server by a maker of faults."""
    return lambda maker: line(maker, hapi_url, toxiproxy_api)
