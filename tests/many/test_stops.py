"""A run that is stopped, wherever: whole lines, marked as not complete, and the next run makes it as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from .lines import WAIT_S, cases, convert, ended, ids, size, start, until
from .test_crew import is_alive

NUMBER = 450  # seven chunks and more: some are written while others are read ahead


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert convert("-", "-o", "out.ndjson", cwd=folder, stdin=cases(NUMBER))[0] == 0
    return (folder / "out.ndjson").read_bytes()


def begun(folder: Path, *words: str, before: Callable[[], object] | None = None) -> subprocess.Popen[bytes]:
    """A run that has written some lines and waits for more."""
    process = start("-", "-o", "out.ndjson", *words, cwd=folder, before=before)
    assert process.stdin is not None
    process.stdin.write(cases(400))
    process.stdin.flush()
    until(lambda: size(folder / "out.ndjson.partial"))
    return process


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text(encoding="utf-8").split()]
    return found


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_mid_run(tmp_path: Path, undisturbed: bytes, number: signal.Signals, workers: str) -> None:
    process = begun(tmp_path, "--workers", workers)
    helpers = children(process.pid)
    assert len(helpers) == (2 if workers == "2" else 0)
    for _ in range(2 if number == signal.SIGHUP else 1):  # a terminal that is closed sends two
        process.send_signal(number)
    process.wait(WAIT_S)  # with its input still open
    code, _, said = ended(process)
    assert code == 128 + number
    part = (tmp_path / "out.ndjson.partial").read_bytes()
    assert undisturbed.startswith(part)
    assert f"stopped by {number.name}" in said
    assert f"out.ndjson.partial has {len(ids(part))} cases and is not complete; run the same command again" in said
    assert not (tmp_path / "out.ndjson").exists()
    until(lambda: not any(map(is_alive, helpers)))
    assert convert("-", "-o", "out.ndjson", cwd=tmp_path, stdin=cases(NUMBER))[0] == 0
    assert (tmp_path / "out.ndjson").read_bytes() == undisturbed
    assert {path.name for path in tmp_path.iterdir()} == {"out.ndjson", "out.rejects.ndjson"}


def test_nohup_holds(tmp_path: Path, undisturbed: bytes) -> None:
    process = begun(tmp_path, before=partial(signal.signal, signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    assert ended(process, cases(NUMBER - 400, first=400))[0] == 0
    assert (tmp_path / "out.ndjson").read_bytes() == undisturbed


@pytest.mark.parametrize("words", [("convert", "pipe", "-o", "out.ndjson"), ("validate", "pipe"), ("facts", "pipe")])
def test_ctrl_c_before_the_first_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "pipe")
    process = start(*words[1:], cwd=tmp_path, command=words[0], before=_with_ctrl_c)
    with (tmp_path / "pipe").open("wb"):  # it is being read now
        process.send_signal(signal.SIGINT)
        code, _, said = ended(process)
    assert (code, said) == (130, "stopped by SIGINT\n")
    assert os.listdir(tmp_path) == ["pipe"]


def _with_ctrl_c() -> None:
    """Also where the tests run in the background of a shell, which lets them ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_sigkill_in_mid_run(tmp_path: Path, undisturbed: bytes) -> None:
    """What was there before stays until the next run is complete; workers end by themselves."""
    (tmp_path / "out.ndjson").write_bytes(b"of yesterday\n")
    process = begun(tmp_path, "--workers", "2")
    helpers = children(process.pid)
    process.kill()
    process.communicate()
    assert (tmp_path / "out.ndjson").read_bytes() == b"of yesterday\n"
    assert undisturbed.startswith((tmp_path / "out.ndjson.partial").read_bytes())
    until(lambda: not any(map(is_alive, helpers)))
    assert convert("-", "-o", "out.ndjson", cwd=tmp_path, stdin=cases(NUMBER))[0] == 0
    assert (tmp_path / "out.ndjson").read_bytes() == undisturbed


def test_a_worker_is_killed_in_mid_run(tmp_path: Path, undisturbed: bytes) -> None:
    """It is reported with the lines that it held, and nothing is lost."""
    process = begun(tmp_path, "--workers", "2")
    for helper in children(process.pid):
        os.kill(helper, signal.SIGKILL)
    code, _, said = ended(process, cases(NUMBER - 400, first=400))
    assert code == 0
    assert "warning: a worker process was ended by SIGKILL at -:" in said
    assert (tmp_path / "out.ndjson").read_bytes() == undisturbed


LIMITED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
    "from fhirconv.cli import main; main(sys.argv[1:])"
)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("shape", ["bundles", "resources"])
def test_a_disk_that_is_full(tmp_path: Path, undisturbed: bytes, shape: str, workers: str) -> None:
    """A limit of the size of files stands for it: the write comes back short, the next one fails."""
    (tmp_path / "cases.ndjson").write_bytes(cases(NUMBER))
    out = "out.ndjson" if shape == "bundles" else "out"
    words = ["convert", "cases.ndjson", "-o", out, "--shape", shape, "--workers", workers]
    command = [sys.executable, "-c", LIMITED, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr
    assert f"{out}.partial has " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / out).exists()
    if shape == "bundles":
        part = (tmp_path / "out.ndjson.partial").read_bytes()
        assert undisturbed.startswith(part)
        assert part.endswith(b"\n")
        assert f"out.ndjson.partial has {len(ids(part))} cases and" in done.stderr
    else:
        parts = [path.read_bytes() for path in (tmp_path / "out.partial").iterdir()]
        assert parts
        assert all(part.endswith(b"\n") for part in parts)
    assert convert(*words[1:], cwd=tmp_path)[0] == 0


def test_standard_output_is_full(tmp_path: Path) -> None:
    """Of a stream, and of a single case."""
    (tmp_path / "cases.ndjson").write_bytes(cases(3))
    (tmp_path / "case.yaml").write_text("case: {id: a}\npatient: {}\n", encoding="utf-8")
    for name in ("cases.ndjson", "case.yaml"):
        with Path("/dev/full").open("wb") as full:
            command = [sys.executable, "-m", "fhirconv", "convert", name]
            done = subprocess.run(
                command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT_S, check=False
            )
        assert done.returncode == 1
        assert "standard output cannot be written: No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_whoever_reads_has_gone(tmp_path: Path, workers: str) -> None:
    """As in `fhirconv convert cases.ndjson | head -1`."""
    (tmp_path / "cases.ndjson").write_bytes(cases(NUMBER))
    process = start("cases.ndjson", "--workers", workers, cwd=tmp_path)
    assert process.stdout is not None
    assert ids(process.stdout.readline()) == ["c0"]
    process.stdout.close()
    process.stdout = None
    code, _, said = ended(process)
    assert (code, said) == (0, "")


def test_two_runs_do_not_write_one_file(tmp_path: Path, undisturbed: bytes) -> None:
    first = begun(tmp_path)
    code, _, said = convert("-", "-o", "out.ndjson", cwd=tmp_path, stdin=cases(1))
    assert code == 1
    assert "out.ndjson is being written by another run" in said
    first.send_signal(signal.SIGINT)
    assert ended(first)[0] == 130
    assert undisturbed.startswith((tmp_path / "out.ndjson.partial").read_bytes())
