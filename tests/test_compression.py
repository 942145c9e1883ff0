"""Compressed input: the same records as from plain text, or a finding that says where it ended; never silence, never a bomb."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import pickle
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import run
from hypothesis import given, settings
from hypothesis import strategies as st
from peak import TELL_PEAK

from fhirconv import convert, validate
from fhirconv.compression import PackedError, compressed, kind_of_name, open_input, opened, plain_suffix
from fhirconv.document import LIMITS, Document, Limits
from fhirconv.pushing.digests import input_digest
from fhirconv.records import Record, count_records, read_records, read_stream, records_in

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KINDS = ["gz", "zst"]
ENDLESS = gzip.compress(b"x" * (1 << 20), 9)  # 1 MB of one line without an end, in 1 KB
LINES = b"".join(b'{"resourceType":"Patient","id":"p%d","gender":"M"}\n' % number for number in range(40))
CASE = b"case: {id: c1}\npatient: {sex: female, birth_date: 1970-01-01}\nlabs: [{analyte: crp, value: 1.50, unit: mg/L}]\n"
JSON_CASE = json.dumps({"case": {"id": "c1"}, "patient": {"sex": "female"}}).encode()


def told(documents: list[Document]) -> list[tuple[str, int]]:
    """Rule and line of each issue of reading."""
    return [(issue.rule, issue.place.line) for document in documents for issue in document.issues]


def read(data: bytes, name: str = "-", limits: Limits = LIMITS) -> list[Document]:
    return list(read_stream(io.BytesIO(data), name, limits))


def values(documents: list[Document]) -> list[Any]:
    return [document.data for document in documents if document.data is not None]


RECORDS = values(read(LINES, "a.ndjson"))

# -- what comes out is what went in ----------------------------------------------------------------------------------------


class Dripping(io.RawIOBase):
    """A pipe: gives as many bytes at a time as its writer wrote at once."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes = data, sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sizes = self._sizes[1:] + self._sizes[:1]
        piece = self._data[: min(len(buffer), self._sizes[0])]
        self._data = self._data[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.binary(max_size=300) | st.binary(max_size=3).map(lambda part: part * 40_000), min_size=1, max_size=5),
    kind=st.sampled_from(KINDS),
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    extra=st.booleans(),
)
def test_members_and_frames_follow_each_other(parts: list[bytes], kind: str, sizes: list[int], extra: bool) -> None:
    packed = [compressed(part, kind) for part in parts]
    assert packed == [compressed(part, kind) for part in parts]  # the same bytes for the same data
    skipped = {"gz": bytes(7), "zst": b"\x53\x2a\x4d\x18\x03\0\0\0abc"}[kind] if extra else b""  # padding; a frame to skip
    data = b"".join(packed) + skipped
    stream = opened(Dripping(data, sizes), "-")
    assert stream.read() == b"".join(parts)
    assert stream.packed == len(data)
    assert opened(stream, "-") is stream


def test_others_can_read_what_is_written() -> None:
    assert gzip.decompress(compressed(LINES, "gz") * 2) == LINES * 2
    assert zstd.decompress(compressed(LINES, "zst") * 2) == LINES * 2
    assert compressed(LINES, "") == LINES


@pytest.mark.parametrize(
    ("name", "kind", "plain"),
    [
        ("a.ndjson.gz", "gz", ".ndjson"),
        ("/x.zst/A.JSON.ZST", "zst", ".json"),
        ("a.yaml", "", ".yaml"),
        ("a.gz", "gz", ""),
        ("-", "", ""),
        ("a.tar.bz2", "", ".bz2"),
        (".gz", "", ""),
    ],
)
def test_names(name: str, kind: str, plain: str) -> None:
    assert (kind_of_name(name), plain_suffix(name)) == (kind, plain)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a.ndjson.{}", "A.JSONL.{}", "a.{}", "a", "export.dat"])
def test_lines_have_the_places_of_the_plain_file(name: str, kind: str, tmp_path: Path) -> None:
    """A name that says nothing is told by its content, as an NDJSON file is."""
    data = LINES.replace(b'"p7"', b"\xff").replace(b'{"resourceType":"Patient","id":"p9","gender":"M"}', b"")
    (tmp_path / "a.ndjson").write_bytes(data)
    plain = list(read_records(tmp_path / "a.ndjson"))
    path = tmp_path / name.format(kind)
    path.write_bytes(compressed(data, kind))
    found = list(read_records(path))
    assert values(found) == values(plain)
    assert told(found) == told(plain) == [("encoding", 8), ("blank-line", 10)]
    assert count_records(path) == count_records(tmp_path / "a.ndjson") == 39
    assert [(issue.rule, issue.place.line) for issue in validate(path)] == [
        (issue.rule, issue.place.line) for issue in validate(tmp_path / "a.ndjson")
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_case_is_converted_and_explained(suffix: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = CASE if suffix == "yaml" else JSON_CASE
    plain, packed = Path(f"c.{suffix}"), Path(f"c.{suffix}.{kind}")
    plain.write_bytes(data)
    packed.write_bytes(compressed(data, kind))
    assert convert(packed).json() == convert(plain).json()
    assert run("convert", str(packed)).stdout_bytes == run("convert", str(plain)).stdout_bytes
    assert run("explain", str(packed), "Patient").stdout == run("explain", str(plain), "Patient").stdout.replace(*map(str, (plain, packed)))
    assert run("validate", str(packed)).exit_code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipe_and_bytes(kind: str, tmp_path: Path) -> None:
    packed = compressed(LINES, kind)
    done = run("validate", "-", stdin=packed)
    assert "-:40:" in done.stdout
    assert "40 records" in done.stderr
    assert len(validate(packed)) == len(validate(LINES))
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(packed,), daemon=True)
    writer.start()
    assert values(list(read_records(tmp_path / "pipe"))) == RECORDS
    writer.join(60)


# -- names that promise something else ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.ndjson.gz", LINES, "is named .gz and is neither gzip nor zstd"),
        ("a.json.gz", JSON_CASE, "is named .gz and is neither gzip nor zstd"),
        ("a.ndjson.zst", compressed(LINES, "gz"), "is named .zst and is gzip"),
        ("a.ndjson.gz", compressed(LINES, "zst"), "is named .gz and is zstd"),
        ("a.ndjson", compressed(LINES, "zst"), "is compressed (zstd), not text; name it .zst"),
        ("a.yaml", compressed(CASE, "gz"), "is compressed (gzip), not text; name it .gz"),
        ("a.json.gz", compressed(compressed(JSON_CASE, "gz"), "gz"), "is compressed (gzip), not text"),
    ],
)
def test_i11_nothing_is_guessed(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    """A name says how a file is meant; one that holds something else is refused, with what was found."""
    (tmp_path / name).write_bytes(data)
    (issue,) = validate(tmp_path / name)
    assert issue.rule == "encoding"
    assert words in issue.message
    assert convert(tmp_path / name).bundle is None


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.json.zst", "a.gz"])
def test_nothing_in_it(name: str, tmp_path: Path) -> None:
    kind = kind_of_name(name)
    for data in (b"", compressed(b"", kind), compressed(b"\n\n", kind)):
        (tmp_path / name).write_bytes(data)
        assert [issue.rule for issue in validate(tmp_path / name)] == ["empty-input"]


# -- damage ------------------------------------------------------------------------------------------------------------------

HALF = LINES.index(b'{"resourceType":"Patient","id":"p20"')


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_at_every_byte(kind: str) -> None:
    """The records before the cut, one finding in the line after them, and no half record."""
    first = compressed(LINES[:HALF], kind)
    data = first + compressed(LINES[HALF:], kind)
    for size in range(4, len(data)):
        if size == len(first):
            continue  # a whole file, as far as anybody can tell
        *before, last = read(data[:size], f"a.ndjson.{kind}")
        assert values(before) == RECORDS[: len(before)]
        assert all(not document.issues for document in before)
        assert told([last])[0][1] == (len(before) + 1 if before else 0)
        assert last.data is None
        if size - len(first) not in (1, 2, 3):  # too few to be known as a second member
            assert told([last])[0][0] == "damaged"
            assert "in the middle" in last.issues[0].message
        assert len(before) >= 20 * (size >= len(first))


@pytest.mark.parametrize("kind", KINDS)
def test_any_byte_changed(kind: str) -> None:
    """Either nothing that matters was changed (the time in a header), or it is told; each record is right or is told of."""
    data = compressed(LINES[:HALF], kind) + compressed(LINES[HALF:], kind)
    for place in range(len(data)):
        for bits in (0x01, 0x80, 0xFF):
            changed = data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]
            found = read(changed, f"a.ndjson.{kind}")
            if values(found) != RECORDS or len(found) != len(RECORDS):
                rules = {rule for rule, _ in told(found)}
                assert rules & {"damaged", "encoding"}, (place, bits)


def test_a_changed_digit_is_told_after_its_record() -> None:
    """Stored data with a wrong digit: the checksum comes last, so the finding says that what was read may be wrong."""
    data = bytearray(gzip.compress(LINES, 0))
    data[data.index(b'"p0"') + 2] ^= 1
    found = read(bytes(data))
    assert values(found)[0]["id"] == "p1"
    assert told(found)[-1] == ("damaged", 41)
    assert "may be wrong" in found[-1].issues[0].message


@pytest.mark.parametrize("kind", KINDS)
def test_something_else_after_the_end(kind: str) -> None:
    found = read(compressed(LINES, kind) + b"<html>", f"a.ndjson.{kind}")
    assert values(found) == RECORDS
    assert told(found) == [("damaged", 41)]
    assert "something else after the end" in found[-1].issues[0].message
    assert "read up to line 40" in found[-1].issues[0].message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: data + b"x"])
def test_a_damaged_case_is_not_converted(damage: Any, kind: str, tmp_path: Path) -> None:
    """Its facts could be read; but nobody knows whether they are right, or all."""
    (tmp_path / f"c.yaml.{kind}").write_bytes(damage(compressed(CASE, kind)))
    made = convert(tmp_path / f"c.yaml.{kind}")
    assert made.bundle is None
    assert [issue.rule for issue in made.issues] == ["damaged"]


def test_a_disk_that_fails() -> None:
    """What the system says, in the line where it happened."""

    class Failing(Dripping):
        def readinto(self, buffer: Any) -> int:
            if not self._data:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().readinto(buffer)

    for data, lines in ((LINES, 40), (LINES[:-1], 39), (b"", 0)):
        found = list(read_stream(io.BufferedReader(Failing(data, [100])), "a.ndjson"))
        assert told(found) == [("file-unreadable", lines + 1 if lines else 0)]
        assert "cannot be read: Input/output error" in found[-1].issues[0].message


def test_lines_go_to_other_processes() -> None:
    """Each line by itself gives the document of the whole run, also behind a pickle; what ends the run is a line as well."""
    data = b"\n" + LINES[:200] + b"\n\xff\n" + b"x" * 400 + b"\n" + LINES
    limits = LIMITS._replace(bytes=300)
    packed = compressed(data, "gz")[:-1]
    lines = list(records_in(io.BytesIO(packed), "a.ndjson.gz", limits))
    again: list[Record] = pickle.loads(pickle.dumps(lines))
    found = [record.document(limits) for record in again]
    whole = read(packed, "a.ndjson.gz", limits)
    assert [(one.data, one.issues, one.lines_before) for one in found] == [(one.data, one.issues, one.lines_before) for one in whole]
    assert {"encoding", "too-large", "damaged"} <= {rule for rule, _ in told(found)}
    assert max(line.size for line in lines) <= 300
    numbers = [line.number for line in lines]
    assert numbers == list(range(1, len(lines) + 1))


# -- bombs -------------------------------------------------------------------------------------------------------------------


def measured(path: Path, *options: str) -> tuple[Result, int]:
    """What validate says of a file, in a process of its own, and the memory that it took at most (KB)."""
    code = (
        f"import sys\nfrom fhirconv.cli import main\ntry: main(['validate', *sys.argv[1:]])\nfinally: {TELL_PEAK}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), *options],
        capture_output=True,
        text=True,
        timeout=240,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, 60)),
    )
    *_, peak = done.stderr.split()
    return done, int(peak)  # type: ignore[return-value]


BOMBS = {
    "a line of 1 GB": ("a.ndjson.gz", lambda: ENDLESS * 1024, ["too-large", "too-large"]),
    "the same as one record": ("a.json.gz", lambda: ENDLESS * 1024, ["too-large"]),
    "200 GB of one line": ("a.ndjson.zst", lambda: compressed(b"x" * (1 << 26), "zst") * 3200, ["too-large", "too-large"]),
    "200 GB of no name": ("a", lambda: compressed(b"x" * (1 << 26), "zst") * 3200, ["too-large"]),
    "a million blank lines": ("a.ndjson.gz", lambda: compressed(b"{}\n" + b"\n" * 10**6, "gz"), ["too-large"]),
}


@pytest.mark.parametrize(("name", "make", "rules"), BOMBS.values(), ids=BOMBS)
def test_i75_a_bomb(name: str, make: Any, rules: list[str], tmp_path: Path) -> None:
    """A clear end, in little memory and at most a minute of the processor, however much it would be."""
    (tmp_path / name).write_bytes(make())
    assert (tmp_path / name).stat().st_size < 10_000_000
    done, peak = measured(tmp_path / name)
    assert done.returncode == 1
    fatal = [line for line in done.stdout.splitlines() if "[too-large]" in line]
    assert len(fatal) == len(rules), done.stdout[-2000:]
    assert "raise the limit" in fatal[-1]
    assert peak < 300_000


def test_a_window_of_two_gigabytes(tmp_path: Path) -> None:
    """A frame may ask for as much memory as it likes, and does not get it."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 30})
    (tmp_path / "a.ndjson.zst").write_bytes(packer.compress(LINES) + packer.flush())
    done, peak = measured(tmp_path / "a.ndjson.zst")
    assert "asks for more than 128 MB" in done.stdout
    assert peak < 300_000


def test_honest_files_are_no_bombs() -> None:
    """Cases that differ in nothing but their ids are hundreds of times smaller as zstd; real ones 20 to 100 times."""
    labs = ",".join(f'{{"analyte":"crp","value":{number}.5,"unit":"mg/L","at":"2020-01-{number:02}"}}' for number in range(1, 29))
    case = '{"case":{"id":"c%07d"},"patient":{"sex":"female","id":"p%07d"},"labs":[' + labs + "]}\n"
    data = "".join(case % (number * 7919, number * 104729) for number in range(12_000)).encode()
    assert len(data) > LIMITS.bytes
    for kind, least in (("gz", 10), ("zst", 100)):
        packed = compressed(data, kind)
        assert len(data) > least * len(packed)
        assert opened(io.BytesIO(packed), "-").read() == data


def test_limits_can_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(compressed(b'{"resourceType":"Basic","id":"%s"}\n' % (b"x" * 3_000_000) + LINES, "gz"))
    low = LIMITS._replace(bytes=1000)
    assert told(list(read_records(path, low)))[0] == ("too-large", 1)
    assert len(values(list(read_records(path, low)))) == 40
    (_, last) = told(list(read_records(path, low._replace(skip=1_000_000))))
    assert last == ("too-large", 2)
    ratio = [document for document in read_records(path, low._replace(ratio=2)) if document.issues][-1]
    assert "2 times its size" in ratio.issues[0].message
    path.write_bytes(compressed(LINES + b"\n" * 5 + LINES, "gz"))
    assert told(list(read_records(path, LIMITS._replace(blank=4))))[-1] == ("too-large", 45)
    assert "'blank'" in run("validate", str(path), "--limit", "blank=4").stdout
    assert run("validate", str(path), "--limit", "blank=5", "-q").stdout.count("blank-line") == 5


# -- push --------------------------------------------------------------------------------------------------------------------


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    """P37: a push of x.ndjson goes on with x.ndjson.gz: the records and their positions are the same."""
    (tmp_path / "a.ndjson").write_bytes(LINES)
    for kind in KINDS:
        (tmp_path / f"a.ndjson.{kind}").write_bytes(compressed(LINES[:100], kind) + compressed(LINES[100:], kind))
        assert input_digest([tmp_path / f"a.ndjson.{kind}"]) == input_digest([tmp_path / "a.ndjson"])


@pytest.mark.parametrize("command", ["push", "plan"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_not_pushed(kind: str, command: str, tmp_path: Path) -> None:
    """Its checksum fails after its records: wrong values would be on the server by then."""
    path = tmp_path / f"a.ndjson.{kind}"
    path.write_bytes(compressed(LINES, kind)[:-1])
    done = run(command, str(path), "--server", "http://127.0.0.1:9/fhir")
    assert done.exit_code == 1
    assert f"{path}: ends in the middle of its" in done.stderr
    assert "nothing was sent" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    with pytest.raises(PackedError, match="in the middle"):
        input_digest([path])


# -- streams of the caller, and what is not imported ------------------------------------------------------------------------


def test_a_stream_of_the_caller_stays_open(tmp_path: Path) -> None:
    for data in (LINES, compressed(LINES, "gz"), compressed(LINES, "zst")):
        stream = io.BytesIO(data)
        with opened(stream, "-") as inner:
            assert inner.readline() in LINES
        assert not stream.closed
    (tmp_path / "a").write_bytes(LINES)
    with open_input(tmp_path / "a") as inner:
        assert inner.read() == LINES


def test_plain_cases_need_no_zstd(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(JSON_CASE)
    code = (
        "import sys; from fhirconv.cli import main; main(['convert', sys.argv[1]], standalone_mode=False); "
        "print([name for name in sys.modules if 'zstd' in name or name == 'gzip'], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c.json")], capture_output=True, text=True, timeout=120)
    assert done.stderr.endswith("[]\n"), done.stderr


@pytest.mark.parametrize("kind", ["", "gz", "zst"])
def test_a_line_of_a_slow_pipe_is_given_when_it_has_come(kind: str) -> None:
    """Also where whoever reads before us has it in a buffer already, as standard input has."""
    out, into = os.pipe()
    os.write(into, compressed(b'{"resourceType": "Patient"}\n' * 2, kind))
    with ThreadPoolExecutor(1) as pool, os.fdopen(out, "rb") as stream, os.fdopen(into, "wb") as pipe:
        assert stream.peek(1)
        records = read_stream(stream, "-")
        try:
            for _ in range(2):
                assert pool.submit(next, records).result(timeout=60).data == {"resourceType": "Patient"}
        finally:
            pipe.close()
