"""Answers that lead away, that are too much, or that no reader should take: P21, P22, P24, P25."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable

import pytest
from peak import TELL_PEAK

from ..faults import Answer, Exchange, Proxy
from ..oracle import Push
from ..scripts import instead, on_transactions, once, side_by_side, then, turned


@pytest.mark.parametrize("status", [302, 307])
def test_redirects_are_not_followed(push: Callable[..., Push], proxy: Proxy, hapi_url: str, status: int) -> None:
    """P21 P22: neither the patient nor a credential goes to another address, and it is no success."""
    one = push(2)
    with Proxy(hapi_url) as elsewhere:
        moved = Answer(status, b"", (("Location", elsewhere.url),))
        proxy.script = on_transactions(instead(moved))
        done = one.run(proxy.url, FHIRCONV_TOKEN="tok3n-canary-redirect")
        assert done.code == 4, done.err
        assert str(status) in done.err
        assert done.records["done"] == 0
        assert elsewhere.seen == []
    assert len(proxy.transactions) == 1
    if status == 307:
        one.check_canaries("tok3n-canary-redirect")
        proxy.heal()
        one.settle(proxy.url)


def bomb(one: Exchange, answer: Answer) -> None:
    """50 kB that unpack to 50 MB."""
    body = gzip.compress(bytes(50_000_000))
    one.raw(answer.head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body)


def flood(one: Exchange, answer: Answer) -> None:
    """5 GB are announced, and come as long as somebody listens."""
    one.raw(answer.head("Content-Length: 5000000000"))
    while not one.proxy.freed.is_set():
        one.raw(b" " * 1_000_000)


def headers_without_end(one: Exchange, answer: Answer) -> None:
    one.raw(b"HTTP/1.1 200 OK\r\n")
    while not one.proxy.freed.is_set():
        one.raw(b"X-More: " + b"x" * 60_000 + b"\r\n")


def many_headers(one: Exchange, answer: Answer) -> None:
    one.raw(b"HTTP/1.1 200 OK\r\n" + b"X-More: x\r\n" * 5000)
    one.stall()


def wait_without_end(one: Exchange, answer: Answer) -> None:
    """1xx answers, each of which says that the real one will come."""
    while not one.proxy.freed.wait(0.001):
        one.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


TOO_MUCH = {one.__name__: one for one in (bomb, flood, headers_without_end, many_headers, wait_without_end)}


def test_more_than_anybody_needs(push: Callable[..., Push], hapi_url: str) -> None:
    """P24: it ends in time, within 400 MB of memory; what the server holds decides."""

    def too_much(name: str) -> None:
        one = push()
        with Proxy(hapi_url) as proxy:
            proxy.script = on_transactions(then(TOO_MUCH[name]))
            python, _, _, *arguments = one.arguments(proxy.url, "--timeout", "5", "--give-up-after", "1")
            code = f"import sys\nfrom fhirconv.cli import main\ntry: main()\nfinally: {TELL_PEAK}"
            command = [python, "-c", code, *arguments]
            done = subprocess.run(command, capture_output=True, text=True, env=one.environment(), cwd=one.work, check=False)
            err, peak_kb = done.stderr[: -len(done.stderr.splitlines()[-1]) - 1], int(done.stderr.splitlines()[-1])
            assert "Traceback" not in err
            assert done.returncode == 0, done.stdout + err
            assert f"{one.planned} confirmed" in err
            assert peak_kb < 400_000
            proxy.heal()
            one.settle(proxy.url)

    side_by_side(too_much, TOO_MUCH)


def with_key_twice(body: bytes) -> bytes:
    return body.replace(b'"type"', b'"type": "transaction-response", "type"', 1)


STRANGE: dict[str, Callable[[bytes], bytes]] = {
    "key-twice": with_key_twice,
    "nan": lambda body: body.replace(b"{", b'{"total": NaN,', 1),
    "utf-16": lambda body: body.decode().encode("utf-16"),
    "deep": lambda body: body.replace(b"{", b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b",", 1),
    "cut-character": lambda body: body.replace(b'"type"', b'"\xff"', 1),
    "bom": lambda body: b"\xef\xbb\xbf" + body,
}


def test_answers_that_no_reader_should_take(push: Callable[..., Push], proxy: Proxy) -> None:
    """P25: each is one clear error and no crash; what the server holds decides."""
    one = push(2 * len(STRANGE))
    proxy.script = once(*(script for change in STRANGE.values() for script in (turned(change), None)))
    done = one.run(proxy.url)
    assert done.code == 0, done.err
    assert done.resources["confirmed"] >= 3 * (len(STRANGE) - 1)  # a byte order mark may be overlooked
    proxy.heal()
    one.settle(proxy.url)


def test_a_base_of_strange_answers(push: Callable[..., Push], proxy: Proxy) -> None:
    """P25: the same in the first answer of all; the terminal gets no escape sequences."""
    one = push()
    for body in (b'{"resourceType":"\x1b[2J"}', b"\xff\xfe{}", b"[" * 200_000, b'{"a":1,"a":2}', b"NaN", b""):
        proxy.script = instead(Answer(200, body, (("Content-Type", "application/fhir+json"),)))
        done = one.run(proxy.url, "--give-up-after", "1")
        assert done.code == 4
        assert "\x1b" not in done.err
    assert not proxy.transactions
