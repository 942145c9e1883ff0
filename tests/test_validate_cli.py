"""fhirconv validate and rules: what is told apart, what is printed where, and the exit code of everything."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import FIXTURES, run
from profiles.made import URL, profile

from fhirconv import validate
from fhirconv.cli import Exit
from fhirconv.rules import RULES, invariant_rules
from fhirconv.validation.layers import BASE, LAYERS

CANARY = "Zbigniewska"
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient.</div>'}
GOOD = {"resourceType": "Patient", "id": "good", "text": TEXT, "gender": "female"}
BAD = {"resourceType": "Patient", "id": "bad", "text": TEXT, "gender": CANARY}
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": "http://a.test/Patient/bad", "resource": BAD}]}
MCODE_PATIENT = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-patient"
CASE = "case: {id: c}\npatient: {sex: female}\n"
BAD_CASE = f"case: {{id: c}}\npatient: {{sex: {CANARY}}}\n"


def line(value: Any) -> str:
    return json.dumps(value) + "\n"


FILES = {
    "good.json": line(GOOD),
    "bad.json": json.dumps(BAD, indent=1),
    "bundle.json": json.dumps(BUNDLE, indent=1),
    "many.ndjson": line(GOOD) + line(BAD),
    "case.yaml": CASE,
    "case.json": '{"case": {"id": "c"}, "patient": {"sex": "female"}}',
    "wrong.yaml": BAD_CASE,
    "claims.json": line(GOOD | {"meta": {"profile": [f"{URL}named"]}}),
    "claims-mcode.json": line(GOOD | {"meta": {"profile": [MCODE_PATIENT]}}),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test stands in a folder of its own with these files."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def check(*arguments: str, stdin: bytes | None = None) -> Result:
    return run("validate", *arguments, stdin=stdin)


def places(done: Result) -> list[tuple[str, str]]:
    """(place, rule) of each line of findings."""
    found = [re.fullmatch(r"(\S+?): (?:fatal|error|warning|information): .* \[(\S+)\]", one) for one in done.stdout.splitlines()]
    assert all(found), done.stdout
    return [(one[1], one[2]) for one in found if one]


# -- kinds of file, told apart by content --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("r.json", line(GOOD), []),
        ("r.json", json.dumps(BAD, indent=1), [("r.json:8:12", "code-not-bound")]),
        ("r.json", "\ufeff" + line(BAD), [("r.json:1", "code-not-bound")]),
        ("b.json", json.dumps(BUNDLE, indent=1), [("b.json:14:15", "code-not-bound")]),
        ("r.yaml", "resourceType: Patient\ntext: {}\ngender: x\n", [("r.yaml:2:7", "element-empty"), ("r.yaml:3:9", "code-not-bound")]),
        ("c.yaml", CASE, []),
        ("c.json", FILES["case.json"], []),
        ("c.yaml", BAD_CASE, [("c.yaml:2:16", "not-a-choice")]),
        ("c.json", '{"case": {"id": "c"},\n "patient": {"sx": "female"}}', [("c.json:2:20", "unknown-key")]),
        ("n.ndjson", line(GOOD) + line(BAD) + line(GOOD), [("n.ndjson:2:", "code-not-bound")]),
        ("n.jsonl", line(GOOD) + line(BAD), [("n.jsonl:2:", "code-not-bound")]),
        ("n.txt", line(GOOD) + line(BAD), [("n.txt:2:", "code-not-bound")]),
        ("n.ndjson", line(BAD), [("n.ndjson:1:", "code-not-bound")]),
        ("n.ndjson", line(GOOD) + '{"case": {"id": "a"}, "patient": {"sx": 1}}\n', [("n.ndjson:2:41", "unknown-key")]),
        ("n.ndjson", line(GOOD) + "\n" + line(GOOD), [("n.ndjson:2:1", "blank-line")]),
        ("n.ndjson", line(GOOD) + "{\n" + line(BAD), [("n.ndjson:2:2", "not-json"), ("n.ndjson:3:", "code-not-bound")]),
        ("n.ndjson", line(GOOD) + "[1]\n", [("n.ndjson:2:1", "not-json")]),
        ("empty.json", "", [("empty.json", "empty-input")]),
        ("empty.ndjson", "\n", [("empty.ndjson", "empty-input")]),
        ("null.json", "null", [("null.json:1:1", "content-unknown")]),
        ("list.json", f"[{line(GOOD)}]", [("list.json:1:1", "content-unknown")]),
        ("number.json", "1", [("number.json:1:1", "content-unknown")]),
        ("object.json", "{}", [("object.json:1:1", "content-unknown")]),
        ("untyped.json", '{"status": "final", "code": {"text": "Hb"}}', [("untyped.json:1:1", "content-unknown")]),
        ("typed.json", '{"resourceType": "Pation"}', [("typed.json:1:18", "resource-type")]),
        ("typed.json", '{"resourceType": 5}', [("typed.json:1:18", "resource-type")]),
        ("r.xml", '<Patient xmlns="http://hl7.org/fhir"/>', [("r.xml:1:1", "not-yaml")]),
        ("twice.json", '{"resourceType": "Patient",\n "id": "a", "id": "b"}', [("twice.json:2:", "duplicate-key")]),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 15 else "",
)  # fmt: skip
def test_kinds_of_file(name: str, text: str, found: list[tuple[str, str]], folder: Path) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    done = check(name)
    told = [one for one in places(done) if one[1] != "dom-6"]
    assert len(told) == len(found), done.stdout
    for (place, rule), (start, expected) in zip(told, found, strict=True):
        assert (place[: len(start)], rule) == (start, expected)
    worst = {RULES[rule].severity for _, rule in found}
    assert done.exit_code == (Exit.FINDINGS if worst & {"error", "fatal"} else Exit.DONE)


def test_standard_input_is_told_apart_too() -> None:
    for name, text in FILES.items():
        by_name, by_pipe = check(name), check("-", stdin=text.encode())
        assert by_pipe.stdout == by_name.stdout.replace(f"{name}:", "-:"), name
        assert by_pipe.exit_code == by_name.exit_code


def test_a_pipe_in_a_process() -> None:
    """A pipe is no file that can be read twice, and gives fewer bytes than asked for."""
    command = [sys.executable, "-m", "fhirconv", "validate", "-", "-q"]
    done = subprocess.run(command, input=FILES["many.ndjson"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("-:2:")
    assert done.stderr == ""


# -- where things are printed, and exit codes ----------------------------------------------------------------------------


def test_findings_on_standard_output_and_summaries_on_standard_error() -> None:
    done = check("good.json", "bad.json", "case.yaml", "many.ndjson", "wrong.yaml")
    assert done.exit_code == 1
    assert [place.partition(":")[0] for place, _ in places(done)] == ["bad.json", "many.ndjson", "wrong.yaml"]
    assert done.stderr.splitlines() == [
        "good.json: no errors, no warnings",
        "bad.json: 1 error, no warnings",
        "case.yaml: no errors, no warnings",
        "many.ndjson: 2 records, 1 error, no warnings",
        "wrong.yaml: 1 error, no warnings",
    ]


def test_records_that_cannot_be_read_are_counted(folder: Path) -> None:
    (folder / "n.ndjson").write_text(line(GOOD) + "nothing\n\n" + line(GOOD), encoding="utf-8")
    assert check("n.ndjson").stderr == "n.ndjson: 3 records, 1 error, 1 warning\n"


def test_one_file_that_cannot_be_read_does_not_stop_the_others() -> None:
    done = check("none.json", "bad.json", ".")
    assert [rule for _, rule in places(done)] == ["file-unreadable", "code-not-bound", "file-unreadable"]
    assert done.exit_code == 1


def test_quiet_and_verbose(folder: Path) -> None:
    assert check("good.json", "-q").output == ""
    assert check("bad.json", "-q").stderr == ""
    (folder / "x.yaml").write_text(f"{CASE}labs: [{{analyte: something new, result: high}}]\n", encoding="utf-8")
    assert check("x.yaml").stdout == ""
    assert [rule for _, rule in places(check("x.yaml", "-v"))] == ["kept-as-text"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["good.json"], 0, "no errors"),
        (["case.yaml"], 0, "no errors"),
        (["bad.json"], 1, "1 error"),
        (["none.json"], 1, "1 error"),
        ([], 2, "name a file"),
        (["good.json", "--none"], 2, "--none"),
        (["good.json", "--format", "xml"], 2, "text"),
        (["good.json", "--limit", "depth"], 2, "depth=64"),
        (["good.json", "--limit", "size=1"], 2, "bytes="),
        (["good.json", "--limit", "depth=-1"], 2, "NAME=NUMBER"),
        (["good.json", "--profile", "nobodys"], 2, "r4, mcode"),
        (["good.json", "--profile", "https://test.invalid/none"], 2, "--package"),
        (["good.json", "--package", "nobodys"], 2, "NAME#VERSION"),
        (["good.json", "--package", "bad.json"], 2, "bad.json"),
        (["good.json", "--mappings", "none"], 2, "none"),
        (["good.json", "--server", ""], 2, "http://"),
        (["good.json", "--server", "localhost"], 2, "http://"),
        (["good.json", "--server", "ftp://a.test"], 2, "http://"),
        (["case.yaml", "--mappings", "site"], 3, "site/resources/lab.toml: error:"),
        (["good.json", "--server", "http://127.0.0.1:9"], 4, "1 error"),
        (["bad.json", "--server", "http://127.0.0.1:9"], 4, "2 errors"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes(arguments: list[str], code: int, told: str, folder: Path) -> None:
    (folder / "site" / "resources").mkdir(parents=True)
    (folder / "site" / "resources" / "lab.toml").write_text("x = 1\n", encoding="utf-8")
    done = check(*arguments)
    assert (done.exit_code, told in done.stderr) == (code, True), done.output
    if code in (2, 3):
        assert done.stdout == ""


def test_a_layer_that_did_not_run_is_an_error() -> None:
    done = check("good.json", "--server", "http://127.0.0.1:9")
    assert [rule for _, rule in places(done)] == ["layer-not-run"]
    assert check("good.json", "--server", "http://127.0.0.1:9", "--format", "json").exit_code == 4


# -- formats -------------------------------------------------------------------------------------------------------------


def test_json() -> None:
    found = json.loads(check("bad.json", "many.ndjson", "--format", "json").stdout)
    assert [(one["file"], one["line"], one["rule"], one["layer"]) for one in found] == [
        ("bad.json", 8, "code-not-bound", "bindings"),
        ("many.ndjson", 2, "code-not-bound", "bindings"),
    ]
    assert found[0]["expression"] == "Patient.gender"
    assert found[0]["pointer"] == "/gender"


@pytest.mark.parametrize("names", [["good.json"], ["bad.json", "wrong.yaml", "none.json"], ["many.ndjson"]])
@pytest.mark.parametrize("phi", [[], ["--phi-free"]])
def test_an_outcome_is_valid(names: list[str], phi: list[str], folder: Path) -> None:
    """Held against R4 by the validator that wrote it; only a narrative is not there."""
    made = check(*names, "--format", "outcome", *phi).stdout
    (folder / "outcome.json").write_text(made, encoding="utf-8")
    assert json.loads(made)["resourceType"] == "OperationOutcome"
    assert [rule for _, rule in places(check("outcome.json", "-v")) if rule != "dom-6"] == []


def test_sarif() -> None:
    done = check("bad.json", "none.json", "--format", "sarif")
    (found,) = json.loads(done.stdout)["runs"]
    assert [one["ruleId"] for one in found["results"]] == ["code-not-bound", "file-unreadable"]
    assert found["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 8
    assert done.exit_code == 1


@pytest.mark.parametrize("form", ["json", "outcome", "sarif"])
def test_machines_get_one_document_whatever_happens(form: str) -> None:
    """Of all files, also of none that is wrong, and with information in it."""
    for names in (["good.json"], ["good.json", "bad.json"], ["none.json"]):
        assert json.loads(check(*names, "--format", form, "--layers").stdout) is not None


def test_without_patient_data(folder: Path) -> None:
    """No form shows a value of the data; the place is still told."""
    wrong = GOOD | {"gender": CANARY, CANARY: 1, "birthDate": CANARY, "name": [{"family": CANARY, "period": {"start": CANARY}}]}
    site = {"url": f"https://{CANARY}.test", "valueCode": CANARY}
    (folder / "leak.json").write_text(line(wrong | {"extension": [site], "photo": CANARY}), encoding="utf-8")
    (folder / "leak.ndjson").write_text(f"{CANARY}\n" + line({CANARY: CANARY}) + line(BUNDLE), encoding="utf-8")
    (folder / "leak.yaml").write_text(f"{BAD_CASE}{CANARY}: 1\nlabs: [{{analyte: Hb, value: {CANARY}}}]\n", encoding="utf-8")
    names = ["leak.json", "leak.ndjson", "leak.yaml"]
    for form in ("text", "json", "outcome", "sarif"):
        shown = check(*names, "--format", form, "-v", "--layers").output
        hidden = check(*names, "--format", form, "-v", "--layers", "--phi-free").output
        assert CANARY in shown
        assert CANARY.lower() not in hidden.lower(), form
    assert check(*names, "--phi-free").exit_code == 1
    assert "leak.json:1:" in check(*names, "--phi-free").stdout
    assert RULES["code-not-bound"].title in check("bad.json", "--phi-free").stdout


def test_phi_free_with_every_layer() -> None:
    """The words of fhir.resources and of a profile would quote the data."""
    options = ["--strict", "--profile", "mcode", "--server", "http://127.0.0.1:9"]
    assert CANARY not in check("bad.json", "bundle.json", "wrong.yaml", *options, "--phi-free", "--layers").output


# -- limits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "rule"), [("bytes=20", "too-large"), ("depth=1", "too-deep"), ("nodes=3", "too-large"), ("text=5", "too-large")]
)
def test_limits_can_be_lowered_and_raised(limit: str, rule: str) -> None:
    done = check("good.json", "--limit", limit)
    assert done.exit_code == 1
    assert rule in [found for _, found in places(done)]
    name = limit.partition("=")[0]
    assert check("good.json", "--limit", f"{name}=100" if name == "depth" else f"{name}=2000000").exit_code == 0


def test_depth_has_an_end() -> None:
    done = check("good.json", "--limit", "depth=129")
    assert done.exit_code == 2
    assert "128" in done.output


def test_a_long_line_of_ndjson_is_one_finding(folder: Path) -> None:
    long = GOOD | {"name": [{"family": "x" * 2000}]}
    (folder / "n.ndjson").write_text(line(long) + line(BAD) + line(long), encoding="utf-8")
    done = check("n.ndjson", "--limit", "bytes=1000")
    assert [(place.rpartition(":")[0] or place, rule) for place, rule in places(done)] == [
        ("n.ndjson:1", "too-large"), ("n.ndjson:2", "code-not-bound"), ("n.ndjson:3", "too-large")
    ]  # fmt: skip


# -- layers --------------------------------------------------------------------------------------------------------------


def layers(*arguments: str) -> dict[str, str]:
    """Layer -> what became of it, as --layers says."""
    told = check(*arguments, "--layers", "-q").stderr
    by_name = {layer.name: re.search(rf"^{layer.name} +(.+?) +{re.escape(layer.covers)}$", told, re.MULTILINE) for layer in LAYERS}
    assert all(by_name.values()), told
    return {name: found[1] for name, found in by_name.items() if found}


def test_layers_alone() -> None:
    done = check("--layers")
    assert (done.exit_code, done.stdout) == (0, "")
    found = layers()
    assert {name for name, status in found.items() if status == "always"} == {"input", "mapping", *BASE}
    assert {found["profiles"], found["models"], found["server"]} == {
        "with --profile or --package", "with --strict", "with --server"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "ran", "others"),
    [
        (["good.json"], ["input", *BASE], {"mapping": "nothing to do", "profiles": "nothing to do"}),
        (["case.yaml"], ["input", "mapping", *BASE], {"models": "not asked for", "server": "not asked for"}),
        (["claims.json"], BASE, {"profiles": "not asked for"}),
        (["claims-mcode.json"], [*BASE, "profiles"], {}),
        (["wrong.yaml"], ["input"], dict.fromkeys(["mapping", *BASE], "not reached")),
        (["none.json"], ["input"], dict.fromkeys(["mapping", *BASE], "not reached")),
        (["good.json", "--strict"], [*BASE, "models"], {"server": "not asked for"}),
        (["good.json", "--profile", "mcode"], [*BASE, "profiles"], {"models": "not asked for"}),
        (["wrong.yaml", "--strict", "--profile", "mcode"], ["input"], {"models": "not reached", "profiles": "not reached"}),
        (["wrong.yaml", "--server", "http://127.0.0.1:9"], ["input"], {"server": "not reached"}),
        (["good.json", "--server", "http://127.0.0.1:9"], [*BASE], {"server": "could not run"}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_layer_that_did_not_run_is_not_shown_as_run(arguments: list[str], ran: list[str], others: dict[str, str]) -> None:
    found = layers(*arguments)
    assert {name: found[name] for name in ran} == dict.fromkeys(ran, "ran")
    assert {name: found[name] for name in others} == others


def test_of_several_files_a_failure_is_what_is_told() -> None:
    assert layers("wrong.yaml", "good.json", "--server", "http://127.0.0.1:9")["server"] == "could not run"


def test_what_profiles_left_unchecked_is_said() -> None:
    bundle = str(FIXTURES / "bundles" / "nakagawa-2022.mcode.json")
    assert re.search(r"profiles: \d+ things not checked", check(bundle).stderr), "a claim that nobody checks"
    done = check(bundle, "--profile", "mcode", "--layers")
    assert "profiles: " in done.stderr.splitlines()[0]
    assert re.search(r"^ +not checked: +http://hl7\.org/fhir/us/mcode/ValueSet/\S+: ", done.stderr, re.MULTILINE)


# -- --strict, --package, --profile, --mappings --------------------------------------------------------------------------


def test_strict_asks_the_models(folder: Path) -> None:
    """A second opinion on structure: what they refuse is said in our words, without their value."""
    (folder / "x.json").write_text(line(GOOD | {"birthDate": f"{CANARY}"}), encoding="utf-8")
    assert "model" not in [rule for _, rule in places(check("x.json"))]
    done = check("x.json", "--strict")
    assert "model" in [rule for _, rule in places(done)]
    assert "fhir.resources" in done.stdout
    assert check("good.json", "case.yaml", "--strict").exit_code == 0


PACKAGE = {
    "package.json": {"name": "org.test", "version": "1.0.0", "fhirVersions": ["4.0.1"]},
    "named.json": profile("named", "Patient", {"id": "Patient.name", "min": 1}),
}


@pytest.fixture
def package(folder: Path) -> Path:
    """A package with one profile: a patient has a name. As a folder, an archive, and in the cache of a home."""
    unpacked = folder / ".fhir" / "packages" / "org.test#1.0.0" / "package"
    unpacked.mkdir(parents=True)
    with tarfile.open(folder / "package.tgz", "w:gz") as tar:
        for name, content in PACKAGE.items():
            data = json.dumps(content).encode()
            (unpacked / name).write_bytes(data)
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return unpacked.parent


@pytest.mark.parametrize("form", ["folder", "package folder", "archive", "home"])
def test_a_package(form: str, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(package.parents[2]))
    where = {"folder": package, "package folder": package / "package", "archive": "package.tgz", "home": "org.test#1.0.0"}
    found = check("claims.json", "good.json", "--package", str(where[form]))
    assert [(place.partition(":")[0], rule) for place, rule in places(found)] == [("claims.json", "profile-min")]
    assert check("claims.json").exit_code == 0


def test_a_profile_by_its_url_holds_for_all_of_its_type(package: Path) -> None:
    options = ["--package", str(package), "--profile", f"{URL}named"]
    assert [rule for _, rule in places(check("good.json", *options))] == ["profile-min"]
    assert [rule for _, rule in places(check("bundle.json", *options))] == ["profile-min", "code-not-bound"]
    named = line(GOOD | {"name": [{"text": "A"}]})
    assert check("-", *options, stdin=named.encode()).exit_code == 0


def test_a_profile_of_another_type_is_not_counted_as_checked(package: Path) -> None:
    observation = line({"resourceType": "Observation", "text": TEXT, "status": "final", "code": {"text": "Hb"}})
    done = check("-", "--package", str(package), "--profile", f"{URL}named", "--layers", stdin=observation.encode())
    assert f"not checked:   {URL}named: there is no resource of its type, Patient" in done.stderr


def test_mcode() -> None:
    """A claim of mCODE is checked always; what a case says for it is asked with --profile."""
    assert {rule for _, rule in places(check("claims-mcode.json"))} == {"profile-min"}
    assert {rule for _, rule in places(check("good.json", "--profile", MCODE_PATIENT))} == {"profile-min"}
    case = str(FIXTURES / "cases" / "nakagawa-2022.yaml")
    assert check(case, "--profile", "mcode").exit_code == 0


def test_a_claim_that_nothing_defines_is_said() -> None:
    data = line(GOOD | {"meta": {"profile": ["https://hospital.test/StructureDefinition/none"]}}).encode()
    done = check("-", "--profile", "mcode", stdin=data)
    assert [rule for _, rule in places(done)] == ["profile-unknown"]


# -- cases: findings about the Bundle lead back to the fact --------------------------------------------------------------

LABS = """\
case: {id: c}
patient: {sex: female}
labs:
  - analyte: Hb
    value: 9.8
    unit: g/dL
  - analyte: mine
    value: 1
    unit: zorks
"""
WRONG_UNIT = {"units.toml": '["zrk"]\nspellings = ["zorks"]\n'}
RIGHT_UNIT = {"units.toml": '["mg"]\nspellings = ["zorks"]\n'}
KELVIN = {"units.toml": '["K/mL"]\nspellings = ["zorks"]\n'}
WRONG_CODE = {
    "concepts/labs.toml": '[mine]\ntext = "Mine"\ncodings = [{ system = "observation-category", code = "none", verified = "-" }]\n',
}
WRONG_DISPLAY = {
    "concepts/labs.toml": '[mine]\ntext = "Mine"\n'
    'codings = [{ system = "observation-category", code = "exam", display = "Zinc", verified = "-" }]\n'
}
WRONG_EXTENSION = {
    "resources/lab.toml": '[elements]\nextension = { url = "http://hl7.org/fhir/StructureDefinition/none", '
    'value = { text = "analyte" } }\n'
}
WRONG_LANGUAGE = {"resources/lab.toml": '[elements]\nlanguage = { fixed = "inglish-english" }\n'}


def site(folder: Path, files: dict[str, str]) -> str:
    """A site's mappings."""
    for name, text in files.items():
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return "site"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (WRONG_UNIT, [("labs.yaml:9:11", "ucum-invalid")]),
        (WRONG_CODE | WRONG_UNIT, [("labs.yaml:7:14", "code-unknown"), ("labs.yaml:9:11", "ucum-invalid")]),
        (RIGHT_UNIT | WRONG_EXTENSION, [("labs.yaml:4:14", "extension-unknown"), ("labs.yaml:7:14", "extension-unknown")]),
        (RIGHT_UNIT | WRONG_LANGUAGE, [("labs.yaml:4:5", "language-form"), ("labs.yaml:7:5", "language-form")]),
    ],
    ids=["unit", "code", "extension", "language"],
)  # fmt: skip
def test_a_finding_about_the_bundle_has_the_line_of_its_fact(
    files: dict[str, str], found: list[tuple[str, str]], folder: Path
) -> None:
    (folder / "labs.yaml").write_text(LABS, encoding="utf-8")
    done = check("labs.yaml", "--mappings", site(folder, files))
    told = [(place, rule) for place, rule in places(done) if RULES[rule].severity == "error"]
    assert told == found, done.stdout
    assert "Bundle.entry[" in done.stdout
    assert done.exit_code == 1


def test_convert_gives_no_bundle_that_is_not_valid(folder: Path) -> None:
    (folder / "labs.yaml").write_text(LABS, encoding="utf-8")
    options = ["labs.yaml", "--mappings", site(folder, WRONG_UNIT), "-o", "out.json"]
    done = run("convert", *options)
    assert done.exit_code == 1
    assert re.search(r"^labs\.yaml:9:11: error: Bundle\.entry\[\d\].*'zrk'.*\[ucum-invalid\]$", done.stderr, re.MULTILINE)
    assert "nothing was written" in done.stderr
    assert not (folder / "out.json").exists()
    assert run("convert", *options, "--no-validate").exit_code == 0
    assert "'zrk'" in check("out.json").stdout
    assert '"code": "zrk"' in (folder / "out.json").read_text(encoding="utf-8")


def test_a_warning_about_the_bundle_does_not_keep_it(folder: Path) -> None:
    (folder / "labs.yaml").write_text(LABS, encoding="utf-8")
    done = run("convert", "labs.yaml", "--mappings", site(folder, KELVIN), "-o", "out.json")
    assert done.exit_code == 0
    assert re.search(r"^labs\.yaml:9:11: warning: .*\[ucum-meaning\]$", done.stderr, re.MULTILINE)
    assert (folder / "out.json").exists()


def test_a_display_of_hl7_that_a_site_gets_wrong(folder: Path) -> None:
    (folder / "labs.yaml").write_text(LABS.replace("zorks", "mg"), encoding="utf-8")
    done = check("labs.yaml", "--mappings", site(folder, WRONG_DISPLAY))
    assert places(done) == [("labs.yaml:7:14", "display-wrong")]
    assert "'Zinc'" in done.stdout


def test_every_layer_sees_the_bundle_of_a_case(folder: Path) -> None:
    """What --profile asks is asked of the resources that a case becomes, and told at its facts."""
    (folder / "c.yaml").write_text("case: {id: c}\npatient:\n  sex: female\n", encoding="utf-8")
    done = check("c.yaml", "--profile", MCODE_PATIENT, "--strict")
    assert {rule for _, rule in places(done)} == {"profile-min"}
    assert all(place.startswith("c.yaml:3:3") for place, _ in places(done))


# -- rules ---------------------------------------------------------------------------------------------------------------


def test_rules_are_listed() -> None:
    done = run("rules")
    assert done.exit_code == 0
    told = done.stdout.splitlines()
    assert len(told) == len(RULES | invariant_rules())
    assert {one.split()[0] for one in told} == {layer.name for layer in LAYERS}
    assert any(one.split()[:3] == ["bindings", "error", "code-not-bound"] for one in told)


@pytest.mark.parametrize("name", ["unit-unknown", "code-not-bound", "obs-7", "dom-6", "per-1", "profile-slice"])
def test_a_rule_is_explained(name: str) -> None:
    said = run("rules", name)
    assert said.exit_code == 0
    assert said.stdout.startswith(f"{name}: ")
    assert re.search(r"^  https://\S+$", said.stdout, re.MULTILINE)


def test_the_invariants_lead_to_the_type_that_states_them() -> None:
    pages = {"dom-6": "domainresource.html", "ele-1": "element.html", "ext-1": "extensibility.html", "bdl-7": "bundle.html"}
    assert {name: invariant_rules()[name].url.rpartition("/")[2].partition("#")[0] for name in pages} == pages


def test_a_rule_that_is_not_there() -> None:
    done = run("rules", "ob-7")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "did you mean 'obs-7'?" in done.stderr


def test_every_rule_says_what_holds() -> None:
    """A sentence for people who do not know our words, and an address where there is one."""
    for name, rule in RULES.items():
        assert re.fullmatch(r"[A-Z].{10,}\.", rule.title), name
        assert rule.url == "" or rule.url.startswith("https://"), name
        assert rule.layer in {layer.name for layer in LAYERS}, name


def test_what_is_found_by_the_command_is_found_by_the_library() -> None:
    for name in FILES:
        told = check(name, "-v").stdout
        assert told == "".join(f"{issue.text()}\n" for issue in validate(name)), name
