"""SMART Backend Services against an authority that checks what the specification asks, over real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fhirconv.client.auth import CredentialsError
from fhirconv.client.errors import Unfit
from fhirconv.client.keys import read_signing_key
from fhirconv.client.smart import BackendServices
from fhirconv.client.transport import Timeouts, Transport

from .authority import CLIENT, EC, RSA, Authority, jwk, key_file, pem


@pytest.fixture(scope="module")
def started() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as made:
        yield made


@pytest.fixture
def server(started: HTTPServer) -> HTTPServer:
    """Answers nothing but what a test has it answer."""
    started.clear()
    return started


@pytest.fixture
def authority(server: HTTPServer) -> Authority:
    return Authority(server)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return key_file(tmp_path)


def asked(authority: Authority, credentials: BackendServices) -> int:
    """The status of a request to the FHIR server."""
    with closing(Transport(authority.base, credentials=credentials)) as transport:
        return transport.exchange("GET", "metadata").status


# -- a token -------------------------------------------------------------------------------------------------------------


def test_the_server_names_the_token_url(authority: Authority, key: Path) -> None:
    credentials = BackendServices(authority.base, CLIENT, key)
    assert asked(authority, credentials) == 200
    assert authority.seen == [f"Bearer {authority.issued[0]}"]
    (form,) = authority.forms
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == "system/*.cruds"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert set(form) == {"grant_type", "scope", "client_assertion_type", "client_assertion"}


def test_the_user_names_the_token_url_and_the_scope(authority: Authority, server: HTTPServer, key: Path) -> None:
    credentials = BackendServices(server.url_for("/no-such-base"), CLIENT, key, "system/Patient.c", authority.token_url)
    assert credentials.header() == f"Bearer {authority.issued[0]}"
    assert authority.forms[0]["scope"] == "system/Patient.c"


def test_a_token_is_used_until_it_is_about_to_end(
    authority: Authority, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P38: by the monotonic clock: what is set on the wall clock makes no token older or younger."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    credentials = BackendServices(authority.base, CLIENT, key)
    first = credentials.header()
    now += 269
    with monkeypatch.context() as clock:
        for jump in (-86400 * 366, 86400 * 366):
            clock.setattr(time, "time", partial(float, time.time() + jump))
            assert credentials.header() == first
    now += 2
    assert credentials.header() != first, "30 s before it ends"
    assert len(authority.issued) == 2
    assert len({one["jti"] for one in authority.assertions}) == 2


@pytest.mark.parametrize(("life_s", "until"), [(20, 18), ("20", 18), (3600, 3570), (20.5, 18)])
def test_the_length_of_life_is_as_the_server_says(
    life_s: Any, until: float, authority: Authority, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short life is used to nine tenths."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    authority.life_s = life_s
    credentials = BackendServices(authority.base, CLIENT, key)
    first = credentials.header()
    now += until - 0.1
    assert credentials.header() == first
    now += 0.6
    assert credentials.header() != first


@pytest.mark.parametrize("skew_s", [-29, 0, 29])
def test_the_clocks_may_differ_by_half_a_minute(skew_s: int, authority: Authority, key: Path) -> None:
    """P38: the authority refuses what was issued in the future, and what holds for more than five minutes."""
    authority.skew_s = skew_s
    assert asked(authority, BackendServices(authority.base, CLIENT, key)) == 200


def test_a_clock_that_is_wrong_is_thought_of(authority: Authority, key: Path) -> None:
    """P38"""
    authority.skew_s = 3600
    with pytest.raises(Unfit, match=r"invalid_client.*clock"):
        BackendServices(authority.base, CLIENT, key).header()


def test_a_token_that_ended_is_renewed_once(authority: Authority, key: Path) -> None:
    """P12: in mid-run; that request is repeated once and nobody else notices."""
    credentials = BackendServices(authority.base, CLIENT, key)
    with closing(Transport(authority.base, credentials=credentials)) as transport:
        assert transport.exchange("GET", "metadata").status == 200
        authority.revoked.update(authority.issued)
        assert transport.exchange("GET", "metadata").status == 200
    assert authority.seen == [f"Bearer {authority.issued[0]}"] * 2 + [f"Bearer {authority.issued[1]}"]


def test_a_token_that_never_holds_makes_no_storm(authority: Authority, server: HTTPServer, key: Path) -> None:
    """P12: one renewal, one repetition, then the 401 is the answer."""
    authority.revoked = {f"Kn4ry-token-{number}" for number in range(10)}
    credentials = BackendServices(authority.base, CLIENT, key)
    assert asked(authority, credentials) == 401
    assert len(authority.issued) == len(authority.seen) == 2


def test_all_threads_share_one_renewal(authority: Authority, key: Path) -> None:
    """P12: eight workers, a token that ends under all of them."""
    credentials = BackendServices(authority.base, CLIENT, key)
    barrier = threading.Barrier(8)
    statuses: list[int] = []
    with closing(Transport(authority.base, credentials=credentials)) as transport:

        def work() -> None:
            for _ in range(2):
                if barrier.wait(30) == 0:
                    authority.revoked.update(authority.issued)
                barrier.wait(30)
                statuses.append(transport.exchange("GET", "metadata").status)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert statuses == [200] * 16
    assert len(authority.issued) == 2


# -- no token ------------------------------------------------------------------------------------------------------------


def json_of(data: Any, status: int = 200) -> Callable[[Request], Response]:
    return lambda request: Response(json.dumps(data), status, content_type="application/json")


GOOD = {"access_token": "Kn4ry", "token_type": "bearer", "expires_in": 300}
NO_TOKEN: dict[str, tuple[Callable[[Request], Response], str]] = {
    "invalid_client": (
        json_of({"error": "invalid_client", "error_description": "no such \x1b[31mkey"}, 400),
        r"answered 400, 'no such \\u001b\[31mkey' \(invalid_client\): check the client id",
    ),
    "the assertion again": (
        lambda request: json_of(
            {"error": "invalid_client", "error_description": request.form["client_assertion"]}, 400
        )(request),
        r"answered 400 \(invalid_client\)",
    ),
    "its own error": (json_of({"error": "Kn4ry"}, 400), r"answered 400 \(the kid of our key is '[\w-]{43}'\)$"),
    "401": (json_of({"error": "invalid_client"}, 401), "answered 401"),
    "403": (json_of({}, 403), "answered 403"),
    "500": (lambda request: Response("<h1>Kn4ry</h1>", 500), "answered 500"),
    "HTML": (lambda request: Response("<html>Kn4ry</html>", 200), "JSON"),
    "nothing": (lambda request: Response(b"", 200), "JSON"),
    "a list": (json_of([GOOD]), "JSON object"),
    "a redirect": (lambda request: Response(b"", 307, {"Location": "http://127.0.0.2:9/token"}), "redirect"),
    "no token": (json_of(GOOD | {"access_token": None}), "without a bearer token"),
    "a token with a line break": (json_of(GOOD | {"access_token": "Kn4ry\r\nHost: x"}), "one line"),
    "another kind": (json_of(GOOD | {"token_type": "mac"}), "without a bearer token"),
    "no life": (json_of(GOOD | {"expires_in": 0}), "expires_in"),
    "words for a life": (json_of(GOOD | {"expires_in": "Kn4ry"}), "expires_in"),
    "a list for a life": (json_of(GOOD | {"expires_in": [1]}), "expires_in"),
}


@pytest.mark.parametrize("name", NO_TOKEN)
def test_without_a_token_nothing_goes_out(name: str, server: HTTPServer, key: Path) -> None:
    """P13: the run stops at the first refusal: no second try, and never without credentials."""
    handler, problem = NO_TOKEN[name]
    server.expect_request("/token").respond_with_handler(handler)
    credentials = BackendServices(server.url_for("/fhir"), CLIENT, key, token_url=server.url_for("/token"))
    with closing(Transport(server.url_for("/fhir"), credentials=credentials)) as transport:
        for _ in range(3):
            with pytest.raises(Unfit, match=problem) as caught:
                transport.exchange("POST", "", b"a patient")
            assert "Kn4ry" not in str(caught.value)
    assert [request.path for request, _ in server.log] == ["/token"]


def test_an_authority_that_is_down_stops_the_run(server: HTTPServer, authority: Authority, key: Path) -> None:
    """P13"""
    credentials = BackendServices(authority.base, CLIENT, key, token_url="http://127.0.0.1:9/token")
    with pytest.raises(Unfit, match=r"no access token from 127\.0\.0\.1:9: no connection"):
        asked(authority, credentials)
    assert server.log == []


def test_an_authority_that_is_slow_stops_the_run(server: HTTPServer, key: Path) -> None:
    """P13: for all threads, with the time-out of one request."""
    over = threading.Event()
    called: list[Request] = []

    def slow(request: Request) -> Response:
        called.append(request)
        over.wait(30)
        return Response(b"", 200)

    server.expect_request("/token").respond_with_handler(slow)
    connect = partial(Transport, timeouts=Timeouts(total_s=1.0))
    credentials = BackendServices(
        server.url_for("/fhir"), CLIENT, key, token_url=server.url_for("/token"), connect=connect
    )
    problems: list[str] = []

    def work() -> None:
        with pytest.raises(Unfit) as caught:
            credentials.header()
        problems.append(str(caught.value))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    over.set()
    assert len(problems) == 4
    assert all("within 1 s" in problem for problem in problems)
    assert len(called) == 1, "one asked for all of them"


def test_after_a_failure_there_is_another_try(
    server: HTTPServer, authority: Authority, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that lives on gets a token when the authority is well again."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    authority.skew_s = 3600
    credentials = BackendServices(authority.base, CLIENT, key)
    with pytest.raises(Unfit):
        credentials.header()
    authority.skew_s = 0
    now += 10
    assert credentials.header() == f"Bearer {authority.issued[0]}"


@pytest.mark.parametrize(
    ("configuration", "problem"),
    [
        (json_of({}), "token_endpoint"),
        (json_of({"token_endpoint": 5}), "token_endpoint"),
        (json_of({"token_endpoint": "/token"}), "token_endpoint"),
        (json_of({"token_endpoint": "https://me:Kn4ry@127.0.0.1/token"}), "token_endpoint"),
        (json_of({"token_endpoint": "http://auth.a.test/token"}), "https"),
        (json_of([]), "JSON object"),
        (json_of({}, 404), "answered 404"),
    ],
)
def test_a_server_that_names_no_token_url(
    configuration: Callable[[Request], Response], problem: str, server: HTTPServer, key: Path
) -> None:
    server.expect_request("/fhir/.well-known/smart-configuration").respond_with_handler(configuration)
    with pytest.raises(Unfit, match=problem) as caught:
        BackendServices(server.url_for("/fhir"), CLIENT, key).header()
    assert "Kn4ry" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://a.test/token", "https://a.test/token?x=1", "https://me:pw@a.test/token"])
def test_addresses_that_are_refused_before_anything_is_asked(url: str, key: Path) -> None:
    with pytest.raises((CredentialsError, ValueError)):
        BackendServices("https://a.test/fhir", CLIENT, key, token_url=url)
    with pytest.raises((CredentialsError, ValueError)):
        BackendServices(url, CLIENT, key)


# -- keys ----------------------------------------------------------------------------------------------------------------

P256 = ec.generate_private_key(ec.SECP256R1())
OTHER = {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"}
PUBLIC = {name: value for name, value in jwk().items() if name in ("kty", "n", "e")}


def as_json(data: Any) -> bytes:
    return json.dumps(data).encode()


KEYS = {
    "RSA as PEM": (pem(), "RS384", None),
    "EC as PEM": (pem(EC), "ES384", None),
    "RSA as old PEM": (
        RSA.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
        "RS384",
        None,
    ),
    "RSA as JWK": (as_json(jwk(kid="mine")), "RS384", "mine"),
    "EC as JWK": (as_json(jwk(EC, kid="mine", alg="ES384", use="sig")), "ES384", "mine"),
    "JWK without kid": (as_json(jwk()), "RS384", None),
    "JWK Set": (
        as_json({"keys": [OTHER, PUBLIC, jwk(P256), jwk(use="enc"), jwk(EC, kid="this"), jwk()]}),
        "ES384",
        "this",
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_sign(name: str, authority: Authority, tmp_path: Path) -> None:
    """The authority verifies the signature; a key that has no kid goes by its thumbprint."""
    content, algorithm, key_id = KEYS[name]
    assert asked(authority, BackendServices(authority.base, CLIENT, key_file(tmp_path, content))) == 200
    assert authority.headers[0]["alg"] == algorithm
    assert authority.headers[0]["typ"] == "JWT"
    assert authority.headers[0]["kid"] == key_id or (key_id is None and len(authority.headers[0]["kid"]) == 43)


RFC_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
RFC_D = (
    "X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7hT5fJLM0WbFAKNLWY2vv7B6N"
    "qXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm"
    "0dSawm9v47UiCl3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lG"
    "VkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q"
)


def test_the_thumbprint_is_that_of_rfc_7638(tmp_path: Path) -> None:
    """The key of RFC 7517, A.2, without its kid; RFC 7638, 3.1 has its thumbprint."""
    path = key_file(tmp_path, as_json({"kty": "RSA", "n": RFC_N, "e": "AQAB", "d": RFC_D, "alg": "RS384"}))
    assert read_signing_key(path).key_id == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


NO_KEYS = {
    "nothing": b"",
    "words": b"Kn4ry",
    "a public key": RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ),
    "a passphrase": pem(RSA, serialization.BestAvailableEncryption(b"Kn4ry")),
    "too short": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    "another curve": pem(P256),
    "torn PEM": pem()[:-100],
    "torn JSON": as_json(jwk())[:-5],
    "a public JWK": as_json(PUBLIC),
    "a symmetric JWK": as_json(OTHER),
    "a JWK for another algorithm": as_json(jwk(alg="RS256")),
    "a JWK for encryption": as_json(jwk(use="enc")),
    "a malformed JWK": as_json(jwk(n="Kn4ry!")),
    "numbers for a JWK": as_json({"kty": "RSA", "d": 1, "n": 2, "e": 3}),
    "an empty set": as_json({"keys": []}),
    "no set": as_json({"keys": "Kn4ry"}),
    "deep": b'{"keys":' + b"[" * 50_000,
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_what_is_no_key_is_refused_unseen(name: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="expected is a private key") as caught:
        read_signing_key(key_file(tmp_path, NO_KEYS[name]))
    assert "Kn4ry" not in repr(caught.value)
    assert caught.value.__context__ is None, "an exception below may hold the file"


def test_without_the_extra_it_says_what_to_install() -> None:
    """In a process in which PyJWT is not to be had."""
    code = "import sys; sys.modules['jwt'] = None\nimport fhirconv.client.smart"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'fhirconv[smart]'" in done.stderr.splitlines()[-1]
