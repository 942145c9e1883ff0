"""Records of files: NDJSON line by line, what a file is told to be by its name, and files that are none (I73-I75)."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fhirconv.cli import main
from fhirconv.document import LIMITS, Limits
from fhirconv.issues import Issue
from fhirconv.records import read_records
from fhirconv.validation.run import validate
from tests.peak import TELL_PEAK

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'


def line(number: int = 1, **more: object) -> bytes:
    """A right resource on one line."""
    patient = {"resourceType": "Patient", "id": f"p{number}", "text": {"status": "generated", "div": DIV}, **more}
    return json.dumps(patient).encode()


def found(folder: Path, data: bytes, name: str = "a.ndjson", limits: Limits = LIMITS) -> list[Issue]:
    (folder / name).write_bytes(data)
    return validate(folder / name, limits=limits)


def told(issues: list[Issue]) -> list[tuple[str, int]]:
    """Rule and line of each issue."""
    return [(issue.rule, issue.place.line) for issue in issues]


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(main, ["validate", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


# -- NDJSON ----------------------------------------------------------------------------------------------------------------

RIGHT = [
    b"%s\n%s\n",
    b"%s\r\n%s\r\n",
    b"%s\n%s",
    b"\xef\xbb\xbf%s\n%s\n",
    b"  %s  \n\t%s\n",
]


@pytest.mark.parametrize("name", ["a.ndjson", "a.jsonl", "A.NDJSON", "a", "a.txt"])
@pytest.mark.parametrize("form", RIGHT, ids=["lf", "crlf", "no-final-newline", "bom", "blanks-around"])
def test_i73_every_line_is_a_record(form: bytes, name: str, tmp_path: Path) -> None:
    assert found(tmp_path, form % (line(1), line(2)), name) == []
    assert len(list(read_records(tmp_path / name))) == 2
    issues = found(tmp_path, form % (line(1, gender="M"), line(2, gender="W")), name)
    assert told(issues) == [("code-not-bound", 1), ("code-not-bound", 2)]
    assert [issue.place.file for issue in issues] == [str(tmp_path / name)] * 2


def test_i73_blank_lines_are_skipped_with_a_warning(tmp_path: Path) -> None:
    issues = found(tmp_path, b"\n".join([line(1), b"", b"  ", line(2, gender="M"), b""]))
    assert told(issues) == [("blank-line", 2), ("blank-line", 3), ("code-not-bound", 4)]
    assert [issue.severity for issue in issues] == ["warning", "warning", "error"]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_i73_a_truncated_last_line_fails_alone(end: bytes, tmp_path: Path) -> None:
    good = line(1, gender="M")
    issues = found(tmp_path, good + b"\n" + line(2) + b"\n" + line(3)[:40] + end)
    assert told(issues) == [("code-not-bound", 1), ("not-json", 3)]


def test_i73_a_line_of_another_kind_fails_alone(tmp_path: Path) -> None:
    wrong = [b"[]", b'"x"', b"5", b"null", b"NaN", b"{}", b'{"resourceType":"Patient"', b"x", b'{"a":1}{"a":1}', b"\xff{}"]
    data = b"\n".join([line(1), *wrong, line(2, gender="M")])
    issues = found(tmp_path, data)
    assert {number for _, number in told(issues)} == set(range(2, len(wrong) + 3))
    assert told(issues)[-1] == ("code-not-bound", len(wrong) + 2)


def test_i73_columns_are_those_of_the_line(tmp_path: Path) -> None:
    text = b'   {"resourceType":"Patient","gender":"M"}'
    (issue,) = (one for one in found(tmp_path, line() + b"\n" + text) if one.is_error)
    assert (issue.place.line, issue.place.column) == (2, text.index(b'"M"') + 1)


@pytest.mark.parametrize("bad", [b'{"resourceType":"Patient","gender":"M"}', b"{", b"", b"\xff"])
def test_i74_one_bad_line_among_ten_thousand(bad: bytes, tmp_path: Path) -> None:
    lines = [line(number) for number in range(10_000)]
    lines[7_318] = bad
    issues = [issue for issue in found(tmp_path, b"\n".join(lines) + b"\n") if issue.rule != "dom-6"]
    assert [number for _, number in told(issues)] == [7_319]


def test_i74_exit_code_and_counts(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(line(1) + b"\n{\n" + line(2, gender="M") + b"\n" + line(3) + b"\n")
    done = run(str(tmp_path / "a.ndjson"))
    assert done.exit_code == 1
    assert "4 records, 2 errors, no warnings" in done.stderr
    (tmp_path / "b.ndjson").write_bytes(line(1) + b"\n\n" + line(2) + b"\n")
    done = run(str(tmp_path / "b.ndjson"))
    assert done.exit_code == 0
    assert "2 records, no errors, 1 warning" in done.stderr


def test_i74_resources_and_cases_in_one_file(tmp_path: Path) -> None:
    case = b'{"case": {"id": "a"}, "patient": {"sex": "M"}}'
    issues = found(tmp_path, line(1) + b"\n" + case + b"\n" + line(2, gender="M"))
    assert told([issue for issue in issues if issue.is_error]) == [("not-a-choice", 2), ("code-not-bound", 3)]


def test_i74_ndjson_on_standard_input() -> None:
    done = CliRunner().invoke(main, ["validate", "-"], input=line(1) + b"\n" + line(2, gender="M") + b"\n")
    assert done.exit_code == 1
    assert "-:2:" in done.stdout
    assert "2 records" in done.stderr


# -- limits ------------------------------------------------------------------------------------------------------------------


def test_i75_a_single_line_of_10_mb(tmp_path: Path) -> None:
    names = [{"text": "x" * 1000}] * 10_000
    assert found(tmp_path, line(1, name=names) + b"\n" + line(2)) == []


def test_i75_a_line_over_the_limit_fails_alone(tmp_path: Path) -> None:
    data = line(1) + b"\n" + line(2, name=[{"text": "x" * 5000}]) + b"\n" + line(3, gender="M")
    for least in (1000, len(line(3, gender="M"))):
        issues = found(tmp_path, data, limits=Limits(bytes=least))
        assert told(issues) == [("too-large", 2), ("code-not-bound", 3)]
    assert str(least) in issues[0].message


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_i75_a_line_as_long_as_the_limit(end: bytes, tmp_path: Path) -> None:
    """The line break counts for nothing."""
    data = line(1) + end
    assert found(tmp_path, data, limits=Limits(bytes=len(line(1)))) == []
    assert told(found(tmp_path, data, limits=Limits(bytes=len(line(1)) - 1))) == [("too-large", 1)]


def test_i75_records_are_read_one_by_one(tmp_path: Path) -> None:
    """A file far larger than the limit of a record, in memory for a few records only: measured in a process of its own."""
    (tmp_path / "a.ndjson").write_bytes((line(1, name=[{"text": "x" * 1000}] * 50) + b"\n") * 2_000)
    assert (tmp_path / "a.ndjson").stat().st_size > 100_000_000
    code = (
        f"import sys; from fhirconv import validate; {TELL_PEAK}; "
        f"assert validate(sys.argv[1]) == []; {TELL_PEAK}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.ndjson")], capture_output=True, text=True, check=True, timeout=120
    )
    before, after = map(int, done.stderr.split())
    assert after - before < 60_000  # KB


def test_i75_findings_are_printed_as_they_are_found(tmp_path: Path) -> None:
    """The first record's finding is there before the second record can be read."""
    pipe = tmp_path / "a.ndjson"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", "from fhirconv.cli import main; main()", "validate", str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        with pipe.open("wb") as stream:
            stream.write(line(1, gender="M") + b"\n" + line(2)[:30])
            stream.flush()
            assert process.stdout is not None
            first = process.stdout.readline()
            stream.write(line(2)[30:] + b"\n")
        assert ":1:" in first
        assert process.wait(60) == 1


# -- what is no NDJSON, and no file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.ndjson", "a.jsonl", "a.json", "a.yaml", "a"])
@pytest.mark.parametrize("data", [b"", b"\n", b" \n\r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_i75_nothing_in_it(data: bytes, name: str, tmp_path: Path) -> None:
    issues = found(tmp_path, data, name)
    assert [issue.rule for issue in issues if issue.is_error] == ["empty-input"]
    assert issues[0].place.file == str(tmp_path / name)


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a.yaml", "A.JSONL"])
def test_i75_gzip(name: str, tmp_path: Path) -> None:
    """A name that promises text is held to it; others are in tests/test_compression.py."""
    (issue,) = found(tmp_path, gzip.compress(b"\n".join(line(number) for number in range(200))), name)
    assert issue.rule == "encoding"
    assert "gzip" in issue.message
    assert "name it .gz" in issue.message


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_i03_utf16(encoding: str, name: str, tmp_path: Path) -> None:
    (issue,) = found(tmp_path, (line(1) + b"\n" + line(2)).decode().encode(encoding), name)
    assert issue.rule == "encoding"
    assert "UTF-16" in issue.message


def test_i04_latin_1_fails_in_its_line(tmp_path: Path) -> None:
    bad = line(2).replace(b"p2", "Müller".encode("latin-1"))
    (issue,) = (one for one in found(tmp_path, line(1) + b"\n" + bad + b"\n" + line(3)) if one.is_error)
    assert (issue.rule, issue.place.line) == ("encoding", 2)
    assert "0xfc" in issue.message


def test_i11_a_pretty_printed_object_named_ndjson(tmp_path: Path) -> None:
    """One error that says what was found, not one for each line."""
    pretty = json.dumps(json.loads(line()), indent=2).encode()
    (issue,) = found(tmp_path, pretty)
    assert issue.rule == "not-json"
    assert issue.place.line == 1


def test_i11_several_lines_named_json(tmp_path: Path) -> None:
    (issue,) = found(tmp_path, line(1) + b"\n" + line(2), "a.json")
    assert (issue.rule, issue.place.line) == ("not-json", 2)
    assert "ndjson" in issue.message.lower()


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a"])
def test_i12_html(name: str, tmp_path: Path) -> None:
    page = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head>\n<body>Dr Secret</body></html>\n"
    issues = found(tmp_path, page, name)
    assert issues[0].is_error
    assert issues[0].place.line == 1
    assert not any("Secret" in issue.text() or "html>" in issue.text() for issue in issues)


@pytest.mark.parametrize("name", ["folder", "folder.ndjson", "folder.json"])
def test_i75_a_directory(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (issue,) = validate(tmp_path / name)
    assert (issue.rule, issue.severity) == ("file-unreadable", "fatal")
    assert "directory" in issue.message
    assert run(str(tmp_path / name)).exit_code == 1


@pytest.mark.parametrize("name", ["nope", "nope.json", "nope/nope.ndjson", "x" * 5000, "a\0b"])
def test_i75_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    (issue,) = validate(str(tmp_path / name))
    assert issue.rule == "file-unreadable"


def test_i75_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop.json").symlink_to("loop.json")
    (issue,) = validate(tmp_path / "loop.json")
    assert issue.rule == "file-unreadable"


@pytest.mark.parametrize("name", ["a.ndjson", "a.json", "a"])
def test_i75_a_fifo(name: str, tmp_path: Path) -> None:
    """A named pipe is read like a file: `validate <(zcat x.ndjson.gz)` works."""
    pipe = tmp_path / name
    os.mkfifo(pipe)
    data = line(1, gender="M")
    writer = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
    writer.start()
    assert told(validate(pipe)) == [("code-not-bound", 1)]
    writer.join(10)
    assert not writer.is_alive()


def test_i75_other_files_are_validated_beside_a_bad_one(tmp_path: Path) -> None:
    (tmp_path / "bad.ndjson").write_bytes(gzip.compress(b"x"))
    (tmp_path / "good.ndjson").write_bytes(line(1, gender="M"))
    done = run(str(tmp_path / "bad.ndjson"), str(tmp_path), str(tmp_path / "good.ndjson"))
    assert done.exit_code == 1
    for words in ("bad.ndjson", "directory", "good.ndjson:1:", "code-not-bound"):
        assert words in done.stdout


def test_i18_a_file_of_50_mb_is_not_read_to_its_end(tmp_path: Path) -> None:
    """One text of 50 MB: the limit is told, in time and in little memory (in a process of its own, of 400 MB at most)."""
    for name in ("a.json", "a.ndjson", "a"):
        (tmp_path / name).write_bytes(line(1, name=[{"text": "x" * 50_000_000}]))
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", "from fhirconv.cli import main; main()", "validate", str(tmp_path / name)],
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)),
        )
        assert done.returncode == 1, done.stderr
        assert "[too-large]" in done.stdout
        assert str(LIMITS.bytes) in done.stdout
        assert len(done.stdout + done.stderr) < 1000
        assert time.monotonic() - began < 10
