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
from fhirconv.validation.plain import NotPlainError, Types, look_of
from fhirconv.validation.schemas import Generator, is_plain

_UUIDS = re.compile("(?:(?:^| )urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})+").fullmatch
_SHELL = {"resourceType", "type", "entry"}
_PARTS = {"transaction": 3, "collection": 2}  # of an entry: fullUrl, resource, and request
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
    look_of(resource["resourceType"])(resource, types)
    return True


def _bundle(bundle: dict[str, Any]) -> bool:
    kind, entries = bundle["type"], bundle.get("entry")
    wanted = _PARTS.get(kind)
    if bundle.keys() != _SHELL or wanted is None or type(entries) is not list or not entries:
        return False
    types: dict[str, str] = {}
    for entry in entries:
        resource, url = entry["resource"], entry["fullUrl"]
        types[url] = type_name = resource["resourceType"]
        if len(entry) != wanted:
            return False
        if kind == "transaction":
            request = entry["request"]
            # The id is that of the fullUrl: so two entries with one id have one fullUrl too, and are counted below.
            if request["url"] != f"{type_name}/{resource['id']}" or resource["id"] != url[9:]:
                return False
            if request["method"] != "PUT" or len(request) != 2:
                return False
    if len(types) != len(entries) or not _UUIDS(" ".join(types)):
        return False
    return all(_resource(entry["resource"], types) for entry in entries)
