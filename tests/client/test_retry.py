"""What is sent again, when, and how often."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from urllib3 import HTTPHeaderDict

from fhirconv.client.errors import NotSent, Refused, ServerError, Unfit, Unknown
from fhirconv.client.retry import Pause, RetryPolicy, retry_after
from tests.client.conftest import Peer, Stub
from tests.client.messages import BODY, CANARY, QUICK, URLS, answer, client_for, outcome, success

LONG_S = 10.0


def push(stub: Stub, retry: RetryPolicy = QUICK) -> int:
    """How many requests were sent again until a transaction was done."""
    with client_for(stub.base, retry) as client:
        client.transaction(BODY, URLS)
        return client.retries


def fails(stub: Stub, kind: type[ServerError], said: str = "") -> int:
    """How many requests it took to fail as `kind`; the message says `said`."""
    before = len(stub.asked)
    with pytest.raises(kind, match=said) as caught:
        push(stub)
    assert type(caught.value) is kind
    assert CANARY not in str(caught.value)
    return len(stub.asked) - before


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_failure_that_passes(status: int, stub: Stub) -> None:
    """P06: sent again, the very same, and counted; it may have been carried out the first time."""
    stub.answers(answer(f"{status} Oops", b"oops"), success())
    assert push(stub) == 1
    assert [asked.body for asked in stub.asked] == [BODY, BODY]


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_failure_that_stays(status: int, stub: Stub) -> None:
    """P10: some servers say so of what they will never take; it is tried a few times and no more."""
    stub.answers(answer(f"{status} Oops", outcome({"severity": "error", "code": "exception", "diagnostics": CANARY})))
    assert fails(stub, Unknown, rf"POST /fhir: the server answered {status} \(exception\)$") == QUICK.tries


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_in_seconds(status: int, stub: Stub) -> None:
    """P07: not asked again before the time is over."""
    stub.answers(answer(f"{status} Busy", b"", "Retry-After: 1"), success())
    before = time.monotonic()
    assert push(stub) == 1
    assert 1 <= time.monotonic() - before < LONG_S


NOW = datetime(2028, 2, 28, 23, 59, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["2"], 2),
        (["Tue, 29 Feb 2028 00:00:00 GMT"], 30),
        (["Tue, 29 Feb 2028 02:00:00 +0200"], 30),
        (["Mon, 28 Feb 2028 23:59:00 GMT"], 0),
        (["86400"], 86400),
        (["5", "Tue, 29 Feb 2028 00:00:00 GMT", "soon"], 30),
        ([], None),
        (["-5"], None),
        (["1.5"], None),
        (["soon"], None),
        (["Tue, 99 Feb 2028 00:00:00 GMT"], None),
        (["٣"], None),
    ],
)
def test_retry_after(values: list[str], seconds: float | None) -> None:
    """P08: seconds or a date, also on a leap day; the longest of several; what cannot be read says nothing."""
    assert retry_after(HTTPHeaderDict([("Retry-After", value) for value in values]), NOW) == seconds


@pytest.mark.parametrize("value", ["Mon, 01 Jan 2001 00:00:00 GMT", "-5", "soon"])
def test_a_pause_that_is_over_or_not_to_be_read(value: str, stub: Stub) -> None:
    """P08: past is now; garbage leaves us our own backoff."""
    stub.answers(answer("429 Busy", b"", f"Retry-After: {value}"), success())
    assert push(stub) == 1


def test_a_pause_longer_than_we_wait(stub: Stub) -> None:
    """P08: we stop, and say when to come again; nothing else is sent meanwhile."""
    stub.answers(answer("429 Busy", b"", "Retry-After: 5", "Retry-After: 86400"))
    with client_for(stub.base) as client:
        with pytest.raises(
            NotSent, match=r"left alone for 86400 s: run it again after \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
        ):
            client.transaction(BODY, URLS)
        with pytest.raises(NotSent, match=r"left alone for 8\d{4} s more"):
            client.transaction(BODY, URLS)
    assert len(stub.asked) == 1


def test_a_server_that_is_busy_for_long_hears_from_one_of_us(stub: Stub) -> None:
    """P09: four workers do not make four times the requests."""
    stub.answers(answer("429 Busy"))
    policy = RetryPolicy(total_s=1.2, first_s=0.1, most_s=0.2)
    with client_for(stub.base, policy) as client, ThreadPoolExecutor(4) as workers:
        waiting = [workers.submit(client.transaction, BODY, URLS) for _ in range(4)]
        assert {type(one.exception(LONG_S)) for one in waiting} == {NotSent}
    assert 4 <= len(stub.asked) <= 4 + 1.2 / 0.1 + 1, "one each, then one after each pause of 0.1 s or (half of) 0.2 s"


def test_when_a_server_takes_requests_again_all_go_on(stub: Stub) -> None:
    """P09: the first that is taken lets the others follow."""
    stub.answers(*[answer("503 Busy")] * 6, success())
    with client_for(stub.base) as client, ThreadPoolExecutor(4) as workers:
        done = list(workers.map(lambda _: client.transaction(BODY, URLS), range(8)))
    assert [len(made) for made in done] == [2] * 8
    assert len(stub.asked) == 14


def test_what_was_under_way_does_not_end_a_pause() -> None:
    """P09: an answer to a request that went out before the pause says nothing of it."""
    pause = Pause(QUICK)
    assert pause.enter(time.monotonic() + 1)
    pause.leave(is_busy=True, asked_s=60)
    pause.leave(is_busy=False)
    assert re.search("for 5[0-9] s more|for 60 s more", pause.why_not())
    assert not pause.enter(time.monotonic() + 1)


def test_stop_ends_a_wait(stub: Stub) -> None:
    """A pause of a minute does not keep anybody who wants to end."""
    stub.answers(answer("429 Busy", b"", "Retry-After: 60"))
    with client_for(stub.base, RetryPolicy(total_s=300)) as client, ThreadPoolExecutor(1) as worker:
        waiting = worker.submit(client.transaction, BODY, URLS)
        while not stub.asked:
            time.sleep(0.01)
        client.stop()
        with pytest.raises(NotSent):
            waiting.result(LONG_S)
        with pytest.raises(NotSent, match="stopped"):
            client.transaction(BODY, URLS)
    assert len(stub.asked) == 1


def test_a_conflict_that_passes(stub: Stub) -> None:
    """P15: others wrote at the same time."""
    stub.answers(answer("409 Conflict"), answer("409 Conflict"), success())
    assert push(stub) == 2


def test_a_conflict_that_stays(stub: Stub) -> None:
    """P15: a few tries, then a refusal."""
    stub.answers(answer("409 Conflict", outcome({"severity": "error", "code": "conflict", "diagnostics": CANARY})))
    assert fails(stub, Refused, r"answered 409 \(conflict\)$") == QUICK.conflict_tries


@pytest.mark.parametrize("status", [400, 402, 412, 413, 414, 422, 501])
def test_a_refusal(status: int, stub: Stub) -> None:
    """P11, P16, P17: no second try; the server's words are kept for the caller and not in the message."""
    issue = {"severity": "error", "code": "invalid", "diagnostics": f"Name {CANARY}", "expression": ["Bundle.entry[1]"]}
    stub.answers(
        answer(f"{status} No", outcome(issue, {"severity": "warning", "code": CANARY, "details": {"text": "b"}}))
    )
    with client_for(stub.base) as client, pytest.raises(Refused) as caught:
        client.transaction(BODY, URLS)
    assert len(stub.asked) == 1
    assert str(caught.value) == f"POST /fhir: the server answered {status} (invalid)"
    assert caught.value.status == status
    assert caught.value.outcome == (
        ("error", "invalid", f"Name {CANARY}", ("Bundle.entry[1]",)),
        ("warning", CANARY, "b", ()),
    )


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "credentials"), (403, "credentials"), (404, "base URL"), (405, "base URL"), (410, "base URL")],
)
def test_a_server_that_must_not_get_more(status: int, advice: str, stub: Stub) -> None:
    """P13, P14: one request, and the run is to stop."""
    stub.answers(answer(f"{status} No", b"<html>"))
    assert fails(stub, Unfit, f"answered {status}; .*{advice}") == 1


class Ticket:
    """Credentials of which there are so many, one after the other."""

    def __init__(self, last: int) -> None:
        self.number, self.last = 0, last

    def header(self) -> str:
        return f"Bearer ticket-{self.number}"

    def renew(self) -> bool:
        self.number += 1
        return self.number <= self.last


def test_a_token_that_ended(stub: Stub) -> None:
    """P12: a new one, and that request once more."""
    stub.answers(answer("401 No"), success())
    with client_for(stub.base, credentials=Ticket(1)) as client:
        client.transaction(BODY, URLS)
    assert [asked.headers["authorization"] for asked in stub.asked] == ["Bearer ticket-0", "Bearer ticket-1"]


def test_several_workers_get_one_new_token(stub: Stub) -> None:
    """P12: who was refused with the old one takes the new one that another has got."""
    together, ticket = threading.Barrier(4, timeout=LONG_S), Ticket(9)

    def play(peer: Peer) -> None:
        while peer.take():
            if stub.asked[-1].headers["authorization"].endswith("-0"):
                together.wait()
                peer.say(answer("401 No"))
            else:
                peer.say(success())

    stub.plays = [play]
    with client_for(stub.base, credentials=ticket) as client, ThreadPoolExecutor(4) as workers:
        assert len(list(workers.map(lambda _: client.transaction(BODY, URLS), range(4)))) == 4
    assert ticket.number == 1


@pytest.mark.parametrize(("tickets", "requests"), [(0, 1), (1, 2), (5, 2)])
def test_a_token_that_is_not_taken(tickets: int, requests: int, stub: Stub) -> None:
    """P12: no storm of requests, and no token in what is said."""
    stub.answers(answer("401 No"))
    with client_for(stub.base, credentials=Ticket(tickets)) as client, pytest.raises(Unfit) as caught:
        client.transaction(BODY, URLS)
    assert "ticket" not in str(caught.value)
    assert len(stub.asked) == requests


@pytest.mark.parametrize("jump", [86_400, -86_400])
def test_the_clock_of_the_day_may_jump(jump: int, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """P38: waits go by a clock that nobody sets: a day forward ends none, a day back prolongs none."""
    real = time.time
    stub.answers(answer("429 Busy", b"", "Retry-After: 1"), success())
    monkeypatch.setattr(time, "time", lambda: real() + jump * len(stub.asked))
    before = time.monotonic()
    assert push(stub) == 1
    assert 1 <= time.monotonic() - before < LONG_S


def test_backoff_grows_and_is_random_in_part() -> None:
    policy = RetryPolicy(first_s=1, most_s=8)
    for failures, most in ((0, 0), (1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (1000, 8)):
        waits = {policy.backoff(failures) for _ in range(20)}
        assert most / 2 <= min(waits) <= max(waits) <= most
        assert len(waits) > 1 or not most


def test_threads_count_together() -> None:
    pause = Pause()
    threads = [threading.Thread(target=lambda: [pause.count() for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pause.retries == 4000
