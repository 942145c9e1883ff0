"""What R4 asks of a Bundle beyond its invariants: addresses, requests, the order and fit of entries; contained resources.

Spec: https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fhirconv.issues import nearest, shown
from fhirconv.r4 import resource_types
from fhirconv.validation.addresses import ABSOLUTE, ID, OID, UUID
from fhirconv.validation.finding import Path
from fhirconv.validation.references import Index, entry_of
from fhirconv.validation.structure import Held, Walk

_URN = re.compile(f"{UUID}|{OID}")
_REST = re.compile(rf"https?://\S*?/([A-Z][A-Za-z]+)/({ID})")
_REQUEST = re.compile(rf"([A-Z][A-Za-z]+)(?:/({ID})(?:/_history/{ID})?)?(?:/?\?\S*)?|\$\S+|\?\S*|[A-Z][A-Za-z]+/\S*\$\S+")
_MORE_THAN_QUERY = re.compile(r"https?://|\?")
_STATUS = re.compile(r"[0-9]{3}(?![0-9])")
_CHANGES = ("transaction", "batch")
_CHANGING = ("PUT", "DELETE", "PATCH")
_WITHOUT_FULL_URL = (*_CHANGES, "transaction-response", "batch-response", "history")
_CONDITIONS = {
    "ifNoneExist": ("POST",),
    "ifMatch": ("PUT", "PATCH", "DELETE"),
    "ifNoneMatch": ("GET", "HEAD", "PUT"),
    "ifModifiedSince": ("GET", "HEAD"),
}


def check_bundles(walk: Walk, index_for: Callable[[Path], Index]) -> None:
    """Checks every Bundle that a walk has met, and every resource that contains others.

    `index_for(path)` is the index of the nearest Bundle around a path.
    """
    for held in walk.resources:
        if held.type == "Bundle":
            _check_bundle(walk, held, index_for(held.path))
        if isinstance(held.value.get("contained"), list):
            _check_contained(walk, held)


def _check_bundle(walk: Walk, bundle: Held, index: Index) -> None:
    kind = bundle.value.get("type")
    entries = bundle.value.get("entry")
    if not isinstance(entries, list):
        return
    seen: dict[str, int] = {}
    changed: dict[str, int] = {}
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        path = (*bundle.path, "entry", position)
        _check_full_url(walk, entry, kind, path, seen, position)
        _check_response(walk, entry.get("response"), (*path, "response", "status"))
        request = entry.get("request")
        if not isinstance(request, dict):
            continue
        where = (*path, "request")
        _check_request(walk, entry, request, where)
        target = _check_url(walk, entry, request, where) if kind in _CHANGES else ""
        other = changed.setdefault(target, position) if target and kind == "transaction" else position
        if other != position:
            message = f"entry {other} changes {shown(target)} too; a transaction may do so once"
            walk.add("request", message, (*where, "url"))
    if kind == "document" and entries:
        _check_reach(walk, bundle, len(entries), index)


def _check_response(walk: Walk, response: Any, path: Path) -> None:
    status = response.get("status") if isinstance(response, dict) else None
    if isinstance(status, str) and not _STATUS.match(status):
        walk.add("response", f"{shown(status)} does not begin with a status of HTTP in three digits, as 201", path)


def _check_full_url(walk: Walk, entry: dict[str, Any], kind: object, path: Path, seen: dict[str, int], position: int) -> None:
    url, resource = entry.get("fullUrl"), entry.get("resource")
    if not isinstance(url, str):
        if "fullUrl" not in entry and isinstance(resource, dict) and kind not in _WITHOUT_FULL_URL:
            message = f"lacks fullUrl, by which the entries of a {kind} Bundle are told apart"
            walk.add("full-url", message, path)
        return
    where = (*path, "fullUrl")
    if url.startswith("urn:") and not _URN.fullmatch(url):
        walk.add("full-url", f"{shown(url)} is not urn:uuid: with a UUID in lower case, nor urn:oid:", where)
    elif not ABSOLUTE.fullmatch(url):
        walk.add("full-url", f"{shown(url)} is not an absolute URL", where)
    elif isinstance(resource, dict):
        _check_same_id(walk, url, resource, where)
    other = seen.setdefault(url, position)
    if other != position and kind != "history":
        meta = resource.get("meta") if isinstance(resource, dict) else None
        if not (isinstance(meta, dict) and "versionId" in meta):  # bdl-7: versions of one resource may stand together
            walk.add("full-url", f"{shown(url)} stands in entry {other} too", where)


def _check_same_id(walk: Walk, url: str, resource: dict[str, Any], path: Path) -> None:
    own = resource.get("id")
    found = _REST.fullmatch(url)
    if not isinstance(own, str) or found is None or found[1] not in resource_types():
        return
    if found[2] != own:
        walk.add("full-url", f"ends with the id {shown(found[2])}, and the resource has {shown(own)}", path)
    elif found[1] != (sent := resource.get("resourceType")) and isinstance(sent, str):
        walk.add("full-url", f"names the type {found[1]}, and the resource is {shown(sent)}", path)


def _check_request(walk: Walk, entry: dict[str, Any], request: dict[str, Any], where: Path) -> None:
    """What the parts of a request say to each other, whatever it is sent to."""
    method, condition = request.get("method"), request.get("ifNoneExist")
    for name, methods in _CONDITIONS.items():
        if name in request and isinstance(method, str) and method not in methods:
            walk.add("request", f"'{name}' goes with {' or '.join(methods)}, not with {shown(method)}", (*where, name))
    if isinstance(condition, str) and _MORE_THAN_QUERY.match(condition):
        message = f"{shown(condition)} is more than a query; write what follows the '?'"
        walk.add("request", message, (*where, "ifNoneExist"))
    if method in ("POST", "PUT") and "resource" not in entry:
        walk.add("request", f"{method} needs a resource in its entry", where)
    if method in ("GET", "HEAD", "DELETE") and "resource" in entry:
        walk.add("request", f"{method} takes no resource in its entry", where)


def _check_url(walk: Walk, entry: dict[str, Any], request: dict[str, Any], where: Path) -> str:
    """The url of a request in a transaction or batch: its form, and whether it fits the method. What it changes, or ''."""
    method, url = request.get("method"), request.get("url")
    if not isinstance(url, str) or not url:
        return ""
    path = (*where, "url")
    is_absolute = ABSOLUTE.match(url) is not None
    if is_absolute and url != entry.get("fullUrl"):  # an official example writes the fullUrl
        walk.add("request", f"{shown(url)} is absolute; write it from the server's base on, as Type/id", path)
    found = _REST.fullmatch(url) if is_absolute else _REQUEST.fullmatch(url.removeprefix("/"))
    if found is None and not is_absolute:
        walk.add("request", f"{shown(url)} is not Type, Type/id, Type?search or an operation", path)
    if found is None or not found[1]:
        return ""
    _check_target(walk, method, found[1], found[2], entry.get("resource"), path)
    if method not in _CHANGING:
        return ""
    if not found[2] and not url.partition("?")[2]:
        walk.add("request", f"{method} needs to know which {found[1]}: write {found[1]}/id or {found[1]}?search", path)
        return ""
    return url.removeprefix("/")


def _check_target(walk: Walk, method: object, kind: str, own: str | None, resource: Any, path: Path) -> None:
    """The address of a request against the resource that it sends."""
    if kind not in resource_types():
        walk.add("request", f"{shown(kind)} is not a resource type of R4{nearest(kind, resource_types())}", path)
        return
    if not isinstance(resource, dict) or method not in ("POST", "PUT"):
        return
    sent = resource.get("resourceType")
    if isinstance(sent, str) and sent != kind:
        walk.add("request", f"names the type {kind}, and the resource is {shown(sent)}", path)
    if method == "POST" and own:
        walk.add("request", "POST goes to a type, without an id; the server gives it", path)
    if method == "PUT" and own and "id" not in resource:
        walk.add("request", f"PUT to {shown(own)} needs a resource with that id", path)
    elif method == "PUT" and own and resource.get("id") != own:
        walk.add("request", f"PUT goes to the id {shown(own)}, and the resource has {shown(resource.get('id'))}", path)


def _check_reach(walk: Walk, bundle: Held, count: int, index: Index) -> None:
    """Every entry of a document is linked to its Composition, by references in either direction."""
    depth = len(bundle.path)
    linked: dict[int, set[int]] = {position: set() for position in range(count)}
    for _, value, path, held in walk.references:
        text = value.get("reference")
        if path[:depth] != bundle.path or path[depth : depth + 1] != ("entry",) or not isinstance(text, str):
            continue
        target = entry_of(text, held, index)
        if target is not None:
            one, other = int(path[depth + 1]), int(target.path[depth + 1])
            linked[one].add(other)
            linked[other].add(one)
    reached, ahead = {0}, [0]
    while ahead:
        new = linked[ahead.pop()] - reached
        reached |= new
        ahead += new
    for position in sorted(linked.keys() - reached):
        message = "has no link to or from the Composition, nor over other entries; refer to it, or leave it out"
        walk.add("bundle-entry", message, (*bundle.path, "entry", position))


def _check_contained(walk: Walk, held: Held) -> None:
    seen: dict[str, int] = {}
    for position, one in enumerate(held.value["contained"]):
        if not isinstance(one, dict):
            continue
        path = (*held.path, "contained", position)
        own = one.get("id")
        if "id" not in one:
            walk.add("contained", "lacks an id, by which the resource around it refers to it", path)
        elif isinstance(own, str) and own.startswith("#"):
            walk.add("contained", f"the id {shown(own)} must not begin with '#'; the reference does", (*path, "id"))
        elif isinstance(own, str) and seen.setdefault(own, position) != position:
            walk.add("duplicate-id", f"{shown(own)} is the id of contained[{seen[own]}] too", (*path, "id"))
