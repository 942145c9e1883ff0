"""How fast cases reach a server: bundles a second against a live HAPI, beside a bare client that sends the same bytes.

    python benchmarks/push.py [--server URL] [--rounds 8] [--bundles 20] [--workers 1 4] [--small] [--identity id]

Ours: NDJSON of distinct cases read, converted, validated, sent, answers proved, with a journal on disk. Bare: the finished
transactions through http.client, a kept connection a thread, answers read and their status looked at. Both send what the
server does not have yet, in turns of `--bundles` cases of 20 resources (--small: 3), so that the server is as old for both;
the ratio is the median over the rounds. A server of its own is started unless one is named.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from convert import case_facts

from fhirconv import convert
from fhirconv.client.client import FhirClient
from fhirconv.local_server import start, stop
from fhirconv.pushing.digests import input_digest
from fhirconv.pushing.pusher import Options, Pusher, settings_for, units_of
from fhirconv.pushing.requests import IDENTITIES
from fhirconv.records import read_records

HEADERS = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json", "Prefer": "return=minimal"}


def small_facts(number: int) -> dict[str, Any]:
    """A made-up case that becomes 3 resources."""
    lab = {"analyte": "Hb", "value": 9 + number / 100, "unit": "g/dL", "at": "2020-01-02"}
    return {"case": {"id": str(number)}, "patient": {"sex": "female"}, "labs": [lab]}


def cases(count: int, is_small: bool) -> list[dict[str, Any]]:
    """Cases that no server has yet."""
    tag = uuid.uuid4().hex[:12]
    made = [small_facts(number) if is_small else case_facts(number) for number in range(count)]
    for number, case in enumerate(made):
        case["case"]["id"] = f"bench-{tag}-{number}"
    return made


def bare(base: str, bodies: list[bytes], workers: int) -> float:
    """Seconds that a bare client takes."""
    address = urlsplit(base)
    todo = iter(bodies)
    lock = threading.Lock()
    bad: list[int] = []

    def work() -> None:
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
        while True:
            with lock:
                body = next(todo, None)
            if body is None:
                connection.close()
                return
            connection.request("POST", address.path, body, HEADERS)
            answer = connection.getresponse()
            if answer.status != 200 or b"201 Created" not in answer.read():
                bad.append(answer.status)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not bad, bad
    return time.perf_counter() - started


def ours(client: FhirClient, path: Path, workers: int, identity: str) -> float:
    """Seconds that a push takes, journal on."""
    settings = settings_for(identity=identity)
    started = time.perf_counter()
    pusher = Pusher(client, settings, Options(workers=workers, journal=path.with_suffix(".push-journal")))
    result = pusher.push(units_of(read_records(path), settings), input_digest([path]))
    seconds = time.perf_counter() - started
    assert result.ok
    assert result.resources["created"] == result.resources.total()
    return seconds


@contextmanager
def server(url: str | None, folder: Path) -> Iterator[str]:
    """The server that was named, or one of our own."""
    if url:
        yield url
        return
    made = start(folder / "hapi", port=0, say=lambda text: None)
    try:
        yield made.url
    finally:
        stop(folder / "hapi")


def rounds(base: str, folder: Path, options: argparse.Namespace, workers: int) -> list[tuple[float, float]]:
    """Bundles a second of both, round by round, in turns."""
    found = []
    with FhirClient(base) as client:
        for number in range(options.rounds + 1):
            path = folder / f"{uuid.uuid4().hex}.ndjson"
            path.write_bytes(b"\n".join(map(orjson.dumps, cases(options.bundles, options.small))))
            bodies = [convert(case).json() for case in cases(options.bundles, options.small)]
            if number % 2:
                a, b = ours(client, path, workers, options.identity), bare(base, bodies, workers)
            else:
                b, a = bare(base, bodies, workers), ours(client, path, workers, options.identity)
            if number:  # the first warms both up
                found.append((options.bundles / a, options.bundles / b))
    return found


def peak_memory(base: str, folder: Path, count: int) -> float:
    """MB that a push of so many cases takes at most, in a process of its own."""
    path = folder / f"memory-{count}.ndjson"
    path.write_bytes(b"\n".join(map(orjson.dumps, cases(count, True))))
    command = [sys.executable, "-m", "fhirconv", "push", str(path), "--server", base, "--workers", "4", "-q"]
    watched = (
        f"import resource, subprocess; subprocess.run({command!r}, check=True, capture_output=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", watched], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--bundles", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--identity", choices=IDENTITIES, default="id")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server(options.server, Path(name)) as base:
        print(f"{'workers':>8} {'ours/s':>8} {'bare/s':>8} {'ratio':>6}   ratios of the rounds")
        for workers in options.workers:
            found = rounds(base, Path(name), options, workers)
            ratios = [a / b for a, b in found]
            ours_s, bare_s = (statistics.median(pair[at] for pair in found) for at in (0, 1))
            print(
                f"{workers:8} {ours_s:8.1f} {bare_s:8.1f} {statistics.median(ratios):6.2f}   {' '.join(f'{one:.2f}' for one in ratios)}",
                flush=True,
            )
        few, many = peak_memory(base, Path(name), 50), peak_memory(base, Path(name), 500)
        print(f"memory: {few:.1f} MB for 50 cases, {many:.1f} MB for 500")


if __name__ == "__main__":
    main()
