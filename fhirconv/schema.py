"""The schema of case facts: what a case may hold, which fields are times, numbers, units or references, and the
checks of a case against it.

jsonschema-rs says whether a case fits (20 microseconds); only if it does not, jsonschema says why, in our words.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from fhirconv.data_files import data_dir
from fhirconv.document import Document, escape_pointer
from fhirconv.issues import shown

SCHEMA_FILE = "case-facts.schema.json"

# Definitions of the schema whose values have a meaning that the mapping and the checks of facts rely on.
KINDS = frozenset(
    ("when", "date", "age", "number", "plainNumber", "unit", "absent", "referenceRange", "duration", "evidence", "site")
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind of fact. `path` leads to it from the fact; `kind` is a name of KINDS or its JSON type."""

    path: tuple[str, ...]
    kind: str
    refers: tuple[str, ...] = ()
    is_list: bool = False
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The path with dots."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One kind of fact: a list of facts in the case, or a single object (case, source, patient)."""

    name: str
    title: str
    is_list: bool
    identity: tuple[str, ...]
    one_of: tuple[str, ...]  # at most one of these fields may stand in a fact
    one_needed: bool  # and one of them must
    fields: dict[str, Field]  # by dotted name, in the order of the schema
    nested: frozenset[str]  # the fields that are objects with fields of their own

    def fields_of(self, kind: str) -> Iterator[Field]:
        """The fields of one kind."""
        return (field for field in self.fields.values() if field.kind == kind)


@dataclass(frozen=True)
class CaseSchema:
    """The schema with what is derived from it once."""

    text: str
    schema: dict[str, Any]
    sections: dict[str, Section]
    accepts: Any  # jsonschema_rs validator

    def check(self, document: Document) -> None:
        """Notes in `document` every place where its data does not fit the schema."""
        try:
            fits = self.accepts.is_valid(document.data)
        except ValueError:  # a Python value that jsonschema-rs does not take; jsonschema takes some of them
            fits = False
        if not fits:
            _explain(self.schema, document)


@functools.cache
def case_schema() -> CaseSchema:
    """The schema of this installation."""
    text = (data_dir("mappings") / SCHEMA_FILE).read_text(encoding="utf-8")
    schema = json.loads(text)
    sections = {name: _section(schema, name) for name in schema["properties"] if name not in ("format", "conventions")}
    return CaseSchema(text, schema, sections, jsonschema_rs.Draft202012Validator(schema))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The definition that `node` refers to, with its name ('' for none); a sibling of $ref wins."""
    name = ""
    while "$ref" in node:
        name = name or node["$ref"].rpartition("/")[2]
        node = {**schema["$defs"][node["$ref"].rpartition("/")[2]], **{k: v for k, v in node.items() if k != "$ref"}}
    return name, node


def _section(schema: dict[str, Any], name: str) -> Section:
    node = schema["properties"][name]
    is_list = node.get("type") == "array"
    _, definition = _resolve(schema, node["items"] if is_list else node)
    fields = {field.name: field for field in _fields(schema, definition, ())}
    exactly = definition.get("x-exactly-one-of", ())
    one_of = tuple(exactly or definition.get("x-at-most-one-of", ()))
    nested = frozenset(field.path[0] for field in fields.values() if len(field.path) > 1)
    identity = tuple(definition["x-identity"])
    return Section(name, definition["title"], is_list, identity, one_of, bool(exactly), fields, nested)


def _fields(schema: dict[str, Any], definition: dict[str, Any], path: tuple[str, ...]) -> Iterator[Field]:
    for key, node in definition["properties"].items():
        name, resolved = _resolve(schema, node)
        here = (*path, key)
        items = _resolve(schema, resolved["items"])[1] if resolved.get("type") == "array" else {}
        if name not in KINDS and "properties" in resolved:
            yield from _fields(schema, resolved, here)
        elif "properties" in items:
            yield Field(here, "objects", is_list=True)
        else:
            kind = (
                "date" if resolved.get("title") == "date" else "instant" if resolved.get("title") == "instant" else name
            )
            kind = kind if kind in KINDS or kind == "instant" else str(resolved.get("type", "choice"))
            refers = tuple(resolved.get("x-refers", items.get("x-refers", ())))
            choices = tuple(map(str, resolved.get("enum", items.get("enum", ()))))
            yield Field(
                here, "choice" if choices else kind, refers, bool(items) or kind in ("evidence", "site"), choices
            )


def item_keys(schema: CaseSchema, section: Section, name: str) -> frozenset[str]:
    """The keys of the objects in the list `name` of a section's facts."""
    node = schema.schema["properties"][section.name]
    _, definition = _resolve(schema.schema, node["items"] if section.is_list else node)
    return frozenset(definition["properties"][name]["items"]["properties"])


# -- what does not fit, in our words ---------------------------------------------------------------------------------


def _explain(schema: dict[str, Any], document: Document) -> None:
    import jsonschema  # costs 90 ms: only when there is something to say

    validator = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(document.data):
        pointer = "".join("/" + escape_pointer(step) for step in error.absolute_path)
        for rule, message, below in _messages(error):
            document.add(rule, message, pointer + below)


_TYPE_WORDS = {
    "string": "text", "number": "a number", "integer": "a whole number", "object": "an object (key: value)",
    "array": "a list", "boolean": "true or false", "null": "null",
}  # fmt: skip


def _type_word(value: object) -> str:
    for kind, word in ((bool, "true or false"), (str, "text"), (dict, "an object"), (list, "a list")):
        if isinstance(value, kind):
            return word
    return "nothing (null)" if value is None else "a number"


def _messages(error: Any) -> Iterator[tuple[str, str, str]]:
    """Rule, message and further pointer for one error of jsonschema; what we have no words for says so."""
    expected, found, title = error.validator_value, error.instance, error.schema.get("title", "")
    advice = error.schema.get("description", "").partition(": ")[0].rstrip(".") if title else ""
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for key in sorted(set(found) - set(known)):
                near = _nearest(key, known)
                hint = f"did you mean '{near}'?" if near else f"expected one of: {', '.join(known)}"
                yield "unknown-key", f"unknown key {shown(key)}; {hint}", "/" + escape_pointer(key)
        case "required":
            key = error.message.split("'")[1]
            what = error.schema["properties"][key].get("description", "").partition(". ")[0].rstrip(".")
            yield "missing-key", f"'{key}' is missing" + (f": {what}" if what else ""), ""
        case "type":
            kinds = [expected] if isinstance(expected, str) else expected
            wanted = " or ".join(_TYPE_WORDS[kind] for kind in kinds)
            fix = "; leave the field out when there is nothing to say" if found is None else ""
            if isinstance(found, int | float) and not isinstance(found, bool) and kinds[0] == "string":
                fix = "; put it in quotes"
            yield "wrong-type", f"expected {wanted}, found {_type_word(found)}{fix}", ""
        case "enum" | "const":
            choices = list(map(str, expected)) if isinstance(expected, list) else [str(expected)]
            near = _nearest(str(found), choices)
            hint = f"; did you mean '{near}'?" if near else ""
            yield "not-a-choice", f"{shown(found)} is not one of: {', '.join(choices)}{hint}", ""
        case "minLength" | "minItems" | "minProperties":
            yield "empty-value", "is empty; leave the field out when there is nothing to say", ""
        case "pattern" if expected == "\\S":
            yield "empty-value", "holds blanks only; leave the field out when there is nothing to say", ""
        case "minimum" | "maximum" | "multipleOf":
            word = {"minimum": "at least", "maximum": "at most", "multipleOf": "a multiple of"}[error.validator]
            yield "wrong-form", f"{shown(found)} must be {word} {expected}", ""
        case _:
            yield (
                "wrong-form",
                f"{shown(found)} has not the form expected" + (f": {advice or title}" if title else ""),
                "",
            )


def _nearest(word: str, known: list[str]) -> str:
    """The known word that `word` probably means; empty if none is near."""
    folded = {name.casefold().replace("-", "").replace("_", ""): name for name in known}
    near = difflib.get_close_matches(word.strip().casefold().replace("-", "").replace("_", ""), list(folded), 1, 0.75)
    return folded[near[0]] if near else ""
