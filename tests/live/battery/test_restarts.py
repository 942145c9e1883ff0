"""The server itself ends and begins again, with its data and without: P35. It has a server of its own to kill."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fhirconv import local_server

from ..faults import Proxy
from ..oracle import Push
from ..scripts import Gate


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data of a server that loses nothing that it answered, running."""
    folder = tmp_path_factory.mktemp("durable")
    local_server.start(folder, port=0, durable=True)
    yield folder
    local_server.stop(folder)


def test_a_server_that_is_killed_and_comes_back(data: Path, tmp_path: Path) -> None:
    """P35: in mid-run, while one record is on its way; the same run waits for it, and goes on."""
    server = local_server.status(data)
    assert server
    port = urlsplit(server.url).port
    assert port
    with Proxy(server.url) as proxy:
        one = Push(tmp_path, server.url, 8)
        gate = proxy.script = Gate(3, is_late=True)
        process = one.start(proxy.url, "--workers", "2", "--give-up-after", "280")
        gate.wait()
        os.kill(server.pid, signal.SIGKILL)
        gate.drop()
        proxy.go_away()  # as the port of the server itself
        local_server.start(data, port=port, durable=True)
        proxy.listen()
        done = one.ended(process)
        assert done.code == 0, done.err
        one.check_summary(done)
        assert done.again >= 1
        one.settle(proxy.url)


@pytest.mark.parametrize("is_stopped", [True, False], ids=["unfinished", "finished"])
def test_a_server_that_lost_everything(data: Path, hapi_url: str, tmp_path: Path, is_stopped: bool) -> None:
    """P35: what the journal calls done is not there any more: it is noticed, and all of it is sent again.

    The database is reset by another server taking its place at the same address.
    """
    server = local_server.status(data)
    assert server
    with Proxy(server.url) as proxy:
        one = Push(tmp_path, server.url, 30)
        gate = Gate(25)
        if is_stopped:
            proxy.script = gate
        process = one.start(proxy.url)
        if is_stopped:
            gate.wait()
            process.send_signal(signal.SIGINT)
            threading.Timer(0.3, gate.open).start()
        assert one.ended(process).code == (130 if is_stopped else 0)
        assert one.held() == (26 if is_stopped else 30) * 3
        proxy.heal()
        proxy.upstream = one.hapi = hapi_url
        further = one.settle(proxy.url)
        assert further.resources == {"created": one.planned}, further.err
