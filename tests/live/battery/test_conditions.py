"""Requests under a condition: several that match, and a server that overlooks it: P16, P40."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from .. import loose
from ..faults import Answer, Exchange, Proxy
from ..oracle import SYSTEMS, WAIT_S, Push
from ..scripts import on_transactions, once, says, then

BY_IDENTIFIER = ("--identity", "identifier")


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


def family(one: Push) -> Any:
    """The family name in the case, to be changed."""
    return one.cases[0]["patient"]["name"]


def test_what_is_not_there_is_created_on_a_condition(push: Callable[..., Push], proxy: Proxy) -> None:
    """P15 P36: HAPI keeps two creations apart by their condition until the first update: nothing is updated needlessly."""
    one = push()
    assert one.run(proxy.url, *BY_IDENTIFIER).resources == {"created": one.planned}
    (sent,) = proxy.transactions
    requests_of = [entry["request"] for entry in json.loads(sent.body)["entry"]]
    assert {request["method"] for request in requests_of} == {"POST"}
    assert all(request["ifNoneExist"] and "?" not in request["url"] for request in requests_of)
    assert one.run(proxy.url, *BY_IDENTIFIER).resources == {"unchanged": one.planned}
    assert len(proxy.transactions) == 1
    family(one)["family"] += "x"
    one.write()
    assert one.run(proxy.url, *BY_IDENTIFIER).resources == {"updated": 1, "unchanged": one.planned - 1}
    (changed,) = json.loads(proxy.transactions[1].body)["entry"]
    assert (changed["resource"]["resourceType"], changed["request"]["method"]) == ("Patient", "PUT")


@pytest.mark.parametrize(
    ("is_same", "options"), [(True, ()), (False, ()), (False, ("--max-entries", "1"))], ids=["same", "other", "parts"]
)
def test_others_make_it_between_look_and_push(
    push: Callable[..., Push], proxy: Proxy, hapi_url: str, is_same: bool, options: tuple[str, ...]
) -> None:
    """P15 P36: what others made in the meantime is no second one, and is brought to what was to be, and told so."""
    one, own = push(), push()
    own.cases = [json.loads(json.dumps(one.cases[0]))]
    own.write()
    if not is_same:
        family(own)["family"] = "Before"
        own.write()

    def script(exchange: Exchange) -> None:
        if len(proxy.transactions) == 1:
            assert own.run(hapi_url, *BY_IDENTIFIER).code == 0
        exchange.pass_on()

    proxy.script = on_transactions(script)
    done = one.run(proxy.url, *BY_IDENTIFIER, *options)
    assert done.code == 0, done.err
    differing = {} if is_same else {"updated": 1}
    assert done.resources == {"unchanged": one.planned - len(differing), **differing}
    proxy.heal()
    settled = one.run(hapi_url, *BY_IDENTIFIER)
    assert settled.resources == {"unchanged": one.planned}
    assert one.held() == one.planned


def test_a_plan_and_others_who_make_what_it_was_to_create(
    push: Callable[..., Push], proxy: Proxy, hapi_url: str
) -> None:
    """What somebody else made between the look and the push is not in the plan: it is said, and left alone."""
    one, other = push(), push()
    other.cases = [json.loads(json.dumps(one.cases[0]))]
    family(other)["family"] = "Before"
    other.write()
    plan = loose.start(one, "plan", str(one.input), "--server", proxy.url, *BY_IDENTIFIER, "-o", "plan.json")
    assert one.ended(plan).code == 0

    def script(exchange: Exchange) -> None:
        assert other.run(hapi_url, *BY_IDENTIFIER).code == 0
        exchange.pass_on()

    proxy.script = on_transactions(script)
    done = loose.run(one, proxy.url, *BY_IDENTIFIER, "--plan", "plan.json")
    assert done.code == 4, done.err
    assert "the plan was made for a server without it" in done.err
    proxy.heal()
    assert other.run(hapi_url, *BY_IDENTIFIER).resources == {"unchanged": one.planned}


def test_a_lost_answer_to_part_of_a_case(push: Callable[..., Push], proxy: Proxy) -> None:
    """P04: of a correction that refers to what is there unchanged it is seen that it arrived."""
    one = push()
    assert one.run(proxy.url, *BY_IDENTIFIER).code == 0
    one.cases[0]["labs"][0]["value"] = 12.5
    one.write()
    proxy.script = on_transactions(then(lambda exchange, _: exchange.send(Answer(200, b"<html>"))))
    done = one.run(proxy.url, *BY_IDENTIFIER)
    assert done.code == 0, done.err
    assert done.resources == {"confirmed": 1, "unchanged": one.planned - 1}


def test_a_part_that_was_done_is_passed_over(push: Callable[..., Push], proxy: Proxy) -> None:
    """P17 P35: also one that refers to an earlier part, when a look finds it as it was sent."""
    one = push(labs=4)
    options = ("--max-entries", "2", "--give-up-after", "1")
    proxy.script = on_transactions(lambda each: (says(502) if each.record == 2 else Exchange.pass_on)(each))
    assert one.run(proxy.url, *options).code == 5
    proxy.heal()
    done = one.run(proxy.url, *options, "--verify")
    assert done.resources == {"done before": 4, "created": one.planned - 4}, done.err
