"""Stages of one cancer that contradict each other.

Only what was judged in one go is compared: at the same stated time, by the same system, on the same basis, as far as
these are stated. A cancer may well be of stage II at first and of stage IV later.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

from fhirconv.facts import Fact, fold
from fhirconv.issues import shown
from fhirconv.plausibility.course import Course

# Compiled, and remembered, by re when a case has stages.
_GROUP = r"(?i)(?:stage\s*)?(0|i{1,3}|iv|[1-4])(?![0-9ivx])\s*([a-d]?[0-9]?)"
_GROUP_IN_NAME = r"(?i)\bstage\s*(0|i{1,3}|iv|[1-4])\s*([a-d]?)\b"
_CATEGORY = r"(?i)([cp])?\s*([tnm])\s*([0-4x]|is)"
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_BASIS = {"c": "clinical", "p": "pathological"}


def check_stages(course: Course) -> None:
    """Stage groups against TNM categories, against each other, and against what the condition's name says."""
    by_cancer: dict[str, list[Fact]] = {}
    for fact in course.of("stages"):
        by_cancer.setdefault(str(fact.data["of"]), []).append(fact)
        _check_prefix(course, fact)
    for cancer, stages in by_cancer.items():
        condition = course.case.by_id.get(cancer)
        if condition is None or condition not in course.of("conditions"):
            continue
        for one, other in combinations(stages[:100], 2):
            if _is_one_judgement(one.data, other.data):
                _check_pair(course, condition, one, other)
        for fact in stages:
            _check_against_condition(course, condition, fact)


def _check_prefix(course: Course, fact: Fact) -> None:
    """cT is clinical, pT pathological."""
    found = re.match(_CATEGORY, fact.data["stage"])
    basis = fact.data.get("basis", "")
    meant = _BASIS.get((found[1] or "").lower(), "") if found else ""
    if meant and basis and meant != basis:
        said = f"{shown(fact.data['stage'])} is a {meant} category, and its basis is {shown(basis)}"
        course.warn("stage-conflict", f"{said}; check both", fact, "basis")


def _is_one_judgement(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one.get("at") != other.get("at"):
        return False
    return all(one.get(name, other.get(name)) == other.get(name, one.get(name)) for name in ("system", "basis"))


def _check_pair(course: Course, condition: Fact, one: Fact, other: Fact) -> None:
    group, other_group = _group(one), _group(other)
    if group and other_group:
        if group[0] != other_group[0] or (group[1] and other_group[1] and group[1] != other_group[1]):
            _warn(course, other, one, "two stage groups of one cancer")
        return
    stated, category, named = (group, other, one) if group else (other_group, one, other)
    value = _m_of(category)
    if stated == ("4", "") and value == "0":
        _warn(course, category, named, "stage IV without a distant metastasis")
    elif stated and stated[0] != "4" and value == "1" and not _may_have_m1(course, condition):
        _warn(course, category, named, "a distant metastasis below stage IV")


def _warn(course: Course, fact: Fact, other: Fact, what: str) -> None:
    message = (
        f"{what}: {shown(fact.data['stage'])} here and {shown(other.data['stage'])} at {course.line(other, 'stage')}; "
        "check both, and say when and on what basis each was judged"
    )
    course.warn("stage-conflict", message, fact, "stage")


def _check_against_condition(course: Course, condition: Fact, fact: Fact) -> None:
    """The stage in the name of the cancer; and a small tumour in stage IV, which needs a metastasis."""
    group = _group(fact)
    if group is None or "at" in fact.data:
        return
    named = re.search(_GROUP_IN_NAME, condition.data["name"])
    if named and (_digit(named[1]) != group[0] or (named[2] and group[1] and named[2].lower() != group[1])):
        message = (
            f"the stage group is {shown(fact.data['stage'])} here, and the name of the condition says "
            f"{shown(named[0].strip())} ({course.line(condition, 'name')}); check both"
        )
        course.warn("stage-conflict", message, fact, "stage")
    if group == ("4", "") and not _has_spread(course, condition):
        for other in course.of("stages"):
            is_t1 = other.data["of"] == fact.data["of"] and _category_of(other) == ("t", "1")
            if is_t1 and _is_one_judgement(fact.data, other.data):
                _warn(course, other, fact, "T1 in stage IV, and no M1 or metastasis is stated")


def _has_spread(course: Course, condition: Fact) -> bool:
    name = condition.data.get("id")
    if any(fact.data.get("of") == name and fact.data["kind"] == "metastasis" for fact in course.of("conditions")):
        return True
    return any(fact.data["of"] == name and _m_of(fact) in ("0", "1") for fact in course.of("stages"))


def _may_have_m1(course: Course, condition: Fact) -> bool:
    said = f"{condition.data['name']} {condition.data.get('site', '')} {condition.data.get('histology', '')}"
    return course.limits.m1_below_iv.search(fold(said)) is not None


def _group(fact: Fact) -> tuple[str, str] | None:
    """Number and letter of a stage group; None for a category, and for a group that is not read."""
    if fact.data.get("category", "group") != "group":
        return None
    found = re.fullmatch(_GROUP, fact.data["stage"].strip())
    return (_digit(found[1]), found[2].lower()) if found else None


def _digit(number: str) -> str:
    return _ROMAN.get(number.lower(), number)


def _m_of(fact: Fact) -> str:
    """'0' or '1' for M0 and M1; '' for anything else."""
    letter, value = _category_of(fact)
    return value if letter == "m" else ""


def _category_of(fact: Fact) -> tuple[str, str]:
    """('t', '1') for cT1b."""
    found = re.match(_CATEGORY, fact.data["stage"]) if fact.data.get("category") != "group" else None
    return (found[2].lower(), found[3].lower()) if found else ("", "")
