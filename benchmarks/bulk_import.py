"""Bulk import beside push: resources a second by the $import operation of a live HAPI, from NDJSON files of `--shape resources`.

    python benchmarks/bulk_import.py [--server URL] [--cases 500] [--rounds 3] [--batch 200]

A round has new cases of 20 resources each: half of them go in by $import (files served over HTTP from this process; the
clock runs from the request to the end of the job), half as transactions over kept connections, two at a time. Both stay on
the server, so that it is as old for the one as for the other. Every resource that went in is counted on the server.
A server of its own is started unless one is named; it has to know $import, as `fhirconv server start` does.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import statistics
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import fhirconv, ran
from push import bare, cases, server

from fhirconv import convert
from fhirconv.bundle import dump_json

PASSES = (("Patient",), ("Condition",))
LAST = {"Provenance"}
POLL_S = 0.25
LONGEST_S = 3600


class _Files(http.server.SimpleHTTPRequestHandler):
    """The files of a folder; HAPI asks for the type of NDJSON."""

    extensions_map = {".ndjson": "application/fhir+ndjson"}  # noqa: RUF012

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a folder on 127.0.0.1."""
    handler = functools.partial(_Files, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def write_resources(facts: list[dict[str, Any]], folder: Path) -> Counter[str]:
    """The resources of cases as a new folder with a file for each type, by the command; how many there are of each.

    Raises AssertionError when a case is missing.
    """
    cases_file = folder.with_suffix(".ndjson")
    cases_file.write_bytes(b"".join(dump_json(case) + b"\n" for case in facts))
    ran(fhirconv("convert", str(cases_file), "--shape", "resources", "-o", str(folder), "--quiet"))
    counts = Counter({path.stem: path.read_bytes().count(b"\n") for path in folder.glob("*.ndjson")})
    assert counts["Patient"] == len(facts), counts
    return counts


def imported(base: str, folder: Path, batch: int) -> float:
    """Seconds that the server's $import of the folder takes, in passes.

    HAPI 8.8 works on several parts of an import at once and refuses a resource that refers to what is not there yet
    (HAPI-1094), so what is referred to goes in first, and a pass in which two parts met is run again.
    """
    files = {path.stem: path for path in folder.glob("*.ndjson")}
    seconds = 0.0
    for kinds in (*PASSES, tuple(sorted(files.keys() - {kind for one in PASSES for kind in one} - LAST)), tuple(LAST)):
        some = [files[kind] for kind in kinds if kind in files]
        for attempt in range(3 if some else 0):
            taken, report = one_import(base, some, batch)
            seconds += taken
            if not report:
                break
            print(f"  {kinds}: try {attempt + 1} failed: {report[-300:]}", flush=True)
        else:
            assert not some, f"no import of {kinds}"
    return seconds


def one_import(base: str, files: list[Path], batch: int) -> tuple[float, str]:
    """Seconds that one $import of these files of a folder takes, and what the server says where it failed."""
    with served(files[0].parent) as url:
        inputs = [
            {
                "name": "input",
                "part": [{"name": "type", "valueCode": path.stem}, {"name": "url", "valueUri": f"{url}/{path.name}"}],
            }
            for path in files
        ]
        detail = [
            {"name": "type", "valueCode": "https"},
            {"name": "maxBatchResourceCount", "valueString": str(batch)},
        ]
        asked = [
            {"name": "inputFormat", "valueCode": "application/fhir+ndjson"},
            {"name": "inputSource", "valueUri": url},
            {"name": "storageDetail", "part": detail},
            *inputs,
        ]
        start = time.monotonic()
        body = json.dumps({"resourceType": "Parameters", "parameter": asked}).encode()
        headers = {"Content-Type": "application/fhir+json", "Prefer": "respond-async"}
        with urllib.request.urlopen(urllib.request.Request(f"{base}/$import", body, headers)) as answer:
            assert answer.status == 202, answer.status
            poll = answer.headers["Content-Location"]
        while time.monotonic() - start < LONGEST_S:
            try:
                with urllib.request.urlopen(poll) as answer:
                    if answer.status == 200:
                        return time.monotonic() - start, ""
            except urllib.error.HTTPError as error:
                return time.monotonic() - start, error.read().decode()
            time.sleep(POLL_S)
        raise TimeoutError(poll)


def held(base: str, kinds: Counter[str]) -> Counter[str]:
    """How many resources of each type the server holds."""
    found: Counter[str] = Counter()
    for kind in kinds:
        with urllib.request.urlopen(f"{base}/{kind}?_summary=count") as answer:
            found[kind] = json.load(answer)["total"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--server")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server(given.server, Path(name)) as base:
        rates: dict[str, list[float]] = {"$import": [], "transactions, two at a time": []}
        for number in range(given.rounds):
            folder = Path(name) / f"round-{number}"
            counts = write_resources(cases(given.cases, False), folder)
            size = sum(path.stat().st_size for path in folder.iterdir())
            before = held(base, counts)
            rates["$import"].append(given.cases / imported(base, folder, given.batch))
            after = held(base, counts)
            assert after - before == counts, (after - before, counts)
            bodies = [convert(case).json() for case in cases(given.cases, False)]
            rates["transactions, two at a time"].append(given.cases / bare(base, bodies, 2))
            told = ", ".join(f"{way} {one[-1]:.1f}" for way, one in rates.items())
            print(f"{counts.total()} resources, {size / 1e6:.0f} MB; cases a second: {told}", flush=True)
        ratio = statistics.median(a / b for a, b in zip(*rates.values(), strict=True))
        print(f"$import / transactions: {ratio:.2f} (median of {given.rounds} rounds)")


if __name__ == "__main__":
    main()
