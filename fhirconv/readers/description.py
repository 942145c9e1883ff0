"""A reader's description, mappings/readers/NAME.toml: checked against the schema of case facts, and compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from fhirconv.issues import MappingError, nearest
from fhirconv.readers.fact_rule import FactRule, compile_fact
from fhirconv.readers.layout import Layout, layout_problems
from fhirconv.readers.printed_dates import find_zone
from fhirconv.readers.rule import Env
from fhirconv.schema import case_schema

TOP = ("title", "about", "null", "draft", "conventions", "tables", "facts", "values")
LAYOUT = tuple(one.name for one in fields(Layout) if one.name != "key")
TABLE = ("file", *LAYOUT, "key", "optional", "null", "may_lack", "ignore")
_FORMS: dict[str, tuple[type, str]] = {
    "title": (str, "a text"),
    "about": (str, "a text"),
    "draft": (bool, "true or false"),
    "conventions": (dict, "a table"),
    "tables": (dict, "a table"),
    "facts": (list, "a list: [[facts]]"),
    "values": (dict, "a table"),
    "format": (str, "a text"),
    "sheet": (str, "a text"),
    "header": (int, "a whole number"),
    "skip": (int, "a whole number"),
    "delimiter": (str, "a text"),
    "quote": (bool, "true or false"),
    "encoding": (str, "a text"),
    "optional": (bool, "true or false"),
    "ignore": (dict, "a table: column = why it is not read"),
}


@dataclass(frozen=True, slots=True)
class TableRule:
    """A table: which files are of it, how they are laid out, and what of their columns is known."""

    name: str
    files: tuple[str, ...]  # globs on the name of the file
    layout: Layout
    key: tuple[str, ...]
    null: frozenset[str]
    optional: bool
    may_lack: tuple[str, ...]  # globs of columns
    ignore: tuple[str, ...]  # globs of columns
    read: frozenset[str]  # columns that rules read

    def lacks(self, columns: tuple[str, ...]) -> Iterator[str]:
        """The columns that the rules read, and that a file with these columns should have and has not."""
        for name in sorted(self.read - set(columns)):
            if name in self.key or not any(fnmatchcase(name, glob) for glob in self.may_lack):
                yield name

    def is_left_out(self, column: str) -> bool:
        """Whether a column is neither read nor left out with a reason."""
        return column not in self.read and not any(fnmatchcase(column, glob) for glob in self.ignore)


@dataclass(frozen=True, slots=True)
class Description:
    """What a reader for tables is compiled from."""

    name: str
    title: str
    tables: tuple[TableRule, ...]
    facts: tuple[FactRule, ...]
    conventions: Mapping[str, str]


def read_description(name: str, raw: Mapping[str, Any], file: str) -> Description:
    """The description in the TOML of a file. Raises MappingError with every mistake."""
    env = Env(file, {}, "")
    env.known_keys(name, raw, TOP)
    if not _forms(env, "", raw, ("title", "tables", "facts")):
        raise MappingError(env.mistakes)
    if raw.get("draft") is True:
        env.error("draft", "this reader is a draft: check each of its guesses, then take this line out", "mapping-lost")
    env.values = raw.get("values", {})
    conventions = _conventions(env, raw.get("conventions", {}))
    env.decimal_mark, env.date_order = conventions.get("decimal_mark", ""), conventions.get("date_order", "")
    null = frozenset(("", *env.texts("null", raw["null"]))) if raw.get("null") else frozenset(("",))
    rules = [_fact(env, number, one, raw["tables"], null) for number, one in enumerate(raw["facts"], 1)]
    facts = tuple(rule for made in rules for rule in made)
    _check_events(env, facts, all(rules))
    for unused in sorted(set(env.values) - env.used_lookups) if not env.mistakes else ():
        env.error(f"values.{unused}", f'no rule looks it up (lookup = "{unused}")', "mapping-table")
    tables = tuple(_tables(env, raw["tables"], facts, null))
    if env.mistakes:
        raise MappingError(env.mistakes)
    return Description(name, raw["title"], tables, facts, conventions)


def _forms(env: Env, at: str, raw: Mapping[str, Any], needed: tuple[str, ...] = ()) -> bool:
    """Whether each key holds what it should, and those that are needed are there."""
    before = len(env.mistakes)
    for key in needed:
        if not raw.get(key):
            env.error(f"{at}{key}", "is missing or empty", "mapping-syntax")
    for key, value in raw.items():
        kind, words = _FORMS.get(key, (object, ""))
        if not isinstance(value, kind) or (isinstance(value, int) and kind is int and (value is True or value < 0)):
            env.error(f"{at}{key}", f"expected {words}", "mapping-syntax")
    return len(env.mistakes) == before


def _conventions(env: Env, raw: Mapping[str, Any]) -> Mapping[str, str]:
    known = case_schema().schema["$defs"]["conventions"]["properties"]
    env.known_keys("conventions", raw, known)
    for key, value in raw.items():
        choices = known.get(key, {}).get("enum")
        if choices:
            env.one_of(f"conventions.{key}", value, choices)
        elif "pattern" in known.get(key, {}) and not re.fullmatch(known[key]["pattern"], str(value)):
            env.zone = find_zone(str(value)) if "/" in str(value) else None  # CET and its like mean more than one
            if env.zone is None:
                what = f"'{value}' is not an offset such as '+09:00', nor a zone such as 'Europe/Berlin'"
                env.error(f"conventions.{key}", what, "mapping-type")
    return {key: value for key, value in raw.items() if key != "time_zone" or env.zone is None}


def _own_null(table: Any) -> frozenset[str]:
    """The words of a table that say nothing; mistakes in it are told where the table is read."""
    found = table.get("null") if isinstance(table, dict) else None
    return frozenset(map(str, found if isinstance(found, list) else [found] if found else ()))


def _fact(
    env: Env, number: int, raw: Any, tables: Mapping[str, Any], null: frozenset[str]
) -> list[FactRule]:
    """The rule, for each of the tables that it names."""
    at = f"facts[{number}]"
    if not isinstance(raw, dict):
        env.error(at, "expected a table: [[facts]]", "mapping-syntax")
        return []
    names, section = (
        env.texts(f"{at}.table", raw.get("table", [])),
        case_schema().sections.get(str(raw.get("section", ""))),
    )
    for name in names:
        if name not in tables:
            env.error(f"{at}.table", f"there is no [tables.{name}]{nearest(name, tables)}", "mapping-table")
    if section is None:
        what = f"case facts have no section '{raw.get('section', '')}'"
        env.error(
            f"{at}.section", what + nearest(str(raw.get("section", "")), case_schema().sections), "mapping-source"
        )
        return []
    own = [_own_null(tables[name]) for name in names if name in tables]
    env.null = null.union(own[0].intersection(*own[1:]) if own else ())  # of several tables what is null in each
    rule = compile_fact(raw, section, env, f"{at} ({section.name})")
    return [replace(rule, table=name) for name in names if name in tables] if rule else []


def _check_events(env: Env, facts: tuple[FactRule, ...], is_whole: bool) -> None:
    """Events that times count from are made by some rule; ids that come from cells can be any."""
    events = [rule for rule in facts if rule.section.name == "events"]
    made = {str(rule.fixed.get("id")) for rule in events if "id" in rule.fixed}
    if is_whole and all("id" in rule.fixed for rule in events):
        for at, event in env.events:
            if event not in made:
                env.error(at, f"no rule makes an event with the id '{event}'{nearest(event, made)}", "mapping-source")


def _tables(env: Env, raw: Mapping[str, Any], facts: tuple[FactRule, ...], null: frozenset[str]) -> Iterator[TableRule]:
    for name, table in raw.items():
        at = f"tables.{name}"
        if not isinstance(table, dict):
            env.error(at, "expected a table with 'file' and 'key'", "mapping-syntax")
            continue
        env.known_keys(at, table, TABLE)
        is_right = _forms(env, f"{at}.", table, ("file", "key"))
        key, files = (env.texts(f"{at}.{word}", table[word]) if table.get(word) else () for word in ("key", "file"))
        if not is_right:
            continue
        for word, problem in layout_problems(table.get("delimiter", ""), table.get("encoding", "")):
            env.error(f"{at}.{word}", problem)
        own = frozenset(env.texts(f"{at}.null", table["null"])) if table.get("null") else frozenset()
        rules = [rule for rule in facts if rule.table == name]
        read = frozenset((*key, *(column for rule in rules for column in rule.columns)))
        if not rules and not env.mistakes:
            env.error(at, f'no rule reads it; write [[facts]] with table = "{name}", or leave it out', "mapping-lost")
        for column, why in table.get("ignore", {}).items():
            if column in read:
                env.error(f"{at}.ignore", f"'{column}' is read by a rule, too; keep one of them")
            if not isinstance(why, str) or not why:
                env.error(f"{at}.ignore.{column}", "expected why the column is not read", "mapping-syntax")
        for rule in rules:
            rule.check_words(env, null | own)
        yield TableRule(
            name=name,
            files=files,
            layout=Layout(**{name: value for name, value in table.items() if name in LAYOUT}, key=key),
            key=key,
            null=null | own,
            optional=table.get("optional", False),
            may_lack=env.texts(f"{at}.may_lack", table["may_lack"]) if "may_lack" in table else (),
            ignore=tuple(table.get("ignore", ())),
            read=read,
        )
