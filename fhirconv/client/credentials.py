"""What a transport asks of credentials; auth.py and smart.py have the kinds of them."""

from __future__ import annotations

from typing import Protocol


class Credentials(Protocol):
    """Who we are, for one server. Safe to use from several threads; repr() shows no secret."""

    def header(self) -> str:
        """The value of Authorization; a token that is about to end is renewed first. May raise ServerError."""
        ...

    def renew(self) -> bool:
        """After a 401: whether other credentials than before could be got. May raise ServerError."""
        ...
