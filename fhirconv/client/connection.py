"""Connections whose every wait ends at one deadline, and that know whether anything of a request can have gone out.

The time-out of a socket is one of each read: a server that sends a byte now and then is never late. So the sockets here
look at a deadline before each wait; slow headers, endless 1xx answers and a body that nobody takes in end at it as well.
"""

from __future__ import annotations

import math
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies_environment, proxy_bypass

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, make_headers
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from fhirconv.client.address import origin_of
from fhirconv.client.errors import NotSent, Unfit

MAX_KEPT = 64
"""Connections that are kept open at most: more than there are workers."""

_END: ContextVar[float] = ContextVar("_END", default=math.inf)  # by time.monotonic(); each thread has its own


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Within it, this thread waits for no socket of ours longer than `seconds` in all; TimeoutError ends the wait."""
    token = _END.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _END.reset(token)


class _PlainSocket(socket.socket):
    """A socket that waits until the deadline and not longer."""

    def _limit(self) -> None:
        left = _END.get() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        self.settimeout(left if left < math.inf else None)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        self._limit()
        return super().recv_into(buffer, nbytes or 0, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        self._limit()
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._limit()  # for all of it; over TLS, send() is called for each piece
        super().sendall(data, flags)


class _TLSSocket(_PlainSocket, ssl.SSLSocket):
    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except ssl.SSLEOFError:  # as without TLS: urllib3 then reads on, and finds why the server ended it
            raise BrokenPipeError("the server ended the connection") from None


class _Connecting(HTTPConnection):
    """What goes wrong before there is a connection is told apart from what goes wrong on it."""

    def connect(self) -> None:
        try:
            super().connect()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise NotSent(f"no connection to {self.host}:{self.port}: it ended during the TLS handshake") from None
        except ssl.SSLError as error:
            raise Unfit(_tls_problem(error)) from None
        except (OSError, HTTPError, HTTPException) as error:
            raise NotSent(f"no connection to {self.host}:{self.port}: {_cause(error)}") from None


class _PlainConnection(_Connecting):
    def connect(self) -> None:
        super().connect()
        made, self.sock = self.sock, _PlainSocket(fileno=self.sock.detach())
        self.sock.settimeout(made.gettimeout())


class _TLSConnection(_Connecting, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def pool_for(
    base: str, ca_file: Path | None, client_certificate: tuple[Path, Path | None] | None, proxies_from_environment: bool
) -> HTTPConnectionPool:
    """The connections to the origin of `base`; they cannot lead anywhere else. Raises Unfit for files of no use."""
    origin = origin_of(base)
    is_tls = origin.scheme == "https"
    options: dict[str, Any] = {"maxsize": MAX_KEPT, "block": False}
    if is_tls:
        options["ssl_context"] = tls_context(ca_file, client_certificate)
    manager = _manager(origin.scheme, origin.host if proxies_from_environment else "", options)
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TLSPool}
    return manager.connection_from_host(origin.host, origin.port, origin.scheme)


def _manager(scheme: str, host: str, options: dict[str, Any]) -> PoolManager:
    """Through the proxy that the environment names for `host`; without a host, none is looked for."""
    proxy = getproxies_environment().get(scheme) if host and not proxy_bypass(host) else None
    if not proxy:
        return PoolManager(**options)
    try:
        address = parse_url(proxy if "://" in proxy else f"http://{proxy}")
        headers = make_headers(proxy_basic_auth=unquote(address.auth)) if address.auth else None
        return ProxyManager(address._replace(auth=None).url, proxy_headers=headers, **options)
    except HTTPError:
        raise Unfit(
            f"the proxy that the environment names for {scheme} is none; expected is http://HOST:PORT"
        ) from None


def tls_context(ca_file: Path | None, client_certificate: tuple[Path, Path | None] | None) -> ssl.SSLContext:
    """Certificates and names are checked, TLS is 1.2 or later; trusted is `ca_file`, else what the system trusts.

    Made without ssl.create_default_context(), which writes the keys of connections where SSLKEYLOGFILE says.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TLSSocket
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
            if context.cert_store_stats()["crl"]:  # else OpenSSL reads the lists of revoked certificates for nothing
                context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        else:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise Unfit(f"the file of trusted certificates cannot be used: {_cause(error)}; expected is PEM") from None
    if client_certificate:
        certificate, key = client_certificate
        try:  # a password is never asked for: there may be nobody to answer
            context.load_cert_chain(certificate, key, password=lambda: b"")
        except (OSError, ssl.SSLError, ValueError) as error:
            wanted = "expected are PEM files of the certificate and of its key, without a passphrase"
            raise Unfit(f"the client certificate cannot be used: {_cause(error)}; {wanted}") from None
    return context


def _tls_problem(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = "name the authority that signed it with a CA file if it is right, else this is another server"
        return f"the server's certificate is not trusted: {error.verify_message}; {advice}"
    return f"no TLS connection: {_cause(error)}; expected is TLS 1.2 or later at this address"


def _cause(error: BaseException) -> str:
    """Why, in the words of the operating system or of OpenSSL: these know nothing of what was to be sent."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or type(error).__name__
