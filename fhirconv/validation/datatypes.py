"""What is asked of single data types beyond their structure: codes, units, identifiers, narrative, references."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fhirconv.issues import nearest, shown
from fhirconv.r4 import all_types, resource_types
from fhirconv.validation.addresses import HL7
from fhirconv.validation.codes import coding_findings, quantity_findings
from fhirconv.validation.extensions import check_extension
from fhirconv.validation.finding import Finding, Path
from fhirconv.validation.registries import currency_problem, identifier_findings, language_problem, mime_problem
from fhirconv.validation.structure import Slot, Visit, Walk
from fhirconv.validation.vitals import profile_types
from fhirconv.validation.xhtml import narrative_problems

_QUANTITIES = ("Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration")
_REGISTRIES = {"languages": language_problem, "mimetypes": mime_problem, "currencies": currency_problem}
_VALUE_SET = "http://hl7.org/fhir/ValueSet/"
_OF_HL7 = re.compile(r"http://hl7\.org/fhir/([A-Z][A-Za-z]+)/")


def _add(walk: Walk, found: Iterable[Finding], path: Path) -> None:
    """Notes findings whose paths lead from the value at `path`."""
    for rule, message, below, severity in found:
        walk.add(rule, message, (*path, *below), severity)


def _coding(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    _add(walk, coding_findings(value), path)
    if "code" in value and "system" not in value:
        walk.add("coding-system", "has a code without its system, and so no meaning; add the system", path)
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
    if slot.element.is_simple and "comparator" in value:
        message = f"'{slot.element.name}' is a SimpleQuantity, which has no comparator"
        walk.add("sqty-1", message, (*path, "comparator"))


def _identifier(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    _add(walk, identifier_findings(value), path)


def _reference(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    if walk.within is not None:
        walk.references.append((slot, value, path, walk.within))


def _div(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    for rule, message in narrative_problems(value):
        walk.add(rule, message, path)


def _attachment(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    """Size and hash of the data that an attachment carries."""
    packed, stated, size = value.get("data"), value.get("hash"), value.get("size")
    if not isinstance(packed, str):
        return
    try:
        data = base64.b64decode(re.sub(r"\s", "", packed), validate=True)
    except (binascii.Error, ValueError):
        return  # reported as a form of base64Binary
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    if isinstance(stated, str) and stated != base64.b64encode(digest).decode():
        walk.add("attachment-data", "the hash is not the SHA-1 of the data, in base64", (*path, "hash"))
    if isinstance(size, int) and size != len(data):
        walk.add("attachment-data", f"the size is {shown(size)}, and the data has {len(data)} bytes", (*path, "size"))


def _meta(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    """A resource that claims to be of another type than it is, or a profile that R4 does not have."""
    claimed = value.get("profile")
    for position, canonical in enumerate(claimed if isinstance(claimed, list) else ()):
        url, _, version = canonical.partition("|") if isinstance(canonical, str) else ("", "", "")
        if walk.within is None or not url.startswith(HL7) or version not in ("", "4.0.1"):
            continue
        name, where = url.removeprefix(HL7), (*path, "profile", position)
        kind = profile_types().get(name) or (name if name in all_types() else "")
        if not kind:
            message = f"{shown(url, 100)} is not a profile of R4{nearest(name, (*profile_types(), walk.within.type))}"
            walk.add("claim-unknown", message, where)
        elif kind not in (walk.within.type, "DomainResource", "Resource"):
            walk.add("claim-of-another-type", f"claims to be {kind}, and is {walk.within.type}", where)


def _canonical(walk: Walk, value: Any, slot: Slot, path: Path) -> None:
    """A URL of HL7's own says what it leads to."""
    found = _OF_HL7.match(value)
    targets = slot.element.targets
    if found and found[1] in resource_types() and targets and not {"Resource", found[1]} & set(targets):
        message = f"{shown(value, 100)} leads to {found[1]}; '{slot.element.name}' may lead to {' or '.join(targets)}"
        walk.add("reference-target", message, path)


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
    "Attachment": _attachment,
    "Meta": _meta,
    "Extension": check_extension,
    "xhtml": _div,
    "canonical": _canonical,
    "code": _code,
}
