"""requests over our own connections (connection.py), without what it would do by itself.

It reads no environment and no .netrc, keeps no cookie, follows no redirect and does not read the body of one, tries
nothing again, and leaves certificates to the context of the connections.
"""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.util import Retry


class _Adapter(HTTPAdapter):
    """Leads every request to one pool of connections; through a plain proxy it names the whole address."""

    def __init__(self, pool: HTTPConnectionPool, is_forwarded: bool) -> None:
        super().__init__(max_retries=Retry(total=False, redirect=False))
        self._pool, self._is_forwarded = pool, is_forwarded

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        pass

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return str(request.url) if self._is_forwarded else request.path_url

    def close(self) -> None:
        self._pool.close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def session_for(pool: HTTPConnectionPool, is_forwarded: bool) -> requests.Session:
    """A session for one server. Threads may share it: nothing in it changes."""
    session = _Session()
    session.trust_env = False
    session.headers.clear()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    adapter = _Adapter(pool, is_forwarded)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session
