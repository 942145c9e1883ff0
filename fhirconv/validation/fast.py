"""The fast way: says that nothing is wrong with a resource or Bundle, or that the exact check must look.

It never says that something is wrong. What it passes, the exact check passes too: the tests hold the two together.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs

from fhirconv.r4 import resource_types
from fhirconv.validation.plain import NotPlainError, Types, look_into
from fhirconv.validation.schemas import Generator, is_plain

_UUID = re.compile("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_SHELL = {"resourceType", "type", "entry"}
_ENTRY = {"transaction": {"fullUrl", "resource", "request"}, "collection": {"fullUrl", "resource"}}
_NOTHING: Types = {}


@functools.cache
def _accepts(type_name: str) -> Callable[[Any], bool] | None:
    """The compiled schema of a resource type; None where there is none."""
    if type_name not in resource_types() or not is_plain(type_name):
        return None
    check: Callable[[Any], bool] = jsonschema_rs.Draft202012Validator(
        Generator().schema(type_name), pattern_options=jsonschema_rs.RegexOptions()
    ).is_valid
    return check


def is_surely_valid(resource: Any) -> bool:
    """Whether base R4 has nothing to say against a resource or Bundle; False where only the exact check can tell."""
    try:
        if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
            return _bundle(resource)
        return _resource(resource, _NOTHING)
    except (NotPlainError, ValueError, TypeError, AttributeError, KeyError):  # not what a schema takes, or accepts
        return False


def _resource(resource: Any, types: Types) -> bool:
    accepts = _accepts(resource["resourceType"])
    if accepts is None or "text" not in resource or not accepts(resource):
        return False
    look_into(resource, resource["resourceType"], types)
    return True


def _bundle(bundle: dict[str, Any]) -> bool:
    kind, entries = bundle["type"], bundle.get("entry")
    wanted = _ENTRY.get(kind)
    if bundle.keys() != _SHELL or wanted is None or type(entries) is not list or not entries:
        return False
    types: dict[str, str] = {}
    names: set[str] = set()
    for entry in entries:
        resource, url = entry["resource"], entry["fullUrl"]
        if entry.keys() != wanted or not _UUID(url):
            return False
        type_name = resource["resourceType"]
        types[url] = type_name
        if kind == "transaction":
            request, name = entry["request"], f"{type_name}/{resource['id']}"
            names.add(name)
            if request.keys() != {"method", "url"} or request["method"] != "PUT" or request["url"] != name:
                return False
    if len(types) != len(entries) or (kind == "transaction" and len(names) != len(entries)):
        return False
    return all(_resource(entry["resource"], types) for entry in entries)
