"""Credentials that go out as they are (a bearer token; a user and a password), and how secrets are read.

A secret comes from a file or from the environment, never from the command line, which every process can read; no repr,
message, log or exception shows one.
Spec: https://www.rfc-editor.org/rfc/rfc6750 (Bearer), https://www.rfc-editor.org/rfc/rfc7617 (Basic)
"""

from __future__ import annotations

import os
import re
import stat
from base64 import b64encode
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from fhirconv.issues import FhirconvError

MAX_SECRET = 64 * 1024
"""Bytes of the largest file that can be a secret or a key."""

_TOKEN = re.compile(r"[\x21-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class CredentialsError(FhirconvError):
    """Credentials, or a file of them, that cannot be used. The text says why and shows nothing of them."""


class Bearer:
    """A token that somebody else got; when it ends, so does the run. Raises CredentialsError for what can be none."""

    __slots__ = ("_header",)

    def __init__(self, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise CredentialsError(f"a token is one line of visible ASCII characters; this {_what_is_wrong(token)}")
        self._header = f"Bearer {token}"

    def header(self) -> str:
        """Value of the header Authorization."""
        return self._header

    def renew(self) -> bool:
        """There is no way to get another one."""
        return False


class Basic:
    """A user and a password, sent in UTF-8. Raises CredentialsError for what can be none."""

    __slots__ = ("_header",)

    def __init__(self, user: str, password: str) -> None:
        if not user or not password or ":" in user or _CONTROL.search(user + password):
            wrong = _what_is_wrong(user + password) if user and password else "lacks the one or the other"
            raise CredentialsError(f"user and password stand in one line, as user:password; this {wrong}")
        self._header = "Basic " + b64encode(f"{user}:{password}".encode()).decode()

    @classmethod
    def of_line(cls, line: str) -> Basic:
        """From `user:password`; what follows the first colon is the password."""
        user, _, password = line.partition(":")
        return cls(user, password)

    def header(self) -> str:
        """Value of the header Authorization."""
        return self._header

    def renew(self) -> bool:
        """The same again would be refused again."""
        return False


def _what_is_wrong(secret: str) -> str:
    """In what way a text is no secret, without a character of it."""
    if not secret:
        return "is empty"
    if "\n" in secret or "\r" in secret:
        return "has several lines"
    if _CONTROL.search(secret):
        return "has control characters"
    return "has blanks or characters that cannot stand there"


def read_secret(path: Path) -> str:
    """The one line of a file; whether it can be what it should be, its user decides. Raises CredentialsError."""
    try:
        text = read_secret_file(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None:  # raised out here: the exception above holds what it could not decode
        raise CredentialsError("the file is not UTF-8 text")
    return text.removesuffix("\n").removesuffix("\r")


def read_secret_file(path: Path) -> bytes:
    """The content of a file that holds a secret. Raises CredentialsError, without the path: it may be a pasted secret."""
    content = _content(path)
    if isinstance(content, str):
        raise CredentialsError(f"the file cannot be read: {content}; name a file here, never the secret itself")
    if len(content) > MAX_SECRET:
        raise CredentialsError(f"the file has more than {MAX_SECRET} bytes: it is not what is asked for here")
    return content


def _content(path: Path) -> bytes | str:
    """What stands there, or why it cannot be read: such exceptions hold the path."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET + 1)
    except OSError as error:
        return error.strerror or type(error).__name__
    except ValueError:
        return "this is no path"


def is_open_to_others(path: Path) -> bool:
    """Whether a file (not a pipe) lets its group or everybody do anything with it. False where modes say nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False  # who reads it says so
    return os.name == "posix" and stat.S_ISREG(mode) and bool(mode & 0o077)


def check_protected(url: str, local: bool = True) -> None:
    """Raises CredentialsError if credentials sent to `url` could be read on the way.

    Only https, or http to this machine; `local` says whether that is one: not if a proxy may carry the request.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (local and is_loopback(parts.hostname or "")):
        return
    or_local = " or a loopback address (http://127.0.0.1, http://localhost)" if local else ""
    raise CredentialsError(
        f"credentials are not sent over http, where others can read them; name an https address{or_local}"
    )


def is_loopback(host: str) -> bool:
    """Whether a host, as named in a URL, is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
