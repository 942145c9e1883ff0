"""A HAPI FHIR R4 server on this machine, for trying out and for tests: no password, no encryption, 127.0.0.1 only.

A server belongs to the folder of its data. It holds the lock of the folder as long as it lives, whatever ends it; so
whether one runs is never guessed from a process id, and a process that is not ours is never ended.
Needs Linux or macOS.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from fhirconv.hapi_program import (
    LocalServerError,
    Program,
    Say,
    ServerFailedError,
    environment,
    last_words,
    prepared,
    user_folder,
)

__all__ = [
    "DEFAULT_PORT",
    "LocalServer",
    "LocalServerError",
    "ServerFailedError",
    "default_data",
    "start",
    "status",
    "stop",
]

DEFAULT_PORT = 18080  # 8080, what HAPI's own examples use, is taken on many a machine where software is made
START_S = 300.0  # 20 s on an idle machine
STOP_S = 60.0
_PATIENCE_S = 1.0  # for one who only looks whether a server runs, and holds the lock for that moment
_JAVA_OPTIONS = "-Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1"  # up in half the time that the full compiler takes
_OPTIONS_VARIABLE = "FHIRCONV_HAPI_JAVA_OPTS"
# Every write is on disk before it is answered; without WRITE_DELAY=0 H2 may lose the last half second to a SIGKILL.
_DURABLE = "-Djdbc.url=jdbc:h2:file:./h2;DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0"
_LOCK, _STATE, _LOG = "lock", "server.json", "server.log"


class LocalServer(NamedTuple):
    """A server that runs. `url` is the base URL, '' while it is starting; `pid` 0 while there is no process yet."""

    url: str
    pid: int


def default_data() -> Path:
    """Where a server keeps its data when no folder is named."""
    return user_folder("XDG_DATA_HOME", ".local/share") / "server"


def start(
    data: Path,
    port: int = DEFAULT_PORT,
    *,
    durable: bool = False,
    say: Say = lambda text: None,
    wait_s: float = START_S,
) -> LocalServer:
    """Start a server on 127.0.0.1 that keeps its data in the folder `data`, and return when it answers.

    Port 0 takes a free one. `durable`: what was answered survives a SIGKILL of the server (a third slower). The server
    outlives this process. Raises ServerFailedError when it does not come up in `wait_s` seconds, else LocalServerError.
    """
    data = data.absolute()
    with _own(data) as lock:
        _check_port(port)
        program = prepared(say)
        say(f"starting, which takes about 20 seconds; data and log in {data}")
        process = _launch(program, port, durable, lock, data)
        try:
            _write_state(data, process.pid, "")
            url = _ready(process, data / _LOG, wait_s)
            _write_state(data, process.pid, url)
        except BaseException:  # Ctrl-C as well: it does not reach the server by itself
            process.kill()
            process.wait()
            raise
    threading.Thread(target=process.wait, daemon=True).start()  # while we live, nobody else would bury it
    return LocalServer(url, process.pid)


def stop(data: Path) -> bool:
    """End the server of the folder `data`, and return when it has ended; False when none runs."""
    with _looked_at(data) as lock:
        if lock is None:
            return False
        server = _read_state(data)
        if server is None:
            raise LocalServerError(
                f"{data} is held by a process that {_STATE} does not name; if none is just starting there, find it with: "
                f"fuser {shlex.quote(str(data / _LOCK))}"
            )
        try:
            os.kill(server.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it has ended just now
        except PermissionError:
            raise LocalServerError(f"the server of {data} runs as another user (process {server.pid})") from None
        if not _taken(lock, STOP_S):
            raise ServerFailedError(f"process {server.pid} has not ended in {STOP_S:g} s; look into {data / _LOG}")
        (data / _STATE).unlink(missing_ok=True)
    return True


def status(data: Path) -> LocalServer | None:
    """The server of the folder `data`; None when none runs."""
    with _looked_at(data) as lock:
        return None if lock is None else _read_state(data) or LocalServer("", 0)


@contextmanager
def _own(data: Path) -> Iterator[BinaryIO]:
    """The folder, made where it is missing, and its lock, which the server inherits."""
    try:
        str(data).encode()  # what is no UTF-8 Java would open by another name
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (data / _LOCK).open("ab") as lock:
            if not _taken(lock, _PATIENCE_S):
                server = _read_state(data)
                at = f" at {server.url}" if server and server.url else ""
                raise LocalServerError(f"a server{at} uses {data} already; stop it first, or name another folder")
            (data / _STATE).unlink(missing_ok=True)
            yield lock
    except UnicodeEncodeError:
        raise LocalServerError(f"the name of the folder {data} is not UTF-8; name another folder") from None
    except OSError as error:
        raise LocalServerError(f"{data} cannot hold a server's data: {error.strerror}; name another folder") from None


@contextmanager
def _looked_at(data: Path) -> Iterator[BinaryIO | None]:
    """The lock of a folder where a server runs, else None."""
    try:
        lock = (data / _LOCK).open("r+b")
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    except OSError as error:
        raise LocalServerError(f"{data / _LOCK} cannot be opened: {error.strerror}") from None
    with lock:
        yield None if _taken(lock, 0) else lock


def _taken(lock: BinaryIO, within_s: float) -> bool:
    """Whether the lock could be had in that time."""
    end = time.monotonic() + within_s
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)


def _check_port(port: int) -> None:
    """Say now what Java would say at the end of its start."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "ports are 0 to 65535"
            raise LocalServerError(f"port {port} cannot be had ({why}); name another, or 0 for a free one") from None


def _launch(program: Program, port: int, durable: bool, lock: BinaryIO, data: Path) -> subprocess.Popen[bytes]:
    """The server's process, free of this terminal. Its folder is where it runs, so no path has to fit into a JDBC URL."""
    try:
        options = shlex.split(os.environ.get(_OPTIONS_VARIABLE, _JAVA_OPTIONS))
    except ValueError as error:
        raise LocalServerError(f"{_OPTIONS_VARIABLE} cannot be read: {error}") from None
    chosen = [_DURABLE] if durable else []
    with (data / _LOG).open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - a program found on PATH; its options are the user's own
            [program.java, *chosen, *options, "-cp", program.class_path, "FhirServer", str(port)],
            cwd=data,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )


def _ready(process: subprocess.Popen[bytes], log: Path, wait_s: float) -> str:
    """The URL that the server prints once it answers."""
    end = time.monotonic() + wait_s
    while True:
        ended = process.poll() is not None  # asked first: then its last words are in the log
        said = log.read_text(encoding="utf-8", errors="replace")
        if ready := re.search(r"^READY (\S+) after", said, re.MULTILINE):
            return ready[1]
        if ended or time.monotonic() >= end:
            what = f"ended with exit code {process.returncode}" if ended else f"is not ready after {wait_s:g} s"
            raise ServerFailedError(f"the server {what}; the end of {log}:{last_words(said.splitlines())}")
        time.sleep(0.1)


def _write_state(data: Path, pid: int, url: str) -> None:
    new = data / f"{_STATE}.new"
    new.write_text(json.dumps({"url": url, "pid": pid, "started": _started(pid)}), encoding="utf-8")
    new.replace(data / _STATE)


def _read_state(data: Path) -> LocalServer | None:
    """The server that the state file names, if its process is the one that was started and not a later one of its id."""
    try:
        state = json.loads((data / _STATE).read_bytes())
        url, pid, started = state["url"], state["pid"], state["started"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return LocalServer(url, pid) if isinstance(pid, int) and pid > 1 and started == _started(pid) else None


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot; '' where the system has no /proc, and the lock alone decides."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""
