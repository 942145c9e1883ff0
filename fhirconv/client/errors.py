"""What can go wrong with a server. The kinds differ in what the caller may do next:

ServerError          str(error) is safe to print: no secret, no patient data, no query of a URL
├── NotSent          nothing was changed on the server: send it later
├── Unknown          it may have been carried out or not: look, or send it again if that is harmless
├── Refused          the server said no to this request; others may go on
└── Unfit            this server must not get anything (more): stop
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fhirconv.issues import FhirconvError


class OutcomeIssue(NamedTuple):
    """One issue of an OperationOutcome in the server's own words: may hold patient data, and is not yet printable()."""

    severity: str
    code: str
    text: str
    expressions: tuple[str, ...] = ()


class ServerError(FhirconvError):
    """A request to a server did not succeed. `status` is that of HTTP, 0 without an answer; `outcome` what it said."""

    def __init__(self, message: str, status: int = 0, outcome: Sequence[OutcomeIssue] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.outcome = tuple(outcome)


class NotSent(ServerError):  # noqa: N818 - a state of a request, as the journal names it
    """Nothing of the request can have been carried out: no connection, or 429."""


class Unknown(ServerError):  # noqa: N818
    """It may have been carried out or not: a cut, a time-out, 5xx or 408 to the end, an answer that is none."""


class Refused(ServerError):  # noqa: N818
    """The server said no, with `status`; nothing was changed."""


class Unfit(ServerError):  # noqa: N818
    """This server must not get anything: TLS, a redirect, 401, 403, no FHIR R4 at this address."""
