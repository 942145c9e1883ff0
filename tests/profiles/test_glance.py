"""A glance spares a check only where that says nothing: of right resources, and of such that were changed anywhere."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from fhirconv.profiles.check import Profiles, check_profiles
from fhirconv.profiles.plans import CompiledProfile
from fhirconv.profiles.run import Run
from fhirconv.validation.profiled import ProfileLayer
from tests.validation.fuzz import mutated

from .broken import MCODE
from .conftest import Pack
from .made import URL, codes, lookup_in, profile, value_set

Json = dict[str, Any]

BUNDLES = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "bundles").glob("m*.mcode.json"))
ROUNDS = 400


def bundles() -> list[Json]:
    return [json.loads(text) for path in BUNDLES if b'"profile"' in (text := path.read_bytes())]


def said(layer: ProfileLayer, resources: list[Json]) -> list[Any]:
    return [layer.run(one) for one in resources]


def changed_in_a_claim(rnd: random.Random, bundle: Json) -> Json:
    """The Bundle with one of the resources that claim a profile changed."""
    changed = copy.deepcopy(bundle)
    entry = rnd.choice([entry for entry in changed["entry"] if "profile" in entry["resource"].get("meta", {})])
    entry["resource"] = mutated(rnd, entry["resource"])
    return changed


@pytest.mark.parametrize("seed", range(3))
def test_a_glance_hides_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same findings and notes, in the same order, as without glances; by profiles that have seen the right Bundles."""
    rnd, right = random.Random(seed), bundles()
    changed = right + [changed_in_a_claim(rnd, rnd.choice(right)) for _ in range(ROUNDS)]
    seen = said(ProfileLayer("mcode", ["mcode"]), changed)
    monkeypatch.setattr(CompiledProfile, "is_met", lambda *_: False)
    assert seen == said(ProfileLayer("mcode", ["mcode"]), changed)
    assert sum(found != [] for found, _ in seen) > ROUNDS / 20


def test_most_right_resources_take_no_more_than_a_glance(mcode: Profiles) -> None:
    spared: dict[str, set[bool]] = {}
    for bundle in bundles():
        find = lookup_in(bundle)
        check_profiles(bundle, mcode, None, find)
        for entry in bundle["entry"]:
            resource = entry["resource"]
            for url in resource.get("meta", {}).get("profile", ()):
                found = mcode.profile(url)
                run = Run(mcode, find, resource)
                met = found is not None and found.is_met(resource, resource["resourceType"], run)
                spared.setdefault(url.removeprefix(MCODE), set()).add(met)
    assert {"mcode-cancer-patient", "mcode-primary-cancer-condition", "mcode-secondary-cancer-condition"} <= {
        name for name, met in spared.items() if met == {True}
    }
    assert True in spared["mcode-tumor-marker-test"]
    assert sum(True in met for met in spared.values()) > len(spared) / 2


CODE = value_set("set", codes("https://test.invalid/codes", "a"))
ELEMENTS: dict[str, list[Json]] = {
    "a count": [{"id": "Patient.identifier", "min": 1, "max": "2"}],
    "a count of one": [{"id": "Patient.birthDate", "min": 1}],
    "none of it": [{"id": "Patient.photo", "max": "0"}],
    "a type": [{"id": "Patient.deceased[x]", "type": [{"code": "boolean"}]}],
    "a part": [{"id": "Patient.name"}, {"id": "Patient.name.family", "min": 1}],
    "a fixed value": [{"id": "Patient.gender", "fixedCode": "female"}],
    "a pattern": [{"id": "Patient.maritalStatus", "patternCodeableConcept": {"text": "a"}}],
    "a length": [{"id": "Patient.name"}, {"id": "Patient.name.family", "maxLength": 3}],
    "a binding": [{"id": "Patient.maritalStatus", "binding": {"strength": "required", "valueSet": CODE["url"]}}],
    "a binding of words": [
        {"id": "Patient.address"},
        {
            "id": "Patient.address.state",
            "binding": {"strength": "extensible", "valueSet": CODE["url"], "max": CODE["url"]},
        },
    ],
    "a target": [
        {
            "id": "Patient.managingOrganization",
            "type": [{"code": "Reference", "targetProfile": [URL + "other"]}],
        }
    ],
    "an invariant": [
        {
            "id": "Patient.contact",
            "constraint": [
                {
                    "key": "x-1",
                    "severity": "error",
                    "human": "x",
                    "expression": "telecom.exists(system = 'phone') or name.empty()",
                }
            ],
        }
    ],
    "slices": [
        {
            "id": "Patient.identifier",
            "slicing": {"rules": "open", "discriminator": [{"type": "value", "path": "system"}]},
        },
        {"id": "Patient.identifier:a", "sliceName": "a", "min": 1, "max": "1"},
        {"id": "Patient.identifier:a.system", "fixedUri": "https://a.invalid"},
        {"id": "Patient.identifier:b", "sliceName": "b", "max": "0"},
        {"id": "Patient.identifier:b.system", "fixedUri": "https://b.invalid"},
    ],
}
PATIENT: Json = {
    "resourceType": "Patient",
    "identifier": [{"system": "https://a.invalid", "value": "1"}, {"system": "https://c.invalid", "value": "2"}],
    "name": [{"family": "Doe", "given": ["J"]}],
    "birthDate": "1950",
    "gender": "female",
    "deceasedBoolean": False,
    "maritalStatus": {"coding": [{"system": "https://test.invalid/codes", "code": "a"}], "text": "a"},
    "address": [{"state": "a"}],
    "contact": [{"name": {"family": "Doe"}, "telecom": [{"system": "phone", "value": "1"}]}],
    "contained": [{"resourceType": "Organization", "id": "o", "name": "x"}],
    "managingOrganization": {"reference": "#o"},
}
WRONG = (
    PATIENT | {"photo": [{"title": "x"}]},
    {name: value for name, value in PATIENT.items() if name != "deceasedBoolean"} | {"deceasedDateTime": "2020"},
    PATIENT | {"contained": [{"resourceType": "Organization", "id": "o"}]},
    PATIENT | {"contained": [{"resourceType": "Patient", "id": "o"}]},
)


@pytest.mark.parametrize("elements", ELEMENTS.values(), ids=list(ELEMENTS))
def test_a_glance_hides_nothing_of_a_kind_of_check(
    elements: list[Json], pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(
        profile("p", "Patient", *elements),
        profile("other", "Organization", {"id": "Organization.name", "min": 1}),
        CODE,
    )
    rnd = random.Random(0)
    changed = [PATIENT, PATIENT, *WRONG] + [mutated(rnd, PATIENT) for _ in range(ROUNDS)]
    seen = said(ProfileLayer(URL + "p", [tmp_path]), changed)
    monkeypatch.setattr(CompiledProfile, "is_met", lambda *_: False)
    assert seen == said(ProfileLayer(URL + "p", [tmp_path]), changed)
    assert {found == [] for found, _ in seen} == {True, False}
