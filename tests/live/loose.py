"""Resources and Bundles as others write them, in files that are pushed; and what the server holds of them."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import Any

import requests

from .oracle import WAIT_S, Done, Push

ONE_TRY = ("--give-up-after", "0")
SYSTEM = "urn:oid:2.999.41"
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}

Resource = dict[str, Any]


def patient(name: str, family: str = "A", **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": name, "text": TEXT, "name": [{"family": family}], **more}


def observation(name: str, subject: str, **more: Any) -> Resource:
    made = {"resourceType": "Observation", "id": name, "text": TEXT, "status": "final", "code": {"text": "x"}}
    return {**made, "subject": {"reference": subject}, **more}


def put(resource: Resource, **request: str) -> Resource:
    """An entry that puts a resource to its id."""
    asked = {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}", **request}
    return {"fullUrl": uuid.uuid4().urn, "resource": resource, "request": asked}


def post(resource: Resource, value: str) -> Resource:
    """An entry that makes a resource of no id, if there is none with this identifier."""
    without_id = {key: inner for key, inner in resource.items() if key != "id"}
    request = {
        "method": "POST",
        "url": resource["resourceType"],
        "ifNoneExist": f"identifier={SYSTEM}%7C{value}",
    }
    named = without_id | {"identifier": [{"system": SYSTEM, "value": value}]}
    return {"fullUrl": uuid.uuid4().urn, "resource": named, "request": request}


def bundle(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def of(one: Push, *records: Resource) -> Push:
    """The push, of these records in place of its cases."""
    one.input = one.work / "records.ndjson"
    one.input.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return one


def run(one: Push, server: str, *options: str) -> Done:
    """The command, where the cases of the oracle are not what is pushed."""
    return one.ended(one.start(server, *options))


def start(one: Push, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    """fhirconv with any arguments, where the push has its files."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    command = [sys.executable, "-m", "fhirconv", *arguments]
    return subprocess.Popen(command, encoding="utf-8", env=one.environment(), cwd=one.work, **streams)


def ask(hapi: str, path: str, resource: Resource | None = None, method: str = "") -> Any:
    """What is at a path of the server; a resource is put there, or what `method` says. None: there is nothing."""
    headers = {"Content-Type": "application/fhir+json", "Cache-Control": "no-cache", "Connection": "close"}
    method = method or ("PUT" if resource else "GET")
    answer = requests.request(method, f"{hapi}/{path}", json=resource, headers=headers, timeout=WAIT_S)
    if answer.status_code in (404, 410):
        return None
    answer.raise_for_status()
    return answer.json()


def transact(hapi: str, entries: list[Resource]) -> None:
    """A transaction of others."""
    headers = {"Content-Type": "application/fhir+json", "Connection": "close"}
    requests.post(hapi, json=bundle(*entries), headers=headers, timeout=WAIT_S).raise_for_status()


def families(hapi: str, name: str) -> list[str]:
    """The family name of a Patient in each of its versions, the oldest first."""
    found = ask(hapi, f"Patient/{name}/_history?_offset=0&_count=50")
    return [entry["resource"]["name"][0]["family"] for entry in reversed(found["entry"])] if found else []
