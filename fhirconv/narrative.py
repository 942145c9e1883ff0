"""The narrative of a resource: the fact as the case states it, field by field, as escaped text.

Spec: https://hl7.org/fhir/R4/narrative.html (status generated: from the resource's own data).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhirconv.schema import Section
from fhirconv.values.times import extent_words, moment_words

if TYPE_CHECKING:
    from fhirconv.build import Build, Entry

_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'
_MARKUP = re.compile("[&<>]").search
_SKIPPED = ("id", "evidence")

Words = Callable[[Any, "Build"], str]


def _when(value: Any, build: Build) -> str:
    return value if isinstance(value, str) else moment_words(build.timeline.moment(value), build)


def _age(value: Any, build: Build) -> str:
    return extent_words(value)


def _unit(value: Any, build: Build) -> str:
    return value if isinstance(value, str) else str(value["text"])


def _range(value: Any, build: Build) -> str:
    ends = [str(value[end]) for end in ("low", "high") if end in value]
    words = (
        "-".join(ends) if len(ends) == 2 else f">={value['low']}" if "low" in value else f"<={value.get('high', '')}"
    )
    return " ".join(filter(None, (words if ends else "", value.get("text", ""))))


def _absent(value: Any, build: Build) -> str:
    return str(value.get("text", value["reason"]))


def _fact(value: Any, build: Build) -> str:
    names = value if isinstance(value, list) else [value]
    return ", ".join(title_of(build, name) for name in names)


def _plain(value: Any, build: Build) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item, build) for item in value)
    if isinstance(value, dict):
        return " ".join(str(item) for item in value.values())
    return str(value)


_WORDS: dict[str, Words] = {"when": _when, "age": _age, "unit": _unit, "referenceRange": _range, "absent": _absent}


@dataclass(frozen=True, slots=True)
class _Row:
    """One field in the narrative: what leads to its value, and the value's words."""

    head: str
    key: str
    path: tuple[str, ...]  # empty for a field at the top
    words: Words
    verbatim: bool  # whether text stands for itself; the id of a fact does not


@functools.cache
def _plan(section: Section) -> tuple[str, tuple[_Row, ...]]:
    """The field that names a fact of the section, and the rows of the others."""
    named = next((name for name in ("name", *section.identity) if name in section.fields and name != "kind"), "")
    rows = []
    for field in section.fields.values():
        if field.name not in _SKIPPED and field.name != named:
            words = _fact if field.refers and field.kind != "when" else _WORDS.get(field.kind, _plain)
            label = field.name.replace("_", " ").replace(".", " ")
            path = field.path if len(field.path) > 1 else ()
            rows.append(_Row(f"<li>{label}: ", field.path[0], path, words, words is not _fact))
    return named, tuple(rows)


@functools.lru_cache(maxsize=4096)
def _rows_for(section: Section, stated: tuple[str, ...]) -> tuple[str, tuple[_Row, ...]]:
    """The plan for a fact that states these fields."""
    named, rows = _plan(section)
    return named, tuple(row for row in rows if row.key in stated)


def title_of(build: Build, fact_id: str) -> str:
    """A fact in a few words, for others that refer to it."""
    fact = build.case.by_id.get(fact_id)
    if fact is None:
        return fact_id
    named, _ = _plan(fact.section)
    value = fact.data.get(named)
    return value if isinstance(value, str) and value not in build.case.by_id else fact_id


def narrative(entry: Entry, build: Build) -> dict[str, str]:
    """Narrative of the resource that an entry makes: the fact's name and every field that is stated."""
    fact = entry.fact
    data = fact.data
    named, rows = _rows_for(fact.section, tuple(data))
    title = data.get(named)
    role = f" ({entry.mapping.role})" if entry.mapping.role else ""
    div = f"{_OPEN}<p><b>{_escape(_plain(title, build)) if title else fact.section.title}</b>{role}</p>"
    items = ""
    for row in rows:
        value = fact.get(row.path) if row.path else data[row.key]
        if value is not None:
            text = value if row.verbatim and type(value) is str else row.words(value, build)
            items += f"{row.head}{_escape(text) if _MARKUP(text) else text}</li>"
    return {"status": "generated", "div": f"{div}<ul>{items}</ul></div>" if items else f"{div}</div>"}


def _escape(text: str) -> str:
    """Text as XHTML text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
