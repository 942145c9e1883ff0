"""The closed set of value rules: each takes the cells of a row and makes the value of a field of case facts."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

from fhirconv.issues import closest, nearest
from fhirconv.readers.amounts import compile_age, compile_date, compile_days, compile_integer, compile_number
from fhirconv.readers.rule import Cells, Env, Header, Remark, Remarks, Rule, Value, passed_over, reading
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
    env.known_keys(at, raw, (verbs[0], *options, "only_if_made"))
    before = len(env.mistakes)
    rule = compile_verb(raw, target, env, at)
    return rule if len(env.mistakes) == before else None


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
    try:
        parts = [(before, name) for before, name, *_ in string.Formatter().parse(str(raw["text"]))]
    except ValueError as error:
        env.error(at, f"is no text with columns in braces: {error}", "mapping-syntax")
        return None
    names = [name for _, name in parts if name is not None]
    if not names:
        env.error(
            at, "names no column in braces; for a text that is always the same there is 'fixed'", "mapping-syntax"
        )
        return None
    columns = env.columns(at, names)
    if not columns:
        return None
    make, null = compile_words(raw, target, env, at), null_words(raw, env, at)

    def bind(header: Header) -> Value:
        pieces = [(before, None if name is None else header(name)) for before, name in parts]
        first = header(columns[0])

        def write(cells: Cells, remarks: Remarks) -> Any:
            written = []
            for before, place in pieces:
                written.append(before)
                if place is not None:
                    if (cell := cells[place]) is None or cell in null:
                        return None
                    written.append(cell)
            made = "".join(written)
            return make(made, first, remarks) if make else made

        return write

    return Rule(columns, bind)


def _term(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """Words with a code that the source gives."""
    words = _column({**raw, "column": raw["term"]}, target, env, at) if "term" in raw else None
    if "code" not in raw:
        env.error(at, "needs 'code', the column of the code; words alone are a 'column'", "mapping-syntax")
        return None
    if not target.accepts({"codes": [{"system": "x", "code": "x"}]}):
        env.error(at, f"'{'.'.join(target.path)}' takes no codes; use 'column'", "mapping-type")
        return None
    codes = env.columns(f"{at}.code", raw["code"])
    systems = env.columns(f"{at}.system", raw["system"]) if "system" in raw else ()
    system_is = raw.get("system_is", "")
    if not codes or not (systems or system_is) or not isinstance(system_is, str):
        env.error(at, "needs 'system', a column, or 'system_is', a name of systems.toml or a URI", "mapping-syntax")
        return None

    def bind(header: Header) -> Value:
        text = words.bind(header) if words else lambda cells, remarks: None
        places = [header(name) for name in codes]
        system_at = header(systems[0]) if systems else -1

        def make(cells: Cells, remarks: Remarks) -> Any:
            found = text(cells, remarks)
            place = next((place for place in places if cells[place] is not None), None)
            if place is None or isinstance(found, dict):
                return found
            system = cells[system_at] or system_is
            if not system:
                remarks.append(Remark("cell-form", place, "is a code without its system; say which in 'system_is'"))
                return found
            term: dict[str, Any] = {} if found is None else {"text": found}
            term["codes"] = [{"system": system, "code": cells[place]}]
            return term

        return make

    return Rule((*(words.columns if words else ()), *codes, *systems), bind)


def _each(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """What the 'each' table says for the column."""
    key = raw["each"]
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
    return object_of(rules)


def object_of(rules: Mapping[str, Rule]) -> Rule:
    """The rule that makes an object of parts; nothing if it has rules that read cells, and none of them gives a part."""
    is_constant = all(rule.is_constant for rule in rules.values())

    def bind(header: Header) -> Value:
        parts = [(key, rule.bind(header), is_constant or not rule.is_constant) for key, rule in rules.items()]

        def make(cells: Cells, remarks: Remarks) -> Any:
            made, says = {}, False
            for key, part, counts in parts:
                value = part(cells, remarks)
                if value is not None:
                    made[key] = value
                    says = says or counts
            return made if says else None

        return make

    return Rule(_columns_of(rules.values()), bind, is_constant, rules)


def _columns_of(rules: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for rule in rules for name in rule.columns))


def _rules(raw: Any, target: Target, env: Env, at: str) -> list[Rule]:
    if not isinstance(raw, list) or not raw:
        env.error(at, "expected a list of rules", "mapping-syntax")
        return []
    found = [compile_rule(one, target, env, f"{at}[{number}]") for number, one in enumerate(raw, 1)]
    return [rule for rule in found if rule]


def _list(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """All the values that there are; those of a list join it."""
    item = target.item
    if item is None:
        env.error(at, f"'{'.'.join(target.path)}' is no list", "mapping-type")
        return None
    rules = _rules(raw["list"], item, env, at)

    def bind(header: Header) -> Value:
        values = [rule.bind(header) for rule in rules]

        def make(cells: Cells, remarks: Remarks) -> Any:
            return [made for value in values if (made := value(cells, remarks)) is not None] or None

        return make

    return Rule(_columns_of(rules), bind, all(rule.is_constant for rule in rules))


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
    "number": (compile_number, ("decimal_mark", "null")),
    "integer": (compile_integer, ("null",)),
    "date": (compile_date, ("order", "null")),
    "days": (compile_days, ("after", "unit", "null")),
    "age": (compile_age, ("unit", "null")),
    "term": (_term, ("code", "system", "system_is", *_NOT_SPLIT)),
    "each": (_each, ()),
    "object": (_object, ()),
    "list": (_list, ()),
    "first": (_first, ()),
}
