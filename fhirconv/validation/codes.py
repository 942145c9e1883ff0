"""Codings and quantities: the system's URI, the code in it, its display, and the unit.

Source: https://hl7.org/fhir/R4/datatypes.html#Coding, https://hl7.org/fhir/R4/terminologies-systems.html. Code systems of
HL7 are at hand in full; of the terminologies of others, the form of the codes, and the displays that our concept tables
hold as verified. A finding's severity follows HL7's validator wherever that has an opinion.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from fhirconv.issues import shown
from fhirconv.memory import is_long, remembered
from fhirconv.validation.code_forms import SNOMED, code_form_problem, form_of_another, form_severity, has_form
from fhirconv.validation.code_systems import CodeSystem, code_system
from fhirconv.validation.finding import Finding
from fhirconv.validation.system_uris import system_finding
from fhirconv.validation.ucum import UCUM
from fhirconv.validation.units import ucum_problem, unit_problem

Findings = tuple[Finding, ...]

# What was found before, so that a coding that stands often costs one look. Emptied when it grows too large.
_known: dict[tuple[Any, Any, Any, Any], Findings] = {}
_known_quantities: dict[tuple[Any, Any, Any], Findings] = {}
_MOST = 20_000


def coding_findings(coding: dict[str, Any]) -> Findings:
    """What is wrong with a Coding; parts that are no text are left to others. Paths lead from the Coding."""
    get = coding.get
    key = (get("system"), get("code"), get("display"), get("version"))
    try:
        return _known[key]
    except (KeyError, TypeError):  # TypeError: a part is a list or an object
        pass
    system, code, display, version = (part if isinstance(part, str) else "" for part in key)
    found = _findings(system, code, display, version)
    if all(part is None or isinstance(part, str) for part in key):
        if len(_known) >= _MOST:
            _known.clear()
        if not is_long(key):
            _known[key] = found
    return found


def any_code_is_right(system: str) -> bool:
    """Whether there is nothing to say against any code of a system, without its display: nothing of it is at hand."""
    return system != UCUM and not has_form(system) and code_system(system) is None and system_finding(system) is None


def code_findings(system: str, code: str, display: str = "") -> Findings:
    """What is wrong with a code that is stated apart from its system, as in a ValueSet; as for a Coding."""
    return coding_findings({"system": system, "code": code, "display": display or None})


def quantity_findings(quantity: dict[str, Any]) -> Findings:
    """What is wrong with the unit of a Quantity (Age, Duration, ...): its system, its code, and whether `unit` agrees."""
    get = quantity.get
    key = (get("system"), get("code"), get("unit"))
    try:
        return _known_quantities[key]
    except (KeyError, TypeError):
        pass
    system, code, unit = (part if isinstance(part, str) else "" for part in key)
    # A code of a wrong form is only doubted here: HL7's examples have one of SNOMED CT as a unit.
    found = tuple(
        one._replace(severity="warning") if one.rule == "code-form" else one for one in _findings(system, code, "", "")
    )
    problem = unit_problem(unit, code) if system == UCUM and unit and code else ""
    if problem:
        found = (*found, Finding("unit-contradicts", problem, ("unit",)))
    if all(part is None or isinstance(part, str) for part in key):
        if len(_known_quantities) >= _MOST:
            _known_quantities.clear()
        if not is_long(key):
            _known_quantities[key] = found
    return found


def _findings(system: str, code: str, display: str, version: str) -> Findings:
    if not system:
        return ()
    about_system = system_finding(system)
    findings = [about_system] if about_system else []
    if code:
        listed = code_system(system)
        if listed is not None:
            findings += _listed(listed, code, display, version)
        else:
            findings += _formed(system, code)
            findings += _shipped(system, code, display) if display else ()
    return tuple(findings)


def _listed(system: CodeSystem, code: str, display: str, version: str) -> list[Finding]:
    """Findings about a code of a system that is at hand; of another version than ours, its codes may differ."""
    severity = "warning" if version and version != system.version else ""
    displays = system.find(code)
    if displays is None:
        other = form_of_another(system.uri, code)
        if other:
            return [_mismatch(system.uri, code, other)]
        near = system.near(code)
        hint = f"did you mean {shown(near)}?" if near else "look it up there"
        return [
            Finding("code-unknown", f"{shown(code)} is not a code of {shown(system.uri)}; {hint}", ("code",), severity)
        ]
    if not display or not displays or display.casefold() in {one.casefold() for one in displays}:
        return []
    blanks = " (mind the blanks)" if _folded(display) in map(_folded, displays) else ""
    message = f"{shown(display)} is not the display of {shown(code)}; expected {shown(displays[0])}{blanks}"
    return [Finding("display-wrong", message, ("display",), severity)]


def _formed(system: str, code: str) -> list[Finding]:
    """Findings about a code of a system whose codes are not at hand."""
    if system == UCUM:
        unit = ucum_problem(code)
        return [unit._replace(path=("code",))] if unit else []
    problem = code_form_problem(system, code)
    if not problem:
        return []
    other = form_of_another(system, code)
    if other:
        return [_mismatch(system, code, other)]
    return [Finding("code-form", problem, ("code",), form_severity(system, code))]


def _mismatch(system: str, code: str, other: str) -> Finding:
    message = f"{shown(code)} is not a code of {shown(system)}, but has the form of one of {other}; correct the system or the code"
    return Finding("system-mismatch", message, ("code",))


def _name(system: str, display: str) -> str:
    """A display for comparison; that of SNOMED CT without the semantic tag in which a fully specified name ends."""
    folded = _folded(display)
    return folded.rpartition(" (")[0] if system == SNOMED and folded.endswith(")") and " (" in folded else folded


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _displays(names: Iterable[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """System, code and display of what our concept tables, or those with these names, hold as verified."""
    from fhirconv.mapping import load_mappings  # not at import: the mappings are checked with this package's own rules

    tables = load_mappings().tables.concepts
    for name in tables if names is None else names:
        for concept in tables[name].concepts.values():
            for coding in concept.codings:
                if "display" in coding:
                    yield coding["system"], coding["code"], coding["display"]


@remembered(4096)
def _display(system: str, code: str) -> str:
    """The display that our concept tables hold of a code, the last one if several do; empty if none does."""
    from fhirconv.mapping.own import is_proven, tables_with_code

    tables = tables_with_code(code) if is_proven() else None
    found = [display for of, known, display in _displays(tables) if (of, known) == (system, code)]
    return found[-1] if found else ""


@functools.cache
def _owners(system: str) -> dict[str, set[str]]:
    """Display, folded, to the codes of the system that have it."""
    owners: dict[str, set[str]] = defaultdict(set)
    for code, display in {code: display for of, code, display in _displays() if of == system}.items():
        owners[_name(system, display)].add(code)
    return owners


def _shipped(system: str, code: str, display: str) -> list[Finding]:
    """Findings about the display of a code that our concept tables hold; a code may have other right displays."""
    ours = _display(system, code)
    if not ours:
        return []
    given = _name(system, display)
    if given == _name(system, ours):
        return []
    others = _owners(system).get(given, set()) - {code}
    if others:
        message = f"{shown(display)} is the display of {shown(min(others))}, not of {shown(code)} ({shown(ours)}); one of them is wrong"
        return [Finding("display-wrong", message, ("display",))]
    message = f"{shown(display)} is not the display that we know of {shown(code)}, {shown(ours)}; check that code and display agree"
    return [Finding("display-wrong", message, ("display",), "warning")]
