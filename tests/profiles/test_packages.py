"""Packages are read as data: hostile ones are refused, and cost no more than the limits."""

from __future__ import annotations

import gzip
import io
import json
import resource
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fhirconv.profiles import archive
from fhirconv.profiles.archive import PackageError
from fhirconv.profiles.check import Profiles, check_profiles
from fhirconv.profiles.packages import load_package

from .conftest import MANIFEST
from .made import URL, profile, rules

Fill = Callable[[tarfile.TarFile], object]
PROFILE = profile("p", "Patient", {"id": "Patient.gender", "min": 1})


def member(name: str, content: bytes = b"{}", **facts: object) -> Fill:
    """Adds a member to an archive."""

    def fill(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        for key, value in facts.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(content))

    return fill


def tgz(path: Path, *fills: Fill, manifest: object = MANIFEST) -> Path:
    """A package with the manifest and the members."""
    with tarfile.open(path, "w:gz") as tar:
        member("package/package.json", json.dumps(manifest).encode())(tar)
        for fill in fills:
            fill(tar)
    return path


@pytest.mark.parametrize("kind", ["tgz", "folder", "folder above", "cache"])
def test_a_package_is_found(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".fhir" / "packages" / "org.test#1.0.0" / "package"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps(MANIFEST))
    (folder / "any-name.json").write_text(json.dumps(PROFILE))
    packed = tgz(tmp_path / "p.tgz", member("package/any-name.json", json.dumps(PROFILE).encode()))
    places = {"tgz": packed, "folder": folder, "folder above": folder.parent, "cache": "org.test#1.0.0"}
    package = load_package(places[kind])
    assert (package.name, package.version) == ("org.test", "1.0.0")
    assert package.find(URL + "p") == PROFILE
    assert rules({"resourceType": "Patient"}, Profiles([package]), "p") == {"profile-min": [""]}


def test_the_index_of_a_package_is_used_and_one_that_cannot_be_true_is_not(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "a.json").write_text(json.dumps(PROFILE))
    (tmp_path / "b.json").write_text("not JSON, and not listed")
    row = {"filename": "a.json", "resourceType": "StructureDefinition", "url": URL + "p"}
    (tmp_path / ".index.json").write_text(json.dumps({"files": [row, row | {"filename": "../secret.json"}]}))
    assert load_package(tmp_path).find(URL + "p") == PROFILE
    (tmp_path / "b.json").unlink()
    (tmp_path / ".index.json").write_text('{"files": [1]}')
    assert load_package(tmp_path).find(URL + "p") == PROFILE


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (member("package/../../x.json"), "outside"),
        (member("/etc/x.json"), "outside"),
        (member("package\\..\\x.json"), "outside"),
        (member("package/x.json", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "link"),
        (member("package/x.json", b"", type=tarfile.LNKTYPE, linkname="package/package.json"), "link"),
        (member("package/x.json", b"", type=tarfile.CHRTYPE), "device"),
        (member("package/x.json", b"", type=tarfile.FIFOTYPE), "device"),
        (member("package/package.json"), "twice"),
        (member("package/Package.json"), "two spellings"),
    ],
)
def test_a_hostile_member_is_refused(fill: Fill, words: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=words):
        load_package(tgz(tmp_path / "p.tgz", fill))
    assert [path.name for path in tmp_path.iterdir()] == ["p.tgz"]


def test_folders_and_what_lies_beside_or_below_the_package_is_not_read(tmp_path: Path) -> None:
    fills = (
        member("package", b"", type=tarfile.DIRTYPE),
        member("package/example/x.json", b"not JSON"),
        member("other/y.json", b"not JSON"),
        member("package/z.html", b"<p>"),
    )
    assert load_package(tgz(tmp_path / "p.tgz", *fills)).index == {}


def test_a_header_that_claims_10_gb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("package/x.json")
    info.size = 10**10
    path = tmp_path / "p.tgz"
    path.write_bytes(gzip.compress(info.tobuf() + bytes(10_000)))
    with pytest.raises(PackageError, match="limit"):
        load_package(path)


def test_a_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    info = tarfile.TarInfo("elsewhere/x.bin")
    info.size = 2 * archive.MAX_BYTES
    path = tmp_path / "p.tgz"
    with gzip.open(path, "wb", 1) as bomb:
        bomb.write(info.tobuf())
        for _ in range(2 * archive.MAX_BYTES // 1_000_000):
            bomb.write(bytes(1_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PackageError):
        load_package(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 100)
    fills = [member(f"package/{number}.json") for number in range(101)]
    with pytest.raises(PackageError, match="more than 100 files"):
        load_package(tgz(tmp_path / "p.tgz", *fills))


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no tar" * 1000), gzip.compress(b"x")[:-4]])
def test_what_is_no_archive_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.tgz"
    path.write_bytes(content)
    with pytest.raises(PackageError):
        load_package(path)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (MANIFEST | {"fhirVersions": ["5.0.0"]}, "expected 4.0.1"),
        ({"name": "org.test"}, "expected 4.0.1"),
        (MANIFEST | {"name": "../x"}, "no valid name"),
        ([], "not a JSON object"),
    ],
)
def test_a_manifest_that_is_not_for_r4_is_refused(manifest: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=words):
        load_package(tgz(tmp_path / "p.tgz", manifest=manifest))


def test_a_package_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"package\.json"):
        load_package(tmp_path)


@pytest.mark.parametrize("name", ["no.such#1.0.0", "../../etc", "*", ""])
def test_an_unknown_name_says_what_was_expected(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PackageError, match=r"mcode|package\.json"):
        load_package(name)


def test_a_definition_that_is_not_as_r4_asks_makes_one_profile_unusable(tmp_path: Path) -> None:
    broken = PROFILE | {"url": URL + "broken", "snapshot": {"element": [{"id": "Patient"}, {"id": "x", "min": "1"}]}}
    bare = {name: value for name, value in PROFILE.items() if name != "snapshot"} | {"url": URL + "bare"}
    fills = [member(f"package/{n}.json", json.dumps(each).encode()) for n, each in enumerate([PROFILE, broken, bare])]
    profiles = Profiles([load_package(tgz(tmp_path / "p.tgz", *fills))])
    found = rules({"resourceType": "Patient"}, profiles, "p", "broken", "bare")
    assert found == {"profile-min": [""], "profile-unknown": ["", ""]}
    assert "snapshot" in profiles.unusable[URL + "bare"]


@pytest.mark.parametrize(
    "expression", ["name.family.matches('^(a+)+$')", "name.repeat($this & 'x').empty()", "(((", ""]
)
def test_an_expression_that_never_ends_or_is_none_ends(expression: str, tmp_path: Path) -> None:
    constraint = {"key": "x-1", "severity": "error", "human": "?", "expression": expression}
    hostile = profile("p", "Patient", root={"constraint": [constraint]})
    packed = tgz(tmp_path / "p.tgz", member("package/p.json", json.dumps(hostile).encode()))
    patient = {"resourceType": "Patient", "name": [{"family": "a" * 40 + "!"}]}
    findings, skipped = check_profiles(patient, Profiles([load_package(packed)]), [URL + "p"], lambda *_: None)
    assert [each.what for each in skipped] == ["x-1 (Patient (p))"] or [f.rule for f in findings] == [
        "profile-invariant"
    ]
