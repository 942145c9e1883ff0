"""A SMART authorization server with the FHIR server that trusts it, over real sockets; it checks what the specification asks."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

CLIENT = "fhirconv-at-test"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP384R1())
PLAIN = serialization.NoEncryption()


def pem(key: Any = RSA, encryption: serialization.KeySerializationEncryption = PLAIN) -> bytes:
    """A private key as a file of it holds it."""
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))


def jwk(key: Any = RSA, **more: Any) -> dict[str, Any]:
    """A private key as JWK."""
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {name: value for name, value in algorithm.to_jwk(key, as_dict=True).items() if name != "key_ops"} | more


def key_file(folder: Path, content: bytes | None = None) -> Path:
    """A file that only its owner can read."""
    path = folder / "key"
    path.write_bytes(pem() if content is None else content)
    path.chmod(0o600)
    return path


class Authority:
    """Issues a token for a good assertion and lets requests with a token that holds through to /fhir."""

    def __init__(self, server: HTTPServer, life_s: Any = 300) -> None:
        self.base, self.token_url = server.url_for("/fhir"), server.url_for("/token")
        self.life_s = life_s
        self.skew_s = 0  # how far its clock is ahead of ours
        self.issued: list[str] = []
        self.revoked: set[str] = set()
        self.problems: list[str] = []
        self.assertions: list[dict[str, Any]] = []
        self.headers: list[dict[str, Any]] = []
        self.forms: list[dict[str, str]] = []
        self.seen: list[str] = []  # Authorization of each request to /fhir
        self._lock = threading.Lock()
        server.expect_request("/fhir/.well-known/smart-configuration", method="GET").respond_with_handler(
            self.configuration
        )
        server.expect_request("/token", method="POST").respond_with_handler(self.token)
        server.expect_request(re.compile("/fhir.*")).respond_with_handler(self.fhir)

    def configuration(self, request: Request) -> Response:
        return Response(json.dumps({"token_endpoint": self.token_url}), 200, content_type="application/json")

    def token(self, request: Request) -> Response:
        """Spec: client-confidential-asymmetric.html, "Signature Verification"."""
        form = request.form.to_dict()
        assertion = form.get("client_assertion", "")
        with self._lock:
            self.forms.append(form)
            self.headers.append(jwt.get_unverified_header(assertion))
            try:
                self._verify(assertion)
            except (jwt.PyJWTError, AssertionError) as error:
                self.problems.append(repr(error))
                return Response(json.dumps({"error": "invalid_client"}), 400, content_type="application/json")
            token = f"Kn4ry-token-{len(self.issued)}"
            self.issued.append(token)
        answer = {"access_token": token, "token_type": "bearer", "expires_in": self.life_s, "scope": form["scope"]}
        return Response(json.dumps(answer), 200, content_type="application/json")

    def _verify(self, assertion: str) -> None:
        key = {"RS384": RSA, "ES384": EC}[self.headers[-1]["alg"]].public_key()
        claims = jwt.decode(
            assertion, key, ["RS384", "ES384"], options={"verify_aud": False, "verify_exp": False, "verify_iat": False}
        )
        now = time.time() + self.skew_s
        assert self.headers[-1]["kid"]
        assert claims["iss"] == claims["sub"] == CLIENT
        assert claims["aud"] == self.token_url
        assert claims["iat"] <= now, "issued in the future"
        assert now < claims["exp"] <= now + 300, "five minutes at most"
        assert claims["jti"] not in {one["jti"] for one in self.assertions}, "used before"
        self.assertions.append(claims)

    def fhir(self, request: Request) -> Response:
        given = request.headers.get("Authorization", "")
        with self._lock:
            self.seen.append(given)
            holds = given.removeprefix("Bearer ") in set(self.issued) - self.revoked
        if not holds:
            return Response('{"resourceType": "OperationOutcome"}', 401, {"WWW-Authenticate": 'Bearer realm="test"'})
        return Response('{"resourceType": "CapabilityStatement"}', 200, content_type="application/fhir+json")
