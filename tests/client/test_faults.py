"""Faults of the network and of servers, over real sockets: each ends in time, and as the right kind of error."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest

from fhirconv.client.errors import NotSent, Unfit, Unknown
from fhirconv.client.retry import RetryPolicy
from tests.client.conftest import Peer, Stub
from tests.client.messages import BODY, CANARY, ONCE, QUICK, URLS, answer, client_for, success

SHORT_S = 0.4
LONG_S = 8.0
"""Far more than SHORT_S, far less than what the misbehaving servers here would take."""


def push(base: str, retry: RetryPolicy = QUICK, total_s: float = 20, body: bytes = BODY) -> int:
    """How many requests were sent again until a transaction was done."""
    with client_for(base, retry, total_s) as client:
        assert [made.location for made in client.transaction(body, URLS)] == list(URLS)
        return client.retries


def fails(base: str, kind: type[Exception], total_s: float = 20, body: bytes = BODY) -> str:
    """What is said of a transaction that ends as `kind`, soon, and without a word of the patient."""
    before = time.monotonic()
    with pytest.raises(kind) as caught:
        push(base, ONCE, total_s, body)
    assert time.monotonic() - before < LONG_S
    assert CANARY not in str(caught.value)
    return str(caught.value)


# -- no connection -------------------------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    """P01: tried until the time is over, and known as not sent."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        with client_for(f"http://127.0.0.1:{deaf.getsockname()[1]}/fhir", QUICK._replace(total_s=0.5)) as client:
            before = time.monotonic()
            with pytest.raises(NotSent, match=r"no connection to 127\.0\.0\.1:\d+: Connection refused"):
                client.transaction(BODY, URLS)
            assert 0.3 < time.monotonic() - before < LONG_S
            assert client.retries >= 3


def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """P01: the resolver says no; a real one would need a network."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert fails("http://fhir.example.test/fhir", NotSent) == (
        "no connection to fhir.example.test:80: Name or service not known"
    )


def test_nobody_answers_to_a_connection() -> None:
    """P02: a queue that is full lets the next SYN drop; nothing can have been sent."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        message = fails(f"http://127.0.0.1:{full.getsockname()[1]}/fhir", NotSent, total_s=SHORT_S)
    assert re.fullmatch(r"no connection to 127\.0\.0\.1:\d+: no answer in time", message)


def test_a_server_that_comes_back() -> None:
    """P35: refused for a while, then there: the push goes on."""
    late = Stub()
    late.answers(success())
    timer = threading.Timer(0.4, late.open)
    timer.start()
    try:
        assert push(late.base) >= 2
    finally:
        timer.join()
        late.close()
    assert len(late.asked) == 1


# -- cuts ----------------------------------------------------------------------------------------------------------------


def reset_in_the_middle(peer: Peer) -> None:
    peer.stream.read(100_000)
    peer.reset()


def reset_after_all(peer: Peer) -> None:
    peer.take()
    peer.reset()


def cut(said: bytes) -> Callable[[Peer], None]:
    def play(peer: Peer) -> None:
        peer.take()
        peer.say(said)

    return play


HALF = b'{"resourceType": "Bundle", "type": "transaction-response", "entry": ['
CUTS = {
    "P03: reset in the middle of the request": reset_in_the_middle,
    "P04: RST before any answer": reset_after_all,
    "P04: FIN before any answer": cut(b""),
    "P19: shorter than Content-Length": cut(answer("200 OK", HALF, "Content-Length: 1000")),
    "P19: chunks without an end": cut(answer("200 OK", b"%x\r\n" % len(HALF) + HALF, "Transfer-Encoding: chunked")),
    "P19: half a status line": cut(b"HTTP/1."),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_cut(name: str, stub: Stub) -> None:
    """P03, P04, P19: whether it was carried out is unknown; it is sent again, the very same."""
    body = BODY + b" " * 8_000_000
    stub.answers(success())
    stub.plays.insert(0, CUTS[name])
    assert push(stub.base, body=body) == 1
    assert {asked.body for asked in stub.asked} == {body}
    stub.plays = [CUTS[name]]
    assert "no whole answer" in fails(stub.base, Unknown, body=body)


def test_an_answer_without_length_that_is_cut(stub: Stub) -> None:
    """P19: HTTP cannot tell that cut from an end, JSON can."""
    stub.plays = [cut(b"HTTP/1.1 200 OK\r\n\r\n" + HALF)]
    assert "is not JSON" in fails(stub.base, Unknown)


# -- time and size -------------------------------------------------------------------------------------------------------


def dripping(first: bytes, drop: bytes) -> Callable[[Peer, threading.Event], None]:
    def play(peer: Peer, ending: threading.Event) -> None:
        peer.take()
        peer.say(first)
        while not ending.wait(0.05):
            peer.say(drop)

    return play


def not_reading(peer: Peer, ending: threading.Event) -> None:
    ending.wait(LONG_S * 2)


ENDLESS = {
    "P05: no answer": dripping(b"", b""),
    "P23: a slow status line": dripping(b"HTTP/1.1 200 ", b"O"),
    "P23: slow headers": dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "P23: a slow body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "P23: slow chunks": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "P23: the request is not taken in": not_reading,
    "P24: 1xx without an end": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_the_time_of_an_exchange_is_that_of_all_of_it(name: str, stub: Stub) -> None:
    """P05, P23, P24: however often a byte comes, the deadline ends it; the outcome is unknown."""
    stub.plays = [lambda peer: ENDLESS[name](peer, stub.ending)]
    message = fails(stub.base, Unknown, total_s=SHORT_S, body=b" " * 30_000_000)
    assert message == f"POST /fhir: no whole answer within {SHORT_S} s"


def flood(head: bytes, part: bytes) -> Callable[[Peer], None]:
    def play(peer: Peer) -> None:
        peer.take()
        peer.say(head)
        while True:
            peer.say(part)

    return play


FLOODS = {
    "a gzip bomb": cut(answer("200 OK", gzip.compress(b" " * 64 * 1024**2), "Content-Encoding: gzip")),
    "5 GB": flood(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n", b" " * 1024**2),
    "no end": flood(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 1024**2),
    "headers": flood(b"HTTP/1.1 200 OK\r\n", b"X-A: a\r\n"),
    "a header": flood(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65536),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_ended(name: str, stub: Stub) -> None:
    """P24: no answer fills the memory."""
    stub.plays = [FLOODS[name]]
    message = fails(stub.base, Unknown)
    assert "is larger than 33554432 bytes" in message or "no whole answer" in message


def test_an_answer_may_be_packed(stub: Stub) -> None:
    head, _, content = success().partition(b"\r\n\r\n")
    packed = gzip.compress(content)
    stub.answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    assert head
    assert push(stub.base) == 0


# -- redirects, connections that were kept -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, stub: Stub) -> None:
    """P21, P22: whoever is named there gets nothing, neither by GET nor by POST."""
    other = Stub()
    other.answers(success())
    other.open()
    try:
        for location in (f"{other.base}/x", f"{stub.base}/x", "//127.0.0.1/x", "x"):
            stub.answers(answer(f"{status} Moved", b"", f"Location: {location}"))
            assert f"redirects ({status})" in fails(stub.base, Unfit)
        assert other.asked == []
        assert {asked.path for asked in stub.asked} == {"/fhir"}
    finally:
        other.close()


def test_a_connection_that_the_server_closed_meanwhile(stub: Stub) -> None:
    """P39: a new one is made, and nothing counts as sent again."""
    closed = threading.Event()

    def once(peer: Peer) -> None:
        peer.take()
        peer.say(success())
        peer.stream.close()
        peer.sock.close()
        closed.set()

    stub.plays = [once]
    with client_for(stub.base) as client:
        for _ in range(3):
            client.transaction(BODY, URLS)
            assert closed.wait(LONG_S)
            closed.clear()
        assert client.retries == 0
    assert len(stub.asked) == 3


def test_a_connection_that_the_server_closes_as_the_request_comes(stub: Stub) -> None:
    """P39: no byte was answered; it counts as unknown and is sent again."""

    def then_silent(peer: Peer) -> None:
        peer.take()
        peer.say(success())
        peer.take()

    stub.answers(success())
    stub.plays.insert(0, then_silent)
    with client_for(stub.base) as client:
        client.transaction(BODY, URLS)
        client.transaction(BODY, URLS)
        assert client.retries == 1
    assert len(stub.asked) == 3
