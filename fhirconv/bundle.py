"""The Bundle: order, full URLs and requests.

Spec: https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from fhirconv.build import Entry

BUNDLE_TYPES = ("transaction", "batch", "collection")


def check_type(bundle_type: str) -> None:
    """Raises ValueError for a type of Bundle that is not made."""
    if bundle_type not in BUNDLE_TYPES:
        raise ValueError(f"bundle must be one of {', '.join(BUNDLE_TYPES)}, not {bundle_type!r}")


def make_bundle(entries: Iterable[Entry], bundle_type: str) -> dict[str, Any]:
    """A Bundle of the entries' resources.

    transaction: entries refer to each other by urn:uuid; each is a PUT to its own id, so that running it again changes
    nothing. batch: the same PUTs, but a server may do them in any order, so that references are Type/id. collection:
    no requests.
    """
    if bundle_type == "collection":
        made = [{"fullUrl": entry.reference, "resource": entry.resource} for entry in entries]
    elif bundle_type == "batch":
        made = [{"resource": e.resource, "request": {"method": "PUT", "url": e.reference}} for e in entries]
    else:
        made = [
            {
                "fullUrl": e.reference,
                "resource": e.resource,
                "request": {"method": "PUT", "url": f"{e.step.path}{e.id}"},
            }
            for e in entries
        ]
    return {"resourceType": "Bundle", "type": bundle_type, "entry": made}


def _write_number(value: object) -> orjson.Fragment:
    """A decimal with the digits it was written with; orjson asks for what it does not know itself."""
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is not JSON")


def dump_json(value: Any, indent: bool = False) -> bytes:
    """JSON bytes in which every number keeps its digits; the same value gives the same bytes everywhere."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE if indent else None
    try:
        return orjson.dumps(value, default=_write_number, option=option)
    except TypeError:  # an int of more than 64 bits, which orjson does not take
        return orjson.dumps(_with_decimals(value), default=_write_number, option=option)


def read_dumped(data: bytes) -> dict[str, Any]:
    """A Bundle that `dump_json` wrote, every digit as it was."""
    made: dict[str, Any] = json.loads(data, parse_float=Decimal)
    return made


def _with_decimals(value: Any) -> Any:
    """The same value with every int as a Decimal."""
    if isinstance(value, dict):
        return {key: _with_decimals(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_decimals(one) for one in value]
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
