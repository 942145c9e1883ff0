"""The layer of a FHIR server: its own $validate.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirconv.client.errors import OutcomeIssue, ServerError
from fhirconv.issues import printable

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient
    from fhirconv.client.transport import Answer

__all__ = ["ServerError", "ServerFinding", "server_findings"]

TIMEOUT_S = 60.0
_SEVERITIES = ("fatal", "error", "warning", "information")


class ServerFinding(NamedTuple):
    """One issue of the server's OperationOutcome, in its own words; the expression is FHIRPath."""

    severity: str
    message: str
    expression: str


def server_findings(resource: dict[str, Any], server: str | FhirClient) -> list[ServerFinding]:
    """What a server, or the one at this base URL, says of a resource. Raises ServerError when it does not say."""
    try:
        with _client_at(server) if isinstance(server, str) else nullcontext(server) as client:
            answer = client.validate(resource)
    except (ServerError, ValueError) as error:
        raise ServerError(f"the server could not be asked: {error}") from None
    return _read(answer)


def _client_at(base: str) -> FhirClient:
    """A client that asks once, without credentials."""
    from fhirconv.client.client import FhirClient
    from fhirconv.client.retry import RetryPolicy
    from fhirconv.client.transport import Timeouts

    once = RetryPolicy(total_s=0.0, tries=1, conflict_tries=1)
    return FhirClient(base, timeouts=Timeouts(total_s=TIMEOUT_S), retry=once)


def _read(answer: Answer) -> list[ServerFinding]:
    """The verdict: an OperationOutcome, whatever the status (HAPI answers 412 or 422 where it finds errors)."""
    from fhirconv.client.answers import outcome_of

    found = [_finding(one) for one in outcome_of(answer)]
    if not found:
        raise ServerError(f"the server answered {answer.status} without an OperationOutcome")
    is_refusal = any(one.severity in ("fatal", "error") for one in found)
    if answer.status != 200 and not (answer.status in (400, 412, 422) and is_refusal):
        raise ServerError(f"the server answered {answer.status}" + ("" if is_refusal else " without an error"))
    return [one for one in found if one.severity != "information"]


def _finding(issue: OutcomeIssue) -> ServerFinding:
    return ServerFinding(
        issue.severity if issue.severity in _SEVERITIES else "error",
        printable(issue.text or "no words given"),
        issue.expressions[0] if issue.expressions else "",
    )
