"""Slices: told apart by each kind of discriminator, counted, closed, ordered, and sliced again."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Pack
from .made import URL, check, codes, profile, rules, value_set

Json = dict[str, Any]

SYSTEM = "https://test.invalid/codes"


def sliced(element: str, kind: str, path: str, *slices: Json, **more: Any) -> list[Json]:
    """An element with its slicing and slices."""
    slicing = {"discriminator": [{"type": kind, "path": path}], "rules": "open"} | more
    return [{"id": element, "slicing": slicing}, *slices]


def concept(code: str) -> Json:
    return {"coding": [{"system": SYSTEM, "code": code}]}


def observation(**values: Any) -> Json:
    return {"resourceType": "Observation"} | values


ONE = {"min": 1, "max": "1"}
CATEGORY = "Observation.category"
RIGHT, OTHER = observation(category=[concept("a"), concept("b")]), observation(category=[concept("b")])

BY_CODE = {
    "pattern of $this": sliced(
        CATEGORY, "pattern", "$this", {"id": CATEGORY + ":x", "patternCodeableConcept": concept("a")} | ONE
    ),
    "fixed value below": sliced(
        CATEGORY,
        "value",
        "coding.code",
        {"id": CATEGORY + ":x"} | ONE,
        {"id": CATEGORY + ":x.coding.code", "fixedCode": "a"},
    ),
    "pattern above the path": sliced(
        CATEGORY, "value", "coding.code", {"id": CATEGORY + ":x", "patternCodeableConcept": concept("a")} | ONE
    ),
    "required binding": sliced(
        CATEGORY,
        "value",
        "$this",
        {"id": CATEGORY + ":x", "binding": {"strength": "required", "valueSet": URL + "vs"}} | ONE,
    ),
    "pattern in the profile of the type": sliced(
        CATEGORY,
        "value",
        "coding",
        {"id": CATEGORY + ":x", "type": [{"code": "CodeableConcept", "profile": [URL + "about"]}]} | ONE,
    ),
}


@pytest.mark.parametrize("name", BY_CODE)
def test_slices_by_code(name: str, pack: Pack) -> None:
    about = profile(
        "about", "CodeableConcept", {"id": "CodeableConcept.coding", "patternCoding": concept("a")["coding"][0]}
    )
    profiles = pack(profile("p", "Observation", *BY_CODE[name]), value_set("vs", codes(SYSTEM, "a")), about)
    assert rules(RIGHT, profiles, "p") == {}
    assert rules(OTHER, profiles, "p") == {"profile-min": [""]}
    assert rules(observation(category=[concept("a"), concept("a")]), profiles, "p") == {"profile-max": ["category.1"]}


def test_slices_by_existence(pack: Pack) -> None:
    name = "Patient.name"
    slices = (
        {"id": name + ":whole", "min": 1},
        {"id": name + ":whole.family", "min": 1},
        {"id": name + ":words", "max": "1"},
        {"id": name + ":words.family", "max": "0"},
    )
    profiles = pack(profile("p", "Patient", *sliced(name, "exists", "family", *slices)))
    assert rules({"resourceType": "Patient", "name": [{"family": "x"}, {"text": "y"}]}, profiles, "p") == {}
    found = rules({"resourceType": "Patient", "name": [{"text": "x"}, {"text": "y"}]}, profiles, "p")
    assert found == {"profile-min": [""], "profile-max": ["name.1"]}


def test_slices_by_type(pack: Pack) -> None:
    value = "Observation.value[x]"
    quantity = (
        {"id": value + ":valueQuantity", "type": [{"code": "Quantity"}]},
        {"id": value + ":valueQuantity.code", "min": 1},
    )
    profiles = pack(profile("p", "Observation", *sliced(value, "type", "$this", *quantity, rules="closed")))
    assert rules(observation(valueQuantity={"value": 1, "code": "cm"}), profiles, "p") == {}
    assert rules(observation(valueQuantity={"value": 1}), profiles, "p") == {"profile-min": ["valueQuantity"]}
    assert rules(observation(valueString="x"), profiles, "p") == {"profile-slice": ["valueString"]}


def test_slices_by_what_a_reference_leads_to(pack: Pack) -> None:
    member = "Observation.hasMember"
    final = profile("final", "Observation", {"id": "Observation.status", "fixedCode": "final", "min": 1})
    of_type = [{"code": "Reference", "targetProfile": [URL + "final"]}]
    profiles = pack(
        final,
        profile(
            "p", "Observation", *sliced(member, "profile", "resolve()", {"id": member + ":x", "type": of_type} | ONE)
        ),
    )
    parts = [observation(id="a", status="final"), observation(id="b", status="amended")]
    for names, expected in (("ab", {}), ("b", {"profile-min": [""]}), ("aa", {"profile-max": ["hasMember.1"]})):
        whole = observation(contained=parts, hasMember=[{"reference": f"#{name}"} for name in names])
        assert rules(whole, profiles, "p") == expected


def test_slices_of_entries_by_type_and_by_profile(pack: Pack) -> None:
    named = profile("named", "Patient", {"id": "Patient.name", "min": 1})
    entry = "Bundle.entry"
    typed = (
        {"id": entry + ":who"} | ONE,
        {"id": entry + ":who.resource", "type": [{"code": "Patient", "profile": [URL + "named"]}]},
    )
    profiles = pack(
        named,
        profile("t", "Bundle", *sliced(entry, "type", "resource", *typed)),
        profile("p", "Bundle", *sliced(entry, "profile", "resource", *typed)),
    )
    nobody = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}
    assert rules(nobody, profiles, "t") == {"profile-min": ["entry.0.resource"]}  # it is in the slice, and wrong
    assert rules(nobody, profiles, "p") == {"profile-min": [""]}  # it is in no slice


def test_slices_of_extensions_by_url(pack: Pack) -> None:
    extension = "Patient.extension"
    slices = ({"id": extension + ":x", "type": [{"code": "Extension", "profile": [URL + "x"]}]} | ONE,)
    profiles = pack(profile("p", "Patient", *sliced(extension, "value", "url", *slices)))
    x, y = {"url": URL + "x", "valueString": "1"}, {"url": URL + "y", "valueString": "1"}
    assert rules({"resourceType": "Patient", "extension": [y, x]}, profiles, "p") == {}
    assert rules({"resourceType": "Patient", "extension": [y]}, profiles, "p") == {"profile-min": [""]}
    assert rules({"resourceType": "Patient", "extension": [x, x]}, profiles, "p") == {"profile-max": ["extension.1"]}


def test_a_path_through_an_extension(pack: Pack) -> None:
    name = "Patient.name"
    slices = (
        {"id": name + ":x", "min": 1},
        {"id": name + ":x.extension"},
        {"id": name + ":x.extension:kind", "type": [{"code": "Extension", "profile": [URL + "kind"]}]},
        {"id": name + ":x.extension:kind.value[x]", "fixedString": "birth"},
    )
    profiles = pack(profile("p", "Patient", *sliced(name, "value", f"extension('{URL}kind').value", *slices)))
    patient = {"resourceType": "Patient", "name": [{"extension": [{"url": URL + "kind", "valueString": "birth"}]}]}
    assert rules(patient, profiles, "p") == {}
    patient["name"][0]["extension"][0]["valueString"] = "other"
    assert rules(patient, profiles, "p")["profile-min"] == [""]


@pytest.mark.parametrize(
    ("more", "order", "wrong"),
    [
        ({"rules": "closed"}, "ab", []),
        ({"rules": "closed"}, "abz", ["category.2"]),
        ({"rules": "openAtEnd"}, "abz", []),
        ({"rules": "openAtEnd"}, "azb", ["category.2"]),
        ({"ordered": True}, "azb", []),
        ({"ordered": True}, "ba", ["category.1"]),
    ],
)
def test_rules_and_order(more: Json, order: str, wrong: list[str], pack: Pack) -> None:
    slices = [{"id": f"{CATEGORY}:{name}", "patternCodeableConcept": concept(name)} for name in "ab"]
    profiles = pack(profile("p", "Observation", *sliced(CATEGORY, "pattern", "$this", *slices, **more)))
    found = rules(observation(category=[concept(name) for name in order]), profiles, "p")
    assert found == ({"profile-slice": wrong} if wrong else {})


def test_the_default_slice_takes_what_is_left(pack: Pack) -> None:
    slices = [
        {"id": CATEGORY + ":a", "patternCodeableConcept": concept("a")},
        {"id": CATEGORY + ":@default"},
        {"id": CATEGORY + ":@default.text", "min": 1},
    ]
    profiles = pack(profile("p", "Observation", *sliced(CATEGORY, "pattern", "$this", *slices, rules="closed")))
    assert rules(observation(category=[concept("a"), {"text": "x"}]), profiles, "p") == {}
    assert rules(observation(category=[concept("a"), concept("b")]), profiles, "p") == {"profile-min": ["category.1"]}


def test_slices_are_sliced_again(pack: Pack) -> None:
    listed = {"discriminator": [{"type": "value", "path": "text"}], "rules": "open"}
    slices = [
        {"id": CATEGORY + ":a", "slicing": listed},
        {"id": CATEGORY + ":a.coding.code", "fixedCode": "a"},
        {"id": CATEGORY + ":a/one"} | ONE,
        {"id": CATEGORY + ":a/one.text", "fixedString": "one"},
    ]
    profiles = pack(profile("p", "Observation", *sliced(CATEGORY, "value", "coding.code", *slices)))
    assert rules(observation(category=[concept("a") | {"text": "one"}, concept("a")]), profiles, "p") == {}
    assert rules(observation(category=[concept("a"), {"text": "one"}]), profiles, "p") == {"profile-min": [""]}


def test_slices_that_cannot_be_told_apart_are_said_and_not_counted(pack: Pack) -> None:
    slices = {"id": CATEGORY + ":x", "binding": {"strength": "required", "valueSet": "https://test.invalid/none"}} | ONE
    profiles = pack(profile("p", "Observation", *sliced(CATEGORY, "value", "$this", slices, rules="closed")))
    findings, skipped = check(observation(category=[concept("a")]), profiles, "p")
    assert findings == []
    assert [each.what for each in skipped] == ["https://test.invalid/none", "Observation.category (p)"]
