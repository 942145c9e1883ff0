"""Answers of a server, read strictly: what is not exactly what was to come is no success.

Spec: https://hl7.org/fhir/R4/http.html#transaction-response, https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from fhirconv.client.errors import OutcomeIssue, Unknown
from fhirconv.client.transport import Answer
from fhirconv.json_source import read_json as read_exactly

_UNREADABLE = {"not-json", "too-deep", "duplicate-key"}
_STATUS = re.compile(r"[1-5][0-9]{2}(?![0-9])")
_SHORTEST = 3  # of a secret that is looked for in words: shorter ones stand in too many
_ETAG = re.compile(r'(?:W/)?"?([^"]*)"?')


class EntryAnswer(NamedTuple):
    """What became of one entry of a transaction. `made` is created, updated, unchanged or deleted; `location` Type/id."""

    status: int
    made: str
    version: str
    location: str


def read_json(answer: Answer, keep_digits: bool = False) -> Any:
    """The JSON value of an answer: UTF-8, no key twice, no NaN. Raises Unknown, whose text quotes nothing of it.

    With `keep_digits` numbers are as fhirconv.numbers reads them, else floats.
    """
    if not keep_digits:
        try:
            value = orjson.loads(answer.content)
            if orjson.dumps(value) == answer.content:  # a key that stood twice would be missing now
                return value
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            pass  # the exact way says what is wrong
    return _read_exactly(answer)


def _read_exactly(answer: Answer) -> Any:
    try:
        document = read_exactly(answer.content.decode("utf-8"), "the answer")
    except UnicodeDecodeError:
        raise _none(answer, "is not UTF-8 text") from None
    for issue in document.issues:
        if issue.rule in _UNREADABLE:
            raise _none(
                answer, "has a key twice" if issue.rule == "duplicate-key" else "is not JSON, or is cut or too deep"
            )
    return document.data


def _none(answer: Answer, why: str) -> Unknown:
    return Unknown(f"the server answered {answer.status} with something that {why}", answer.status)


def read_resource(answer: Answer, resource_type: str, keep_digits: bool = False) -> dict[str, Any]:
    """The resource of an answer, of this type. Raises Unknown."""
    value = read_json(answer, keep_digits)
    if not isinstance(value, dict) or value.get("resourceType") != resource_type:
        raise _none(answer, f"is no {resource_type}")
    return value


def outcome_of(answer: Answer) -> tuple[OutcomeIssue, ...]:
    """The issues of an OperationOutcome; none if the answer is something else, or malformed."""
    try:
        issues = read_resource(answer, "OperationOutcome").get("issue")
    except Unknown:
        return ()
    found = objects(issues)
    return tuple(_outcome_issue(_without(one, answer.secrets)) for one in found) if found == issues else ()


def _without(value: Any, secrets: tuple[str, ...]) -> Any:
    """The value with every secret cut out of its texts."""
    if isinstance(value, dict):
        return {key: _without(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, secrets) for inner in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "[…]") if len(secret) > _SHORTEST else value
    return value


def _outcome_issue(issue: dict[str, Any]) -> OutcomeIssue:
    texts = [issue.get("diagnostics"), object_of(issue.get("details")).get("text")]
    places = issue.get("expression") or issue.get("location")
    return OutcomeIssue(
        str(issue.get("severity", "")),
        str(issue.get("code", "")),
        next((text for text in texts if isinstance(text, str) and text), ""),
        tuple(place for place in places if isinstance(place, str)) if isinstance(places, list) else (),
    )


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, if it is one."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def object_of(value: Any) -> dict[str, Any]:
    """An object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def entries(
    answer: Answer, bundle_type: str, count: int | None = None, keep_digits: bool = False
) -> list[dict[str, Any]]:
    """The entries of a Bundle of this type, `count` of them where that is known. Raises Unknown."""
    bundle = read_resource(answer, "Bundle", keep_digits)
    if bundle.get("type") != bundle_type:
        raise _none(answer, f"is no Bundle of type {bundle_type}")
    found = bundle.get("entry", [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _none(answer, "has malformed entries")
    if count is not None and len(found) != count:
        raise _none(answer, f"has {len(found)} entries, where {count} were asked for")
    return found


def status_of(entry: dict[str, Any]) -> int:
    """The status of an entry by its first three digits ('201', '201 Created'); 0 if it has none."""
    match = _STATUS.match(str(object_of(entry.get("response")).get("status", "")))
    return int(match.group()) if match else 0


def transaction_answer(answer: Answer, urls: Sequence[str]) -> list[EntryAnswer]:
    """What became of each entry of a transaction whose requests went to `urls`.

    Raises Unknown unless all of it is there: as many entries, each with a 2xx, each about the resource that was sent.
    """
    found = entries(answer, "transaction-response", len(urls))
    return [
        _entry_answer(entry, number, url, answer) for number, (entry, url) in enumerate(zip(found, urls, strict=True))
    ]


def _entry_answer(entry: dict[str, Any], number: int, url: str, answer: Answer) -> EntryAnswer:
    response = object_of(entry.get("response"))
    status = status_of(entry)
    if not 200 <= status < 300:
        said = f"status {status}" if status else "no status"
        raise _none(answer, f"has {said} in entry {number}, where all are to be 2xx")
    location, _, version = _text(response, "location").partition("/_history/")
    location = "/".join(location.rsplit("/", 2)[-2:])  # servers write it with and without their base
    type_name, is_search, _ = url.partition("?")
    if location and not (location.startswith(f"{type_name}/") if is_search else location == url):
        raise _none(answer, f"names another resource in entry {number} than was sent")
    match = _ETAG.fullmatch(_text(response, "etag"))
    version = (match.group(1) if match else "") or version
    return EntryAnswer(status, _made(status, response), version, location or ("" if is_search else url))


def _made(status: int, response: dict[str, Any]) -> str:
    if status == 201:
        return "created"
    codes = _codes(response) if "outcome" in response else []
    if status == 204 or any("_DELETE" in code for code in codes):
        return "deleted"
    return "unchanged" if any(code.endswith("NO_CHANGE") for code in codes) else "updated"


def _codes(response: dict[str, Any]) -> list[str]:
    """HAPI's codes for what it did: https://hapifhir.io/fhir/CodeSystem/hapi-fhir-storage-response-code."""
    return [
        str(coding.get("code"))
        for issue in objects(object_of(response["outcome"]).get("issue"))
        for coding in objects(object_of(issue.get("details")).get("coding"))
    ]


def _text(response: dict[str, Any], name: str) -> str:
    value = response.get(name)
    return value if isinstance(value, str) else ""
