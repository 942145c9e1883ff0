"""What is asked of a server for each resource, so that asking twice changes nothing.

By 'id' a resource is a PUT to its own id. By 'identifier' it is a PUT to whichever resource the server has under our
identifier (or, where R4 gives a type none, our tag), and the server gives the ids; what a look found nowhere is created on
the condition that it is not there.
Spec: https://hl7.org/fhir/R4/http.html#update, #cond-update, #ccreate, #trules
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from fhirconv.bundle import dump_json
from fhirconv.identity import NOT_SEARCHED, resource_id
from fhirconv.pushing.links import has_primitive_extensions, with_links, with_references

IDENTITIES = ("id", "identifier")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a transaction. `position` is the entry of the Bundle that it came from, -1 for none.

    `url` is request.url: 'Patient/<id>', 'Patient?identifier=S%7CV' or, with `if_none_exist`, 'Patient'. `full_url` is
    what the others refer to it by. `if_match` is an entity tag (W/"2"): the server refuses if it holds another version.
    `is_new`: a look found none, so that the PUT with a search goes as a conditional create.
    """

    resource: dict[str, Any]
    url: str
    full_url: str = ""
    position: int = -1
    method: str = "PUT"
    if_none_exist: str = ""
    if_match: str = ""
    is_new: bool = False

    @property
    def type(self) -> str:
        """The type of the resource."""
        return re.split(r"[/?]", self.url, maxsplit=1)[0]

    @property
    def look_up(self) -> str:
        """The URL that a GET finds the resource by."""
        return f"{self.url}?{self.if_none_exist}" if self.if_none_exist else self.url

    @property
    def may_be_new(self) -> bool:
        """Whether a conditional create would make the same; it takes no id, and no ifMatch."""
        return self.method == "PUT" and "?" in self.url and "id" not in self.resource and not self.if_match

    def entry(self) -> dict[str, Any]:
        """The entry of the transaction."""
        if self.is_new:
            url, _, condition = self.url.partition("?")
            return replace(self, method="POST", url=url, if_none_exist=condition, is_new=False).entry()
        made: dict[str, Any] = {"fullUrl": self.full_url} if self.full_url else {}
        if self.method != "DELETE":
            made["resource"] = self.resource
        made["request"] = {"method": self.method, "url": self.url}
        if self.if_none_exist:
            made["request"]["ifNoneExist"] = self.if_none_exist
        if self.if_match:
            made["request"]["ifMatch"] = self.if_match
        return made


def transaction(items: Sequence[Item], elsewhere: Mapping[str, str] | None = None) -> bytes:
    """The transaction Bundle of these requests. `elsewhere` leads from full URLs of other parts to references to them."""
    entries = [item.entry() for item in items]
    if elsewhere:
        entries = [with_references(entry, elsewhere) for entry in entries]
    return dump_json({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def by_identifier(items: Sequence[Item], system: str) -> tuple[list[Item], list[tuple[Item, str]]]:
    """The same resources asked for by our identifier (in `system`), and those that cannot be, each with why."""
    addresses = {f"{item.type}/{item.resource['id']}": item.full_url for item in items if "id" in item.resource}
    made, wrong = [], []
    for item in items:
        query = _own_query(item.resource, system)
        if item.if_none_exist or "?" in item.url:
            made.append(item)
        elif not query:
            wrong.append((item, f"it has no identifier of the system {system}, by which the server could find it"))
        else:
            without_id = {key: value for key, value in item.resource.items() if key != "id"}
            resource = with_references(without_id, addresses)
            made.append(replace(item, resource=resource, url=f"{item.type}?{query}"))
    return made, wrong


def with_plain_links(items: list[Item], system: str) -> list[Item]:
    """The items with references in extensions of primitives that hold without the server's help.

    HAPI puts its own addresses in place of full URLs everywhere but there (`_effectiveDateTime`, say, with the event that
    it is relative to). With `system` they name our identifier of it, else Type/id.
    """
    if not any(has_primitive_extensions(item.resource) for item in items):
        return items
    plain: dict[str, dict[str, Any]] = {}
    for item in items:
        value = own_identifier(item.resource, system) if system else ""
        if value:
            plain[item.full_url] = {"type": item.type, "identifier": {"system": system, "value": value}}
        elif item.method == "PUT" and "?" not in item.url:
            plain[item.full_url] = {"reference": item.url}
    return [replace(item, resource=with_links(item.resource, plain, everywhere=False)) for item in items]


def _own_query(resource: Mapping[str, Any], system: str) -> str:
    """The search that finds a resource by its business identifier; '' where it has none of ours that can be found."""
    type_name = str(resource.get("resourceType"))
    value = _identifier(resource, system) if type_name not in NOT_SEARCHED else ""
    name, value = ("identifier", value) if value else ("_tag", _own_tag(resource, system))
    return f"{name}={quote(token(system, value), safe='')}" if value else ""


def token(system: str, code: str) -> str:
    r"""The value of a token parameter: `\`, `,`, `|` and `$` have a meaning there (R4 search.html#escaping)."""
    return "|".join(re.sub(r"([\\,|$])", r"\\\1", part) for part in (system, code))


def own_identifier(resource: Mapping[str, Any], system: str) -> str:
    """The business identifier that we gave a resource, in its identifiers or its tags; '' where there is none."""
    return _identifier(resource, system) or _own_tag(resource, system)


def _identifier(resource: Mapping[str, Any], system: str) -> str:
    found = resource.get("identifier", [])
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict) and one.get("system") == system:
            return str(one.get("value", ""))
    return ""


def _own_tag(resource: Mapping[str, Any], system: str) -> str:
    return next((code for tagged, code in tags_of(resource) if tagged == system), "")


def tags_of(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """System and code of the tags of a resource."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict):
            yield str(tag.get("system", "")), str(tag.get("code", ""))


def full_url_of(entry: Mapping[str, Any]) -> str:
    """What other entries of a transaction refer to an entry by: its own full URL, else one made from its type and id."""
    if "fullUrl" in entry:
        return str(entry["fullUrl"])
    resource = entry["resource"]
    kind, made = resource["resourceType"], str(resource.get("id", ""))
    return f"urn:uuid:{made if _UUID.fullmatch(made) else resource_id('fullUrl', f'{kind}/{made}')}"
