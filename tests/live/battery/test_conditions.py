"""Requests under a condition: several that match, and a server that overlooks it: P16, P40."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import requests

from ..faults import Exchange, Proxy
from ..oracle import SYSTEMS, WAIT_S, Push
from ..scripts import on_transactions, once


def post(url: str, resource: dict[str, Any], *, delete: bool = False) -> Any:
    method = "DELETE" if delete else "POST"
    headers = {"Content-Type": "application/fhir+json", "Connection": "close"}
    answer = requests.request(method, url, json=None if delete else resource, headers=headers, timeout=WAIT_S)
    answer.raise_for_status()
    return answer.json()


def test_several_resources_match(push: Callable[..., Push], hapi_url: str) -> None:
    """P16: no second try, both are named, the identifier's value is not; the other records go on."""
    one = push(3)
    name, value = next(iter(one.records[1].identifiers.items()))
    assert name.startswith("Patient/")
    twin = {"resourceType": "Patient", "identifier": [{"system": SYSTEMS["fact"], "value": value}]}
    twins = [post(f"{hapi_url}/Patient", twin)["id"] for _ in range(2)]
    done = one.run(hapi_url, "--identity", "identifier")
    assert done.code == 4, done.err
    assert done.records == {"done": 2, "failed": 1}
    assert done.again == 0
    assert value not in done.err.replace(one.cases[1]["case"]["id"] + "/", "")
    assert SYSTEMS["fact"] in done.err or all(f"Patient/{twin}" in done.err for twin in twins)
    for twin_id in twins:
        post(f"{hapi_url}/Patient/{twin_id}", {}, delete=True)
    one.settle(hapi_url, "--identity", "identifier")


def conditional_creates(one: Push) -> None:
    """In place of the case: a Bundle of two resources, each to be made if there is none with its identifier."""
    entries: list[dict[str, Any]] = []
    for kind in ("Organization", "Location"):
        value = f"{one.cases[0]['case']['id']}-{kind}"
        text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
        identifier = [{"system": "urn:oid:2.999.40", "value": value}]
        resource = {"resourceType": kind, "text": text, "identifier": identifier, "name": "x"}
        request = {"method": "POST", "url": kind, "ifNoneExist": f"identifier=urn:oid:2.999.40%7C{value}"}
        entries.append({"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": resource, "request": request})
    one.input.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))


def test_a_bundle_with_conditional_creates(push: Callable[..., Push], proxy: Proxy) -> None:
    """P06: what is made only where it is missing is told by the answer, and found when it is sent again."""
    one = push()
    conditional_creates(one)
    proxy.script = once(lambda exchange: exchange.forward() and exchange.reset())
    runs = [one.ended(one.start(proxy.url)) for _ in range(2)]
    assert [done.code for done in runs] == [0, 0]
    assert [done.resources for done in runs] == [{"unchanged": 2}, {"unchanged": 2}]


def test_a_server_that_overlooks_conditions(push: Callable[..., Push], proxy: Proxy) -> None:
    """P40: it stores twice what was sent twice: a push that was repeated sees that, says so, and makes it no worse."""
    one = push()
    conditional_creates(one)

    def script(exchange: Exchange) -> None:
        bundle = json.loads(exchange.body)
        for entry in bundle["entry"]:
            entry["request"].pop("ifNoneExist", None)
        answer = exchange.forward(json.dumps(bundle).encode())
        if exchange.attempt == 1:
            exchange.reset()
        exchange.send(answer)

    proxy.script = on_transactions(script)
    for _ in range(2):
        done = one.ended(one.start(proxy.url))
        assert done.code == 4, done.err
        assert "2 resources match" in done.err
    assert len(proxy.transactions) == 2
