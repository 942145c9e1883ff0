"""Installs the peers that service.py names, each in an environment of its own under build/peers (git-ignored).

    python benchmarks/peers/install.py [NAME ...]

By the ordinary clients of the package registries, pinned: PyPI, npm and Maven Central; about 700 MB and five minutes. One
that cannot be had here is said so and left out: its reason stands on the last lines, and the status is 1. The jars of
HAPI and the FHIR packages that Fumifier needs are those of the validator tests (tests/validator/install.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BUILD = REPOSITORY / "build" / "peers"
# csvtofhir wants pandas 1.4 and pydantic 1, which stop there
OLD_PYTHONS = tuple(filter(None, (os.environ.get("OLD_PYTHON"), "python3.10", "python3.9")))
FUMIFIER = (
    "fumifier@2.1.2",
    "@outburn/structure-navigator@1.9.2",
    "fhir-snapshot-generator@2.2.2",
    "fhir-package-explorer@1.9.2",
)


class InstallError(Exception):
    """A peer that cannot be installed here; the text says why."""


def python(name: str, packages: tuple[str, ...], pythons: tuple[str, ...] = (sys.executable,)) -> None:
    """A virtual environment with the packages, made by the first of these Pythons that runs."""
    found = next((one for one in map(_runs, pythons) if one), None)
    if found is None:
        raise InstallError(f"needs an older Python: {' or '.join(pythons)}, on PATH or by its path in OLD_PYTHON")
    folder = BUILD / name
    _run(found, "-m", "venv", "--clear", str(folder))
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)


def fumifier() -> None:
    """The npm packages, and R4 in the layout of a FHIR package cache."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise InstallError("needs Node.js 20 and npm on PATH")
    folder = BUILD / "fumifier"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *FUMIFIER)
    shutil.rmtree(folder / "packages", ignore_errors=True)  # with what it kept of them
    packages = _validators().HOME / ".fhir" / "packages"
    for package in sorted(packages.glob("hl7.*")):
        # an index of HL7's engine does not say which code systems are complete: with it no required code is checked
        without = shutil.ignore_patterns(".index.json")
        shutil.copytree(package, folder / "packages" / package.name, ignore=without)


def hapi() -> None:
    """Hapi.java, compiled against the jars of the validator tests."""
    jars = _validators().JARS
    folder = BUILD / "hapi"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run("javac", "-nowarn", "-cp", f"{jars}/*", "-d", str(folder), str(HERE / "Hapi.java"))


WAYS: dict[str, Callable[[], None]] = {
    "fhiratwill": partial(python, "fhiratwill", ("fhiratwill==0.4.0",)),
    # it imports typing_extensions without asking for it
    "fpml": partial(python, "fpml", ("fpml==1.0.0", "typing-extensions")),
    "fhircraft": partial(python, "fhircraft", ("fhircraft==0.9.0",)),
    # its pandas was built for numpy 1, and does not say so
    "csvtofhir": partial(python, "csvtofhir", ("linuxforhealth-csvtofhir==1.2.0", "numpy<2"), OLD_PYTHONS),
    "polars": partial(python, "polars", ("polars==2.1.0",)),  # for reading.py
    "fumifier": fumifier,
    "hapi": hapi,
}


def main() -> int:
    wanted = sys.argv[1:] or list(WAYS)
    if unknown := [name for name in wanted if name not in WAYS]:
        print(f"no such peer: {', '.join(unknown)}; there are {', '.join(WAYS)}")
        return 2
    failed = {}
    for name in wanted:
        print(f"{name} ...", flush=True)
        try:
            WAYS[name]()
        except InstallError as error:
            failed[name] = error
    for name, error in failed.items():
        print(f"left out: {name}: {error}")
    return 1 if failed else 0


def _validators():  # type: ignore[no-untyped-def]  # a module
    sys.path.insert(0, str(REPOSITORY))
    from tests.validator import install

    try:
        install.ensure()
    except install.SetupError as error:
        raise InstallError(str(error)) from error
    return install


def _runs(command: str) -> str:
    """The command, if it is there and starts: the shim of a version manager may stand for a Python that is not chosen."""
    try:
        started = subprocess.run([command, "-c", ""], capture_output=True, check=False)
    except OSError:
        return ""
    return command if started.returncode == 0 else ""


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise InstallError(f"{Path(command[0]).name} {command[1]} failed: {' '.join(last)}")


if __name__ == "__main__":
    raise SystemExit(main())
