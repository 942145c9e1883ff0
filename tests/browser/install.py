"""What the browser tests need besides Python packages: `python -m tests.browser.install`.

Chromium of the system's packages (`apt-get` where we may), and axe-core from npm into .build/ beside this file
(git-ignored), pinned by version and SHA-256.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tarfile
from pathlib import Path

from tests.validator.install import SetupError, run_step

BUILD = Path(__file__).resolve().parent / ".build"
CHROMIUM = Path("/usr/bin/chromium")
AXE = BUILD / "axe-core-4.14.1.tgz"
_AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"


def ensure() -> None:
    """Install what is missing, one process at a time; raises SetupError."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not CHROMIUM.exists():
            _install_chromium()
        if not AXE.exists():
            run_step(["npm", "pack", "--silent", f"axe-core@{AXE.stem.removeprefix('axe-core-')}"], BUILD)
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
    run_step([*root, "apt-get", "update"], BUILD)
    run_step([*root, *command], BUILD)


if __name__ == "__main__":
    try:
        ensure()
    except SetupError as problem:
        sys.exit(f"tests.browser.install: {problem}")
    print(f"ready: {CHROMIUM}, {AXE}")
