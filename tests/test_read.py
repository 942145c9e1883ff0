"""read and --as as commands: what is told of tables, what is written of their cases, and that both ways give the same."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv import MappingError, convert_many
from fhirconv.many.rejects import rows_of, spans
from fhirconv.readers import reader_names

EXAMPLE = FIXTURES / "readers" / "example"
AS = ("--as", "example", "--mappings", "site")
WAIT_S = 120


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example's tables in `in`, its reader in `site`."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLE / "tables", "in")
    shutil.copytree(EXAMPLE, "site", ignore=shutil.ignore_patterns("tables"))
    return tmp_path


def call(*words: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """The command in a process of its own: exit code, output, what was said."""
    command = [sys.executable, "-m", "fhirconv", *words]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=WAIT_S, check=False)
    said = done.stderr.decode()
    assert "Traceback" not in said
    return done.returncode, done.stdout, said


def mend() -> None:
    """The table without its mistake."""
    labs = Path("in/labs.csv")
    labs.write_text(labs.read_text("utf-8").replace("13,x", "13,0"), encoding="utf-8")


def lines(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(name).read_bytes().splitlines()]


def names() -> set[str]:
    """What is there besides the input."""
    return {path.name for path in Path().iterdir()} - {"in", "site"}


def test_rows_become_cases_and_what_is_wrong_has_its_place() -> None:
    code, out, said = call("read", "in", *AS, "-o", "cases.ndjson")
    assert (code, out) == (1, b"")
    cases = lines("cases.ndjson")
    assert [one["case"] for one in cases] == [{"id": "1001"}, {"id": "1002"}]
    assert cases[0]["medications"] == [
        {"drug": "letrozole", "status": "active", "start": "20.11.2019"}
        | {"origin": {"file": "drugs.tsv", "row": 2, "columns": ["drug", "start", "state"]}}
    ]
    assert said.startswith("in/labs.csv:6:3: error: '13,x' is more than a number")
    (rejected,) = lines("cases.rejects.ndjson")
    assert (rejected["file"], rejected["line"], rejected["case"]) == ("in/patients.csv", 4, "1003")
    assert rejected["rows"] == {"patients.csv": "4", "labs.csv": "6"}
    (issue,) = rejected["issues"]  # type: ignore[misc, attr-defined]
    assert (issue["file"], issue["line"], issue["column"]) == ("in/labs.csv", 6, 3)
    assert names() == {"cases.ndjson", "cases.rejects.ndjson"}


def test_each_fact_says_where_it_was_read() -> None:
    mend()
    assert call("read", "in", *AS, "-o", "cases.ndjson")[0] == 0
    for case in lines("cases.ndjson"):
        for section in ("conditions", "labs", "medications"):
            for fact in case.get(section, []):  # type: ignore[attr-defined]
                origin = fact["origin"]
                row = Path("in", origin["file"]).read_text("utf-8").splitlines()[origin["row"] - 1]
                assert row.startswith(case["case"]["id"])  # type: ignore[index]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_to_read_and_convert_is_to_convert(workers: str) -> None:
    """The same bytes, by any number of workers, packed or not, of rows that are right and of those that are not."""
    assert call("convert", "in", *AS, "-o", "at-once.ndjson", "--workers", workers)[0] == 1
    assert call("read", "in", *AS, "-o", "cases.ndjson.gz", "--workers", workers)[0] == 1
    assert call("convert", "cases.ndjson.gz", "-o", "after.ndjson", "--mappings", "site")[0] == 0
    assert Path("after.ndjson").read_bytes() == Path("at-once.ndjson").read_bytes() != b""
    assert gzip.decompress(Path("cases.ndjson.gz").read_bytes()).count(b"\n") == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_the_library_converts_the_same(workers: int) -> None:
    _, bundles, _ = call("convert", "in", *AS, "-q")
    for sources in ("in", [Path("in/labs.csv"), "in/patients.csv", "in/drugs.tsv"]):
        made = list(convert_many(sources, reader="example", mappings="site", workers=workers))
        assert b"".join(one.json() + b"\n" for one in made if one.ok) == bundles
        assert [str(issue.place) for one in made for issue in one.issues if issue.is_error] == ["in/labs.csv:6:3"]
    with pytest.raises(MappingError, match="no reader 'exampel'"):
        convert_many("in", reader="exampel")
    with pytest.raises(TypeError, match="found dict"):
        convert_many([{}], reader="example", mappings="site")


def test_a_file_for_each_case() -> None:
    code, _, said = call("read", "in", *AS, "-o", "cases")
    assert code == 1
    assert sorted(path.name for path in Path("cases").iterdir()) == ["1001.json", "1002.json"]
    assert "in/patients.csv:4: 4 facts: 4 rejected\n  1 error (see above); nothing was written" in said
    assert "in/patients.csv:2: 7 facts: 7 converted\n  facts: cases/1001.json\n" in said
    assert call("convert", "in", *AS, "-o", "bundles/")[0] == 1
    assert call("convert", "cases/1001.json", "-o", "one.json")[0] == 0
    assert Path("one.json").read_bytes() == Path("bundles/1001.json").read_bytes()
    code, _, said = call("convert", "in", *AS, "-o", "single.json")
    assert code == 2
    assert "several cases need a folder" in said


def test_standard_output_has_lines_and_nothing_else() -> None:
    mend()
    code, out, said = call("read", "in/patients.csv", "in/labs.csv", "in/drugs.tsv", *AS)
    assert code == 0
    assert [json.loads(line)["case"]["id"] for line in out.splitlines()] == ["1001", "1002", "1003"]
    assert "3 records: 3 read, 0 rejected" in said
    code, bundles, _ = call("convert", "in", *AS, "-q")
    assert call("convert", "-", stdin=out)[1] == bundles


def test_the_report_adds_up_and_says_what_was_left() -> None:
    _, _, said = call("read", "in", *AS, "-o", "cases.ndjson", "--report", "report.json")
    report = json.loads(Path("report.json").read_bytes())
    records, tables = report["records"], report["read"]["tables"]
    assert records["all"] == records["done"] + records["rejected"] == report["read"]["cases"] == 3
    for name, table in tables.items():
        rows = Path("in", f"{name}.tsv" if name == "drugs" else f"{name}.csv").read_bytes().count(b"\n") - 1
        assert rows == table["rows"] == table["made_facts"] + table["made_none"] + table["without_case"]
    written = sum(
        len(case.get(section, []))  # type: ignore[arg-type]
        for case in lines("cases.ndjson")
        for section in report["read"]["facts"]
    )
    assert sum(report["read"]["facts"].values()) == written + 2  # a condition and a result of the case that is rejected
    assert report["rejected_rows"] == {"labs.csv": 1, "patients.csv": 1}
    assert report["kept_as_text"] == [{"table": "drugs", "words": "healing tea", "count": 1}]
    assert [one["count"] for one in report["read"]["left"]["column-unread"]] == [3, 2, 2]
    assert "rows of rejected cases: 1 in labs.csv, 1 in patients.csv\n" in said
    assert "  labs: 5 rows, 4 made facts, 1 made none\n" in said
    assert "  drugs: 'healing tea' (1x)\n" in said
    assert "report: report.json\n" in said


def test_a_file_that_cannot_be_read_as_a_whole_makes_no_output() -> None:
    """Each case would lack something: what was there before stays, and each file that is wrong is told."""
    Path("cases.ndjson").write_bytes(b"of yesterday\n")
    Path("in/labs.csv").write_text("pat_no;hb_g_dl\n1001;11,4\n", encoding="utf-8")
    Path("in/drugs.tsv").write_text("pat_no\tdrugs\n1001\tletrozole\n", encoding="utf-8")
    code, _, said = call("read", "in", *AS, "-o", "cases.ndjson")
    assert code == 2
    assert "in/labs.csv:1:1: fatal: has no column 'date'" in said
    assert "in/drugs.tsv:1:1: fatal: has no column 'drug', " in said
    assert Path("cases.ndjson").read_bytes() == b"of yesterday\n"
    assert names() == {"cases.ndjson"}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (b"1001;12.01.2019;11,4\n", "in/labs.csv:7:1: fatal: has 3 cells, the header 5 columns"),
        (b'1001;12.01.2019;"11,4;;\n', "in/labs.csv:7:1: fatal: opens a quote that never closes"),
        (b"1001;12.01.2019;11,4;\0;\n", "in/labs.csv:7:1: fatal: holds a NUL character"),
    ],
)
@pytest.mark.parametrize(
    "words", [("read", "-o", "out.ndjson"), ("convert", "-o", "out.ndjson"), ("read", "-o", "out")]
)
def test_a_row_that_cannot_be_read_makes_no_output(words: tuple[str, ...], row: bytes, told: str) -> None:
    """Rows are lost from there on: that is a file that cannot be read as a whole, not a case that is rejected."""
    Path("out.ndjson").write_bytes(b"of yesterday\n")
    with Path("in/labs.csv").open("ab") as table:
        table.write(row)
    code, out, said = call(words[0], "in", *AS, *words[1:])
    assert (code, out) == (2, b"")
    assert told in said
    assert "rejected" not in said
    assert (Path("out.ndjson").read_bytes(), names()) == (b"of yesterday\n", {"out.ndjson"})


def test_a_push_and_a_plan_of_half_a_table_ask_no_server() -> None:
    with Path("in/labs.csv").open("ab") as table:
        table.write(b"1001;12.01.2019\n")
    nowhere = ("--server", "http://127.0.0.1:1/fhir", "--give-up-after", "1")  # who asks it ends with another code
    for words in (("push", "--no-journal"), ("plan", "-o", "plan.json")):
        code, _, said = call(*words, "in", *AS, *nowhere)
        assert code == 2
        assert "in/labs.csv:7:1: fatal: has 2 cells" in said
        assert names() == set()


def test_a_folder_gives_what_is_for_the_reader_and_a_name_has_to_be() -> None:
    Path("in/notes.txt").write_text("nothing", encoding="utf-8")
    Path("in/.labs.csv").write_text("hidden", encoding="utf-8")
    Path("in/older").mkdir()
    mend()
    _, _, said = call("read", "in", *AS, "-o", "cases.ndjson")
    assert (
        "notes.txt has no name of a file for reader 'example'; rename it if it is one, first at in/notes.txt\n" in said
    )
    assert "older is a folder in a folder, which is not searched; name it to have it read, first at in/older\n" in said
    assert ".labs.csv" not in said
    assert call("read", "in", *AS, "-q", "-o", "cases.ndjson")[::2] == (0, "")
    code, _, said = call("read", "in", "in/notes.txt", *AS, "-o", "cases2.ndjson")
    assert code == 2
    assert "in/notes.txt: fatal: is no table of reader 'example', which reads files named: 'patients*.csv'" in said


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["read", "in"], 2, "--as"),
        (["read", "--guess", "in/labs.csv", "in/drugs.tsv"], 2, "for one table"),
        (["read", "in", *AS, "--header", "3"], 2, "--sheet and --header are for --guess"),
        (["read", "--guess", "in/labs.csv", "--header", "40"], 1, "in/labs.csv: fatal: ends before line"),
        (["read", "--guess", "in/none.csv"], 1, "in/none.csv: fatal: cannot be read: No such file"),
        (
            ["read", "in", "--as", "exampel", "--mappings", "site"],
            2,
            "there is no reader 'exampel'; did you mean 'example'?",
        ),
        (["read", "none", *AS], 2, "none"),
        (["read", "in", *AS, "-o", "in/labs.csv"], 2, "the output file is the input file"),
        (
            ["read", "in", *AS, "-o", "out.ndjson", "--rejects", "r.json", "--report", "r.json"],
            2,
            "--report is --rejects itself",
        ),
        (["read", "in", *AS, "-o", "out.ndjson", "--report", "in/labs.csv"], 2, "expected md, json, html, sarif"),
        (["read", "in", *AS, "-o", "out/", "--workers", "2"], 2, "name the output OUT.ndjson"),
        (["read", "-", *AS], 2, "is no table of reader 'example'"),
        (["readers", "--mappings", "in"], 0, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(words: list[str], code: int, told: str) -> None:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    done = call(*words)
    assert done[0] == code
    assert told in done[2]
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_a_mistake_in_the_reader_is_told_with_its_key() -> None:
    reader = Path("site/readers/example.toml")
    reader.write_text(reader.read_text("utf-8").replace('date = "born"', 'dat = "born"'), encoding="utf-8")
    code, out, said = call("convert", "in", *AS, "-o", "out.ndjson")
    assert (code, out, names()) == (3, b"", set())
    assert "example.toml" in said
    assert "facts[1] (patient).birth_date" in said


def test_readers_are_listed() -> None:
    code, out, _ = call("readers", "--mappings", "site")
    assert code == 0
    assert "example              The example of README and docs/reading.md: three tables of a clinic\n" in out.decode()


def test_a_draft_is_not_used_before_somebody_has_looked() -> None:
    draft = Path("site/readers/drafted.toml")
    assert call("read", "--guess", "in/patients.csv", "-o", str(draft)) == (0, b"", "")
    assert call("read", "--guess", "in/patients.csv")[1] == draft.read_bytes()
    accepted = draft.read_text("utf-8").replace("draft = true", "", 1)
    code, _, said = call("read", "in/patients.csv", "--as", "drafted", "--mappings", "site")
    assert (code, "drafted.toml: error: draft: " in said) == (3, True)
    code, _, said = call("read", "--guess", "in/labs.csv", "-o", str(draft))
    assert (code, "is there already and stays as it is" in said) == (2, True)
    draft.write_text(accepted, encoding="utf-8")
    code, out, _ = call("read", "in/patients.csv", "--as", "drafted", "--mappings", "site")
    assert (code, json.loads(out.splitlines()[0])["patient"]["sex"]) == (0, "female")


@pytest.mark.parametrize("name", [name for name, _ in reader_names()])
def test_each_reader_tells_of_a_folder_without_anything_for_it(name: str) -> None:
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("nothing", encoding="utf-8")
    for source in ("empty", "none"):
        code, out, said = call("read", source, "--as", name)
        assert (code, out) == (2, b"")
        assert said.startswith(f"{source}: fatal: ")


def test_packets_of_a_pipe_and_of_a_folder() -> None:
    """What looks into files, and not at names, reads standard input, too."""
    packet = b'{"id": "p1", "subject": {"id": "s1", "sex": "FEMALE"}, "metaData": {"created": "2020-01-02T03:04:05Z"}}'
    Path("packets").mkdir()
    Path("packets/one.json").write_bytes(packet)
    for words in (["-"], ["packets"]):
        code, out, said = call("read", *words, "--as", "phenopacket", "-v", stdin=packet)
        assert (code, json.loads(out)["patient"]["sex"]) == (0, "female"), said


def test_validate_reads_tables_too() -> None:
    code, out, said = call("validate", "in", *AS)
    assert code == 1
    assert out.decode().startswith("in/labs.csv:6:3: error: '13,x' is more than a number")
    assert "3 files: 3 records, 1 error, no warnings" in said
    mend()
    assert call("validate", "in", *AS, "-q") == (0, b"", "")


def many_patients(number: int) -> None:
    """Tables of so many patients, each with two results."""
    people = "".join(f"p{at};F;12.03.1958;breast cancer;L;04.11.2019;alive;\n" for at in range(number))
    labs = "".join(f"p{at % number};{at // number + 1:02}.11.2019;11,4;;\n" for at in range(2 * number))
    for name, rows in (("patients", people), ("labs", labs)):
        table = Path("in", f"{name}.csv")
        table.write_text(table.read_text("utf-8").splitlines()[0] + "\n" + rows, encoding="utf-8")
    Path("in/drugs.tsv").unlink()


def test_a_signal_and_a_reader_who_goes() -> None:
    """A pipe that nobody reads holds the run where it is: then Ctrl-C, then `head`."""
    many_patients(1500)
    command = [sys.executable, "-m", "fhirconv", "read", "in", *AS]
    with subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=WAIT_S)
        assert process.returncode == 130
    assert b"stopped by SIGINT" in said
    assert b"Traceback" not in said
    whole = (first + rest).splitlines()
    assert [json.loads(line)["case"]["id"] for line in whole[:-1]] == [f"p{at}" for at in range(len(whole) - 1)]
    assert len(whole) < 1500
    with subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == first
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(WAIT_S) == 0


def test_a_signal_while_rows_are_gathered() -> None:
    """There is no case yet: nothing was begun, and what was there stays."""
    Path("cases.ndjson").write_bytes(b"of yesterday\n")
    Path("in/labs.csv").unlink()
    os.mkfifo("in/labs.csv")
    command = [sys.executable, "-m", "fhirconv", "read", "in/patients.csv", "in/labs.csv", *AS, "-o", "cases.ndjson"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        with Path("in/labs.csv").open("wb"):  # it is being read now
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=WAIT_S)
        assert process.returncode == 130
    assert said == b"stopped by SIGINT\n"
    assert (Path("cases.ndjson").read_bytes(), names()) == (b"of yesterday\n", {"cases.ndjson"})


def test_stop_at_the_first_that_is_rejected() -> None:
    many_patients(150)
    labs = Path("in/labs.csv")
    labs.write_text(
        labs.read_text("utf-8").replace("p70;01.11.2019;11,4", "p70;01.11.2019;eleven", 1), encoding="utf-8"
    )
    for workers in ("1", "2"):
        code, _, said = call("read", "in", *AS, "-o", "cases.ndjson", "--on-error", "stop", "--workers", workers)
        assert code == 1
        assert "in/labs.csv:72:3: error: " in said
        assert "cases.ndjson.partial has 70 cases and is not complete" in said
        assert names() == {"cases.ndjson.partial", "cases.rejects.ndjson.partial"}


def test_commands_import_nothing_heavy() -> None:
    program = (
        "import sys; from fhirconv.cli import main; main(['readers', '--mappings', 'site'], standalone_mode=False)"
    )
    heavy = "{'sqlite3', 'requests', 'zstandard', 'pyspark', 'polars', 'pyarrow', 'openpyxl', 'multiprocessing'}"
    checked = f"{program}; print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", checked], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("[]\n")


@settings(deadline=None)
@given(st.sets(st.integers(1, 60)))
def test_spans_say_each_number_once(numbers: set[int]) -> None:
    told = spans(sorted(numbers))
    found = [one.split("-") for one in told.split(", ") if one]
    assert [at for first, *last in found for at in range(int(first), int((last or [first])[0]) + 1)] == sorted(numbers)
    assert told.count(",") == max(sum(at - 1 not in numbers for at in numbers) - 1, 0)


KEYS = st.sampled_from(["origin", "file", "row", "sheet", "labs"])
LEAVES = st.none() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda one: st.lists(one) | st.dictionaries(KEYS, one)))
def test_rows_are_found_in_whatever_is_wrong(data: object) -> None:
    """A case that is rejected may hold anything."""
    assert all(isinstance(row, int) for rows in rows_of(data).values() for row in rows)


def test_rows_of_sheets_and_of_several_places() -> None:
    rows = [{"file": "a.xlsx", "sheet": "L", "row": 7}, {"file": "a.xlsx", "sheet": "L", "row": 3}]
    data = {"patient": {"origin": {"file": "p.csv", "row": 2}}, "labs": [{"origin": rows}, {"origin": rows[0]}, {}]}
    assert rows_of(data) == {"p.csv": [2], "a.xlsx[L]": [3, 7]}
