"""Against HAPI: what a case no longer says is taken back, and nothing else is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fhirconv import validate
from fhirconv.client.client import FhirClient
from fhirconv.client.errors import Refused
from fhirconv.client.retry import RetryPolicy
from fhirconv.pushing import retract
from fhirconv.pushing.links import references_in
from fhirconv.pushing.present import look_up
from fhirconv.pushing.requests import Item
from fhirconv.pushing.retract import retractions
from fhirconv.pushing.units import Unit, unit_of
from fhirconv.source import read_value
from tests.live.records import case_of, send, settings, unit, without


@pytest.fixture
def client(hapi_url: str) -> Iterator[FhirClient]:
    with FhirClient(hapi_url, retry=RetryPolicy(conflict_tries=1)) as made:
        yield made


def pushed(client: FhirClient, case: dict[str, Any], identity: str = "id", profile: str = "r4") -> Unit:
    made = unit(case, settings(identity, profile))
    send(client, made.items)
    return made


def held(client: FhirClient, address: str) -> dict[str, Any]:
    found = client.read_many([address])[0]
    assert found is not None
    return found


@pytest.mark.parametrize("identity", ["id", "identifier"])
def test_what_the_facts_no_longer_hold_is_taken_back_in_the_same_transaction(
    client: FhirClient, unique: str, identity: str
) -> None:
    case = case_of("nakagawa-2022", unique)
    how = settings(identity)
    pushed(client, case, identity)
    assert retractions(client, unit(case, how), how) == []

    shorter = unit({key: case[key] for key in ("case", "patient", "source")}, how)
    taken_back = retractions(client, shorter, how)
    assert Counter(item.type for item in taken_back if item.method == "DELETE") == {"Provenance": 42}
    answers = send(client, [*shorter.items, *taken_back])
    assert Counter(one.made for one in answers[len(shorter.items) :]) == {"updated": 41, "deleted": 42}

    for item, present in zip(taken_back, look_up(client, taken_back), strict=True):
        if item.method == "DELETE":
            assert present.resource is None
            continue
        assert present.resource is not None
        status = present.resource.get("verificationStatus", {}).get("coding", [{}])[0].get("code")
        assert (status or present.resource["status"]) == "entered-in-error"
        assert "Entered in error" in present.resource["text"]["div"]
    assert retractions(client, shorter, how) == []  # what is taken back is not taken back again


@pytest.mark.parametrize("identity", ["id", "identifier"])
def test_a_fact_that_comes_back_is_simply_pushed_again(client: FhirClient, unique: str, identity: str) -> None:
    case = case_of("nakagawa-2022", unique)
    how = settings(identity)
    whole = pushed(client, case, identity)
    before = look_up(client, whole.items)
    shorter = unit({key: case[key] for key in ("case", "patient", "source")}, how)
    send(client, [*shorter.items, *retractions(client, shorter, how)])

    send(client, whole.items)
    after = look_up(client, whole.items)
    for old, new in zip(before, after, strict=True):
        assert old.resource is not None
        assert new.resource is not None
        if identity == "id":
            assert old.location == new.location
        assert {**old.resource, "meta": 0, "id": 0} == {**new.resource, "meta": 0, "id": 0} or identity == "identifier"
    assert retractions(client, unit(case, how), how) == []


@pytest.mark.parametrize("profile", ["r4", "mcode"])
def test_what_is_put_back_is_valid(client: FhirClient, unique: str, profile: str) -> None:
    case = case_of("nakagawa-2022", unique)
    how = settings(profile=profile)
    pushed(client, case, profile=profile)
    shorter = unit({key: case[key] for key in ("case", "patient", "source")}, how)
    marked = [item for item in retractions(client, shorter, how) if item.method == "PUT"]
    assert len(marked) > 30
    for item in marked:
        found = [issue.text() for issue in validate(item.resource, profile=profile) if issue.is_error]
        assert found == [], item.url


def test_what_we_did_not_make_is_left_alone_and_told(client: FhirClient, unique: str) -> None:
    case = case_of("minimal-labs", unique)
    how = settings()
    pushed(client, case)
    tag = {"tag": [{"system": how.case_system, "code": unique}]}
    fact = {"system": how.fact_system}
    plain = {"resourceType": "Observation", "meta": tag, "status": "final", "code": {"text": "theirs"}}
    theirs = [
        plain | {"id": f"{unique}a"},
        plain | {"id": f"{unique}b", "identifier": [fact | {"value": f"{unique}x/labs/1"}]},  # of another case
        plain
        | {"id": f"{unique}c", "identifier": [fact | {"value": f"{unique}/labs/1"}]},  # with an id that is not ours
    ]
    send(client, [Item(one, f"Observation/{one['id']}") for one in theirs])

    asked = unit(case, how)
    assert retractions(client, asked, how) == []
    told = [issue for issue in asked.issues if "left as it is" in issue.message]
    assert sorted(issue.message.split()[0] for issue in told) == [f"Observation/{unique}{x}" for x in "abc"]
    assert {issue.severity for issue in told} == {"warning"}


def test_a_fact_that_is_taken_out_takes_nothing_else_with_it(client: FhirClient, unique: str) -> None:
    case = case_of("takanashi-2019", unique)
    how = settings()
    whole = pushed(client, case)
    pushed(client, case_of("minimal-labs", f"{unique}-2"))  # another case, whose id begins alike
    shorter = unit(without(case, "bladder-disturbance"), how)
    gone = {item.url for item in whole.items} - {item.url for item in shorter.items}
    assert len(gone) == 2  # the fact and what quotes it
    taken_back = retractions(client, shorter, how)
    assert {item.url for item in taken_back} == gone
    answers = send(client, [*shorter.items, *taken_back])
    assert Counter(one.made for one in answers) == {"unchanged": 119, "updated": 2, "deleted": 1}
    assert {held(client, item.url)["meta"]["versionId"] for item in shorter.items} == {"1", "2"}


def test_one_resource_of_a_case_takes_nothing_of_the_rest_back(client: FhirClient, unique: str) -> None:
    """A line of NDJSON may be one resource of many that share a case."""
    how = settings()
    whole = pushed(client, case_of("minimal-labs", unique))
    for item in whole.items:
        alone = unit_of(read_value(client.read_many([item.url])[0]), 0, how)
        assert alone.cases == (unique,)
        assert retractions(client, alone, how) == []
        assert any("not a whole case" in issue.message for issue in alone.issues)


def test_a_deleted_resource_is_named_by_its_identifier_where_others_refer_to_it(
    client: FhirClient, unique: str
) -> None:
    """R4 has no code to mark an AdverseEvent as an error: it is deleted, also after those that refer to it were marked."""
    case = case_of("maximal-adverse_events", unique)
    how = settings()
    whole = pushed(client, case)
    events = {item.full_url for item in whole.items if item.type == "AdverseEvent"}
    referring = {
        item.url for item in whole.items if item.type == "Observation" and events & {*references_in(item.resource)}
    }
    assert referring
    kept = replace(whole, items=[item for item in whole.items if item.url not in referring])
    send(client, [item for item in retractions(client, kept, how) if item.url in referring])  # marked; their links stay

    nothing = unit({key: case[key] for key in ("case", "patient")}, how)
    taken_back = retractions(client, nothing, how)
    deleted = {item.url for item in taken_back if item.method == "DELETE"}
    assert any(url.startswith("AdverseEvent/") for url in deleted)
    send(client, [*nothing.items, *taken_back])
    assert not any(client.read_many(sorted(deleted)))
    assert retractions(client, unit({key: case[key] for key in ("case", "patient")}, how), how) == []


def test_all_pages_of_a_search_are_read(client: FhirClient, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of("nakagawa-2022", unique)
    how = settings()
    pushed(client, case)
    shorter = {key: case[key] for key in ("case", "patient", "source")}
    in_one = retractions(client, unit(shorter, how), how)
    monkeypatch.setattr(retract, "_PAGE", "7")
    assert {item.url for item in retractions(client, unit(shorter, how), how)} == {item.url for item in in_one}


def test_case_ids_with_signs_that_mean_something_in_a_search(client: FhirClient, unique: str) -> None:
    how = settings()
    case = case_of("minimal-labs", f"{unique},a$b\\c&d=é+%41 ;")
    pushed(client, case)
    shorter = unit({key: case[key] for key in ("case", "patient")}, how)
    assert [item.type for item in retractions(client, shorter, how)] == ["Observation"]


def test_a_type_that_the_server_does_not_know_is_left_out(client: FhirClient, unique: str) -> None:
    how = settings()
    case = case_of("minimal-labs", unique)
    pushed(client, case)
    made = how.mappings.resources
    strange = replace(how.mappings, resources=(replace(made[0], resource="Aardvark"), *made))
    shorter = unit({key: case[key] for key in ("case", "patient")}, how)
    assert retractions(client, shorter, how._replace(mappings=strange)) == retractions(client, shorter, how) != []


def test_what_changed_after_it_was_read_is_not_overwritten(client: FhirClient, unique: str) -> None:
    how = settings()
    case = case_of("minimal-labs", unique)
    pushed(client, case)
    shorter = unit({key: case[key] for key in ("case", "patient")}, how)
    taken_back = retractions(client, shorter, how)
    first = next(item for item in taken_back if item.method == "PUT")
    other = held(client, first.url) | {"note": [{"text": "by somebody else"}]}
    send(client, [Item(other, first.url)])
    with pytest.raises(Refused) as refused:
        send(client, [*shorter.items, *taken_back])
    assert refused.value.status in (409, 412)
    assert held(client, first.url)["note"] == [{"text": "by somebody else"}]
