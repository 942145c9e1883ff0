"""The oracle itself: it must not overlook what the other tests rely on it to see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from ..oracle import WAIT_S, Done, Push


def send(method: str, url: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/fhir+json", "Connection": "close"}
    requests.request(method, url, json=body, headers=headers, timeout=WAIT_S).raise_for_status()


def test_it_sees_what_is_wrong_on_the_server(push: Callable[..., Push], hapi_url: str) -> None:
    """A resource that is missing, one version more, one resource twice, one that has nothing to do there."""
    one = push()
    with pytest.raises(AssertionError):
        one.check_server()
    assert one.run(hapi_url).code == 0
    one.check_server()
    address = next(name for name in one.records[0].identifiers if name.startswith("Observation/"))
    headers = {"Connection": "close"}
    held = requests.get(f"{hapi_url}/{address}", headers=headers, timeout=WAIT_S).json()
    send("PUT", f"{hapi_url}/{address}", {**held, "language": "en"})
    with pytest.raises(AssertionError):
        one.check_server()
    one.cases = [{**one.cases[0], "case": {"id": f"{one.cases[0]['case']['id']}-b"}}]
    twin = Push(one.folder / "work", hapi_url, cases=one.cases)
    assert twin.run(hapi_url).code == 0
    twin.check_server()
    address = next(name for name in twin.records[0].identifiers if name.startswith("Observation/"))
    held = requests.get(f"{hapi_url}/{address}", headers=headers, timeout=WAIT_S).json()
    send("POST", f"{hapi_url}/Observation", {name: value for name, value in held.items() if name != "id"})
    with pytest.raises(AssertionError):
        twin.check_server()


@pytest.mark.parametrize(
    ("out", "err"),
    [
        ("", "1 record: 1 done\n3 resources: 2 created\n"),
        ("c: created Patient/1\n", "1 record: 1 done\n3 resources: 3 created\n"),
        ("", "2 records: 2 not sent\n6 resources: 6 not sent\n"),
        ("", "1 record: 1 sent\n3 resources: 3 unknown\n"),
        ("", "error: no connection\n"),
        ("", "1 record: 1 unknown\n3 resources: 3 unknown\n"),
    ],
)
def test_it_sees_a_summary_that_does_not_add_up(push: Callable[..., Push], out: str, err: str) -> None:
    with pytest.raises(AssertionError):
        push().check_summary(Done(0, out, err))


def test_it_sees_canaries(push: Callable[..., Push]) -> None:
    one = push()
    one.check_canaries("s3cret")
    one.runs = [Done(1, "", f"about {one.canaries[1]}")]
    with pytest.raises(AssertionError):
        one.check_canaries()
    one.runs = []
    one.journal.write_bytes(b"\0s3cret\0")
    with pytest.raises(AssertionError):
        one.check_canaries("s3cret")
    assert one.canaries[0] in json.dumps(one.cases)
