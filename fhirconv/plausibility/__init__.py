"""Plausibility of one patient's course: what each fact says alone may still not go together.

Everything here is a warning: nothing is changed, nothing left out, and the conversion goes on. Times are compared only
where the order is certain (2014-02 is not before 2014-02-10).
"""

from __future__ import annotations

from collections.abc import Iterable

from fhirconv.facts import Case, Fact
from fhirconv.plausibility.course import Course
from fhirconv.plausibility.limits import Limits
from fhirconv.plausibility.names import check_names
from fhirconv.plausibility.order import check_order
from fhirconv.plausibility.results import check_amounts
from fhirconv.plausibility.staging import check_stages
from fhirconv.values.base import Tables

__all__ = ["Limits", "check_plausibility"]


def check_plausibility(case: Case, tables: Tables, limits: Limits, suspects: Iterable[Fact]) -> None:
    """Notes in the case what is possible only by a slip. Facts that have errors are left out.

    Only `suspects` are looked at one by one; of the others was seen at a glance that they are plausible by themselves.
    """
    course = Course(case, tables, limits, suspects)
    check_amounts(course)
    check_order(course)
    check_stages(course)
    if course.suspects:
        check_names(course)
