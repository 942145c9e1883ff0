"""Cases whose every string attacks the page that shows it, made from the maximal cases by what the schema says of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from conftest import FIXTURES

from fhirconv.schema import case_schema

# Forms with a grammar of their own: other words there are errors, as they are in misfits().
_NO_WORDS = {"date", "when", "number", "unit", "instant", "id"}

_MARKUP = (
    "</script></style></title></textarea>--><script>canary({n})</script><style>*{{display:none}}</style>"
    "<img src=x onerror=canary({n})><svg onload=canary({n})><a href=javascript:canary({n})>{n}</a>"
    "<iframe srcdoc='<script>parent.canary({n})</script>'></iframe><base href=//x.test><meta http-equiv=refresh content=0>"
    "\" onmouseover=\"canary({n})\" ' onfocus='canary({n})' autofocus {{{{ 7*7 }}}} {{% raw %}} {{# #}} ${{7*7}} `{n}` &lt; ]]>"
)
# What a field takes is the first of these that its schema accepts; {n} tells one field from every other.
_FORMS = (
    _MARKUP + " \u202egnp.{n}\u2066 \u200b",
    _MARKUP,
    "<img src=x onerror=canary({n})> \"' onfocus=canary({n}) {{{{7*7}}}}",
    'https://x.test/{n}"onmouseover="canary({n})"><svg/onload=canary({n})>{{{{7*7}}}}',
    '10.9999/{n}"onmouseover="canary({n})"><svg/onload=canary({n})>{{{{7*7}}}}',
    'javascript:canary({n})//"><svg/onload=canary({n})>',
)


class Poison:
    """Replaces strings, and remembers which it put where: `texts`, and which `fields` of the schema it met, by pointer."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.fields: set[str] = set()
        self._numbers = itertools.count(1)

    def everywhere(self, value: Any, node: dict[str, Any], pointer: str = "#") -> Any:
        """`value` with a hostile text in each place where the schema takes free words."""
        field, (node, pointer) = pointer, _resolved(node, pointer)
        self.fields.add(field)
        if isinstance(value, list):
            items = next(one["items"] for one in (node, node.get("then", {})) if "items" in one)
            # An item of a list is of the field whose list it is.
            return [self.everywhere(item, items, field) for item in value]
        if isinstance(value, dict):
            inner = node if "properties" in node else _resolved(node["else"], pointer)[0]
            at = pointer if "properties" in node else node["else"]["$ref"]
            parts = inner["properties"]
            return {key: self.everywhere(item, parts[key], f"{at}/properties/{key}") for key, item in value.items()}
        form = form_for(node) if isinstance(value, str) else None
        if form is None:
            return value
        self.texts.append(form.format(n=next(self._numbers)))
        return self.texts[-1]


def form_for(node: dict[str, Any]) -> str | None:
    """The form of hostile text that a field takes; None: none, it takes a choice, a number, a time, a name of ours."""
    if node.get("title") in _NO_WORDS or "x-refers" in node or "string" not in _types(node):
        return None
    takes = jsonschema.Draft202012Validator({**node, "$defs": case_schema().schema["$defs"]}).is_valid
    return next((form for form in _FORMS if takes(form.format(n=1))), None)


def fields_for_words() -> Iterator[str]:
    """The pointer of each field of the schema that takes free words, by itself or as items of a list."""

    def walk(node: Any, pointer: str) -> Iterator[str]:
        if not isinstance(node, dict):
            return
        for name, field in node.get("properties", {}).items():
            at = f"{pointer}/properties/{name}"
            resolved, place = _resolved(field, at)
            choices = [resolved, *(_resolved(one["items"], place)[0] for one in (resolved,) if "items" in one)]
            choices += (
                [_resolved(resolved["else"], place)[0]] if "else" in resolved and "properties" not in resolved else []
            )
            if any(form_for(choice) for choice in choices):
                yield at
            if "$ref" not in field:
                yield from walk(field, at)
                yield from walk(field.get("items"), at)
        # `then` and `else` of a node only name what is described elsewhere.

    schema = case_schema().schema
    for name, node in schema["$defs"].items():
        yield from walk(node, f"#/$defs/{name}")


def hostile_cases() -> tuple[list[dict[str, Any]], Poison]:
    """The maximal cases with hostile words wherever words are free: they convert, and every word is to be shown."""
    poison, cases = Poison(), []
    for case in _maximal():
        case.get("source", {}).pop("text", None)  # names a file: that a quote is not in it is misfits()' part
        cases.append(poison.everywhere(case, case_schema().schema))
    return cases, poison


def misfits() -> dict[str, Any]:
    """A case with a hostile text in place of every string, choice and date too: an error in each field."""
    numbers = itertools.count(1)

    def spoiled(value: Any) -> Any:
        if isinstance(value, list):
            return [spoiled(item) for item in value]
        if isinstance(value, dict):
            return {key: spoiled(item) for key, item in value.items()}
        return _FORMS[0].format(n=next(numbers)) + "\x1b[31m\x07\x00" if isinstance(value, str) else value

    joined: dict[str, Any] = {}
    for case in _maximal():
        for section, facts in case.items():
            joined[section] = [*joined.get(section, []), *facts] if isinstance(facts, list) else facts
    return {spoiled(key) if key == "format" else key: spoiled(value) for key, value in joined.items()}


def _maximal() -> Iterator[dict[str, Any]]:
    for path in sorted(Path(FIXTURES, "cases").glob("maximal-*.yaml")):
        yield yaml.load(path.read_text(encoding="utf-8"), Loader=_Words)


class _Words(yaml.SafeLoader):
    """YAML whose dates are words, as fhirconv reads them."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _types(node: dict[str, Any]) -> list[str]:
    kinds = node.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def _resolved(node: dict[str, Any], pointer: str) -> tuple[dict[str, Any], str]:
    while "$ref" in node:
        pointer = node["$ref"]
        node = case_schema().schema["$defs"][pointer.rpartition("/")[2]]
    return node, pointer
