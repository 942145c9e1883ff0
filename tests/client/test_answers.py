"""Answers: what is not exactly what was to come is no success."""

from __future__ import annotations

import json
from typing import Any

import pytest
from urllib3 import HTTPHeaderDict

from fhirconv.client.answers import EntryAnswer, outcome_of, read_json, transaction_answer
from fhirconv.client.errors import Unknown
from fhirconv.client.transport import Answer
from fhirconv.numbers import Number
from tests.client.conftest import Stub
from tests.client.messages import BODY, CANARY, URLS, answer, bundle, client_for, outcome, response

A, B = (response(url) for url in URLS)


def read(*entries: Any, urls: tuple[str, ...] = URLS) -> list[EntryAnswer]:
    return transaction_answer(said(bundle(*entries)), urls)


def said(body: object) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(200, HTTPHeaderDict(), content)


NO_ANSWER: dict[str, tuple[str, object]] = {
    "HTML": ("200 OK", b"<html>Please log in</html>"),
    "nothing": ("200 OK", b""),
    "204": ("204 No Content", b""),
    "an empty object": ("200 OK", {}),
    "a list": ("200 OK", [bundle(A, B)]),
    "another resource": ("200 OK", {"resourceType": "CapabilityStatement"}),
    "an OperationOutcome": ("200 OK", outcome({"severity": "error", "code": "invalid", "diagnostics": CANARY})),
    "202": ("202 Accepted", {}),
    "a Bundle of another type": ("200 OK", bundle(A, B, kind="batch-response")),
    "what we sent": ("200 OK", BODY),
}


@pytest.mark.parametrize("name", NO_ANSWER)
def test_what_is_no_answer_is_no_success(name: str, stub: Stub) -> None:
    """P18: whatever the status says."""
    status, body = NO_ANSWER[name]
    stub.answers(answer(status, body))
    with (
        client_for(stub.base) as client,
        pytest.raises(Unknown, match=f"^the server answered {status[:3]} with something") as caught,
    ):
        client.transaction(BODY, URLS)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([A], "has 1 entries, where 2 were asked for"),
        ([A, B, B], "has 3 entries, where 2 were asked for"),
        ([B, A], "names another resource in entry 0"),
        ([A, response(URLS[1], "400 Bad Request")], "status 400 in entry 1"),
        ([A, response(URLS[1], "304")], "status 304 in entry 1"),
        ([A, response(URLS[1], "2000")], "no status in entry 1"),
        ([A, response(URLS[1], "OK")], "no status in entry 1"),
        ([A, {"response": {"status": 200}}], None),
        ([A, {"response": {}}], "no status in entry 1"),
        ([A, {"response": "200"}], "no status in entry 1"),
        ([A, {}], "no status in entry 1"),
        ([A, None], "malformed entries"),
    ],
)
def test_each_entry_is_accounted_for(entries: list[Any], problem: str | None) -> None:
    """P20: as many, each 2xx by its first three digits, each about what was sent."""
    if problem is None:
        assert [one.status for one in read(*entries)] == [200, 200]
        return
    with pytest.raises(Unknown, match=problem):
        read(*entries)


def test_a_bundle_without_entries() -> None:
    """P20: an answer that lost all of them."""
    with pytest.raises(Unknown, match="has 0 entries"):
        transaction_answer(said({"resourceType": "Bundle", "type": "transaction-response"}), URLS)
    with pytest.raises(Unknown, match="malformed entries"):
        transaction_answer(said({"resourceType": "Bundle", "type": "transaction-response", "entry": {"0": A}}), URLS)


def coded(code: str) -> dict[str, Any]:
    return {"outcome": outcome({"severity": "information", "details": {"coding": [{"code": code}]}})}


@pytest.mark.parametrize(
    ("url", "entry", "made"),
    [
        ("Patient/a", response("Patient/a", "201 Created"), (201, "created", "1", "Patient/a")),
        ("Patient/a", response("Patient/a", "201"), (201, "created", "1", "Patient/a")),
        ("Patient/a", response("http://a.test/fhir/Patient/a", "201"), (201, "created", "1", "Patient/a")),
        ("Patient/a", response("Patient/a", **coded("SUCCESSFUL_UPDATE")), (200, "updated", "1", "Patient/a")),
        (
            "Patient/a",
            response("Patient/a", **coded("SUCCESSFUL_UPDATE_NO_CHANGE")),
            (200, "unchanged", "1", "Patient/a"),
        ),
        ("Patient/a", response("Patient/a", etag='W/"3"'), (200, "updated", "3", "Patient/a")),
        ("Patient/a", response("Patient/a", etag=None), (200, "updated", "1", "Patient/a")),
        ("Patient/a", {"response": {"status": "200 OK"}}, (200, "updated", "", "Patient/a")),
        ("Patient/a", {"response": {"status": "204 No Content"}}, (204, "deleted", "", "Patient/a")),
        (
            "Patient/a",
            {"response": {"status": "200 OK"} | coded("SUCCESSFUL_DELETE")},
            (200, "deleted", "", "Patient/a"),
        ),
        ("Patient?identifier=s%7Cv", response("Patient/x"), (200, "updated", "1", "Patient/x")),
        (
            "Patient?identifier=s%7Cv",
            response("Patient/x", **coded("SUCCESSFUL_UPDATE_WITH_CONDITIONAL_MATCH_NO_CHANGE")),
            (200, "unchanged", "1", "Patient/x"),
        ),
        ("Patient?identifier=s%7Cv", {"response": {"status": "200"}}, (200, "updated", "", "")),
    ],
)
def test_what_became_of_an_entry(url: str, entry: dict[str, Any], made: tuple[int, str, str, str]) -> None:
    """P20: also without a location, and as servers other than HAPI write it."""
    assert read(entry, urls=(url,)) == [made]


def test_a_match_of_another_type() -> None:
    """P20: a conditional request is about its type."""
    with pytest.raises(Unknown, match="another resource"):
        read(response("Observation/x"), urls=("Patient?identifier=s%7Cv",))


RIGHT = json.dumps(bundle(A, B))
UNREADABLE = {
    "a key twice": RIGHT.replace('"type"', '"type": "transaction-response", "type"').encode(),
    "a key twice, deep within": RIGHT.replace('"etag"', '"etag": "2", "etag"').encode(),
    "a key twice, compact": RIGHT.replace(" ", "").replace('"etag"', '"etag":"2","etag"').encode(),
    "NaN": RIGHT.replace('"entry"', '"total": NaN, "entry"').encode(),
    "UTF-16": RIGHT.encode("utf-16"),
    "a BOM": RIGHT.encode("utf-8-sig"),
    "no UTF-8": RIGHT.replace("transaction", "trans\xe4ction").encode("latin-1"),
    "a lone surrogate in UTF-8": RIGHT.replace("etag", "et\ud800ag").encode("utf-8", "surrogatepass"),
    "deep": RIGHT.replace('"entry"', '"x": ' + "[" * 100_000 + "]" * 100_000 + ', "entry"').encode(),
    "more behind it": (RIGHT + "{}").encode(),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_json_is_read_strictly(name: str, stub: Stub) -> None:
    """P25: one clear line says so."""
    stub.answers(answer("200 OK", UNREADABLE[name]))
    with (
        client_for(stub.base) as client,
        pytest.raises(Unknown, match=r"is not UTF-8 text|is not JSON|has a key twice") as caught,
    ):
        client.transaction(BODY, URLS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ['{"a":1}', '{ "a": "\\u00e9\\/" }', '{"a":[1e400,1.50]}', "{}"])
def test_what_is_right_json_is_read(text: str) -> None:
    """The fast way and the exact way; each takes it."""
    assert set(read_json(said(text.encode()))) == set(json.loads(text))


def test_digits_are_kept_where_they_are_asked_for() -> None:
    assert read_json(said(b'{"value":1.50}'), keep_digits=True)["value"] == Number("1.50")
    assert str(read_json(said(b'{"value":1.50}'), keep_digits=True)["value"]) == "1.50"


def test_an_outcome_with_control_characters_is_read() -> None:
    """P25: who prints it writes them as escapes; here the words are kept as they are."""
    for indent in (None, 1):
        issue = {"severity": "error", "code": "invalid", "diagnostics": "\x1b[31mred", "location": ["/f:Patient"]}
        content = json.dumps(outcome(issue), indent=indent).encode()
        assert outcome_of(said(content)) == (("error", "invalid", "\x1b[31mred", ("/f:Patient",)),)


@pytest.mark.parametrize(
    "body", [b"<html>", {}, outcome("a"), {"resourceType": "OperationOutcome", "issue": 5}, outcome({}, None)]
)
def test_what_is_no_outcome_has_no_issues(body: object) -> None:
    assert outcome_of(said(body)) == ()


def test_an_issue_of_odd_types() -> None:
    """P25: nothing in it raises."""
    odd = {"severity": None, "code": 5, "diagnostics": ["a"], "details": "b", "expression": [1, "Patient"]}
    assert outcome_of(said(outcome(odd))) == (("None", "5", "", ("Patient",)),)
