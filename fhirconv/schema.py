"""The schema of case facts: what a case may hold, which fields are times, numbers, units or references, and the
checks of a case against it.

A case of plain facts is seen to fit at a glance (fitting.py). Of any other jsonschema-rs says whether it fits; only if it
does not, jsonschema says why, in our words.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhirconv.data_files import data_dir
from fhirconv.document import Document, escape_pointer
from fhirconv.misfits import explain_misfits

SCHEMA_FILE = "case-facts.schema.json"

# Definitions of the schema whose values have a meaning that the mapping and the checks of facts rely on.
_AMOUNTS = ("when", "date", "age", "number", "plainNumber", "unit", "referenceRange", "duration")
KINDS = frozenset((*_AMOUNTS, "absent", "evidence", "term", "site", "origin"))


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
    fields: dict[str, Field]  # by dotted name, in the order of the schema
    required: frozenset[str]  # the fields that every such fact states
    nested: frozenset[str]  # the fields that are objects with fields of their own

    def fields_of(self, kind: str) -> Iterator[Field]:
        """The fields of one kind."""
        return (field for field in self.fields.values() if field.kind == kind)


@dataclass(frozen=True, eq=False)
class CaseSchema:
    """The schema with what is derived from it once."""

    text: str
    schema: dict[str, Any]
    sections: dict[str, Section]

    @functools.cached_property
    def accepts(self) -> Any:
        """The validator of a case."""
        return self.validator(self.schema)

    def definition(self, section: Section) -> dict[str, Any]:
        """The schema of a fact of this section."""
        node = self.schema["properties"][section.name]
        return resolve(self.schema, node["items"] if section.is_list else node)[1]

    def validator(self, part: dict[str, Any]) -> Any:
        """A validator of jsonschema_rs for a part of the schema; it raises ValueError for types that it does not know."""
        import jsonschema_rs  # costs a start more than all that it is asked of a small case

        return jsonschema_rs.Draft202012Validator({**part, "$defs": self.schema["$defs"]})

    def takes_around(self, data: Any, facts: int) -> bool:
        """Whether, at a glance, all of a case fits but for its facts, of which there are so many."""
        if type(data) is not dict or not data.keys() >= set(self.schema["required"]):
            return False
        for name, value in data.items():
            section = self.sections.get(name)
            if section is None or (section.is_list and type(value) is not list):
                return False
            facts -= len(value) if section.is_list else 1
        return not facts

    def check(self, document: Document) -> None:
        """Notes in `document` every place where its data does not fit the schema."""
        try:
            if self.accepts.is_valid(document.data):
                return
            errors = list(self.accepts.iter_errors(document.data))
        except ValueError:  # a Number (1e300) or Python value that jsonschema-rs does not take; jsonschema takes some
            errors = []
        if isinstance(document.data, dict) and "resourceType" in document.data and self.sections.keys().isdisjoint(document.data):
            document.add("wrong-form", "is a FHIR resource, not a case; 'fhirconv facts' reads cases out of FHIR", "/resourceType")
            return
        before = len(document.issues)
        explain_misfits(self.schema, document)
        for error in errors if len(document.issues) == before else ():
            pointer = "".join("/" + escape_pointer(step) for step in error.instance_path)
            document.add("wrong-form", "has not the form that the schema asks for; see 'fhirconv schema'", pointer)


@functools.cache
def case_schema() -> CaseSchema:
    """The schema of this installation."""
    text = (data_dir("mappings") / SCHEMA_FILE).read_text(encoding="utf-8")
    schema = json.loads(text)
    sections = {name: _section(schema, name) for name in schema["properties"] if name not in ("format", "conventions")}
    return CaseSchema(text, schema, sections)


def resolve(schema: dict[str, Any], node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The definition that `node` leads to in the end, with its name ('' for none); a sibling of $ref wins."""
    name = ""
    while "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        node = {**schema["$defs"][name], **{k: v for k, v in node.items() if k != "$ref"}}
    return name, node


def _section(schema: dict[str, Any], name: str) -> Section:
    node = schema["properties"][name]
    is_list = node.get("type") == "array"
    _, definition = resolve(schema, node["items"] if is_list else node)
    fields = {field.name: field for field in _fields(schema, definition, ())}
    nested = frozenset(field.path[0] for field in fields.values() if len(field.path) > 1)
    identity, required = tuple(definition["x-identity"]), frozenset(definition.get("required", ()))
    return Section(name, definition["title"], is_list, identity, fields, required, nested)


def _fields(schema: dict[str, Any], definition: dict[str, Any], path: tuple[str, ...]) -> Iterator[Field]:
    for key, node in definition["properties"].items():
        name, resolved = resolve(schema, node)
        here = (*path, key)
        items = resolve(schema, resolved["items"])[1] if resolved.get("type") == "array" else {}
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
    return frozenset(schema.definition(section)["properties"][name]["items"]["properties"])
