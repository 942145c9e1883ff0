"""mappings/plausibility.toml, checked and compiled: what is possible in a patient's course."""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from fhirconv.facts import fold
from fhirconv.memory import Memory

ANY = "*"  # the limits that hold where nothing more special does

Amount = int | float | Decimal


class Limit(NamedTuple):
    """What a number may be; `is_above`: more than `low`. None: no limit on that side."""

    low: float | None = None
    high: float | None = None
    is_above: bool = False

    def holds(self, number: Amount) -> bool:
        """Whether `number` is within."""
        low, high, is_above = self
        if low is not None and (number < low or (is_above and number == low)):
            return False
        return high is None or number <= high

    def __str__(self) -> str:
        low = "" if self.low is None else f"above {self.low:.15g}" if self.is_above else f"from {self.low:.15g}"
        return " ".join(filter(None, (low, "" if self.high is None else f"up to {self.high:.15g}")))


class Judged(NamedTuple):
    """What is known of a test in a unit: concept and UCUM code of both, and the limit that holds.

    A number that is above `low` and below `high` is surely within the limit: Decimals are quick to compare.
    """

    test: str
    unit: str
    limit: Limit | None
    is_steady: bool
    low: Decimal
    high: Decimal


class Said(NamedTuple):
    """The words in a name by which it says more than a name; '' for none."""

    negated: str = ""
    uncertain: str = ""
    female: str = ""  # what only women have
    male: str = ""


SAYS_NOTHING = Said()
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True)
class Limits:
    """The tables of plausibility.toml. `results`: key of a concept of labs -> UCUM code -> limit."""

    oldest_years: int = 120
    last_year: int = 9999
    results: Mapping[str, Mapping[str, Limit]] = field(default_factory=dict)
    steady: frozenset[str] = frozenset()
    doses: Mapping[str, Limit] = field(default_factory=dict)
    only_of: Mapping[str, re.Pattern[str]] = field(default_factory=dict)  # sex -> words of what it alone has
    negated: re.Pattern[str] = _NEVER
    uncertain: re.Pattern[str] = _NEVER
    relative: re.Pattern[str] = _NEVER
    m1_below_iv: re.Pattern[str] = _NEVER
    # memories; see Course and `said`
    judged: dict[tuple[str, str], Judged] = field(default_factory=dict)

    @functools.cached_property
    def said(self) -> Memory[str, Said]:
        """What names say, by their words."""
        return Memory(self._said, most=4096)

    def _said(self, words: str) -> Said:
        folded = fold(words)
        patterns = (self.negated, self.uncertain, self.only_of.get("female", _NEVER), self.only_of.get("male", _NEVER))
        matches = (pattern.search(folded) for pattern in patterns)
        said = Said(*(match.group() if match else "" for match in matches))
        return said if any(said) else SAYS_NOTHING

    def of_result(self, test: str, unit: str, words: str) -> Judged:
        """What holds for a test (key of its concept) in a unit; `words` are those of the case for it."""
        limit = self._limit(test, unit, words)
        low, high = limit[:2] if limit else (None, None)
        ends = Decimal("-inf") if low is None else Decimal(low), Decimal("inf") if high is None else Decimal(high)
        return Judged(test, unit, limit, test in self.steady, *ends)

    def _limit(self, test: str, unit: str, words: str) -> Limit | None:
        """That of the test in the unit, else that of the unit, if `words` name no relative value."""
        own = self.results.get(test)
        if own and unit in own:
            return own[unit]
        limit = self.results[ANY].get(unit) if ANY in self.results else None
        return None if limit and self.relative.search(words.casefold()) else limit

    def of_dose(self, unit: str) -> Limit | None:
        """The limit of a dose in a unit ('' for one without code)."""
        return self.doses.get(unit) or self.doses.get(ANY)


_SHAPE = {
    "life": ("oldest_years", "last_year"),
    "sex": ("female", "male"),
    "names": ("negated", "uncertain", "relative"),
    "stages": ("m1_below_iv",),
}
_TABLES = (*_SHAPE, "results", "doses")


def build_limits(
    entries: Mapping[str, Any], tests: Container[str], units: Container[str]
) -> tuple[Limits, list[tuple[str, str]]]:
    """The limits, and the mistakes as (key, message). `tests` are the keys of concepts/labs, `units` the UCUM codes."""
    mistakes = [*_misshapen(entries)]
    mistakes = mistakes or [*_misplaced(entries, tests, units)]
    if mistakes:
        return Limits(), mistakes
    results = entries.get("results", {})
    words = {name: _words(entries, table, name) for table in ("sex", "names", "stages") for name in _SHAPE[table]}
    compiled = Limits(
        **entries.get("life", {}),
        results={test: _limits(table) for test, table in results.items()},
        steady=frozenset(test for test, table in results.items() if table.get("steady")),
        doses=_limits(entries.get("doses", {})),
        only_of={sex: _pattern(words[sex], r"\b(?:{})\b") for sex in _SHAPE["sex"]},
        negated=_pattern(words["negated"], r"^(?:{})\b"),
        uncertain=_pattern(words["uncertain"], r"^(?:{})\b"),
        relative=_pattern(words["relative"], r"\b(?:{})\b"),
        m1_below_iv=_pattern(words["m1_below_iv"], r"\b(?:{})\b"),
    )
    return compiled, []


def _misshapen(entries: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, table in entries.items():
        if name not in _TABLES or not isinstance(table, Mapping):
            yield name, f"expected one of the tables {', '.join(_TABLES)}"
            continue
        for key, value in table.items() if name in _SHAPE else ():
            where = f"{name}.{key}"
            if key not in _SHAPE[name]:
                yield where, f"unknown; expected {', '.join(_SHAPE[name])}"
            elif name == "life" and type(value) is not int:
                yield where, "expected a whole number"
            elif name != "life" and not (
                isinstance(value, list) and all(isinstance(one, str) and one for one in value)
            ):
                yield where, "expected a list of words"


def _misplaced(entries: Mapping[str, Any], tests: Container[str], units: Container[str]) -> Iterator[tuple[str, str]]:
    """Mistakes in the tables of limits."""
    tables = {"doses": entries.get("doses", {})}
    for test, table in entries.get("results", {}).items():
        tables[f"results.{test}"] = table
        if test != ANY and test not in tests:
            yield f"results.{test}", "is no key of concepts/labs.toml"
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            yield name, 'expected limits by unit, such as "g/dL" = { from = 1, to = 26 }'
            continue
        for unit, limit in table.items():
            if unit == "steady" and name != "doses" and isinstance(limit, bool):
                continue
            if unit not in units and not (name == "doses" and unit == ANY):
                yield f'{name}."{unit}"', "is no unit of units.toml"
            elif not _is_limit(limit):
                yield (
                    f'{name}."{unit}"',
                    "expected { from or above = a number, to = a number }, either left out if need be",
                )


def _is_limit(limit: Any) -> bool:
    return (
        isinstance(limit, Mapping)
        and bool(limit)
        and set(limit) <= {"from", "above", "to"}
        and not {"from", "above"} <= set(limit)
        and all(type(end) in (int, float) for end in limit.values())
    )


def _limits(table: Mapping[str, Any]) -> dict[str, Limit]:
    return {
        unit: Limit(limit.get("from", limit.get("above")), limit.get("to"), "above" in limit)
        for unit, limit in table.items()
        if unit != "steady"
    }


def _words(entries: Mapping[str, Any], table: str, name: str) -> list[str]:
    found: list[str] = entries.get(table, {}).get(name, [])
    return found


def _pattern(words: list[str], around: str) -> re.Pattern[str]:
    """Any of the words in folded text, the longest first."""
    if not words:
        return _NEVER
    ordered = sorted((word.casefold() for word in words), key=len, reverse=True)
    return re.compile(around.format("|".join(map(re.escape, ordered))))
