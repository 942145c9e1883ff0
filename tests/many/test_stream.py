"""convert of NDJSON: a line in, a line out, in order; what has errors is told and counted."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from itertools import dropwhile
from pathlib import Path

import pytest
from conftest import FIXTURES, run
from hypothesis import given, settings
from hypothesis import strategies as st

import fhirconv
from fhirconv.document import LIMITS
from fhirconv.many import converter

from .lines import BROKEN, UNFIT, WAIT_S, case, cases, convert, ids, rejects

REPORTS = sorted((FIXTURES / "cases").glob("*.yaml"))[:3]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_line_is_the_bundle_of_its_case() -> None:
    Path("cases.ndjson").write_bytes(cases(3))
    assert run("convert", "cases.ndjson", "-o", "out.ndjson").exit_code == 0
    lines = Path("out.ndjson").read_bytes().splitlines(keepends=True)
    assert lines == [fhirconv.convert(json.loads(case(f"c{at}"))).json() + b"\n" for at in range(3)]
    assert Path("out.rejects.ndjson").read_bytes() == b""
    assert not list(Path().glob("*.partial"))


BAD = BROKEN + b"\n" + case("c7") + UNFIT


@pytest.mark.parametrize(("shape", "bad"), [("bundles", b""), ("bundles", BAD), ("resources", BAD)])
def test_any_number_of_workers_writes_the_same(folder: Path, shape: str, bad: bytes) -> None:
    """Also where lines are broken, blank or repeated."""
    Path("cases.ndjson").write_bytes(cases(200) + bad + cases(150, first=200))
    made = {}
    for workers in ("1", "2", "3"):
        out = Path(f"out{workers}" + (".ndjson" if shape == "bundles" else ""))
        code, _, said = convert(
            "cases.ndjson", "-o", out.name, "--shape", shape, "--workers", workers, "-q", cwd=folder
        )
        assert (code, bool(said)) == ((1, True) if bad else (0, False))
        files = [out] if shape == "bundles" else sorted(out.iterdir())
        found = {file.name.replace(out.name, ""): file.read_bytes() for file in files}
        made[workers] = found, said, Path(f"out{workers}.rejects.ndjson").read_bytes()
    assert made["1"] == made["2"] == made["3"]
    if shape == "bundles":
        assert ids(made["1"][0][""]) == [f"c{at}" for at in range(350)]


def test_files_of_one_case_and_of_many_in_order() -> None:
    Path("a.ndjson").write_bytes(cases(2))
    Path("b.json").write_bytes(case("b"))
    Path("z.yaml").write_text("case: {id: z}\npatient: {}\n", encoding="utf-8")
    assert run("convert", "z.yaml", "a.ndjson", "b.json", "-o", "out.ndjson").exit_code == 0
    assert ids(Path("out.ndjson").read_bytes()) == ["z", "c0", "c1", "b"]


def test_the_name_of_the_output_makes_it_a_stream() -> None:
    assert run("convert", *map(str, REPORTS), "-o", "out.ndjson").exit_code == 0
    lines = Path("out.ndjson").read_bytes().splitlines()
    assert lines == [fhirconv.convert(report).json() for report in REPORTS]


def test_lines_without_a_telling_name(folder: Path) -> None:
    """From a pipe, and from a file of any name."""
    Path("cases.txt").write_bytes(cases(2))
    code, out, said = convert("-", cwd=folder, stdin=cases(2))
    assert code == 0
    assert ids(out) == ["c0", "c1"]
    assert said.startswith("2 records: 2 converted, 0 rejected\n")
    assert run("convert", "cases.txt").stdout_bytes == out


def test_compressed_output_is_the_same_lines(folder: Path) -> None:
    """One member for each chunk, so that it is the same for any number of workers."""
    Path("cases.ndjson").write_bytes(cases(150))
    for workers in ("1", "2"):
        assert convert("cases.ndjson", "-o", f"{workers}.ndjson.gz", "--workers", workers, cwd=folder)[0] == 0
    run("convert", "cases.ndjson", "-o", "plain.ndjson")
    data = Path("1.ndjson.gz").read_bytes()
    assert gzip.decompress(data) == Path("plain.ndjson").read_bytes()
    assert Path("2.ndjson.gz").read_bytes() == data
    assert Path("1.rejects.ndjson").exists()


def test_nothing_converted_is_a_whole_gzip_all_the_same() -> None:
    Path("cases.ndjson").write_bytes(BROKEN)
    assert run("convert", "cases.ndjson", "-o", "out.ndjson.gz").exit_code == 1
    assert gzip.decompress(Path("out.ndjson.gz").read_bytes()) == b""


def test_resources_by_type() -> None:
    """References are Type/id, as a bulk import wants them; each file has the order of the input."""
    report = str(FIXTURES / "cases" / "takanashi-2019.yaml")
    Path("cases.ndjson").write_bytes(cases(2))
    assert run("convert", "cases.ndjson", report, "-o", "out", "--shape", "resources").exit_code == 0
    bundles = [fhirconv.convert(json.loads(case(f"c{at}")), bundle="batch") for at in range(2)]
    bundles.append(fhirconv.convert(report, bundle="batch"))
    wanted = [entry["resource"] for made in bundles for entry in made.bundle["entry"]]  # type: ignore[index]
    found = {path.stem: [json.loads(line) for line in path.read_bytes().splitlines()] for path in Path("out").iterdir()}
    assert sum(map(len, found.values())) == len(wanted)
    for name, resources in found.items():
        ours = [one for one in wanted if one["resourceType"] == name]
        assert json.dumps(resources) == json.dumps(ours, default=float)
    assert b"urn:uuid" not in b"".join(
        re.findall(rb'"reference":"[^"]*"', Path("out", "Observation.ndjson").read_bytes())
    )
    assert Path("out.rejects.ndjson").exists()


def test_a_folder_of_resources_is_replaced_and_no_other() -> None:
    Path("cases.ndjson").write_bytes(cases(2))
    Path("out").mkdir()
    Path("out", "Basic.ndjson").write_bytes(b"{}\n")
    assert run("convert", "cases.ndjson", "-o", "out", "--shape", "resources").exit_code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["Patient.ndjson", "Provenance.ndjson"]
    Path("out", "notes.txt").write_text("mine", encoding="utf-8")
    before = Path("out", "Patient.ndjson").read_bytes()
    done = run("convert", "cases.ndjson", "-o", "out", "--shape", "resources")
    assert done.exit_code == 1
    assert "notes.txt" in done.stderr
    assert Path("out", "notes.txt").read_text(encoding="utf-8") == "mine"
    assert Path("out", "Patient.ndjson").read_bytes() == before


def test_what_is_made_may_be_more_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a limit that makes the test quick."""
    monkeypatch.setattr(converter, "LIMITS", LIMITS._replace(bytes=4000))
    labs = [{"analyte": "Hb", "value": at, "unit": "g/dL", "id": f"lab-{at}"} for at in range(5, 15)]
    Path("cases.ndjson").write_bytes(case("a") + case("b", labs=labs))
    told = r"cases\.ndjson:2:1: warning: makes [0-9,]+ bytes, and 4,000 are read; give validate and push --limit bytes=(\d+)"
    done = run("convert", "cases.ndjson", "-v", "-o", "out.ndjson")
    found = re.search(told, done.stderr)
    assert done.exit_code == 0
    assert found
    assert [len(line) > 4000 for line in Path("out.ndjson").read_bytes().splitlines()] == [False, True]
    assert int(found[1]) == len(Path("out.ndjson").read_bytes().splitlines()[1])
    assert "warning [large-output] 1x, first at cases.ndjson:2:1" in done.stderr
    Path("b.json").write_bytes(case("b", labs=labs))
    assert "b.json:1:1: warning: makes" in run("convert", "b.json", "-o", "out.json").stderr


def test_what_is_rejected_is_told_with_its_line() -> None:
    Path("cases.ndjson").write_bytes(case("a") + BROKEN + UNFIT + case("b") + b'{"case": {"id": "cut"}, "pati')
    done = run("convert", "cases.ndjson", "-o", "out.ndjson")
    assert done.exit_code == 1
    assert ids(Path("out.ndjson").read_bytes()) == ["a", "b"]
    found = rejects(Path("out.rejects.ndjson"))
    assert [(one["file"], one["line"], one.get("case")) for one in found] == [
        ("cases.ndjson", 2, None),
        ("cases.ndjson", 3, "unfit"),
        ("cases.ndjson", 5, None),
    ]
    assert [[issue["rule"] for issue in one["issues"]] for one in found] == [
        ["not-json"],
        ["unknown-key"],
        ["not-json"],
    ]
    assert found[1]["issues"][0]["line"] == 3
    assert found[1]["issues"][0]["pointer"] == "/patients"
    assert "5 records: 2 converted, 3 rejected" in done.stderr
    assert "fatal [not-json] 2x, first at cases.ndjson:2:" in done.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"\xef\xbb\xbf" + case("b"), "begins with a byte order mark, as where files were joined; remove it"),
        (case("b").strip() * 2, "has more after the end of the JSON value; a file holds one, and each line of an .ndjson file"),
        (b'{"resourceType": "Bundle", "type": "batch"}', "is a FHIR resource, not a case; 'fhirconv facts' reads"),
    ],
)
def test_what_stands_in_place_of_a_case_is_told_in_one_line(line: bytes, told: str) -> None:
    Path("cases.ndjson").write_bytes(b"\xef\xbb\xbf" + case("a") + line)
    done = run("convert", "cases.ndjson", "-q", "-o", "out.ndjson")
    assert ids(Path("out.ndjson").read_bytes()) == ["a"]
    (said,) = done.stderr.splitlines()
    assert said.startswith("cases.ndjson:2:")
    assert told in said


def test_rejects_by_name_and_none_for_a_pipe(folder: Path) -> None:
    Path("cases.ndjson").write_bytes(case("a") + BROKEN)
    assert run("convert", "cases.ndjson", "-o", "out.ndjson", "--rejects", "bad.ndjson").exit_code == 1
    assert len(rejects(Path("bad.ndjson"))) == 1
    assert convert("cases.ndjson", cwd=folder)[0] == 1
    assert {path.name for path in folder.iterdir()} == {"cases.ndjson", "out.ndjson", "bad.ndjson"}
    assert convert("cases.ndjson", "--rejects", "bad2.ndjson", cwd=folder)[0] == 1
    assert run("convert", "cases.ndjson", "-o", "out3.ndjson").exit_code == 1
    assert Path("bad.ndjson").read_bytes() == Path("bad2.ndjson").read_bytes() == Path("out3.rejects.ndjson").read_bytes()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_case_id_stands_once_in_a_run(folder: Path, workers: str) -> None:
    """Near and far, in another file, and in another spelling; after a case with errors it is the first."""
    Path("one.ndjson").write_bytes(case("a") + case("a") + case("x", patients=[]) + case("x") + cases(150))
    Path("two.ndjson").write_bytes(case("c149") + case("b") + case("\u00e9") + case("e\u0301"))
    code, out, _ = convert("one.ndjson", "two.ndjson", "--rejects", "bad.ndjson", "--workers", workers, cwd=folder)
    assert code == 1
    assert ids(out) == ["a", "x", *(f"c{at}" for at in range(150)), "b", "\u00e9"]
    found = [one for one in rejects(Path("bad.ndjson")) if one["issues"][0]["rule"] == "case-twice"]
    assert [(one["file"], one["line"]) for one in found] == [("one.ndjson", 2), ("two.ndjson", 1), ("two.ndjson", 4)]
    assert [one["case"] for one in found] == ["a", "c149", "\u00e9"]
    assert "one.ndjson:154:1" in found[1]["issues"][0]["message"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_stop_at_the_first_error(folder: Path, workers: str) -> None:
    """The partial file holds all before it and nothing after."""
    Path("cases.ndjson").write_bytes(cases(100) + UNFIT + cases(100, first=100))
    command = ("cases.ndjson", "-o", "out.ndjson", "--on-error", "stop", "--workers", workers)
    code, _, said = convert(*command, cwd=folder)
    assert code == 1
    assert ids(Path("out.ndjson.partial").read_bytes()) == [f"c{at}" for at in range(100)]
    assert not Path("out.ndjson").exists()
    assert "cases.ndjson:101:" in said
    assert "out.ndjson.partial has 100 cases and is not complete" in said
    Path("cases.ndjson").write_bytes(cases(200))
    assert convert(*command, cwd=folder)[0] == 0
    assert ids(Path("out.ndjson").read_bytes()) == [f"c{at}" for at in range(200)]
    assert not Path("out.ndjson.partial").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_stop_where_too_many_are_wrong(folder: Path, workers: str) -> None:
    """As of an export of which all is, or of a small file that unpacks to millions of them."""
    Path("cases.ndjson").write_bytes(cases(100) + UNFIT * 2000)
    command = ("cases.ndjson", "-o", "out.ndjson", "-q", "--workers", workers, "--max-rejects")
    code, _, said = convert(*command, "100", cwd=folder)
    assert code == 1
    assert "error: 156 cases are rejected by now; mend what they have in common" in said  # four chunks of 64
    assert "out.ndjson.partial has 100 cases and is not complete" in said
    assert len(rejects(Path("out.rejects.ndjson.partial"))) == 156
    code, _, said = convert(*command, "2000", cwd=folder)
    assert code == 1
    assert "error: 156" not in said
    assert len(rejects(Path("out.rejects.ndjson"))) == 2000


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["good", "broken", "unfit", "blank", "twice", "array"]), min_size=1, max_size=90))
def test_counts_add_up(kinds: list[str]) -> None:
    """Records in = lines out + lines of rejects; blank lines are counted apart."""
    made = {"broken": BROKEN, "unfit": UNFIT, "blank": b" \r\n", "twice": case("twice"), "array": b"[1]\n"}
    lines = [made.get(kind) or case(f"g{at}") for at, kind in enumerate(kinds)]
    Path("cases.ndjson").write_bytes(b"".join(lines))
    done = run("convert", "cases.ndjson", "-o", "out.ndjson")
    told = list(dropwhile("blank".__eq__, kinds))  # blank lines before the first record are no matter
    count = {kind: told.count(kind) for kind in (*made, "good")}
    converted = count["good"] + min(count["twice"], 1)
    rejected = len(told) - count["blank"] - converted or (0 if converted else 1)  # nothing but blank lines is an error
    assert len(ids(Path("out.ndjson").read_bytes())) == converted
    assert len(rejects(Path("out.rejects.ndjson"))) == rejected
    said = done.stderr[done.stderr.index(f"{converted + rejected} record") :].splitlines()
    assert f": {converted} converted, {rejected} rejected" in said[0]
    assert (f"; {count['blank']} blank line" in said[0]) == bool(count["blank"])
    total, _, parts = said[1].partition(": ")
    assert int(total.split()[0]) == sum(int(number) for number in re.findall(r"(\d+) [a-z]", parts))
    assert done.exit_code == (1 if rejected else 0)


def test_words_without_codes_by_frequency() -> None:
    lab = {"value": 1, "unit": "g/dL", "at": "2020"}
    words = [f"thing {at}" for at in range(12) for _ in range(at + 1)]
    Path("cases.ndjson").write_bytes(
        b"".join(case(f"c{at}", labs=[{"analyte": word, **lab}]) for at, word in enumerate(words))
    )
    said = run("convert", "cases.ndjson", "-o", "out.ndjson").stderr
    assert ", the 10 most frequent of 12; -v lists them:\n  labs: 'thing 11' (12x)\n" in said
    assert "'thing 2' (3x)" in said
    assert "'thing 1' (2x)" not in said
    assert "'thing 1' (2x)" in run("convert", "cases.ndjson", "-o", "out.ndjson", "-v").stderr


def test_quiet_and_verbose() -> None:
    Path("cases.ndjson").write_bytes(case("a", labs=[{"analyte": "Hb", "value": 99, "unit": "g/dL"}]) + BROKEN)
    quiet, usual, verbose = (
        run("convert", "cases.ndjson", "-o", "out.ndjson", *more).stderr for more in (["-q"], [], ["-v"])
    )
    assert re.fullmatch(r"cases\.ndjson:2:\d+: fatal: .*\[not-json\]\n", quiet)
    assert usual.startswith(quiet)
    assert "warning [value-range] 1x, first at cases.ndjson:1:" in usual
    assert "cases.ndjson:1:" in verbose.partition("cases.ndjson:2:")[0]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_names_that_are_not_utf_8(folder: Path, workers: str) -> None:
    """As they come from an old disk: told by escapes, in the lines of rejects too."""
    name = os.fsdecode(b"f\xfclle.ndjson")
    Path(name).write_bytes(case("a") + case("a") + BROKEN)
    code, _, said = convert(name, "-o", os.fsdecode(b"\xfcber.ndjson"), "--workers", workers, cwd=folder)
    assert code == 1
    assert r"f\udcfclle.ndjson:2:1: error: has the case id of the case at f\udcfclle.ndjson:1:1" in said
    assert ids(Path(os.fsdecode(b"\xfcber.ndjson")).read_bytes()) == ["a"]
    found = rejects(Path(os.fsdecode(b"\xfcber.rejects.ndjson")))
    assert [(one["file"], one["line"]) for one in found] == [(r"f\udcfclle.ndjson", 2), (r"f\udcfclle.ndjson", 3)]


def test_a_line_that_is_too_deep_is_told_with_its_place() -> None:
    Path("cases.ndjson").write_bytes(case("a") + b'{"a": ' * 20_000 + b"1" + b"}" * 20_000 + b"\n")
    assert "cases.ndjson:2:1: fatal: is nested more than" in run("convert", "cases.ndjson").stderr


def test_a_long_line_among_others(folder: Path) -> None:
    """10 MB are one case like others; what is over the limit is refused, and the next one read."""
    labs = [
        {"analyte": "Hb", "value": 10, "unit": "g/dL", "id": f"lab-{at}", "note": "x" * 100_000} for at in range(100)
    ]
    Path("cases.ndjson").write_bytes(case("a") + case("long", labs=labs) + case("b"))
    code, out, _ = convert("cases.ndjson", "--workers", "2", cwd=folder)
    assert code == 0
    assert ids(out) == ["a", "long", "b"]
    code, out, said = convert("cases.ndjson", "--limit", "bytes=1000000", cwd=folder)
    assert code == 1
    assert ids(out) == ["a", "b"]
    assert "cases.ndjson:2:1: fatal: is a line of more than 1000000 bytes" in said


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_what_is_empty_is_one_rejected_record(content: bytes) -> None:
    Path("bad.ndjson").write_bytes(content)
    Path("good.ndjson").write_bytes(cases(2))
    done = run("convert", "bad.ndjson", "good.ndjson", "-o", "out.ndjson")
    assert done.exit_code == 1
    assert ids(Path("out.ndjson").read_bytes()) == ["c0", "c1"]
    assert [one["file"] for one in rejects(Path("out.rejects.ndjson"))] == ["bad.ndjson"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_made_of_a_damaged_input_does_not_look_complete(folder: Path, workers: str) -> None:
    """A download that broke off: the good output of an earlier run stays, what was read is kept as partial."""
    Path("cut.ndjson.gz").write_bytes(gzip.compress(cases(100)) + gzip.compress(cases(100, first=100))[:-20])
    Path("more.ndjson").write_bytes(cases(1, first=1000))
    Path("out.ndjson").write_bytes(b"of yesterday\n")
    code, _, said = convert("cut.ndjson.gz", "more.ndjson", "-o", "out.ndjson", "--workers", workers, cwd=folder)
    assert code == 1
    assert Path("out.ndjson").read_bytes() == b"of yesterday\n"
    assert "ends in the middle of its gzip data" in said
    assert "error: cut.ndjson.gz was not read to its end (see above); mend it, or fetch it again" in said
    made = ids(Path("out.ndjson.partial").read_bytes())
    assert made == [f"c{at}" for at in range(len(made))]
    assert len(made) >= 100
    assert f"out.ndjson.partial has {len(made)} cases and is not complete" in said
    assert [one["issues"][0]["rule"] for one in rejects(Path("out.rejects.ndjson.partial"))] == ["damaged"]
    assert not Path("out.rejects.ndjson").exists()


def test_no_memory_for_a_bundle_rejects_its_record_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that comes after the conversion."""
    from fhirconv.conversion import Conversion
    from fhirconv.many import batches

    def scarce(result: Conversion, shape: str) -> bytes:
        if result.case.id == "b":
            raise MemoryError
        return result.json()

    monkeypatch.setattr(batches, "written", scarce)
    Path("cases.ndjson").write_bytes(case("a") + case("b") + case("c"))
    done = run("convert", "cases.ndjson", "-o", "out.ndjson")
    assert ids(Path("out.ndjson").read_bytes()) == ["a", "c"]
    (found,) = rejects(Path("out.rejects.ndjson"))
    assert (found["line"], found["issues"][0]["rule"]) == (2, "record-failed")
    assert "there was not enough memory for it" in found["issues"][0]["message"]
    assert "3 records: 2 converted, 1 rejected" in done.stderr


def test_a_fault_of_ours_rejects_its_record_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place in our code is told, nothing of the case."""
    from fhirconv.facts import Case

    secret = property(lambda case: {}["secret of " + case.document.text] if '"b"' in case.document.text else {})
    monkeypatch.setattr(Case, "conventions", secret)
    Path("cases.ndjson").write_bytes(case("a") + case("b") + case("c"))
    done = run("convert", "cases.ndjson", "-o", "out.ndjson")
    assert ids(Path("out.ndjson").read_bytes()) == ["a", "c"]
    (found,) = rejects(Path("out.rejects.ndjson"))
    assert (found["line"], found["issues"][0]["rule"]) == (2, "record-failed")
    assert re.search(r"KeyError at fhirconv/\w+\.py:\d+", found["issues"][0]["message"])
    assert "secret" not in done.stderr + str(found)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a.ndjson", "-o", "a.ndjson"], "is the input file"),
        (["a.ndjson", "-o", "./link.ndjson"], "is the input file"),
        (["a.ndjson", "--rejects", "a.ndjson"], "is the input file"),
        (["a.ndjson.partial", "-o", "a.ndjson"], "is the input file"),
        (["a.ndjson", "-o", "out.ndjson", "--rejects", "./out.ndjson"], "is the output itself"),
        (["a.ndjson", "-o", "out.ndjson", "--rejects", "out.ndjson.partial"], "is the output itself"),
        (["a.ndjson", "-o", "out.ndjson.partial", "--rejects", "out.ndjson"], "is the output itself"),
        (["a.ndjson", "--shape", "resources", "-o", "out", "--rejects", "out/Bad.ndjson"], "a part of it"),
        (["bulk/Case.ndjson", "--shape", "resources", "-o", "bulk"], "is the input file"),
        (["a.ndjson", "-o", "."], "bundles.ndjson"),
        (["a.ndjson", "-o", "out.json"], "-o out.ndjson"),
        (["a.ndjson", "-o", "out.ndjson", "--rejects", "-"], "--rejects needs the name of a file"),
        (["a.ndjson", "-o", "new/"], "-o new/bundles.ndjson"),
        (["a.ndjson", "-o", "out.ndjson.bz2"], "as .gz or .zst"),
        (["a.yaml", "a.ndjson", "-o", "out.json.gz"], "-o out.ndjson.gz"),
        (["none.ndjson", "-o", "old.ndjson"], "none.ndjson: fatal: cannot be read: No such file"),
        (["a.ndjson", "none.yaml", "-o", "old.ndjson"], "none.yaml: fatal: cannot be read: No such file"),
        (["a.ndjson", "old.ndjson", "bulk", "-o", "new.ndjson"], "bulk: fatal: cannot be read: Is a directory"),
        (["plain.ndjson.gz", "-o", "new.ndjson"], "plain.ndjson.gz: fatal: is named .gz"),
        (["a.ndjson", "--shape", "resources"], "-o DIR"),
        (["a.ndjson", "--shape", "resources", "-o", "old.ndjson"], "-o DIR"),
        (["a.ndjson", "--shape", "resources", "-o", "new.gz"], "not compressed: -o new\n"),
        (["a.ndjson", "--shape", "resources", "-o", "out", "--bundle", "batch"], "leave out --bundle"),
        (["a.ndjson", "--workers", "0"], "--workers"),
        (["a.yaml", "--workers", "2"], "OUT.ndjson"),
        (["a.yaml", "--max-rejects", "0"], "OUT.ndjson"),
        (["a.yaml", "-o", "out.json", "--rejects", "r.ndjson"], "OUT.ndjson"),
    ],
    ids=" ".join,
)
def test_wrong_usage(folder: Path, words: list[str], told: str) -> None:
    Path("a.ndjson").write_bytes(cases(2))
    Path("old.ndjson").write_bytes(cases(2))
    Path("a.ndjson.partial").write_bytes(cases(2))
    Path("a.yaml").write_text("case: {id: a}\npatient: {}\n", encoding="utf-8")
    Path("link.ndjson").symlink_to("a.ndjson")
    Path("plain.ndjson.gz").write_bytes(cases(2))
    Path("bulk").mkdir()
    Path("bulk", "Case.ndjson").write_bytes(cases(2))
    before = {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}
    done = run("convert", *words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")} == before


def test_a_named_pipe_is_written_to_and_stays_one(folder: Path) -> None:
    """So does a device such as /dev/null."""
    Path("cases.ndjson").write_bytes(cases(2) + BROKEN)
    readers = []
    for name in ("out", "bad"):
        os.mkfifo(name)
        readers.append(subprocess.Popen(["cat", name], stdout=subprocess.PIPE))
    assert convert("cases.ndjson", "-o", "out", "--rejects", "bad", cwd=folder)[0] == 1
    out, bad = (reader.communicate(timeout=WAIT_S)[0] for reader in readers)
    assert ids(out) == ["c0", "c1"]
    assert json.loads(bad)["line"] == 3
    assert all(Path(name).is_fifo() for name in ("out", "bad"))
    assert len(list(folder.iterdir())) == 3


def test_one_small_case_imports_nothing_of_this() -> None:
    Path("a.yaml").write_text("case: {id: a}\npatient: {}\n", encoding="utf-8")
    program = "import sys; from fhirconv.cli import main; main(['convert', 'a.yaml'], standalone_mode=False)"
    heavy = "{'sqlite3', 'concurrent.futures', 'subprocess', 'multiprocessing', 'requests', 'zstandard', 'pyspark'}"
    checked = f"{program}; print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", checked], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("[]\n")
