"""The first draft of a reader for a table that nobody has described: what its columns are called, and what is in them.

Nothing of it is run before a person has looked: the draft says so of itself (`draft = true`), each guess stands with why, and
each column that was not recognised with what its cells look like. A draft names columns and words of closed lists, such as
the spellings of a sex, and no other cell.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from pathlib import Path

from fhirconv.compression import plain_name, plain_suffix
from fhirconv.mapping import Mappings
from fhirconv.readers.column_looks import Column, is_date, is_integer, is_number
from fhirconv.readers.guess_layout import first_rows
from fhirconv.readers.guess_names import CASE_KEYS, CODES, FIELDS, KEYS, MAIN_OF_ANY, PATIENT, TABLES, TITLES, UNSAID
from fhirconv.readers.guess_rules import HALF, Rule, is_named, many, phrase, quoted, rule_of, toml
from fhirconv.readers.layout import Layout
from fhirconv.readers.tables import DEFAULT
from fhirconv.readers.targets import needs_of
from fhirconv.schema import case_schema

_TITLE = 3  # what the name of a file counts for, when the name of a column counts for 1 and its words for 2 to 3
_UNIT = re.compile(r"(?P<name>.+?)[ _]*[(\[](?P<unit>[^)\]]+)[)\]]")  # platelets (10*9/L)

_NOTHING = (
    "\n# CHECK: nothing was recognised; write which columns feed which facts, as docs/reading.md says: [[facts]] ..."
)

_WHY = {
    **dict.fromkeys(("quote", "delimiter"), "GUESS: it cannot be read otherwise"),
    "encoding": "GUESS: it is not UTF-8; are all letters right?",
    "skip": "GUESS: they speak of the columns",
    "header": "GUESS: its names are known; unless it was given",
    **dict.fromkeys(("format", "sheet"), "as given"),
}


def guess(path: Path, layout: Layout, mappings: Mappings) -> str:
    """A description of a table in TOML, to be checked by a person. Raises TableError."""
    found, columns = first_rows(path, layout, mappings.tables.units)
    return _Draft(path, found, mappings, columns).text()


class _Draft:
    """What is known of the columns so far: each is taken for one thing."""

    def __init__(self, path: Path, layout: Layout, mappings: Mappings, columns: list[Column]) -> None:
        self._path, self._layout, self._mappings = path, layout, mappings
        self._free = {column.name: column for column in columns}
        self._columns = list(columns)
        stem = plain_name(path.name).lower().removesuffix(plain_suffix(path.name))
        self._name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "table"

    def text(self) -> str:
        """The whole draft. Facts come first: the table tells which columns they left."""
        key = self._key()
        facts = [*self._patient(), *self._section(), *self._wide()] or [_NOTHING]
        return "\n".join([*self._head(), *self._table(key), *facts, ""])

    def _head(self) -> Iterator[str]:
        yield f"# Drafted from {quoted(self._path.name)} by 'fhirconv read --guess': each GUESS is one, with why. Check all of them."
        yield "draft = true  # take this line out when you have; until then the reader is refused"
        yield f"title = {toml(f'Tables such as {self._path.name}')}"
        nulls = sum((column.nulls for column in self._columns), Column("").nulls)
        if nulls:
            yield f"null = {toml(sorted(nulls))}  # GUESS: cells that say nothing; {nulls.total()} such"

    def _key(self) -> Rule:
        of_patients, of_cases = (
            [one for one in self._columns if is_named(one.name, names)] for names in (KEYS, CASE_KEYS)
        )
        named = sorted(of_patients or of_cases, key=lambda column: -column.stated)
        whole = [column for column in self._columns if column.stated == column.rows]
        key = (named or whole or self._columns)[0]
        self._free.pop(key.name)
        if named:
            return toml(key.name), f"GUESS: by its name; {many(key)}"
        why = "CHECK: no column is named like the number of a patient; this is the first without a gap"
        return toml(key.name), why

    def _table(self, key: Rule) -> Iterator[str]:
        yield f"\n[tables.{self._name}]"
        yield f"file = {toml(glob.escape(self._path.name))}"
        for option in ("format", "sheet", "header", "skip", "delimiter", "quote", "encoding"):
            value = getattr(self._layout, option)
            if value != getattr(DEFAULT, option):
                yield f"{option} = {toml(value)}  # {_WHY[option]}"
        yield f"key = {key[0]}  # {key[1]}"
        if self._free:
            yield f"# [tables.{self._name}.ignore]  # not recognised: write rules, or take the # away and say why not"
        for column in self._free.values():
            is_days = "days" in phrase(column.name).split() and column.share(is_integer) == 1
            hint = "; days from an event? then { days = ..., after = ... }" if is_days and column.stated else ""
            yield f"# {toml(glob.escape(column.name))} = {toml(column.look() + hint)}"

    def _patient(self) -> list[str]:
        rules = self._fields("patient", PATIENT)
        return self._fact("patient", rules) if rules else []

    def _section(self) -> list[str]:
        """The facts that the rows are: of the section whose main words are in a column, else whose name a column has."""
        best = max((self._likely(section) for section in FIELDS), key=lambda one: one[0])
        score, section, column, why = best
        if not score:
            return []
        free = dict(self._free)
        main = next(iter(FIELDS[section]))
        rules = {main: self._term(section, column, why)}
        rules |= self._fields(section, {name: names for name, names in FIELDS[section].items() if name != main})
        lines = self._fact(section, rules)
        if lines[0].startswith("\n#"):
            self._free = free  # nothing reads them yet
        return lines

    def _likely(self, section: str) -> tuple[float, str, Column, str]:
        """How likely the rows are facts of a section, by which column, and why."""
        names = next(iter(FIELDS[section].values()))
        is_titled = any(TITLES.get(word) == section for word in self._name.split("-"))
        found: list[tuple[float, str, Column, str]] = [(0.0, section, self._columns[0], "")]
        for column in self._free.values():
            if column.stated and column.share(lambda cell: is_date(cell) or is_number(cell)) < HALF:
                known = column.count(lambda cell: self._find(section, cell))
                if known >= HALF * column.stated:
                    why = f"{known} of {many(column)} are words of concepts/{TABLES[section]}.toml"
                    found.append((2 + known / column.stated + _TITLE * is_titled, section, column, why))
                elif is_named(column.name, names) or (is_titled and is_named(column.name, MAIN_OF_ANY)):
                    why = f"by its name{' and that of the file' if is_titled else ''}; {known} of {many(column)} are known words"
                    found.append((1.0 + _TITLE * is_titled, section, column, why))
        return max(found, key=lambda one: one[0])

    def _find(self, section: str, cell: str) -> object:
        return section in TABLES and self._mappings.tables.concepts[TABLES[section]].find(cell)

    def _term(self, section: str, column: Column, why: str) -> Rule:
        """Words, with the columns beside them that have a code and its system."""
        self._free.pop(column.name, None)
        about = re.sub(r" ?(display )?(name|text)$| ?display$", "", phrase(column.name))
        code = next((one for one in self._free if phrase(one) == f"{about} code".strip()), None)
        system = next((one for one in self._free if phrase(one) == f"{about} code system".strip()), None)
        systems = CODES.get(section, {})
        named = next((one for one in self._free if phrase(one) in systems), None)
        if named and not (code and system):
            self._free.pop(named)
            rule = f"{{ term = {toml(column.name)}, code = {toml(named)}, system_is = {toml(systems[phrase(named)])} }}"
            return rule, why + "; codes by their name"
        if not code or not system:
            return f"{{ column = {toml(column.name)} }}", why
        self._free.pop(code)
        self._free.pop(system)
        return (
            f"{{ term = {toml(column.name)}, code = {toml(code)}, system = {toml(system)} }}",
            why + "; codes by their names",
        )

    def _fields(self, section: str, names: dict[str, tuple[str, ...]]) -> dict[str, Rule]:
        """Rules for the fields that columns are named like and hold the right kind of cell for."""
        rules: dict[str, Rule] = {}
        for field, known in names.items():
            for column in [one for one in self._free.values() if one.stated and is_named(one.name, known)]:
                rule = rule_of(case_schema().sections[section].fields[field], column, self._mappings.tables.units)
                if rule:
                    rules[field] = rule
                    self._free.pop(column.name)
                    break
        return rules

    def _wide(self) -> list[str]:
        """Columns that are analytes, each with its numbers."""
        each, commas = [], 0
        for column in list(self._free.values()):
            match = _UNIT.fullmatch(column.name)
            words, unit = (match["name"], match["unit"]) if match else (column.name, column.unit)
            is_analyte = self._mappings.tables.concepts["labs"].find(words.replace("_", " "))
            if is_analyte and column.stated and column.share(is_number) >= HALF:
                self._free.pop(column.name)
                commas += column.commas()
                stated = f", unit = {toml(unit)}" if self._mappings.tables.units.find(unit) else ""
                why = f"named as in concepts/labs.toml; {column.count(is_number)} of {many(column)} are numbers"
                if unit and not stated:
                    why += f"; CHECK: {quoted(unit)} is no unit of units.toml"
                each.append(f"{toml(column.name)} = {{ analyte = {toml(words)}{stated} }}  # GUESS: {why}")
        if not each:
            return []
        mark = ', decimal_mark = "comma"' if commas else ""
        proof = f"{commas} cells prove the decimal comma" if commas else ""
        rules = {"analyte": ('{ each = "analyte" }', ""), "value": (f'{{ number = "@"{mark} }}', proof)}
        if any(", unit = " in line for line in each):
            rules["unit"] = ('{ each = "unit" }', "")
        rules |= self._fields("labs", {"at": FIELDS["labs"]["at"]})
        return [*self._fact("labs", rules), "[facts.each]", *each]

    def _fact(self, section: str, rules: dict[str, Rule]) -> list[str]:
        """A rule for facts. One that lacks what nobody can draft stands as a comment."""
        known, lacking = case_schema().sections[section], []
        for names in needs_of(known):
            if not rules.keys() & set(names):
                choices = known.fields[names[0]].choices
                if UNSAID.get(names[0]) in choices:
                    rules[names[0]] = (
                        f"{{ fixed = {toml(UNSAID[names[0]])} }}",
                        f"CHECK: no column says it; one of {', '.join(choices)}",
                    )
                else:
                    lacking.append(" or ".join(names))
        lines = [f"\n[[facts]]\ntable = {toml(self._name)}\nsection = {toml(section)}\n[facts.fields]"]
        for field, (rule, why) in rules.items():
            name = toml(field) if "." in field else field
            mark = "" if why.startswith("CHECK") or not why else "GUESS: "
            lines.append(f"{name} = {rule}" + (f"  # {mark}{why}" if why else ""))
        if not lacking:
            return lines
        lines = "\n".join(lines).strip("\n").split("\n")
        return [
            f"\n# CHECK: say how {' and '.join(map(quoted, lacking))} is made, and take the # away",
            *(f"# {line}" for line in lines),
        ]
