"""HAPI's FHIR server made ready to run, once for each user: its jars from Maven Central, our FhirServer.java compiled.

data/hapi/ holds the list of jars (pom.xml), the server, and how it logs (logback.xml). What is made of them lies in the
user's cache, in a folder named by their hash. Needs a JDK, 17 or newer, and Maven.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fhirconv.data_files import data_file
from fhirconv.issues import FhirconvError, printable, shown

Say = Callable[[str], object]

_SOURCES = data_file("hapi")
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
_OLDEST_JAVA = 17
_JDK = f"a JDK, {_OLDEST_JAVA} or newer"
_STEP_S = 1800  # for 200 MB over a slow line
_CUT = 300


class LocalServerError(FhirconvError):
    """No local server can be started or stopped as asked; the text says what was found and what to do."""


class ServerFailedError(LocalServerError):
    """All was as it should be, and still it did not come up or did not end; the text holds its last words."""


class Program(NamedTuple):
    """What to run: the `java` to run it with, and the class path that holds FhirServer."""

    java: str
    class_path: str


def prepared(say: Say) -> Program:
    """The server's program; fetched and compiled when that was not done before. Raises LocalServerError."""
    java = _found("java", _JDK)
    _check_version(java)
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(_SOURCES.iterdir())))
    folder = user_folder("XDG_CACHE_HOME", ".cache") / f"hapi-{digest.hexdigest()[:16]}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of several first starts at once, one makes it and the others wait
            if not _is_whole(folder):
                _make(folder, say)
        return Program(java, f"{folder / 'classes'}{os.pathsep}{_jars(folder)}")
    except OSError as error:
        raise LocalServerError(f"the server cannot be made ready in {folder.parent}: {error.strerror}") from None


def user_folder(variable: str, usual: str) -> Path:
    """fhirconv's folder in one of the XDG base directories. Raises LocalServerError where there is no home."""
    named = os.environ.get(variable, "")
    try:
        return (Path(named) if os.path.isabs(named) else Path.home() / usual) / "fhirconv"
    except RuntimeError:
        raise LocalServerError(f"this user has no home folder; name a folder in {variable}") from None


def environment() -> dict[str, str]:
    """What Java programs get: in a C locale they can open no path beyond ASCII."""
    secrets = ("FHIRCONV_TOKEN", "FHIRCONV_BASIC")
    return {name: value for name, value in os.environ.items() if name not in secrets} | {"LC_ALL": "C.UTF-8"}


def last_words(lines: Iterable[str]) -> str:
    """The last few lines that say something: not those of a stack trace, which are indented."""
    told = [line for line in lines if line.strip() and not line[0].isspace()]
    return "".join(f"\n  {printable(line[:_CUT])}" for line in told[-4:])


def _is_whole(folder: Path) -> bool:
    """Whether the program is there, and the jars that it needs still are where Maven put them."""
    return folder.is_dir() and all(map(os.path.exists, _jars(folder).split(os.pathsep)))


def _jars(folder: Path) -> str:
    return (folder / "classpath").read_text(encoding="utf-8")


def _make(folder: Path, say: Say) -> None:
    """Fill the folder, whole or not at all."""
    javac, maven = _found("javac", _JDK), _found("mvn", "Maven, https://maven.apache.org")
    say("making the server ready; what Maven does not have yet, about 200 MB, it fetches once from Maven Central")
    with TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as name:
        new = Path(name) / "new"
        classes, jars = new / "classes", new / "classpath"
        classes.mkdir(parents=True)
        _run([maven, "-B", "-q", "-ntp", "-f", str(_SOURCES / "pom.xml"), _GOAL, f"-Dmdep.outputFile={jars}"])
        source = str(_SOURCES / "FhirServer.java")
        _run([javac, "--release", str(_OLDEST_JAVA), "-proc:none", "-cp", _jars(new), "-d", str(classes), source])
        shutil.copy(_SOURCES / "logback.xml", classes)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)


def _found(program: str, product: str) -> str:
    """The path of a program: that of JAVA_HOME before that on PATH."""
    home = os.environ.get("JAVA_HOME")
    path = os.environ.get("PATH", os.defpath)
    found = shutil.which(program, path=f"{home}/bin{os.pathsep}{path}" if home else path)
    if home and program == "java" and found != shutil.which(program, path=f"{home}/bin"):
        raise LocalServerError(f"JAVA_HOME is {shown(home)}, where there is no bin/java; name another, or unset it")
    if found is None:
        raise LocalServerError(f"no `{program}` on PATH; the local server needs {product}: install it and try again")
    return found


def _check_version(java: str) -> None:
    said = _output([java, "-version"]).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None:
        raise LocalServerError(
            f"{java} does not say its version, but {shown(said.strip())}; the local server needs {_JDK}"
        )
    if int(version[1]) < _OLDEST_JAVA:
        raise LocalServerError(f"{java} is Java {version[1]}; the local server needs {_JDK}: name one in JAVA_HOME")


def _run(command: list[str]) -> None:
    """One step of making; raises ServerFailedError with what the program says."""
    done = _output(command)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        errors = [line for line in lines if "[ERROR]" in line or "error:" in line][:2] or lines
        raise ServerFailedError(
            f"`{Path(command[0]).name}` failed with exit code {done.returncode}:{last_words(errors)}"
        )


def _output(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - programs found on PATH, arguments that are ours
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env=environment(),
            timeout=_STEP_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServerFailedError(
            f"`{Path(command[0]).name}` took more than {_STEP_S // 60} minutes; try again"
        ) from None
