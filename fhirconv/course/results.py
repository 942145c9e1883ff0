"""Results that are numbers: points, and what makes of them a series."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from fhirconv.course.parts import Point, Series, When
from fhirconv.course.telling import result_words, site_of, specimen_words, unit_of
from fhirconv.facts import Case, Fact, fold
from fhirconv.numbers import Measured, read_measured
from fhirconv.plausibility.course import Course as Seen

_NAMES = {"labs": "analyte", "pathology": "test", "findings": "finding"}  # sections with results


class Number(NamedTuple):
    """A result that is one number."""

    value: Decimal
    comparator: str


def number_of(fact: Fact, mark: str) -> Number | None:
    """The number of a result; None for ranges, words and what is absent. `mark` is the decimal mark of the case."""
    if fact.section.name not in _NAMES or "value" not in fact.data:
        return None
    found = read_measured(fact.data["value"], mark)
    value = _decimal(found.value) if isinstance(found, Measured) else None
    return None if value is None or not isinstance(found, Measured) else Number(value, found.comparator)


def _decimal(value: object) -> Decimal | None:
    """A number of the case with its digits."""
    return value if value is None or isinstance(value, Decimal) else Decimal(str(value))


class Results:
    """The points of one axis, in their series."""

    def __init__(self, case: Case, seen: Seen) -> None:
        self._case = case
        self._seen = seen
        self._series: dict[tuple[str, ...], tuple[str, str, list[Point]]] = {}

    def add(self, fact: Fact, when: When, number: Number) -> None:
        """Adds the point of a result to the series of its test, unit and kind of specimen."""
        data, name = fact.data, _NAMES[fact.section.name]
        told, unit = self._told_apart(fact), unit_of(data.get("unit"))
        code = self._seen.unit(data.get("unit")) or unit
        key = (fact.section.name, self._seen.concept(fact.section.name, data[name]), code, *map(fold, told))
        low, high = (_decimal(data.get("reference_range", {}).get(end)) for end in ("low", "high"))
        flag = self._seen.concept("interpretations", data["interpretation"]) if "interpretation" in data else ""
        point = Point(fact.identity, when, number.value, result_words(data), number.comparator, low, high, flag)
        self._series.setdefault(key, (", ".join((str(data[name]), *told)), unit, []))[2].append(point)

    def series(self) -> tuple[Series, ...]:
        """The series, in the order of the file."""
        return tuple(Series(name, unit, tuple(points)) for name, unit, points in self._series.values())

    def _told_apart(self, fact: Fact) -> list[str]:
        """What two results of one test share that may stand on one line: specimen; method, place, condition."""
        data = fact.data
        specimen = self._case.by_id.get(str(data.get("specimen")))
        told = [specimen_words(specimen.data)] if specimen else []
        if fact.section.name != "labs":
            condition = self._case.by_id.get(str(data.get("of")))
            told += [str(data["method"])] if "method" in data else []
            told += [site_of(data), str(condition.data["name"]) if condition else ""]
        return list(filter(None, told))
