"""Resources that are each wrong in one way: a right one from right/, and a change from a .toml file beside this one.

A file has `layer`, `spec` and may have `base` and `rule` for all of its `cases`; a case has

    id        unique in its file
    what      what is wrong, in a sentence
    spec      the page that says so
    base      name of the right resource
    set       {JSON Pointer: value}: put a value there, in a list at its end too
    drop      [JSON Pointer]: take these away
    text      [old, new]: replace the first place in the JSON text, for what no JSON value can be
    content   the whole text, in place of a base
    at        FHIRPath of the wrong element; else that of the first change
    rule      the rule of fhirconv that finds it, where one must
    severity  "warning" where the specification says no more than that
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.validator.corpora import Sample

HERE = Path(__file__).resolve().parent


class Broken(NamedTuple):
    """One broken resource; `name` is file/id, `base` empty where nothing right lies under it."""

    name: str
    content: bytes
    base: str
    what: str
    spec: str
    layer: str
    at: str
    rule: str
    severity: str


def right() -> Iterator[Sample]:
    """The right resources that the broken ones are made of."""
    for path in sorted((HERE / "right").glob("*.json")):
        yield Sample(path.stem, path.read_bytes())


def broken() -> Iterator[Broken]:
    """All broken resources, in the order of the files."""
    for path in sorted(HERE.glob("*.toml")):
        group = tomllib.loads(path.read_text("utf-8"))
        for case in group["cases"]:
            yield _broken(path.stem, {"base": "", "rule": "", "severity": "error"} | group | case)


def _broken(stem: str, case: Mapping[str, Any]) -> Broken:
    name = f"{stem}/{case['id']}"
    try:
        content, at = _changed(case)
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise ValueError(f"{name}: the change does not fit: {problem!r}") from problem
    texts = {field: case[field] for field in ("what", "spec", "layer", "rule", "severity")}
    return Broken(name, content.encode(), "" if "content" in case else case["base"], at=case.get("at", at), **texts)


def _changed(case: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a broken resource, and where it is wrong as FHIRPath."""
    if "content" in case:
        return case["content"], ""
    resource = json.loads(_right(case["base"]))
    at = resource["resourceType"]
    pointers = [*case.get("set", ()), *case.get("drop", ())]
    if pointers:
        at += "".join(f"[{key}]" if key.isdigit() else f".{key.lstrip('_')}" for key in pointers[0].split("/")[1:])
    for pointer in case.get("drop", ()):
        parent, key = _place(resource, pointer)
        del parent[key]
    for pointer, value in case.get("set", {}).items():
        parent, key = _place(resource, pointer)
        if isinstance(parent, list) and key == len(parent):
            parent.append(value)
        else:
            parent[key] = value
    text = json.dumps(resource, ensure_ascii=False)
    if "text" in case:
        old, new = case["text"]
        text = text[: text.index(old)] + new + text[text.index(old) + len(old) :]
    return text, at


@cache
def _right(name: str) -> bytes:
    return (HERE / "right" / f"{name}.json").read_bytes()


def _place(value: Any, pointer: str) -> tuple[Any, Any]:
    """The object or list that the last key of a JSON Pointer is of, and that key."""
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for key in way:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value, int(last) if isinstance(value, list) else last
