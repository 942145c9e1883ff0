"""Whether a resource states a fact at all: what is in error, planned or not final does not.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#isModifier
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.back.concepts import codings_of
from fhirconv.issues import shown

# Facts know no status of a result: they go out as 'final', which is more than another status says.
_FINAL = ("final", "amended", "corrected")
_NO_FACTS = {"status": ("entered-in-error", "cancelled", "registered"), "actuality": ("potential",)}
_MODIFIERS = ("status", "actuality")


def no_fact(data: Mapping[str, Any]) -> str:
    """Why a resource states no fact; empty if it does."""
    for name, values in _NO_FACTS.items():
        if data.get(name) in values:
            return f"its {name} is {data[name]}"
    if data.get("resourceType") == "Observation" and data.get("status", "final") not in _FINAL:
        return f"its status is {_code(data['status'])}"
    if any(coding.get("code") == "entered-in-error" for coding in codings_of(data.get("verificationStatus"))):
        return "its verificationStatus is entered-in-error"
    return "it has a modifierExtension" if "modifierExtension" in data else ""


def not_understood(rest: Mapping[str, Any]) -> str:
    """Why what is left of a resource forbids to take the others of its elements for a fact; empty if it does not."""
    for name in _MODIFIERS:
        value = rest.get(name)
        if isinstance(value, str) and value not in _FINAL:
            return f"its {name} is {_code(value)}"
    codes = [coding["code"] for coding in codings_of(rest.get("verificationStatus")) if "code" in coding]
    return f"its verificationStatus is {_code(codes[0])}" if codes else ""


def _code(value: Any) -> str:
    """A code as it stands; what can be none is quoted and cut."""
    text = str(value)
    return text if text.isascii() and text.replace("-", "").isalnum() and len(text) <= 40 else shown(text, 40)
