"""What a server says by its status: P06 to P11, P15, P17."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ..faults import Exchange, Proxy
from ..oracle import Push
from ..scripts import issue, on_transactions, once, outcome, says

SOON = ("--timeout", "10", "--give-up-after", "3")


def test_a_server_that_fails_once(push: Callable[..., Push], proxy: Proxy) -> None:
    """P06: 500, 502, 503, 504, before the commit and after it: tried again, and the report says so."""
    statuses = (500, 502, 503, 504)
    one = push(2 * len(statuses))
    proxy.script = once(*(says(status, is_late=is_late) for status in statuses for is_late in (False, True)))
    done = one.run(proxy.url, "--workers", "1")
    assert done.code == 0, done.err
    assert done.again == len(one.records)
    assert len(proxy.transactions) == 2 * len(one.records)
    assert done.resources == {"created": one.planned / 2, "unchanged": one.planned / 2}
    proxy.heal()
    one.settle(proxy.url)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_names_a_pause(push: Callable[..., Push], proxy: Proxy, status: int) -> None:
    """P07: Retry-After in seconds is kept to by all workers."""
    one = push(3)
    times: list[float] = []
    busy = once(says(status, ("Retry-After", "2")))

    def script(exchange: Exchange) -> None:
        if exchange.record >= 0:
            times.append(time.monotonic())
        busy(exchange)

    proxy.script = script
    done = one.run(proxy.url, "--workers", "3", "--give-up-after", "60")
    assert done.code == 0, done.err
    assert done.again >= 1
    refused = next(
        at for at, exchange in enumerate(proxy.transactions) if (exchange.record, exchange.attempt) == (0, 1)
    )
    again = next(at for at, exchange in enumerate(proxy.transactions) if (exchange.record, exchange.attempt) == (0, 2))
    assert times[again] - times[refused] >= 2
    proxy.heal()
    one.settle(proxy.url, "--workers", "3")


def test_a_pause_beyond_the_end(push: Callable[..., Push], proxy: Proxy) -> None:
    """P08: longer than --give-up-after: it stops at once, and says when to come back."""
    one = push()
    proxy.script = on_transactions(says(503, ("Retry-After", "86400")))
    start = time.monotonic()
    done = one.run(proxy.url, "--give-up-after", "60")
    assert time.monotonic() - start < 50
    assert done.code == 5
    assert len(proxy.transactions) == 1
    assert "run it again after 20" in done.err
    proxy.heal()
    one.settle(proxy.url)


def test_a_server_that_stays_busy(push: Callable[..., Push], proxy: Proxy) -> None:
    """P09: one pause for all workers: not as many requests as workers times tries."""
    workers = 6
    one = push(2 * workers)
    proxy.script = on_transactions(says(429))
    done = one.run(proxy.url, "--workers", str(workers), "--give-up-after", "6")
    assert done.code == 5
    assert done.records["done"] == 0
    assert (
        len(proxy.transactions) <= workers + 8
    )  # all at first, then one after each of 0.5, 1, 2, 4 s, halved by chance
    assert one.held() == 0
    proxy.heal()
    one.settle(proxy.url, "--workers", str(workers))


@pytest.mark.parametrize("status", [408, 500])
def test_a_record_that_can_never_be_taken(push: Callable[..., Push], proxy: Proxy, status: int) -> None:
    """P10: tries come to an end, the others are sent, and the server's state is known: it failed."""
    one = push(3)

    def script(exchange: Exchange) -> None:
        (says(status) if exchange.record == 1 else Exchange.pass_on)(exchange)

    proxy.script = script
    done = one.run(proxy.url, *SOON)
    assert done.code == 4, done.err
    assert done.records == {"done": 2, "failed": 1}
    assert 2 <= sum(exchange.record == 1 for exchange in proxy.transactions) <= 6
    proxy.heal()
    one.settle(proxy.url)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_is_led_back_to_the_fact(push: Callable[..., Push], proxy: Proxy, status: int) -> None:
    """P11 P30: no second try; each issue at its line; what tells who the patient is stays out, and so do escapes."""
    one = push(2)
    name, number = one.canaries
    words = f"HAPI-0541: \x1b[2Jcannot take this of {name}, number {number}\nfake: error: line"
    issues = [
        issue(words, expression=["Bundle.entry[1].resource.value"]),
        issue("in another way", location=["Bundle.entry[0].resource.ofType(Patient)/*Patient/null*/.name"]),
        {"severity": "warning", "code": "informational", "diagnostics": "no word about warnings"},
    ]
    proxy.script = on_transactions(
        lambda each: (outcome(status, *issues) if each.record == 0 else Exchange.pass_on)(each)
    )
    done = one.run(proxy.url)
    assert done.code == 4
    assert done.records == {"failed": 1, "done": 1}
    assert [each.attempt for each in proxy.transactions if each.record == 0] == [1]
    refused = [line for line in done.err.splitlines() if "push-refused" in line]
    assert len(refused) == 2
    assert all(line.startswith(f"{one.input}:1:") and str(status) in line for line in refused)
    assert "HAPI-0541" in done.err
    assert "\x1b" not in done.err
    assert "\nfake" not in done.err
    one.check_canaries()
    proxy.heal()
    one.settle(proxy.url)


def test_a_refusal_that_repeats_the_request(push: Callable[..., Push], proxy: Proxy, tmp_path: Path) -> None:
    """P11 P29 P30: a server that says back the whole body and the Authorization header: neither is told on."""
    one = push()
    secret = tmp_path / "secret"
    secret.write_text("tok3n-canary-4711\n")
    secret.chmod(0o600)

    def script(exchange: Exchange) -> None:
        heard = exchange.headers["Authorization"]
        if exchange.record < 0:
            return exchange.pass_on()
        words = f"{heard} may not send {exchange.body.decode()[:200]}"
        return outcome(400, issue(words), issue(f"{heard}: {one.canaries[0]}"))(exchange)

    proxy.script = script
    done = one.run(proxy.url, "--token-file", secret)
    assert done.code == 4
    assert done.records == {"failed": 1}
    one.check_canaries("tok3n-canary-4711")
    proxy.heal()
    one.settle(proxy.url, "--token-file", secret)


def test_the_real_server_refuses(push: Callable[..., Push], proxy: Proxy) -> None:
    """P11: HAPI's own words for a reference to nothing lead to the resource; the other record goes on."""
    one = push(2)
    proxy.script = on_transactions(_with_a_dangling_reference)
    done = one.run(proxy.url)
    assert done.code == 4, done.err
    assert done.records == {"failed": 1, "done": 1}
    assert "HAPI-1094" in done.err
    proxy.heal()
    one.settle(proxy.url)


def _with_a_dangling_reference(exchange: Exchange) -> None:
    body = exchange.body
    if exchange.record == 0:
        at = body.index(b'"subject":{"reference":"') + len(b'"subject":{"reference":"')
        body = body[:at] + b"Patient/nobody-" + body[body.index(b'"', at) :]
    exchange.send(exchange.forward(body))


def test_a_server_that_always_sees_a_conflict(push: Callable[..., Push], proxy: Proxy) -> None:
    """P15: 409 is tried a few times, then told, and the others go on."""
    one = push(3)
    conflict = outcome(409, issue("HAPI-0825: The operation has failed with a client-assigned ID constraint failure"))
    proxy.script = on_transactions(lambda each: (conflict if each.record == 1 else Exchange.pass_on)(each))
    done = one.run(proxy.url, "--give-up-after", "4")
    assert done.code == 4
    assert done.records == {"done": 2, "failed": 1}
    assert 2 <= sum(exchange.record == 1 for exchange in proxy.transactions) <= 5
    assert "HAPI-0825" in done.err
    proxy.heal()
    one.settle(proxy.url)


@pytest.mark.parametrize("identity", ["id", "identifier"])
def test_several_push_the_same_at_once(push: Callable[..., Push], hapi_url: str, identity: str) -> None:
    """P15 P36: three processes with journals of their own, four workers each: one of each resource, in one version."""
    one = push(8)
    options = ("--identity", identity, "--workers", "4")
    processes = [one.start(hapi_url, *options, "--journal", one.work / f"journal{at}") for at in range(3)]
    for done in [one.ended(process) for process in processes]:
        assert done.code == 0, done.err
        one.check_summary(done)
    one.settle(hapi_url, *options)


def test_a_body_that_is_too_large(push: Callable[..., Push], proxy: Proxy) -> None:
    """P17: 413 is a failure that names the limit options; no transaction is cut in parts unless a limit says so."""
    one = push(labs=12)
    most = 6000

    def script(exchange: Exchange) -> None:
        (says(413) if len(exchange.body) > most else Exchange.pass_on)(exchange)

    proxy.script = script
    done = one.run(proxy.url)
    assert done.code == 4
    assert len(proxy.transactions) == 1
    assert done.resources == {"failed": one.planned}
    assert one.held() == 0
    done = one.run(proxy.url, "--max-bytes", str(most))
    assert done.code == 0, done.err
    assert "parts" in done.err
    assert all(len(exchange.body) <= most for exchange in proxy.transactions[1:])
    proxy.heal()
    one.settle(proxy.url, "--max-bytes", str(most))


def test_a_part_that_fails(push: Callable[..., Push], proxy: Proxy) -> None:
    """P17: of a record in parts the first are there when a later one fails; the next run ends it."""
    one = push(labs=4)
    options = ("--max-entries", "2", "--give-up-after", "1")
    proxy.script = on_transactions(lambda each: (says(500) if each.record == 1 else Exchange.pass_on)(each))
    done = one.run(proxy.url, *options)
    assert done.code in (4, 5), done.err
    assert 0 < one.held() < one.planned
    proxy.heal()
    one.settle(proxy.url, *options)
