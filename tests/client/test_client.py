"""FhirClient against a server of ours: look-ups, searches, what a server can do, and what never leaves this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from fhirconv import MappingError
from fhirconv.client.capability import check_fit, read_capability, read_descriptions
from fhirconv.client.errors import NotSent, Refused, Unfit
from tests.client.conftest import Stub
from tests.client.messages import CANARY, ONCE, answer, bundle, client_for

SEARCH = f"Patient?identifier=urn:x%7C{CANARY}"


def found(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return bundle(*({"resource": one, "search": {"mode": "match"}} for one in resources), kind="searchset", **more)


def entry(status: str, resource: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"response": {"status": status}} | ({"resource": resource} if resource else {})


PATIENT = {"resourceType": "Patient", "id": "a1"}


# -- reads ---------------------------------------------------------------------------------------------------------------


def test_look_ups_go_out_as_content(stub: Stub) -> None:
    """What there is, what there is not, what was deleted; no identifier stands in an address."""
    said = bundle(entry("200 OK", PATIENT), entry("404 Not Found"), entry("410 Gone"), kind="batch-response")
    said["entry"] += [entry("200", found(PATIENT)), entry("200", found())]
    stub.answers(answer("200 OK", said))
    with client_for(stub.base) as client:
        assert client.read_many(["Patient/a1", "Patient/a2", "Patient/a3", SEARCH, SEARCH]) == [
            PATIENT,
            None,
            None,
            PATIENT,
            None,
        ]
        assert client.read_many([]) == []
    (asked,) = stub.asked
    assert (asked.method, asked.path, asked.headers["cache-control"]) == ("POST", "/fhir", "no-cache, no-store")
    sent = json.loads(asked.body)
    assert sent["type"] == "batch"
    assert sent["entry"][3]["request"] == {"method": "GET", "url": SEARCH}


def test_many_look_ups_go_out_in_batches(stub: Stub) -> None:
    sizes = (100, 100, 50)
    stub.answers(*(answer("200 OK", bundle(*[entry("404")] * size, kind="batch-response")) for size in sizes))
    with client_for(stub.base) as client:
        assert client.read_many([f"Patient/a{number}" for number in range(250)]) == [None] * 250
    assert [len(json.loads(asked.body)["entry"]) for asked in stub.asked] == list(sizes)


@pytest.mark.parametrize(
    ("url", "said", "kind", "message"),
    [
        (
            SEARCH,
            entry("200", found(PATIENT, PATIENT | {"id": "a2"})),
            Refused,
            "2 resources match .* 'Patient/a1', 'Patient/a2'",
        ),
        (SEARCH, entry("400 Bad Request"), Refused, "answered 400"),
        (SEARCH, entry("403"), Unfit, "answered 403"),
        (SEARCH, entry("500"), NotSent, "answered 500"),
        (SEARCH, {}, NotSent, "answered without a status"),
        (SEARCH, entry("200", PATIENT), NotSent, "no Bundle of type searchset"),
        (SEARCH, entry("200", found({"resourceType": "Group", "id": "a"})), NotSent, "another resource"),
        ("Patient/a1", entry("200", PATIENT | {"id": "b"}), NotSent, "another resource"),
        ("Patient/a1", entry("200"), NotSent, "another resource"),
    ],
)
def test_a_look_up_that_fails(url: str, said: dict[str, Any], kind: type[Exception], message: str, stub: Stub) -> None:
    """P16: several matches are named, the identifier is not; a failed read has changed nothing."""
    stub.answers(answer("200 OK", bundle(said, kind="batch-response")))
    with client_for(stub.base) as client, pytest.raises(kind, match=message) as caught:
        client.read_many([url])
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "said", [answer("500 Oops"), answer("200 OK", b"{"), answer("200 OK", bundle(kind="batch-response"))]
)
def test_a_read_that_fails_has_changed_nothing(said: bytes, stub: Stub) -> None:
    stub.answers(said)
    with client_for(stub.base) as client:
        for read in (
            lambda: client.read_many(["Patient/a"]),
            client.capability,
            lambda: list(client.search("Patient")),
        ):
            with pytest.raises((NotSent, Unfit)):
                read()


def test_a_search_goes_out_as_content_and_through_its_pages(stub: Stub) -> None:
    following = [{"relation": "self", "url": "x"}, {"relation": "next", "url": f"{stub.base}?_getpages=7&_count=1"}]
    warning = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    last = found(PATIENT | {"id": "a2"})
    last["entry"].append(warning)
    stub.answers(answer("200 OK", found(PATIENT, link=following)), answer("200 OK", last))
    with client_for(stub.base) as client:
        assert [one["id"] for one in client.search("Patient", identifier=f"urn:x|{CANARY}", _count="1")] == ["a1", "a2"]
    first, second = stub.asked
    assert (first.method, first.path) == ("POST", "/fhir/Patient/_search")
    assert parse_qs(first.body.decode()) == {"identifier": [f"urn:x|{CANARY}"], "_count": ["1"]}
    assert (second.method, second.path) == ("GET", "/fhir?_getpages=7&_count=1")


def test_pages_that_lead_round_come_to_an_end(stub: Stub) -> None:
    stub.answers(answer("200 OK", found(PATIENT, link=[{"relation": "next", "url": f"{stub.base}?page=2"}])))
    with client_for(stub.base) as client:
        assert len(list(client.search("Patient"))) == 2


@pytest.mark.parametrize(
    "url", ["http://127.0.0.2:1/x", "https://127.0.0.1/x", "ftp://a.test/x", "http://[/x", "http://h@a.test"]
)
def test_a_page_at_another_server_is_not_asked_for(url: str, stub: Stub) -> None:
    """P28: neither that of another host, port or scheme."""
    stub.answers(answer("200 OK", found(PATIENT, link=[{"relation": "next", "url": url}])))
    with client_for(stub.base) as client, pytest.raises(Unfit, match="not its own"):
        list(client.search("Patient"))
    assert len(stub.asked) == 1


# -- what a server can do ------------------------------------------------------------------------------------------------


def statement(
    version: str = "4.0.1", interactions: tuple[str, ...] = ("transaction",), **resource: Any
) -> dict[str, Any]:
    both = [{"code": "create"}, {"code": "update"}]
    updates = {"interaction": both, "conditionalCreate": True, "conditionalUpdate": True} | resource
    rest = {"mode": "server", "interaction": [{"code": code} for code in interactions], "resource": [updates]}
    software = {"name": "HAPI FHIR Server", "version": "8.8.0"}
    return {"resourceType": "CapabilityStatement", "fhirVersion": version, "software": software, "rest": [rest]}


def test_a_server_is_asked_once_what_it_can_do(stub: Stub) -> None:
    stub.answers(answer("200 OK", statement()))
    with client_for(stub.base) as client:
        first = client.capability()
        assert client.capability() is first
    assert [(asked.method, asked.path, asked.body) for asked in stub.asked] == [("GET", "/fhir/metadata", b"")]
    assert first == ("HAPI FHIR Server", "8.8.0", "4.0.1", "hapi", True, None, None, True, True, True, None)


@pytest.mark.parametrize("said", [answer(f"{status} No") for status in (401, 403, 404, 405, 410)] + [
    answer("200 OK", b"<html>Welcome</html>"), answer("200 OK", PATIENT), answer("200 OK", {}), answer("204 No Content")
])  # fmt: skip
def test_what_is_no_fhir_server(said: bytes, stub: Stub) -> None:
    """P14: a wrong path is told before anything of a patient goes out."""
    stub.answers(said)
    with client_for(stub.base) as client, pytest.raises(Unfit):
        client.capability()
    assert {asked.method for asked in stub.asked} == {"GET"}


@pytest.mark.parametrize(
    ("said", "identity", "problem"),
    [
        (statement(), "id", ""),
        (statement(), "identifier", ""),
        (statement("4.0.0", updateCreate=True), "id", ""),
        (statement("5.0.0"), "id", "speaks FHIR '5.0.0'; expected is R4"),
        (statement("4.3.0"), "id", "speaks FHIR '4.3.0'"),
        ({"resourceType": "CapabilityStatement"}, "id", "speaks FHIR no version"),
        (statement(interactions=("batch",)), "id", "takes transactions"),
        (statement(conditionalUpdate=False), "identifier", "try identity 'id'"),
        (statement(conditionalUpdate=False), "id", ""),
        (statement(updateCreate=False), "id", "try identity 'identifier'"),
        (statement() | {"rest": [{"mode": "client"}, 5, None]}, "id", "takes transactions"),
        (statement() | {"rest": {"mode": "server"}, "software": 7}, "id", "takes transactions"),
    ],
)
def test_whether_a_server_fits(said: dict[str, Any], identity: str, problem: str) -> None:
    """P14: another version of FHIR, no transactions, no conditional updates; malformed is not said."""
    capability = read_capability(said, read_descriptions())
    if not problem:
        check_fit(capability, identity)
        return
    with pytest.raises(Unfit, match=problem):
        check_fit(capability, identity)


def test_a_site_describes_its_server(tmp_path: Path) -> None:
    """Its tables lie over ours; the name that says most decides."""
    (tmp_path / "servers.toml").write_text(
        '[hapi]\nbytes = 1000\n[ours]\nsoftware = "HAPI FHIR Server"\nentries = 50\n', encoding="utf-8"
    )
    described = read_descriptions(tmp_path)
    assert described["hapi"] == {"software": "HAPI FHIR", "keeps_version": True, "bytes": 1000}
    capability = read_capability(statement(), described)
    assert (capability.kind, capability.max_entries, capability.max_bytes, capability.keeps_version) == (
        "ours",
        50,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a]\nentries = 5\n", "a: expected a table with 'software'"),
        ("a = 5\n", "a: expected a table"),
        ("[hapi]\nentrys = 5\n", "hapi.entrys is no key of a server; did you mean 'entries'?"),
        ("[hapi]\nentries = 0\n", "hapi.entries is '0'; expected a number above 0"),
        ("[hapi]\nbytes = true\n", "hapi.bytes is 'True'; expected a number above 0"),
        ("[hapi]\nkeeps_version = 1\n", "hapi.keeps_version is '1'; expected true or false"),
        ('[hapi]\nsoftware = ""\n', "hapi.software is ''; expected a text"),
        ("[hapi\n", "is not TOML"),
    ],
)
def test_a_mistake_in_a_description(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        read_descriptions(tmp_path)
    assert problem in str(caught.value)
    assert "servers.toml" in str(caught.value)


def test_the_name_of_a_resource_is_all_that_a_message_tells(stub: Stub) -> None:
    """P30: no query of an address stands in what is said."""
    stub.answers(
        answer("200 OK", found(PATIENT, link=[{"relation": "next", "url": f"{stub.base}?name={CANARY}"}])),
        answer("400 No"),
    )
    with client_for(stub.base, ONCE) as client, pytest.raises(Refused) as caught:
        list(client.search("Patient"))
    assert str(caught.value) == "GET /fhir: the server answered 400"


def test_starting_imports_nothing_of_a_client() -> None:
    """fhirconv --help and convert are fast: urllib3 comes with the first client."""
    program = "import sys, fhirconv.cli, fhirconv.validation.run; print({'urllib3', 'requests'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout == "set()\n"
