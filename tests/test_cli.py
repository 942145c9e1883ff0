"""The command: what each part prints and writes, and the exit code of everything that can go wrong."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import run

import fhirconv
from fhirconv import convert
from fhirconv.cli import Exit
from fhirconv.data_files import data_dir

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "fixtures" / "cases" / "takanashi-2019.yaml"
BAD = "case: {id: bad}\npatient: {sx: female}\n"
CASE = """\
case: {id: small}
patient: {sex: female}
events:
  - id: letrozole-start
    of: letrozole
labs:
  - id: hb
    analyte: Hb
    value: 9.80
    unit: g/dL
    evidence: Hb was 9.80 g/dL
medications:
  - {id: letrozole, drug: letrozole, status: active, start: {at: letrozole-start}}
"""


def text_of(case_id: str) -> str:
    return f"case: {{id: '{case_id}'}}\npatient: {{sex: female}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test stands in a folder of its own with a good case and a bad one."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"small.yaml": CASE, "one.yaml": text_of("one"), "two.yaml": text_of("two")}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    return tmp_path


def files(folder: Path) -> set[str]:
    """Every file below a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


INPUTS = {"small.yaml", "one.yaml", "two.yaml", "bad.yaml"}


# -- convert -------------------------------------------------------------------------------------------------------------


def test_convert_to_standard_output() -> None:
    done = run("convert", "small.yaml")
    assert done.exit_code == Exit.DONE == 0
    assert done.stdout_bytes == convert("small.yaml").json(indent=True)
    assert "small.yaml: 5 facts: 4 converted, 1 merged" in done.stderr


@pytest.mark.parametrize("form", ["transaction", "batch", "collection"])
def test_convert_to_a_file(form: str) -> None:
    assert run("convert", "small.yaml", "-o", "out.json", "--bundle", form).exit_code == 0
    assert Path("out.json").read_bytes() == convert("small.yaml", bundle=form).json(indent=True)


def test_convert_into_a_folder(folder: Path) -> None:
    (folder / "out").mkdir()
    assert run("convert", "one.yaml", "-o", "out").exit_code == 0
    assert files(folder / "out") == {"one.json"}


def test_convert_into_a_folder_that_is_not_there_yet(folder: Path) -> None:
    """A name that ends in '/' is that of a folder, as for cp and rsync."""
    assert run("convert", "one.yaml", "-o", "out/").exit_code == 0
    assert files(folder) == INPUTS | {"out/one.json"}


def test_convert_several_cases_makes_the_folder(folder: Path) -> None:
    assert run("convert", "one.yaml", "two.yaml", "small.yaml", "-o", "deep/out").exit_code == 0
    assert files(folder / "deep/out") == {"one.json", "two.json", "small.json"}


def test_convert_standard_input() -> None:
    done = run("convert", "-", stdin=CASE.encode())
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(convert("small.yaml").json())
    assert json.loads(run("convert", "-", stdin=b'{"case": {"id": "a"}, "patient": {}}').stdout)["entry"]


def test_convert_standard_input_into_a_folder(folder: Path) -> None:
    (folder / "out").mkdir()
    assert run("convert", "-", "one.yaml", "-o", "out", stdin=text_of("two").encode()).exit_code == 0
    assert files(folder / "out") == {"one.json", "two.json"}


@pytest.mark.parametrize("stdin", [b"", b"\xff\xfe", BAD.encode()])
def test_convert_bad_standard_input(stdin: bytes, folder: Path) -> None:
    done = run("convert", "-", "-o", "out.json", stdin=stdin)
    assert done.exit_code == Exit.FINDINGS == 1
    assert done.stderr.startswith("-:")
    assert files(folder) == INPUTS


def test_quiet_and_verbose() -> None:
    assert run("convert", "small.yaml", "-q", "-o", "out.json").output == ""
    assert "bad.yaml:2:15: error" in run("convert", "bad.yaml", "-q").stderr
    said = run("convert", "small.yaml", "-v", "-o", "out.json").stderr
    assert "small.yaml:4:5: events/letrozole-start: merged" in said


def test_one_bad_case_among_three(folder: Path) -> None:
    done = run("convert", "one.yaml", "bad.yaml", "two.yaml", "-o", "out")
    assert done.exit_code == 1
    assert files(folder / "out") == {"one.json", "two.json"}
    assert files(folder) == INPUTS | {"out/one.json", "out/two.json"}
    assert "bad.yaml:2:15: error: unknown key 'sx'; did you mean 'sex'? [unknown-key]" in done.stderr
    assert "nothing was written" in done.stderr


def test_a_bad_case_leaves_the_old_file(folder: Path) -> None:
    (folder / "out.json").write_text("as it was", encoding="utf-8")
    assert run("convert", "bad.yaml", "-o", "out.json").exit_code == 1
    assert (folder / "out.json").read_text(encoding="utf-8") == "as it was"


def test_two_cases_with_one_id(folder: Path) -> None:
    (folder / "again.yaml").write_text(text_of("one"), encoding="utf-8")
    done = run("convert", "one.yaml", "again.yaml", "two.yaml", "-o", "out")
    assert done.exit_code == 1
    assert files(folder / "out") == {"one.json", "two.json"}
    assert re.search(r"again\.yaml: error: .*case id.*one\.yaml", done.stderr)


def test_two_spellings_of_one_id(folder: Path) -> None:
    """A case id is composed (NFC): the second case would overwrite the first on every server."""
    for name, spelling in (("nfc.yaml", "\u00e9"), ("nfd.yaml", "e\u0301")):
        (folder / name).write_text(text_of(spelling), encoding="utf-8")
    assert run("convert", "nfc.yaml", "nfd.yaml", "-o", "out").exit_code == 1
    assert len(files(folder / "out")) == 1


def test_case_ids_that_make_one_file_name_elsewhere(folder: Path) -> None:
    """'A' and 'a' are two cases, and one file on file systems that fold letters."""
    for name in ("A", "a"):
        (folder / f"case{ord(name)}.yaml").write_text(text_of(name), encoding="utf-8")
    assert run("convert", "case65.yaml", "case97.yaml", "-o", "out").exit_code == 0
    assert len({name.casefold() for name in files(folder / "out")}) == 2


@pytest.mark.parametrize("output", ["one.yaml", "./one.yaml", "sub/../one.yaml", "link.yaml", "hard.yaml"])
def test_output_is_input(output: str, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "link.yaml").symlink_to("one.yaml")
    os.link("one.yaml", "hard.yaml")
    assert run("convert", "one.yaml", "-o", output).exit_code == Exit.USAGE == 2
    assert (folder / "one.yaml").read_text(encoding="utf-8") == text_of("one")


def test_output_folder_holds_the_input(folder: Path) -> None:
    """The Bundle of case 'one' goes to one.json: not when that is the case itself."""
    case = '{"case": {"id": "one"}, "patient": {}}'
    (folder / "one.json").write_text(case, encoding="utf-8")
    done = run("convert", "one.json", "-o", ".")
    assert (folder / "one.json").read_text(encoding="utf-8") == case
    assert done.exit_code in (1, 2)


def test_output_is_the_input_of_a_later_case(folder: Path) -> None:
    """Nor when it is another of the cases given."""
    (folder / "one.json").write_text('{"case": {"id": "other"}, "patient": {}}', encoding="utf-8")
    done = run("convert", "one.yaml", "one.json", "-o", ".")
    assert json.loads((folder / "one.json").read_text(encoding="utf-8"))["case"] == {"id": "other"}
    assert done.exit_code in (1, 2)


@pytest.mark.parametrize("output", ["/proc/none/out.json", "one.yaml/out.json", f"{'x' * 300}.json"])
def test_output_that_cannot_be_written(output: str, folder: Path) -> None:
    done = run("convert", "two.yaml", "-o", output)
    assert done.exit_code in (1, 2)
    assert output[:20] in done.stderr
    assert re.search("cannot be written|not be written|write", done.stderr)
    assert files(folder) == INPUTS


def test_one_output_that_cannot_be_written_among_three(folder: Path) -> None:
    """The others are written all the same."""
    (folder / "out" / "two.json").mkdir(parents=True)
    done = run("convert", "one.yaml", "two.yaml", "small.yaml", "-o", "out")
    assert done.exit_code in (1, 2)
    assert files(folder / "out") == {"one.json", "small.json"}


def test_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves the old file and no temporary one."""
    (folder / "out.json").write_text("as it was", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = run("convert", "one.yaml", "-o", "out.json")
    assert done.exit_code in (1, 2)
    assert "No space left" in done.stderr
    assert (folder / "out.json").read_text(encoding="utf-8") == "as it was"
    assert files(folder) == INPUTS | {"out.json"}


def test_a_new_file_has_the_usual_mode(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        assert run("convert", "one.yaml", "-o", "out.json").exit_code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "out.json").stat().st_mode) == 0o640


def test_the_input_may_be_a_pipe() -> None:
    """As in fhirconv convert <(...)."""
    read, write = os.pipe()
    os.write(write, CASE.encode())
    os.close(write)
    assert run("convert", f"/dev/fd/{read}").exit_code == 0
    os.close(read)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["convert", "none.yaml"], 1, "none.yaml: fatal: cannot be read"),
        (["convert", "."], 1, "is a directory"),
        (["convert"], 2, "CASE"),
        (["convert", "one.yaml", "two.yaml"], 2, "-o DIR"),
        (["convert", "one.yaml", "two.yaml", "-o", "-"], 2, "-o DIR"),
        (["convert", "one.yaml", "two.yaml", "-o", "bad.yaml"], 2, "-o DIR"),
        (["convert", "one.yaml", "--profile", "none"], 2, "r4, mcode"),
        (["convert", "one.yaml", "--bundle", "none"], 2, "transaction"),
        (["convert", "one.yaml", "--mappings", "none"], 2, "none"),
        (["convert", "one.yaml", "--mappings", "one.yaml"], 2, "one.yaml"),
        (["convert", "one.yaml", "--source", "none.txt"], 2, "none.txt"),
        (["convert", "one.yaml", "--none"], 2, "--none"),
        (["none"], 2, "none"),
        (["explain"], 2, "CASE"),
        (["explain", "none.yaml"], 1, "none.yaml: fatal: cannot be read"),
        (["explain", "bad.yaml"], 1, "did you mean 'sex'?"),
        (["explain", "small.yaml", "none"], 2, "'none'"),
        (["explain", "small.yaml", "--profile", "none"], 2, "r4, mcode"),
        (["mappings", "check", "none"], 2, "none"),
        (["mappings", "list", "--mappings", "none"], 2, "none"),
        (["mappings", "show", "none"], 2, "'none'"),
        (["mappings", "show"], 2, "NAME"),
        (["schema", "more"], 2, "more"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes(arguments: list[str], code: int, told: str, folder: Path) -> None:
    done = run(*arguments)
    assert done.exit_code == code
    assert told in done.stderr
    assert done.stdout == ""
    assert files(folder) == INPUTS


def test_quotes_against_a_source(folder: Path) -> None:
    (folder / "right.txt").write_text("On admission Hb was\n9.80 g/dL.", encoding="utf-8")
    (folder / "wrong.txt").write_text("Nothing of the kind.", encoding="utf-8")
    assert run("convert", "small.yaml", "--source", "right.txt").exit_code == 0
    done = run("convert", "small.yaml", "--source", "wrong.txt")
    assert done.exit_code == 1
    assert "small.yaml:11:15: error" in done.stderr
    assert "[quote-not-found]" in done.stderr


# -- explain -------------------------------------------------------------------------------------------------------------


def hb_id() -> str:
    (made,) = (e["resource"] for e in convert("small.yaml").bundle["entry"] if "valueQuantity" in e["resource"])  # type: ignore[index]
    return str(made["id"])


def test_explain_lists_what_became_of_each_fact() -> None:
    done = run("explain", "small.yaml")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[-1] == "5 facts = 4 converted + 0 kept as text + 1 merged + 0 rejected"
    assert f"small.yaml:7:5: labs/hb: converted -> Observation/{hb_id()}, Provenance/" in done.stdout
    assert "small.yaml:4:5: events/letrozole-start: merged -> MedicationStatement/" in done.stdout


@pytest.mark.parametrize("target", ["hb", "labs/hb", "labs", "7", "9", "Observation", "Observation.valueQuantity"])
def test_explain_leads_from_an_element_to_its_line(target: str) -> None:
    said = run("explain", "small.yaml", target).stdout
    assert f"Observation/{hb_id()}  from labs/hb (small.yaml:7:5)" in said
    assert 'source: "Hb was 9.80 g/dL"' in said
    assert "valueQuantity.value = 9.80\n      from value (line 9), unit (line 10) by lab elements.value[x]" in said


@pytest.mark.parametrize("length", [4, 8, 36])
def test_explain_by_the_beginning_of_an_id(length: int) -> None:
    said = run("explain", "small.yaml", hb_id()[:length]).stdout
    assert f"Observation/{hb_id()}  from labs/hb" in said
    assert run("explain", "small.yaml", f"Observation/{hb_id()}").stdout == said
    by_element = run("explain", "small.yaml", f"{hb_id()[:length]}.code").stdout
    assert "code.text = Hb" in by_element
    assert "valueQuantity" not in by_element


def test_explain_an_element_shows_no_other() -> None:
    said = run("explain", "small.yaml", "Observation.valueQuantity").stdout
    elements = re.findall(r"^  (\S+) = ", said, re.MULTILINE)
    assert elements
    assert all(element.startswith("valueQuantity.") for element in elements)


def test_explain_a_merged_fact() -> None:
    said = run("explain", "small.yaml", "letrozole-start").stdout
    assert "events/letrozole-start: merged into MedicationStatement/" in said
    assert "is a time of medications/letrozole" in said


def test_explain_as_json() -> None:
    found = json.loads(run("explain", "small.yaml", "hb", "--json").stdout, parse_float=str)
    (value,) = (one for one in found if one["element"] == "valueQuantity.value")
    assert value["value"] == "9.80"
    assert (value["fact"], value["file"], value["line"]) == ("labs/hb", "small.yaml", 7)
    assert value["fields"][0] == {"field": "value", "line": 9, "pointer": "/labs/0/value"}


def test_explain_knows_every_element() -> None:
    """Each leaf of the Bundle's resources has one trace, and none is left without a reason."""

    def leaves(value: object, path: str = "") -> set[str]:
        if isinstance(value, Mapping):
            return {one for key, item in value.items() for one in leaves(item, f"{path}.{key}" if path else key)}
        if isinstance(value, list):
            return {one for n, item in enumerate(value) for one in leaves(item, f"{path}[{n}]")}
        return {path}

    found = json.loads(run("explain", str(REPORT), "--json").stdout)
    traced = [(one["resource"], one["element"]) for one in found]
    entries = convert(REPORT).bundle["entry"]  # type: ignore[index]
    wanted = {(e["request"]["url"], leaf) for e in entries for leaf in leaves(e["resource"])}
    assert len(traced) == len(set(traced))
    assert set(traced) == wanted
    assert all(one["rule"] and one["line"] for one in found)


@pytest.mark.parametrize("target", ["0", "99999"])
def test_explain_a_line_that_is_not_there(target: str) -> None:
    assert run("explain", "small.yaml", target).exit_code == 2


# -- mappings and schema -------------------------------------------------------------------------------------------------


def site(**mappings: str) -> str:
    """A site's folder of mappings: 'concepts_labs' is concepts/labs.toml."""
    for name, text in mappings.items():
        path = Path("site", name.replace("_", "/", 1) + ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return "site"


MISTAKES = {
    "resources_one": 'resource = "Observation"\neach = "labs"\n[elements]\ncode = { concept = "labz", from = "analyte" }\n'
    'status = { fixed = "finall" }\nsubjekt = { reference = "@patient" }\nnote = { note = ["noted"] }\n',
    "resources_two": 'resource = "Observatio"\neach = "labs"\n[elements]\n',
    "resources_three": 'resource = "Observation"\neach = "labz"\n[elements]\n',
    "concepts_labs": '[mine]\ntext = "Mine"\ncodings = [{ system = "loinz", code = "1", verified = "x" }]\n',
    "profiles_mine": '[claim]\nmapping = "none"\nurl = "http://example.org/x"\n',
}
TOLD = [
    ("resources/one.toml", "elements.code", "'labs'"),
    ("resources/one.toml", "elements.status", "final,"),
    ("resources/one.toml", "elements.subjekt", "'subject'"),
    ("resources/one.toml", "elements.note", "'note'"),
    ("resources/two.toml", "Observatio", "not a resource type"),
    ("resources/three.toml", "labz", "'labs'"),
    ("concepts/labs.toml", "mine", "'loinc'"),
    ("profiles/mine.toml", "claim", "resources/none.toml"),
]


@pytest.mark.parametrize(("name", "key", "hint"), TOLD)
def test_every_mistake_of_a_mapping_is_told(name: str, key: str, hint: str) -> None:
    done = run("mappings", "check", site(**MISTAKES))
    assert done.exit_code == Exit.MAPPINGS == 3
    lines = [line for line in done.stderr.splitlines() if name in line]
    assert any(key in line and hint in line for line in lines), done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["convert", "one.yaml", "-o", "out.json"], ["explain", "one.yaml"], ["mappings", "show", "Hb"]],
    ids=lambda arguments: arguments[0],
)
def test_broken_mappings_stop_every_command(arguments: list[str], folder: Path) -> None:
    done = run(*arguments, "--mappings", site(resources_lab='resource = "Observation"\neach = "labs"\nx = 1\n'))
    assert done.exit_code == 3
    assert "site/resources/lab.toml: error: " in done.stderr
    assert "[mapping-key]" in done.stderr
    assert not (folder / "out.json").exists()


@pytest.mark.parametrize(
    ("text", "told"), [("x = [", "is not TOML"), ("\xff", "is not TOML"), ("a = 1\na = 2\n", "is not TOML")]
)
def test_files_that_are_no_toml(text: str, told: str) -> None:
    path = Path(site(concepts_labs=""), "concepts", "labs.toml")
    path.write_bytes(text.encode("latin-1"))
    done = run("mappings", "check", "site")
    assert done.exit_code == 3
    assert f"site/concepts/labs.toml: error: {told}" in done.stderr.replace(str(Path.cwd()) + "/", "")


def test_mappings_check() -> None:
    done = run("mappings", "check")
    assert done.exit_code == 0
    assert re.findall(r"^profile (\w+): \d+ mappings, .*: no mistakes$", done.stdout, re.MULTILINE) == ["r4", "mcode"]


def test_mappings_of_a_site() -> None:
    """A site's own word goes out with the site's code."""
    table = (
        '[mine]\ntext = "Mine"\nalso = ["my test"]\ncodings = [{ system = "loinc", code = "718-7", verified = "x" }]\n'
    )
    folder = site(concepts_labs=table)
    assert run("mappings", "check", folder).exit_code == 0
    assert "http://loinc.org 718-7" in run("mappings", "show", "my test", "--mappings", folder).stdout
    Path("mine.yaml").write_text(f"{text_of('mine')}labs: [{{analyte: My Test, value: 1, unit: g/dL}}]\n", "utf-8")
    made = json.loads(run("convert", "mine.yaml", "--mappings", folder).stdout)
    (lab,) = (e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == "Observation")
    assert lab["code"] == {"coding": [{"system": "http://loinc.org", "code": "718-7"}], "text": "My Test"}


def test_mappings_list() -> None:
    done = run("mappings", "list")
    assert done.exit_code == 0
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    folder = data_dir("mappings")
    assert listed == {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.toml")}
    assert re.search(r"^resources/lab +labs -> Observation", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", ["lab", "resources/lab", "lab.toml"])
def test_mappings_show_a_file(name: str) -> None:
    done = run("mappings", "show", name)
    assert done.exit_code == 0
    assert (data_dir("mappings") / "resources" / "lab.toml").read_text(encoding="utf-8") in done.stdout


@pytest.mark.parametrize("word", ["Hb", "hemoglobin", "HB"])
def test_mappings_show_a_word(word: str) -> None:
    done = run("mappings", "show", word)
    assert done.exit_code == 0
    assert re.search(r"concepts/labs: hemoglobin: .*\n  http://loinc.org 718-7 .*\(verified: ", done.stdout)


def test_schema() -> None:
    done = run("schema")
    assert done.exit_code == 0
    assert done.stdout == (data_dir("mappings") / "case-facts.schema.json").read_text(encoding="utf-8")
    assert json.loads(done.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


# -- the command as such -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", "convert", "explain", "mappings", "mappings check", "mappings show", "schema"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(command: str, option: str) -> None:
    done = run(*command.split(), option)
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: ")
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_help_tells_the_exit_codes_and_commands() -> None:
    said = " ".join(run("--help").stdout.split())
    assert "Exit codes: 0 done, 1 a case has errors, 2 wrong usage, 3 the mappings cannot be used" in said
    assert {"convert", "explain", "mappings", "schema"} <= set(said.split())


def test_version() -> None:
    assert fhirconv.__version__ in run("--version").stdout


LOADED = """
import sys
from fhirconv.cli import main
try:
    main(sys.argv[1:], standalone_mode=False)
except SystemExit:
    pass
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
"""


# Libraries, and modules of ours, that only some commands, some inputs or findings need.
FOR_FEW = {"fhir", "fhir.resources", "pydantic", "requests", "urllib3", "jsonschema", "sqlite3", "multiprocessing"} | {
    *("zstandard", "pyspark", "difflib", "html", "fhirconv.client", "fhirconv.fhirpath", "fhirconv.profiles"),
    *("fhirconv.pushing", "fhirconv.trace", "fhirconv.validation.exact", "fhirconv.validation.xhtml"),
}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], {*FOR_FEW, "yaml", "orjson", "jsonschema_rs", "tomli", "pathlib", "decimal", "hashlib"}),
        (["convert", "small.yaml"], FOR_FEW),
        (["convert", "small.json"], {*FOR_FEW, "yaml", "jsonschema_rs"}),
    ],
    ids=["help", "convert", "convert JSON"],
)
def test_what_is_not_loaded(arguments: list[str], unwanted: set[str]) -> None:
    """--help is there at once, and a case that fits the schema costs no library that only explains or types."""
    labs = [{"id": "hb", "analyte": "Hb", "value": 9.8, "unit": "g/dL"}]
    Path("small.json").write_text(json.dumps({"case": {"id": "small-1"}, "patient": {"sex": "female"}, "labs": labs}))
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout
    assert not unwanted & set(done.stderr.splitlines())


@pytest.mark.parametrize("command", [["-m", "fhirconv"], ["-c", "from fhirconv.cli import main; main()"]])
def test_the_command_in_a_process(command: list[str]) -> None:
    """Exit code and streams as the shell sees them."""
    arguments = [sys.executable, *command, "convert", "one.yaml", "bad.yaml", "-o", "out"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    good = subprocess.run(
        [sys.executable, *command, "convert", "one.yaml"], capture_output=True, timeout=60, check=True
    )
    assert json.loads(good.stdout)["resourceType"] == "Bundle"


def test_a_reader_that_goes_away() -> None:
    """As in fhirconv convert ... | head -1: no traceback."""
    command = f"'{sys.executable}' -m fhirconv explain '{REPORT}' --json | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[\n"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_names_and_words_outside_ascii() -> None:
    Path("日本.yaml").write_text(text_of("日本-1"), encoding="utf-8")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "fhirconv", "convert", "日本.yaml"]
    done = subprocess.run(command, capture_output=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert "日本-1/patient" in done.stdout.decode("utf-8")


def test_a_pipe_or_device_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    """Who converts to /dev/null as root wants it to be there afterwards."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("convert", str(ROOT / "fixtures/cases/minimal-patient.yaml"), "-o", str(pipe)).exit_code == 0
        assert pipe.is_fifo()
        assert os.read(end, 1 << 16).startswith(b"{")
    finally:
        os.close(end)
