"""Value rules for numbers, ages and times from an event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fhirconv.issues import shown
from fhirconv.memory import Memory
from fhirconv.numbers import Measured, Unreadable, is_json_number, read_measured, read_number
from fhirconv.readers.rule import Env, Make, Remark, Remarks, Rule, reading
from fhirconv.readers.targets import Target
from fhirconv.readers.words import matching, null_words

UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
MARKS = ("comma", "point")

_INTEGER = re.compile(r"([+-]?[0-9]{1,18})(?:\.0+)?")
_SPAN = re.compile(r"([+-]?)([0-9]{1,18}(?:\.[0-9]{1,18})?)")


def _as_number(cell: str) -> Any:
    return read_number(cell) if is_json_number(cell) else cell


_numbers = Memory[str, Any](_as_number, most=16384)


def cell_rule(verb: str, raw: Mapping[str, Any], env: Env, at: str, make: Make | None) -> Rule | None:
    """The rule that makes this of the cells that the verb names."""
    columns = env.columns(at, raw[verb])
    make = matching(raw["match"], make, env, at) if "match" in raw else make
    return reading(columns, null_words(raw, env, at), make) if columns else None


def wrong_target(env: Env, at: str, what: str, target: Target) -> None:
    """Notes that a field cannot be what the rule makes."""
    env.error(at, f"makes {what}, which '{'.'.join(target.path)}' is not", "mapping-type")


def takes_numbers(target: Target) -> bool:
    """Whether it is a number; the number that a date may be is a year."""
    return not target.takes_date and any(target.accepts(number) for number in (1, 10))


def wrong_form(cell: str, column: int, expected: str) -> Remark:
    """What is said of a cell that is not written as expected."""
    return Remark("cell-form", column, f"{shown(cell)} {expected}")


def compile_number(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """A number as printed. Where the field takes comparators and ranges they stay text, for the checks of facts to read."""
    mark = raw.get("decimal_mark", "")
    if mark and not env.one_of(f"{at}.decimal_mark", mark, MARKS):
        return None
    if not takes_numbers(target):
        wrong_target(env, at, "a number", target)
        return None
    if target.accepts("<1"):
        if mark:
            return cell_rule("number", raw, env, at, _rewritten(mark, env.decimal_mark == "comma"))
        if env.decimal_mark == "comma":  # 1.234 may be 1234, which the checks of facts decide
            return cell_rule("number", raw, env, at, None)
        return cell_rule("number", raw, env, at, lambda cell, column, remarks: _numbers[cell])
    mark = mark or env.decimal_mark

    def plain(cell: str, column: int, remarks: Remarks) -> Any:
        found = read_measured(cell, mark)
        if isinstance(found, Unreadable) or found.value is None or found.comparator:
            why = found.reason if isinstance(found, Unreadable) else "is not one number; this field takes no other"
            remarks.append(wrong_form(cell, column, why))
            return None
        return found.value

    return cell_rule("number", raw, env, at, plain)


def _rewritten(mark: str, to_comma: bool) -> Make:
    """Numbers with a decimal mark of their own, written as the case has them."""

    def make(cell: str, column: int, remarks: Remarks) -> Any:
        found = read_measured(cell, mark)
        if isinstance(found, Unreadable):
            remarks.append(wrong_form(cell, column, found.reason))
            return None
        if found.value is not None and not found.comparator and not to_comma:
            return found.value
        text = f"{found.low}-{found.high}" if found.value is None else f"{found.comparator}{found.value}"
        return text.replace(".", ",") if to_comma else text

    return make


def compile_integer(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """A whole number."""
    if not takes_numbers(target):
        wrong_target(env, at, "a whole number", target)
        return None

    def make(cell: str, column: int, remarks: Remarks) -> Any:
        found = _INTEGER.fullmatch(cell)
        if not found:
            remarks.append(wrong_form(cell, column, "is not a whole number"))
            return None
        return int(found[1])

    return cell_rule("integer", raw, env, at, make)


def compile_days(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """A time so many days (or what 'unit' says) after an event; before it if the number is negative."""
    event, unit = raw.get("after"), raw.get("unit", "days")
    if not isinstance(event, str) or not event:
        env.error(at, "needs 'after', the id of the event that it counts from", "mapping-syntax")
        return None
    if not env.one_of(f"{at}.unit", unit, UNITS):
        return None
    if not target.accepts({"after": event, "by": {"value": 1, "unit": unit}}):
        wrong_target(env, at, "a time after an event", target)
        return None
    env.events.append((at, event))

    def make(cell: str, column: int, remarks: Remarks) -> Any:
        found = _SPAN.fullmatch(cell)
        if not found:
            remarks.append(wrong_form(cell, column, f"is not a number of {unit}"))
            return None
        amount = read_number(found[2].lstrip("0") or "0") if "." not in found[2] else read_number(found[2])
        if not amount:
            return {"at": event}
        return {"before" if found[1] == "-" else "after": event, "by": {"value": amount, "unit": unit}}

    return cell_rule("days", raw, env, at, make)


def compile_age(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Rule | None:
    """An age: a number, with a comparator ('>89'), or from to ('50-59')."""
    unit = raw.get("unit", "years")
    if not env.one_of(f"{at}.unit", unit, UNITS):
        return None
    is_time = target.accepts({"age": {"value": 1}})
    if not is_time and not (target.kind == "age" and target.accepts({"value": 1})):
        wrong_target(env, at, "an age", target)
        return None

    def make(cell: str, column: int, remarks: Remarks) -> Any:
        found = read_measured(cell, env.decimal_mark)
        if isinstance(found, Unreadable):
            remarks.append(wrong_form(cell, column, f"is not an age in {unit}"))
            return None
        age = _age(found, unit)
        return {"age": age} if is_time else age

    return cell_rule("age", raw, env, at, make)


def _age(found: Measured, unit: str) -> dict[str, Any]:
    age = {
        name: value
        for name in ("value", "comparator", "low", "high")
        if (value := getattr(found, name)) not in (None, "")
    }
    return age if unit == "years" else age | {"unit": unit}
