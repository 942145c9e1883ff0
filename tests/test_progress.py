"""The bar of long runs: seen on a terminal, nowhere else, and never in the way of what is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from peak import TELL_PEAK

from fhirconv.cli import progress
from fhirconv.cli.progress import Progress
from fhirconv.compression import compressed

BAD = json.dumps({"resourceType": "Patient", "name": [{"use": f"x{number}"} for number in range(30)]}).encode() + b"\n"


class Terminal:
    """A terminal, and all that was written to it."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        self.stream = open(os.dup(self.theirs), "w")  # noqa: SIM115 - closed by seen()
        self._seen = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 1 << 16):
                self._seen += data
        except OSError:  # the other end is closed
            pass

    def seen(self) -> str:
        """What was written, once nobody can write any more."""
        self.stream.close()
        os.close(self.theirs)
        self._reader.join(60)
        os.close(self._ours)
        return self._seen.decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal, and every run is a long one."""
    monkeypatch.setattr(progress, "_WAIT_S", -1.0)
    monkeypatch.setattr(progress, "_PAUSE_S", -1.0)
    return Terminal()


def test_share_rate_and_count(terminal: Terminal) -> None:
    with redirect_stderr(terminal.stream), Progress("validated", 1000) as bar:
        for _ in range(10):
            bar.advance(50)
    last = terminal.seen().strip().split("\r")[-1]
    assert "validated" in last
    assert "50%" in last
    assert "10 records, " in last
    assert "/s" in last


def test_of_a_pipe_nobody_knows_the_share(terminal: Terminal) -> None:
    with redirect_stderr(terminal.stream), Progress("validated", None) as bar:
        bar.advance(50, 3)
    seen = terminal.seen()
    assert "3 records" in seen
    assert "%" not in seen


def test_standard_input_has_a_bar(terminal: Terminal) -> None:
    """Of which nobody counts the bytes either."""
    with redirect_stderr(terminal.stream), Progress("converted", None) as bar:
        bar.advance(0, 3)
    assert "3 records" in terminal.seen()


def test_the_bar_goes_away_for_a_line(terminal: Terminal) -> None:
    with redirect_stderr(terminal.stream), Progress("validated", 10) as bar:
        bar.advance(5)
        bar.clear()
        print("a finding", file=sys.stderr)
    assert "\r\x1b[Ka finding" in terminal.seen()


def test_nothing_elsewhere(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_WAIT_S", -1.0)
    with Progress("validated", 10) as bar:
        bar.advance(5)
        bar.clear()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz"])
def test_validate_on_a_terminal(name: str, tmp_path: Path) -> None:
    """The command itself, with a share of the bytes of the file; findings in a pipe hold nothing of the bar."""
    data = BAD * 50
    (tmp_path / name).write_bytes(compressed(data, "gz") if name.endswith("gz") else data)
    code = "from fhirconv.cli import main; import fhirconv.cli.progress as progress; progress._WAIT_S = progress._PAUSE_S = -1.0; main()"
    made = Terminal()
    done = subprocess.run(
        [sys.executable, "-c", code, "validate", str(tmp_path / name)], stdout=subprocess.PIPE, stderr=made.theirs, timeout=240
    )
    seen = made.seen()
    assert done.returncode == 1
    assert "100%" in seen
    assert "50 records, " in seen
    assert f"{name}: 50 records, 1500 errors" in seen
    assert b"\r" not in done.stdout
    assert done.stdout.count(b"\n") >= 1500


def test_memory_of_validate_does_not_grow_with_its_findings(tmp_path: Path) -> None:
    """30,000 findings as text take what 1,500 take; in a process of its own."""
    code = f"import sys\nfrom fhirconv.cli import main\ntry: main(['validate', sys.argv[1]])\nfinally: {TELL_PEAK}"
    peaks = []
    for records in (50, 1000):
        (tmp_path / "a.ndjson").write_bytes(BAD * records)
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "a.ndjson")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=240,
        )
        peaks.append(int(done.stderr.split()[-1]))
    assert peaks[1] < peaks[0] * 1.2
