"""Requests and answers that the tests of the client share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fhirconv.client.client import FhirClient
from fhirconv.client.retry import RetryPolicy
from fhirconv.client.transport import Timeouts

CANARY = "Zbigniewska"
URLS = ("Patient/a1", "Observation/b2")
BODY = json.dumps({"resourceType": "Bundle", "type": "transaction", "note": CANARY}).encode()
QUICK = RetryPolicy(total_s=20, first_s=0.01, most_s=0.05, tries=3, conflict_tries=3)
ONCE = QUICK._replace(tries=1, conflict_tries=1, total_s=0)


def answer(status: str = "200 OK", body: object = b"", *headers: str) -> bytes:
    """A whole answer; a body that is not bytes is written as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/fhir+json", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def client_for(base: str, retry: RetryPolicy = QUICK, total_s: float = 20, **options: Any) -> FhirClient:
    return FhirClient(base, retry=retry, timeouts=Timeouts(connect_s=5, total_s=total_s), **options)


def response(url: str, status: str = "200 OK", **more: Any) -> dict[str, Any]:
    return {"response": {"status": status, "location": f"{url}/_history/1", "etag": "1"} | more}


def bundle(*entries: Any, kind: str = "transaction-response", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)} | more


def outcome(*issues: Any) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def success(urls: Sequence[str] = URLS) -> bytes:
    return answer("200 OK", bundle(*(response(url) for url in urls)))
