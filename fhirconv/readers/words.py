"""What a rule does with the words of a cell: leaves out, takes a part of, splits, and looks them up."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from decimal import Decimal
from typing import Any

from fhirconv.issues import nearest, shown
from fhirconv.readers.rule import Env, Make, Remark, Remarks
from fhirconv.readers.targets import Target

OPTIONS = ("values", "lookup", "else", "match", "split", "null")
KEEP, SKIP = "@keep", "@skip"
_FEW = 12  # words that a message lists


def exact(value: Any) -> Any:
    """A value of TOML with its decimals as Decimals."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(one) for key, one in value.items()}
    return [exact(one) for one in value] if isinstance(value, list) else value


def check_constant(env: Env, at: str, value: Any, target: Target) -> bool:
    """Whether a field may be this value; else a mistake is noted."""
    if target.accepts(value):
        return True
    if target.choices:
        message = f"{shown(value)} is no choice of '{'.'.join(target.path)}'{nearest(str(value), target.choices)}"
    else:
        message = f"{shown(value)} is nothing that '{'.'.join(target.path)}' can be; see 'fhirconv schema'"
    env.error(at, message, "mapping-type")
    return False


class Listed:
    """Values by the words of cells: compared as printed, then without regard to case."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._exact = dict(values)
        self._folded = {word.casefold(): value for word, value in values.items()}
        words = list(map(shown, values))
        self.words = ", ".join(words[:_FEW]) + (f" and {len(words) - _FEW} more" if len(words) > _FEW else "")

    def find(self, word: str, default: Any) -> Any:
        """The value for a word."""
        try:
            return self._exact[word]
        except KeyError:
            return self._folded.get(word.casefold(), default)


def compile_words(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Make | None:
    """What these options make of the words of a cell; None if nothing."""
    single = target
    if "split" in raw:
        item = target.item
        if item is None:
            env.error(at, f"'split' makes a list, and '{'.'.join(target.path)}' is none", "mapping-type")
        single = item or target
    make = _lookup(raw, single, env, at)
    if make is None and not single.takes_text:
        hint = "is a list: 'split' the cell, or write a 'list'" if single.item else "takes none"
        env.error(at, f"gives text, and '{'.'.join(target.path)}' {hint}", "mapping-type")
    if "split" in raw and isinstance(raw["split"], str) and raw["split"]:
        make = _splitting(raw["split"], make, env.null | null_words(raw, env, at))
    elif "split" in raw:
        env.error(f"{at}.split", "expected the text that stands between the parts", "mapping-syntax")
    return matching(raw["match"], make, env, at) if "match" in raw else make


# What a spreadsheet writes in place of a value.
ERRORS = frozenset(
    ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", *("#" * count for count in range(3, 31)))
)


def damaged(cell: str) -> str:
    """What is said of such a cell, or part of one."""
    return f"{shown(cell)} is an error of a spreadsheet, not a value; correct it there"


def parts_of(cell: str, by: str, null: Container[str], column: int, remarks: Remarks) -> list[str]:
    """The parts of a cell that say something; errors of a spreadsheet among them are told."""
    found = []
    for part in map(str.strip, cell.split(by)):
        if part in ERRORS:
            remarks.append(Remark("cell-damaged", column, damaged(part)))
        elif part and part not in null:
            found.append(part)
    return found


def null_words(raw: Mapping[str, Any], env: Env, at: str) -> frozenset[str]:
    """The further cells that say nothing."""
    return frozenset(env.texts(f"{at}.null", raw["null"])) if "null" in raw else frozenset()


def _lookup(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Make | None:
    """By 'values' or 'lookup', and 'else'."""
    if "values" in raw and "lookup" in raw:
        env.error(at, "has 'values' and 'lookup'; keep one of them")
    values = raw.get("values")
    if "lookup" in raw:
        name = str(raw["lookup"])
        env.used_lookups.add(name)
        values = env.values.get(name)
        if values is None:
            env.error(at, f"there is no [values.{name}]{nearest(name, env.values)}", "mapping-table")
            return None
    if values is None:
        if "else" in raw:
            env.error(at, "has 'else' without 'values' or 'lookup'")
        return None
    if not isinstance(values, dict) or not values:
        env.error(at, "'values' is a table: the words of a cell = what they mean", "mapping-syntax")
        return None
    values = exact(values)
    for word, value in values.items():
        if value != SKIP:
            check_constant(env, f"{at}.values.{word}", value, target)
    otherwise = _otherwise(raw, target, env, at)
    return _looking_up(Listed(values), otherwise)


def _otherwise(raw: Mapping[str, Any], target: Target, env: Env, at: str) -> Any:
    """What other words mean: a value, KEEP, SKIP or _ERROR."""
    value = exact(raw.get("else", _ERROR))
    if value == KEEP and not target.takes_text:
        env.error(f"{at}.else", f"keeps text, which '{'.'.join(target.path)}' does not take", "mapping-type")
    elif value not in (KEEP, SKIP, _ERROR):
        check_constant(env, f"{at}.else", value, target)
    return value


_ERROR = "@error"


def _looking_up(listed: Listed, otherwise: Any) -> Make:
    def make(word: str, column: int, remarks: Remarks) -> Any:
        found = listed.find(word, otherwise)
        if found == SKIP:
            remarks.append(Remark("cell-left", column, f"{shown(word)} is passed over"))
            return None
        if found == KEEP:
            remarks.append(Remark("cell-kept", column, f"{shown(word)} is kept as printed"))
            return word
        if found == _ERROR:
            what = f"{shown(word)} is none of the cells that the reader lists: {listed.words}; correct it, or list it"
            remarks.append(Remark("cell-unknown", column, what))
            return None
        return found

    return make


def _splitting(by: str, make: Make | None, null: frozenset[str]) -> Make:
    def split(cell: str, column: int, remarks: Remarks) -> Any:
        parts = parts_of(cell, by, null, column, remarks)
        found = [made for part in parts if (made := make(part, column, remarks)) is not None] if make else parts
        return found or None

    return split


def matching(pattern: Any, make: Make | None, env: Env, at: str) -> Make | None:
    """Makes of the first group of the pattern, or of all that matches it, what `make` does."""
    try:
        search: Callable[[str], re.Match[str] | None] = re.compile(pattern).search
    except (re.error, TypeError) as error:
        env.error(f"{at}.match", f"is no regular expression: {error}", "mapping-syntax")
        return None

    def match(cell: str, column: int, remarks: Remarks) -> Any:
        found = search(cell)
        part = (found[1] if found.re.groups else found[0]) if found else None
        if not part:
            remarks.append(Remark("cell-left", column, "not read, because it does not match"))
            return None
        return make(part, column, remarks) if make else part

    return match
