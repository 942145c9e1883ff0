"""The course with its pictures, and which of its rows lead to their facts."""

from __future__ import annotations

from typing import NamedTuple

from fhirconv.course.course import Axis, Course, Series, Unplaced
from fhirconv.course.telling import NO_TIME, title_of, took_place
from fhirconv.facts import Case
from fhirconv.report.budget import LINKED_POINTS, LINKED_ROWS
from fhirconv.report.charts import Picture, series_picture, timeline_picture


class SeriesView(NamedTuple):
    """A series with its picture. Lean rows neither lead to their facts nor tell the reference range."""

    series: Series
    picture: Picture
    is_lean: bool


class AxisView(NamedTuple):
    """An axis with its pictures."""

    axis: Axis
    timeline: Picture | None
    series: list[SeriesView]


def axes_of(course: Course, prefix: str) -> list[AxisView]:
    """The axes of a course; `prefix` begins the ids of its facts."""
    made, room = [], LINKED_ROWS
    for axis in course.axes:
        views = []
        for series in axis.series:
            is_lean = len(series.points) > min(LINKED_POINTS, room)
            room -= 0 if is_lean else len(series.points)
            views.append(SeriesView(series, series_picture(axis, series, prefix), is_lean))
        made.append(AxisView(axis, timeline_picture(axis, prefix) if axis.items else None, views))
    return made


class WithoutPlace(NamedTuple):
    """What is not on an axis: what has words for its time; without a time, what did not take place and the rest by section."""

    told: list[Unplaced]
    not_so: list[Unplaced]
    timeless: dict[str, list[Unplaced]]


def without_place(course: Course, case: Case) -> WithoutPlace:
    """Whatever of the course no picture shows."""
    absent = {fact.identity for fact in case.facts if not took_place(fact)}
    made = WithoutPlace([], [], {})
    for one in course.unplaced:
        if one.words != NO_TIME:
            made.told.append(one)
        elif one.fact in absent:
            made.not_so.append(one)
        else:
            made.timeless.setdefault(title_of(one.fact.partition("/")[0]), []).append(one)
    return made


def told_in_rows(axes: list[AxisView]) -> set[str]:
    """The facts that pictures lead to: each has a row in a table."""
    items = {item.fact for view in axes for item in view.axis.items}
    series = (one.series.points for view in axes for one in view.series if len(one.series.points) <= LINKED_POINTS)
    return items | {point.fact for points in series for point in points}
