"""The peers that convert.py and torture.py ask, each a process of its own that is kept for the whole run.

They are given what their authors' interfaces take, and do of the work what they can: the same resources from the same
facts, codes looked up for them. What each leaves out stands in `lacks`. `python benchmarks/peers/install.py` installs them
under build/peers; a peer that is not there is left out, and said so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

BENCHMARKS = Path(__file__).resolve().parents[1]
BUILD = BENCHMARKS.parent / "build" / "peers"


class Peer(NamedTuple):
    """Another way to make the Bundle. `speed`: for how many times the cases of the slowest it has time."""

    name: str
    command: tuple[str, ...]
    checks: str
    lacks: str
    speed: int = 1


def _python(folder: str) -> str:
    return str(BUILD / folder / "bin" / "python")


JARS = BENCHMARKS.parent / "tests" / "validator" / ".build" / "jars"
MODELS = "fhir.resources"
PEERS = [
    Peer(
        MODELS,
        (sys.executable, "-m", "peers.models", "fhir.resources"),
        "types, cardinality",
        "its models only; the dicts are made by hand",
    ),
    Peer(
        "fhiratwill 0.4.0",
        (_python("fhiratwill"), "-m", "peers.fhiratwill"),
        "types, cardinality",
        "codes, identifiers, narrative, links between facts, requests",
    ),
    Peer(
        "fpml 1.0.0",
        (_python("fpml"), "-m", "peers.fpml"),
        "none",
        "lists in the order of the input; two lines of narrative",
    ),
    Peer(
        "fhircraft 0.9.0",
        (_python("fhircraft"), "-m", "peers.models", "fhircraft"),
        "types, cardinality, invariants",
        "its models only; the dicts are made by hand",
    ),
    Peer(
        "csvtofhir 1.2.0",
        (_python("csvtofhir"), "-m", "peers.csvtofhir"),
        "none",
        "Provenance, sites, links between facts, further codings, UCUM, narrative, a Bundle; makes ids from the clock",
        speed=5,
    ),
    Peer(
        "fumifier 2.1.2 (Node)",
        ("node", str(BENCHMARKS / "peers" / "fumifier.mjs"), str(BUILD / "fumifier")),
        "types, cardinality, required codes",
        "digits of numbers; lists in the order of the input",
    ),
    Peer("HAPI 8.8.1 model (Java)", ("java", "-cp", f"{BUILD / 'hapi'}:{JARS}/*", "Hapi"), "none", "", speed=10),
]


class Service:
    """A peer that runs. Raises PeerError when it ends before it answers."""

    def __init__(self, peer: Peer, process: subprocess.Popen[str]) -> None:
        self.peer = peer
        self.process = process

    def load(self, texts: list[bytes], tables: dict[str, Any]) -> str:
        """Gives it the cases to time; its version."""
        version: str = self._ask({"do": "load", "texts": [text.decode() for text in texts], "tables": tables})["ready"]
        return version

    def time(self) -> float:
        """Microseconds of CPU of its process for each case."""
        return float(self._ask({"do": "time"})["cpu"])

    def show(self, text: bytes, tables: dict[str, Any]) -> dict[str, Any]:
        """What it makes of one case: `made` and `notes`, or `refused`."""
        return self._ask({"do": "show", "text": text.decode(), "tables": tables})

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise PeerError(f"{self.peer.name} ended with status {self.process.wait()} in place of an answer")
        result: dict[str, Any] = json.loads(answer)
        return result


class PeerError(Exception):
    """A peer that does not answer."""


def missing(peer: Peer) -> str:
    """Why it cannot run here, or ''."""
    first, *rest = peer.command
    paths = [Path(part.split(":")[0]) for part in (first, *rest) if part.startswith("/")]
    is_there = shutil.which(first) is not None and all(path.exists() for path in paths)
    return "" if is_there else "python benchmarks/peers/install.py installs it, or says why it cannot"


def there(wanted: bool = True) -> list[Peer]:
    """The peers that can run here; says which cannot. Those not wanted leave fhir.resources, which is always there."""
    if not wanted:
        return [peer for peer in PEERS if peer.name == MODELS]
    for peer in PEERS:
        if why := missing(peer):
            print(f"left out: {peer.name}: {why}\n")
    return [peer for peer in PEERS if not missing(peer)]


@contextmanager
def started(peer: Peer) -> Iterator[Service]:
    """The peer's process, ended when the context is left; what it says on stderr goes to build/peers/NAME.log."""
    BUILD.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{peer.name.split()[0]}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            peer.command, cwd=BENCHMARKS, env=os.environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            yield Service(peer, process)
        finally:
            assert process.stdin
            process.stdin.close()
            process.terminate()
            process.wait(30)
