"""Taking back what earlier pushes made of a case and its facts no longer hold: marked as an error where R4 can say so.

Only what is ours is touched: it wears the tag of the case, its business identifier begins with the id of the case, and,
where we give the ids, its id is made from that identifier.
Spec: https://hl7.org/fhir/R4/lifecycle.html#current (entered-in-error), https://hl7.org/fhir/R4/condition.html#invs
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirconv.client.errors import Refused
from fhirconv.identity import fact_identifier, resource_id
from fhirconv.issues import Issue, Place
from fhirconv.pushing.links import with_links
from fhirconv.pushing.present import address_of, checked, version_of
from fhirconv.pushing.requests import Item, own_identifier, tags_of, token
from fhirconv.pushing.units import Settings, Unit
from fhirconv.r4 import element_keys, elements_of
from fhirconv.validation.xhtml import NAMESPACE

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient

_ERROR = "entered-in-error"
_STATUS = ("verificationStatus", "status")
_UNSAYABLE = ("clinicalStatus", "abatement[x]")
"""What con-4, con-5 and ait-2 forbid beside a verificationStatus of entered-in-error. The narrative keeps it."""
_SAID = "<p><b>Entered in error</b>: this is no longer among the facts of its case. It said:</p>"
_DIV = re.compile(r"<div(?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+>")
_STRANGE = "on the server wears the tag of this case and was not made by such a push; it is left as it is"
_PART = "is not a whole case: it has not the patient with all the rest; nothing is taken back"
_UNKNOWN_TYPE = (400, 404)
_PAGE = "100"

Resource = dict[str, Any]


class _Status(NamedTuple):
    """The element that says that a resource is an error, and how."""

    element: str
    value: Any


def retractions(client: FhirClient, unit: Unit, settings: Settings) -> list[Item]:
    """The requests that take back what the server holds of the unit's cases and the unit does not.

    What wears the tag of a case and is not ours is left alone, and a warning among the unit's issues; so is all of a case
    of which the unit is only a part. Raises ServerError.
    """
    kept = {_key(item.resource, item.type, settings) for item in unit.items}
    ours: dict[str, Resource] = {}
    for case, resource in _tagged(client, unit, settings):
        if _key(resource, resource["resourceType"], settings) in kept:
            continue
        if _is_ours(resource, case, settings):
            ours[address_of(resource)] = resource
        else:
            _warn(unit, f"{address_of(resource)} {_STRANGE}")
    to_delete = [address for address, one in ours.items() if status_of(one["resourceType"]) is None]
    gone = {address: _logical(ours[address], settings) for address in to_delete}
    marked = [(address, one, retracted(one, gone)) for address, one in ours.items() if address not in gone]
    puts = [_put(address, one, made) for address, one, made in marked if made != one]
    return puts + [Item({}, address, method="DELETE", if_match=_match(ours[address])) for address in to_delete]


def _key(resource: Mapping[str, Any], type_name: str, settings: Settings) -> tuple[str, str]:
    """What makes a resource the same one on every push."""
    made = resource.get("id", "") if settings.identity == "id" else own_identifier(resource, settings.fact_system)
    return type_name, str(made)


def _tagged(client: FhirClient, unit: Unit, settings: Settings) -> Iterator[tuple[str, Resource]]:
    """What wears the tag of a case of the unit, of all types that the mappings make; each with the case."""
    types = sorted({mapping.resource for mapping in settings.mappings.resources})
    for case in unit.cases:
        if not _is_whole(unit, case, settings):
            _warn(unit, _PART)
            continue
        wanted = {"_tag": token(settings.case_system, case), "_count": _PAGE}
        for type_name in types:
            for found in _matches(client, type_name, wanted):
                if (settings.case_system, case) in tags_of(found):  # else the server passed over what was asked for
                    yield case, checked(found)


def _matches(client: FhirClient, type_name: str, wanted: dict[str, str]) -> Iterator[Resource]:
    """What a search finds; nothing where the server does not know the type."""
    found = client.search(type_name, **wanted)
    try:
        first = next(found, None)
    except Refused as error:
        if error.status not in _UNKNOWN_TYPE:
            raise
        return
    if first is not None:
        yield first
        yield from found


def _is_whole(unit: Unit, case: str, settings: Settings) -> bool:
    """Whether the unit can be all of a case: it has the patient and more. A line of NDJSON may be one resource of many."""
    patient = fact_identifier(case, "patient", "")
    return len(unit.items) > 1 and any(
        own_identifier(item.resource, settings.fact_system) == patient for item in unit.items
    )


def _is_ours(resource: Resource, case: str, settings: Settings) -> bool:
    identifier = own_identifier(resource, settings.fact_system)
    if not identifier.startswith(f"{case}/"):
        return False
    return settings.identity != "id" or resource["id"] == resource_id(settings.fact_system, identifier)


def _warn(unit: Unit, message: str) -> None:
    issue = Issue("push-left", message, Place(unit.name))
    if issue not in unit.issues:  # a plan may be looked at twice
        unit.issues.append(issue)


def status_of(type_name: str) -> _Status | None:
    """How a resource of this type is marked as an error; None where R4 has no code for that."""
    for name in _STATUS:
        element = elements_of(type_name).get(name)
        for code in element.codes or () if element else ():
            system, _, plain = code.rpartition("|")
            if plain == _ERROR:
                return _Status(name, {"coding": [{"system": system, "code": plain}]} if system else plain)
    return None


def retracted(resource: Resource, gone: Mapping[str, Resource]) -> Resource:
    """The resource marked as an error; `gone` are references in place of those to resources that are deleted.

    What is marked already stays as it is, but for such references.
    """
    made: Resource = with_links(resource, gone)  # a server deletes nothing that is referred to
    status = status_of(resource["resourceType"])
    if status is None or _is_marked(resource, status):
        return made
    keys = element_keys(resource["resourceType"])
    unsayable = _UNSAYABLE if status.element == "verificationStatus" else ()
    made = {key: value for key, value in made.items() if keys.get(key, ("",))[0] not in (*unsayable, status.element)}
    return made | {status.element: status.value, "text": _told(resource.get("text"))}


def _is_marked(resource: Resource, status: _Status) -> bool:
    value = resource.get(status.element)
    if not isinstance(value, dict):
        return bool(value == status.value)
    wanted = status.value["coding"][0]
    codings = value.get("coding")
    listed = codings if isinstance(codings, list) else ()
    return any(isinstance(one, dict) and {**one, **wanted} == one for one in listed)


def _told(narrative: Any) -> Resource:
    """The narrative with the mark above what it said."""
    text = narrative if isinstance(narrative, dict) else {}
    div = str(text.get("div", ""))
    begin = _DIV.match(div)
    said = f"{begin.group()}{_SAID}{div[begin.end() :]}" if begin else f'<div xmlns="{NAMESPACE}">{_SAID}</div>'
    return {**text, "status": text.get("status", "generated"), "div": said}


def _logical(resource: Resource, settings: Settings) -> Resource:
    """A reference that needs no resource on the server: type and business identifier."""
    identifier = {"system": settings.fact_system, "value": own_identifier(resource, settings.fact_system)}
    return {"type": resource["resourceType"], "identifier": identifier}


def _put(address: str, resource: Resource, made: Resource) -> Item:
    meta = {key: value for key, value in made["meta"].items() if key not in ("versionId", "lastUpdated", "source")}
    return Item(made | {"meta": meta}, address, if_match=_match(resource))


def _match(resource: Resource) -> str:
    """The entity tag of the version that was read; '' from a server without versions."""
    version = version_of(resource)
    return f'W/"{version}"' if version else ""
