"""What was right once is not looked at again: what is said of a concept does not depend on those that came before."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from fhirconv.profiles.check import Profiles, check_profiles
from fhirconv.profiles.packages import load_package

from .conftest import Pack
from .made import check, codes, lookup_in, profile, value_set

Json = dict[str, Any]

SYSTEM = "https://test.invalid/codes"
SET = value_set("set", codes(SYSTEM, "a", "b"))
BOUND: Json = {"binding": {"strength": "required", "valueSet": SET["url"]}}
BUNDLES = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "bundles").glob("maximal-*.mcode.json"))


def observation(*codings: Json, **more: Any) -> Json:
    return {"resourceType": "Observation", "code": {"coding": list(codings)} | more}


CODE = {"system": SYSTEM, "code": "a"}
CONCEPTS = (
    observation(CODE),
    observation(CODE, text="a"),
    observation(CODE, text="b"),
    observation({"system": SYSTEM, "code": "z"}),
    observation({"system": "https://other.invalid", "code": "a"}),
    observation({"code": "a"}),
    observation(CODE | {"display": "A"}),
    observation(CODE, {"system": SYSTEM, "code": "b"}),
    observation(CODE, extension=[{"url": "https://test.invalid/x", "valueString": "x"}]),
    observation(),
    {"resourceType": "Observation", "code": {"text": "a"}},
    {"resourceType": "Observation", "code": "a"},
)
ASKED = {
    "a required binding": BOUND,
    "an extensible binding": {"binding": {"strength": "extensible", "valueSet": SET["url"]}},
    "a binding to what nobody defines": {"binding": {"strength": "required", "valueSet": "https://none.invalid"}},
    "a pattern": {"patternCodeableConcept": {"coding": [CODE]}},
    "a pattern with words": {"patternCodeableConcept": {"text": "a"}},
    "a fixed value": {"fixedCodeableConcept": {"coding": [CODE], "text": "a"}},
    "an invariant": {"constraint": [{"key": "x-1", "severity": "error", "human": "x", "expression": "text != 'a'"}]},
}
PARTS = {
    "words": [{"id": "Observation.code.text", "min": 1}],
    "fixed words": [{"id": "Observation.code.text", "fixedString": "a"}],
    "one coding": [{"id": "Observation.code.coding", "max": "1"}],
    "a display": [{"id": "Observation.code.coding.display", "min": 1}],
    "no extension": [{"id": "Observation.code.extension", "max": "0"}],
    "slices": [
        {
            "id": "Observation.code.coding",
            "slicing": {"rules": "closed", "discriminator": [{"type": "value", "path": "code"}]},
        },
        {"id": "Observation.code.coding:a", "sliceName": "a", "min": 1, "max": "1"},
        {"id": "Observation.code.coding:a.code", "fixedCode": "a"},
    ],
}
PROFILES = {name: [{"id": "Observation.code"} | asks] for name, asks in ASKED.items()}
PROFILES |= {name: [{"id": "Observation.code"}, *parts] for name, parts in PARTS.items()}


@pytest.mark.parametrize("elements", PROFILES.values(), ids=list(PROFILES))
def test_what_is_said_of_a_concept_is_the_same_each_time(elements: list[Json], pack: Pack) -> None:
    used = pack(profile("p", "Observation", *elements), SET)
    first = [check(one, Profiles(used.packages), "p") for one in CONCEPTS]
    assert any(said != ([], []) for said in first)
    assert any(said == ([], []) for said in first) or any(notes for _, notes in first)
    for order in (CONCEPTS, CONCEPTS[::-1], CONCEPTS):
        said = [check(one, used, "p") for one in order]
        assert said == (first if order[0] is CONCEPTS[0] else first[::-1])


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_codes_changed_in_a_bundle_are_found_after_right_ones(path: Path, mcode: Profiles) -> None:
    """`mcode` has seen the Bundle with its right codes; a set of profiles of its own has not."""
    right = json.loads(path.read_bytes())
    wrong = copy.deepcopy(right)
    for entry in wrong["entry"]:
        for value in entry["resource"].values():
            for concept in value if isinstance(value, list) else [value]:
                if isinstance(concept, dict) and concept.get("coding"):
                    concept["coding"][0]["code"] += "x"
    fresh = Profiles([load_package("mcode")])
    for bundle in (right, wrong, right):
        assert check_profiles(bundle, mcode, None, lookup_in(bundle)) == check_profiles(
            bundle, fresh, None, lookup_in(bundle)
        )
        fresh = Profiles([load_package("mcode")])
