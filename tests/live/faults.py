"""A server in front of the real one that spoils requests and answers as a test says; all else it hands on unchanged."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import socketserver
import struct
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from email.message import Message
from typing import NamedTuple, NoReturn
from urllib.parse import urlsplit

PATIENCE_S = 120  # for what comes soon, unless something is broken
_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive", "accept-encoding", "expect")


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    version: str = "HTTP/1.1"

    def head(self, *more: str) -> bytes:
        """Status line and headers, with no word about the length of the body but what `more` says."""
        lines = [f"{self.version} {self.status} said so", *(f"{name}: {value}" for name, value in self.headers), *more]
        return "\r\n".join([*lines, "", ""]).encode()

    def raw(self) -> bytes:
        return self.head(f"Content-Length: {len(self.body)}") + self.body


def fhir(status: int, resource: object, *headers: tuple[str, str]) -> Answer:
    """An answer with JSON."""
    return Answer(status, json.dumps(resource).encode(), (("Content-Type", "application/fhir+json"), *headers))


class Exchange(NamedTuple):
    """One request that came in. `record` counts transactions from 0, in the order in which they came; `attempt` from 1."""

    proxy: Proxy
    connection: socket.socket
    method: str
    path: str
    headers: Message
    body: bytes
    record: int = -1
    attempt: int = 0

    def forward(self, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """What the real server answers to it, or to it with another body."""
        sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        upstream = urlsplit(self.proxy.upstream)
        server = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=PATIENCE_S)
        try:
            server.request(self.method, self.path, self.body if body is None else body, sent | (headers or {}))
            answer = server.getresponse()
            kept = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _HOP)
            return Answer(answer.status, answer.read(), kept)
        finally:
            server.close()

    def send(self, answer: Answer) -> None:
        self.raw(answer.raw())

    def raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def pass_on(self) -> None:
        """As if nobody stood in between."""
        self.send(self.forward())

    def close(self) -> NoReturn:
        """FIN, without a word."""
        raise ConnectionAbortedError

    def reset(self) -> NoReturn:
        """RST."""
        reset(self.connection)

    def stall(self) -> NoReturn:
        """Nothing more, until all is well again; then FIN."""
        self.proxy.freed.wait(PATIENCE_S)
        self.close()

    def drip(self, data: bytes, size: int = 1, pause_s: float = 0.2) -> None:
        """A part now and then."""
        for start in range(0, len(data), size):
            self.raw(data[start : start + size])
            if self.proxy.freed.wait(pause_s):
                self.close()


def reset(connection: socket.socket) -> NoReturn:
    """Ends a connection with RST: it is closed, as whatever raises here ends it, while nothing may linger."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError


Script = Callable[[Exchange], None]


class Proxy:
    """In front of the server `upstream`. `script` is asked for every request; `seen` are all that came in.

    `on_part` is called with what is there of a body that is still coming in. `freed` is set when nothing is spoilt any more.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.script: Script = Exchange.pass_on
        self.on_part: Callable[[socket.socket, bytes], None] = lambda connection, part: None
        self.seen: list[Exchange] = []
        self.freed = threading.Event()
        self.open: set[socket.socket] = set()
        self.mistakes: list[BaseException] = []
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._port = 0
        self.listen()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The base URL to push to."""
        return f"http://127.0.0.1:{self._port}/fhir"

    @property
    def transactions(self) -> list[Exchange]:
        """Those of the requests that came in."""
        return [one for one in self.seen if one.record >= 0]

    def heal(self) -> None:
        """From now on nothing is spoilt."""
        self.script, self.on_part = Exchange.pass_on, lambda connection, part: None
        self.freed.set()

    def take(self, one: Exchange) -> Exchange:
        """Counts a request."""
        with self._lock:
            if b'"type":"transaction"' in one.body[:100]:
                digest = hashlib.sha256(one.body).hexdigest()
                self._attempts[digest] += 1
                one = one._replace(record=list(self._attempts).index(digest), attempt=self._attempts[digest])
            self.seen.append(one)
        return one

    def listen(self) -> None:
        """At the same port as before, if there was one."""
        self.is_away = False
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def go_away(self) -> None:
        """Ends every connection; the port refuses new ones."""
        self.is_away = True
        self._server.shutdown()
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # waits for the handlers
        self._thread.join()

    def close(self) -> None:
        """The end. Raises what went wrong in a script."""
        self.freed.set()
        if not self.is_away:
            self.go_away()
        for mistake in self.mistakes:
            raise mistake


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Handler)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Without a FIN before the RST that was asked for."""
        self.proxy.open.discard(request)
        request.close()


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: _Server = self.server  # type: ignore[assignment]
        proxy, connection = server.proxy, self.request
        proxy.open.add(connection)
        with closing(_requests(proxy, connection)) as requests:
            try:
                for one in requests:
                    proxy.script(proxy.take(one))
            except (OSError, http.client.HTTPException):
                pass  # one of both sides went away: in these tests the usual
            except BaseException as mistake:
                proxy.mistakes.append(mistake)


def _requests(proxy: Proxy, connection: socket.socket) -> Generator[Exchange, None, None]:
    """The requests of a connection, whole ones; a part of one is handed to the real server as such."""
    with connection.makefile("rb") as stream:
        while line := stream.readline():
            method, path, _ = line.decode("latin-1").split(" ", 2)
            headers = http.client.parse_headers(stream)
            length, body = int(headers.get("Content-Length", 0)), b""
            while len(body) < length and (part := stream.read1(length - len(body))):
                body += part
                proxy.on_part(connection, body)
            if len(body) < length:
                _hand_on_part(proxy, line, headers, body)
                return
            yield Exchange(proxy, connection, method, path, headers, body)


def _hand_on_part(proxy: Proxy, line: bytes, headers: Message, body: bytes) -> None:
    """What the real server gets of a request that was cut."""
    upstream = urlsplit(proxy.upstream)
    with socket.create_connection((upstream.hostname, upstream.port), PATIENCE_S) as server:
        server.sendall(
            line + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + body
        )


class BlackHole:
    """A port of this machine that answers no SYN: its queue is full."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._waiting = [socket.socket() for _ in range(3)]
        for one in self._waiting:
            one.setblocking(False)
            one.connect_ex(self._listener.getsockname())
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/fhir"

    def close(self) -> None:
        for one in (*self._waiting, self._listener):
            one.close()


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
