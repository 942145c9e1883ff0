"""What a review broke about the process: signals while it waits, streams that end, files beside its input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from .. import loose
from ..faults import PATIENCE_S, Answer, Exchange, Proxy
from ..loose import families, patient
from ..oracle import Done, Push
from ..scripts import Gate

Pushes = Callable[..., Push]


def ended(one: Push, process: subprocess.Popen[str], within_s: float = 30) -> Done:
    """The end of a process that got a signal; it is not far away."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        one.ended(process)
        pytest.fail(f"{within_s} s after the signal it still runs")
    done = one.ended(process)
    assert "Aborted!" not in done.err
    return done


@pytest.mark.parametrize("name", ["-", "fifo"])
def test_a_signal_while_the_input_is_silent(push: Pushes, proxy: Proxy, unique: str, name: str) -> None:
    """P33: a pipe that stays open and gives nothing does not hold a push that was told to end."""
    one, sent = push(), threading.Event()
    fifo = one.work / "fifo"
    os.mkfifo(fifo)

    def script(exchange: Exchange) -> None:
        exchange.pass_on()
        if exchange.record == 1:
            sent.set()

    proxy.script = script
    process = loose.start(one, "push", name, "--server", proxy.url, "--journal", str(one.work / "journal"))
    assert process.stdin
    writer = process.stdin if name == "-" else fifo.open("w")
    for at in range(2):
        writer.write(f"{json.dumps(patient(f'{unique}-{at}'))}\n")
    writer.flush()
    assert sent.wait(PATIENCE_S)
    process.send_signal(signal.SIGTERM)
    done = ended(
        one, process
    )  # as the caller of Popen, communicate() closes the pipe only after the process was waited for
    if not writer.closed:
        writer.close()
    assert done.code == 143, done.err
    assert done.records == {"done": 2}
    assert "SIGTERM" in done.err


@pytest.mark.parametrize("command", ["push", "plan"])
def test_a_signal_while_the_server_is_asked_what_it_can_do(push: Pushes, proxy: Proxy, command: str) -> None:
    """P33: it is asked again and again; a signal ends that."""
    one, asked = push(), threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.send(Answer(500))
        asked.set()

    proxy.script = script
    process = loose.start(one, command, str(one.input), "--server", proxy.url)
    assert asked.wait(PATIENCE_S)
    process.send_signal(signal.SIGINT)
    done = ended(one, process)
    assert done.code == 130, done.err
    assert not done.out


@pytest.mark.parametrize("command", ["push", "plan"])
def test_a_signal_while_a_plan_is_made_or_checked(push: Pushes, proxy: Proxy, unique: str, command: str) -> None:
    """P33: the look-up that is on its way may end, and no other follows; nothing was sent, no plan is written."""
    one = loose.of(push(), *(patient(f"{unique}-{at}") for at in range(3)))
    asked, heard = threading.Event(), threading.Event()
    made = loose.start(one, "plan", str(one.input), "--server", proxy.url, "-o", "plan.json")
    assert one.ended(made).code == 0
    before = len(proxy.seen)

    def script(exchange: Exchange) -> None:
        if b'"batch"' in exchange.body:
            asked.set()
            heard.wait(PATIENCE_S)
        exchange.pass_on()

    proxy.script = script
    options = ["--plan", "plan.json"] if command == "push" else ["-o", "other.json"]
    process = loose.start(one, command, str(one.input), "--server", proxy.url, *options)
    assert asked.wait(PATIENCE_S)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # the handler runs when the main thread wakes up
    heard.set()
    done = ended(one, process)
    assert done.code == 130, done.err
    assert len([each for each in proxy.seen[before:] if b'"batch"' in each.body]) == 1
    assert not proxy.transactions
    assert not (one.work / "other.json").exists()


def test_all_files_of_a_folder_again(push: Pushes, hapi_url: str, unique: str) -> None:
    """P37: `push *` does not take its own journal for an input."""
    one = push()
    one.input.unlink()
    for name in ("a", "b"):
        (one.work / f"{name}.json").write_text(json.dumps(patient(f"{unique}-{name}")))
    told = []
    for _ in range(2):
        shell = ["sh", "-c", '"$0" -m fhirconv push * --server "$1"', sys.executable, hapi_url]
        done = subprocess.run(
            shell, capture_output=True, encoding="utf-8", env=one.environment(), cwd=one.work, check=True
        )
        told += [line.split(" ")[1] for line in done.stdout.splitlines()]
    assert told == ["created", "created", "unchanged", "unchanged"]
    assert len(list(one.work.iterdir())) == 3


def test_whoever_reads_the_messages_goes_away(push: Pushes, proxy: Proxy, hapi_url: str, unique: str) -> None:
    """P32: a closed standard error does not stop the push, and the exit code still says what became of it."""
    names = [f"{unique}-{at}" for at in range(8)]
    one = loose.of(push(), *map(patient, names), patient(f"{unique}-x", gender="none of these"))
    gate = proxy.script = Gate(3)
    ours, its = os.pipe()
    process = loose.start(one, "push", str(one.input), "--server", proxy.url, stderr=its)
    os.close(its)
    gate.wait()
    assert os.read(ours, 10)
    os.close(ours)
    gate.open()
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert out.count("created") == 8
    assert [name for name in names if families(hapi_url, name) != ["A"]] == []
    assert process.returncode == 1


def test_messages_to_a_full_disk(push: Pushes, hapi_url: str) -> None:
    """P31 P32: what was done is done, and the exit code says that it could not be told."""
    one = push(3)
    with open("/dev/full", "w") as full:
        process = loose.start(one, "push", str(one.input), "--server", hapi_url, stderr=full)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert out.count("created") == one.planned
    assert process.returncode == 1
    one.check_server()
