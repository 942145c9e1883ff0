"""The closed set of value rules: each takes the cells of a row and makes the value of a field of case facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fhirconv.issues import closest, nearest
from fhirconv.readers.amounts import (
    compile_age,
    compile_days,
    compile_integer,
    compile_number,
    takes_numbers,
)
from fhirconv.readers.coded import compile_term
from fhirconv.readers.printed_dates import compile_date
from fhirconv.readers.rule import (
    COLUMN,
    TABLE,
    Cells,
    Env,
    Header,
    Remark,
    Remarks,
    Rule,
    Value,
    passed_over,
    quiet,
    reading,
    with_commas,
)
from fhirconv.readers.targets import Target
from fhirconv.readers.words import OPTIONS, check_constant, compile_words, exact, null_words

Compile = Callable[[Mapping[str, Any], Target, Env, str], Rule | None]


def compile_rule(raw: Any, target: Target, env: Env, at: str) -> Rule | None:
    """A value rule of a description for a field; None if it is mistaken, which is noted."""
    if not isinstance(raw, dict):
        env.error(at, f"expected a table with one of: {', '.join(VERBS)}", "mapping-syntax")
        return None
    verbs = [key for key in raw if key in VERBS] or ["term"] * ("code" in raw)
    if len(verbs) != 1:
        found = " and ".join(f"'{key}'" for key in verbs or raw) or "none"
        near = closest(next(iter(raw)), VERBS) if raw and not verbs else ""
        hint = f"; did you mean '{near}'?" if near else ""
        env.error(at, f"has exactly one of: {', '.join(VERBS)}; found {found}{hint}")
        return None
    compile_verb, options = VERBS[verbs[0]]
    env.known_keys(at, raw, (verbs[0], *options, "only_if_made", "quiet"))
    before = len(env.mistakes)
    for key in ("only_if_made", "quiet"):
        if not isinstance(raw.get(key, False), bool):
            env.error(f"{at}.{key}", "expected true or false", "mapping-syntax")
    rule = compile_verb(raw, target, env, at)
    if rule is None or len(env.mistakes) > before:
        return None
    takes_number = verbs[0] == "age" or (verbs[0] in ("column", "text", "number") and takes_numbers(target))
    if takes_number and raw.get("decimal_mark", env.decimal_mark) == "comma":
        rule = with_commas(rule)
    return quiet(rule) if raw.get("quiet") is True else rule


def constant(value: Any) -> Rule:
    """The rule that makes this value."""
    return Rule((), lambda header: lambda cells, remarks: value, is_constant=True)


def _fixed(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    value = exact(raw["fixed"])
    return constant(value) if check_constant(env, at, value, target) else None


def _column(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    columns = env.columns(at, raw["column"])
    return reading(columns, null_words(raw, env, at), compile_words(raw, target, env, at)) if columns else None


def _text(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """Cells in a text; nothing if one of them says nothing."""
    text = str(raw["text"])
    given = {TABLE, COLUMN} if env.each else {TABLE}
    names = [name for name in _NAMED.findall(text) if name and name not in given]
    if any(lone in _NAMED.sub("", text) for lone in "{}"):
        env.error(at, "has a brace alone; a column stands in two, and {{ is a brace", "mapping-syntax")
    elif not names:
        what = "names no column in braces; for a text that is always the same there is 'fixed'"
        env.error(at, what, "mapping-syntax")
    columns = env.columns(at, names) if names else ()
    if not columns:
        return None
    make, null = compile_words(raw, target, env, at), null_words(raw, env, at)

    def bind(header: Header) -> Value:
        template = _NAMED.sub(lambda found: _piece(found, header.names), text).format
        places = [header(name) for name in columns]
        first = places[0]

        def write(cells: Cells, remarks: Remarks) -> Any:
            found = [cells[place] for place in places]
            if None in found or (null and not null.isdisjoint(found)):
                return None
            return make(template(*found), first, remarks) if make else template(*found)

        return write

    return Rule(columns, bind)


_NAMED = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


def _piece(found: re.Match[str], names: Mapping[str, str]) -> str:
    """What stands in a template for str.format in place of a column in braces: its cell, or one of these names."""
    if found[1] is None:
        return found[0]
    return names[found[1]].replace("{", "{{").replace("}", "}}") if found[1] in names else "{}"


def _each(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """What the 'each' table says for the column."""
    key = str(raw["each"])
    if not any(key in said for said in env.each.values()):
        known = {name for said in env.each.values() for name in said}
        there = nearest(str(key), sorted(known)) if known else "; the rule has no 'each'"
        env.error(at, f"no column of 'each' says '{key}'{there}", "mapping-source")
        return None
    for column, said in env.each.items():
        if key in said:
            check_constant(env, f"{at}: each.{column}.{key}", exact(said[key]), target)

    def bind(header: Header) -> Value:
        value = exact(header.each.get(key))
        return lambda cells, remarks: value

    return Rule((), bind, is_constant=True)


def _object(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """An object with parts; nothing if no cell gives a part."""
    if not isinstance(raw["object"], dict) or not raw["object"]:
        env.error(at, "'object' is a table: part = rule", "mapping-syntax")
        return None
    rules: dict[str, Rule] = {}
    for key, one in raw["object"].items():
        part = target.below(key)
        if part is None:
            env.error(at, f"'{'.'.join(target.path)}' has no part '{key}'{nearest(key, target.keys)}", "mapping-source")
        elif rule := compile_rule(one, part, env, f"{at}.{key}"):
            rules[key] = rule
    return object_of(rules, target.required)


def object_of(rules: Mapping[str, Rule], required: Iterable[str]) -> Rule:
    """The rule that makes an object of parts.

    Nothing if it has rules that read cells, and none of them gives a part; or if a part that is required is missing.
    """
    is_constant = all(rule.is_constant for rule in rules.values())

    def bind(header: Header) -> Value:
        parts = [(key, rule.bind(header), is_constant or not rule.is_constant) for key, rule in rules.items()]
        places = [header(column) for column in _columns_of(rules.values())]

        def make(cells: Cells, remarks: Remarks) -> Any:
            made, says = {}, False
            for key, part, counts in parts:
                value = part(cells, remarks)
                if value is not None:
                    made[key] = value
                    says = says or counts
            missing = [f"'{key}'" for key in required if key not in made]
            if says and missing:
                what = f"not read, because {' and '.join(missing)} is not stated with it"
                remarks += (Remark("cell-left", place, what) for place in places if cells[place] is not None)
            return made if says and not missing else None

        return make

    return Rule(_columns_of(rules.values()), bind, is_constant, rules)


def _columns_of(rules: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for rule in rules for name in rule.columns))


def _rules(raw: Any, target: Target, env: Env, at: str, is_list: bool = False) -> list[Rule]:
    if not isinstance(raw, list) or not raw:
        env.error(at, "expected a list of rules", "mapping-syntax")
        return []
    item = target.item or target
    found = [
        compile_rule(one, item if is_list and not _splits(one) else target, env, f"{at}[{number}]")
        for number, one in enumerate(raw, 1)
    ]
    return [rule for rule in found if rule]


def _splits(raw: Any) -> bool:
    """Whether a rule makes a list of its own."""
    return isinstance(raw, dict) and "split" in raw


def _list(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """All the values that there are; those of a list join it."""
    if target.item is None:
        env.error(at, f"'{'.'.join(target.path)}' is no list", "mapping-type")
        return None
    rules = _rules(raw["list"], target, env, at, is_list=True)

    def bind(header: Header) -> Value:
        values = [rule.bind(header) for rule in rules]

        def make(cells: Cells, remarks: Remarks) -> Any:
            found: list[Any] = []
            for value in values:
                made = value(cells, remarks)
                found += made if isinstance(made, list) else [] if made is None else [made]
            return found or None

        return make

    return Rule(_columns_of(rules), bind, all(rule.is_constant for rule in rules))


def _join(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """A text of all the texts that there are."""
    rules, by = _rules(raw["join"], target, env, at), raw.get("by", "; ")
    if not isinstance(by, str):
        env.error(f"{at}.by", "expected the text that is to stand between the parts", "mapping-syntax")
        return None

    def bind(header: Header) -> Value:
        values = [rule.bind(header) for rule in rules]
        return lambda cells, remarks: by.join(str(made) for value in values if (made := value(cells, remarks))) or None

    return Rule(_columns_of(rules), bind)


def _first(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """The first rule that gives a value."""
    rules = _rules(raw["first"], target, env, at)
    for number, rule in enumerate(rules[:-1], 1):
        if rule.is_constant:
            env.error(f"{at}[{number}]", "always gives a value: what comes after it is never read")

    def bind(header: Header) -> Value:
        values = [(rule.bind(header), {header(name) for name in rule.columns}) for rule in rules]

        def make(cells: Cells, remarks: Remarks) -> Any:
            for position, (value, read) in enumerate(values):
                made = value(cells, remarks)
                if made is not None:
                    rest = set().union(*(places for _, places in values[position + 1 :])) - read
                    remarks += [passed_over(place) for place in sorted(rest) if cells[place] is not None]
                    return made
            return None

        return make

    return Rule(_columns_of(rules), bind)


_NOT_SPLIT = tuple(option for option in OPTIONS if option != "split")

# Each verb with what compiles it, and the options that it has.
VERBS: dict[str, tuple[Compile, tuple[str, ...]]] = {
    "fixed": (_fixed, ()),
    "column": (_column, OPTIONS),
    "text": (_text, OPTIONS),
    "number": (compile_number, ("decimal_mark", "match", "null")),
    "integer": (compile_integer, ("null",)),
    "date": (compile_date, ("order", "match", "null")),
    "days": (compile_days, ("after", "unit", "null")),
    "age": (compile_age, ("unit", "null")),
    "term": (compile_term, ("code", "system", "system_is", *_NOT_SPLIT)),
    "each": (_each, ()),
    "object": (_object, ()),
    "list": (_list, ()),
    "first": (_first, ()),
    "join": (_join, ("by",)),
}
