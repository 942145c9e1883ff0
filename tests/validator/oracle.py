"""One validator, kept up in one JVM: `with Oracle("hl7") as oracle: findings = oracle.outcome(resource)`."""

from __future__ import annotations

import json
import queue
import struct
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from . import install

Engine = Literal["hl7", "hapi"]
Resource = Path | bytes | Mapping[str, Any]

START_TIMEOUT_S = 180.0  # both take 10 to 20 s on two idle cores
ANSWER_TIMEOUT_S = 120.0  # the first resource of a profile costs seconds, later ones milliseconds

_JVM = (
    "java",
    "-Xmx900m",
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # halves the CPU time of the start
    *("-Duser.language=en", "-Duser.country=US", "-Duser.timezone=UTC"),  # messages are compared, and are translated
)
_STDERR_LINES = 20


class OracleError(Exception):
    """The validator did not answer: it died or took too long. Says nothing about the resource."""


@dataclass(frozen=True, order=True)
class Finding:
    """One issue of an OperationOutcome; `severity` fatal, error, warning or information; `expression` is FHIRPath."""

    severity: str
    expression: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether the resource is invalid for it."""
        return self.severity in ("error", "fatal")

    def __str__(self) -> str:
        return f"{self.severity}: {self.expression or '-'}: {self.message}"


def command(engine: Engine) -> list[str]:
    """Return the command that starts an engine, which is built first; it speaks the protocol of java/Service.java.

    Raises SetupError when it cannot be built.
    """
    install.ensure()
    classpath = f"{install.CLASSES}:{install.JARS}/*"
    if engine == "hl7":
        specs = [package.spec for package in install.GUIDES if package.in_engine]
        home = (f"-Duser.home={install.HOME}", f"-Djava.io.tmpdir={install.HOME}")  # it writes into both
        return [*_JVM, *home, "-cp", classpath, "Hl7Oracle", *specs, install.STANDIN_SPEC]
    # Of two definitions with one URL HAPI takes the first.
    paths = [*sorted(install.CODES.glob("*.json")), *sorted(install.STANDINS.glob("*.json"))]
    paths += [package.path for package in install.GUIDES]
    return [*_JVM, "-cp", classpath, "HapiOracle", *map(str, paths)]


class Oracle:
    """A validator process; "hl7" is HL7's own engine, "hapi" the chain behind a HAPI server's $validate.

    Starts when entered and ends when left. It loads its definitions meanwhile: only the first question waits for them.
    """

    def __init__(
        self,
        engine: Engine,
        start_timeout_s: float = START_TIMEOUT_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        argv: Sequence[str] | None = None,
    ) -> None:
        self.engine = engine
        self._argv = argv or command(engine)
        self._start_timeout_s = start_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._ready = False
        self._answers: queue.Queue[bytes] = queue.Queue()

    def __enter__(self) -> Self:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it holds no state worth a clean end
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            with suppress(BrokenPipeError):  # stdin may hold bytes that nobody will read
                stream.close()  # type: ignore[union-attr]

    def outcome(self, resource: Resource) -> list[Finding]:
        """Return what the validator says of a file, of bytes as they are, or of a resource as JSON value.

        Raises OracleError when it dies or does not answer in time, OSError when the file cannot be read.
        """
        if not self._ready:
            self._next(self._start_timeout_s, "to load its definitions")
            self._ready = True
        content = _content(resource)
        with suppress(BrokenPipeError):  # it is dead: the next line says why
            self._send(struct.pack(">I", len(content)) + content)
        return findings(json.loads(self._next(self._answer_timeout_s, "to answer")))

    def _send(self, message: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(message)
        self._process.stdin.flush()

    def _read(self) -> None:
        """Pass the lines of stdout on, and an empty one for its end (in a thread, so that a wait can time out)."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def _next(self, timeout_s: float, purpose: str) -> bytes:
        try:
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            self._process.kill()  # its late answer must not be taken for that to the next question
            raise OracleError(f"{self.engine}: took more than {timeout_s:g} s {purpose}{self._tail()}") from None
        if line:
            return line
        self._answers.put(b"")  # dead for later questions too
        raise OracleError(f"{self.engine}: ended with {self._process.wait()}{self._tail()}")

    def _tail(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").splitlines()[-_STDERR_LINES:]
        return "; its stderr ends with:\n" + "\n".join(lines) if lines else "; it wrote nothing to stderr"


def _content(resource: Resource) -> bytes:
    if isinstance(resource, Path):
        return resource.read_bytes()
    if isinstance(resource, bytes):
        return resource
    return json.dumps(resource).encode()


def findings(outcome: Mapping[str, Any]) -> list[Finding]:
    """Return the issues of an OperationOutcome, without the one that says that there is none."""
    found = [_finding(issue) for issue in outcome.get("issue", [])]
    return [f for f in found if not (f.severity == "information" and f.message.startswith(("No issues", "All OK")))]


def _finding(issue: Mapping[str, Any]) -> Finding:
    places = issue.get("expression") or issue.get("location") or [""]
    # HAPI puts the text into diagnostics, HL7's engine into details.
    message = issue.get("diagnostics") or issue.get("details", {}).get("text", "")
    return Finding(issue["severity"], places[0], message)
