"""fhirconv: parsed case facts to valid, traceable FHIR R4.

from fhirconv import convert
result = convert("case.yaml")
result.bundle, result.issues, result.ledger
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhirconv.client.auth import Basic, Bearer
    from fhirconv.client.client import FhirClient
    from fhirconv.client.errors import ServerError
    from fhirconv.client.smart import BackendServices
    from fhirconv.conversion import Conversion, convert
    from fhirconv.facts import Case, Fact
    from fhirconv.issues import ConversionError, FhirconvError, Issue, MappingError, Place
    from fhirconv.ledger import Ledger
    from fhirconv.many.library import convert_many
    from fhirconv.numbers import Number
    from fhirconv.pushing.pusher import push
    from fhirconv.pushing.result import PushResult
    from fhirconv.reports import to_operation_outcome
    from fhirconv.validation.run import validate

__version__ = "0.1.0"

__all__ = [
    "BackendServices",
    "Basic",
    "Bearer",
    "Case",
    "Conversion",
    "ConversionError",
    "Fact",
    "FhirClient",
    "FhirconvError",
    "Issue",
    "Ledger",
    "MappingError",
    "Number",
    "Place",
    "PushResult",
    "ServerError",
    "convert",
    "convert_many",
    "push",
    "to_operation_outcome",
    "validate",
]

_MODULES = {
    "BackendServices": "client.smart",
    "Basic": "client.auth",
    "Bearer": "client.auth",
    "Case": "facts",
    "Conversion": "conversion",
    "ConversionError": "issues",
    "Fact": "facts",
    "FhirClient": "client.client",
    "FhirconvError": "issues",
    "Issue": "issues",
    "Ledger": "ledger",
    "MappingError": "issues",
    "Number": "numbers",
    "Place": "issues",
    "PushResult": "pushing.result",
    "ServerError": "client.errors",
    "convert": "conversion",
    "convert_many": "many.library",
    "push": "pushing.pusher",
    "to_operation_outcome": "reports",
    "validate": "validation.run",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so that `fhirconv --help` starts fast."""
    if name not in _MODULES:
        raise AttributeError(f"module 'fhirconv' has no attribute {name!r}")
    return getattr(importlib.import_module(f"fhirconv.{_MODULES[name]}"), name)
