"""The order of a life: birth, disease, therapy, death; and ages."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from fhirconv.facts import Fact
from fhirconv.issues import shown
from fhirconv.plausibility.course import Bounds, Course, surely_before, times_of

_AFTER_DEATH = re.compile("autops|post-?mortem|necrops|death|died", re.IGNORECASE)
SPREADS = ("metastasis", "local-recurrence")
_NOT_GIVEN = ("not-taken", "not-done", "intended")


def check_order(course: Course) -> None:
    """Times that cannot follow each other."""
    patient = course.patient
    if patient and (course.suspects or not _is_usual(course, patient)):
        _check_life(course, patient)
        _check_age(course, patient)
    if course.suspects:
        _check_spread(course)
        _check_therapies(course)
    if any("end" in fact.data for fact in course.of("medications")):
        _check_overlaps(course)


# -- birth and death -----------------------------------------------------------------------------------------------------


def _is_usual(course: Course, patient: dict[str, Any]) -> bool:
    """Whether birth, death and the writing of the case, all plain, follow each other within a life. An age is not plain."""
    times = [time for time in (patient.get("birth_date"), patient.get("died"), _recorded(course)) if time]
    if not times:
        return True
    first, last = int(times[0][:4]), int(times[-1][:4])
    limits = course.limits
    return times == sorted(times) and last - first <= limits.oldest_years and last <= limits.last_year


def _recorded(course: Course) -> Any:
    about = course.of("case")
    return about[0].data.get("recorded") if about else None


def _check_life(course: Course, patient: dict[str, Any]) -> None:
    birth, died = course.bounds(patient.get("birth_date")), course.bounds(patient.get("died"))
    fact = course.of("patient")[0]
    recorded = course.bounds(_recorded(course))
    if surely_before(died, birth):
        message = f"died {shown(died.low)} is before birth {shown(birth.low)}; check both"
        course.warn("life-order", message, fact, "died")
    for name, time in (("birth_date", birth), ("died", died)):
        if surely_before(recorded, time):
            said = f"{shown(time.low)} is after the facts were recorded ({shown(recorded.high)})"
            course.warn("life-order", f"{said}; check both", fact, name)
        elif time.low and int(time.low[:4]) > course.limits.last_year:
            course.warn(
                "life-order", f"{shown(time.low)} is after {course.limits.last_year}; check the year", fact, name
            )
    if birth.low or died.low:
        _check_within_life(course, fact, birth, died)
    last = died.low or recorded.low
    if birth.high and last and int(last[:4]) - int(birth.high[:4]) - 1 > course.limits.oldest_years:
        message = (
            f"born {shown(birth.high)}, {'died' if died.low else 'recorded'} {shown(last)}: "
            f"older than {course.limits.oldest_years} years; check both"
        )
        course.warn("life-order", message, fact, "birth_date")


def _check_within_life(course: Course, patient: Fact, birth: Bounds, died: Bounds) -> None:
    for section, facts in course.suspects.items():
        if section in ("source", "case", "patient"):
            continue
        names = times_of(facts[0].section)
        for fact in facts:
            for name in names:
                if fact.data.get(name) is not None:
                    _check_lived(course, fact, name, patient, birth, died)


def _check_lived(course: Course, fact: Fact, name: str, patient: Fact, birth: Bounds, died: Bounds) -> None:
    time = course.bounds(fact.data[name])
    if surely_before(time, birth):
        found, what, limit, field = time.high, "before birth", birth.low, "birth_date"
    elif surely_before(died, time) and not _is_after_death(fact):
        found, what, limit, field = time.low, "after death", died.high, "died"
    else:
        return
    message = f"{shown(found)} is {what} ({shown(limit)}, {course.line(patient, field)}); check both"
    course.warn("life-order", message, fact, name)


def _is_after_death(fact: Fact) -> bool:
    """An autopsy, and what is known from one."""
    return any(_AFTER_DEATH.search(value) for value in fact.data.values() if isinstance(value, str))


# -- ages ----------------------------------------------------------------------------------------------------------------


def _check_age(course: Course, patient: dict[str, Any]) -> None:
    age = patient.get("age")
    if not isinstance(age, dict) or age.get("unit", "years") != "years":
        return
    fact = course.of("patient")[0]
    low, high = _ages(age)
    if low > course.limits.oldest_years:
        course.warn(
            "life-order", f"an age of {shown(low)} years; expected up to {course.limits.oldest_years}", fact, "age"
        )
    birth, at = course.bounds(patient.get("birth_date")), course.bounds(patient.get("age_at"))
    if not (birth.low and at.low and at.low == at.high):
        return
    years = int(at.low[:4]) - int(birth.low[:4])
    before, after = birth.low[5:10], at.low[5:10]
    length = min(len(before), len(after))
    had_birthday = before[:length] < after[:length] or (length == 5 and before == after)
    is_before_birthday = before[:length] > after[:length]
    youngest, oldest = years - (not had_birthday), years - is_before_birthday
    if high < youngest or low > oldest:
        expected = str(oldest) if youngest == oldest else f"{youngest} or {oldest}"
        message = (
            f"the age stated is {shown(low if low == high else f'{low}-{high}')}, but from birth ({shown(birth.low)}, "
            f"{course.line(fact, 'birth_date')}) to {shown(at.low)} it is {expected}; check all three"
        )
        course.warn("age-conflict", message, fact, "age")


def _ages(age: dict[str, Any]) -> tuple[Any, Any]:
    """The least and the greatest age that is meant, in whole years."""
    if "decade" in age:
        return age["decade"], age["decade"] + 9
    if "value" in age:
        value, comparator = age["value"], age.get("comparator", "")
        return (0 if "<" in comparator else int(value)), (999 if ">" in comparator else int(value))
    return age.get("low", 0), age.get("high", 999)


# -- disease and therapy -------------------------------------------------------------------------------------------------


def _check_spread(course: Course) -> None:
    """A metastasis or recurrence before the cancer that it comes from."""
    for fact in course.suspects_of("conditions"):
        if fact.data["kind"] not in SPREADS:
            continue
        primary = course.case.by_id.get(str(fact.data.get("of")))
        if primary is None or "onset" not in fact.data or primary not in course.of("conditions"):
            continue
        own, first = course.bounds(fact.data["onset"]), course.bounds(primary.data.get("onset"))
        if surely_before(own, first):
            message = (
                f"the {fact.data['kind']} is of {shown(own.high)}, before the cancer that it comes from "
                f"({shown(first.low)}, {course.line(primary, 'onset')}); check both"
            )
            course.warn("metastasis-order", message, fact, "onset")


def _check_therapies(course: Course) -> None:
    for section in ("medications", "regimens", "procedures"):
        for fact in course.suspects_of(section):
            if "for" in fact.data:
                _check_therapy(course, fact)


def _check_therapy(course: Course, fact: Fact) -> None:
    """A therapy before the disease that it is for was found. A biopsy, an image or an operation may well be."""
    if fact.section.name == "procedures" and fact.data["kind"] != "radiotherapy":
        return
    disease = course.case.by_id.get(str(fact.data["for"]))
    name = "start" if "start" in fact.data else "at"
    if disease is None or name not in fact.data or disease not in course.of("conditions"):
        return
    begun, found = course.bounds(fact.data[name]), course.bounds(disease.data.get("onset"))
    if surely_before(begun, found):
        message = (
            f"began {shown(begun.high)}, before the disease that it is for ({shown(found.low)}, "
            f"{course.line(disease, 'onset')}); check both"
        )
        course.warn("therapy-order", message, fact, name)


def _check_overlaps(course: Course) -> None:
    """Two courses of one drug at one time: either one is a copy of the other, or an end is wrong."""
    courses: dict[tuple[str, str], list[tuple[str, Fact]]] = {}
    for fact in course.of("medications"):
        begun = course.bounds(fact.data.get("start")).low
        if begun and fact.data["status"] not in _NOT_GIVEN:
            drug = course.concept("drugs", fact.data["drug"])
            courses.setdefault((drug, str(fact.data.get("route"))), []).append((begun, fact))
    for same in courses.values():
        same.sort(key=lambda one: one[0])
        for (_, first), (_, second) in pairwise(same):
            start, end = course.bounds(second.data["start"]), course.bounds(first.data.get("end"))
            if surely_before(start, end):
                message = (
                    f"this course of {shown(second.data['drug'])} began {shown(start.high)}, before the one at "
                    f"{course.line(first, 'end')} ended ({shown(end.low)}); check both"
                )
                course.warn("therapy-order", message, second, "start")
