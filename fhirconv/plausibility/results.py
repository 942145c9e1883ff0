"""Numbers that are hardly possible, and results that contradict each other or jump."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from fhirconv.facts import Fact
from fhirconv.issues import shown
from fhirconv.numbers import Measured, read_measured
from fhirconv.plausibility.course import Course
from fhirconv.plausibility.limits import Amount

_NAMES = {"labs": "analyte", "pathology": "test", "findings": "finding"}
_JUMP = (8, 12.5)  # 9.8 and 98, and what else a shifted point or g/L for g/dL may look like

Series = dict[tuple[Any, ...], list[tuple[Fact, Amount]]]


def check_amounts(course: Course) -> None:
    """Results and doses against the limits, and the results of one test against each other."""
    for section, name in _NAMES.items():
        facts = course.of(section)
        if facts and (course.suspects_of(section) or not _is_usual(course, facts, name)):
            _check_results(course, facts, name)
    for section, name in (("medications", "dose"), ("procedures", "amount")):
        for fact in course.of(section):
            if name in fact.data:
                _check_dose(course, fact, name, fact.data[name])


def _is_usual(course: Course, facts: list[Fact], name: str) -> bool:
    """Whether plain results surely are within the limits, at most one of a test at its time, and without jumps."""
    count, times = 0, set()
    steady: dict[str, list[Amount]] = {}
    known, judge = course.limits.judged, course.judged
    for fact in facts:
        data = fact.data
        if "value" in data:
            key = data[name], data["unit"]
            test, _, _, is_steady, low, high = known.get(key) or judge(*key)
            if not low < data["value"] < high:
                return False
            if is_steady:
                steady.setdefault(test, []).append(data["value"])
            times.add((test, data.get("at")))
            count += 1
    return len(times) == count and not any(map(_has_jump, steady.values()))


def _has_jump(numbers: list[Amount]) -> bool:
    """Whether one of them may be another with its point shifted."""
    return max(numbers) >= _JUMP[0] * min(numbers)


def _check_results(course: Course, facts: list[Fact], name: str) -> None:
    series: Series = {}
    for fact in facts:
        if "value" in fact.data:
            _check_result(course, fact, name, series)
    for (test, *_), results in series.items():
        if len(results) > 1:
            _check_conflicts(course, results, name)
            if test in course.limits.steady:
                _check_jumps(course, results, name)


def _check_result(course: Course, fact: Fact, name: str, series: Series) -> None:
    data = fact.data
    value, printed = data["value"], data.get("unit")
    test, unit, limit, *_ = course.judged(data[name], printed)
    numbers, is_exact = _numbers(course, value) if type(value) is str else ((value,), True)
    for number in numbers:
        if limit is not None and not limit.holds(number):
            message = f"{_amount(number, unit)} is hardly possible for {shown(data[name])}: expected {limit}"
            course.warn("value-range", f"{message}; check number and unit", fact, "value")
    if is_exact:
        site = str(data["site"]) if "site" in data else ""
        key = (test, data.get("specimen"), data.get("method"), site, unit or str(printed))
        if key in series:
            series[key].append((fact, numbers[0]))
        else:
            series[key] = [(fact, numbers[0])]


def _amount(number: Amount, unit: str) -> str:
    return f"{shown(number)} {unit}".rstrip()


def _numbers(course: Course, value: str) -> tuple[tuple[Amount, ...], bool]:
    """The numbers of a printed value, and whether it is one number without a comparator."""
    read = read_measured(value, course.case.conventions.get("decimal_mark", ""))
    if not isinstance(read, Measured):  # reported before
        return (), False
    numbers = tuple(one for one in (read.value, read.low, read.high) if one is not None)
    return numbers, read.value is not None and not read.comparator


def _check_conflicts(course: Course, results: list[tuple[Fact, Amount]], name: str) -> None:
    """Two numbers at one time: the same day or moment, or the same event."""
    times = [fact.data.get("at") for fact, _ in results]
    if set(map(type, times)) == {str} and len(set(times)) == len(times):
        return
    seen: dict[str, tuple[Fact, Amount]] = {}
    for fact, number in results:
        day = _one_time(course, fact.data.get("at"))
        other, earlier = seen.setdefault(day, (fact, number)) if day else (fact, number)
        if earlier != number:
            course.warn(
                "value-conflict",
                f"{shown(fact.data[name])} is {shown(number)} here and {shown(earlier)} at {course.line(other, 'value')}, "
                "both at one time; keep the right one, or tell their times, specimens or methods apart",
                fact,
                "value",
            )


def _one_time(course: Course, at: Any) -> str:
    """What two facts share that were at one time; '' for a time that may be a span."""
    if isinstance(at, dict) and set(at) - {"text"} == {"at"} and at["at"]:
        return course.bounds(at).low if len(course.bounds(at).low) >= 10 else f"at {at['at']}"
    low, high = course.bounds(at)
    return low if low == high and len(low) >= 10 else ""


def _check_jumps(course: Course, results: list[tuple[Fact, Amount]], name: str) -> None:
    numbers = [number for _, number in results]
    if not _has_jump(numbers):
        return
    for (earlier, before), (later, after) in _neighbours(course, results):
        if before > 0 and after > 0 and any(_JUMP[0] <= ratio <= _JUMP[1] for ratio in _ratios(before, after)):
            course.warn(
                "value-jump",
                f"{shown(later.data[name])} is {shown(after)} here and {shown(before)} at {course.line(earlier, 'value')}, "
                f"about ten times {'more' if after > before else 'less'}; check the decimal point and the unit of both",
                later,
                "value",
            )


def _ratios(one: Amount, other: Amount) -> tuple[float, float]:
    ratio = float(Decimal(one) / Decimal(other))
    return ratio, 1 / ratio


def _neighbours(
    course: Course, results: list[tuple[Fact, Amount]]
) -> Iterator[tuple[tuple[Fact, Amount], tuple[Fact, Amount]]]:
    """Each result with the one before it in time, where the order of times is certain; else as in the file."""
    times = [course.bounds(fact.data.get("at")) for fact, _ in results]
    if all(time.low and time.low == time.high for time in times):
        order = sorted(range(len(results)), key=lambda index: times[index].low)
        results = [results[index] for index in order]
    yield from pairwise(results)


def _check_dose(course: Course, fact: Fact, name: str, dose: dict[str, Any]) -> None:
    number, unit = dose.get("value"), course.unit(dose.get("unit"))
    limit = course.limits.of_dose(unit)
    if number is not None and limit is not None and not limit.holds(number):
        course.warn(
            "dose-range",
            f"{_amount(number, unit)} is hardly possible as {name}: expected {limit}; check number and unit",
            fact,
            name,
            "value",
        )
