"""What R4 asks of a Bundle beyond its invariants: addresses, requests, the order and fit of entries; contained resources.

Spec: https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import re
from typing import Any

from fhirconv.issues import shown
from fhirconv.r4 import resource_types
from fhirconv.validation.finding import Path
from fhirconv.validation.structure import Held, Walk

_ID = r"[A-Za-z0-9\-.]{1,64}"
_URN = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|urn:oid:[0-2](\.(0|[1-9][0-9]*))+")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_REST = re.compile(rf"https?://\S*?/([A-Z][A-Za-z]+)/({_ID})")
_REQUEST = re.compile(rf"([A-Z][A-Za-z]+)(?:/({_ID})(?:/_history/{_ID})?)?(?:/?\?\S*)?|\$\S+|\?\S*|[A-Z][A-Za-z]+/\S*\$\S+")
_CHANGES = ("transaction", "batch")
_WITHOUT_FULL_URL = (*_CHANGES, "transaction-response", "batch-response", "history")
_CONDITIONS = {
    "ifNoneExist": ("POST",),
    "ifMatch": ("PUT", "PATCH", "DELETE"),
    "ifNoneMatch": ("GET", "HEAD", "PUT"),
    "ifModifiedSince": ("GET", "HEAD"),
}


def check_bundles(walk: Walk) -> None:
    """Checks every Bundle that a walk has met, and every resource that contains others."""
    for held in walk.resources:
        if held.type == "Bundle":
            _check_bundle(walk, held)
        if isinstance(held.value.get("contained"), list):
            _check_contained(walk, held)


def _check_bundle(walk: Walk, bundle: Held) -> None:
    kind = bundle.value.get("type")
    entries = bundle.value.get("entry")
    if not isinstance(entries, list):
        return
    seen: dict[str, int] = {}
    targets: dict[str, int] = {}
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        path = (*bundle.path, "entry", position)
        _check_full_url(walk, entry, kind, path, seen, position)
        request = entry.get("request")
        if isinstance(request, dict):
            _check_request(walk, entry, request, path, targets, position)


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
    elif not _URL.fullmatch(url):
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
    elif found[1] != resource.get("resourceType"):
        walk.add("full-url", f"names the type {found[1]}, and the resource is {shown(resource.get('resourceType'))}", path)


def _check_request(
    walk: Walk, entry: dict[str, Any], request: dict[str, Any], path: Path, targets: dict[str, int], position: int
) -> None:
    method, url, resource = request.get("method"), request.get("url"), entry.get("resource")
    where = (*path, "request")
    for name, methods in _CONDITIONS.items():
        if name in request and isinstance(method, str) and method not in methods:
            walk.add("request", f"'{name}' goes with {' or '.join(methods)}, not with {shown(method)}", (*where, name))
    if method in ("POST", "PUT") and "resource" not in entry:
        walk.add("request", f"{method} needs a resource in its entry", where)
    if method in ("GET", "HEAD", "DELETE") and "resource" in entry:
        walk.add("request", f"{method} takes no resource in its entry", where)
    if not isinstance(url, str) or not url:
        return
    found = _REQUEST.fullmatch(url.removeprefix("/")) if not _URL.match(url) else _REST.fullmatch(url)
    if found is None and not _URL.match(url):
        walk.add("request", f"{shown(url)} is not Type, Type/id, Type?search or an operation", (*where, "url"))
    elif found is not None and found[1]:
        _check_target(walk, method, found[1], found[2], resource, (*where, "url"))
    if method in ("PUT", "DELETE", "PATCH") and found is not None and found[1] and found[2]:
        other = targets.setdefault(url, position)
        if other != position:
            walk.add("request", f"entry {other} changes {shown(url)} too; a transaction may do so once", (*where, "url"))


def _check_target(walk: Walk, method: object, kind: str, own: str | None, resource: Any, path: Path) -> None:
    """The address of a request against the resource that it sends."""
    if kind not in resource_types():
        walk.add("request", f"{shown(kind)} is not a resource type of R4", path)
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
