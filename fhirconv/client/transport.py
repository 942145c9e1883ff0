"""One exchange with a server: one request, one whole answer or none, within a time and a size, at one origin."""

from __future__ import annotations

import re
import ssl
import threading
from base64 import b64decode
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from requests import Request
from urllib3 import BaseHTTPResponse, HTTPHeaderDict
from urllib3.exceptions import HTTPError

from fhirconv import __version__
from fhirconv.client.address import origin_of
from fhirconv.client.auth import check_protected
from fhirconv.client.connection import deadline, pool_for
from fhirconv.client.errors import Unfit, Unknown
from fhirconv.client.session import session_for
from fhirconv.issues import printable

MAX_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer that are taken in, after it was unpacked."""
_PART = 1024 * 1024
_ALWAYS = {
    "User-Agent": f"fhirconv/{__version__}",
    "Accept-Encoding": "gzip",  # HAPI sends plain answers in chunks of 64 bytes, and these cost more than unpacking
}
_SHOWN_PATH = 200


class Credentials(Protocol):
    """Who we are, for one server (auth.py, smart.py). Safe to use from several threads; repr() shows no secret."""

    def header(self) -> str:
        """The value of Authorization; a token that is about to end is renewed first. May raise ServerError."""
        ...

    def renew(self) -> bool:
        """After a 401: whether other credentials than before were got. May raise ServerError."""
        ...


class Timeouts(NamedTuple):
    """Seconds that it may take to get a connection, and an exchange in all."""

    connect_s: float = 10.0
    total_s: float = 120.0


TIMEOUTS = Timeouts()


class Answer(NamedTuple):
    """What a server said, whole. `secrets` are those that the request had: some servers repeat them in what they say."""

    status: int
    headers: HTTPHeaderDict
    content: bytes
    secrets: tuple[str, ...] = ()


class Transport:
    """Exchanges with the server of one base URL, over connections that are kept. Threads may share it.

    No redirect is followed, no cookie kept, nothing but a proxy taken from the environment, and that only if asked for.
    """

    def __init__(
        self,
        base: str,
        *,
        credentials: Credentials | None = None,
        ca_file: Path | None = None,
        client_certificate: tuple[Path, Path | None] | None = None,
        timeouts: Timeouts = TIMEOUTS,
        proxies_from_environment: bool = False,
    ) -> None:
        self._base, self._origin = base, origin_of(base)
        self._credentials, self._timeouts = credentials, timeouts
        pool = pool_for(base, ca_file, client_certificate, proxies_from_environment)
        if credentials is not None:
            check_protected(base, local=pool.proxy is None)
        self._session = session_for(pool, pool.proxy is not None and self._origin.scheme == "http")
        self._renewing = threading.Lock()

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        self._session.close()

    def exchange(
        self, method: str, path_or_url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """The answer of any status but a redirect. A path is one below the base URL; '' is the base URL itself.

        Raises NotSent if no connection could be made, Unknown if no whole answer came in time, Unfit for what must not
        get anything: a URL or redirect to elsewhere, TLS that proves nothing.
        """
        url = self.url_of(path_or_url)
        sent = _ALWAYS | (headers or {})
        if self._credentials is None:
            return self._send(method, url, body, sent)
        used = sent["Authorization"] = self._credentials.header()
        answer = self._send(method, url, body, sent)
        if answer.status == 401 and self._is_renewed(used):
            answer = self._send(method, url, body, {**sent, "Authorization": self._credentials.header()})
        return answer

    def url_of(self, path_or_url: str) -> str:
        """The address that a request goes to. Raises Unfit for one at another server."""
        try:
            if not urlsplit(path_or_url).scheme:
                return f"{self._base}/{path_or_url}" if path_or_url else self._base
            is_ours = origin_of(path_or_url) == self._origin
        except ValueError:
            is_ours = False
        if not is_ours:
            raise Unfit("the server names an address that is not its own; only its own get requests")
        return path_or_url

    def _is_renewed(self, used: str) -> bool:
        """Whether there are other credentials than `used`; of several threads that were refused, one gets them."""
        assert self._credentials is not None
        with self._renewing:
            return self._credentials.header() != used or self._credentials.renew()

    def _send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        connect_s, total_s = self._timeouts
        what = request_name(method, url)
        request = self._session.prepare_request(Request(method, url, headers=headers, data=body))
        timeout = (min(connect_s, total_s), total_s)
        try:
            with deadline(total_s):
                answer: BaseHTTPResponse = self._session.send(request, stream=True, timeout=timeout).raw
                content = _whole(answer, what)
        except (HTTPError, HTTPException, OSError) as error:
            raise _broken(error, what, total_s) from None
        if 300 <= answer.status < 400:
            message = f"{what}: the server redirects ({answer.status}), and redirects are not followed; name its final address"
            raise Unfit(message, answer.status)
        return Answer(answer.status, answer.headers, content, _secrets(headers))


def _secrets(headers: dict[str, str]) -> tuple[str, ...]:
    """What of the credentials of a request may not be repeated."""
    kind, _, secret = headers.get("Authorization", "").partition(" ")
    if kind != "Basic":
        return (secret,) if secret else ()
    line = b64decode(secret).decode("utf-8", "replace")
    return secret, line, line.partition(":")[2]


def request_name(method: str, url: str) -> str:
    """A request as messages name it: without the query, which may hold what identifies a patient."""
    return f"{method} {printable(urlsplit(url).path[:_SHOWN_PATH] or '/')}"


def _whole(answer: BaseHTTPResponse, what: str) -> bytes:
    """The body, unpacked; the connection goes back to the others, or is closed when there is more than may be."""
    content = bytearray()
    try:
        while part := answer.read(_PART, decode_content=True):
            content += part
            if len(content) > MAX_ANSWER:
                raise Unknown(f"{what}: the answer is larger than {MAX_ANSWER} bytes", answer.status)
    except BaseException:
        answer.close()
        raise
    answer.release_conn()
    return bytes(content)


_REFUSED_TLS = re.compile("_ALERT_(?!INTERNAL|USER|CLOSE)")


def _broken(error: BaseException, what: str, total_s: float) -> Unknown | Unfit:
    """What a broken exchange means. With TLS 1.3 a server refuses a client certificate only after the first request."""
    causes = _causes(error)
    if any(isinstance(one, ssl.SSLError) and _REFUSED_TLS.search(one.reason or "") for one in causes):
        return Unfit(f"{what}: the server refuses this TLS connection; does it want a client certificate?")
    if any(isinstance(one, TimeoutError) for one in causes):
        return Unknown(f"{what}: no whole answer within {total_s:g} s")
    return Unknown(f"{what}: no whole answer ({type(causes[-1]).__name__})")


def _causes(error: BaseException) -> list[BaseException]:
    """An exception and those that it stands for: urllib3 passes them on as a cause or as an argument."""
    found = [error]
    for one in found:
        within = [one.__cause__, one.__context__, *one.args]
        found += [each for each in within if isinstance(each, BaseException) and each not in found]
    return found
