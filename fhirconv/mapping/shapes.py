"""The shape of mapping files: which keys a table has and what each holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fhirconv.issues import nearest
from fhirconv.mapping.checks import Mistake

Shape = Mapping[str, type]

MAPPING: Shape = {
    "resource": str,
    "spec": str,
    "each": str,
    "role": str,
    "only": dict,
    "about": str,
    "elements": dict,
    "narrative_only": dict,
    "left_out": dict,
}
CLAIM: Shape = {
    "mapping": str,
    "only": dict,
    "about": list,
    "needs": list,
    "excludes": list,
    "requires": dict,
    "url": str,
    "elements": dict,
}
SYSTEMS: Shape = {"code": dict, "identifier": dict}

_WORDS: Mapping[type, str] = {str: "text", dict: "a table", list: "a list"}


def misshapen(
    name: str, raw: Mapping[str, Any], shape: Shape, needed: tuple[str, ...], at: str = ""
) -> Iterator[Mistake]:
    """What is wrong with the keys of a table in the file `name`; `at` says which table."""
    for key in sorted(set(raw) - set(shape)):
        yield Mistake("mapping-key", name, f"{at}unknown key '{key}'{nearest(key, shape)}")
    for key in needed:
        if key not in raw:
            yield Mistake("mapping-syntax", name, f"{at}'{key}' is missing")
    for key, kind in shape.items():
        if key in raw and not isinstance(raw[key], kind):
            yield Mistake("mapping-syntax", name, f"{at}'{key}' must be {_WORDS[kind]}")
    role = raw.get("role", "x")
    if isinstance(role, str) and not re.fullmatch("[a-z][a-z0-9-]*", role):
        yield Mistake("mapping-syntax", name, f"{at}'role' is a word of small letters, digits and '-'")
