"""A rule for facts: which rows of a table make facts of which section, and what gives each field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fhirconv.issues import nearest
from fhirconv.readers.rule import CELL, COLUMN, ROW, TABLE, Cells, Env, Header, Remarks, Rule, Value
from fhirconv.readers.targets import field_names, field_target, needs_of
from fhirconv.readers.verbs import compile_rule, object_of
from fhirconv.readers.words import parts_of
from fhirconv.schema import Section

FACT = ("table", "section", "where", "unless", "each", "split", "fields")


class Test(NamedTuple):
    """Whether a cell is stated (True), not stated (False), or one of these words."""

    column: str
    wanted: bool | frozenset[str]

    def holds(self, cell: str | None) -> bool:
        """Whether it holds for a cell."""
        if isinstance(self.wanted, bool):
            return (cell is not None) is self.wanted
        return cell is not None and (cell in self.wanted or cell.casefold() in self.wanted)


class Split(NamedTuple):
    """One fact for each part of a cell."""

    column: str
    by: str


@dataclass(frozen=True, slots=True, eq=False)
class FactRule:
    """A compiled rule for facts; `bind` makes of it what reads a file."""

    at: str  # in the description
    table: str
    section: Section
    where: tuple[Test, ...]
    unless: tuple[Test, ...]
    each: Mapping[str, Mapping[str, Any]]
    split: Split | None
    fields: Mapping[str, Rule]  # by the first name of the field
    fixed: Mapping[str, Any]  # the fields that are the same in each fact
    needs: tuple[tuple[str, ...], ...]  # without one field of each no fact is made
    if_made: tuple[str, ...]  # fields with references that are left out where there is no fact of that id

    @property
    def deciding(self) -> Iterator[str]:
        """The columns that decide whether facts are made."""
        return (test.column for test in (*self.where, *self.unless) if test.column != CELL)

    @property
    def columns(self) -> Iterator[str]:
        """All columns that are read."""
        yield from self.deciding
        yield from (column for rule in self.fields.values() for column in rule.columns if column not in (CELL, ROW))
        yield from self.each
        if self.split:
            yield self.split.column

    def check_words(self, env: Env, null: frozenset[str]) -> None:
        """Notes words of 'where' and 'unless' that no cell can be, because they say nothing."""
        for test in (*self.where, *self.unless):
            for word in sorted(null & test.wanted) if isinstance(test.wanted, frozenset) else ():
                what = f"{test.column}: '{word}' says nothing (null), so no cell is it; write false for 'not stated'"
                env.error(self.at, what, "mapping-source")

    def bind(self, columns: Mapping[str, int], clean: Mapping[str, str | None]) -> list[Bound]:
        """What makes facts of the rows of a file with these columns: one for each column of 'each'.

        After the cells of its columns a row has one with its number, and that of the part of a 'split'. `clean` has None
        for what says nothing.
        """
        own = {**columns, ROW: len(columns)}
        if not self.each:
            header = Header({**own, CELL: len(own)} if self.split else own, {}, {TABLE: self.table})
            return [Bound(self, header, "", clean)]
        return [
            Bound(
                self, Header({**own, CELL: columns[column]}, said, {TABLE: self.table, COLUMN: column}), column, clean
            )
            for column, said in self.each.items()
            if column in columns
        ]


class Bound:
    """A rule for facts in a file, for one column of 'each'."""

    def __init__(self, rule: FactRule, header: Header, each: str, clean: Mapping[str, str | None]) -> None:
        self.rule = rule
        self._null = {cell for cell, said in clean.items() if said is None}
        self.each = each
        self._split = header(rule.split.column) if rule.split else -1
        self._where = [(header(test.column), test) for test in rule.where]
        self._unless = [(header(test.column), test) for test in rule.unless]
        self._cell = header(CELL) if each else -1
        self._by_part = rule.split is not None and any(test.column == CELL for test in (*rule.where, *rule.unless))
        fixed = [(key, one) for key, one in rule.fields.items() if one.is_constant]
        self._fixed = {key: made for key, one in fixed if (made := one.bind(header)(Cells(), [])) is not None}
        self._fields: list[tuple[str, Value]] = [
            (key, one.bind(header)) for key, one in rule.fields.items() if not one.is_constant
        ]
        self._needs = [group for group in rule.needs if self._fixed.keys().isdisjoint(group)]

    def applies(self, cells: Cells) -> bool:
        """Whether a row is one of those that the rule is for; or may be, if that is for its parts to say."""
        if self.each and cells[self._cell] is None:
            return False
        return self._by_part or self._holds(cells)

    def _holds(self, cells: Cells) -> bool:
        for place, test in self._where:
            if not test.holds(cells[place]):
                return False
        return not self._unless or not all(test.holds(cells[place]) for place, test in self._unless)

    def facts(self, cells: Cells, remarks: Remarks) -> Iterator[dict[str, Any] | str]:
        """The facts of a row; in place of one that is none why it is not."""
        if self.rule.split is None:
            yield self._fact(cells, remarks)
            return
        for part in parts_of(cells[self._split] or "", self.rule.split.by, self._null, self._split, remarks):
            row = Cells([*cells[:-1], part, None])
            row.numbers = (*cells.numbers, len(cells) - 1) if self._split in cells.numbers else cells.numbers
            if not self._by_part or self._holds(row):
                yield self._fact(row, remarks)

    def _fact(self, cells: Cells, remarks: Remarks) -> dict[str, Any] | str:
        fact = self._fixed.copy()
        for key, value in self._fields:
            made = value(cells, remarks)
            if made is not None:
                fact[key] = made
        if self._fields and len(fact) == len(self._fixed):
            return f"says nothing for '{self.rule.section.name}'"
        for group in self._needs:
            if fact.keys().isdisjoint(group):
                names = " or ".join(f"'{name}'" for name in group)
                return f"says nothing for {names} of '{self.rule.section.name}'"
        return fact


def compile_fact(raw: Mapping[str, Any], section: Section, env: Env, at: str) -> FactRule | None:
    """A table of [[facts]]; None if it is mistaken, which is noted."""
    before = len(env.mistakes)
    env.known_keys(at, raw, FACT)
    split = _split(raw.get("split"), env, at)
    env.each = _each(raw.get("each", {}), env, at)
    env.has_cell = bool(env.each) or split is not None
    where, unless = (tuple(_tests(raw.get(key, {}), env, f"{at}.{key}")) for key in ("where", "unless"))
    if split and env.each:
        env.error(at, "has 'each' and 'split'; write two rules")
    fields, if_made = _fields(raw.get("fields"), section, env, at)
    said = {key for one in env.each.values() for key in one}
    for key in sorted(said - {str(one["each"]) for one in _rules_within(raw.get("fields")) if "each" in one}):
        env.error(f"{at}.each", f"no field takes '{key}' ({key} = {{ each = \"{key}\" }})", "mapping-lost")
    if len(env.mistakes) > before:
        return None
    fixed = {key: rule.bind(Header({}, {}))(Cells(), []) for key, rule in fields.items() if rule.is_constant}
    needs = needs_of(section) if section.is_list else ()  # several rules fill a single object
    for group in needs:
        if fields.keys().isdisjoint(group):
            names = " or ".join(f"'{name}'" for name in group)
            env.error(at, f"{section.title} needs {names}, and no field makes it", "mapping-lost")
    return FactRule(at, "", section, where, unless, env.each, split, fields, fixed, needs, if_made)


def _rules_within(raw: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(raw, dict):
        yield raw
        for value in raw.values():
            yield from _rules_within(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from _rules_within(value)


def _split(raw: Any, env: Env, at: str) -> Split | None:
    if raw is None:
        return None
    if (
        isinstance(raw, dict)
        and set(raw) == {"column", "by"}
        and all(isinstance(one, str) and one for one in raw.values())
    ):
        return Split(raw["column"], raw["by"])
    env.error(f"{at}.split", 'expected { column = NAME, by = "|" }', "mapping-syntax")
    return None


def _each(raw: Any, env: Env, at: str) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(raw, dict) and all(isinstance(said, dict) for said in raw.values()):
        return raw
    env.error(f"{at}.each", "is a table of columns: NAME = { what is said of it }", "mapping-syntax")
    return {}


def _tests(raw: Any, env: Env, at: str) -> Iterator[Test]:
    if not isinstance(raw, dict):
        env.error(at, "is a table: column = words, true (stated) or false (not stated)", "mapping-syntax")
        return
    for column, wanted in raw.items():
        if column == CELL:
            env.columns(at, column)
        if isinstance(wanted, bool):
            yield Test(column, wanted)
        elif words := env.texts(f"{at}.{column}", wanted):
            yield Test(column, frozenset((*words, *map(str.casefold, words))))


def _fields(raw: Any, section: Section, env: Env, at: str) -> tuple[dict[str, Rule], tuple[str, ...]]:
    """The rules of the fields by their first name; and those fields that are left out where nothing is made."""
    if not isinstance(raw, dict) or not raw:
        env.error(f"{at}.fields", "expected a table: field = rule", "mapping-syntax")
        return {}, ()
    rules: dict[str, Rule] = {}
    parts: dict[str, dict[str, Rule]] = {}
    if_made = []
    for name, one in raw.items():
        target, key = field_target(section, name), f"{at}.{name}"
        outer, _, inner = name.partition(".")
        if target is None or name == "origin":
            around = field_target(section, outer) if inner else None
            known = [f"{outer}.{part}" for part in around.keys] if around else list(field_names(section))
            env.error(key, f"{section.title} has no field '{name}'{nearest(name, known)}", "mapping-source")
            continue
        rule = compile_rule(one, target, env, key)
        if isinstance(one, dict) and one.get("only_if_made") is True:
            if_made.append(name)
            if not target.refers or inner:
                env.error(key, "'only_if_made' is for fields that name another fact", "mapping-type")
        if rule and inner:
            parts.setdefault(outer, {})[inner] = rule
        elif rule:
            rules[name] = rule
    for outer, found in parts.items():
        if outer in rules:
            env.error(f"{at}.{outer}", f"stands beside '{outer}.{next(iter(found))}'; keep one of them")
        target = field_target(section, outer)
        rules[outer] = object_of(found, target.required if target else ())
    return rules, tuple(if_made)
