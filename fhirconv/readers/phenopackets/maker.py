"""What a case is made in: sections of facts, each fact and field with its place in the packet; ids where they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fhirconv.document import Document
from fhirconv.facts import Fact
from fhirconv.issues import Issue
from fhirconv.readers.phenopackets.curies import Curies
from fhirconv.readers.phenopackets.tree import Node
from fhirconv.schema import Section, case_schema
from fhirconv.values.base import Tables

_NO_ID = re.compile(r"[^A-Za-z0-9._-]+")
_ID_LENGTH = 48  # room for a number behind it: ids have 64 characters at most


class Read(NamedTuple):
    """A value for a field, and where it was read."""

    value: Any
    pointer: str


class Made:
    """A fact of the case. It has an id only if another fact refers to it, or if a second one is like it."""

    def __init__(self, maker: Maker, data: dict[str, Any], base: str) -> None:
        self.data = data
        self._maker = maker
        self._base = base

    @property
    def id(self) -> str:
        """The id of the fact, which it has from now on."""
        if "id" not in self.data:
            self.data["id"] = self._maker.free_id(self._base)
        return str(self.data["id"])


class Maker:
    """A case in the making."""

    def __init__(self, document: Document, packet: Node, curies: Curies, tables: Tables) -> None:
        self.document = document
        self.packet = packet
        self.curies = curies
        self.tables = tables
        self.data: dict[str, Any] = {}
        self.places: dict[str, str] = {}  # pointer in the case -> pointer in the packet
        self.diseases: dict[str, Made] = {}  # by CURIE
        self.cancers: list[Made] = []
        self.procedures: list[Made] = []
        self.specimens: dict[str, Made] = {}  # by the packet's id
        self._ids: set[str] = set()
        self._keys: dict[tuple[str, str], Made] = {}

    def add(self, section: str, node: Node, base: str, **fields: Any) -> Made:
        """A fact of a section made of `node`; fields that are empty are left out. `base` is what an id is made of."""
        facts = self.data.setdefault(section, [])
        data = self._filled(fields, f"/{section}/{len(facts)}", node)
        made = Made(self, data, base)
        facts.append(data)
        key = (section, _key_of(section, data))
        other = self._keys.setdefault(key, made)
        if other is not made:  # a natural key is that of one fact
            _ = other.id, made.id
        return made

    def state(self, section: str, node: Node, **fields: Any) -> None:
        """Adds fields to a section that is one object."""
        self.data.setdefault(section, {}).update(self._filled(fields, f"/{section}", node))

    def _filled(self, fields: dict[str, Any], pointer: str, node: Node) -> dict[str, Any]:
        self.places.setdefault(pointer, node.pointer)
        data = {}
        for key, field in fields.items():
            value, place = field if isinstance(field, Read) else (field, "")
            if value not in (None, "", [], {}):
                data[key.removesuffix("_")] = value
                if place:
                    self.places[f"{pointer}/{key.removesuffix('_')}"] = place
        return data

    def free_id(self, base: str) -> str:
        """An id that no fact of the case has, made of words."""
        slug = _NO_ID.sub("-", base).strip("-")[:_ID_LENGTH]
        slug = slug if slug[:1].isalpha() else f"fact-{slug}".rstrip("-")
        number, found = 1, slug
        while found in self._ids:
            number += 1
            found = f"{slug}-{number}"
        self._ids.add(found)
        return found

    def warn(self, rule: str, message: str, pointer: str) -> None:
        """Notes a warning at a place of the packet."""
        self.document.issues.append(Issue(rule, message, self.document.place(pointer), severity="warning"))

    def finished(self) -> dict[str, Any]:
        """The case, its sections and their fields in the order of the schema."""
        sections = [section for name, section in case_schema().sections.items() if name in self.data]
        return {section.name: _ordered(section, self.data[section.name]) for section in sections}

    def facts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each fact with its pointer."""
        for section, found in self.data.items():
            if isinstance(found, list):
                yield from ((f"/{section}/{index}", fact) for index, fact in enumerate(found))
            else:
                yield f"/{section}", found


def joined(*remarks: str) -> str:
    """Remarks as one note."""
    return "; ".join(remark for remark in remarks if remark)


def _ordered(section: Section, data: Any) -> Any:
    if isinstance(data, list):
        return [_ordered(section, fact) for fact in data]
    order = dict.fromkeys(field.path[0] for field in section.fields.values())
    return {key: data[key] for key in order if key in data}


def _key_of(section: str, data: dict[str, Any]) -> str:
    """The natural key that the fact will have once its terms are read."""
    plain = {key: _worded(value) for key, value in data.items() if key != "id"}
    return Fact(case_schema().sections[section], 0, plain).key


def _worded(value: Any) -> Any:
    """A term as the words that it is known by; other values as they are."""
    if isinstance(value, list):
        return [_worded(one) for one in value]
    if not isinstance(value, dict) or "codes" not in value:
        return value
    return value.get("text") or " ".join(sorted(f"{code['system']} {code['code']}" for code in value["codes"]))
