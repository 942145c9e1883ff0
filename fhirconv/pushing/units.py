"""What is pushed as a whole: a record (case, Bundle, resource) as the requests that put it on a server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fhirconv.conversion import Conversion, convert_document
from fhirconv.document import Document
from fhirconv.issues import Issue, by_place, has_errors, shown
from fhirconv.mapping import Mappings
from fhirconv.pushing.requests import Item, by_identifier, full_url_of, tags_of, with_plain_links
from fhirconv.records import is_case, is_resource
from fhirconv.validation.finding import Finding
from fhirconv.validation.located import located
from fhirconv.validation.run import Validator, issues_of

_PUSHED = ("transaction", "batch", "collection")
_AGAIN = "so to push it twice would make it twice; give it an id and PUT, or ifNoneExist"
_TWICE = "asks for the same resource as another entry; servers keep one of them and drop the others"


class Settings(NamedTuple):
    """How records become requests. `identity` is 'id' or 'identifier' (see fhirconv.pushing.requests); `digest` is of all."""

    mappings: Mappings
    validator: Validator
    identity: str = "id"
    source: Path | None = None
    digest: str = ""

    @property
    def fact_system(self) -> str:
        """The identifier system of the resources that we make."""
        return self.mappings.tables.identifier_systems["fact"]

    @property
    def case_system(self) -> str:
        """The system of the tag that leads to all resources of a case."""
        return self.mappings.tables.identifier_systems["case"]


@dataclass(slots=True)
class Unit:
    """One record on its way: its requests, or the errors that keep it from being sent.

    `number` counts the records of a run from 0; `name` leads people to it; `locate` turns findings, whose paths begin at
    the Bundle, into issues at fact and line; `cases` are the ids of the cases that it holds.
    """

    number: int
    name: str
    items: list[Item]
    issues: list[Issue]
    locate: Callable[[list[Finding]], Iterable[Issue]]
    cases: tuple[str, ...] = ()
    is_bundle: bool = True  # else one resource alone

    @property
    def ok(self) -> bool:
        """Whether it may be sent."""
        return bool(self.items) and not has_errors(self.issues)


def unit_of(record: Document | Conversion, number: int, settings: Settings) -> Unit:
    """The unit of a record; nothing is raised: what is wrong stands in its issues."""
    if isinstance(record, Conversion):
        return _of_conversion(record, number, record.case.document.name or f"record {number + 1}", settings)
    document = record
    name = document.title if document.name else f"record {number + 1}"
    if is_case(document.data) and not is_resource(document.data):
        made = convert_document(document, settings.mappings, "transaction", settings.source)
        return _of_conversion(made, number, name, settings)
    unit = Unit(number, name, [], settings.validator.check(document).issues, lambda found: issues_of(found, document))
    if is_resource(document.data) and not has_errors(unit.issues):
        _fill(unit, document.data, settings)
        unit.issues = by_place(unit.issues)
    return unit


def _of_conversion(made: Conversion, number: int, name: str, settings: Settings) -> Unit:
    unit = Unit(number, name, [], list(made.issues), lambda found: issues_of(found, made.case.document))
    bundle, build = made.bundle, made.build
    if bundle is not None:
        if build is not None:  # one that came from a worker has none
            unit.locate = lambda found: located(found, bundle, made.case, build)
        _fill(unit, bundle, settings)
    return unit


def _fill(unit: Unit, resource: dict[str, Any], settings: Settings) -> None:
    """The requests of a Bundle or a resource that is right, and what keeps them from being sent."""
    unit.is_bundle = is_bundle = resource["resourceType"] == "Bundle"
    entries = resource.get("entry", []) if is_bundle else [{"resource": resource}]
    wrong: list[Finding] = []
    if is_bundle and resource["type"] not in _PUSHED:
        message = f"is a Bundle of type {shown(resource['type'])}; push takes {', '.join(_PUSHED)}"
        wrong.append(Finding("push-request", message, ("type",)))
    elif not entries:
        wrong.append(Finding("push-request", "is a Bundle without entries; there is nothing to push"))
    else:
        unit.items, problems = _items(entries, settings)
        wrong += [Finding("push-request", why, ("entry", at) if is_bundle else ()) for at, why in problems]
    unit.cases = tuple(dict.fromkeys(_cases(unit.items, settings.case_system)))
    unit.issues += unit.locate(wrong)


def _items(entries: list[dict[str, Any]], settings: Settings) -> tuple[list[Item], list[tuple[int, str]]]:
    """The requests of entries, and the positions of those that cannot be sent, each with why."""
    items: list[Item] = []
    problems: list[tuple[int, str]] = []
    for position, entry in enumerate(entries):
        item, why = _item(entry, position)
        if item is None:
            problems.append((position, why))
        else:
            items.append(item)
    items = with_plain_links(items, settings.fact_system if settings.identity == "identifier" else "")
    if settings.identity == "identifier":
        items, lacking = by_identifier(items, settings.fact_system)
        problems += [(item.position, why) for item, why in lacking]
    counts = Counter(item.look_up for item in items)
    problems += [(item.position, _TWICE) for item in items if counts[item.look_up] > 1]
    return items, problems


def _item(entry: dict[str, Any], position: int) -> tuple[Item | None, str]:
    """The request of an entry, or why it has none that can be repeated."""
    resource, request = entry.get("resource"), entry.get("request", {})
    method, url, if_none_exist = (str(request.get(name, "")) for name in ("method", "url", "ifNoneExist"))
    if resource is None or method not in ("", "PUT", "POST"):
        found = f"is a {method}" if method else "has no resource"
        return None, f"{found}; push makes and updates resources, and --retract takes back what it made"
    for name in ("ifNoneMatch", "ifModifiedSince"):
        if name in request:
            return None, f"has {name}, which servers pass over in what writes; leave it out"
    if method == "POST" and not if_none_exist:
        return None, f"is a POST without ifNoneExist, {_AGAIN}"
    if not method:
        if "id" not in resource:
            return None, f"has no id, {_AGAIN}"
        method, url = "PUT", f"{resource['resourceType']}/{resource['id']}"
    return Item(resource, url, full_url_of(entry), position, method, if_none_exist, str(request.get("ifMatch", ""))), ""


def _cases(items: Iterable[Item], system: str) -> Iterator[str]:
    for item in items:
        yield from (code for tagged, code in tags_of(item.resource) if tagged == system)
