"""Two makers of the same faults on the way to the server: toxiproxy (where Go is), and the proxy of these tests.

https://github.com/Shopify/toxiproxy
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import requests

from .faults import PATIENCE_S, Exchange, Proxy, closed_port, reset

MAKERS = ["sockets", "toxiproxy"] if shutil.which("go") else ["sockets"]
FAULTS = ("hold", "cut", "reset", "stall", "drip")
"""hold: no request reaches the server. cut: of a request 20 kB do. reset: the server has answered, and RST comes in place
of the answer. stall: nothing comes. drip: a byte of the answer each 0.2 s."""

CUT = 20_000
_VERSION = "v2.5.0"


class Line(Protocol):
    """The way to the server; `proxy` is at its end and sees what arrives."""

    proxy: Proxy

    @property
    def url(self) -> str:
        """The base URL to push to."""

    def arm(self, fault: str) -> None:
        """The fault takes hold as soon as the server has told what it can do, and stays."""

    def go_away(self) -> None:
        """The port refuses."""

    def heal(self) -> None:
        """All is well again."""


Way = AbstractContextManager[Line]


class Sockets:
    """Our own proxy makes the faults."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy

    @property
    def url(self) -> str:
        return self.proxy.url

    def arm(self, fault: str) -> None:
        def cut(connection: Any, part: bytes) -> None:
            if len(part) >= CUT:
                reset(connection)

        def script(one: Exchange) -> None:
            if one.path.endswith("/metadata"):
                one.pass_on()
            elif fault == "hold":
                one.stall()
            else:
                _after(fault, one)

        if fault == "cut":
            self.proxy.on_part = cut
        else:
            self.proxy.script = script

    def go_away(self) -> None:
        self.proxy.go_away()

    def heal(self) -> None:
        self.proxy.heal()
        if self.proxy.is_away:
            self.proxy.listen()


def _after(fault: str, one: Exchange) -> None:
    answer = one.forward()
    if fault == "reset":
        one.reset()
    if fault == "stall":
        one.stall()
    one.drip(answer.raw())


class Toxiproxy:
    """A toxiproxy in front of our proxy, which says when."""

    def __init__(self, proxy: Proxy, api: str) -> None:
        self.proxy, self._api = proxy, api
        self._name = proxy.url.split("/")[2].replace(":", "-")
        self._path = f"/proxies/{self._name}"
        self._toxics: list[str] = []
        self._ask("POST", "/proxies", name=self._name, listen="127.0.0.1:0", upstream=proxy.url.split("/")[2])
        self.url = f"http://{self._ask('GET', self._path)['listen']}/fhir"

    def _ask(self, method: str, path: str, **body: Any) -> Any:
        answer = requests.request(
            method, self._api + path, json=body or None, timeout=PATIENCE_S, headers={"Connection": "close"}
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def arm(self, fault: str) -> None:
        kind, stream, attributes = {
            "hold": ("timeout", "upstream", {"timeout": 0}),
            "cut": ("limit_data", "upstream", {"bytes": CUT}),
            "reset": ("reset_peer", "downstream", {"timeout": 0}),
            "stall": ("latency", "downstream", {"latency": 100_000}),
            "drip": ("slicer", "downstream", {"average_size": 1, "size_variation": 0, "delay": 200_000}),
        }[fault]
        is_on = False

        def script(one: Exchange) -> None:
            nonlocal is_on
            answer = one.forward()
            if not is_on and (one.record >= 0 or stream == "upstream"):
                is_on = True
                self._ask("POST", f"{self._path}/toxics", name=fault, type=kind, stream=stream, attributes=attributes)
                self._toxics.append(f"{self._path}/toxics/{fault}")
            one.send(answer)

        self.proxy.script = script

    def go_away(self) -> None:
        self._ask("POST", self._path, enabled=False)

    def heal(self) -> None:
        self.proxy.heal()
        while self._toxics:
            self._ask("DELETE", self._toxics.pop())
        self._ask("POST", self._path, enabled=True)

    def close(self) -> None:
        self._ask("DELETE", self._path)


@contextmanager
def line(maker: str, hapi: str, api: str) -> Iterator[Line]:
    """The way to the server by one of the makers; `api` is where a toxiproxy listens."""
    with Proxy(hapi) as proxy:
        if maker == "sockets":
            yield Sockets(proxy)
            return
        toxic = Toxiproxy(proxy, api)
        try:
            yield toxic
        finally:
            proxy.freed.set()
            toxic.close()


@contextmanager
def toxiproxy() -> Iterator[str]:
    """A toxiproxy that runs; yields the address of its API. It is built once, in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fhirconv" / f"toxiproxy-{_VERSION}"
    if not (cache / "server").exists():
        cache.mkdir(parents=True, exist_ok=True)
        program = f"github.com/Shopify/toxiproxy/v2/cmd/server@{_VERSION}"
        subprocess.run(["go", "install", program], check=True, env={**os.environ, "GOBIN": str(cache)}, timeout=600)
    port = closed_port()
    api = f"http://127.0.0.1:{port}"
    arguments = [str(cache / "server"), "-host", "127.0.0.1", "-port", str(port)]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _until(lambda: requests.get(f"{api}/version", timeout=PATIENCE_S, headers={"Connection": "close"}).ok)
            yield api
        finally:
            process.kill()


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if holds():
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise TimeoutError("toxiproxy does not start")
