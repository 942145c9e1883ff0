"""SMART Backend Services: access tokens for a client that signs with its private key, got when needed and renewed in time.

Spec: https://hl7.org/fhir/smart-app-launch/backend-services.html and client-confidential-asymmetric.html beside it;
RFC 6749 (5.1 and 5.2: answers), RFC 7523 (assertions).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from fhirconv.client.address import check_base
from fhirconv.client.answers import read_json
from fhirconv.client.auth import Bearer, CredentialsError, check_protected
from fhirconv.client.errors import ServerError, Unfit
from fhirconv.client.keys import read_signing_key
from fhirconv.client.transport import Answer, Transport
from fhirconv.issues import shown

DISCOVERY = ".well-known/smart-configuration"
SCOPE = "system/*.cruds"
"""What is asked for when nobody says: all that the client may have."""
ASSERTION_S = 240
"""Seconds that an assertion holds; five minutes are allowed, and the server's clock may be behind ours."""
ALLOWANCE_S = 30
"""Seconds that the server's clock may be behind ours before it finds an assertion to be from the future."""
EARLY_S = 30.0
"""A token is renewed so many seconds before it ends, or a tenth of its life if that is less."""
FAILURE_S = 5.0
"""So long a failure stands for all threads: each of them asking by itself would be a storm."""
USUAL_LIFE_S = 300.0
"""Life of a token whose server does not say; the specification asks for no more."""

_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NO_ADVICE = "see what the authorization server's log says"
_ADVICE = {
    "invalid_client": "check the client id, that the server knows the public key and its kid, and this machine's clock",
    "invalid_scope": "ask for a scope that this client may have",
    "unauthorized_client": "have the client registered for client_credentials",
    "invalid_grant": _NO_ADVICE,
    "invalid_request": _NO_ADVICE,
    "unsupported_grant_type": "this is no token URL for backend services",
}


class BackendServices:
    """Credentials from a SMART authorization server; one for all threads of a client.

    `base` is the FHIR server, which names the token URL unless `token_url` does; `connect` makes the Transport of a base
    URL (without credentials, with the TLS options of the whole). Raises CredentialsError for a key that cannot be used and
    for addresses that credentials must not go to. Nothing is asked before the first header is wanted; whatever keeps a
    token from being got is Unfit, since without it no request can go out.
    """

    def __init__(
        self,
        base: str,
        client_id: str,
        key_file: Path,
        scope: str = SCOPE,
        token_url: str = "",
        connect: Callable[[str], Transport] = Transport,
    ) -> None:
        if not client_id:
            raise CredentialsError("the client id is empty; expected is the one that the server registered")
        for url in filter(None, (base, token_url)):
            check_protected(check_base(url))
        self._base, self._client_id, self._scope, self._connect = base, client_id, scope, connect
        self._key = read_signing_key(key_file)
        self._token_url = token_url
        self._header, self._renew_at = "", 0.0
        self._failure, self._failed_at = "", 0.0
        self._lock = threading.Lock()  # one thread gets a token, the others wait for it

    def header(self) -> str:
        """Value of the header Authorization; asks for a token when there is none or it is about to end. Raises Unfit."""
        with self._lock:
            if not self._header or time.monotonic() >= self._renew_at:
                self._renew()
            return self._header

    def renew(self) -> bool:
        """After a 401: gets another token. Raises Unfit."""
        with self._lock:
            self._renew()
        return True

    def _renew(self) -> None:
        if self._failure and time.monotonic() < self._failed_at + FAILURE_S:
            raise Unfit(self._failure)
        try:
            self._get_token()
        except (ServerError, CredentialsError) as error:
            host = urlsplit(self._token_url or self._base).netloc
            self._failure, self._failed_at = f"no access token from {host}: {error}", time.monotonic()
            raise Unfit(self._failure) from None

    def _get_token(self) -> None:
        started = time.monotonic()  # a token cannot have begun before it was asked for
        self._token_url = self._token_url or self._discovered()
        assertion = self._assertion()
        form = {
            "grant_type": "client_credentials",
            "scope": self._scope,
            "client_assertion_type": _TYPE,
            "client_assertion": assertion,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        with closing(self._connect(self._token_url)) as transport:
            answer = transport.exchange("POST", "", urlencode(form).encode(), headers)
        if answer.status != 200:
            raise Unfit(f"{_refusal(answer, assertion)} (the kid of our key is {shown(self._key.key_id)})")
        token, life = _token_of(_object(answer, "token URL"))
        self._header = token.header()
        self._renew_at = started + life - min(EARLY_S, life / 10)

    def _assertion(self) -> str:
        """A signed statement of who asks; good once, and for the token URL alone."""
        import jwt

        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._token_url,
            "jti": str(uuid4()),
            "iat": now - ALLOWANCE_S,
            "exp": now + ASSERTION_S,
        }
        return jwt.encode(claims, self._key.private, self._key.algorithm, {"kid": self._key.key_id})

    def _discovered(self) -> str:
        """The token URL as the FHIR server names it."""
        with closing(self._connect(self._base)) as transport:
            answer = transport.exchange("GET", DISCOVERY, None, {"Accept": "application/json"})
        if answer.status != 200:
            raise Unfit(f"the server answered {answer.status} to {DISCOVERY}; name the token URL")
        url = str(_object(answer, DISCOVERY).get("token_endpoint"))
        try:
            check_base(url)
        except ValueError:
            raise Unfit(f"{DISCOVERY} of the server names no usable token_endpoint; name the token URL") from None
        is_local = urlsplit(self._base).scheme == "http"
        check_protected(url, local=is_local)  # a server elsewhere has no say about what runs on this machine
        return url


def _object(answer: Answer, what: str) -> dict[str, Any]:
    """The JSON object of an answer."""
    data = read_json(answer)
    if not isinstance(data, dict):
        raise Unfit(f"the {what} answered something else than a JSON object")
    return data


def _token_of(data: dict[str, Any]) -> tuple[Bearer, float]:
    """The token, and how many seconds it lives."""
    token, kind, life = data.get("access_token"), data.get("token_type"), data.get("expires_in", USUAL_LIFE_S)
    if not isinstance(token, str) or str(kind).lower() != "bearer":
        raise Unfit("the token URL answered without a bearer token (access_token, token_type)")
    try:
        seconds = float(life)
    except (TypeError, ValueError):
        seconds = 0.0
    if not seconds > 0:
        raise Unfit(
            "the token URL answered with a token of no length of life (expires_in is to be a number of seconds)"
        )
    return Bearer(token), seconds


def _refusal(answer: Answer, assertion: str) -> str:
    """What the token URL said instead of a token: its code if it is one of RFC 6749, its words unless they repeat ours."""
    said = f"the token URL answered {answer.status}"
    try:
        data = _object(answer, "token URL")
    except ServerError:
        return said
    code, words = data.get("error"), data.get("error_description")
    if code not in _ADVICE:
        return said
    if isinstance(words, str) and not any(part in words for part in assertion.split(".")):
        said += f", {shown(words, 200)}"
    return f"{said} ({code}): {_ADVICE[code]}"
