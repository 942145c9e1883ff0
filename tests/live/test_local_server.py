"""The local server: started, asked, refused, stopped, killed, and started again with its data."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from fhirconv import local_server
from tests.conftest import FIXTURES
from tests.conftest import run as run_here

from .server_command import MANY_S, ODD, server


def ask(method: str, url: str, **body: object) -> requests.Response:
    headers = {"Content-Type": "application/fhir+json", "Connection": "close"}
    return requests.request(method, url, headers=headers, timeout=MANY_S, **body)  # type: ignore[arg-type]


class Running(NamedTuple):
    """A server that the command started."""

    data: Path
    url: str

    @property
    def port(self) -> str:
        return self.url.removesuffix("/fhir").rpartition(":")[2]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """In a folder with an odd name, called in the C locale as by cron."""
    data = tmp_path_factory.mktemp("server") / ODD
    done = server("start", "--port", "0", "--data", data, LC_ALL="C", PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    yield Running(data, done.stdout.strip())
    local_server.stop(data)


def test_the_server_of_the_tests_is_a_hapi_of_r4(hapi_url: str) -> None:
    statement = ask("GET", f"{hapi_url}/metadata").json()
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["software"]["name"] == "HAPI FHIR Server"


def test_start_prints_the_base_url_alone(running: Running) -> None:
    assert running.url == f"http://127.0.0.1:{running.port}/fhir"
    assert int(running.port) > 0
    assert ask("GET", f"{running.url}/metadata").json()["resourceType"] == "CapabilityStatement"


def test_status_prints_the_base_url(running: Running) -> None:
    done = server("status", "--data", running.data)
    assert (done.returncode, done.stdout.strip()) == (0, running.url)


def test_the_data_stay_in_the_folder_that_was_named(running: Running) -> None:
    assert (running.data / "h2.mv.db").stat().st_size > 0
    assert [path.name for path in running.data.parent.iterdir()] == [ODD]
    assert running.data.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="addresses of listeners are read from /proc/net")
def test_only_this_machine_can_reach_it(running: Running) -> None:
    """Linux writes addresses in hexadecimal: 7F000001 backwards, in IPv6 behind FFFF; state 0A is LISTEN."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    listeners = [line.split()[1] for line in lines if line.split()[3] == "0A"]
    ours = [address for address in listeners if address.endswith(f":{int(running.port):04X}")]
    assert ours
    assert all(address.partition(":")[0].endswith("0100007F") for address in ours)


def test_it_takes_what_convert_makes_and_keeps_it_through_a_stop(running: Running) -> None:
    case = FIXTURES / "cases" / "nakagawa-2022.yaml"
    converted = run_here("convert", str(case))
    assert converted.exit_code == 0, converted.output
    bundle = converted.stdout_bytes
    count = len(json.loads(bundle)["entry"])
    answer = ask("POST", running.url, data=bundle).json()
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * count
    place = answer["entry"][0]["response"]["location"]

    stopped = server("stop", "--data", running.data)
    assert (stopped.returncode, stopped.stderr.strip()) == (0, "stopped")
    with pytest.raises(requests.ConnectionError):
        ask("GET", f"{running.url}/metadata")
    assert server("status", "--data", running.data).returncode == 1

    again = server("start", "--port", running.port, "--data", running.data)
    assert again.stdout.strip() == running.url, again.stderr
    assert ask("GET", f"{running.url}/{place}").status_code == 200
    repeated = ask("POST", running.url, data=bundle).json()
    assert {entry["response"]["status"] for entry in repeated["entry"]} == {"200 OK"}


def test_a_second_server_in_a_folder_is_refused(running: Running) -> None:
    done = server("start", "--port", "0", "--data", running.data)
    assert done.returncode == 2
    assert running.url in done.stderr
    assert "stop it first" in done.stderr
    assert ask("GET", f"{running.url}/metadata").ok


def test_a_taken_port_is_refused(running: Running, tmp_path: Path) -> None:
    done = server("start", "--port", running.port, "--data", tmp_path)
    assert done.returncode == 2
    assert f"port {running.port} " in done.stderr
    assert "0 for a free one" in done.stderr


@pytest.mark.parametrize("arguments", [["--port", "65536"], ["--port", "-1"], ["--port", "http"]])
def test_what_is_no_port_is_refused(arguments: list[str], tmp_path: Path) -> None:
    assert server("start", "--data", tmp_path, *arguments).returncode == 2
    with pytest.raises(local_server.LocalServerError, match="0 to 65535"):
        local_server.start(tmp_path, 65536)


def test_a_durable_server_keeps_what_it_answered_when_it_is_killed(tmp_path: Path, unique: str) -> None:
    said: list[str] = []
    first = local_server.start(tmp_path, 0, durable=True, say=said.append)
    try:
        assert str(tmp_path) in said[-1]
        assert local_server.status(tmp_path) == first
        assert (
            ask("PUT", f"{first.url}/Patient/{unique}", json={"resourceType": "Patient", "id": unique}).status_code
            == 201
        )
        os.kill(first.pid, signal.SIGKILL)
        eventually(lambda: local_server.status(tmp_path) is None)
        assert local_server.stop(tmp_path) is False

        second = local_server.start(tmp_path, 0, durable=True)
        assert ask("GET", f"{second.url}/Patient/{unique}").json()["id"] == unique
    finally:
        local_server.stop(tmp_path)


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + MANY_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("data", [Path("missing"), Path("missing") / "below", Path("empty")])
def test_where_nothing_runs_there_is_nothing_to_stop(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    stopped = server("stop", "--data", tmp_path / data)
    assert (stopped.returncode, stopped.stderr.strip()) == (0, "no server runs")
    asked = server("status", "--data", tmp_path / data)
    assert (asked.returncode, asked.stdout, asked.stderr.strip()) == (1, "", "no server runs")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


@pytest.fixture
def bystander() -> Iterator[int]:
    """The id of a process that is nobody's server; it must be alive in the end."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        assert process.poll() is None
        process.kill()


def write_state(data: Path, pid: object, started: str = "1") -> None:
    (data / "lock").touch()
    (data / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1/fhir", "pid": pid, "started": started}))


def start_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19] if Path("/proc").is_dir() else ""


def test_a_process_that_a_state_file_of_old_names_is_left_alone(bystander: int, tmp_path: Path) -> None:
    """As after a copy of the folder or a restart of the machine: nobody holds the folder's lock."""
    write_state(tmp_path, bystander, start_of(bystander))
    assert local_server.status(tmp_path) is None
    assert local_server.stop(tmp_path) is False


def test_a_process_that_got_the_id_of_a_server_is_left_alone(bystander: int, tmp_path: Path) -> None:
    write_state(tmp_path, bystander)
    with (tmp_path / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = server("stop", "--data", tmp_path)
    assert done.returncode == 2
    assert "does not name" in done.stderr


@pytest.mark.parametrize("pid", [0, 1, -1, None, "x", [], 1e400])
def test_a_broken_state_file_ends_no_process(pid: object, tmp_path: Path) -> None:
    write_state(tmp_path, pid, "")
    with (tmp_path / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(local_server.LocalServerError, match="does not name"):
            local_server.stop(tmp_path)
        assert local_server.status(tmp_path) == ("", 0)


@contextmanager
def starting(data: Path) -> Iterator[subprocess.Popen[str]]:
    """The command while the server that it has launched is not ready."""
    command = [sys.executable, "-m", "fhirconv", "server", "start", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        eventually(lambda: (local_server.status(data) or (0, 0))[1] > 0 or process.poll() is not None)
        launched = local_server.status(data)
        assert launched is not None
        assert launched.url == ""
        yield process


def test_ctrl_c_while_starting_leaves_no_server(tmp_path: Path) -> None:
    with starting(tmp_path) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=MANY_S)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "interrupted; no server runs"
    assert local_server.status(tmp_path) is None


def test_a_server_whose_start_was_killed_can_be_stopped(tmp_path: Path) -> None:
    with starting(tmp_path) as process:
        process.kill()
        process.communicate(timeout=MANY_S)
    said = server("status", "--data", tmp_path)
    assert (said.returncode, said.stdout, said.stderr.strip()) == (0, "", "a server is starting")
    assert local_server.stop(tmp_path) is True
    assert local_server.status(tmp_path) is None


def test_a_server_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    with pytest.raises(local_server.ServerFailedError, match="not ready after 0 s"):
        local_server.start(tmp_path, 0, wait_s=0)
    assert local_server.status(tmp_path) is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("-XX:NoSuchOption", "Unrecognized VM option"),
        ("-XX:TieredStopAtLevel=1 -Djdbc.url=jdbc:none:x", "No suitable driver"),
    ],
)
def test_a_server_that_does_not_come_up_says_why(options: str, why: str, tmp_path: Path) -> None:
    done = server("start", "--port", "0", "--data", tmp_path, FHIRCONV_HAPI_JAVA_OPTS=options)
    assert done.returncode == 4
    assert why in done.stderr
    assert str(tmp_path / "server.log") in done.stderr
    assert "\tat " not in done.stderr


def test_options_for_java_that_are_no_words(tmp_path: Path) -> None:
    done = server("start", "--port", "0", "--data", tmp_path, FHIRCONV_HAPI_JAVA_OPTS="'-Xmx1g")
    assert done.returncode == 2
    assert "FHIRCONV_HAPI_JAVA_OPTS" in done.stderr


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = server("start", "--data", tmp_path / "file" / "data")
    assert done.returncode == 2
    assert "Not a directory; name another folder" in done.stderr


def test_a_folder_whose_name_java_would_read_otherwise(tmp_path: Path) -> None:
    data = tmp_path / os.fsdecode(b"not-utf-8-\xff")
    done = server("start", "--data", data)
    assert done.returncode == 2
    assert "is not UTF-8; name another folder" in done.stderr
    assert not data.exists()


def test_the_way_to_the_default_folder(tmp_path: Path) -> None:
    done = server("status", XDG_DATA_HOME=str(tmp_path))
    assert (done.returncode, done.stderr.strip()) == (1, "no server runs")
    (tmp_path / "fhirconv").mkdir()
    (tmp_path / "fhirconv" / "server").touch()
    refused = server("start", XDG_DATA_HOME=str(tmp_path), HOME="")
    assert refused.returncode == 2
    assert str(tmp_path / "fhirconv" / "server") in refused.stderr
