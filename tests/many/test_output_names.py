"""What an output may be called: pipes and open files are written to, links are not followed by accident, nothing good is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fhirconv.compression import compressed

from .lines import WAIT_S, cases, convert, ids

LONG = "a" * 300
COMMAND = f"{sys.executable} -m fhirconv convert"


@pytest.fixture(autouse=True)
def three_cases(tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_bytes(cases(3))


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """A line of a shell, as people write it."""
    done = subprocess.run(["bash", "-c", line], cwd=cwd, capture_output=True, timeout=WAIT_S)
    assert b"Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_a_pipe_that_is_open(name: str, tmp_path: Path) -> None:
    done = shell(f"{COMMAND} in.ndjson -q -o {name} | cat", tmp_path)
    assert ids(done.stdout) == ["c0", "c1", "c2"]
    assert done.stderr == b""


def test_a_process_that_reads(tmp_path: Path) -> None:
    shell(f"{COMMAND} in.ndjson -q -o >(cat > out) && while [ ! -s out ]; do sleep 0.1; done", tmp_path)
    assert ids((tmp_path / "out").read_bytes()) == ["c0", "c1", "c2"]


def test_a_file_that_is_open_keeps_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "bad.ndjson").write_bytes(cases(1) + b"{}\n")
    shell(f"echo begun > log; {COMMAND} bad.ndjson -o out.ndjson --rejects /dev/stderr 2>> log", tmp_path)
    log = (tmp_path / "log").read_text()
    assert log.startswith("begun\n")
    assert '"line":2' in log
    assert "2 records: 1 converted, 1 rejected" in log


def test_a_single_case_to_a_file_that_is_open(tmp_path: Path) -> None:
    """/dev/stdout stays what it is, also for root."""
    (tmp_path / "one.json").write_bytes(cases(1))
    shell(f"{COMMAND} one.json -q -o /dev/stdout > made.json", tmp_path)
    assert b'"Bundle"' in (tmp_path / "made.json").read_bytes()
    assert Path("/dev/stdout").is_symlink()


def test_a_link_to_a_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(cases(1))
    (tmp_path / "link.json").symlink_to("real.json")
    shell(f"{COMMAND} one.json -q -o link.json", tmp_path)
    assert (tmp_path / "link.json").is_symlink()
    assert b'"Bundle"' in (tmp_path / "real.json").read_bytes()


def test_what_a_link_leads_to_is_what_its_own_name_says(tmp_path: Path) -> None:
    """Else it could not be read by that name."""
    (tmp_path / "link.ndjson.gz").symlink_to("real.ndjson")
    assert convert("in.ndjson", "-q", "-o", "link.ndjson.gz", cwd=tmp_path)[0] == 0
    assert ids((tmp_path / "real.ndjson").read_bytes()) == ["c0", "c1", "c2"]
    assert (tmp_path / "link.rejects.ndjson").read_bytes() == b""


def test_standard_streams_that_are_closed(tmp_path: Path) -> None:
    done = shell(f"{COMMAND} - -q -o out.ndjson <&-", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(b"-: fatal: cannot be read: it is closed [file-unreadable]\n")
    assert not (tmp_path / "out.ndjson").exists()
    done = shell(f"{COMMAND} in.ndjson -q >&-", tmp_path)
    assert (done.returncode, done.stderr) == (1, b"error: standard output is closed\n")
    (tmp_path / "one.json").write_bytes(cases(1))
    done = shell(f"{COMMAND} one.json -q >&-", tmp_path)
    assert (done.returncode, done.stderr) == (1, b"one.json: error: standard output is closed\n")
    assert shell(f"{COMMAND} in.ndjson -o out.ndjson 2>&-", tmp_path).returncode == 0


@pytest.mark.parametrize("how", [Path.symlink_to, Path.hardlink_to])
def test_lines_go_to_no_file_of_somebody_else(how: object, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    how(tmp_path / "out.ndjson.partial", precious)  # type: ignore[operator]
    code, _, said = convert("in.ndjson", "-q", "-o", "out.ndjson", cwd=tmp_path)
    assert (code, said) == (1, "error: out.ndjson cannot be written: out.ndjson.partial is a link; remove it\n")
    assert precious.read_text() == "precious"


def test_resources_go_to_no_folder_of_somebody_else(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Patient.ndjson").write_text("precious")
    (tmp_path / "bulk.partial").symlink_to(other)
    code, _, said = convert("in.ndjson", "-q", "--shape", "resources", "-o", "bulk", cwd=tmp_path)
    assert (code, said) == (1, "error: bulk cannot be written: bulk.partial is a link; remove it\n")
    assert (other / "Patient.ndjson").read_text() == "precious"


@pytest.mark.parametrize("more", [(), ("--shape", "resources")])
def test_names_that_no_file_can_have(more: tuple[str, ...], tmp_path: Path) -> None:
    code, _, said = convert("in.ndjson", "-q", *more, "-o", LONG if more else f"{LONG}.ndjson", cwd=tmp_path)
    assert code == 1
    assert said.endswith("cannot be written: File name too long\n")


@pytest.mark.parametrize(
    "content",
    [compressed(cases(3), "gz"), cases(3).decode().encode("utf-16"), b'{\n  "case": {"id": "a"}\n}\n'],
    ids=["gzip", "UTF-16", "spread over lines"],
)
def test_what_is_no_ndjson_at_all_replaces_nothing(content: bytes, tmp_path: Path) -> None:
    """Nobody knows how many cases it has."""
    (tmp_path / "no.ndjson").write_bytes(content)
    (tmp_path / "out.ndjson").write_text("of before")
    code, _, said = convert("no.ndjson", "-q", "-o", "out.ndjson", cwd=tmp_path)
    assert code == 1
    assert "error: no.ndjson was not read to its end (see above); mend it, or fetch it again\n" in said
    assert (tmp_path / "out.ndjson").read_text() == "of before"
    code, _, said = convert("in.ndjson", "no.ndjson", "-q", "-o", "out.ndjson", cwd=tmp_path)
    assert "out.ndjson.partial has 3 cases and is not complete" in said
    assert ids((tmp_path / "out.ndjson.partial").read_bytes()) == ["c0", "c1", "c2"]


@pytest.mark.parametrize(
    "line",
    [
        "- -o in.ndjson < in.ndjson",
        "- --rejects in.ndjson < in.ndjson",
        "in.ndjson >> in.ndjson",
        "in.ndjson -o /dev/stdout >> in.ndjson",
        "- -o one.json < one.json",
        "one.json >> one.json",
    ],
)
def test_an_input_that_a_shell_opened_is_not_replaced(line: str, tmp_path: Path) -> None:
    one = cases(1).replace(b", ", b",\n")
    (tmp_path / "one.json").write_bytes(one)
    done = shell(f"{COMMAND} {line}", tmp_path)
    assert done.returncode == 2
    assert b"the output file is the input file; give it another name" in done.stderr
    assert (tmp_path / "in.ndjson").read_bytes() == cases(3)
    assert (tmp_path / "one.json").read_bytes() == one


def test_a_device_may_be_read_and_written(tmp_path: Path) -> None:
    """As where a terminal is both."""
    done = shell(f"{COMMAND} - -q -o /dev/null < /dev/null", tmp_path)
    assert b"is the input" not in done.stderr
    assert done.returncode == 1


def test_a_name_is_proposed_that_can_be_used(tmp_path: Path) -> None:
    code, _, said = convert("in.ndjson", "-o", "out.ndjson.bz2", cwd=tmp_path)
    assert code == 2
    assert said.endswith("name it -o out.ndjson\n")
    assert os.listdir(tmp_path) == ["in.ndjson"]


def test_a_reader_that_is_slow_gets_every_byte(tmp_path: Path) -> None:
    """A pipe that is full for seconds, with whatever else goes on in the process meanwhile."""
    (tmp_path / "many.ndjson").write_bytes(cases(4000))
    slow = "import sys, time\nwhile d := sys.stdin.buffer.read(1 << 20): sys.stdout.buffer.write(d); time.sleep(0.4)"
    done = shell(f"{COMMAND} many.ndjson -q | {sys.executable} -c '{slow}'", tmp_path)
    assert convert("many.ndjson", "-q", "-o", "out.ndjson", cwd=tmp_path)[0] == 0
    assert done.stdout == (tmp_path / "out.ndjson").read_bytes()
