"""FhirClient against a real HAPI server: what the answers of ours are taken from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fhirconv import FhirClient
from fhirconv.client.capability import check_fit
from fhirconv.client.errors import Refused

SYSTEM = "urn:fhirconv:test"
MANY_S = 120.0


@pytest.fixture
def client(hapi_url: str) -> Iterator[FhirClient]:
    with FhirClient(hapi_url) as made:
        yield made


def transaction(*requests: tuple[str, str, dict[str, Any] | None]) -> tuple[bytes, list[str]]:
    """The Bundle of requests (method, url, resource), and its urls."""
    entries = [
        {"request": {"method": method, "url": url}} | ({"resource": resource} if resource else {})
        for method, url, resource in requests
    ]
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    return body, [url for _, url, _ in requests]


def patient(unique: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": unique}]} | more


def test_hapi_fits(client: FhirClient) -> None:
    """P14: the server that users test against is one that we push to."""
    capability = client.capability()
    assert (capability.software, capability.fhir_version, capability.kind) == ("HAPI FHIR Server", "4.0.1", "hapi")
    for identity in ("id", "identifier"):
        check_fit(capability, identity)


@pytest.mark.parametrize("by", ["id", "identifier"])
def test_what_became_of_a_resource(by: str, client: FhirClient, unique: str) -> None:
    """P20: created, unchanged, updated, deleted, as the server says it; a look-up finds what is there."""
    url = f"Patient/{unique}" if by == "id" else f"Patient?identifier={SYSTEM}%7C{unique}"
    own = {"id": unique} if by == "id" else {}

    def put(**more: Any) -> tuple[int, str, str]:
        ((status, made, version, location),) = client.transaction(
            *transaction(("PUT", url, patient(unique, **own, **more)))
        )
        assert location.startswith("Patient/")
        return status, made, version

    assert client.read_many([url]) == [None]
    assert put() == (201, "created", "1")
    assert put() == (200, "unchanged", "1")
    assert put(gender="female") == (200, "updated", "2")
    (found,) = client.read_many([url])
    assert found is not None
    assert found["gender"] == "female"
    (made,) = client.transaction(*transaction(("DELETE", f"Patient/{found['id']}", None)))
    assert made.made == "deleted"
    assert client.read_many([url, f"Patient/{found['id']}"]) == [None, None]


def test_the_same_at_the_same_time(client: FhirClient, unique: str) -> None:
    """P15: conflicts are tried again; there is one resource of one version, whoever was first.

    By id, that is: by conditional updates alone HAPI 8.8 was seen to make two, once in some dozens of such races.
    """
    body, urls = transaction(("PUT", f"Patient/{unique}", patient(unique, id=unique)))
    with ThreadPoolExecutor(4) as workers:
        waiting = [workers.submit(client.transaction, body, urls) for _ in range(8)]
        made = Counter(one.result(MANY_S)[0].made for one in waiting)
    assert made == {"created": 1, "unchanged": 7}
    (only,) = client.search("Patient", identifier=f"{SYSTEM}|{unique}")
    assert only["meta"]["versionId"] == "1"


def test_several_matches(client: FhirClient, unique: str) -> None:
    """P16: refused at once, and said without the value of the identifier."""
    client.transaction(
        *transaction(*(("PUT", f"Patient/{unique}{end}", patient(unique, id=unique + end)) for end in "ab"))
    )
    url = f"Patient?identifier={SYSTEM}%7C{unique}"
    for refused in (
        lambda: client.transaction(*transaction(("PUT", url, patient(unique)))),
        lambda: client.read_many([url]),
    ):
        with pytest.raises(Refused) as caught:
            refused()
        assert caught.value.status == 412
        assert SYSTEM not in str(caught.value)
    assert client.retries == 0


def test_a_refusal_in_the_words_of_the_server(client: FhirClient, unique: str) -> None:
    """P11: they are kept for the caller; the message has none of the data."""
    wrong = patient(unique, id=unique, gender=f"g{unique}")
    with pytest.raises(Refused) as caught:
        client.transaction(*transaction(("PUT", f"Patient/{unique}", wrong)))
    assert caught.value.status in (400, 422)
    assert f"g{unique}" in caught.value.outcome[0].text
    assert unique not in str(caught.value)
    assert client.read_many([f"Patient/{unique}"]) == [None]


def test_pages_and_digits(client: FhirClient, unique: str) -> None:
    """A search through several pages finds each once, each number with its digits."""
    tag = {"tag": [{"system": SYSTEM, "code": unique}]}
    common = {"resourceType": "Observation", "meta": tag, "status": "final", "code": {"text": "x"}}
    observations = [common | {"id": f"{unique}{number}", "valueQuantity": {"value": 1.5}} for number in range(7)]
    body, urls = transaction(*(("PUT", f"Observation/{one['id']}", one) for one in observations))
    client.transaction(body.replace(b"1.5", b"1.50"), urls)
    found = list(client.search("Observation", _tag=f"{SYSTEM}|{unique}", _count="3"))
    assert sorted(one["id"] for one in found) == [one["id"] for one in observations]
    assert {str(one["valueQuantity"]["value"]) for one in found} == {"1.50"}
