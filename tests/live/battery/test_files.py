"""What is printed and written, where that cannot be done, and journals that are no good: P29 to P32, P37."""

from __future__ import annotations

import os
import pty
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ..faults import PATIENCE_S, Answer, Exchange, Proxy
from ..oracle import Push
from ..scripts import Gate, killed_at, on_transactions, then

TOKEN = "tok3n-canary-process"


def test_secrets_in_the_list_of_processes(push: Callable[..., Push], proxy: Proxy, tmp_path: Path) -> None:
    """P29: while it runs, no argument of the process or of a child of it holds a secret; nor does what it leaves."""
    one = push(2)
    secret = tmp_path / "secret"
    secret.write_text(TOKEN)
    secret.chmod(0o600)
    gate = proxy.script = Gate(0)
    process = one.start(proxy.url, "--token-file", secret)
    gate.wait()
    listed = subprocess.run(["ps", "-ww", "-A", "-o", "args"], capture_output=True, encoding="utf-8", check=True).stdout
    assert "fhirconv push" in listed
    assert TOKEN not in listed
    gate.open()
    assert one.ended(process).code == 0
    assert {exchange.headers["Authorization"] for exchange in proxy.seen} == {f"Bearer {TOKEN}"}
    one.settle(proxy.url, "--token-file", secret)
    one.check_canaries(TOKEN)


def test_names_in_a_progress_bar_and_in_addresses(push: Callable[..., Push], proxy: Proxy) -> None:
    """P30: what a terminal shows and what the logs of proxies get has no name; searches are no addresses."""
    one = push(3)

    def late(exchange: Exchange, answer: Answer) -> None:
        """A push that is over within a second has no bar."""
        time.sleep(1.2)
        exchange.send(answer)

    proxy.script = on_transactions(then(late))
    options = ("--identity", "identifier", "--retract", "--verify", "--workers", "2")
    ours, its = pty.openpty()
    process = subprocess.Popen(
        one.arguments(proxy.url, *options), stdout=its, stderr=its, env=one.environment(), cwd=one.work
    )
    os.close(its)
    shown = b""
    with suppress(OSError):  # EIO is the end of a terminal
        while part := os.read(ours, 10_000):
            shown += part
    os.close(ours)
    assert process.wait(PATIENCE_S) == 0, shown
    assert b"pushed" in shown
    assert b"3 records: 3 done" in shown
    assert not any(canary.encode() in shown for canary in one.canaries)
    one.settle(proxy.url, *options)
    lines = [exchange.path for exchange in proxy.seen]
    assert len(lines) > 9
    assert all("identifier" not in line and canary not in line for line in lines for canary in one.canaries)


def limit(process: subprocess.Popen[str], size: int) -> None:
    """From now on no file of the process grows beyond `size` bytes: to it, the disk is full."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="prlimit is Linux's")
def test_a_full_disk_from_the_start(push: Callable[..., Push], proxy: Proxy) -> None:
    """P31: what cannot be noted is not sent."""
    one = push(2)
    process = one.start(proxy.url)
    limit(process, 100)
    done = one.ended(process)
    assert done.code == 2, done.err
    assert "nothing was sent" in done.err
    assert "disk" in done.err
    assert proxy.transactions == []
    one.settle(proxy.url)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="prlimit is Linux's")
def test_a_disk_that_fills_up(push: Callable[..., Push], proxy: Proxy) -> None:
    """P31: nothing more is sent once the journal takes no more; what it has is enough to go on."""
    one = push(5)
    gate = proxy.script = Gate(2)
    process = one.start(proxy.url)
    gate.wait()
    limit(process, 100)
    gate.open()
    done = one.ended(process)
    assert done.code == 5, done.err
    one.check_summary(done)
    assert "disk" in done.err
    assert len(proxy.transactions) == 3
    assert "had arrived" in one.settle(proxy.url).err


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_to_a_full_disk(push: Callable[..., Push], hapi_url: str, stream: str) -> None:
    """P31: that nobody can be told is told by the exit code, without a traceback, and harms nothing."""
    one = push(3)
    with FULL.open("w") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        process = subprocess.Popen(
            one.arguments(hapi_url),
            encoding="utf-8",
            env=one.environment(),
            cwd=one.work,
            **streams,  # type: ignore[call-overload]
        )
        out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in (out or "") + (err or "")
    assert process.returncode != 0 if one.held() < one.planned else process.returncode >= 0
    one.settle(hapi_url)


@pytest.mark.parametrize("lines", [0, 1])
def test_nobody_listens(push: Callable[..., Push], hapi_url: str, lines: int) -> None:
    """P32: as in `fhirconv push ... | head -1`: the push goes on, and no traceback ends it."""
    one = push(4)
    process = one.start(hapi_url)
    assert process.stdout
    assert process.stderr
    for _ in range(lines):
        assert process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(PATIENCE_S) in (0, 141), err
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert one.held() == one.planned
    one.settle(hapi_url)


def test_no_place_for_the_journal(push: Callable[..., Push], proxy: Proxy) -> None:
    """P32: no folder, and one that takes no files (also from root): a clear error, and nothing is sent."""
    one = push()
    for folder in (one.work / "missing", Path("/proc")):
        done = one.run(proxy.url, "--journal", folder / "journal")
        assert done.code == 2, done.err
        assert f"{folder / 'journal'}: " in done.err
        assert "--journal" in done.err
    assert proxy.transactions == []
    one.settle(proxy.url)


def test_the_folder_of_the_journal_vanishes(push: Callable[..., Push], proxy: Proxy) -> None:
    """P32: nothing is sent that is noted nowhere; the next run begins anew, and makes nothing twice."""
    one = push(4)
    folder = one.work / "journals"
    folder.mkdir()
    gate = proxy.script = Gate(1)
    process = one.start(proxy.url, "--journal", folder / "journal")
    gate.wait()
    shutil.rmtree(folder)
    gate.open()
    done = one.ended(process)
    assert done.code == 5, done.err
    assert len(proxy.transactions) == 2
    folder.mkdir()
    one.settle(proxy.url, "--journal", folder / "journal")


@pytest.mark.parametrize("cut", [1, -1])
def test_a_torn_journal(push: Callable[..., Push], proxy: Proxy, cut: int) -> None:
    """P37: it is no base for anything: nothing is sent until the user says what to do."""
    one = push(3)
    killed_at(one, proxy, 1)
    content = one.journal.read_bytes()
    one.journal.write_bytes(content[:-cut] if cut > 0 else b"")
    sent = len(proxy.transactions)
    done = one.run(proxy.url)
    assert done.code == 2, done.err
    assert str(one.journal) in done.err
    assert "--restart" in done.err
    assert len(proxy.transactions) == sent
    done = one.run(proxy.url, "--restart")
    assert done.code == 0, done.err
    one.settle(proxy.url)


def test_a_journal_of_another_push(push: Callable[..., Push], proxy: Proxy, hapi_url: str) -> None:
    """P37: of another server, another input, other settings; the right command goes on with it."""
    one = push(3)
    killed_at(one, proxy, 1)
    sent = len(proxy.transactions)
    for server, options, wanted in ((hapi_url, (), "server"), (proxy.url, ("--identity", "identifier"), "settings")):
        done = one.run(server, *options)
        assert done.code == 2
        assert wanted in done.err
        assert "--restart" in done.err
    lab = one.cases[2]["labs"][0]
    lab["value"] += 1
    one.write()
    done = one.run(proxy.url)
    assert done.code == 2
    assert "input" in done.err
    assert len(proxy.transactions) == sent
    lab["value"] -= 1
    one.write()
    assert one.settle(proxy.url).records == {"done before": 1, "done": 2}


def test_a_corrected_fact(push: Callable[..., Push], hapi_url: str) -> None:
    """P37: the input of a finished push may change: what changed gets one more version, in place."""
    one = push(2)
    assert one.run(hapi_url).code == 0
    one.cases[1]["labs"][0]["value"] += 1
    one.write()
    done = one.run(hapi_url)
    assert done.code == 0, done.err
    assert done.resources == {"updated": 1, "unchanged": one.planned - 1}
    assert one.held() == one.planned
    assert one.run(hapi_url).resources == {"unchanged": one.planned}
