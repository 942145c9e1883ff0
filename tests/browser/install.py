"""What the browser tests need besides Python packages: `python -m tests.browser.install`.

Chromium of the system's packages (`apt-get` where we may), and axe-core from npm into .build/ beside this file
(git-ignored), pinned by version and SHA-256.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

BUILD = Path(__file__).resolve().parent / ".build"
CHROMIUM = Path("/usr/bin/chromium")
AXE = BUILD / "axe-core-4.14.1.tgz"
_AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
_TIMEOUT_S = 900


class SetupError(Exception):
    """The browser tests cannot run on this machine; the text says what is missing or which command failed."""


def ensure() -> None:
    """Install what is missing, one process at a time; raises SetupError."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not CHROMIUM.exists():
            _install_chromium()
        if not AXE.exists():
            _run(["npm", "pack", "--silent", f"axe-core@{AXE.stem.removeprefix('axe-core-')}"])
        found = hashlib.sha256(AXE.read_bytes()).hexdigest()
        if found != _AXE_SHA256:
            AXE.unlink()  # the next run fetches it again
            raise SetupError(f"{AXE.name}: SHA-256 is {found}, expected {_AXE_SHA256}")


def axe_source() -> str:
    """The script of axe-core, out of the package as npm gave it."""
    with tarfile.open(AXE) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script
        return script.read().decode()


def _install_chromium() -> None:
    command = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
    if shutil.which("apt-get") is None or (os.geteuid() and shutil.which("sudo") is None):
        raise SetupError(f"there is no {CHROMIUM}, and we may not install it; call: {' '.join(command)}")
    root = ["sudo", "-n"] if os.geteuid() else []
    _run([*root, "apt-get", "update"])
    _run([*root, *command])


def _run(command: Sequence[str]) -> None:
    """Run one step; raises SetupError with the end of its output when it fails."""
    try:
        done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise SetupError(f"there is no `{command[0]}` on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{command[0]} took more than {_TIMEOUT_S} s") from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise SetupError(f"`{' '.join(command)}` ended with {done.returncode}:\n{tail}")


if __name__ == "__main__":
    try:
        ensure()
    except SetupError as problem:
        sys.exit(f"tests.browser.install: {problem}")
    print(f"ready: {CHROMIUM}, {AXE}")
