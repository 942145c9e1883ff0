"""The layers: each rule belongs to one, the documentation tells them as they are, and each is told by what became of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES

from fhirconv.r4 import all_types, constraints_of
from fhirconv.rules import RULES, invariant_rules, rule
from fhirconv.source import read_value
from fhirconv.validation.layers import BASE, LAYERS
from fhirconv.validation.run import Validator

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
PATIENT = {"resourceType": "Patient", "id": "a"}


def test_the_documentation_tells_the_layers_as_they_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    asked = {name: when for name, _, when in rows}
    assert [(name, covers) for name, covers, _ in rows] == [(layer.name, layer.covers) for layer in LAYERS]
    for layer in LAYERS:
        options = re.findall(r"--\w+", layer.asked_by)
        assert re.findall(r"--\w+", asked[layer.name]) == options, layer.name


def test_every_rule_belongs_to_a_layer_and_every_layer_has_rules() -> None:
    """'models' and 'server' speak in the words of others."""
    by_layer = {found.layer for found in RULES.values()} | {found.layer for found in invariant_rules().values()}
    assert by_layer == {layer.name for layer in LAYERS}
    assert set(BASE) < by_layer


def test_every_invariant_of_r4_is_a_rule() -> None:
    """A key that two types give two meanings says both."""
    known = invariant_rules()
    stated = {one.key: one for name in all_types() for one in constraints_of(name)}
    assert stated.keys() <= known.keys()
    for key, one in stated.items():
        assert one.human in known[key].title
        assert rule(key).layer == "invariants"


def test_a_rule_that_is_not_there_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError):
        rule("none")


def layers(data: Any, **options: Any) -> dict[str, str]:
    """What became of each layer."""
    return {name: run.status for name, run in Validator(**options).check(read_value(data)).layers.items()}


RECORDS: dict[str, Any] = {
    "resource": PATIENT,
    "wrong resource": PATIENT | {"gender": "x"},
    "not a resource": {"resourceType": "Pation"},
    "case": {"case": {"id": "c"}, "patient": {"sex": "female"}},
    "wrong case": {"case": {"id": "c"}, "patient": {"sex": "x"}},
    "neither": {"a": 1},
    "nothing": None,
}


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("options", [{}, {"strict": True, "profile": "mcode"}], ids=["plain", "asked"])
def test_every_layer_is_told_of(kind: str, options: dict[str, Any]) -> None:
    """None is left out, and what was asked for is never told as not asked for."""
    found = layers(RECORDS[kind], **options)
    assert list(found) == [layer.name for layer in LAYERS]
    assert set(found.values()) <= {"ran", "not asked for", "nothing to do", "not reached", "could not run"}
    assert found["input"] == "ran"
    if kind in ("wrong case", "neither", "nothing"):
        assert {found[name] for name in ("mapping", *BASE)} == {"not reached"}
    else:
        assert {found[name] for name in BASE} == {"ran"}
    if options:
        assert "not asked for" not in (found["models"], found["profiles"])
        assert (found["models"] == "ran") == (found["profiles"] == "ran") == (found["structure"] == "ran")
    else:
        assert found["models"] == "not asked for"
    assert found["server"] == "not asked for"


@pytest.mark.parametrize("layer", BASE)
def test_every_layer_that_is_said_to_have_run_finds_something(layer: str) -> None:
    """One defect for each, in one resource: no layer is a name only."""
    wrong = {
        "resourceType": "Observation",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script><p id="a"/><p id="a"/></div>'},
        "status": "fine",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-8"}]},
        "subject": {"reference": "Medication/1"},
        "effectivePeriod": {"start": "2020", "end": "2019"},
        "size": 1,
    }
    found = {issue.layer for issue in Validator().check(read_value(wrong)).issues}
    assert layer in found


def test_a_refused_bundle_has_been_through_the_layers(tmp_path: Path) -> None:
    """The Bundle of a case that our own checks refuse was checked: that is how it was found."""
    (tmp_path / "units.toml").write_text('["zrk"]\nspellings = ["zorks"]\n', encoding="utf-8")
    lab = {"analyte": "Hb", "value": 1, "unit": "zorks"}
    made = Validator(mappings=tmp_path).check(read_value({"case": {"id": "c"}, "patient": {}, "labs": [lab]}))
    assert [issue.rule for issue in made.issues if issue.is_error] == ["ucum-invalid"]
    assert {made.layers[name].status for name in ("mapping", *BASE)} == {"ran"}


def test_what_profiles_could_not_check_is_said() -> None:
    claims = PATIENT | {"meta": {"profile": ["https://hospital.test/StructureDefinition/p"]}}
    run = Validator().check(read_value(claims)).layers["profiles"]
    assert run.status == "not asked for"
    assert any("https://hospital.test/StructureDefinition/p" in note for note in run.notes)


def test_a_golden_bundle_ran_through_all_that_always_run() -> None:
    from fhirconv.source import read_file

    made = Validator().check(read_file(FIXTURES / "bundles" / "nakagawa-2022.r4.json"))
    assert made.issues == []
    assert {name for name, run in made.layers.items() if run.status == "ran"} == {"input", *BASE}
