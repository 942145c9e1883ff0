"""Where secrets and patients do not go: canaries through everything a client does, also when it goes wrong."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fhirconv.client import auth
from fhirconv.client.auth import Basic, Bearer
from fhirconv.client.client import FhirClient
from fhirconv.client.errors import ServerError, Unfit
from fhirconv.client.keys import read_signing_key
from fhirconv.client.retry import RetryPolicy
from fhirconv.client.smart import BackendServices
from fhirconv.client.transport import Credentials, Timeouts

from .authority import CLIENT, Authority, jwk, key_file

TOKEN = "Kn4ry-of-a-t0ken"
PASSWORD = "Kn4ry-of-a-passw0rd"
ENCODED = b64encode(f"me:{PASSWORD}".encode()).decode()
PATIENT = "Kn4ry-Zbigniewska"
KEY = jwk()["d"]
SECRETS = (TOKEN, PASSWORD, ENCODED, PATIENT, "Kn4ry-token", KEY[:20], "eyJ")  # the last begins every assertion
QUICK = RetryPolicy(total_s=0.2, first_s=0.01, most_s=0.02, tries=2, conflict_tries=2)
JSON = "application/fhir+json"


@pytest.fixture(scope="module")
def started() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as made:
        yield made


@pytest.fixture
def server(started: HTTPServer) -> HTTPServer:
    started.clear()
    return started


def client_at(base: str, credentials: Credentials | None = None, **more: Any) -> FhirClient:
    return FhirClient(base, credentials=credentials, retry=QUICK, timeouts=Timeouts(5, 5), **more)


def told(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


# -- canaries ------------------------------------------------------------------------------------------------------------


def echo(status: int, content_type: str = JSON) -> Callable[[Request], Response]:
    """A server that gives back what it was given, where a client may take it for words to pass on."""

    def answer(request: Request) -> Response:
        given = f"{request.headers.get('Authorization')} {request.get_data(as_text=True)}"
        outcome = {
            "resourceType": "OperationOutcome",
            "issue": [{"code": given, "severity": "error", "diagnostics": given}],
        }
        body = json.dumps(outcome) if content_type == JSON else f"<html>{given}</html>"
        headers = {"Location": f"http://127.0.0.1:9/{request.headers.get('Authorization')}"} if status == 307 else {}
        return Response(body, status, headers, content_type=content_type)

    return answer


ANSWERS = {
    "200 of another kind": echo(200),
    "200 HTML": echo(200, "text/html"),
    "307": echo(307),
    "400": echo(400),
    "401": echo(401),
    "403": echo(403),
    "404": echo(404),
    "409": echo(409),
    "412": echo(412),
    "422": echo(422),
    "429": echo(429),
    "500": echo(500),
    "503 HTML": echo(503, "text/html"),
}
ASKED: dict[str, Callable[[FhirClient], object]] = {
    "capability": lambda client: client.capability(),
    "transaction": lambda client: client.transaction(
        json.dumps({"resourceType": "Bundle", "name": PATIENT}).encode(), [f"Patient?identifier={PATIENT}"]
    ),
    "read_many": lambda client: client.read_many([f"Patient?identifier=s%7C{PATIENT}", f"Patient/{PATIENT}"]),
    "search": lambda client: list(client.search("Patient", identifier=f"s|{PATIENT}", name=PATIENT)),
    "validate": lambda client: client.validate({"resourceType": "Patient", "name": [{"family": PATIENT}]}),
}


def all_of(error: BaseException) -> str:
    """An exception as it can come to be printed: with those below it, and what they hold."""
    texts, errors = ["".join(traceback.format_exception(error))], [error]
    for one in errors:
        texts += [str(one), repr(one), repr(one.args)]
        errors += [other for other in (one.__cause__, one.__context__) if other is not None and other not in errors]
    return "\n".join(texts)


def error_of(ask: Callable[[FhirClient], object], client: FhirClient) -> ServerError | None:
    try:
        ask(client)
    except ServerError as error:
        return error
    return None


@pytest.mark.parametrize("kind", ["Bearer", "Basic", "SMART"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_canary_is_told_when_things_go_wrong(
    answer: str, kind: str, server: HTTPServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """P29, P30: not in a message, a repr, a traceback or a log of any library at its most talkative."""
    caplog.set_level(logging.DEBUG)
    server.expect_request(re.compile("/fhir.*")).respond_with_handler(ANSWERS[answer])
    credentials: dict[str, Callable[[], Credentials]] = {
        "Bearer": lambda: Bearer(TOKEN),
        "Basic": lambda: Basic("me", PASSWORD),
        "SMART": lambda: BackendServices(
            server.url_for("/fhir"), CLIENT, key_file(tmp_path), token_url=Authority(server).token_url
        ),
    }
    made = credentials[kind]()
    with client_at(server.url_for("/fhir"), made) as client:
        errors = {name: error_of(ask, client) for name, ask in ASKED.items()}
        assert [name for name, error in errors.items() if error is None] in ([], ["validate"]), "that takes any answer"
        assert told("\n".join(all_of(error) for error in errors.values() if error)) == []
        assert told(f"{client!r} {client} {made!r} {made} {vars(client)}") == []
    assert any("/fhir" in record.getMessage() for record in caplog.records if record.name.startswith("urllib3"))
    ours = [record for record in caplog.records if record.name != "werkzeug"]  # the test's server, in this process
    assert told("\n".join(logging.Formatter().format(record) + repr(record.args) for record in ours)) == []


def test_a_key_shows_nothing(tmp_path: Path) -> None:
    """P29"""
    path = key_file(tmp_path, json.dumps(jwk(kid="this")).encode())
    key = read_signing_key(path)
    assert told(repr(key) + str(key)) == []
    assert "this" in repr(key)


def test_connections_that_break_tell_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """P29, P30: at an end before, in and after the request."""
    caplog.set_level(logging.DEBUG)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def play() -> None:
            while not over.is_set():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(100)

        thread = threading.Thread(target=play)
        thread.start()
        port = listener.getsockname()[1]
        with client_at(f"http://127.0.0.1:{port}/fhir", Bearer(TOKEN)) as client:
            for ask in ASKED.values():
                with pytest.raises(ServerError) as caught:
                    ask(client)
                assert told(all_of(caught.value)) == []
        over.set()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join(30)
    assert told(caplog.text) == []


def test_no_address_holds_anything_of_a_patient(server: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    """P30: urllib3 logs each path with its query, and so does every proxy: so ours have no query."""
    caplog.set_level(logging.DEBUG)
    page = {"resourceType": "Bundle", "type": "searchset", "entry": []}
    pages = iter([page | {"link": [{"relation": "next", "url": server.url_for("/fhir") + "?_getpages=opaque"}]}, page])
    batch = {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": "404"}}] * 2}

    def answer(request: Request) -> Response:
        is_search = "_search" in request.path or request.query_string
        return Response(json.dumps(next(pages) if is_search else batch), 200, content_type=JSON)

    server.expect_request(re.compile("/fhir.*")).respond_with_handler(answer)
    with client_at(server.url_for("/fhir")) as client:
        assert ASKED["search"](client) == []
        assert ASKED["read_many"](client) == [None, None]
        with pytest.raises(ServerError):
            ASKED["transaction"](client)
        assert ASKED["validate"](client)
    paths = [request.full_path.rstrip("?") for request, _ in server.log]
    assert PATIENT in server.log[0][0].get_data(as_text=True), "it was asked for"
    assert [path for path in paths if "?" in path] == ["/fhir?_getpages=opaque"], "the server's own, as it wants it"
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")]
    assert len([line for line in logged if "/fhir" in line]) >= 5
    assert told("\n".join([*paths, *logged])) == []


def test_the_process_list_has_no_secret(server: HTTPServer, tmp_path: Path) -> None:
    """P29: while a request is under way."""
    asked, over = threading.Event(), threading.Event()

    def wait(request: Request) -> Response:
        asked.set()
        over.wait(60)
        return Response(b"", 500)

    server.expect_request(re.compile("/fhir.*")).respond_with_handler(wait)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "a.json").write_text('{"resourceType": "Patient"}')
    command = [sys.executable, "-m", "fhirconv", "validate", tmp_path / "a.json", "--server", server.url_for("/fhir")]
    with subprocess.Popen(
        [*command, "--token-file", tmp_path / "token"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert asked.wait(60)
        line = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(process.pid)], capture_output=True, text=True, check=True
        )
        over.set()
        output, _ = process.communicate(timeout=60)
    assert "--token-file" in line.stdout
    assert server.log[0][0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert told(line.stdout + output) == []
    assert process.returncode == 4


# -- 401 and 403 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "realm"), [(401, 'Bearer realm="test"'), (401, 'Basic realm="another"'), (401, ""), (403, "")]
)
@pytest.mark.parametrize("asked", ASKED)
def test_a_refusal_is_final(asked: str, status: int, realm: str, server: HTTPServer) -> None:
    """P12, P13: no second try with the same token, none without, none with another kind of credentials."""
    headers = {"WWW-Authenticate": realm} if realm else {}
    server.expect_request(re.compile("/fhir.*")).respond_with_data("", status, headers)
    with client_at(server.url_for("/fhir"), Bearer(TOKEN)) as client:
        if asked == "validate":
            assert client.validate({"resourceType": "Patient"}).status == status
        else:
            with pytest.raises(Unfit, match=str(status)):
                ASKED[asked](client)
    assert [request.headers.get("Authorization") for request, _ in server.log] == [f"Bearer {TOKEN}"]


def test_a_renewed_token_that_is_refused_too_ends_it(server: HTTPServer, tmp_path: Path) -> None:
    """P12: a token, another token, the end."""
    authority = Authority(server)
    authority.revoked = {f"Kn4ry-token-{number}" for number in range(10)}
    credentials = BackendServices(authority.base, CLIENT, key_file(tmp_path))
    with client_at(authority.base, credentials) as client, pytest.raises(Unfit, match="401"):
        client.capability()
    assert authority.seen == [f"Bearer {token}" for token in authority.issued]
    assert len(authority.issued) == 2


# -- what the environment would add --------------------------------------------------------------------------------------


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has a password for this machine where curl and requests look for it."""
    path = tmp_path / ".netrc"
    path.write_text(f"machine 127.0.0.1 login me password {PASSWORD}\ndefault login me password {PASSWORD}\n")
    path.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(path))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("by_proxy", [False, True])
def test_no_password_comes_from_netrc(by_proxy: bool, server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P27: neither in place of a token, nor in place of nothing; also if a proxy is looked for."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    server.expect_request(re.compile("/fhir.*")).respond_with_data("", 403)
    for credentials in (Bearer(TOKEN), None):
        with (
            client_at(server.url_for("/fhir"), credentials, proxies_from_environment=by_proxy) as client,
            pytest.raises(Unfit),
        ):
            client.capability()
    assert [request.headers.get("Authorization") for request, _ in server.log] == [f"Bearer {TOKEN}", None]


def test_no_proxy_comes_from_the_environment(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P27"""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.expect_request(re.compile("/fhir.*")).respond_with_data("", 403)
    with client_at(server.url_for("/fhir"), Bearer(TOKEN)) as client, pytest.raises(Unfit, match="403"):
        client.capability()


@pytest.mark.parametrize("address", [f"http://me:{PASSWORD}@127.0.0.1/fhir", f"http://{TOKEN}@127.0.0.1/fhir"])
def test_credentials_in_an_address_are_refused(address: str) -> None:
    """P27"""
    with pytest.raises(ValueError, match="credentials") as caught:
        FhirClient(address)
    assert told(all_of(caught.value)) == []


# -- who looks like the server -------------------------------------------------------------------------------------------

HOST = "fhir.example.org"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's name leads to 127.0.0.1, every other name to 127.0.0.2."""
    real = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host in (HOST, "127.0.0.1") else "127.0.0.2", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(auth, "is_loopback", lambda host: host == HOST)  # so that credentials go to it over http


@pytest.fixture(scope="module")
def evil(started: HTTPServer) -> Iterator[HTTPServer]:
    """Another machine, at the same port."""
    with HTTPServer(host="127.0.0.2", port=started.port) as made:
        yield made


@pytest.fixture(scope="module")
def other() -> Iterator[HTTPServer]:
    """The same machine, at another port."""
    with HTTPServer(host="127.0.0.1") as made:
        yield made


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    "address",
    [
        "http://fhir.example.org.evil.test:{port}/fhir?page=2",
        "http://fhir.example.org:{port}@evil.test:{port}/fhir",
        "http://evil.test:{port}/fhir.example.org",
        "http://evil.test:{port}\\@fhir.example.org:{port}/",
        "//evil.test:{port}/fhir",
        "http://fhir.example.org:{other}/fhir",
        "https://fhir.example.org:{port}/fhir",
        "file:///etc/passwd",
    ],
)
def test_only_the_server_itself_gets_anything(
    address: str, server: HTTPServer, evil: HTTPServer, other: HTTPServer
) -> None:
    """P28: the server is made to name an address that looks like its own; nothing goes there, no token, no question."""
    for lookalike in (evil, other):
        lookalike.clear()
        lookalike.expect_request(re.compile(".*")).respond_with_data("{}")
    following = {"relation": "next", "url": address.format(port=server.port, other=other.port)}
    page = {"resourceType": "Bundle", "type": "searchset", "entry": [], "link": [following]}
    server.expect_request("/fhir/Patient/_search").respond_with_json(page)
    with client_at(f"http://{HOST}:{server.port}/fhir", Bearer(TOKEN)) as client, pytest.raises(ServerError):
        list(client.search("Patient", name=PATIENT))
    assert evil.log == []
    assert other.log == []
    assert server.log[0][0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.usefixtures("names")
def test_the_evil_server_is_there(evil: HTTPServer) -> None:
    """P28: whoever calls it by its name reaches it, so that the test above means something."""
    evil.clear()
    evil.expect_request(re.compile(".*")).respond_with_data("", 403)
    base = f"http://fhir.example.org.evil.test:{evil.port}/fhir"
    with client_at(base) as client, pytest.raises(Unfit, match="403"):
        client.capability()
    assert [request.path for request, _ in evil.log] == ["/fhir/metadata"]
