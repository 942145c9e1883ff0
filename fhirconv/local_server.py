"""A HAPI FHIR R4 server on this machine, for trying out and for tests; not for patients' data."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fhirconv.issues import FhirconvError

DEFAULT_PORT = 18080


class LocalServerError(FhirconvError):
    """No server came up, or none can; the text says what was found and what to do."""


class LocalServer(NamedTuple):
    """A server that answers."""

    url: str
    pid: int


def start(data: Path, port: int = DEFAULT_PORT) -> LocalServer:
    """Start a server with its data in a folder."""
    raise LocalServerError("not written yet: set FHIRCONV_TEST_SERVER to the URL of a running server")


def stop(data: Path) -> bool:
    """End the server of a data folder; False when none runs."""
    return False
