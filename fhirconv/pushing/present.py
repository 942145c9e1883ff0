"""What a server holds of the resources of a push, and what an update would change in them.

What a server adds, or writes otherwise without another meaning, is no difference: HAPI makes no new version for it.
Spec: https://hl7.org/fhir/R4/resource.html#Meta, https://hl7.org/fhir/R4/narrative.html#xhtml
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirconv.client.errors import NotSent, Refused, Unfit, Unknown
from fhirconv.pushing.links import with_references
from fhirconv.pushing.requests import Item, by_identifier
from fhirconv.pushing.result import Made

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient
    from fhirconv.pushing.units import Settings, Unit

_LISTS = {"profile": str, "tag": dict, "security": dict}
_BY_SERVER = ("versionId", "lastUpdated", "source", "tag", "security")  # labels are looked at one by one


SEVERAL = 412  # matches of a search


class Present(NamedTuple):
    """A resource on the server: its version, what it holds, and where ('Type/id'); '', None and '' where there is none."""

    version: str = ""
    resource: dict[str, Any] | None = None
    location: str = ""


class Difference(NamedTuple):
    """An element that an update would change, by its path ('note[0].text'), with the old and the new value.

    None stands for none. In a plan that was read from a file the values are not told.
    """

    element: str
    before: Any = None
    after: Any = None


class Changes(NamedTuple):
    """What of a transaction has to be sent, and what is as wanted; `elsewhere` leads from full URLs to what is there."""

    items: list[Item]
    unchanged: list[Made]
    elsewhere: dict[str, str]


def look_up(client: FhirClient, items: Sequence[Item]) -> list[Present]:
    """What the server holds for each item. Raises ServerError, also where a search of an item finds several."""
    return [_present(found) for found in client.read_many([item.look_up for item in items])]


def _present(resource: dict[str, Any] | None) -> Present:
    if resource is None:
        return Present()
    return Present(version_of(checked(resource)), resource, address_of(resource))


def checked(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource that a server gave, if its id and its meta are what R4 says. Raises Unknown."""
    meta = resource.get("meta", {})
    is_right = isinstance(meta, dict) and all(_is_list(meta.get(name, []), kind) for name, kind in _LISTS.items())
    if not is_right or not all(isinstance(resource.get(name), str) for name in ("id", "resourceType")):
        raise Unknown("the server gave a resource whose id or meta is none; is this a FHIR server?")
    return resource


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


def version_of(resource: Mapping[str, Any]) -> str:
    """The version of a resource that a server gave; '' if it has none."""
    return str(resource.get("meta", {}).get("versionId", ""))


def address_of(resource: Mapping[str, Any]) -> str:
    """Type/id of a resource that a server gave."""
    return f"{resource['resourceType']}/{resource['id']}"


def addresses(items: Iterable[Item], found: Iterable[Present]) -> dict[str, str]:
    """Full URL -> Type/id on the server, for each item that has a place there, or names it by its own URL."""
    made = {}
    for item, present in zip(items, found, strict=True):
        place = present.location or ("" if "?" in item.look_up else item.url)
        if item.full_url and place:
            made[item.full_url] = place
    return made


def check_ids(client: FhirClient, unit: Unit, settings: Settings) -> None:
    """Raises Unfit where the server knows a record that is to be pushed by id under another id: that would be a second one.

    It was pushed with identity 'identifier' then, or by another program. A server that cannot be asked is not asked.
    """
    items = [item for item in unit.items if item.method == "PUT" and "?" not in item.url][:1]
    asked, _ = by_identifier(items, settings.fact_system)
    if settings.identity != "id" or not asked:
        return
    try:
        found = client.read_many([item.look_up for item in asked])
    except (Refused, NotSent) as error:
        if error.status == SEVERAL:
            raise Unfit(f"{unit.name}: {error}: keep one of them") from None
        return
    for item, one in zip(items, found, strict=True):
        if one is not None and address_of(one) != item.url:
            raise Unfit(
                f"{unit.name}: the server has this {item.type} as {address_of(one)} already, under an id that fhirconv did not "
                "give: push with --identity identifier, or it would be there twice"
            )


def changes(client: FhirClient, items: Sequence[Item]) -> Changes:
    """What is not on the server yet as it should be, and how to send it. Raises ServerError, as `look_up`.

    What is not there at all goes as a conditional create where the server takes them. HAPI 8.8 keeps two that come at the
    same time apart by the search that made a resource, and forgets that at the first update, also one that changes nothing:
    a conditional update in its place would make way for a second one.
    """
    found = look_up(client, items)
    ids = addresses(items, found)
    takes_creates = client.capability().conditional_create
    to_send: list[Item] = []
    unchanged: list[Made] = []
    for item, present in zip(items, found, strict=True):
        if is_as_wanted(item, present, ids):
            unchanged.append(Made("unchanged", present.location or item.url, item.position))
        else:
            is_new = takes_creates and item.may_be_new and present.resource is None
            to_send.append(replace(item, is_new=is_new))
    there = {item.full_url: present.location for item, present in zip(items, found, strict=True) if present.location}
    return Changes(to_send, unchanged, there)


def is_as_wanted(item: Item, present: Present, ids: Mapping[str, str]) -> bool:
    """Whether the request would change nothing."""
    if item.method == "DELETE" or present.resource is None:
        return item.method == "DELETE" and present.resource is None
    return not differences(item, present, ids)


def differences(item: Item, present: Present, ids: Mapping[str, str]) -> list[Difference]:
    """What an update would change, element by element; `ids` as made by `addresses`."""
    if item.if_none_exist and present.resource is not None:
        return []  # a server leaves alone what it finds
    before = with_references(present.resource or {}, ids)  # HAPI leaves full URLs in extensions of primitives
    after = with_references(item.resource, ids)
    if "id" not in after:
        before.pop("id", None)
    own = after.get("meta", {})
    before["meta"], after["meta"] = _meta(before.get("meta", {}), own), _meta(own, own)
    return list(compared("", before, after))


def _meta(meta: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What of meta an update would set: profiles, in any order, and of the labels, which a server adds up, our own."""
    made: dict[str, Any] = {key: value for key, value in meta.items() if key not in _BY_SERVER}
    if "profile" in meta:
        made["profile"] = sorted(meta["profile"])
    for name in ("tag", "security"):
        labels = [(one.get("system"), one.get("code")) for one in meta.get(name, ())]
        made[name] = [one if (one.get("system"), one.get("code")) in labels else None for one in own.get(name, ())]
    return made


def compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    """The differences of two values, below a path; what is put into a list, or taken out, moves the rest of it."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*after, *before)):
            yield from compared(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        old, new = ([_meaning(one) for one in each] for each in (before, after))
        start = _alike(old, new)
        end = _alike(old[start:][::-1], new[start:][::-1])
        rest = zip_longest(before[start : len(old) - end], after[start : len(new) - end])
        for at, (one, other) in enumerate(rest, start):
            yield from compared(f"{path}[{at}]", one, other)
    elif before != after or isinstance(after, bool | int | Decimal):
        key = path.rpartition(".")[2]
        if _meaning(before, key) != _meaning(after, key):
            yield Difference(path, before, after)


def _alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many values at the beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _meaning(value: Any, key: str = "") -> Any:
    """A form of a value that equals that of another exactly if they mean the same."""
    if isinstance(value, dict):
        return {name: _meaning(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_meaning(inner) for inner in value]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return ("number", _digits(value))
    if isinstance(value, str) and key == "reference":
        return value.partition("/_history/")[0]  # HAPI keeps no version in a reference
    return _narrative(value) if isinstance(value, str) and key == "div" else value


def _digits(number: Any) -> str:
    """A number by its digits, which say how precise it is; 1E2 and 100 are the same, and so are 0.0 and -0.0."""
    plain = f"{Decimal(str(number)):f}"
    return plain.removeprefix("-") if not Decimal(plain) else plain


class _Narrative(HTMLParser):
    """What an XHTML text says: tags with their attributes, and words; however characters and empty elements are written."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Any] = [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts += [(tag, *sorted(attrs, key=str)), ""]

    def handle_endtag(self, tag: str) -> None:
        self.parts += [("/", tag), ""]

    def handle_data(self, data: str) -> None:
        self.parts[-1] += data

    def handle_comment(self, data: str) -> None:
        self.parts[-1] = self.parts[-1].rstrip()  # HAPI writes blanks before it


def _narrative(div: str) -> list[Any]:
    reader = _Narrative()
    reader.feed(div.replace("\r\n", "\n"))
    reader.close()
    return reader.parts
