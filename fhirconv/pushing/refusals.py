"""The words of a server that refuses a transaction, led back from its entries to facts and lines.

Spec: https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/http.html#transaction-response
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from fhirconv.client.errors import OutcomeIssue, Refused, ServerError
from fhirconv.issues import Issue, printable
from fhirconv.pushing.present import address_of
from fhirconv.pushing.requests import Item, token
from fhirconv.pushing.units import Unit
from fhirconv.validation.expressions import path_of
from fhirconv.validation.finding import Finding, Path

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient

_ENTRY = re.compile(r"\bBundle\.entry(?:\[(\d{1,6})\]|\((\d{1,6})\))")
_NAME = re.compile(r"[A-Za-z]+/[A-Za-z0-9\-.]{1,64}|urn:uuid:[0-9a-f-]{36}")
_OF_A_PERSON = ("name", "telecom", "address", "birthDate", "contact")
_PERSONS = ("Patient", "RelatedPerson", "Person", "Practitioner")
_SHORT = 3
_LONGEST = 300


def issues_of_refusal(
    refused: Refused, unit: Unit, client: FhirClient, items: Sequence[Item] | None = None
) -> list[Issue]:
    """Each error that the server names, at the fact and line of the resource that it names; at least one issue.

    `items` are the entries that were sent, all of the unit if not given. Names, addresses, dates of birth and identifiers
    of the patient are left out of the server's words. Where it found several resources by an identifier (412), it is asked
    which they are.
    """
    items = unit.items if items is None else items
    hidden = _hidden(unit.items)
    named = [one for one in refused.outcome if one.severity in ("fatal", "error")]
    found = [
        Finding("push-refused", _words(refused, one, hidden) + _matches(one, items, client), _path(one, unit, items))
        for one in named
    ]
    return list(unit.locate(found or [Finding("push-refused", str(refused))]))


def _words(refused: Refused, issue: OutcomeIssue, hidden: re.Pattern[str] | None) -> str:
    text = hidden.sub("[…]", issue.text) if hidden else issue.text
    text = printable(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")
    return f"the server answered {refused.status}: {text or 'no words given'}"


def _matches(issue: OutcomeIssue, items: Sequence[Item], client: FhirClient) -> str:
    """The resources that a search of ours finds, where the server says that they are several."""
    for item in items:
        type_name, is_search, query = item.look_up.partition("?")
        if is_search and item.look_up in issue.text:
            try:
                found = sorted(address_of(one) for one in client.search(type_name, **dict(parse_qsl(query))))
            except ServerError:
                return ""
            if len(found) > 1:
                return f"; it matches {', '.join(map(printable, found[:9]))}: keep one of them"
    return ""


def _path(issue: OutcomeIssue, unit: Unit, items: Sequence[Item]) -> Path:
    """Where the issue lies in the record that was pushed; () for the whole."""
    for expression in (*issue.expressions, issue.text):
        found = _ENTRY.search(expression)
        at = int(found[1] or found[2]) if found else -1
        if found and at < len(items):
            inner = path_of(items[at].resource, f"{items[at].type}{_rest(expression[found.end() :])}")
            return _standing(unit, items[at], inner)
    for item in items:
        if "?" in item.look_up and item.look_up in issue.text:
            return _standing(unit, item, ())
    for text in _NAME.findall(issue.text):
        for item in items:
            if text in (item.url, item.full_url):
                inner = path_of(item.resource, issue.expressions[0]) if issue.expressions else ()
                return _standing(unit, item, inner)
            inner = _reference(item.resource, text)
            if inner:
                return _standing(unit, item, inner)
    return ()


def _reference(value: Any, wanted: str) -> Path:
    """The path to the first reference that reads so; () if there is none."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        if step == "reference" and one == wanted:
            return (step,)
        below = _reference(one, wanted)
        if below:
            return (step, *below)
    return ()


def _rest(expression: str) -> str:
    """What follows `Bundle.entry[n]` in a FHIRPath: the path within the resource."""
    return (
        re.sub(r"^\.resource(\.ofType\([^)]*\))?(/\*.*?\*/)?", "", expression)
        if expression.startswith(".resource")
        else ""
    )


def _standing(unit: Unit, item: Item, inner: Path) -> Path:
    if item.position < 0:
        return ()
    return ("entry", item.position, "resource", *inner) if unit.is_bundle else inner


def _hidden(items: Iterable[Item]) -> re.Pattern[str] | None:
    """What tells who the patient is, wherever it stands in a text, also as part of a URL; short names as whole words."""
    values = {text for item in items for text in _telling(item.resource)}
    values |= {quote(written, safe="") for text in values for written in (text, token("", text)[1:])}
    parts = [re.escape(text) if len(text) > _SHORT else rf"\b{re.escape(text)}\b" for text in sorted(values, key=len)]
    return re.compile("|".join(reversed(parts)), re.IGNORECASE) if parts else None


def _telling(resource: dict[str, Any]) -> Iterator[str]:
    """The texts of a resource that tell who somebody is."""
    if resource.get("resourceType") in _PERSONS:
        for key in _OF_A_PERSON:
            yield from _texts(resource.get(key))
        for text in _texts(resource.get("name")):
            yield from re.findall(r"\w{3,}", text)
    yield from _names(resource)


def _names(value: Any) -> Iterator[str]:
    """Identifiers, and what references call what they lead to, at any depth."""
    if isinstance(value, dict):
        if "display" in value and ("reference" in value or "identifier" in value):
            yield from _texts(value["display"])
        for key, inner in value.items():
            yield from _texts(inner) if key == "identifier" else _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _texts(value: Any) -> Iterator[str]:
    """The texts below a value, but for codes and addresses of systems."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("system", "use", "url", "type", "extension"):
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str) and len(value) > 1:
        yield value
