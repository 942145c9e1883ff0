"""Answers that are none, not whole, or about something else: P18 to P20."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ..faults import Answer, Exchange, Proxy, Script, fhir
from ..oracle import Push
from ..scripts import instead, on_transactions, once, then, turned

HTML = Answer(200, b"<!doctype html><title>Log in</title>", (("Content-Type", "text/html"),))


def turned_json(change: Callable[[Any], Any]) -> Script:
    return turned(lambda body: json.dumps(change(json.loads(body))).encode())


def only_chunk(one: Exchange, answer: Answer) -> None:
    """Half of the body in one chunk, and no end."""
    half = answer.body[: len(answer.body) // 2]
    one.raw(answer.head("Transfer-Encoding: chunked") + f"{len(half):x}\r\n".encode() + half + b"\r\n")
    one.close()


def short(one: Exchange, answer: Answer) -> None:
    """Half of what Content-Length says."""
    one.raw(answer.raw()[: -len(answer.body) // 2])
    one.close()


def until_close(one: Exchange, answer: Answer) -> None:
    """Half of the body, and that is all: no length was named."""
    one.raw(answer.head("Connection: close") + answer.body[: len(answer.body) // 2])
    one.close()


NOT_SENT_ON = {
    "page": HTML,
    "empty": Answer(204),
    "nothing": fhir(200, {}),
    "statement": fhir(200, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}),
    "batch": fhir(
        200, {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": "201"}}] * 3}
    ),
    "list": fhir(200, []),
    "null": fhir(200, None),
    "accepted": Answer(202, b"", (("Content-Location", "http://127.0.0.1/job"),)),
    "bare": fhir(200, {"resourceType": "Bundle", "type": "transaction-response"}),
    "malformed": fhir(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": [None, 1, "x"]}),
}


def test_answers_that_prove_nothing(push: Callable[..., Push], proxy: Proxy) -> None:
    """P18: 2xx alone is no success; between them records go on, and the next run sends what did not arrive."""
    one = push(2 * len(NOT_SENT_ON))
    proxy.script = once(*(script for answer in NOT_SENT_ON.values() for script in (instead(answer), None)))
    done = one.run(proxy.url, "--give-up-after", "5")
    assert done.code == 5
    assert done.records == {"done": len(NOT_SENT_ON), "unknown": len(NOT_SENT_ON)}
    assert done.resources["created"] == one.held() == one.planned / 2
    proxy.heal()
    further = one.settle(proxy.url)
    assert further.resources["created"] == one.planned / 2


def test_a_login_page_in_place_of_all(push: Callable[..., Push], proxy: Proxy) -> None:
    """P18: a run of which nothing is understood ends, and not with the whole input unknown."""
    one = push(12)
    proxy.script = lambda each: each.pass_on() if each.method == "GET" else each.send(HTML)
    done = one.run(proxy.url)
    assert done.code == 5
    assert len(proxy.transactions) <= 5
    assert "stopped" in done.err
    proxy.heal()
    one.settle(proxy.url)


CUT = {"length": then(short), "chunk": then(only_chunk), "close": then(until_close)}


def test_answers_that_are_cut(push: Callable[..., Push], proxy: Proxy) -> None:
    """P19: half an answer is none, also where neither length nor chunks say that it is half."""
    one = push(len(CUT))
    proxy.script = once(*CUT.values())
    done = one.run(proxy.url)
    assert done.code == 0, done.err
    assert done.resources["created"] == 0
    assert done.resources["unchanged"] + done.resources["confirmed"] == one.planned
    proxy.heal()
    one.settle(proxy.url)


def _fewer(bundle: dict[str, Any]) -> dict[str, Any]:
    return {**bundle, "entry": bundle["entry"][:-1]}


def _turned_round(bundle: dict[str, Any]) -> dict[str, Any]:
    return {**bundle, "entry": bundle["entry"][::-1]}


def _with_response(bundle: dict[str, Any], at: int, **changes: Any) -> dict[str, Any]:
    entries = [dict(entry) for entry in bundle["entry"]]
    response = {**entries[at]["response"], **changes}
    entries[at]["response"] = {name: value for name, value in response.items() if value is not None}
    return {**bundle, "entry": entries}


def _as_batch(bundle: dict[str, Any]) -> dict[str, Any]:
    return {**bundle, "type": "batch-response"}


DOUBTFUL: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "fewer": _fewer,
    "turned-round": _turned_round,
    "refused-inside": lambda bundle: _with_response(bundle, 1, status="400 Bad Request"),
    "no-status": lambda bundle: _with_response(bundle, 2, status=None),
    "status-of-four-digits": lambda bundle: _with_response(bundle, 0, status="2010"),
    "batch-response": _as_batch,
    "more": lambda bundle: {**bundle, "entry": [*bundle["entry"], bundle["entry"][0]]},
}
GOOD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "bare-status": lambda bundle: _with_response(bundle, 0, status="201"),
    "no-location": lambda bundle: _with_response(bundle, 1, location=None),
    "no-etag": lambda bundle: _with_response(bundle, 2, etag=None),
    "no-outcome": lambda bundle: _with_response(bundle, 0, outcome=None),
}


@pytest.mark.parametrize("identity", ["id", "identifier"])
def test_accounts_of_entries(push: Callable[..., Push], proxy: Proxy, identity: str) -> None:
    """P20: what does not tell the success of each entry is looked up on the server; what does, is taken."""
    one = push(len(DOUBTFUL) + len(GOOD))
    proxy.script = once(*map(turned_json, (*DOUBTFUL.values(), *GOOD.values())))
    done = one.run(proxy.url, "--identity", identity)
    assert done.code == 0, done.err
    assert done.resources == {"confirmed": 3 * len(DOUBTFUL), "created": 3 * len(GOOD)}
    proxy.heal()
    one.settle(proxy.url, "--identity", identity)


def test_a_server_that_takes_a_transaction_for_a_batch(push: Callable[..., Push], proxy: Proxy) -> None:
    """P20: one entry refused and the others stored, under a 200: no success, and the next run makes it whole."""
    one = push()

    def script(exchange: Exchange) -> None:
        bundle = json.loads(exchange.body)
        refused = bundle["entry"].pop()
        assert refused["resource"]["resourceType"] == "Provenance"
        answer = exchange.forward(json.dumps(bundle).encode())
        answered = json.loads(answer.body)
        answered["entry"].append({"response": {"status": "422 Unprocessable Entity"}})
        exchange.send(answer._replace(body=json.dumps(answered).encode()))

    proxy.script = on_transactions(script)
    done = one.run(proxy.url)
    assert done.code in (4, 5)
    assert done.records["done"] == 0
    assert one.held() == one.planned - 1
    proxy.heal()
    assert one.settle(proxy.url).resources == {"unchanged": one.planned - 1, "created": 1}
