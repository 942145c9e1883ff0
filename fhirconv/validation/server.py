"""The layer of a FHIR server: its own $validate.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

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


def server_findings(resource: dict[str, Any], base: str) -> list[ServerFinding]:
    """What the server at `base` (http or https) says of a resource. Raises ServerError when it does not say."""
    import requests

    address = f"{base.rstrip('/')}/{resource.get('resourceType')}/$validate"
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    try:
        with requests.Session() as session:
            session.trust_env = False  # no credentials from .netrc, no proxy that nobody named
            answer = session.post(
                address, data=dump_json(resource), headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
            )
            content = answer.raw.read(MAX_ANSWER, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise ServerError(f"the server could not be asked ({type(error).__name__})") from None
    return _read(answer.status_code, content)


def _read(status: int, content: bytes) -> list[ServerFinding]:
    """The verdict: an OperationOutcome, whatever the status (HAPI answers 412 or 422 where it finds errors)."""
    import orjson

    try:
        outcome = orjson.loads(content)
    except orjson.JSONDecodeError:
        outcome = None
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        raise ServerError(f"the server answered {status} without an OperationOutcome")
    if status not in (200, 400, 412, 422):
        raise ServerError(f"the server answered {status}")
    found = [_finding(one) for one in outcome.get("issue", ()) if isinstance(one, dict)]
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
