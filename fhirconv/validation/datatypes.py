"""What is asked of single data types beyond their structure: codes, units, identifiers, narrative, references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhirconv.validation.codes import coding_findings, quantity_findings
from fhirconv.validation.extensions import check_extension
from fhirconv.validation.finding import Finding, Path
from fhirconv.validation.registries import currency_problem, identifier_findings, language_problem, mime_problem
from fhirconv.validation.structure import Slot, Visit, Walk
from fhirconv.validation.xhtml import narrative_problems

_QUANTITIES = ("Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration")
_REGISTRIES = {"languages": language_problem, "mimetypes": mime_problem, "currencies": currency_problem}
_VALUE_SET = "http://hl7.org/fhir/ValueSet/"


def _add(walk: Walk, found: Iterable[Finding], path: Path) -> None:
    """Notes findings whose paths lead from the value at `path`."""
    for rule, message, below, severity in found:
        walk.add(rule, message, (*path, *below), severity)


def _coding(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    _add(walk, coding_findings(value), path)
    if slot.type == "Coding":
        _bound(walk, [value], slot, path)


def _concept(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    stated = value.get("coding")
    _bound(walk, [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else [], slot, path)


def _bound(walk: Walk, codings: list[dict[str, Any]], slot: Slot, path: Path) -> None:
    """A required binding: one of the codings is in the value set."""
    allowed = slot.element.codes
    if allowed is None or any(f"{one.get('system')}|{one.get('code')}" in allowed for one in codings):
        return
    wanted = ", ".join(sorted(one.rpartition("|")[2] for one in allowed)[:20])
    system = next(iter(sorted(allowed))).partition("|")[0]
    message = f"'{slot.element.name}' needs a code of its required value set ({wanted}; system {system})"
    walk.add("code-not-bound", message, path)


def _quantity(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    _add(walk, quantity_findings(value), path)


def _identifier(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    _add(walk, identifier_findings(value), path)


def _reference(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    if walk.within is not None:
        walk.references.append((slot, value, path, walk.within))


def _div(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    for rule, message in narrative_problems(value):
        walk.add(rule, message, path)


def _code(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    """A code whose value set cannot be listed: a language, MIME type or currency by its form."""
    name = slot.element.binding.removeprefix(_VALUE_SET)
    if slot.element.name == "language" and slot.owner != "Expression":
        name = "languages"
    elif slot.owner == "CapabilityStatement" and value in ("xml", "json", "ttl"):
        return  # R4 lets a server name its formats so
    check = _REGISTRIES.get(name)
    found = check(value) if check else None
    if found:
        _add(walk, (found,), path)



VISITS: Mapping[str, Visit] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    **dict.fromkeys(_QUANTITIES, _quantity),
    "Identifier": _identifier,
    "Reference": _reference,
    "Extension": check_extension,
    "xhtml": _div,
    "code": _code,
}
