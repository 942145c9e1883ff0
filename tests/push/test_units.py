"""Records as requests: everything that is pushed can be pushed again, and what cannot is told at its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES

from fhirconv import convert, validate
from fhirconv.pushing.links import references_in
from fhirconv.pushing.pusher import settings_for
from fhirconv.pushing.requests import transaction
from fhirconv.pushing.seen import Seen
from fhirconv.pushing.units import Unit, unit_of
from fhirconv.source import read_bytes, read_file, read_value

SETTINGS = {name: settings_for(name) for name in ("id", "identifier")}
DATED = FIXTURES / "cases/maximal-source.yaml"  # no time in it is relative to another
CASE = FIXTURES / "cases/nakagawa-2022.yaml"
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "gender": "female",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">p</div>'},
}
SYSTEM = SETTINGS["id"].fact_system


def unit(data: Any, identity: str = "id") -> Unit:
    return unit_of(read_value(data), 0, SETTINGS[identity])


def bundle(*entries: dict[str, Any], type_: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


def put(resource: dict[str, Any], url: str = "", **request: str) -> dict[str, Any]:
    url = url or f"{resource['resourceType']}/{resource['id']}"
    return {
        "fullUrl": "urn:uuid:7dd75aa9-a899-54ff-9408-5b70ae3c818e",
        "resource": resource,
        "request": {"method": "PUT", "url": url, **request},
    }


QUERY = "identifier=http%3A%2F%2Fa.test%7C1"
ASKED = put(PATIENT) | {"request": {"method": "POST", "url": "Patient", "ifNoneExist": QUERY}}


def test_a_case_is_sent_as_the_very_bytes_that_convert_writes() -> None:
    made = unit_of(read_file(DATED), 0, SETTINGS["id"])
    assert made.ok
    assert transaction(made.items) == convert(DATED).json()
    assert made.cases == ("maximal-source",)


def test_a_bundle_that_convert_wrote_gives_the_same_requests_as_its_case() -> None:
    for kind in ("transaction", "collection"):
        written = read_bytes(convert(DATED, bundle=kind).json(), "b.json")
        assert transaction(unit_of(written, 0, SETTINGS["id"]).items) == convert(DATED).json()


@pytest.mark.parametrize("case", sorted((FIXTURES / "cases").glob("*.yaml")), ids=lambda path: path.stem)
def test_but_for_what_times_are_relative_to_every_byte_is_as_convert_writes_it(case: Path) -> None:
    made = unit_of(read_file(case), 0, SETTINGS["id"])
    sent, written = transaction(made.items), convert(case).json()
    for item in made.items:  # 'urn:uuid:' for 'Type/', in extensions of primitives and nowhere else
        of_a_primitive = b'"valueReference":{"reference":"%s"'
        named = f"{item.type}/{item.full_url[9:]}".encode()
        sent = sent.replace(of_a_primitive % named, of_a_primitive % item.full_url.encode())
    assert sent == written


@pytest.mark.parametrize("identity", ["id", "identifier"])
def test_what_a_time_is_relative_to_is_named_without_the_server(identity: str) -> None:
    """HAPI leaves full URLs as they are in extensions of primitives, where they would lead nowhere."""
    made = unit_of(read_file(CASE), 0, SETTINGS[identity])
    targets = [
        part["valueReference"]
        for item in made.items
        for key, value in item.resource.items()
        if key.startswith("_")
        for extension in value["extension"]
        for part in extension.get("extension", ())
        if "valueReference" in part
    ]
    known = {f"{item.type}/{item.full_url[9:]}" for item in made.items}
    assert len(targets) == 10
    for target in targets:
        if identity == "id":
            assert target["reference"] in known
        else:
            assert "reference" not in target
            assert target["identifier"]["value"].startswith("nakagawa-2022/")
    assert not [issue for issue in validate(json.loads(transaction(made.items))) if issue.is_error]


@pytest.mark.parametrize("case", sorted((FIXTURES / "cases").glob("*.yaml")), ids=lambda path: path.stem)
def test_by_identifier_every_resource_is_found_by_what_it_has_on_the_server(case: Path) -> None:
    made = unit_of(read_file(case), 0, SETTINGS["identifier"])
    assert made.ok
    wanted = {item.full_url for item in made.items}
    for item in made.items:
        assert "id" not in item.resource
        name = "_tag" if item.type in ("Provenance", "AdverseEvent") else "identifier"
        assert item.url.startswith(
            f"{item.type}?{name}=urn%3Auuid%3A86587458-7463-4f48-a399-1ec451e11054%7C{made.cases[0]}"
        )
        assert set(references_in(item.resource)) <= wanted


def test_a_batch_becomes_a_transaction_by_identifier_too() -> None:
    written = read_bytes(convert(CASE, bundle="batch").json(), "b.json")
    made = unit_of(written, 0, SETTINGS["identifier"])
    assert made.ok
    assert {reference for item in made.items for reference in references_in(item.resource)} <= {
        item.full_url for item in made.items
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bundle(put(PATIENT) | {"request": {"method": "POST", "url": "Patient"}}), "POST without ifNoneExist"),
        (bundle(put(PATIENT, ifNoneMatch='W/"1"')), "has ifNoneMatch"),
        (bundle({"request": {"method": "DELETE", "url": "Patient/p1"}}), "is a DELETE"),
        (
            bundle(ASKED, ASKED | {"fullUrl": "urn:uuid:7dd75aa9-a899-54ff-9408-5b70ae3c818f"}),
            "asks for the same resource",
        ),
        ({key: value for key, value in PATIENT.items() if key != "id"}, "has no id"),
        ({"resourceType": "Bundle", "type": "collection"}, "without entries"),
        (
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "entry": [{"resource": PATIENT, "fullUrl": "http://a.test/Patient/p1"}],
            },
            "of type 'searchset'",
        ),
    ],
)
def test_what_would_not_be_the_same_twice_is_not_sent(data: dict[str, Any], words: str) -> None:
    made = unit(data)
    assert not made.ok
    assert words in " ".join(issue.message for issue in made.issues if issue.is_error)


def test_the_entry_that_cannot_be_sent_is_told_with_its_line() -> None:
    text = json.dumps(bundle(put(PATIENT) | {"request": {"method": "POST", "url": "Patient"}}), indent=1)
    [issue] = [one for one in unit_of(read_bytes(text.encode(), "b.json"), 0, SETTINGS["id"]).issues if one.is_error]
    assert issue.place.line == 5
    assert issue.rule == "push-request"


def test_requests_of_others_that_can_be_repeated_stay_as_they_are() -> None:
    for entry in (ASKED, put(PATIENT, f"Patient?{QUERY}"), put(PATIENT, ifMatch='W/"3"')):
        [item] = unit(bundle(entry)).items
        assert item.entry() == entry
    [item] = unit(bundle(ASKED), "identifier").items
    assert item.look_up == f"Patient?{QUERY}"


def test_what_has_none_of_our_identifiers_cannot_be_asked_for_by_one() -> None:
    made = unit(PATIENT, "identifier")
    assert not made.ok
    assert f"no identifier of the system {SYSTEM}" in made.issues[-1].message


def test_an_identifier_cannot_widen_its_search() -> None:
    named = PATIENT | {"identifier": [{"system": SYSTEM, "value": "a,b|c$d\\e&_id=x"}]}
    [item] = unit(named, "identifier").items
    assert (
        item.url
        == "Patient?identifier=urn%3Auuid%3A86587458-7463-4f48-a399-1ec451e11054%7Ca%5C%2Cb%5C%7Cc%5C%24d%5C%5Ce%26_id%3Dx"
    )


def test_a_resource_alone_has_one_request() -> None:
    [item] = unit(PATIENT).items
    assert (item.method, item.url) == ("PUT", "Patient/p1")


def test_a_case_with_errors_has_findings_and_no_requests() -> None:
    made = unit_of(read_file(FIXTURES / "readme/wrong.yaml"), 0, SETTINGS["id"])
    assert not made.ok
    assert not made.items
    assert made.issues[0].place.line == 2


def test_a_case_that_comes_again_with_other_facts_is_an_error() -> None:
    def record(number: int, sex: str, case: str = "one") -> Unit:
        return unit_of(
            read_value({"case": {"id": case}, "patient": {"sex": sex}}, f"r{number}"), number, SETTINGS["id"]
        )

    with Seen() as seen:
        made = [seen.checked(record(*what)) for what in ((0, "female"), (1, "male", "two"), (2, "female"), (3, "male"))]
    assert [one.ok for one in made] == [True, True, True, False]
    assert "its Patient came before, in r0, with other content" in made[3].issues[-1].text()
