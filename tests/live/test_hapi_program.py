"""What the local server is made of: Java, Maven, and a folder that holds it whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fhirconv.hapi_program import prepared

from .server_command import MANY_S, ODD, environment, server


def programs(folder: Path, **scripts: str) -> str:
    """A PATH that has these alone; what is no script is the real program of this machine."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


JAVA_17 = """echo 'openjdk version "17.0.15" 2025-04-15' >&2"""


@pytest.mark.parametrize(
    ("scripts", "wanted"),
    [
        ({}, "no `java` on PATH; the local server needs a JDK, 17 or newer"),
        (
            {"java": """echo 'openjdk version "11.0.2" 2019-01-15' >&2"""},
            "is Java 11; the local server needs a JDK, 17",
        ),
        ({"java": """echo 'java version "1.8.0_292"' >&2"""}, "is Java 8; the local server needs a JDK, 17"),
        ({"java": "echo 'Unable to locate a Java Runtime.' >&2; exit 1"}, "but 'Unable to locate a Java Runtime.'"),
        ({"java": JAVA_17}, "no `javac` on PATH; the local server needs a JDK, 17 or newer"),
        ({"java": JAVA_17, "javac": "exit 1"}, "no `mvn` on PATH; the local server needs Maven"),
        ({"java": JAVA_17, "javac": "exit 1", "mvn": "exit 1"}, "`mvn` failed with exit code 1"),
    ],
    ids=["nothing", "java-11", "java-8", "no-java-behind-it", "no-javac", "no-mvn", "mvn-fails"],
)
def test_what_is_missing_is_named(scripts: dict[str, str], wanted: str, tmp_path: Path) -> None:
    """Stand-ins for Java and Maven: several of each cannot be installed side by side."""
    path = programs(tmp_path / "bin", **scripts)
    cache = tmp_path / "cache"
    done = server(
        "start", "--port", "0", "--data", tmp_path / "data", PATH=path, JAVA_HOME="", XDG_CACHE_HOME=str(cache)
    )
    assert done.returncode == (4 if "mvn" in scripts else 2)
    assert wanted in done.stderr
    assert not [path for path in cache.glob("fhirconv/*") if path.is_dir()]


def test_maven_cannot_reach_its_repository(tmp_path: Path) -> None:
    """A home without jars, and a mirror of everything at a port where nobody listens."""
    (tmp_path / ".m2").mkdir()
    mirror = "<id>none</id><mirrorOf>*</mirrorOf><url>http://127.0.0.1:1/maven</url>"
    (tmp_path / ".m2" / "settings.xml").write_text(f"<settings><mirrors><mirror>{mirror}</mirror></mirrors></settings>")
    home = f"-Duser.home={tmp_path} -Dmaven.repo.local={tmp_path}/.m2/repository"
    changes = {"MAVEN_OPTS": home, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = server("start", "--port", "0", "--data", tmp_path / "data", **changes)
    assert done.returncode == 4
    assert "about 200 MB" in done.stderr
    assert "`mvn` failed" in done.stderr
    assert "127.0.0.1:1" in done.stderr
    assert not [path for path in (tmp_path / "cache").glob("fhirconv/*") if path.is_dir()]


MAKE = "from fhirconv.hapi_program import prepared; prepared(lambda text: print('made'))"


def test_of_first_starts_at_once_one_makes_the_program(tmp_path: Path) -> None:
    changed = environment(XDG_CACHE_HOME=str(tmp_path / ODD.replace('"', "")))
    several = [
        subprocess.Popen([sys.executable, "-c", MAKE], stdout=subprocess.PIPE, env=changed, encoding="utf-8")
        for _ in range(3)
    ]
    said = [process.communicate(timeout=MANY_S)[0] for process in several]
    assert [process.returncode for process in several] == [0, 0, 0]
    assert sorted(said) == ["", "", "made\n"]
    (folder,) = (path for path in tmp_path.glob("*/fhirconv/*") if path.is_dir())
    assert (folder / "classes" / "FhirServer.class").is_file()


def test_jars_that_went_away_are_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody emptied Maven's folder: the class path of yesterday is no good."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = prepared(lambda text: None)
    (jars,) = tmp_path.glob("fhirconv/*/classpath")
    jars.write_text("/nowhere/missing.jar")
    assert prepared(lambda text: None) == first
