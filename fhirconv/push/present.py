"""What a server holds of the resources of a push, and what an update would change in them.

What a server adds, or writes otherwise without another meaning, is no difference: HAPI makes no new version for it.
Spec: https://hl7.org/fhir/R4/resource.html#Meta, https://hl7.org/fhir/R4/narrative.html#xhtml
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirconv.push.requests import Item

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient

_BY_SERVER = ("versionId", "lastUpdated", "source", "tag", "security")  # labels are looked at one by one


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
    """What of a transaction has to be sent; `elsewhere` leads from the full URLs of the others to where they are."""

    items: list[Item]
    elsewhere: dict[str, str]


def look_up(client: FhirClient, items: Sequence[Item]) -> list[Present]:
    """What the server holds for each item. Raises ServerError, also where a search of an item finds several."""
    return [_present(found) for found in client.read_many([item.look_up for item in items])]


def _present(resource: dict[str, Any] | None) -> Present:
    return Present(version_of(resource), resource, address_of(resource)) if resource else Present()


def version_of(resource: Mapping[str, Any]) -> str:
    """The version of a resource that a server gave."""
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


def changes(client: FhirClient, items: Sequence[Item]) -> Changes:
    """What has to be sent to a server that makes a version of every update: what is not there yet as it should be."""
    found = look_up(client, items)
    ids = addresses(items, found)
    to_send: list[Item] = []
    elsewhere: dict[str, str] = {}
    for item, present in zip(items, found, strict=True):
        if not is_as_wanted(item, present, ids):
            to_send.append(item)
        elif item.full_url:
            elsewhere[item.full_url] = present.location
    return Changes(to_send, elsewhere)


def is_as_wanted(item: Item, present: Present, ids: Mapping[str, str]) -> bool:
    """Whether the request would change nothing."""
    if item.method == "DELETE" or present.resource is None:
        return item.method == "DELETE" and present.resource is None
    return not differences(item, present, ids)


def differences(item: Item, present: Present, ids: Mapping[str, str]) -> list[Difference]:
    """What an update would change, element by element; `ids` as made by `addresses`."""
    if item.if_none_exist and present.resource is not None:
        return []  # a server leaves alone what it finds
    before = dict(present.resource or {})
    after = item.resource
    if "id" not in after:
        before.pop("id", None)
    own = after.get("meta", {})
    before["meta"] = _meta(before.get("meta", {}), own)
    return [
        one if one.element.split(".")[-1] != "reference" else one._replace(after=ids.get(one.after, one.after))
        for one in _compared("", before, after | {"meta": _meta(own, own)})
        if not _is_same_reference(one, ids)
    ]


def _is_same_reference(one: Difference, ids: Mapping[str, str]) -> bool:
    """Whether a server wrote a reference in its own way: with Type/id for the full URL, and without a version.

    HAPI leaves the full URL where it stands in an extension of a primitive.
    """
    is_reference = one.element.endswith(".reference") and isinstance(one.after, str)
    return is_reference and one.before == ids.get(one.after, one.after).partition("/_history/")[0]


def _meta(meta: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What of meta an update would set: profiles, in any order, and of the labels, which a server adds up, our own."""
    made: dict[str, Any] = {key: value for key, value in meta.items() if key not in _BY_SERVER}
    if "profile" in meta:
        made["profile"] = sorted(meta["profile"])
    for name in ("tag", "security"):
        labels = [(one.get("system"), one.get("code")) for one in meta.get(name, ())]
        made[name] = [one if (one.get("system"), one.get("code")) in labels else None for one in own.get(name, ())]
    return made


def _compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*after, *before)):
            yield from _compared(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for at in range(max(len(before), len(after))):
            yield from _compared(f"{path}[{at}]", *(one[at] if at < len(one) else None for one in (before, after)))
    elif not _is_same(path, before, after):
        yield Difference(path, before, after)


def _is_same(path: str, before: Any, after: Any) -> bool:
    if isinstance(before, str) and isinstance(after, str) and before != after:
        return path.endswith("text.div") and _narrative(before) == _narrative(after)
    if _is_number(before) and _is_number(after):
        return _digits(before) == _digits(after)
    return bool(before == after) and isinstance(before, bool) == isinstance(after, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


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
