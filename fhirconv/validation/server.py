"""The layer of a FHIR server: its own $validate.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from fhirconv.bundle import dump_json
from fhirconv.issues import printable

TIMEOUT_S = 60.0
MAX_ANSWER = 16 * 1024 * 1024
_SEVERITIES = ("fatal", "error", "warning", "information")


class ServerFinding(NamedTuple):
    """One issue of the server's OperationOutcome, in its own words; the expression is FHIRPath."""

    severity: str
    message: str
    expression: str


class ServerError(Exception):
    """The server gave no verdict; the text says why, without address or data."""


def is_base_url(text: str) -> bool:
    """Whether a text can be the base URL of a server."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken host, or a port that is no number
        return False


def server_findings(resource: dict[str, Any], base: str) -> list[ServerFinding]:
    """What the server at `base` (http or https) says of a resource. Raises ServerError when it does not say."""
    import requests
    from urllib3.exceptions import HTTPError

    address = f"{base.rstrip('/')}/{resource.get('resourceType')}/$validate"
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    try:
        with requests.Session() as session:
            session.trust_env = False  # no credentials from .netrc, no proxy that nobody named
            answer = session.post(
                address, data=dump_json(resource), headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
            )
            content = _content(answer.raw)
    except (requests.RequestException, HTTPError, OSError) as error:
        raise ServerError(f"the server could not be asked ({type(error).__name__})") from None
    return _read(answer.status_code, content)


def _content(stream: Any) -> bytes:
    """The body of an answer, within a total time and size: the timeout of requests is one of each read."""
    end, content = time.monotonic() + TIMEOUT_S, bytearray()
    while part := stream.read1(65536, decode_content=True):
        content += part
        if len(content) > MAX_ANSWER:
            raise ServerError(f"the server's answer is larger than {MAX_ANSWER} bytes")
        if time.monotonic() > end:
            raise ServerError(f"the server's answer took more than {TIMEOUT_S:g} s")
    return bytes(content)


def _read(status: int, content: bytes) -> list[ServerFinding]:
    """The verdict: an OperationOutcome, whatever the status (HAPI answers 412 or 422 where it finds errors)."""
    if 300 <= status < 400:
        raise ServerError(f"the server redirects ({status}); name its final address")
    try:
        outcome = orjson.loads(content)
    except orjson.JSONDecodeError:
        outcome = None
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    is_outcome = isinstance(outcome, dict) and outcome.get("resourceType") == "OperationOutcome"
    if not is_outcome or not isinstance(issues, list) or not issues or not all(isinstance(one, dict) for one in issues):
        raise ServerError(f"the server answered {status} without an OperationOutcome")
    found = [_finding(one) for one in issues]
    is_refusal = any(one.severity in ("fatal", "error") for one in found)
    if status != 200 and not (status in (400, 412, 422) and is_refusal):
        raise ServerError(f"the server answered {status}" + ("" if is_refusal else " without an error"))
    return [one for one in found if one.severity != "information"]


def _finding(issue: dict[str, Any]) -> ServerFinding:
    severity = issue.get("severity")
    details = issue.get("details")
    text = issue.get("diagnostics") or (details.get("text") if isinstance(details, dict) else "") or "no words given"
    places = issue.get("expression") or issue.get("location") or [""]
    return ServerFinding(
        str(severity) if severity in _SEVERITIES else "error",
        printable(str(text)),
        str(places[0]) if isinstance(places, list) and places else "",
    )
