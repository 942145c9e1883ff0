"""Answers that are none, not whole, not for us, or too much: P16, P18 to P22, P24, P25, P40."""

from __future__ import annotations

import gzip
import json
import os
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from ..faults import Answer, Exchange, Proxy, Script, fhir, on_transactions, once
from ..oracle import SYSTEMS, WAIT_S, Push

JSON = ("Content-Type", "application/fhir+json")
HTML = Answer(200, b"<!doctype html><title>Log in</title>", (("Content-Type", "text/html"),))


def instead(answer: Answer) -> Script:
    """Nothing reaches the server."""
    return lambda one: one.send(answer)


def turned(change: Callable[[bytes], bytes]) -> Script:
    """The server did it, and its answer is changed on the way."""

    def script(one: Exchange) -> None:
        answer = one.forward()
        one.send(answer._replace(body=change(answer.body)))

    return script


def turned_json(change: Callable[[Any], Any]) -> Script:
    return turned(lambda body: json.dumps(change(json.loads(body))).encode())


def then(answer: Callable[[Exchange, Answer], None]) -> Script:
    """The server did it, and this makes its answer into what goes out."""
    return lambda one: answer(one, one.forward())


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


@pytest.mark.parametrize("status", [302, 307])
def test_redirects_are_not_followed(push: Callable[..., Push], proxy: Proxy, hapi_url: str, status: int) -> None:
    """P21 P22: neither the patient nor a credential goes to another address, and it is no success."""
    one = push(2)
    with Proxy(hapi_url) as elsewhere:
        moved = Answer(status, b"", (("Location", elsewhere.url),))
        proxy.script = on_transactions(instead(moved))
        done = one.run(proxy.url, FHIRCONV_TOKEN="tok3n-canary-redirect")
        assert done.code == 4, done.err
        assert str(status) in done.err
        assert done.records["done"] == 0
        assert elsewhere.seen == []
    assert len(proxy.transactions) == 1
    if status == 307:
        one.check_canaries("tok3n-canary-redirect")
        proxy.heal()
        one.settle(proxy.url)


def bomb(one: Exchange, answer: Answer) -> None:
    """50 kB that unpack to 50 MB."""
    body = gzip.compress(bytes(50_000_000))
    one.raw(answer.head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body)


def flood(one: Exchange, answer: Answer) -> None:
    """5 GB are announced, and come as long as somebody listens."""
    one.raw(answer.head("Content-Length: 5000000000"))
    while not one.proxy.freed.is_set():
        one.raw(b" " * 1_000_000)


def headers_without_end(one: Exchange, answer: Answer) -> None:
    one.raw(b"HTTP/1.1 200 OK\r\n")
    while not one.proxy.freed.is_set():
        one.raw(b"X-More: " + b"x" * 60_000 + b"\r\n")


def many_headers(one: Exchange, answer: Answer) -> None:
    one.raw(b"HTTP/1.1 200 OK\r\n" + b"X-More: x\r\n" * 5000)
    one.stall()


def wait_without_end(one: Exchange, answer: Answer) -> None:
    """1xx answers, each of which says that the real one will come."""
    while not one.proxy.freed.wait(0.001):
        one.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.parametrize("too_much", [bomb, flood, headers_without_end, many_headers, wait_without_end])
def test_more_than_anybody_needs(
    push: Callable[..., Push], proxy: Proxy, too_much: Callable[[Exchange, Answer], None]
) -> None:
    """P24: it ends in time, within 400 MB of memory, as an unknown fate that the next run finds out."""
    one = push()
    proxy.script = on_transactions(then(too_much))
    process = one.start(proxy.url, "--timeout", "3", "--give-up-after", "1")
    end = threading.Timer(WAIT_S, process.kill)
    end.start()
    assert process.stdout
    assert process.stderr
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    end.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    assert "Traceback" not in err
    assert process.returncode == 0, out + err  # the look-up afterwards is answered, and finds all of it
    assert f"{one.planned} confirmed" in err
    assert usage.ru_maxrss < 400_000
    proxy.heal()
    one.settle(proxy.url)


def with_key_twice(body: bytes) -> bytes:
    return body.replace(b'"type"', b'"type": "transaction-response", "type"', 1)


STRANGE: dict[str, Callable[[bytes], bytes]] = {
    "key-twice": with_key_twice,
    "nan": lambda body: body.replace(b"{", b'{"total": NaN,', 1),
    "utf-16": lambda body: body.decode().encode("utf-16"),
    "deep": lambda body: body.replace(b"{", b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b",", 1),
    "cut-character": lambda body: body.replace(b'"type"', b'"\xff"', 1),
    "bom": lambda body: b"\xef\xbb\xbf" + body,
}


def test_answers_that_no_reader_should_take(push: Callable[..., Push], proxy: Proxy) -> None:
    """P25: each is one clear error and no crash; what the server holds decides."""
    one = push(2 * len(STRANGE))
    proxy.script = once(*(script for change in STRANGE.values() for script in (turned(change), None)))
    done = one.run(proxy.url)
    assert done.code == 0, done.err
    assert done.resources["confirmed"] >= 3 * (len(STRANGE) - 1)  # a byte order mark may be overlooked
    proxy.heal()
    one.settle(proxy.url)


def test_a_base_of_strange_answers(push: Callable[..., Push], proxy: Proxy) -> None:
    """P25: the same in the first answer of all; the terminal gets no escape sequences."""
    one = push()
    for body in (b'{"resourceType":"\x1b[2J"}', b"\xff\xfe{}", b"[" * 200_000, b'{"a":1,"a":2}', b"NaN", b""):
        proxy.script = instead(Answer(200, body, (JSON,)))
        done = one.run(proxy.url, "--give-up-after", "1")
        assert done.code == 4
        assert "\x1b" not in done.err
    assert not proxy.transactions


def post(url: str, resource: dict[str, Any], *, delete: bool = False) -> Any:
    method = "DELETE" if delete else "POST"
    headers = {"Content-Type": JSON[1], "Connection": "close"}
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
