"""The narrative of a resource: the fact as the case states it, field by field, as escaped text.

Spec: https://hl7.org/fhir/R4/narrative.html (status generated: from the resource's own data).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

from fhirconv.context import Context
from fhirconv.facts import told_origin
from fhirconv.schema import Field, Section
from fhirconv.terms import words_of
from fhirconv.values.times import extent_words, moment_words
from fhirconv.values.writing import Writer

_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'
_MARKUP = re.compile("[&<>]").search
_SKIPPED = ("id", "evidence")

Words = Callable[[Any, Context], str]


def _when(value: Any, context: Context) -> str:
    return moment_words(context.timeline.moment(value), context.timeline)


def _age(value: Any, context: Context) -> str:
    return extent_words(value)


def _unit(value: Any, context: Context) -> str:
    return str(value["text"])


def _range(value: Any, context: Context) -> str:
    ends = [str(value[end]) for end in ("low", "high") if end in value]
    words = (
        "-".join(ends) if len(ends) == 2 else f">={value['low']}" if "low" in value else f"<={value.get('high', '')}"
    )
    return " ".join(filter(None, (words if ends else "", value.get("text", ""))))


def _absent(value: Any, context: Context) -> str:
    return str(value.get("text", value["reason"]))


def _origin(value: Any, context: Context) -> str:
    return told_origin(value)


def _facts(context: Context, names: Iterable[str]) -> str:
    return ", ".join(title_of(context, name) for name in names)


def _plain(value: Any, context: Context) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item, context) for item in value)
    if isinstance(value, dict):
        return " ".join(str(value[key]) for key in sorted(value))
    return words_of(value)


_WORDS: dict[str, Words] = {
    "when": _when,
    "age": _age,
    "unit": _unit,
    "referenceRange": _range,
    "absent": _absent,
    "origin": _origin,
}


def field_words(field: Field, value: Any, context: Context) -> str:
    """The value of a field of a checked fact in words, as the narrative tells it."""
    return words_of(value) if isinstance(value, str) else _WORDS.get(field.kind, _plain)(value, context)


_NO_MARKUP = frozenset(("when", "date"))  # texts of these kinds are dates, as was checked before


@functools.cache
def name_field(section: Section) -> str:
    """The field that names a fact of the section; '' for none."""
    return next((name for name in ("name", *section.identity) if name in section.fields and name != "kind"), "")


def narrative_source(section: Section, told: Iterable[str], role: str, code: Writer) -> str:
    """A Python expression for text.div that tells these fields of a fact: its name and a row for each other field."""
    told = code.kinds.keys() & told
    named = next((name for name in (name_field(section), "id") if name in told), "")  # an event is told by its id
    head = _words(section.fields[named], code) if named else repr(section.title)
    form = f"{_OPEN}<p><b>%s</b>{f' ({role})' if role else ''}</p>"
    rows = [f for f in section.fields.values() if f.name in told and f.name not in (*_SKIPPED, named)]
    items = "".join(f"<li>{field.name.replace('_', ' ').replace('.', ' ')}: %s</li>" for field in rows)
    form += f"<ul>{items}</ul></div>" if rows else "</div>"
    return f"{form!r} % ({', '.join([head, *(_words(field, code) for field in rows)])},)"  # as fast as an f-string


def _words(field: Field, code: Writer) -> str:
    """A Python expression for the words of a field that is stated, as XHTML text (or a number, for '%s')."""
    value, kind, escape = code.field(field.name), code.kinds[field.name], code.name(_escape)
    if field.refers and field.kind != "when":
        value = f"{code.name(title_of if kind is str else _facts)}(context, {value})"
    elif kind is object:  # a number
        return value
    elif kind is not str:
        value = f"{code.name(_WORDS.get(field.kind, _plain))}({value}, context)"
    elif field.kind in _NO_MARKUP or (field.kind == "choice" and not any(map(_MARKUP, field.choices))):
        return value
    text = value if value.isidentifier() else code.variable()
    marks = f"'<' in {value if text == value else f'({text} := {value})'} or '&' in {text} or '>' in {text}"
    return f"({escape}({text}) if {marks} else {text})"


def title_of(context: Context, fact_id: str) -> str:
    """A fact in a few words, for others that refer to it."""
    by_id = context.case.by_id
    fact = by_id.get(fact_id)
    if fact is None:
        return fact_id
    value = fact.data.get(name_field(fact.section))
    return value if isinstance(value, str) and value not in by_id else fact_id


def _escape(text: str) -> str:
    """Text as XHTML text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
