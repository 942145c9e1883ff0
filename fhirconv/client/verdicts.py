"""What an answer means for whoever asked: a success, or one of the kinds of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fhirconv.client.answers import object_of, objects, outcome_of, status_of
from fhirconv.client.errors import NotSent, OutcomeIssue, Refused, ServerError, Unfit, Unknown
from fhirconv.client.retry import retry_after
from fhirconv.client.transport import Answer
from fhirconv.issues import shown

_CODE = re.compile(r"[a-z-]{1,30}")  # of issue-type; anything else in its place may be words about a patient
_LONGEST_S = 10**8  # of a pause that a message tells


@contextmanager
def only_reading() -> Iterator[None]:
    """A request that only reads has changed nothing, however it ended."""
    try:
        yield
    except Unknown as error:
        raise NotSent(str(error), error.status, error.outcome) from None


def check_success(answer: Answer, what: str, path: str) -> None:
    """Raises the error that an answer to the request `what` stands for, unless it is 2xx.

    `path` is that below the base URL. Where /metadata is missing, or the base URL without a word of FHIR, is no FHIR
    server; HAPI also answers 404 to a transaction with a condition that nothing meets, and says so.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    outcome = outcome_of(answer)
    is_base = path == "metadata" or (path == "" and not outcome and status != 400)
    message = f"{what}: the server answered {status}{_codes(outcome)}"
    if status == 429 or status == 503:
        message += _resume(answer)
    raise _kind(status, is_base)(message + _advice(status, is_base), status, outcome)


def _kind(status: int, is_base: bool) -> type[ServerError]:
    if status in (401, 403) or (is_base and status in (400, 404, 405, 410)):
        return Unfit
    if status == 429:
        return NotSent
    return Refused if (400 <= status < 500 and status != 408) or status == 501 else Unknown


def _codes(outcome: tuple[OutcomeIssue, ...]) -> str:
    """The codes of what a server says; its texts may quote the patient."""
    codes = dict.fromkeys(one.code for one in outcome if _CODE.fullmatch(one.code))
    return f" ({', '.join(list(codes)[:5])})" if codes else ""


def _resume(answer: Answer) -> str:
    """When the server wants to be asked again, if it says so."""
    now = datetime.now(UTC)
    seconds = retry_after(answer.headers, now)
    if seconds is None:
        return ""
    then = now + timedelta(seconds=min(seconds, _LONGEST_S))
    return f" and asks to be left alone for {seconds:.0f} s: run it again after {then:%Y-%m-%d %H:%M:%S} UTC"


def _advice(status: int, is_base: bool) -> str:
    if status == 401:
        return "; it wants credentials, or others than these"
    if status == 403:
        return "; these credentials may not do that"
    if is_base and status in (400, 404, 405, 410):
        return "; is this the base URL of a FHIR server?"
    return ""


def look_up(entry: dict[str, Any], url: str) -> dict[str, Any] | None:
    """The resource that an entry of a batch-response has for `url` ('Type/id', or 'Type?...' with one match), or None.

    Raises Refused for several matches (412) or a refusal, Unknown for an entry about something else.
    """
    status = status_of(entry)
    if status in (404, 410):
        return None
    path, is_search, _ = url.partition("?")
    name = f"GET {path}{'?…' if is_search else ''}"
    if not 200 <= status < 300:
        raise _kind(status, False)(f"{name}: the server answered {status or 'without a status'}", status)
    resource = object_of(entry.get("resource"))
    found = matches(resource) if is_search else [resource]
    if len(found) > 1:
        named = ", ".join(shown(f"{one.get('resourceType')}/{one.get('id')}") for one in found[:2])
        raise Refused(f"{name}: {len(found)} resources match where one was expected: {named}", 412)
    if not found:
        return None
    (resource,) = found
    if path != (resource.get("resourceType") if is_search else f"{resource.get('resourceType')}/{resource.get('id')}"):
        raise Unknown(f"{name}: the server answered with another resource", status)
    return resource


def matches(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources of a searchset that match, without what a server adds. Raises Unknown for another thing."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "searchset":
        raise Unknown("the server answered a search with something that is no Bundle of type searchset")
    hits = [one for one in objects(bundle.get("entry")) if object_of(one.get("search")).get("mode", "match") == "match"]
    return [object_of(hit.get("resource")) for hit in hits]
