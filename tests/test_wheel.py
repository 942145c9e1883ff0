"""The wheel holds everything that fhirconv needs, and works away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import fhirconv

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.wheel


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command that succeeds, in an environment that knows nothing of the checkout."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=cwd,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@dataclass(frozen=True)
class Installed:
    """A wheel and the environment that it is installed in."""

    wheel: Path
    home: Path
    packages: Path
    elsewhere: Path

    def program(self, name: str) -> Path:
        return self.home / "bin" / name

    def run(self, name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A program of the environment, run in a folder that is not the checkout."""
        return run(self.program(name), *arguments, cwd=self.elsewhere)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """fhirconv comes from the wheel alone; what it depends on is lent by the environment of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", ROOT, cwd=folder)
    (wheel,) = (folder / "dist").iterdir()
    home, elsewhere = folder / "venv", folder / "elsewhere"
    elsewhere.mkdir()
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "-q", wheel, cwd=folder)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    # A path in a .pth file is searched last, and .pth files there (the checkout's own) are not read.
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Installed(wheel, home, packages, elsewhere)


def contents(installed: Installed) -> set[str]:
    with zipfile.ZipFile(installed.wheel) as archive:
        return set(archive.namelist())


def data_files(name: str) -> Iterator[str]:
    """The files below a folder of the checkout, as they stand in the wheel."""
    for path in sorted((ROOT / name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"fhirconv/{path.relative_to(ROOT).as_posix().removeprefix('fhirconv/')}"


@pytest.mark.parametrize("name", ["fhirconv", "mappings", "fixtures"])
def test_wheel_holds_every_file_of_a_folder(name: str, installed: Installed) -> None:
    wanted = set(data_files(name))
    assert len(wanted) > 5
    assert wanted <= contents(installed)


def test_wheel_holds_types_and_definitions(installed: Installed) -> None:
    wanted = {"fhirconv/py.typed", "fhirconv/data/r4-definitions.json", "fhirconv/mappings/case-facts.schema.json"}
    assert wanted <= contents(installed)


def test_wheel_holds_nothing_else(installed: Installed) -> None:
    names = contents(installed)
    about = f"fhirconv-{fhirconv.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"fhirconv", about}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name or "test_" in name]
    assert {f"{about}/licenses/LICENSE", f"{about}/licenses/NOTICE", f"{about}/entry_points.txt"} <= names


WHERE = """
import json, fhirconv, fhirconv.cli
from fhirconv.data_files import data_dir
print(json.dumps([fhirconv.__file__, str(data_dir("mappings")), str(data_dir("fixtures")), fhirconv.__version__]))
"""


def test_everything_comes_from_the_wheel(installed: Installed) -> None:
    *places, version = json.loads(installed.run("python", "-c", WHERE).stdout)
    assert version == fhirconv.__version__
    for place in places:
        assert Path(place).is_relative_to(installed.packages / "fhirconv")


def expected(installed: Installed) -> bytes:
    return (installed.packages / "fhirconv" / "fixtures" / "bundles" / "nakagawa-2022.r4.json").read_bytes()


def report(installed: Installed) -> Path:
    return installed.packages / "fhirconv" / "fixtures" / "cases" / "nakagawa-2022.yaml"


def test_the_command_converts_away_from_the_checkout(installed: Installed) -> None:
    done = installed.run("fhirconv", "convert", report(installed), "-o", "out.json")
    assert "Bundle: out.json" in done.stderr
    assert (installed.elsewhere / "out.json").read_bytes() == expected(installed)


CONVERT = """
import sys
from pathlib import Path
from fhirconv import convert
result = convert(Path(sys.argv[1]))
assert result.ok and sum(result.ledger.counts().values()) == len(result.ledger)
assert type(result.models()).__name__ == "Bundle"
sys.stdout.write(result.json(indent=True).decode("utf-8"))
"""


def test_the_library_converts_away_from_the_checkout(installed: Installed) -> None:
    done = installed.run("python", "-X", "utf8", "-c", CONVERT, report(installed))
    assert done.stdout.encode() == expected(installed)


@pytest.mark.parametrize("arguments", [["mappings", "check"], ["mappings", "list"], ["schema"], ["--version"]])
def test_other_commands_work_away_from_the_checkout(arguments: list[str], installed: Installed) -> None:
    assert installed.run("fhirconv", *arguments).stdout
