"""The layer of a FHIR server against a real HTTP server: a verdict is passed on, all else never counts as passed."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from fhirconv import Issue, validate
from fhirconv.cli import main
from fhirconv.client.address import is_base_url
from fhirconv.source import read_value
from fhirconv.validation import server as layer
from fhirconv.validation.run import Validator
from fhirconv.validation.server import ServerError, server_findings

SECRET = "Zbigniewska"
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient.</div>'}
PATIENT = {"resourceType": "Patient", "id": "a", "text": TEXT, "name": [{"family": SECRET}]}


class Answer(NamedTuple):
    """What the server says; `body` may be written in pieces by a function."""

    status: int = 200
    body: bytes | Callable[[Any], None] = b""
    headers: tuple[tuple[str, str], ...] = ()


class Server(ThreadingHTTPServer):
    """Answers every request alike, and keeps what it was asked."""

    daemon_threads = True
    answer = Answer()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/fhir"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        answer = self.server.answer
        self.send_response(answer.status)
        names = {name for name, _ in answer.headers}
        for name, value in answer.headers:
            self.send_header(name, value)
        if "Content-Length" not in names and isinstance(answer.body, bytes):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        with suppress(OSError):  # the client may have gone away, as it should
            if isinstance(answer.body, bytes):
                self.wfile.write(answer.body)
            else:
                answer.body(self.wfile)

    do_GET = do_POST  # noqa: N815 - the name that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def outcome(*issues: object) -> bytes:
    return json.dumps({"resourceType": "OperationOutcome", "issue": list(issues)}).encode()


def issue(severity: str = "error", **more: Any) -> dict[str, Any]:
    return {"severity": severity, "code": "invalid", "diagnostics": "said"} | more


def of_server(found: list[Issue]) -> list[Issue]:
    return [one for one in found if one.layer == "server"]


# -- a verdict -----------------------------------------------------------------------------------------------------------


def test_what_is_asked(server: Server) -> None:
    """$validate of the resource's type, with the resource as it is: digits too."""
    server.answer = Answer(body=outcome(issue("information")))
    data = b'{"resourceType":"Observation","status":"final","code":{"text":"Hb"},"valueQuantity":{"value":1.50}}'
    found = validate(data, server=f"{server.base}/")
    assert of_server(found) == []
    ((path, headers, body),) = server.asked
    assert path == "/fhir/Observation/$validate"
    assert headers["content-type"] == headers["accept"] == "application/fhir+json"
    assert json.loads(body, parse_float=str)["valueQuantity"]["value"] == "1.50"


@pytest.mark.parametrize("status", [200, 400, 412, 422])
def test_findings_are_passed_on(status: int, server: Server) -> None:
    """In the server's words, with its severity, at the element as far as its expression can be followed.

    HAPI says 400 where it cannot parse, others 412 or 422.
    """
    server.answer = Answer(
        status,
        outcome(
            issue("fatal", expression=["Patient.name[0]"]),
            issue("error", location=["/f:Patient/f:name"]),
            issue("warning", diagnostics=None, details={"text": "in details"}),
            issue("information"),
        ),
    )
    assert {(one.severity, one.expression, one.message) for one in of_server(validate(PATIENT, server=server.base))} == {
        ("fatal", "Patient.name[0]", "said"),
        ("error", "Patient", "said"),
        ("warning", "Patient", "in details"),
    }


def test_a_server_that_is_content_has_nothing_to_say(server: Server) -> None:
    for severity in ("information", "warning"):
        server.answer = Answer(body=outcome(issue(severity)))
        made = Validator(server=server.base).check(read_value(dict(PATIENT)))
        assert made.layers["server"].status == "ran"
        assert not any(one.is_error for one in made.issues)


def test_the_bundle_of_a_case_is_asked_too(server: Server) -> None:
    server.answer = Answer(body=outcome(issue("warning")))
    found = validate({"case": {"id": "c"}, "patient": {"sex": "female"}}, server=server.base)
    assert [one.rule for one in found] == ["server"]
    assert server.asked[0][0] == "/fhir/Bundle/$validate"


def test_a_case_with_errors_is_not_sent(server: Server) -> None:
    validate({"case": {"id": "c"}, "patient": {"sex": "x"}}, server=server.base)
    assert server.asked == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [(Answer(body=outcome(issue("warning"))), 0), (Answer(422, outcome(issue())), 1), (Answer(500, b"oops"), 4)],
)
def test_the_exit_code_of_the_command(answer: Answer, code: int, server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(PATIENT), encoding="utf-8")
    server.answer = answer
    done = CliRunner().invoke(main, ["validate", str(tmp_path / "a.json"), "--server", server.base, "--phi-free"])
    assert done.exit_code == code
    assert "said" not in done.output, "a server may quote the data"


def test_nothing_in_its_words_can_steer_a_terminal(server: Server) -> None:
    server.answer = Answer(body=outcome(issue(diagnostics="\x1b[31mred\nnext", expression=["\x1b]0;x\x07"])))
    (found,) = of_server(validate(PATIENT, server=server.base))
    assert "\x1b" not in found.text()
    assert "\n" not in found.text()


# -- no verdict ----------------------------------------------------------------------------------------------------------


def drip(stream: Any) -> None:
    """A byte now and then, without an end."""
    for _ in range(200):
        stream.write(b" ")
        stream.flush()
        time.sleep(0.05)


def flood(stream: Any) -> None:
    for _ in range(64):
        stream.write(b" " * 1024**2)


HTML = b"<html><body>Welcome</body></html>"
NO_VERDICT = {
    "HTML": Answer(body=HTML),
    "nothing": Answer(),
    "204": Answer(204),
    "another resource": Answer(body=b'{"resourceType": "Patient"}'),
    "no issue": Answer(body=outcome()),
    "no list of issues": Answer(body=b'{"resourceType": "OperationOutcome"}'),
    "issue is null": Answer(body=b'{"resourceType": "OperationOutcome", "issue": null}'),
    "issue is a number": Answer(body=b'{"resourceType": "OperationOutcome", "issue": 5}'),
    "issue is text": Answer(body=b'{"resourceType": "OperationOutcome", "issue": "error"}'),
    "issues are text": Answer(body=b'{"resourceType": "OperationOutcome", "issue": ["error"]}'),
    "a list": Answer(body=b'[{"resourceType": "OperationOutcome"}]'),
    "not JSON": Answer(body=b'{"resourceType": "OperationOutcome", "issue": [NaN]}'),
    "not UTF-8": Answer(body=b'{"resourceType": "OperationOutcome", "issue": [{"severity": "\xff"}]}'),
    "too deep": Answer(body=b"[" * 100_000),
    "500": Answer(500, b"oops"),
    "500 with an outcome": Answer(500, outcome(issue())),
    "401": Answer(401, outcome(issue(code="login"))),
    "404": Answer(404, outcome(issue(code="not-supported"))),
    "201": Answer(201, outcome(issue("information"))),
    "412 without an error": Answer(412, outcome(issue("warning"))),
    "400 without an error": Answer(400, outcome(issue("information"))),
    "an end too soon": Answer(body=b'{"resource', headers=(("Content-Length", "1000"),)),
    "no gzip": Answer(body=outcome(issue()), headers=(("Content-Encoding", "gzip"),)),
    "a bomb": Answer(body=gzip.compress(b" " * 64 * 1024**2), headers=(("Content-Encoding", "gzip"),)),
    "a flood": Answer(body=flood),
    "no end": Answer(body=drip),
}


@pytest.mark.parametrize("name", NO_VERDICT)
def test_an_answer_that_is_no_verdict_never_counts_as_passed(
    name: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer, "TIMEOUT_S", 0.5)
    server.answer = NO_VERDICT[name]
    before = time.monotonic()
    made = Validator(server=server.base).check(read_value(dict(PATIENT)))
    assert time.monotonic() - before < 5
    assert made.layers["server"].status == "could not run"
    assert [one.rule for one in made.issues if one.is_error] == ["layer-not-run"]
    assert made.layers["server"].notes
    (message,) = [one.message for one in made.issues if one.rule == "layer-not-run"]
    assert not any(word in message for word in (SECRET, "127.0.0.1", "Welcome", "Traceback"))


def test_a_redirect_is_not_followed(server: Server) -> None:
    """The resource would go to whoever the answer names."""
    other = Server()
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        for status in (301, 302, 303, 307, 308):
            server.answer = Answer(status, outcome(issue("information")), (("Location", f"{other.base}/Patient/$validate"),))
            with pytest.raises(ServerError, match=f"redirects \\({status}\\)"):
                server_findings(PATIENT, server.base)
        assert other.asked == []
    finally:
        other.shutdown()
        thread.join()
        other.server_close()


def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(ServerError, match="could not be asked"):
        server_findings(PATIENT, f"http://127.0.0.1:{deaf.getsockname()[1]}")


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(ServerError, match="could not be asked") as caught:
        server_findings(PATIENT, f"http://user:{SECRET}@127.0.0.1:9/{SECRET}")
    assert SECRET not in str(caught.value)


def test_no_credentials_and_no_proxy_that_nobody_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {SECRET}\n", encoding="utf-8")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer = Answer(body=outcome(issue("information")))
    assert of_server(validate(PATIENT, server=server.base)) == []
    assert "authorization" not in server.asked[0][1]


@pytest.mark.parametrize(
    "text", ["", "localhost", "localhost:8080", "ftp://a.test", "file:///etc/passwd", "http://", "//a.test", "http:///fhir", "http://[", "http://a.test:x"]
)  # fmt: skip
def test_what_is_no_base_url(text: str) -> None:
    assert not is_base_url(text)
    if text:  # '' is how the library says: none
        with pytest.raises(ValueError, match="http"):
            validate(PATIENT, server=text)


@pytest.mark.parametrize("text", ["http://localhost:8080/fhir", "https://a.test", "http://127.0.0.1/", "http://[::1]:80/fhir"])
def test_what_is_a_base_url(text: str) -> None:
    assert is_base_url(text)
