"""Ends of the process itself, and its neighbours: P33, P34, P36."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest

from ..faults import PATIENCE_S, Answer, Exchange, Proxy
from ..oracle import Push
from ..scripts import Gate, killed_at, on_transactions


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_on_its_way_end(push: Callable[..., Push], proxy: Proxy, number: signal.Signals) -> None:
    """P33: the answer that is due is waited for and noted, nothing more is sent, and the summary says all of it."""
    one = push(6)
    gate = proxy.script = Gate(1)
    process = one.start(proxy.url)
    gate.wait()
    process.send_signal(number)
    time.sleep(0.3)  # the handler runs when the main thread wakes up; the transaction waits for longer than that
    gate.open()
    done = one.ended(process)
    assert done.code == 128 + number, done.err
    assert done.records["done"] == 2
    assert number.name in done.err
    one.check_summary(done)
    assert len(proxy.transactions) == 2
    assert "unknown" not in one.settle(proxy.url).err


def test_a_second_signal_ends_it_at_once(push: Callable[..., Push], proxy: Proxy) -> None:
    """P33: while an answer does not come; the next run finds out what became of it."""
    one = push(3)
    gate = proxy.script = Gate(1, is_late=True)
    process = one.start(proxy.url)
    gate.wait()
    end = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert one.ended(process).code == 130
    gate.drop()
    assert "had arrived" in one.settle(proxy.url).err


@pytest.mark.parametrize("answer", [Answer(503, b"", (("Retry-After", "60"),)), Answer(500)], ids=["pause", "tries"])
def test_a_signal_while_it_waits_to_try_again(push: Callable[..., Push], proxy: Proxy, answer: Answer) -> None:
    """P33: nobody waits for the end of a pause."""
    one = push(2)
    sent = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.send(answer)
        sent.set()

    proxy.script = on_transactions(script)
    process = one.start(proxy.url)
    assert sent.wait(PATIENCE_S)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    done = one.ended(process)
    assert time.monotonic() - start < 30
    assert done.code == 130
    one.check_summary(done)
    proxy.heal()
    one.settle(proxy.url)


@pytest.mark.parametrize("is_late", [False, True])
def test_killed_before_or_after_the_commit(push: Callable[..., Push], proxy: Proxy, is_late: bool) -> None:
    """P34: what was in flight is unknown, looked up, and sent again without a second version."""
    one = push(3)
    killed_at(one, proxy, 1, is_late)
    further = one.settle(proxy.url)
    assert further.records == {"done before": 1, "done": 2}
    assert ("had arrived" if is_late else "had not arrived") in further.err


def test_two_pushes_with_one_journal(push: Callable[..., Push], proxy: Proxy) -> None:
    """P36: the second says so at once and sends nothing; when the first was killed, nothing is left locked."""
    one = push(2)
    gate = proxy.script = Gate(0)
    process = one.start(proxy.url)
    gate.wait()
    done = one.run(proxy.url)
    assert done.code == 2
    assert "another push is using it" in done.err
    assert len(proxy.transactions) == 1
    process.kill()
    one.ended(process)
    gate.drop()
    one.settle(proxy.url)


def test_signals_while_the_server_says_nothing(push: Callable[..., Push], proxy: Proxy) -> None:
    """P33: before anything was sent as well."""
    one = push()
    asked = threading.Event()

    def script(exchange: Exchange) -> None:
        asked.set()
        exchange.stall()

    proxy.script = script
    process = one.start(proxy.url)
    assert asked.wait(PATIENCE_S)
    end = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert one.ended(process).code == 130
    proxy.heal()
    one.settle(proxy.url)
