"""Addresses of servers: what can be a base URL, and whether an address belongs to the same server."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_NEVER_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")


class Origin(NamedTuple):
    """Who gets credentials and patient data: nobody whose scheme, host or port is another."""

    scheme: str
    host: str
    port: int


def origin_of(url: str) -> Origin:
    """The origin of an absolute http or https URL. Raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.port == 0:
        raise ValueError("expected a URL that begins with http:// or https:// and names a host")
    return Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])


def is_base_url(text: str) -> bool:
    """Whether a text can be the base URL of a server."""
    try:
        origin_of(text)
    except ValueError:  # also a broken host, or a port that is no number
        return False
    return True


def check_base(text: str) -> str:
    """The base URL of a server, without a slash at its end. Raises ValueError, which never quotes the text."""
    try:
        origin_of(text)
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("the server's base URL must begin with http:// or https:// and name a host") from None
    if "@" in parts.netloc:  # it would end up in histories, process lists and logs
        raise ValueError(
            "the server's base URL holds credentials; leave them out, and give them by file or environment"
        )
    if "?" in text or "#" in text:
        raise ValueError("the server's base URL holds a query or a fragment; leave out what begins with '?' or '#'")
    if _NEVER_IN_A_URL.search(text):
        raise ValueError("the server's base URL holds blanks, control characters or '\\'; leave them out")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
