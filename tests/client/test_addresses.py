"""Addresses of servers, and what requests take from the environment: nothing that was not asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fhirconv import FhirClient
from fhirconv.client.address import Origin, check_base, is_base_url, origin_of
from fhirconv.client.errors import Unfit
from fhirconv.client.transport import Transport
from tests.client.conftest import Stub
from tests.client.messages import BODY, CANARY, URLS, answer, client_for, success


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"http://me:{CANARY}@a.test/fhir", "credentials"),
        (f"http://{CANARY}@a.test/fhir", "credentials"),
        (f"http://a.test/fhir?key={CANARY}", "query"),
        ("http://a.test/fhir?", "query"),
        (f"http://a.test/fhir#{CANARY}", "fragment"),
        (f"http://a.test/{CANARY} x", "blanks"),
        (f"http://a.test/{CANARY}\r\nX: y", "blanks"),
        (f"http://a.test\\@{CANARY}", "credentials"),
        (f"ftp://{CANARY}", "http://"),
        (f"{CANARY}", "http://"),
        (f"http://[{CANARY}", "http://"),
        ("http://a.test:99999", "http://"),
    ],
)
def test_what_cannot_be_a_base_url(text: str, problem: str) -> None:
    """P27: credentials do not belong into an address; none is repeated in a message."""
    with pytest.raises(ValueError, match=problem) as caught:
        FhirClient(text)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://a.test/fhir", "http://a.test/fhir"),
        ("HTTPS://A.test:8443/fhir/", "https://A.test:8443/fhir"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("http://a.test", "http://a.test"),
    ],
)
def test_a_base_url(text: str, base: str) -> None:
    assert check_base(text) == base
    assert is_base_url(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.test/x", "http://A.TEST:80/y?z", True),
        ("https://a.test", "https://a.test:443", True),
        ("http://a.test", "https://a.test", False),
        ("http://a.test", "http://a.test:8080", False),
        ("http://fhir.example.org", "http://fhir.example.org.evil.test", False),
        ("http://fhir.example.org", "http://fhir.example.org@evil.test", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    """P28: the beginning of an address says nothing."""
    assert (origin_of(one) == origin_of(other)) is same


def test_a_server_at_the_root_of_its_host(stub: Stub) -> None:
    stub.answers(success())
    with client_for(stub.base.removesuffix("/fhir") + "/") as client:
        client.transaction(BODY, URLS)
    assert stub.asked[0].path == "/"
    assert origin_of(stub.base) == Origin("http", "127.0.0.1", int(stub.base.rpartition(":")[2].partition("/")[0]))


@pytest.fixture
def hostile(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """An environment that would send requests elsewhere, and with a password."""
    (tmp_path / ".netrc").write_text(f"default login me password {CANARY}\n", encoding="utf-8")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, stub.base)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return stub


def test_nothing_is_taken_from_the_environment(hostile: Stub) -> None:
    """P27: no password of .netrc, no proxy."""
    hostile.answers(success())
    with client_for(hostile.base) as client:
        client.transaction(BODY, URLS)
    assert hostile.asked[0].path == "/fhir"
    assert "authorization" not in hostile.asked[0].headers


def test_a_proxy_that_was_asked_for(hostile: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """P27: with its own password, and still without .netrc."""
    monkeypatch.setenv("http_proxy", hostile.base.replace("//", "//me:p%40ss@"))
    hostile.answers(success())
    with client_for("http://fhir.example.test/fhir", proxies_from_environment=True) as client:
        client.transaction(BODY, URLS)
    (asked,) = hostile.asked
    assert asked.path == "http://fhir.example.test/fhir"
    assert asked.headers["proxy-authorization"] == "Basic bWU6cEBzcw=="
    assert "authorization" not in asked.headers


def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"socks5://{CANARY}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Unfit, match="proxy") as caught:
        client_for("http://fhir.example.test/fhir", proxies_from_environment=True)
    assert CANARY not in str(caught.value)


def test_cookies_are_not_kept(stub: Stub) -> None:
    stub.answers(answer("409 Conflict", b"", "Set-Cookie: a=b; Path=/"), success())
    with client_for(stub.base) as client:
        client.transaction(BODY, URLS)
    assert "cookie" not in stub.asked[1].headers


def test_a_certificate_file_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing\n", encoding="utf-8")
    for options in (
        {"ca_file": tmp_path / "ca.pem"},
        {"ca_file": tmp_path / "none"},
        {"client_certificate": (tmp_path / "ca.pem", None)},
    ):
        with pytest.raises(Unfit, match=r"cannot be used.*PEM"):
            Transport("https://a.test", **options)


def test_secrets_of_connections_are_not_written_for_others(tmp_path: Path) -> None:
    """SSLKEYLOGFILE lets others read what was sent; a process of its own, as OpenSSL may keep such a file."""
    program = "import sys; from fhirconv.client.connection import tls_context; sys.exit(tls_context(None, None).keylog_filename)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"SSLKEYLOGFILE": str(tmp_path / "keys")}, check=False, timeout=60
    )
    assert done.returncode == 0
    assert not (tmp_path / "keys").exists()
