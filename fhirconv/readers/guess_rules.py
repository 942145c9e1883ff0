"""The value rule that a draft has for a column and a field, and why. For a draft of a reader only."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from fhirconv.facts import fold
from fhirconv.issues import printable
from fhirconv.readers.column_looks import Column, is_date, is_integer, is_number, is_timed
from fhirconv.readers.guess_names import CASE_KEYS, CHOICES, FIELDS, KEYS, PATIENT
from fhirconv.schema import Field
from fhirconv.terminology import Units

Rule = tuple[str, str]  # of TOML, and why

HALF = 0.5  # of the cells must be what a column is taken for
_ENOUGH = 2  # known names make a header
_KNOWN = [KEYS, CASE_KEYS, *PATIENT.values(), *(names for fields in FIELDS.values() for names in fields.values())]
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029]")  # of which some end a line
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def rule_of(field: Field, column: Column, units: Units) -> Rule | None:
    """The rule that reads a column into a field; None where its cells are of another kind."""
    name, why = toml(column.name), "by its name; {} of " + many(column)
    if field.kind in ("when", "date"):
        return _date(column)
    if field.kind in ("number", "plainNumber"):
        count, commas = column.count(is_number), column.commas()
        mark = ', decimal_mark = "comma"' if commas else ""
        proof = f"; {commas} prove the decimal comma" if commas else ""
        rule = f"{{ number = {name}{mark} }}", why.format(count) + " are numbers" + proof
        return rule if count >= HALF * column.stated else None
    if field.kind == "integer":
        count = column.count(is_integer)
        rule = f"{{ integer = {name} }}", why.format(count) + " are whole numbers"
        return rule if count >= HALF * column.stated else None
    if field.choices:
        return _choice(field, column)
    if field.kind == "unit":
        return f"{{ column = {name} }}", why.format(column.count(units.find)) + " are units of units.toml"
    if field.kind in ("term", "site") and field.name != "result" and column.share(is_number) >= HALF:
        return None  # a code, of a system that nobody names
    words = f"{{ list = [{{ column = {name} }}] }}" if field.kind == "array" else f"{{ column = {name} }}"
    return words, f"by its name; {many(column)}"


def _date(column: Column) -> Rule | None:
    count, open_dates, (order, proofs) = column.count(is_date), column.open_dates(), column.order()
    if count < HALF * column.stated or not count:
        return None
    why = f"by its name; {count} of {many(column)} are dates"
    if timed := column.count(is_timed):
        why += f"; CHECK: {timed} with a time of day: is it meant? then say 'time_zone' in [conventions]"
    if order:
        return f"{{ date = {toml(column.name)}, order = {toml(order)} }}", f"{why}; {proofs} prove the order"
    if open_dates:
        why += f"; AMBIGUOUS: {open_dates} can be read in two ways, and none or both are proved: say order = ..."
    return f"{{ date = {toml(column.name)} }}", why


def _choice(field: Field, column: Column) -> Rule | None:
    """The words of a closed list, each with what it means. What is not known stays out: reading stops there, and says so."""
    words = {word: choice for choice in field.choices for word in (choice, *CHOICES.get(choice, ()))}
    values = {cell: words[fold(cell)] for cell in sorted(column.cells) if fold(cell) in words}
    count = column.count(values.__contains__)
    if not count:
        return None
    unknown = [cell for cell in sorted(column.cells) if cell not in values]
    why = f"by its name; {count} of {many(column)} are known words"
    if unknown:
        said = ", ".join(map(quoted, unknown)) if column.is_closed else f"{len(unknown)} words"
        why += f"; CHECK what these are: {said}; one of {', '.join(field.choices)}"
    pairs = ", ".join(f"{toml(cell)} = {toml(choice)}" for cell, choice in values.items())
    return f"{{ column = {toml(column.name)}, values = {{ {pairs} }} }}", why


def phrase(name: str) -> str:
    """The words of a column's name: 'date of birth' of dateOfBirth and date_of_birth."""
    return " ".join(re.sub(r"[\W_]+", " ", _CAMEL.sub(" ", name)).casefold().split())


def is_named(name: str, known: tuple[str, ...]) -> bool:
    """Whether a column has one of these names, be it with words before it."""
    said = phrase(name)
    return said in known or any(said.endswith(" " + one) for one in known if " " in one)


def is_header(names: Collection[str]) -> bool:
    """Whether names of columns are surely that: some are known, and none is a cell."""
    known = sum(any(is_named(name, some) for some in _KNOWN) for name in names)
    return known >= _ENOUGH and not any(is_number(name) or is_date(name) for name in names)


def many(column: Column) -> str:
    return "1 stated cell" if column.stated == 1 else f"{column.stated} stated cells"


def quoted(text: str) -> str:
    """A name or a word, for a comment."""
    return "'" + printable(text) + "'"


def toml(value: object) -> str:
    """A value as TOML, on one line: its texts, lists and numbers are written as those of JSON, but for some characters."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
