"""Pictures of a course, read back: what stands where by the ticks beside it, what it is called, where it leads."""

from __future__ import annotations

import datetime
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st

import fhirconv
from fhirconv import convert
from fhirconv.course.course import (
    EVENT,
    LANES,
    STATUS,
    THERAPY,
    Axis,
    Item,
    Point,
    Series,
    When,
    anchor,
    course_of,
)
from fhirconv.mapping import load_mappings
from fhirconv.report.charts import Picture, series_picture, timeline_picture
from fhirconv.report.charts.scale import WIDTH
from report.pictures import Seen, Shape

NEVER_SAID = When(None, None, "not stated")
CASES = [path for path in sorted((FIXTURES / "cases").glob("*.yaml")) if not path.name.startswith("minimal-")]
HALF_PX = 0.5


def number(text: str) -> float:
    return float((datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days)


def day(text: str) -> When:
    return When(number(text), number(text) + 1, text)


def month(text: str) -> When:
    year, name = map(int, text.split("-"))
    after = f"{year + name // 12}-{name % 12 + 1:02}-01"
    return When(number(f"{text}-01"), number(after), text)


def therapy(label: str, start: When, end: When = NEVER_SAID) -> Item:
    return Item(f"medications/{label}", THERAPY, "medication", label, start, end)


def event(label: str, start: When, kind: str = "event") -> Item:
    return Item(f"events/{label}", EVENT, kind, label, start)


def point(at: When, value: str, **more: object) -> Point:
    return Point(f"labs/{at.words}", at, Decimal(value), f"{value} g/dL", **more)  # type: ignore[arg-type]


def axis(
    *things: Item | Series, zero: str = "", first: float = number("2021-01-01"), last: float = number("2022-01-01")
) -> Axis:
    items = tuple(sorted((each for each in things if isinstance(each, Item)), key=lambda item: LANES.index(item.lane)))
    return Axis(zero, first, last, items, tuple(each for each in things if isinstance(each, Series)))


def seen(given_axis: Axis) -> Seen:
    return Seen(timeline_picture(given_axis, "c1-").svg)


def seen_series(*points: Point, items: tuple[Item, ...] = ()) -> Seen:
    series = Series("Hb", "g/dL", points)
    return Seen(series_picture(axis(series, *items), series, "c1-").svg)


def days(picture: Seen, shape: Shape) -> tuple[float, float]:
    """From when to when a shape is, by the ticks of its picture."""
    return picture.days().at(shape.x), picture.days().at(shape.x2)


def near(first: float, last: float, picture: Seen) -> object:
    return pytest.approx((first, last), abs=HALF_PX * abs(picture.days().at(1) - picture.days().at(0)))


def pictures(given_axis: Axis, prefix: str = "c1-") -> Iterator[Picture]:
    yield timeline_picture(given_axis, prefix)
    for series in given_axis.series:
        yield series_picture(given_axis, series, prefix)


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Axis, list[Seen]]]:
    """The pictures of every case that is there: the timeline, then the series."""
    mappings = load_mappings()
    axes = [each for path in CASES for each in course_of(convert(path).case, mappings).axes]
    return [(each, [Seen(picture.svg) for picture in pictures(each)]) for each in axes]


def test_a_bar_is_from_its_first_day_to_its_last() -> None:
    picture = seen(axis(therapy("letrozole", day("2021-02-03"), day("2021-11-10"))))
    (bar,) = picture.of("solid_therapy")
    assert days(picture, bar) == near(number("2021-02-03"), number("2021-11-11"), picture)


def test_what_is_known_by_the_month_is_as_wide_as_that_month() -> None:
    picture = seen(axis(*(event(name, month(f"2021-{name}")) for name in ("02", "03"))))
    one, two = picture.of("maybe_event")
    assert days(picture, one) == near(number("2021-02-01"), number("2021-03-01"), picture)
    assert (two.x2 - two.x) / (one.x2 - one.x) == pytest.approx(31 / 28, abs=0.01)


def test_a_bar_is_solid_only_where_it_was_certainly_so() -> None:
    picture = seen(axis(therapy("exemestane", month("2021-03"), month("2021-06"))))
    (solid,) = picture.of("solid_therapy")
    before, after = picture.of("maybe_therapy")
    assert days(picture, before) == near(number("2021-03-01"), number("2021-04-01"), picture)
    assert days(picture, solid) == near(number("2021-04-01"), number("2021-06-01"), picture)
    assert days(picture, after) == near(number("2021-06-01"), number("2021-07-01"), picture)


def test_within_one_month_nothing_is_certain() -> None:
    picture = seen(axis(therapy("a dose", month("2021-03"), month("2021-03"))))
    assert not picture.of("solid_therapy")
    (bar,) = picture.of("maybe_therapy")
    assert days(picture, bar) == near(number("2021-03-01"), number("2021-04-01"), picture)


def test_an_end_that_nobody_states_fades() -> None:
    picture = seen(axis(therapy("letrozole", day("2021-02-03"))))
    (fade,) = picture.of("fade_therapy")
    begin, _ = days(picture, fade)
    assert begin == pytest.approx(number("2021-02-03"), abs=1)
    assert fade.x2 == pytest.approx(right_end(picture))  # a shorter one would be read as a length
    dashes = [float(each) for each in fade.element.attrib.get("stroke-dasharray", layer_of(picture, fade)).split(",")]
    assert dashes[::2] == sorted(dashes[::2], reverse=True)  # ever less of it


def layer_of(picture: Seen, shape: Shape) -> str:
    group = next(each for each in picture.root.iter() if shape.element in each)
    return group.attrib["stroke-dasharray"]


def right_end(picture: Seen) -> float:
    return max(shape.x2 for shape in picture.of("lane"))


def test_what_is_only_after_something_says_so_in_words() -> None:
    brief = "after change of therapy, how long after is not said"
    open_ended = When(0, None, "after", is_reckoned=True, brief=brief)
    picture = seen(axis(event("CT", open_ended), zero="start", first=-200, last=300))
    assert f"CT ({brief})" in picture.texts()


def test_a_start_that_nobody_states_fades_to_the_left() -> None:
    picture = seen(axis(therapy("letrozole", NEVER_SAID, day("2021-08-03"))))
    (fade,) = picture.of("fade_therapy")
    begin, end = days(picture, fade)
    assert begin == pytest.approx(number("2021-08-03"), abs=1.5)
    assert end < number("2021-01-01")


@pytest.mark.parametrize(("when", "direction"), [((0.0, None), 1), ((None, 0.0), -1)])
def test_after_something_is_not_at_it(when: tuple[float | None, float | None], direction: int) -> None:
    """Two therapies, one from the zero and one from some time after it, must not look the same."""
    later = Item("m/2", THERAPY, "medication", "later", When(*when, "after"), NEVER_SAID if direction > 0 else None)
    picture = seen(axis(therapy("letrozole", When(0, 0, "at")), later, zero="start", first=-200, last=300))
    (line,) = picture.of("open_therapy")
    assert picture.days().at(line.x) == pytest.approx(0, abs=1)
    assert (line.x2 - line.x) * direction > 0
    assert line.x2 == pytest.approx(right_end(picture) - (0 if direction > 0 else WIDTH))
    assert len(picture.of("fade_therapy")) == 1  # of letrozole


def test_a_place_that_was_reckoned_is_not_drawn_like_a_date() -> None:
    reckoned = When(number("2021-05-15"), number("2021-06-15"), "5 months after start of letrozole", is_reckoned=True)
    picture = seen(axis(event("CT", reckoned), event("MRI", day("2021-05-15")), event("dated", month("2021-05"))))
    (dashed,) = picture.of("reckoned_event")
    assert days(picture, dashed) == near(number("2021-05-15"), number("2021-06-15"), picture)
    assert len(picture.of("maybe_event")) == len(picture.of("mark_event")) == 1
    assert "reckoned from an interval: no date in the source" in picture.texts()


def test_on_a_relative_axis_zero_is_named_and_earlier_is_negative() -> None:
    when = When(9.5 * 30.4375, 10.5 * 30.4375, "10 months after start of letrozole", is_reckoned=True)
    picture = seen(axis(event("CT", when), zero="start of letrozole", first=-200, last=11 * 30.4375))
    assert "months after (negative: before) start of letrozole" in picture.texts()
    assert min(at for _, at in picture.ticks()) < 0 < max(at for _, at in picture.ticks())
    (bar,) = picture.of("maybe_event")
    assert days(picture, bar) == near(9.5 * 30.4375, 10.5 * 30.4375, picture)


@pytest.mark.parametrize("span", [0, 0.5, 3, 40, 400, 3000, 40_000])
@pytest.mark.parametrize("zero", ["", "start"])
def test_ticks_are_true_and_readable(zero: str, span: float) -> None:
    ticks = seen(axis(event("a", When(0, 0, "at")), zero=zero, first=-span / 3, last=span * 2 / 3)).ticks()
    assert 2 <= len(ticks) <= 14
    (one, said), (two, said_too) = ticks[0], ticks[-1]
    for px, at in ticks:
        assert px == pytest.approx(one + (at - said) * (two - one) / (said_too - said), abs=0.02)


def test_every_fact_of_every_case_is_one_link_with_its_words(drawn: list[tuple[Axis, list[Seen]]]) -> None:
    for each, (timeline, *charts) in drawn:
        names = {shape.link: shape.name for shape in timeline.links}
        assert sorted(shape.link for shape in timeline.links) == sorted(f"#c1-{anchor(one.fact)}" for one in each.items)
        for item in each.items:
            assert all(
                words in names[f"#c1-{anchor(item.fact)}"] for words in (item.label, item.start.words, item.note)
            )
        for series, chart in zip(each.series, charts, strict=True):
            told = sorted((f"#c1-{anchor(one.fact)}", f"{one.when.words}: {one.label}") for one in series.points)
            assert sorted((shape.link, shape.name) for shape in chart.links) == told


def test_every_result_of_every_case_is_where_the_ticks_say(drawn: list[tuple[Axis, list[Seen]]]) -> None:
    checked = 0
    for series, picture in (
        (series, chart) for each, (_, *charts) in drawn for series, chart in zip(each.series, charts, strict=True)
    ):
        for shape in picture.of("spot"):
            one = next(one for one in series.points if shape.link == f"#c1-{anchor(one.fact)}")
            ends = [end for end in one.when[:2] if end is not None]
            place = picture.days().px(sum(ends) / len(ends)), picture.values().px(float(one.value))
            assert (shape.x, shape.y) == pytest.approx(place, abs=HALF_PX)
            checked += 1
    assert checked > 60


def test_pictures_of_an_axis_stand_exactly_under_each_other(drawn: list[tuple[Axis, list[Seen]]]) -> None:
    for _, charts in drawn:
        assert len({(picture.root.get("width"), tuple(picture.ticks())) for picture in charts}) == 1


def test_words_and_marks_of_many_events_do_not_overlap() -> None:
    made = [event(f"event number {count}", day(f"2021-{count % 4 + 3:02}-{count % 9 + 1:02}")) for count in range(60)]
    _assert_apart(seen(axis(*made)).links)


def _assert_apart(shapes: list[Shape]) -> None:
    for one, two in itertools.combinations(shapes, 2):
        assert one.x2 <= two.x or two.x2 <= one.x or one.y2 <= two.y or two.y2 <= one.y, (one.name, two.name)


TIMES = st.none() | st.floats(number("2021-01-01"), number("2022-01-01"), allow_nan=False)


@given(
    st.lists(
        st.tuples(st.sampled_from(LANES), TIMES, TIMES, TIMES, TIMES, st.booleans(), st.text(max_size=80)), max_size=8
    )
)
@settings(max_examples=15, deadline=None)
def test_whatever_the_times_nothing_leaves_the_picture_or_overlaps(things: list[tuple[object, ...]]) -> None:
    items = []
    for count, (lane, one, two, three, four, is_reckoned, label) in enumerate(things):
        start = _when(one, two, is_reckoned)
        items.append(
            Item(
                f"{count}",
                str(lane),
                "event",
                str(label),
                start,
                _when(three, four, False) if lane == THERAPY else None,
            )
        )
    picture = seen(axis(*items))
    assert len(picture.links) == len(items)
    _assert_apart(picture.links)
    wide, high = float(picture.root.attrib["width"]), float(picture.root.attrib["height"])
    for shape in picture.shapes:
        assert min(shape.x, shape.x2) >= -0.1
        assert max(shape.x, shape.x2) <= wide + 0.1
        assert min(shape.y, shape.y2) >= -0.1
        assert max(shape.y, shape.y2) <= high + 0.1


def _when(one: object, two: object, is_reckoned: object) -> When:
    ends = (one, two) if None in (one, two) else sorted((one, two))  # type: ignore[type-var]
    return When(*ends, "then", bool(is_reckoned))  # type: ignore[arg-type]


def test_a_long_label_is_cut_and_told_in_full() -> None:
    label = "needle biopsy " * 30
    picture = seen(axis(event(label, day("2021-05-05"))))
    (link,) = picture.links
    assert any(text.startswith("needle biopsy") and text.endswith("…") and len(text) < 70 for text in picture.texts())
    assert label.strip() in link.name
    (hint,) = picture.root.iter("{http://www.w3.org/2000/svg}title")  # what a pointer shows
    assert hint.text == link.name


def test_what_did_not_take_place_is_crossed_or_empty_and_says_so() -> None:
    picture = seen(
        axis(
            therapy("chemotherapy", day("2021-03-01"), day("2021-06-01"))._replace(took_place=False, note="not given"),
            event("radiotherapy", day("2021-03-01"))._replace(took_place=False, note="not done"),
        )
    )
    assert not picture.of("solid_therapy")
    assert len(picture.of("not_therapy")) == 1
    assert {"chemotherapy (not given)", "radiotherapy (not done)", "did not take place"} <= set(picture.texts())
    assert len(picture.of("not_legend")) == len(picture.of("mark_legend")) == 1  # the key shows both signs


def test_flags_have_letters_and_shapes() -> None:
    picture = seen_series(
        point(day("2021-02-01"), "8.4", flag="decidedly odd"),
        point(day("2021-04-01"), "9.4", flag="low"),
        point(day("2021-06-01"), "12.4", flag="normal"),
        point(day("2021-08-01"), "19.4", flag="increased"),
    )
    assert [shape.text for shape in picture.of("flag")] == ["*", "L", "H"]
    low, high = picture.of("flag")[1:]
    assert low.y > picture.of("mark_flagged")[1].y
    assert high.y < picture.of("mark_flagged")[2].y
    shapes = [{shape.element.get("d") for shape in picture.of(f"mark_{of}")} for of in ("flagged", "series")]
    assert len(shapes[0]) == len(shapes[1]) == 1
    assert not shapes[0] & shapes[1]


@pytest.mark.parametrize(("comparator", "tip"), [("<", max), ("<=", max), (">", min), (">=", min)])
def test_below_5_points_down_from_5(comparator: str, tip: object) -> None:
    picture = seen_series(point(day("2021-02-01"), "5", comparator=comparator), point(day("2021-04-01"), "9"))
    triangle, circle = picture.of("mark_series")
    assert "A" in circle.element.attrib["d"]
    corners = [float(y) for _, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", triangle.element.attrib["d"])]
    assert sorted(corners).count(tip(corners)) == 1  # type: ignore[operator]  (one corner there, two on the other side)
    assert triangle.y == pytest.approx(picture.values().px(5), abs=HALF_PX)


def test_a_reference_range_that_changes_is_a_step_between_the_results() -> None:
    picture = seen_series(
        point(day("2021-02-01"), "8", low=Decimal("11.6"), high=Decimal("14.8")),
        point(day("2021-04-02"), "9", low=Decimal("12.0"), high=Decimal("15.0")),
        point(day("2021-06-01"), "9"),
    )
    one, two = picture.of("band")
    assert one.x2 == two.x == pytest.approx(picture.days().px(number("2021-03-03") + 0.5), abs=1)
    for band, low, high in ((one, 11.6, 14.8), (two, 12, 15)):
        assert (band.y, band.y2) == pytest.approx((picture.values().px(high), picture.values().px(low)), abs=HALF_PX)
    assert "shaded: reference range of each result" in picture.texts()


def test_a_reference_range_without_one_end_goes_to_the_edge() -> None:
    picture = seen_series(
        point(day("2021-02-01"), "8", high=Decimal("5.0")), point(day("2021-04-01"), "9", high=Decimal("5.0"))
    )
    (band,) = picture.of("band")
    assert band.y2 == max(shape.y2 for shape in picture.of("role-axis-domain"))
    assert len(picture.of("bound")) == 1
    assert "shaded: reference range to 5.0" in picture.texts()


def test_a_result_of_a_month_is_as_wide_as_the_month() -> None:
    picture = seen_series(point(month("2021-02"), "8"), point(day("2021-04-01"), "9"))
    (whisker,) = picture.of("whisker_series")
    assert days(picture, whisker) == near(number("2021-02-01"), number("2021-03-01"), picture)


def test_what_was_given_stands_behind_the_results() -> None:
    items = (
        therapy("letrozole", day("2021-02-03")),
        therapy("fulvestrant", month("2021-06")),
        event("red cells", day("2021-04-05"), kind="transfusion"),
        therapy("not given", day("2021-09-09"))._replace(took_place=False),
    )
    picture = seen_series(point(day("2021-02-01"), "8"), items=items)
    (line,), (stretch,) = picture.of("begin"), picture.of("beginning")
    assert days(picture, line)[0] == pytest.approx(number("2021-02-03"), abs=1)
    assert days(picture, stretch) == near(number("2021-06-01"), number("2021-07-01"), picture)
    assert [shape.text for shape in picture.of("small")] == ["start of letrozole", "start of fulvestrant"]
    (drop,) = picture.of("mark_event")
    assert days(picture, drop)[0] == pytest.approx(number("2021-04-05"), abs=1)
    assert any("▼ at the top: transfusion" in text for text in picture.texts())


def test_what_starts_together_shares_a_line_and_what_has_no_room_is_counted() -> None:
    made = [therapy(f"drug {count}", day("2021-02-03")) for count in range(5)]
    series = Series("Hb", "g/dL", (point(day("2021-02-01"), "8"),))
    drawn = series_picture(axis(series, *made), series, "")
    picture = Seen(drawn.svg)
    assert len(picture.of("begin")) == 1
    assert [shape.text for shape in picture.of("small")] == ["start of drug 0", "start of drug 1", "start of drug 2"]
    assert "2 more starts of therapy are in the timeline only" in drawn.description


def test_of_10_000_results_one_line_shows_the_extremes() -> None:
    start = number("2021-01-01")
    points = [
        point(When(at := start + count / 28, at, f"{count}"), str(9 + count % 50 / 10)) for count in range(10_000)
    ]
    points[5000] = points[5000]._replace(value=Decimal("1.5"))
    series = Series("Hb", "g/dL", tuple(points))
    drawn = series_picture(axis(series), series, "")
    picture = Seen(drawn.svg)
    assert len(drawn.svg) < 150_000
    assert not picture.links
    (line,) = picture.of("line_series")
    heights = [float(y) for y in re.findall(r",(-?[\d.]+)", line.element.attrib["d"])]
    lowest, highest = (picture.values().px(value) - line.y for value in (1.5, 13.9))
    assert (max(heights), min(heights)) == pytest.approx((lowest, highest), abs=HALF_PX)
    assert "10000 results, drawn as one line; each is in the table" in drawn.description


def test_more_items_than_anybody_reads_are_one_path() -> None:
    made = [event(f"{count}", day(f"2021-{count % 12 + 1:02}-{count % 28 + 1:02}")) for count in range(2000)]
    drawn = timeline_picture(axis(*made, therapy("letrozole", day("2021-02-03"))), "")
    picture = Seen(drawn.svg)
    assert len(picture.links) == 1
    assert len(picture.of("line_event")) == 1
    assert "Events: 2000, only where they begin is drawn; each is in the table" in drawn.description


def joined(*points: Point) -> int:
    """How many results a line leads to from the one before."""
    (line,) = seen_series(*points).of("line_series")
    return line.element.attrib["d"].count("L")


@pytest.mark.parametrize(
    ("other", "lines"),
    [
        (point(day("2021-04-01"), "9"), 2),
        (point(day("2021-02-02"), "9"), 2),
        (point(day("2021-02-01"), "9"), 1),  # of one day: nobody says which was first
        (point(month("2021-02"), "9"), 1),
        (point(month("2021-04"), "9"), 2),
        (point(day("2021-04-01"), "9", comparator=">"), 0),
        (point(When(number("2021-04-01"), None, "after"), "9"), 0),
    ],
)
def test_a_line_joins_values_of_which_one_was_first(other: Point, lines: int) -> None:
    assert joined(point(day("2021-02-01"), "8"), other, point(day("2021-09-01"), "7")) == lines


def test_a_bound_of_time_is_hollow() -> None:
    picture = seen_series(point(When(None, number("2021-04-01"), "before"), "8", flag="high"))
    assert len(picture.of("guess_flagged")) == 1
    assert not picture.of("mark_flagged")


def test_letters_stay_off_the_axis() -> None:
    low = [point(day(f"2021-0{at}-01"), value, flag="low") for at, value in enumerate(("0", "5", "9"), 1)]
    picture = seen_series(*low)
    axis_y = max(shape.y for shape in picture.of("role-axis-domain"))
    assert max(shape.y for shape in picture.of("flag")) + 2 < axis_y


def test_two_low_results_of_one_week_have_a_letter_each() -> None:
    close = [point(day(f"2021-02-0{at}"), value, flag="low") for at, value in ((1, "7.1"), (4, "9.6"))]
    assert [shape.text for shape in seen_series(*close).of("flag")] == ["L", "L"]


def test_what_did_not_take_place_is_not_counted_as_if_it_had() -> None:
    made = axis(event("CT", day("2021-03-01")), event("MRI", day("2021-03-01"))._replace(took_place=False, note="not done"))
    assert timeline_picture(made, "").description == "1 event, 1 that did not take place."


def test_a_tick_of_a_day_or_month_is_not_named_as_a_year() -> None:
    for last in ("2014-01-20", "2015-01-20"):
        made = axis(event("CT", day("2014-01-05")), first=number("2013-12-20"), last=number(last))
        assert not {"2014", "2015"} & set(seen(made).texts())


def test_one_result_is_said_once() -> None:
    series = Series("Hb", "g/dL", (point(day("2021-02-01"), "8.0"),))
    assert series_picture(axis(series), series, "").description == "1 result: 8.0."


def test_the_title_of_an_axis_stays_in_the_picture() -> None:
    made = axis(event("a", When(0, 0, "at")), zero="start of therapy " * 50, first=-100, last=100)
    (title,) = (shape.text for shape in seen(made).of("role-axis-title"))
    assert title.endswith("…")
    assert len(title) < 180


def test_a_number_that_no_picture_can_hold_is_said_to_be_missing() -> None:
    series = Series(
        "Hb", "g/dL", (point(day("2021-05-05"), "1e400"), point(day("2021-05-06"), "1.50"), point(NEVER_SAID, "2"))
    )
    drawn = series_picture(axis(series), series, "")
    assert "2 more cannot be drawn: see the table" in drawn.description
    assert len(Seen(drawn.svg).links) == 1
    assert Seen(series_picture(axis(), Series("Hb", "", ()), "").svg).ticks()  # none at all: an empty picture


HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "]]><!-- &amp; &#1; <![CDATA[",
    "nul \x00 bell \x07 escape \x1b[31m lone \ud800 none \ufffe turned \u202e round",
    "x" * 10_000,
    "מכתב רפואי",
    "👩‍⚕️ é e\u0301 漢字\u00a0薬",
    "line\nline\u2028line\ttab",
    "javascript:alert(1)",
    "https://example.org/",
    "datum.x + event.y {{7*7}} ${1}",
    "",
)


def test_hostile_words_stay_words() -> None:
    when = day("2021-05-05")._replace(words=HOSTILE[0])
    items = [
        Item(text.encode("ascii", "replace").decode(), lane, text, text, when, when if lane == THERAPY else None, text)
        for lane in LANES
        for text in HOSTILE
    ]
    given_axis = axis(
        *items,
        *(Series(text, text, (point(when, "1", flag=text)._replace(label=text),)) for text in HOSTILE),
    )
    given_axis = given_axis._replace(zero=HOSTILE[0], first=0, last=number("2021-06-06"))
    known = {"svg", "g", "a", "title", "path", "line", "text"}
    for picture in pictures(given_axis):
        root = Seen(picture.svg).root
        for element in root.iter():
            assert element.tag.rpartition("}")[2] in known
            assert not {"style", "id", "src"} & element.attrib.keys()
            assert not any(name.startswith("on") for name in element.attrib)
            assert all(
                re.fullmatch(r"#c1-[A-Za-z0-9._~-]*", value) for name, value in element.attrib.items() if "href" in name
            )
            assert "url(" not in " ".join(value for name, value in element.attrib.items() if name != "aria-label")
        picture.svg.encode()  # no half of a character
    assert "nul \\u0000 bell" in timeline_picture(given_axis, "").svg


def test_links_lead_to_the_ids_of_the_page_with_no_tool_between() -> None:
    assert seen(axis(event("a b/ü", day("2021-05-05")))).links[0].link == "#c1-" + anchor("events/a b/ü")


MADE = """
import sys
from fhirconv import convert
from fhirconv.mapping import load_mappings
from fhirconv.report.charts import series_picture, timeline_picture
from fhirconv.course.course import course_of
for axis in course_of(convert(sys.argv[1]).case, load_mappings()).axes:
    sys.stdout.write(timeline_picture(axis, "c1-").svg + "".join(series_picture(axis, each, "c1-").svg for each in axis.series))
"""


def test_the_same_course_gives_the_same_bytes_here_and_in_another_process() -> None:
    path = FIXTURES / "cases" / "made-up-lab-series.yaml"
    found = course_of(convert(path).case, load_mappings()).axes
    ours = ["".join(picture.svg for each in found for picture in pictures(each)) for _ in range(2)]
    other = subprocess.run(
        [sys.executable, "-c", MADE, str(path)],
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
        timeout=300,
    )
    assert ours[0] == ours[1] == other.stdout.decode()


def test_colours_can_be_seen_in_light_and_dark() -> None:
    """WCAG 2.2: text 4.5 to 1, marks 3 to 1. The letters of flags are text, in the colour '--out'."""
    folder = Path(fhirconv.__file__).parent / "report"
    both = {
        name: (light, dark)
        for file in ("style.css", "charts.css")
        for name, light, dark in re.findall(r"--([a-z]+): light-dark\((#\w+), (#\w+)\)", (folder / file).read_text())
    }
    for name in ("therapy", "event", "status", "out", "ink", "muted"):
        for theme in (0, 1):
            assert _contrast(both[name][theme], both["paper"][theme]) >= 4.5, (name, theme)


def _contrast(one: str, two: str) -> float:
    bright = sorted((_luminance(one), _luminance(two)))
    return (bright[1] + 0.05) / (bright[0] + 0.05)


def _luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_who_cannot_see_hears_each_fact_once() -> None:
    picture = seen(
        axis(
            therapy("letrozole", day("2021-02-03")),
            Item("d/1", STATUS, "disease-status", "improved", day("2021-05-05")),
        )
    )
    assert picture.root.attrib["role"] == "group"
    assert "1 therapy, 1 disease status" in picture.root.attrib["aria-label"]
    hidden = {shape for group in picture.root.iter() if group.get("aria-hidden") == "true" for shape in group.iter()}
    heard = [shape for shape in picture.shapes if shape.element not in hidden]
    assert heard == picture.links
    assert [shape.name for shape in heard] == [
        "letrozole; medication; from 2021-02-03 to not stated",
        "improved; disease status; 2021-05-05",
    ]
