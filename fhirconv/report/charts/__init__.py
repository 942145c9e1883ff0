"""The pictures of a course: Vega-Lite specifications, drawn as SVG by the Vega project's own renderer (vl_convert).

Each mark is a link to its fact, `#` and the prefix of the case and the fact's anchor. docs/report-charts.md says what the
signs mean, and why these pictures are made by this library.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from fhirconv.course.course import EVENT, STATUS, THERAPY, Axis, Point, Series
from fhirconv.report.charts.lettering import written
from fhirconv.report.charts.series import SeriesChart, named
from fhirconv.report.charts.svg import drawn
from fhirconv.report.charts.timeline import Timeline


class Picture(NamedTuple):
    """An SVG element for a page, its title, and what it shows in a sentence or two."""

    svg: str
    title: str
    description: str


def timeline_picture(axis: Axis, prefix: str) -> Picture:
    """Therapy, events and disease status of an axis; `prefix` is that of the ids of the case on its page."""
    timeline = Timeline(axis, prefix)
    title = f"Course, from {axis.zero}" if axis.zero else "Course, by date"
    lanes = Counter(item.lane for item in axis.items if item.took_place)
    counts = [
        _counted(lanes[lane], one, many)
        for lane, one, many in (
            (THERAPY, "therapy", "therapies"),
            (EVENT, "event", "events"),
            (STATUS, "disease status", "disease statuses"),
        )
        if lanes[lane]
    ]
    if missed := sum(not item.took_place for item in axis.items):
        counts.append(f"{missed} that did not take place")
    return _picture(timeline, title, [", ".join(counts), *timeline.notes])


def series_picture(axis: Axis, series: Series, prefix: str) -> Picture:
    """One series of results, exactly under the timeline of its axis."""
    chart = SeriesChart(axis, series, prefix)
    said = [_counted(len(series.points), "result", "results")]
    if len(series.points) == 1:
        said = [f"1 result: {_value(series.points[0])}"]
    elif series.points:
        ordered = sorted(series.points, key=lambda point: point.value)
        said.append(f"lowest {_value(ordered[0])}, highest {_value(ordered[-1])}")
    return _picture(chart, named(series), [", ".join(said), *chart.notes])


def _picture(chart: Timeline | SeriesChart, title: str, said: list[str]) -> Picture:
    title, description = written(title), written("".join(f"{each}. " for each in said if each))
    return Picture(drawn(chart.spec(), f"{title}. {description}"), title, description)


def _value(point: Point) -> str:
    return f"{point.comparator}{point.value}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
