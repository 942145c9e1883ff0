"""Issues for others to read: lines of text, JSON, FHIR's OperationOutcome, and SARIF for code hosts and editors.

Specs: https://hl7.org/fhir/R4/operationoutcome.html, https://docs.oasis-open.org/sarif/sarif/v2.1.0/ (with section).
With `phi_free` nothing of a patient's data is written: in place of the message stands the title of its rule, and of the
places only file, line, column and the names of keys. Each finding has the same id with and without (`identified`).
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import orjson

from fhirconv.issues import Issue, printable
from fhirconv.r4 import all_types, element_keys, elements_of
from fhirconv.rules import rule
from fhirconv.schema import case_schema, resolve

_EXTENSION = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-"
RULE_SYSTEM = "urn:uuid:5a4d2f0e-3f1b-4a55-9c7e-1d8f6b0c2e94"
"""The code system of fhirconv's rules (fhirconv.rules) in OperationOutcome.issue.details."""

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"fatal": "error", "error": "error", "warning": "warning", "information": "note"}  # SARIF 3.27.10


def to_text(issues: Iterable[Issue], phi_free: bool = False) -> str:
    """A line for each issue: file:line:column: severity: message [rule]."""
    return "".join(f"{shown_issue(issue, phi_free).text()}\n" for issue in issues)


def to_json(issues: Iterable[Issue], phi_free: bool = False) -> bytes:
    """A JSON array of objects (UTF-8), one for each issue; what is not known is left out."""
    made = [as_object(name, issue, phi_free) for name, issue in identified(issues)]
    return orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n"


def as_object(name: str, issue: Issue, phi_free: bool = False) -> dict[str, Any]:
    """One finding, called `name` by `identified`, as JSON data."""
    issue = shown_issue(issue, phi_free)
    place = issue.place
    found = {
        "id": name,
        "severity": issue.severity,
        "rule": issue.rule,
        "code": issue.code,
        "layer": issue.layer,
        "message": issue.message,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "pointer": place.pointer,
        "expression": issue.expression,
        "url": rule(issue.rule).url,
    }
    return {key: _encodable(value) if isinstance(value, str) else value for key, value in found.items() if value}


# -- OperationOutcome ------------------------------------------------------------------------------------------------------


def to_operation_outcome(issues: Iterable[Issue], phi_free: bool = False) -> dict[str, Any]:
    """An OperationOutcome of R4. It has an issue also when there is none, since R4 wants one: 'No issues found.'."""
    found = [_outcome_issue(name, shown_issue(issue, phi_free)) for name, issue in identified(issues)]
    none = {"severity": "information", "code": "informational", "details": {"text": "No issues found."}}
    return {"resourceType": "OperationOutcome", "issue": found or [none]}


def _outcome_issue(name: str, issue: Issue) -> dict[str, Any]:
    """Where something stands in a file is told by HL7's extensions; in FHIR, by the expression (R4: location is old).

    Any element may have an id that is its own within the resource (https://hl7.org/fhir/R4/element.html): that of the finding.
    """
    place = issue.place
    where: list[dict[str, Any]] = []
    if place.file:
        where.append({"url": f"{_EXTENSION}source", "valueString": _fhir_text(place.file)})
    if place.line:
        where.append({"url": f"{_EXTENSION}line", "valueInteger": place.line})
        where.append({"url": f"{_EXTENSION}col", "valueString": str(place.column)})
    coding = {"system": RULE_SYSTEM, "code": issue.rule, "display": rule(issue.rule).title}
    made: dict[str, Any] = {"id": name} | ({"extension": where} if where else {})
    made |= {"severity": issue.severity, "code": issue.code}
    made["details"] = {"coding": [coding], "text": _fhir_text(issue.message) or issue.rule}
    made["diagnostics"] = _fhir_text(issue.text())
    if place.pointer:
        made["location"] = [_fhir_text(place.pointer)]
    if issue.expression:
        made["expression"] = [_fhir_text(issue.expression)]
    return made


def _fhir_text(text: str) -> str:
    """Text as R4's string takes it: no control characters, no blanks at the ends."""
    return printable(text).strip()


def _encodable(text: str) -> str:
    """Text that can steer neither a terminal nor an editor, and that UTF-8 can hold."""
    return printable(text)


# -- SARIF -----------------------------------------------------------------------------------------------------------------


def to_sarif(issues: Iterable[Issue], version: str, phi_free: bool = False) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run; `version` is that of fhirconv. Files that are relative stay so, as code hosts want."""
    found = [(name, shown_issue(issue, phi_free)) for name, issue in identified(issues)]
    names = {name: index for index, name in enumerate(sorted({issue.rule for _, issue in found}))}
    results = [_result(name, issue, names[issue.rule]) for name, issue in found]
    driver = {"name": "fhirconv", "version": version, "rules": [_descriptor(name) for name in names]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(name: str) -> dict[str, Any]:
    """A reportingDescriptor (3.49)."""
    found = rule(name)
    made: dict[str, Any] = {
        "id": name,
        "shortDescription": {"text": found.title},
        "fullDescription": {"text": found.title},
        "defaultConfiguration": {"level": _LEVELS[found.severity]},
        "properties": {"tags": [found.layer]},
    }
    return made | ({"helpUri": found.url} if found.url else {})


def _result(name: str, issue: Issue, index: int) -> dict[str, Any]:
    """A result (3.27), its id as fingerprint (3.27.17): that stays when lines above come and go."""
    made: dict[str, Any] = {
        "ruleId": issue.rule,
        "ruleIndex": index,
        "level": _LEVELS[issue.severity],
        "message": {"text": printable(issue.message) or issue.rule},
        "partialFingerprints": {"issue/v2": name},
    }
    location = _location(issue)
    return made | ({"locations": [location]} if location else {})


def _location(issue: Issue) -> dict[str, Any]:
    place = issue.place
    made: dict[str, Any] = {}
    if place.file:
        made["physicalLocation"] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.file and place.line:
        region = {"startLine": place.line} | ({"startColumn": place.column} if place.column else {})
        made["physicalLocation"]["region"] = region
    logical = [printable(path) for path in (place.pointer, issue.expression) if path]
    if logical:
        made["logicalLocations"] = [{"fullyQualifiedName": path} for path in logical]
    return made


def _uri(file: str) -> str:
    """A path as a URI reference (RFC 3986)."""
    path = PurePath(file)
    return (
        path.as_uri()
        if path.is_absolute()
        else quote(os.fsencode(path.as_posix()), safe="/._-~")
    )


# -- without patient data --------------------------------------------------------------------------------------------------

_POSITION = re.compile(r"[0-9]{1,5}")  # more digits may be the number of a patient
_STEP = re.compile(r"([A-Za-z]{1,64})((?:\[[0-9]{1,5}\])*)")
_HIDDEN = "…"


def identified(issues: Iterable[Issue], seen: Counter[str] | None = None) -> list[tuple[str, Issue]]:
    """Each finding with an id (12 hex digits): the same in every format, with and without patient data, on other lines.

    It is made of the rule, the name of the file, the path to the place as far as that is no data, and the how-manieth
    with all these the finding is: so the same findings in the same order have the same ids. Who has the findings of a run
    bit by bit keeps in `seen` what was counted.
    """
    made: list[tuple[str, Issue]] = []
    seen = Counter() if seen is None else seen
    for issue in issues:
        basis = "\n".join((issue.rule, PurePath(issue.place.file).name, *_path_of_keys(issue)))
        seen[basis] += 1
        digest = hashlib.sha256(f"{basis}\n{seen[basis]}".encode("utf-8", "backslashreplace"))
        made.append((digest.hexdigest()[:12], issue))
    return made


def shown_issue(issue: Issue, phi_free: bool) -> Issue:
    """The issue, or it without anything that an input said."""
    if not phi_free:
        return issue
    pointer, expression = _path_of_keys(issue)
    return Issue(issue.rule, rule(issue.rule).title, issue.place._replace(pointer=pointer), expression, issue.severity)


def _path_of_keys(issue: Issue) -> tuple[str, str]:
    """Pointer and expression with known keys and positions alone."""
    steps = issue.place.pointer.split("/")
    pointer = "/".join(map(_key, ["", *steps], steps))
    return pointer, ".".join(map(_step, issue.expression.split(".")))


def _key(above: str, step: str) -> str:
    is_position = above in _list_names() and _POSITION.fullmatch(step)
    return step if not step or step in _known_names() or is_position else _HIDDEN


def _step(step: str) -> str:
    found = _STEP.fullmatch(step)
    return step if not step or (found and found[1] in _known_names()) else _HIDDEN


@functools.cache
def _known_names() -> frozenset[str]:
    """Keys of case facts and of R4, and its types. A key that is none of them may be data in a wrong place."""
    names = {*all_types(), *(name for name, _ in _schema_keys())}
    for type_name in all_types():
        names.update(element_keys(type_name))
        names.update(name.removesuffix("[x]") for name in elements_of(type_name))
    return frozenset(names)


@functools.cache
def _list_names() -> frozenset[str]:
    """Of these the keys that may hold a list: a number below another one is no position, and may be data, too."""
    definitions = case_schema().schema
    names = {name for name, node in _schema_keys() if "array" in resolve(definitions, node)[1].get("type", ())}
    for type_name in all_types():
        names.update(sign + one.name for one in elements_of(type_name).values() if one.repeats for sign in ("", "_"))
    return frozenset(names)


def _schema_keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys of case facts, each with what the schema says of it."""
    definitions = case_schema().schema
    nodes = [definitions, *definitions["$defs"].values()]
    while nodes:
        node = nodes.pop()
        inner = node.get("properties", {})
        yield from inner.items()
        nodes += [one for one in (*inner.values(), node.get("items")) if isinstance(one, dict)]


FORMATS = ("text", "json", "outcome", "sarif")


def render(issues: Iterable[Issue], form: str, phi_free: bool = False, version: str = "") -> str:
    """Issues in one of FORMATS, each ending with a line break (nothing at all for no issues as text)."""
    if form == "text":
        return to_text(issues, phi_free)
    if form == "json":
        return to_json(issues, phi_free).decode()
    made = to_sarif(issues, version, phi_free) if form == "sarif" else to_operation_outcome(issues, phi_free)
    return orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
