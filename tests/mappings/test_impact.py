"""What changes between two sets of mappings is counted, and led back to the entries that are why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, run

from fhirconv import Conversion, convert
from fhirconv.conversion import convert_document
from fhirconv.data_files import data_dir
from fhirconv.mapping_impact import told
from fhirconv.mapping_impact.causes import Causes
from fhirconv.mapping_impact.impact import Effect, Impact
from fhirconv.mapping_impact.resources import differences
from fhirconv.mapping_impact.sides import side_of
from fhirconv.source import read_file

CASES = sorted((FIXTURES / "cases").glob("*.yaml"))
LABS = FIXTURES / "cases" / "made-up-lab-series.yaml"
CEA = """[cea]
text = "CEA"
codings = [
  { system = "loinc", code = "2039-6", display = "Carcinoembryonic Ag [Mass/volume] in Serum or Plasma", verified = "here" },
  { system = "snomed", code = "60267001", verified = "here" },
]
"""
CASE: dict[str, Any] = {
    "case": {"id": "one"},
    "patient": {"sex": "female", "name": {"family": "Secretfamily"}},
    "labs": [
        {"analyte": "CEA", "value": 4.25, "unit": "ng/mL", "at": "2021-01-04"},
        {"analyte": "Hb", "value": 11.5, "unit": "g/dL", "at": "2021-01-04"},
    ],
}

TWIN = """resource = "Observation"
each = "labs"
role = "twin"
[elements]
identifier = { identifier = "@fact" }
status = { fixed = "final" }
code = { text = "analyte" }
subject = { reference = "@patient" }
"""

Site = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A folder of mappings with these files."""

    def made(files: dict[str, str], name: str = "site") -> Path:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text, encoding="utf-8")
        return tmp_path / name

    return made


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Path]:
    """A file with CASE, or with other sections in it."""

    def made(**sections: Any) -> Path:
        (tmp_path / "case.json").write_text(json.dumps(CASE | sections), encoding="utf-8")
        return tmp_path / "case.json"

    return made


def impact(old: object, new: object, *arguments: object, code: int = 1) -> dict[str, Any]:
    """The answer as JSON."""
    done = run("mappings", "impact", str(old), str(new), *map(str, arguments), "--format", "json")
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def causes(found: dict[str, Any]) -> dict[str, tuple[int, list[str]]]:
    """Resources and elements by cause."""
    return {
        cause["entry"]: (cause["resources"], [f"{one['change']} {one['element']}" for one in cause["elements"]])
        for cause in found["causes"]
    }


# -- what changes --


def test_the_same_mappings_change_nothing() -> None:
    done = run("mappings", "impact", "default", "default", *map(str, CASES))
    assert done.exit_code == 0
    assert done.stdout.startswith("0 of ")
    assert done.stdout.count("\n") == 1


def resources(made: Conversion) -> dict[str, Any]:
    assert made.build is not None
    return {entry.identifier: entry.resource for entry in made.build.entries}


@pytest.mark.parametrize("profile", ["r4", "mcode"])
def test_as_many_resources_change_as_differ(site: Site, profile: str) -> None:
    """Counted by other means: both Bundles of each case, resource by resource."""
    new = site({"concepts/labs.toml": CEA, "resources/stage.toml": '[elements]\nstatus = { fixed = "amended" }\n'})
    found = impact("default", new, *CASES, "--profile", profile)
    pairs = [(convert(path, profile=profile), convert(path, profile=profile, mappings=new)) for path in CASES]
    changed = []
    for one, other in pairs:
        if one.ok:
            before, after = resources(one), resources(other)
            assert before.keys() == after.keys()
            changed.append(sum(before[name] != after[name] for name in before))
    assert changed.count(0) > 0
    assert sum(changed) > 5
    assert (found["resources_changed"], found["cases_changed"]) == (sum(changed), sum(map(bool, changed)))
    assert sum(cause["resources"] for cause in found["causes"]) == sum(changed)
    assert found["cases_of_neither"] == 0


def test_a_coding_more_is_one_cause(site: Site) -> None:
    found = impact("default", site({"concepts/labs.toml": CEA}), LABS)
    tests = [entry["resource"] for entry in (convert(LABS).bundle or {})["entry"] if "code" in entry["resource"]]
    number = sum(any(one.get("code") == "2039-6" for one in test["code"].get("coding", ())) for test in tests)
    assert number > 3
    assert causes(found) == {"concepts/labs cea: codings +1": (number, ["~ Observation.code.coding"])}
    assert found["without_effect"] == []


def test_a_rule_of_an_element_and_of_a_claim(site: Site, case: Callable[..., Path]) -> None:
    claim = '[tumor-marker.elements]\nmethod = { text = "method" }\n'
    rule = '[elements]\nstatus = { fixed = "amended" }\n'
    new = site({"resources/lab.toml": rule, "profiles/mcode.toml": claim})
    labs = [{"analyte": "CEA", "value": 4, "method": "IHC"}, {"analyte": "Hb", "value": 9, "method": "IHC"}]
    assert causes(impact("default", new, case(labs=labs), "--profile", "mcode")) == {
        "resources/lab elements.status: fixed 'final' -> 'amended'": (2, ["~ Observation.status"]),
        "profiles/mcode tumor-marker.elements.method: added": (1, ["~ Observation.method.coding"]),
    }


def test_a_unit_gives_its_code_and_the_codes_that_hold_for_it(site: Site, case: Callable[..., Path]) -> None:
    new = site(
        {"units.toml": '["g/dL"]\nspellings = ["gpdl"]\n', "concepts/labs.toml": '[hemoglobin]\nalso = ["Haemo"]\n'}
    )
    path = case(labs=[{"analyte": "Hb", "value": 11.5, "unit": {"text": "gpdl"}}, {"analyte": "Haemo", "value": 9}])
    assert causes(impact("default", new, path)) == {
        "concepts/labs hemoglobin: also +1": (1, ["~ Observation.code.coding"]),
    }


def test_a_unit_that_is_known_now_lets_a_case_pass(site: Site, case: Callable[..., Path]) -> None:
    new = site({"units.toml": '["g/dL"]\nspellings = ["gpdl"]\n'})
    path = case(labs=[{"analyte": "Hb", "value": 11.5, "unit": "gpdl"}])
    found = impact("default", new, path)
    assert [(one["converted_by"], one["rule"], one["cases"]) for one in found["outcomes"]] == [
        ("new", "unit-unknown", 1)
    ]
    assert [(one["change"], one["rule"]) for one in found["findings"]] == [("-", "unit-unknown")]
    back = impact(new, "default", path)
    assert [(one["converted_by"], one["rule"], one["cases"]) for one in back["outcomes"]] == [
        ("old", "unit-unknown", 1)
    ]


def test_a_resource_more_and_one_less(site: Site, case: Callable[..., Path]) -> None:
    new = site({"resources/twin.toml": TWIN})
    found, back = impact("default", new, case()), impact(new, "default", case())
    follows = [f"~ Provenance.target{part} (follows)" for part in ("", ".reference")]  # which lists all resources
    assert causes(found) == {"resources/twin: added": (3, ["+ Observation", *follows])}
    assert causes(back) == {"resources/twin: taken out": (3, ["- Observation", *follows])}
    assert found["resources_changed"] == back["resources_changed"]


def test_which_facts_a_mapping_is_for(site: Site, case: Callable[..., Path]) -> None:
    old = site({"resources/twin.toml": TWIN}, "old")
    new = site({"resources/twin.toml": TWIN.replace("[elements]", "only = { method = true }\n[elements]")}, "new")
    found, back = causes(impact(old, new, case())), causes(impact(new, old, case()))
    for one, cause, first in ((found, "added", "- Observation"), (back, "taken out", "+ Observation")):
        assert list(one) == [f"resources/twin only: {cause}"]
        assert one[f"resources/twin only: {cause}"][1][0] == first


def test_what_only_the_narrative_tells(site: Site, case: Callable[..., Path]) -> None:
    new = site(
        {"resources/condition.toml": '[elements]\nseverity = false\n[narrative_only]\nseverity = "for the test"\n'}
    )
    conditions = [{"kind": "symptom", "name": "back pain", "severity": "severe"}]
    found = causes(impact("default", new, case(conditions=conditions)))
    assert found["resources/condition elements.severity: taken out"] == (1, ["~ Condition.severity"])
    assert "" not in found


def test_systems(site: Site, case: Callable[..., Path]) -> None:
    new = site({"systems.toml": '[code]\nloinc = "https://loinc.test"\n[identifier]\ncase = "https://case.test"\n'})
    found = causes(impact("default", new, case()))
    assert found["systems code.loinc: 'http://loinc.org' -> 'https://loinc.test'"][0] == 2
    of_tag = next(value for entry, value in found.items() if entry.startswith("systems identifier.case"))
    assert of_tag[0] == 4
    assert all("meta.tag.system" in element for element in of_tag[1])


def test_other_ids_are_told_once(site: Site) -> None:
    new = site({"systems.toml": '[identifier]\nfact = "https://hospital.test/facts"\n'})
    found = impact("default", new, *CASES)
    assert found["ids_change"]
    assert found["resources_changed"] == found["resources"] > 0
    assert found["cases_changed"] == found["cases_compared"] == len(CASES) - found["cases_of_neither"]
    assert (found["resources_changed_besides_ids"], found["without_effect"]) == (0, [])
    ((cause, told),) = causes(found).items()
    assert cause.startswith("systems identifier.fact: 'urn:")
    assert cause.endswith(" -> 'https://hospital.test/facts'")
    assert told == (found["resources"], ["~ id, and what refers to it"])


def test_other_ids_and_more(site: Site, case: Callable[..., Path]) -> None:
    new = site({"systems.toml": '[identifier]\nfact = "https://hospital.test/facts"\n', "concepts/labs.toml": CEA})
    done = run("mappings", "impact", "default", str(new), str(case()))
    assert done.stdout.startswith("4 of 4 resources change, in 1 of 1 case: all by their ids, 1 in something else, too\n")
    assert done.stdout.count(" change") == 1
    assert "concepts/labs cea: codings +1" in done.stdout


@pytest.mark.parametrize("form", ["text", "json", "md"])
def test_that_no_case_was_compared_is_told(case: Callable[..., Path], form: str) -> None:
    """Nothing different was found, and nothing was looked at: no reason to go on."""
    path = case(labs=[{"analyte": "Hb", "value": 11.5, "unit": "no unit"}])
    done = run("mappings", "impact", "default", "default", str(path), "--format", form)
    assert done.exit_code == 1
    assert "warning: no case was compared" in done.stderr
    assert ('"cases_compared": 0' if form == "json" else "nothing was compared: both sets convert 0 of 1 case") in done.stdout


def test_what_follows_from_another_resource(site: Site, case: Callable[..., Path]) -> None:
    """The patient has no gender any more, so claims no profile, so the lab result does not."""
    new = site({"resources/patient.toml": '[elements]\ngender = false\n[narrative_only]\nsex = "for the test"\n'})
    follows = [f"~ {kind}.meta.profile (follows)" for kind in ("Observation", "Patient")]
    assert causes(impact("default", new, case(), "--profile", "mcode")) == {
        "resources/patient elements.gender: taken out": (
            2,
            ["~ Observation.meta.profile (follows)", "~ Patient.gender", follows[1]],
        )
    }


def test_what_no_entry_says_is_said_too(site: Site, case: Callable[..., Path]) -> None:
    """As if nobody knew of the entry that differs."""
    old, new = (side_of(str(name)) for name in ("default", site({"concepts/labs.toml": CEA})))
    builds = [convert_document(read_file(case()), side.load("r4")).build for side in (old, new)]
    assert builds[0] is not None
    assert builds[1] is not None
    (found,) = differences(*builds, Causes((), old.load("r4"), new.load("r4")))
    assert (found.causes, found.follows, found.entry.mapping.name) == ((), False, "lab")
    whole = Impact(effects={None: Effect(1, 1)})
    assert "no entry that differs says why" in told.to_text(told.as_data(whole, (), False, False))


# -- findings and words --


def test_findings_that_come_and_go(site: Site, case: Callable[..., Path]) -> None:
    new = site({"plausibility.toml": '[results.hemoglobin]\n"g/dL" = { from = 12, to = 26 }\n'})
    found, back = impact("default", new, case()), impact(new, "default", case())
    assert [(one["change"], one["severity"], one["number"]) for one in found["findings"]] == [("+", "warning", 1)]
    assert [one["change"] for one in back["findings"]] == ["-"]
    assert found["causes"] == []
    assert [one["entry"] for one in found["without_effect"]] == [
        "plausibility results.hemoglobin.g/dL: from '1' -> '12'"
    ]


def test_words_that_get_a_code_are_told_by_the_concept(site: Site, case: Callable[..., Path]) -> None:
    new = site({"concepts/labs.toml": '[cea]\nalso = ["unheard-of marker"]\n'})
    path = case(
        labs=[{"id": "a", "analyte": "Unheard-of marker", "value": 1}, {"id": "b", "analyte": "other", "value": 1}]
    )
    assert impact("default", new, path)["words"] == [{"change": "+", "table": "labs", "concept": "cea", "number": 1}]
    assert impact(new, "default", path)["words"] == [{"change": "-", "table": "labs", "concept": "cea", "number": 1}]


def test_a_word_that_stays_text_on_purpose_gets_no_code(site: Site, case: Callable[..., Path]) -> None:
    new = site({"concepts/labs.toml": '[unheard]\ntext = "Unheard-of marker"\ncodings = []\n'})
    path = case(labs=[{"analyte": "Unheard-of marker", "value": 1}])
    for pair in (("default", new), (new, "default")):
        found = impact(*pair, path, code=0)
        assert (found["words"], found["causes"], len(found["without_effect"])) == ([], [], 1)


# -- data of patients --


@pytest.mark.parametrize("form", ["text", "json", "md"])
def test_values_are_told_only_when_asked_for(site: Site, case: Callable[..., Path], form: str) -> None:
    name = 'name = { elements = { text = { text = "name.family" }, family = { text = "name.family" } } }'
    told = "".join(f'"name.{part}" = "for the test"\n' for part in ("text", "given", "absent"))
    new = site({"resources/patient.toml": f"[elements]\n{name}\n[narrative_only]\n{told}"})
    command = ("mappings", "impact", "default", str(new), str(case()), "--format", form)
    plain, told = run(*command), run(*command, "--values")
    assert plain.exit_code == told.exit_code == 1
    assert "Patient.name.text" in plain.stdout
    assert "Secretfamily" not in plain.output
    assert "Secretfamily" in told.stdout


# -- cases and sets --


def test_workers_and_lines_change_no_answer(site: Site, tmp_path: Path) -> None:
    lines = tmp_path / "cases.ndjson"
    cases = [CASE | {"case": {"id": f"c{number}"}} for number in range(150)]
    lines.write_text("\n".join(map(json.dumps, [*cases[:70], {"case": {}}, *cases[70:]])) + "\n\n", encoding="utf-8")
    new = site({"concepts/labs.toml": CEA})
    one, two = (impact("default", new, lines, "--workers", number) for number in (1, 2))
    assert one == two
    assert (one["cases"], one["cases_of_neither"], one["resources_changed"]) == (151, 1, 150)
    places = [example["place"] for example in one["causes"][0]["examples"]]
    assert [place.rpartition(":")[0] for place in places] == [f"{lines}:{number}" for number in (1, 2, 3)]


def test_what_a_reader_reads_is_read_once_for_both() -> None:
    tables = FIXTURES / "readers" / "clinic"
    folder = tables / "mappings"
    found = impact(folder, folder, tables / "tables", "--as", "clinic", code=0)
    assert found["cases"] > 1
    assert found["findings"] == []


def test_a_whole_set(tmp_path: Path, case: Callable[..., Path]) -> None:
    shutil.copytree(data_dir("mappings"), tmp_path / "next")
    assert impact("default", tmp_path / "next", case(), code=0)["cases"] == 1
    lab = tmp_path / "next" / "resources" / "lab.toml"
    lab.write_text(lab.read_text("utf-8").replace('"final"', '"amended"'), encoding="utf-8")
    drugs = tmp_path / "next" / "concepts" / "drugs.toml"
    drugs.write_text(drugs.read_text("utf-8").replace("[letrozole]", "[letrozole-of-old]", 1), encoding="utf-8")
    whole = tmp_path / "whole"
    (tmp_path / "next").rename(whole)
    found = impact("default", whole, case())
    assert causes(found) == {"resources/lab elements.status: fixed 'final' -> 'amended'": (2, ["~ Observation.status"])}
    assert {one["entry"] for one in found["without_effect"]} == {
        "concepts/drugs letrozole: taken out",
        "concepts/drugs letrozole-of-old: added",
    }


# -- wrong usage --


def test_a_folder_that_is_not_there(case: Callable[..., Path]) -> None:
    done = run("mappings", "impact", "default", "no-such-folder", str(case()))
    assert done.exit_code == 2
    assert "no-such-folder is not a folder with mappings, nor 'default'" in done.stderr


def test_a_set_with_mistakes_is_named(site: Site, case: Callable[..., Path]) -> None:
    bad = site({"units.toml": "[x]\nspelings = []\n"})
    done = run("mappings", "impact", "default", str(bad), str(case()))
    assert done.exit_code == 3
    assert done.stderr.startswith(f"error: the mappings of {bad} cannot be used:\n")
    assert "units.toml" in done.stderr


def test_a_case_or_a_profile_that_is_not_there(site: Site, case: Callable[..., Path], tmp_path: Path) -> None:
    done = run("mappings", "impact", "default", "default", str(tmp_path / "none.yaml"))
    assert done.exit_code == 2
    assert "none.yaml" in done.stderr
    done = run("mappings", "impact", "default", "default", str(case()), "--profile", "nine")
    assert done.exit_code == 2
    assert "default has no profile 'nine', only r4, mcode" in done.stderr
