"""No connection, cut connections, slow ones: P01 to P05, P23, P39."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ..faults import BlackHole, Exchange, Proxy
from ..oracle import Push
from ..scripts import on_transactions, side_by_side
from ..toxics import FAULTS, MAKERS, Way

SOON = ("--timeout", "3", "--give-up-after", "1")
NOBODY = ["http://255.255.255.255/fhir", f"http://{'a' * 64}.test/fhir"]


@pytest.mark.parametrize("maker", MAKERS)
def test_refused_from_the_start(push: Callable[..., Push], ways: Callable[[str], Way], maker: str) -> None:
    """P01: a closed port; nothing is noted as sent, and the same command does it all later."""
    one = push()
    with ways(maker) as way:
        way.go_away()
        done = one.run(way.url, *SOON)
        assert done.code == 4
        assert "refused" in done.err
        assert "nothing was sent" in done.err
        assert not way.proxy.seen
        way.heal()
        assert one.settle(way.url).resources == {"created": one.planned}


@pytest.mark.parametrize("server", NOBODY, ids=["no-route", "no-name"])
def test_nobody_is_there(push: Callable[..., Push], hapi_url: str, server: str) -> None:
    """P01: no route, and a name that no resolver is asked for: a label of more than 63 characters."""
    one = push()
    assert one.run(server, *SOON).code in (2, 4)
    assert one.settle(hapi_url).resources == {"created": one.planned}


def goes_away_after(proxy: Proxy, records: int) -> threading.Event:
    """Set when so many transactions were answered."""
    reached = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.pass_on()
        if exchange.record == records - 1:
            reached.set()

    proxy.script = script
    return reached


def test_refused_in_mid_run_and_there_again(push: Callable[..., Push], proxy: Proxy) -> None:
    """P01 P35: the server goes away between two records, and comes back while the push is still trying."""
    one = push(3)
    reached = goes_away_after(proxy, 1)
    process = one.start(proxy.url, "--give-up-after", "60")
    assert reached.wait(60)
    proxy.go_away()
    threading.Timer(1.0, proxy.listen).start()
    done = one.ended(process)
    assert done.code == 0, done.err
    one.check_summary(done)
    proxy.heal()
    one.settle(proxy.url)


def test_refused_in_mid_run_to_the_end(push: Callable[..., Push], proxy: Proxy) -> None:
    """P01 P35: what was not sent counts as such, all of it; what was done before is not made again."""
    one = push(9)
    reached = goes_away_after(proxy, 1)
    process = one.start(proxy.url, *SOON)
    assert reached.wait(60)
    proxy.go_away()
    done = one.ended(process)
    assert done.code == 5
    assert done.records["done"] >= 1
    assert done.records["not sent"] >= 1
    one.check_summary(done)
    proxy.listen()
    one.settle(proxy.url)


def test_no_answer_to_a_connection(push: Callable[..., Push], hapi_url: str) -> None:
    """P02: SYN into the dark is not sent, and ends in time."""
    one = push()
    hole = BlackHole()
    try:
        done = one.run(hole.url, *SOON)
    finally:
        hole.close()
    assert done.code == 4
    assert "no answer in time" in done.err
    assert one.settle(hapi_url).resources == {"created": one.planned}


@pytest.mark.parametrize("maker", MAKERS)
def test_an_answer_that_never_comes(push: Callable[..., Push], ways: Callable[[str], Way], maker: str) -> None:
    """P02 P03 P04 P05 P23: sent or not, nobody knows: an unknown fate, found out by the next run, never made twice."""

    def never_comes(fault: str) -> None:
        one = push(labs=40 if fault == "cut" else 1)
        has_arrived = fault not in ("hold", "cut")
        with ways(maker) as way:
            way.arm(fault)
            done = one.run(way.url, *SOON)
            assert done.code == 5, done.err
            assert done.resources == {"unknown": one.planned}
            assert "run the same command again" in done.err
            assert one.held() == has_arrived * one.planned
            way.heal()
            further = one.settle(way.url)
            assert further.resources == {"unchanged" if has_arrived else "created": one.planned}
            assert ("had arrived" in further.err) is has_arrived

    side_by_side(never_comes, FAULTS)


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_connection_that_ends_once(push: Callable[..., Push], proxy: Proxy, is_committed: bool) -> None:
    """P04: before or after the server did it, FIN and RST look the same; the same run tries again and is whole."""
    one = push(2)

    def ends(exchange: Exchange) -> None:
        if exchange.attempt > 1:
            return exchange.pass_on()
        if is_committed:
            exchange.forward()
        return (exchange.reset if exchange.record else exchange.close)()

    proxy.script = on_transactions(ends)
    done = one.run(proxy.url)
    assert done.code == 0, done.err
    assert done.again == 2
    assert [(each.record, each.attempt) for each in proxy.transactions] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    proxy.heal()
    one.settle(proxy.url)


def test_kept_connections_that_the_server_closes(push: Callable[..., Push], proxy: Proxy) -> None:
    """P39: a server that ends each connection after its answer, without having said so, costs nothing but time."""
    one = push(6)

    def closes(exchange: Exchange) -> None:
        exchange.pass_on()
        exchange.close()

    proxy.script = closes
    done = one.run(proxy.url)
    assert done.code == 0, done.err
    assert sum(done.resources[name] for name in ("created", "unchanged")) == one.planned
    proxy.heal()
    one.settle(proxy.url)
