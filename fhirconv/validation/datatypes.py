"""What is asked of single data types beyond their structure: codes, units, identifiers, narrative, references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhirconv.validation import codes
from fhirconv.validation.extensions import check_extension
from fhirconv.validation.finding import Path
from fhirconv.validation.structure import Slot, Visit, Walk
from fhirconv.validation.xhtml import narrative_problems

_QUANTITIES = ("Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration")
_VALUE_SET = "http://hl7.org/fhir/ValueSet/"
Found = Iterable[tuple[str, str, Path, str]]  # rule, message, path below the value, severity


def _add(walk: Walk, found: Found, path: Path) -> None:
    for rule, message, below, severity in found:
        walk.add(rule, message, (*path, *below), severity)


def _coding(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    _add(walk, codes.coding_findings(value), path)
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
    _add(walk, codes.quantity_findings(value), path)


def _identifier(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    _add(walk, codes.identifier_findings(value), path)


def _reference(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    if walk.within is not None:
        walk.references.append((slot, value, path, walk.within))


def _div(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    for rule, message in narrative_problems(value):
        walk.add(rule, message, path)


def _code(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    """A code whose value set cannot be listed: a language, MIME type or currency by its form."""
    problem = ""
    binding = slot.element.binding.removeprefix(_VALUE_SET)
    if slot.element.name == "language":
        problem = codes.language_problem(value)
    elif binding == "mimetypes":
        problem = codes.mime_problem(value)
    elif binding == "currencies":
        problem = codes.currency_problem(value)
    if problem:
        walk.add("code-not-bound", problem, path)



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
