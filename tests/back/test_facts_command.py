"""fhirconv facts, its page, and convert --verify, as a user calls them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import FIXTURES, run
from hypothesis import given
from test_properties import Case, cases, converted, tried

from fhirconv import convert
from fhirconv.back import verify
from fhirconv.back.same import normal_case
from fhirconv.back.writing import dump_yaml
from fhirconv.build import Build
from fhirconv.source import read_bytes

BUNDLES = FIXTURES / "bundles"
OTHER = FIXTURES / "readme" / "other-bundle.json"


@pytest.mark.parametrize("name", ["case.yaml", "case.json", "case.ndjson", "case.json.gz"])
def test_what_is_written_converts_to_the_same_bundle(name: str, tmp_path: Path) -> None:
    bundle, output = BUNDLES / "takanashi-2019.r4.json", tmp_path / name
    done = run("facts", str(bundle), "-o", str(output), "-q")
    assert (done.exit_code, done.output) == (0, "")
    again = run(
        "convert", str(output), "-o", str(tmp_path / "again.json" if name != "case.ndjson" else tmp_path / "a.ndjson")
    )
    assert again.exit_code == 0, again.output
    made = json.loads(
        (tmp_path / ("again.json" if name != "case.ndjson" else "a.ndjson")).read_bytes(), parse_float=Decimal
    )
    assert [entry["resource"]["id"] for entry in made["entry"]] == [
        entry["resource"]["id"] for entry in json.loads(bundle.read_bytes())["entry"]
    ]


@tried
@given(cases())
def test_yaml_reads_back_as_it_was(case: Case) -> None:
    result = converted(case)
    if result.build is not None and result.ok:
        facts = normal_case(result.build)
        document = read_bytes(dump_yaml(facts), "case.yaml")
        assert not document.issues
        assert json.dumps(document.data, default=str, sort_keys=True) == json.dumps(facts, default=str, sort_keys=True)


def test_several_cases(tmp_path: Path) -> None:
    two = [str(BUNDLES / f"minimal-{name}.r4.json") for name in ("labs", "events")]
    folder, lines = tmp_path / "made", tmp_path / "made.ndjson"
    assert run("facts", *two, "-o", f"{folder}/").exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["minimal-events.json", "minimal-labs.json"]
    assert run("facts", *two, "-o", str(lines)).exit_code == 0
    assert [json.loads(line)["case"]["id"] for line in lines.read_bytes().splitlines()] == [
        "minimal-labs",
        "minimal-events",
    ]
    done = run("facts", *two, "-o", str(tmp_path / "one.json"))
    assert done.exit_code == 1
    assert "several cases (the first are 'minimal-labs' and 'minimal-events')" in done.output
    assert "they need a folder (-o DIR/), or a file with a line for each" in done.output
    assert not (tmp_path / "one.json").exists()
    done = run("facts", *two[:1], *two[:1], "-o", str(lines))
    assert "case id 'minimal-labs' was had before" in done.output


def test_a_report_as_json(tmp_path: Path) -> None:
    done = run("facts", str(OTHER), "-q", "-o", str(tmp_path / "x.json"), "--report", str(tmp_path / "report.json"))
    assert (done.exit_code, done.output) == (1, "")
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert report["left"] == {
        "Condition.encounter.reference": 1,
        "Observation.status": 1,
        "Patient.maritalStatus.text": 1,
    }
    place = report["first"]["left"]["Observation.status"]
    name, line, _ = place.rsplit(":", 2)
    assert name == str(OTHER)
    assert "Observation" in "".join(OTHER.read_text(encoding="utf-8").splitlines()[int(line) - 1 : int(line) + 1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{", "is not JSON"),
        ("[1]", "is no FHIR resource"),
        ('{"case": {"id": "x"}, "patient": {}}', "is no FHIR resource"),
        ('{"resourceType": "Bundle", "entry": "x"}', "no case was found"),
        ('{"resourceType": "Nonsense", "id": "x"}', "1x Nonsense: no mapping makes such a resource of a fact"),
        ('{"resourceType": "Bundle", "entry": [' * 70 + "]}" * 70, "nested more than"),
    ],
)
def test_bad_input_is_told(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(text, encoding="utf-8")
    done = run("facts", str(path), "-o", str(tmp_path / "out.json"))
    assert done.exit_code == 1
    assert said in done.output
    assert not (tmp_path / "out.json").exists()


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes((BUNDLES / "minimal-labs.r4.json").read_bytes())
    before = path.read_bytes()
    assert run("facts", str(path), "-o", str(path)).exit_code == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["nakagawa-2022.yaml", "maximal-adverse_events.yaml"])
def test_convert_verifies(name: str, tmp_path: Path) -> None:
    case = str(FIXTURES / "cases" / name)
    done = run("convert", case, "--verify", "--profile", "mcode", "-o", str(tmp_path / "x.json"))
    assert done.exit_code == 0, done.output
    assert "round-trip" not in done.output


def test_a_difference_is_an_error_of_fact_and_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by changing the Bundle between the conversion and the check, as a fault of ours would."""
    honest = verify.round_trip_issues

    def changed(build: Build, bundle: dict[str, object]) -> list[object]:
        for entry in bundle["entry"]:  # type: ignore[attr-defined]
            entry["resource"].pop("effectiveDateTime", None)
        return [*honest(build, bundle)]

    monkeypatch.setattr(verify, "round_trip_issues", changed)
    facts = {
        "case": {"id": "x"},
        "patient": {},
        "labs": [{"id": "hb", "analyte": "Hb", "value": 9.8, "unit": "g/dL", "at": "2014"}],
    }
    result = convert(facts, verify=True)
    assert not result.ok
    [issue] = [issue for issue in result.issues if issue.is_error]
    assert (issue.rule, issue.place.pointer) == ("round-trip", "/labs/0/at")
    assert issue.message.startswith("'at' of 'labs/hb' does not come back out of the Bundle as it was stated")


def entry(server: str, resource: dict[str, object]) -> dict[str, object]:
    return {"fullUrl": f"{server}/{resource['resourceType']}/{resource['id']}", "resource": resource}


def condition(name: str, subject: str, ident: str = "1") -> dict[str, object]:
    return {"resourceType": "Condition", "id": ident, "subject": {"reference": subject}, "code": {"text": name}}


def patient(born: str) -> dict[str, object]:
    return {"resourceType": "Patient", "id": "1", "birthDate": born}


def read_files(tmp_path: Path, *files: object) -> tuple[list[tuple[str, set[str]]], str]:
    """Birth date and conditions of each case that a run makes of these files, and what it says."""
    for number, content in enumerate(files):
        text = "\n".join(map(json.dumps, content)) if isinstance(content, list) else json.dumps(content)
        (tmp_path / f"{number}.{'ndjson' if isinstance(content, list) else 'json'}").write_text(text, encoding="utf-8")
    names = sorted(str(path) for path in tmp_path.iterdir() if path.is_file())
    output = tmp_path / "out.ndjson"
    done = run("facts", *names, "-o", str(output))
    made = [json.loads(line) for line in output.read_bytes().splitlines()] if output.exists() else []
    assert len({case["case"]["id"] for case in made}) == len(made)
    told = [
        (case["patient"].get("birth_date", ""), {one["name"] for one in case.get("conditions", ())}) for case in made
    ]
    return told, done.output


A, B = "http://a.test/fhir", "http://b.test/fhir"


def test_patients_of_two_servers_stay_two(tmp_path: Path) -> None:
    pages = [
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [entry(server, patient(born)), entry(server, condition(name, "Patient/1"))],
        }
        for server, born, name in ((A, "1950", "breast cancer"), (B, "1971", "lung cancer"))
    ]
    told, _ = read_files(tmp_path, *pages)
    assert told == [("1950", {"breast cancer"}), ("1971", {"lung cancer"})]


def test_patients_that_are_only_named_are_told_apart_by_the_whole_address(tmp_path: Path) -> None:
    names = [f"{A}/Patient/1", f"{B}/Patient/1", "Patient/1", "Patient/1/_history/2", "urn:uuid:1", f"{A}/Patient/1"]
    told, said = read_files(tmp_path, [condition(f"c{at}", name, f"{at}") for at, name in enumerate(names)])
    assert [conditions for _, conditions in told] == [{"c0", "c5"}, {"c1"}, {"c2", "c3"}, {"c4"}]
    assert "subject" not in said  # which says whose case it is, and so was read


def test_patients_with_uuids_are_known_by_these_alone(tmp_path: Path) -> None:
    entries: list[dict[str, object]] = [
        {"fullUrl": "urn:uuid:a", "resource": patient("1950")},
        {"fullUrl": "urn:uuid:b", "resource": patient("1971")},
        {"resource": condition("breast cancer", "urn:uuid:a")},
        {"resource": condition("lung cancer", "urn:uuid:b", "2")},
        {"fullUrl": "urn:uuid:c", "resource": condition("skin cancer", "Patient/1", "3")},
    ]
    told, said = read_files(tmp_path, {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert told == [("1950", {"breast cancer"}), ("1971", {"lung cancer"})]
    assert "1x Condition: it does not say which patient it is about" in said
    of_one = {"resourceType": "Bundle", "type": "transaction", "entry": [entries[0], entries[2], entries[4]]}
    (tmp_path / "one").mkdir()
    told, _ = read_files(tmp_path / "one", of_one)
    assert told == [("1950", {"breast cancer", "skin cancer"})]


def test_two_patients_of_one_address_are_an_error_and_no_case(tmp_path: Path) -> None:
    lines = [patient("1950"), condition("breast cancer", "Patient/1")]
    told, said = read_files(tmp_path, lines, [patient("1971"), condition("lung cancer", "Patient/1", "2")])
    assert told == []
    assert "1.ndjson:1:1: error: this Patient has the address of the one at" in said
    assert "0.ndjson:1:1, and says something else" in said
    assert "2x Condition: its patient is told in two ways" in said


def test_single_resources_of_one_export_stand_in_several_files(tmp_path: Path) -> None:
    told, said = read_files(tmp_path, [patient("1950")], [condition("x", "Patient/1")], [patient("1950")])
    assert told == [("1950", {"x"})]
    assert "error" not in said


def _bundle(full_url: str, born: str) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": full_url, "resource": patient(born)}]}


def test_a_patient_of_two_servers_is_two_cases_in_any_run(tmp_path: Path) -> None:
    """What else is read does not change the id of a case; so what was read another day is not taken for the same."""
    ids = []
    for number, servers in enumerate(((A,), (B,), (A, B))):
        folder = tmp_path / str(number)
        folder.mkdir()
        read_files(folder, *(_bundle(f"{server}/Patient/1", "1950") for server in servers))
        ids.append([json.loads(line)["case"]["id"] for line in (folder / "out.ndjson").read_bytes().splitlines()])
    assert ids[2] == [*ids[0], *ids[1]]
    assert ids[0] != ids[1]


def test_a_case_id_of_two_bundles_is_given_once(tmp_path: Path) -> None:
    one, other = (f"urn:uuid:86587458-7463-4f48-a399-1ec451e1105{digit}" for digit in "45")
    told, said = read_files(tmp_path, _bundle(one, "1950"), _bundle(other, "1971"))
    assert told == [("1950", set())]
    assert "1.json:1:1: error: case id '1' was had before" in said
    assert "1x patient: case-twice" in said
