"""What a review broke: guarantees about what was carried out, what was not, and what nobody knows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fhirconv.pushing.journal import describe

from .. import loose
from ..faults import PATIENCE_S, Answer, Exchange, Proxy, Script
from ..loose import ONE_TRY, families, observation, patient
from ..oracle import Push
from ..scripts import on_transactions, says

Pushes = Callable[..., Push]


def cut(one: Exchange) -> None:
    """Nothing arrives."""
    one.reset()


def committed(one: Exchange) -> None:
    """The server did it, and nobody hears of it."""
    one.forward()
    one.reset()


@pytest.mark.parametrize("is_shared", [False, True], ids=["two records", "a Bundle and a record"])
def test_an_older_record_never_comes_after_a_newer_one(
    push: Pushes, proxy: Proxy, hapi_url: str, unique: str, is_shared: bool
) -> None:
    """P34: a run that is gone on with would send the older one again, after the newer one: so one of them is an error."""
    old = patient(unique, "OLD")
    older = (
        loose.bundle(loose.put(old), loose.put(observation(f"{unique}-o", f"Patient/{unique}"))) if is_shared else old
    )
    one = loose.of(push(), patient(f"{unique}-1"), older, patient(unique, "NEW"))
    proxy.script = on_transactions(lambda each: (cut if b'"OLD"' in each.body else Exchange.pass_on)(each))
    first = loose.run(one, proxy.url, *ONE_TRY)
    proxy.heal()
    second = loose.run(one, proxy.url)
    assert families(hapi_url, unique) == ["OLD"]
    assert (first.code, second.code) == (5, 1)
    assert first.records == {"done": 1, "unknown": 1, "rejected": 1}
    assert second.records == {"done before": 1, "done": 1, "rejected": 1}
    assert f"its Patient came before, in {one.input}:2, with other content" in second.err


def test_the_same_resource_in_several_records(push: Pushes, hapi_url: str, unique: str) -> None:
    """P36: with the same content it is no error, and there in one version; two workers do not bring it at once."""
    shared = patient(unique)
    bundles = [
        loose.bundle(loose.put(shared), loose.put(observation(f"{unique}-{at}", f"Patient/{unique}")))
        for at in range(4)
    ]
    done = loose.run(loose.of(push(), *bundles, shared), hapi_url, "--workers", "4")
    assert done.code == 0, done.err
    assert done.resources == {"created": 5, "unchanged": 4}
    assert families(hapi_url, unique) == ["A"]


AFTERWARDS = {
    "429": Answer(429, b"", (("Retry-After", "100"),)),
    "401": Answer(401),
    "400": Answer(400),
    "404": Answer(404),
}


@pytest.mark.parametrize("name", AFTERWARDS)
def test_a_try_that_was_carried_out_and_then_an_answer_that_says_no(push: Pushes, proxy: Proxy, name: str) -> None:
    """P04 P13: the first try was carried out, so it is not told as refused or not sent: the server is asked, if it may be."""
    one = push()
    proxy.script = on_transactions(lambda each: committed(each) if each.attempt == 1 else each.send(AFTERWARDS[name]))
    done = one.run(proxy.url, "--give-up-after", "5")
    expected = "unknown" if name == "429" else "confirmed"  # 429: nothing is asked before the pause is over
    assert done.resources == {expected: one.planned}, done.err
    assert done.code == (5 if name == "429" else 0)
    proxy.heal()
    one.settle(proxy.url)


@pytest.mark.parametrize(
    ("first", "name"),
    [(cut, "429"), (cut, "401"), (cut, "400"), (says(504), "400")],
    ids=["429", "401", "400", "504-400"],
)
def test_a_try_that_is_carried_out_after_an_answer_that_says_no(
    push: Pushes, proxy: Proxy, first: Script, name: str
) -> None:
    """P04 P13: the first try is still on its way when a later one is refused: nobody knows, and nobody says no."""
    one = push()
    proxy.script = on_transactions(lambda each: first(each) if each.attempt == 1 else each.send(AFTERWARDS[name]))
    done = one.run(proxy.url, "--give-up-after", "5")
    assert done.resources == {"unknown": one.planned}, done.err
    assert done.code == 5
    proxy.heal()
    proxy.transactions[0].forward()
    assert "had arrived" in one.settle(proxy.url).err


def test_a_try_that_was_carried_out_and_then_nobody_listens(push: Pushes, proxy: Proxy) -> None:
    """P01 P04: refused connections do not make a try undone that went before them."""
    one = push()
    leaving: list[threading.Thread] = []

    def script(exchange: Exchange) -> None:
        exchange.forward()
        leaving.append(threading.Thread(target=proxy.go_away))
        leaving[0].start()
        exchange.stall()  # until go_away() ends the connection

    proxy.script = on_transactions(script)
    done = one.run(proxy.url, "--give-up-after", "2")
    proxy.freed.set()
    leaving[0].join(PATIENCE_S)
    assert done.code == 5, done.err
    assert done.resources == {"unknown": one.planned}
    proxy.listen()
    proxy.heal()
    assert "had arrived" in one.settle(proxy.url).err


def test_a_gateway_that_gives_up_and_a_server_that_does_not(push: Pushes, proxy: Proxy) -> None:
    """P05 P06: after 504 the server may still be at work: what it does not hold yet is unknown, not failed."""
    one = push()
    proxy.script = on_transactions(lambda each: each.send(Answer(504)))
    done = one.run(proxy.url, "--give-up-after", "1")
    assert done.code == 5, done.err
    assert done.resources == {"unknown": one.planned}
    proxy.heal()
    proxy.transactions[0].forward()
    assert "had arrived" in one.settle(proxy.url).err


def test_a_journal_that_goes_away_between_two_records(push: Pushes, proxy: Proxy, hapi_url: str, unique: str) -> None:
    """P31: what was sent before is told, not "nothing was sent"; the run is incomplete, and has its summary."""
    one, sent = push(), threading.Event()
    journal = one.work / "journal"
    in_flight = [0]

    def script(exchange: Exchange) -> None:
        if exchange.record == 1:
            in_flight[0] = journal.stat().st_mtime_ns
        exchange.pass_on()
        if exchange.record == 1:
            sent.set()

    proxy.script = script
    process = loose.start(one, "push", "-", "--server", proxy.url, "--journal", str(journal))
    assert process.stdin
    for at in range(2):
        process.stdin.write(f"{json.dumps(patient(f'{unique}-{at}'))}\n")
    process.stdin.flush()
    assert sent.wait(PATIENCE_S)
    end = time.monotonic() + PATIENCE_S
    while journal.stat().st_mtime_ns == in_flight[0] and time.monotonic() < end:
        time.sleep(0.01)  # it notes the answer
    journal.unlink()
    process.stdin.write(f"{json.dumps(patient(f'{unique}-2', gender='none of these'))}\n")
    done = one.ended(process)
    assert done.code == 5, done.err
    assert "nothing was sent" not in done.err
    assert "was deleted, moved or replaced while in use" in done.err
    assert done.records["done"] >= 1
    assert done.records.total() == 3
    assert families(hapi_url, f"{unique}-0") == ["A"]


def test_a_journal_that_goes_away_with_the_answer(push: Pushes, proxy: Proxy, hapi_url: str) -> None:
    """P31 P04: the server did it, no answer comes, no look-up does, nothing can be noted: unknown, not "not sent"."""
    one = push()
    journal = one.work / "journal"

    def script(exchange: Exchange) -> None:
        if exchange.record >= 0:
            journal.unlink()
            committed(exchange)
        (cut if proxy.transactions else Exchange.pass_on)(exchange)

    proxy.script = script
    done = one.run(proxy.url, *ONE_TRY, "--journal", journal)
    assert done.code == 5, done.err
    assert done.resources == {"unknown": one.planned}
    assert "was deleted, moved or replaced while in use" in done.err
    one.check_server()
    proxy.heal()
    one.settle(proxy.url)


def test_a_patient_and_its_observations_one_by_one(push: Pushes, proxy: Proxy, hapi_url: str, unique: str) -> None:
    """P36: workers do not send what refers to a record that is still on its way."""

    def slow(exchange: Exchange) -> None:
        if b'"Patient"' in exchange.body:
            proxy.freed.wait(0.7)  # long enough for three other workers to come first
        exchange.pass_on()

    proxy.script = on_transactions(slow)
    results = [observation(f"{unique}-{at}", f"Patient/{unique}") for at in range(6)]
    done = loose.run(loose.of(push(), patient(unique), *results), proxy.url, "--workers", "4")
    assert done.code == 0, done.err
    assert done.resources == {"created": 7}


def test_a_server_without_versions(push: Pushes, proxy: Proxy, hapi_url: str, unique: str, tmp_path: Path) -> None:
    """P04 P05: a server that makes a version of everything is not sent what it holds; that settles what was unknown."""
    (tmp_path / "servers.toml").write_text("[hapi]\nkeeps_version = false\n")
    one = loose.of(push(), patient(unique))

    def script(exchange: Exchange) -> None:
        if exchange.record >= 0:
            committed(exchange)
        (cut if proxy.transactions else Exchange.pass_on)(exchange)

    proxy.script = script
    journal = one.work / "journal"
    options = ("--mappings", str(tmp_path), "--journal", str(journal))
    assert loose.run(one, proxy.url, *options, *ONE_TRY).records == {"unknown": 1}
    proxy.heal()
    done = loose.run(one, proxy.url, *options)
    assert (done.code, done.resources) == (0, {"unchanged": 1}), done.err
    assert len(proxy.transactions) == 1
    assert ", over\n" in describe(journal)
    done = loose.run(loose.of(one, patient(unique, "CORRECTED")), proxy.url, *options)
    assert (done.code, done.resources) == (0, {"updated": 1}), done.err
    assert families(hapi_url, unique) == ["A", "CORRECTED"]


def test_a_server_that_lost_what_came_last(push: Pushes, proxy: Proxy, hapi_url: str, unique: str) -> None:
    """P35: what was passed over before a loss was seen is not taken for done: it is said, and --verify brings it back."""
    names = [f"{unique}-{at}" for at in range(40)]
    one = loose.of(push(), *map(patient, names), patient(f"{unique}-x", "STOPPED"))
    proxy.script = on_transactions(lambda each: (cut if b'"STOPPED"' in each.body else Exchange.pass_on)(each))
    assert loose.run(one, proxy.url, *ONE_TRY).records == {"done": 40, "unknown": 1}
    proxy.heal()
    loose.transact(hapi_url, [{"request": {"method": "DELETE", "url": f"Patient/{name}"}} for name in names[15:]])
    done = loose.run(one, proxy.url)
    assert done.code == 5, done.err
    assert "run it again with --verify" in done.err
    done = loose.run(one, proxy.url, "--verify")
    assert done.code == 0, done.err
    assert [name for name in names if loose.ask(hapi_url, f"Patient/{name}") is None] == []
    assert done.records.keys() == {"done", "done before"}


def test_a_server_that_lost_something_after_a_run_was_over(push: Pushes, hapi_url: str, unique: str) -> None:
    """P35: of a run that came to its end and had findings nothing is taken for done, either."""
    names = [f"{unique}-{at}" for at in range(20)]
    one = loose.of(push(), *map(patient, names), patient(f"{unique}-x", gender="none of these"))
    assert loose.run(one, hapi_url).records == {"done": 20, "rejected": 1}
    loose.transact(hapi_url, [{"request": {"method": "DELETE", "url": f"Patient/{names[5]}"}}])
    done = loose.run(one, hapi_url)
    assert done.code == 1, done.err
    assert loose.ask(hapi_url, f"Patient/{names[5]}")
