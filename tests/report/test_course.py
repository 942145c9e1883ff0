"""The course of a patient: what stands where, so that what is drawn says no more and no less than the facts."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Converted

from fhirconv import convert
from fhirconv.course.course import (
    EVENT,
    KINDS,
    LANES,
    STATUS,
    THERAPY,
    Axis,
    Course,
    Item,
    Point,
    Unplaced,
    When,
    anchor,
    course_of,
)
from fhirconv.mapping import load_mappings

MONTH, YEAR = 30.4375, 365.25
CASES = sorted((FIXTURES / "cases").glob("*.yaml"))


def course(**sections: Any) -> Course:
    """The course of a case with these sections."""
    given = {"case": {"id": "a"}, "patient": {}, **sections}
    return course_of(convert(given).case, load_mappings())


def events(*times: Any, **sections: Any) -> dict[str, Item]:
    """Where events 'e0', 'e1', ... with these times stand, by id."""
    made = [{"id": f"e{index}"} | ({} if when is None else {"at": when}) for index, when in enumerate(times)]
    return {
        item.fact.removeprefix("events/"): item for axis in course(events=made, **sections).axes for item in axis.items
    }


def day(text: str) -> float:
    """Days from 1970 to a day."""
    return float((datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days)


def near(end: float | None) -> Any:
    """This day, but for the last bits; None for an open end."""
    return None if end is None else pytest.approx(end)


def items(found: Course) -> dict[str, Item]:
    return {item.fact: item for axis in found.axes for item in axis.items}


def stretch(when: When) -> tuple[float | None, float | None]:
    return when.earliest, when.latest


def only(found: Course) -> Axis:
    (axis,) = found.axes
    return axis


def whens(axis: Axis) -> list[tuple[When, ...]]:
    """The times of each mark and point."""
    marks = [(item.start, item.end) if item.end else (item.start,) for item in axis.items]
    return [*marks, *((point.when,) for series in axis.series for point in series.points)]


# -- dates ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "first", "after"),
    [
        ("2014-02-03", "2014-02-03", "2014-02-04"),
        ("2014-12-31", "2014-12-31", "2015-01-01"),
        ("2016-02-29", "2016-02-29", "2016-03-01"),
        ("2014-02", "2014-02-01", "2014-03-01"),
        ("2016-02", "2016-02-01", "2016-03-01"),
        ("2014-12", "2014-12-01", "2015-01-01"),
        ("2014", "2014-01-01", "2015-01-01"),
        ("2016", "2016-01-01", "2017-01-01"),
        ("1966-07", "1966-07-01", "1966-08-01"),
    ],
)
def test_a_date_is_as_wide_as_it_is_precise(date: str, first: str, after: str) -> None:
    assert stretch(events(date)["e0"].start) == (day(first), day(after))
    assert events(date)["e0"].start.words == date


def test_the_last_year_of_the_calendar_has_an_end() -> None:
    assert stretch(events("9999")["e0"].start) == (day("9999-01-01"), day("9999-12-31") + 1)


def test_a_time_of_day_has_no_width_and_lies_within_its_day() -> None:
    found = events("2014-02-03T00:30:00+09:00", "2014-02-03", "2014-02-03T10:00:00+09:00")
    night = found["e0"].start
    assert night.earliest == night.latest == pytest.approx(day("2014-02-03") + 0.5 / 24)
    assert found["e1"].start.earliest < night.latest < found["e1"].start.latest  # type: ignore[operator]


def test_times_of_day_of_several_zones_stand_in_their_true_order() -> None:
    found = events("2014-02-03T10:00:00+09:00", "2014-02-03T01:30:00Z", "2014-02-02T20:30:00-05:00")
    tokyo, greenwich, new_york = (found[name].start.earliest or 0 for name in ("e0", "e1", "e2"))
    assert greenwich - tokyo == pytest.approx(0.5 / 24)
    assert new_york == pytest.approx(greenwich)


def test_the_declared_zone_is_the_clock_of_the_case() -> None:
    found = events("2014-02-03T23:30:00Z", conventions={"time_zone": "+01:00"})
    assert found["e0"].start.earliest == pytest.approx(day("2014-02-04") + 0.5 / 24)


def test_a_leap_second_is_one_second_after_the_59th() -> None:
    found = events("2016-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")
    before, leap, after = (found[name].start.earliest or 0 for name in ("e0", "e1", "e2"))
    assert (leap - before) * 86_400 == pytest.approx(1, abs=1e-4)
    assert leap == after == day("2017-01-01")


# -- relations and lengths of time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "low", "high"),
    [
        ({"value": 10, "unit": "months"}, 9.5 * MONTH, 10.5 * MONTH),
        ({"value": 1.5, "unit": "years"}, 1.45 * YEAR, 1.55 * YEAR),
        ({"value": 2, "unit": "weeks"}, 10.5, 17.5),
        ({"value": 30, "unit": "days"}, 29.5, 30.5),
        ({"value": 36, "unit": "hours"}, 35.5 / 24, 36.5 / 24),
        ({"value": 0, "unit": "days"}, 0, 0.5),
        ({"value": 30, "comparator": ">", "unit": "months"}, 30 * MONTH, None),
        ({"value": 30, "comparator": "<", "unit": "months"}, 0, 30 * MONTH),
        ({"low": 2, "high": 3, "unit": "weeks"}, 14, 21),
        ({"low": 2, "unit": "weeks"}, 14, None),
        ({"high": 3, "unit": "weeks"}, 0, 21),
    ],
)
def test_a_length_of_time_is_as_wide_as_its_digits_and_words(offset: Any, low: float, high: float | None) -> None:
    found = events(
        None,
        {"after": "e0", "by": offset},
        {"before": "e0", "by": offset},
        {"after": "e0", "by": {"value": 1, "unit": "years"}},
    )
    after, before = found["e1"].start, found["e2"].start
    assert stretch(after) == (near(low), near(high))
    assert stretch(before) == (near(None if high is None else -high), near(-low))
    assert after.is_reckoned
    assert before.is_reckoned


def test_ten_months_after_a_date_stand_on_the_calendar_and_are_no_date() -> None:
    found = events("2014-02-03", {"after": "e0", "by": {"value": 10, "unit": "months"}})["e1"].start
    assert found.words == "10 months after e0"
    assert found.is_reckoned
    assert found.earliest is not None
    assert found.latest is not None
    assert found.earliest < day("2014-12-03") < found.latest
    assert found.latest - found.earliest == pytest.approx(MONTH + 1)  # the day of the event is as wide as a day


def test_days_after_a_full_date_are_the_very_day_of_the_bundle() -> None:
    ten_days = {"after": "e", "by": {"value": 10, "unit": "days"}}
    made = {"events": [{"id": "e", "at": "2016-02-20"}], "labs": [lab("Hb", 9.8, ten_days, id="l", unit="g/dL")]}
    result = convert({"case": {"id": "a"}, "patient": {}, **made})
    assert result.bundle is not None
    (resource,) = (e["resource"] for e in result.bundle["entry"] if "valueQuantity" in e["resource"])
    (point,) = only(course_of(result.case, load_mappings())).series[0].points
    assert resource["effectiveDateTime"] == "2016-03-01"
    assert stretch(point.when) == (day("2016-03-01"), day("2016-03-02"))
    assert point.when.is_reckoned


def test_before_and_after_without_a_length_fade() -> None:
    found = events("2014-02", {"after": "e0"}, {"before": "e0"}, {"at": "e0"})
    assert stretch(found["e1"].start) == (day("2014-02-01"), None)
    assert stretch(found["e2"].start) == (None, day("2014-03-01"))
    assert stretch(found["e3"].start) == (day("2014-02-01"), day("2014-03-01"))
    assert not found["e3"].start.is_reckoned


def test_what_lies_between_nothing_and_nothing_is_told_and_not_drawn() -> None:
    made = [{"id": "e0", "at": 2014}, {"id": "e1", "at": {"after": "e0"}}, {"id": "e2", "at": {"before": "e1"}}]
    assert course(events=made).unplaced == (Unplaced("events/e2", "e2", "before e1"),)


def test_lengths_beyond_any_calendar_and_periods_that_end_before_they_start_are_told() -> None:
    weeks = {"value": 3, "unit": "weeks"}
    found = course(
        events=[
            {"id": "a", "at": "2014-02-03"},
            {"id": "b", "at": {"after": "a", "by": {"value": 1e300, "unit": "years"}}},
        ],
        labs=[lab("Hb", 9, {"from": {"after": "a", "by": weeks}, "to": {"before": "a", "by": weeks}}, id="l")],
    )
    assert {one.fact: one.words for one in found.unplaced} == {
        "events/b": "1e+300 years after a",
        "labs/l": "from 3 weeks after a to 3 weeks before a",
    }


def test_ages_stand_on_the_calendar_if_the_birth_date_is_known_else_on_an_axis_from_birth() -> None:
    by_date = items(
        course(
            patient={"birth_date": "1950-03-12"},
            events=[{"id": "e", "at": {"age": {"value": 7}}}, {"id": "f", "at": 1960}],
        )
    )
    first, last = stretch(by_date["events/e"].start)
    assert first == pytest.approx(day("1957-03-12"), abs=1)
    assert last == pytest.approx(day("1958-03-13"), abs=1)
    axis = only(course(events=[{"id": "e", "at": {"age": {"value": 7}}}, {"id": "f", "at": {"age": {"decade": 70}}}]))
    assert axis.zero == "birth"
    assert [stretch(item.start) for item in axis.items] == [(7 * YEAR, 8 * YEAR), (70 * YEAR, 80 * YEAR)]


@pytest.mark.parametrize(
    ("age", "low", "high"),
    [
        ({"value": 7}, 7, 8),
        ({"value": 6.5}, 6.45, 6.55),
        ({"low": 60, "high": 69}, 60, 70),
        ({"low": 60}, 60, None),
        ({"high": 12}, 0, 13),
        ({"value": 12, "comparator": "<="}, 0, 13),
        ({"value": 12, "comparator": "<"}, 0, 12),
        ({"value": 54, "comparator": ">"}, 54, None),
        ({"decade": 70}, 70, 80),
    ],
)
def test_an_age_lasts_until_the_next_birthday(age: Any, low: float, high: float | None) -> None:
    assert stretch(events({"age": age})["e0"].start) == (near(low * YEAR), near(None if high is None else high * YEAR))


def test_an_age_in_weeks_lasts_a_week() -> None:
    assert stretch(events({"age": {"value": 6, "unit": "weeks"}})["e0"].start) == (42, 49)


# -- axes of their own ---------------------------------------------------------------------------------------------------


def test_the_zero_of_an_axis_is_the_event_that_most_hang_on() -> None:
    months = [{"after": "e1", "by": {"value": number, "unit": "months"}} for number in (3, 6)]
    found = events(None, {"after": "e0", "by": {"value": 2, "unit": "months"}}, *months)
    assert stretch(found["e1"].start) == (0, 0)
    assert stretch(found["e2"].start) == (2.5 * MONTH, 3.5 * MONTH)
    assert stretch(found["e0"].start) == (-2.5 * MONTH, -1.5 * MONTH)
    assert found["e0"].start.is_reckoned


def test_of_two_events_that_as_many_hang_on_the_first_in_the_file_is_zero() -> None:
    made = [{"id": "b"}, {"id": "a", "at": {"after": "b"}}]
    hanging = [{"analyte": "Hb", "value": 9, "at": {"after": "a", "by": {"value": 1, "unit": "weeks"}}}]
    assert only(course(events=made, labs=hanging)).zero == "b"


def test_events_that_nothing_joins_have_an_axis_each() -> None:
    two = [{"id": "a"}, {"id": "b"}]
    labs = [{"analyte": "Hb", "value": 9, "at": {"after": name, "by": {"value": 1, "unit": "weeks"}}} for name in "ab"]
    assert [axis.zero for axis in course(events=two, labs=labs).axes] == ["a", "b"]


@pytest.mark.parametrize(
    ("when", "brief"),
    [
        ({"after": "e0"}, "after e0, how long after is not said"),
        ({"before": "e0", "text": "some day"}, "before e0, how long before is not said"),
        ({"at": "e1"}, "after e0, how long after is not said"),
        ({"after": "e1"}, "after the change, how long after is not said"),
        ({"after": "e0", "by": {"value": 30, "comparator": ">", "unit": "months"}}, ">30 months after e0"),
        ({"after": "e0", "by": {"value": 30, "unit": "months"}}, ""),
    ],
)
def test_what_has_an_open_end_says_after_what(when: Any, brief: str) -> None:
    made = [{"id": "e0"}, {"id": "e1", "name": "the change", "at": {"after": "e0", "text": "then"}}, {"id": "e2", "at": when}]
    scaled = [lab("Hb", 9, {"after": "e0", "by": {"value": 1, "unit": "weeks"}}, id="l")]
    assert items(course(events=made, labs=scaled))["events/e2"].start.brief == brief


def test_therapies_stand_by_start_then_end_and_drugs_under_their_regimen() -> None:
    later = {"start": {"after": "a"}, "status": "unknown"}
    found = course(
        events=[{"id": "a"}],
        labs=[lab("Hb", 9, {"after": "a", "by": {"value": 1, "unit": "weeks"}}, id="l")],
        regimens=[{"id": "r", "name": "combination", **later}],
        medications=[
            {"drug": "palbociclib", "regimen": "r", **later},
            {"drug": "denosumab", **later},
            {"drug": "fulvestrant", "regimen": "r", **later},
            {"drug": "letrozole", "status": "stopped", "start": {"at": "a"}, "end": {"after": "a"}},
        ],
    )
    assert [item.label for item in only(found).items if item.lane == THERAPY] == [
        *("letrozole", "combination", "palbociclib", "fulvestrant", "denosumab")
    ]


def test_without_any_number_there_is_no_scale_and_so_no_axis() -> None:
    found = course(
        events=[{"id": "a", "name": "relapse"}],
        medications=[{"drug": "letrozole", "status": "active", "start": {"after": "a"}}],
    )
    assert not found.axes
    assert Unplaced("medications/~letrozole/after-a", "letrozole (active)", "from after relapse") in found.unplaced


COUNTED = [{"after": "e0", "by": {"value": days, "unit": "days"}} for days in (1249, 1614)]


def test_an_axis_counts_from_a_coarse_date_that_all_hangs_on() -> None:
    made = [{"id": f"e{i}", "at": at} for i, at in enumerate(["2007", *COUNTED])]
    axis = only(course(events=made, patient={"birth_date": 1940}))  # the birth date joins nothing
    assert axis.zero == "e0, 2007"
    assert [stretch(item.start) for item in axis.items] == [(0, 0), (1248.5, 1249.5), (1613.5, 1614.5)]
    assert [item.start.words for item in axis.items] == ["2007", "1249 days after e0", "1614 days after e0"]


@pytest.mark.parametrize(
    ("first", "more"),
    [
        ("2007-03-01", {}),  # as exact as what is counted from it
        ("2007", {"labs": [{"analyte": "Hb", "value": 9, "at": "2009-02"}]}),  # the calendar joins it with another date
        ("2007", {"patient": {"died": 2012, "vital_status": "deceased"}}),
        (
            "2007",
            {"patient": {"birth_date": 1940}, "labs": [{"analyte": "Hb", "value": 9, "at": {"age": {"value": 66}}}]},
        ),
    ],
)
def test_what_only_the_calendar_joins_stays_on_it(first: str, more: dict[str, Any]) -> None:
    made = [{"id": f"e{i}", "at": at} for i, at in enumerate([first, *COUNTED])]
    assert only(course(events=made, **more)).zero == ""


def test_circles_of_events_are_told_as_errors() -> None:
    circle = [{"id": "a", "at": {"after": "b"}}, {"id": "b", "at": {"after": "a"}}]
    found = course(
        events=[*circle, {"id": "c", "at": 2014}], labs=[{"id": "hb", "analyte": "Hb", "value": 9, "at": {"at": "a"}}]
    )
    assert [item.fact for item in only(found).items] == ["events/c"]
    assert {one.fact for one in found.unplaced} == {"events/a", "events/b", "labs/hb"}


# -- what lasts ----------------------------------------------------------------------------------------------------------


def drug(**fields: Any) -> Item:
    found = course(events=[{"id": "now", "at": 2021}], medications=[{"drug": "letrozole", **fields}])
    (item,) = (item for axis in found.axes for item in axis.items if item.fact.startswith("medications/"))
    return item


def test_a_therapy_is_a_bar_from_start_to_end() -> None:
    item = drug(status="stopped", status_reason="progression", start="2014-02", end="2016-01-02")
    assert (item.lane, item.kind, item.label, item.note) == (THERAPY, "medication", "letrozole", "stopped: progression")
    assert item.start == When(day("2014-02-01"), day("2014-03-01"), "2014-02")
    assert item.end == When(day("2016-01-02"), day("2016-01-03"), "2016-01-02")


def test_an_end_that_nobody_states_fades_and_what_goes_on_does_so_until_the_last_day_told_of() -> None:
    assert drug(status="stopped", start=2014).end == When(None, None, "not stated")
    found = course(
        medications=[{"drug": "letrozole", "status": "active", "start": 2014}],
        labs=[{"analyte": "Hb", "value": 9, "at": 2016}],
    )
    end = only(found).items[0].end
    assert end == When(day("2016-01-01"), None, "ongoing as of the source")  # nobody says more of 2016 than that it came
    assert only(found).last > day("2016-12-31")


def test_what_is_active_until_a_stated_end_does_not_go_on_from_there() -> None:
    item = drug(status="active", start=2014, end={"text": "the next visit"})
    assert item.end == When(None, None, "the next visit")


def test_a_side_where_something_fades_has_room_for_it() -> None:
    closed = only(course(events=[{"id": "a", "at": 2014}, {"id": "b", "at": 2016}]))
    fading = only(course(events=[{"id": "a", "at": 2014}, {"id": "b", "at": 2016}, {"id": "c", "at": {"after": "b"}}]))
    assert fading.last - day("2017-01-01") > 2 * (closed.last - day("2017-01-01"))
    assert fading.first == closed.first


def test_a_start_that_is_only_told_fades_in() -> None:
    item = drug(status="completed", start={"text": "for years"}, end=2016)
    assert item.start == When(None, None, "for years")
    assert item.end is not None
    assert item.end.latest == day("2017-01-01")


@pytest.mark.parametrize("status", ["not-taken", "intended"])
def test_what_was_not_given_is_a_mark_that_says_so(status: str) -> None:
    item = drug(status=status, start=2014)
    assert item.end is None
    assert not item.took_place
    assert item.note == status


def test_what_did_not_take_place_is_told_so_where_it_is_not_drawn() -> None:
    found = course(
        medications=[{"drug": "tamoxifen", "status": "not-taken", "status_reason": "age"}],
        conditions=[{"kind": "other", "name": "gout", "verification": "refuted"}],
        adverse_events=[{"event": "rash", "presence": "absent"}],
    )
    assert {one.label for one in found.unplaced} == {"tamoxifen (not-taken: age)", "gout (refuted)", "rash (absent)"}


def test_a_period_of_radiotherapy_is_a_bar_among_the_therapies_and_one_of_another_kind_among_the_events() -> None:
    span = {"from": "2014-02-03", "to": "2014-03"}
    kinds = ["radiotherapy", "surgery", "laboratory", "other", "unknown"]
    made = [{"procedure": kind, "kind": kind, "status": "completed", "at": span} for kind in kinds]
    found = only(course(procedures=made)).items
    assert [(item.lane, item.kind) for item in found] == [
        (THERAPY, "radiotherapy"), (EVENT, "surgery"), (EVENT, "laboratory"), (EVENT, "procedure"), (EVENT, "procedure")
    ]  # fmt: skip
    ends = {(item.start.earliest, item.end.latest) for item in found if item.end}
    assert ends == {(day("2014-02-03"), day("2014-04-01"))}


def test_an_end_on_another_axis_is_told() -> None:
    found = course(
        events=[{"id": "relapse"}, {"id": "later", "at": {"after": "relapse", "by": {"value": 2, "unit": "years"}}}],
        medications=[{"id": "m", "drug": "letrozole", "status": "stopped", "start": 2014, "end": {"at": "relapse"}}],
    )
    assert [axis.zero for axis in found.axes] == ["", "relapse"]
    assert found.axes[0].items[0].end == When(None, None, "at relapse")


def test_the_time_of_a_fact_is_told_with_the_event_that_it_is() -> None:
    found = course(
        events=[{"id": "start", "name": "start of letrozole", "of": "m", "at": "2014-02"}],
        medications=[{"id": "m", "drug": "letrozole", "status": "unknown", "start": {"at": "start"}}],
    )
    (item,) = only(found).items  # the event is the start of the bar, and no mark of its own
    assert item.start.words == "at start of letrozole, 2014-02"


# -- results -------------------------------------------------------------------------------------------------------------


def lab(analyte: Any, value: Any, at: Any = "2014-02-03", **more: Any) -> dict[str, Any]:
    return {
        "id": more.pop("id", f"l-{analyte}-{at}".replace(" ", "-")),
        "analyte": analyte,
        "value": value,
        "at": at,
        **more,
    }


def test_one_analyte_in_two_spellings_is_one_series_and_two_units_are_two() -> None:
    found = only(course(labs=[
        lab("Hb", 9.8, "2014-03", unit="g/dL"), lab("haemoglobin", 10.1, "2014-02", unit="g/dl"), lab("Hb", 101, "2014-04", unit="g/L"),
    ]))  # fmt: skip
    assert [(one.name, one.unit, [str(point.value) for point in one.points]) for one in found.series] == [
        ("Hb", "g/dL", ["10.1", "9.8"]), ("Hb", "g/L", ["101"])
    ]  # fmt: skip


def test_labels_are_words_without_the_codes_beside_them() -> None:
    coded = {"text": "Breast Cancer", "codes": [{"system": "icd-10", "code": "C50.9"}]}
    found = only(course(conditions=[{"kind": "primary-cancer", "name": coded, "onset": 2014}], labs=[
        lab({"text": "HGB", "codes": [{"system": "loinc", "code": "718-7"}]}, 11, id="l", unit="g/dL"), lab("Hb", 12, 2015, unit="g/dL"),
    ]))  # fmt: skip
    assert found.items[0].label == "Breast Cancer"
    assert [(one.name, len(one.points)) for one in found.series] == [("HGB", 2)]


def test_another_kind_of_specimen_is_another_series() -> None:
    found = course(
        specimens=[
            {"id": "csf", "type": "cerebrospinal fluid"},
            {"id": "s1", "type": "serum"},
            {"id": "s2", "type": "Serum"},
        ],
        labs=[
            lab("glucose", 55, specimen="csf", id="a"),
            lab("glucose", 99, specimen="s1", id="b"),
            lab("glucose", 98, specimen="s2", id="c"),
        ],
    )
    assert [(one.name, len(one.points)) for one in only(found).series] == [
        ("glucose, cerebrospinal fluid", 1),
        ("glucose, serum", 2),
    ]


def test_sizes_of_two_places_are_two_series() -> None:
    made = [{"id": f"f{i}", "finding": "size", "value": 20 + i, "unit": "mm", "site": site, "at": 2014 + i}
            for i, site in enumerate(["liver", "lung", "liver"])]  # fmt: skip
    assert [(one.name, len(one.points)) for one in only(course(findings=made)).series] == [
        ("size, liver", 2),
        ("size, lung", 1),
    ]


def test_a_point_has_digits_comparator_range_and_judgement() -> None:
    text = json.dumps({"case": {"id": "a"}, "patient": {}, "labs": [
        lab("CA15-3", "<1.50", unit="U/mL", interpretation="increased", reference_range={"low": 0, "high": 25})
    ]})  # fmt: skip
    (point,) = only(course(**json.loads(text.replace("25}", "25.0}")))).series[0].points
    assert (str(point.value), point.comparator, str(point.low), point.flag) == ("1.50", "<", "0", "high")
    assert point.high == Decimal(25)
    assert point.label == "<1.50 U/mL, increased"


def test_receptors_of_two_specimens_are_told_apart_and_a_therapy_says_its_line() -> None:
    at = "2020-03-01"
    found = only(
        course(
            specimens=[{"id": site, "type": site} for site in ("breast", "bone")],
            pathology=[
                {"test": "ER", "result": "positive", "specimen": "breast", "at": at},
                {"test": "ER", "result": "negative", "specimen": "bone", "at": at},
            ],
            medications=[{"drug": "letrozole", "status": "stopped", "line": "first-line", "start": at}],
        )
    )
    labels = {item.label: item.note for item in found.items}
    assert labels == {"letrozole": "first-line, stopped", "ER, breast: positive": "", "ER, bone: negative": ""}


def test_offsets_that_add_up_beyond_any_calendar_are_told() -> None:
    far = {"value": 9999, "unit": "years"}
    found = course(events=[{"id": "e0"}, *({"id": f"e{i}", "at": {"after": f"e{i - 1}", "by": far}} for i in range(1, 9))])
    assert len(found.unplaced) >= 6
    assert all(abs(end) < 4e6 for axis in found.axes for end in (axis.first, axis.last))


def test_results_that_are_no_number_are_marks() -> None:
    made = [
        lab("AST", "60-120", unit="U/L", id="range"),
        {"id": "words", "analyte": "blood culture", "result": "no growth", "at": 2014},
        {
            "id": "absent",
            "analyte": "CEA",
            "absent": {"reason": "unknown", "text": "shown only in a figure"},
            "at": 2014,
        },
    ]
    found = only(course(labs=made))
    assert not found.series
    assert {item.fact: item.label for item in found.items} == {
        "labs/range": "AST: 60-120 U/L", "labs/words": "blood culture: no growth", "labs/absent": "CEA: shown only in a figure"
    }  # fmt: skip


def test_ten_thousand_results_are_ten_thousand_points_in_the_order_of_time() -> None:
    made = [
        lab("Hb", 9 + i % 7, f"{2000 + i * 7 % 20}-{i % 12 + 1:02d}-{i % 28 + 1:02d}", id=f"l{i}")
        for i in range(10_000)
    ]
    (series,) = only(course(labs=made)).series
    starts = [point.when.earliest or 0 for point in series.points]
    assert starts == sorted(starts)
    assert len({point.fact for point in series.points}) == 10_000


# -- how far an axis goes ------------------------------------------------------------------------------------------------


def test_an_operation_long_before_the_rest_is_told_and_does_not_squeeze_it(converted: Converted) -> None:
    found = course_of(converted(FIXTURES / "cases" / "takanashi-2019.yaml", "r4").case, load_mappings())
    (told,) = found.axes[0].earlier
    assert (told.fact, told.words) == (
        "procedures/mastectomy",
        "18 years before onset of the first symptoms (18 years earlier)",
    )
    assert found.axes[0].last - found.axes[0].first < 2 * MONTH


def test_a_birth_does_not_squeeze_the_course_and_that_of_a_child_belongs_to_it() -> None:
    therapy = [{"drug": "letrozole", "status": "completed", "start": "2020-01", "end": "2022-05"}]
    grown = only(course(patient={"birth_date": "1950"}, medications=therapy))
    assert grown.earlier == (Unplaced("patient", "birth", "1950"),)
    child = only(course(patient={"birth_date": "2016"}, medications=therapy))
    assert [item.kind for item in child.items] == ["medication", "birth"]
    assert not child.earlier


def test_a_death_years_later_is_told_as_later() -> None:
    found = only(course(patient={"died": 2019, "vital_status": "deceased"}, events=[{"id": "e", "at": "2001-02-03"}]))
    assert found.later == (Unplaced("patient", "death", "2019"),)


def test_birth_and_death_alone_make_no_axis() -> None:
    found = course(patient={"birth_date": 1950, "died": 2019, "vital_status": "deceased"})
    assert found == Course((), (Unplaced("patient", "birth", "1950"), Unplaced("patient", "death", "2019")))


def test_two_times_of_a_life_are_drawn_however_far_from_each_other() -> None:
    episodes = [f"{year}-0{month}" for year in (1996, 2014) for month in range(1, 9)]
    found = only(course(events=[{"id": f"e{i}", "at": at} for i, at in enumerate(episodes)]))
    assert len(found.items) == 16
    assert not found.earlier


@pytest.mark.parametrize(("later", "earlier"), [(1, 0), (2, 1), (3, 1)])
def test_one_thing_gives_way_to_two(later: int, earlier: int) -> None:
    found = only(
        course(
            events=[
                {"id": f"e{i}", "at": at} for i, at in enumerate(["1996", *[f"2014-0{m}" for m in range(1, later + 1)]])
            ]
        )
    )
    assert (len(found.items), len(found.earlier)) == (later + 1 - earlier, earlier)


def test_what_an_axis_counts_from_is_never_far_from_it() -> None:
    visit = {"after": "e0", "by": {"value": 30, "unit": "years"}}
    assert events(None, visit, visit, visit, visit)["e0"].start.earliest == 0


def test_a_diagnosis_four_years_before_one_visit_is_drawn() -> None:
    labs = [lab("Hb", 9, "2014-02-03", id=f"l{number}") for number in range(9)]
    assert [
        item.kind
        for item in only(course(conditions=[{"kind": "other", "name": "gout", "onset": 2010}], labs=labs)).items
    ] == ["diagnosis"]


def test_far_results_are_told_with_their_series() -> None:
    near = [lab("Hb", 9, f"2014-0{month}", unit="g/dL") for month in range(1, 9)]
    found = only(course(labs=[lab("Hb", 12.50, "1996-05", unit="g/dL", id="old"), *near]))
    assert found.earlier == (Unplaced("labs/old", "Hb: 12.5 g/dL", "1996-05"),)
    assert [len(one.points) for one in found.series] == [8]


# -- cases ---------------------------------------------------------------------------------------------------------------


def test_the_course_of_a_case_without_dates_counts_from_the_start_of_therapy(converted: Converted) -> None:
    found = course_of(converted(FIXTURES / "cases" / "nakagawa-2022.yaml", "r4").case, load_mappings())
    axis = only(found)
    assert axis.zero == "start of letrozole"
    at = {item.fact: stretch(item.start) for item in axis.items}
    assert at["medications/letrozole"] == (0, 0)
    assert at["medications/palbociclib"] == (near(9.5 * MONTH), None)  # after the worsening; how long after is not stated
    assert at["procedures/pet-ct-before-treatment"] == (None, 0)
    assert at["procedures/pet-ct-6-months"] == (5.5 * MONTH, 6.5 * MONTH)
    assert at["disease_status/bone-metastases-worsened"] == (9.5 * MONTH, 10.5 * MONTH)
    told = {one.fact: one.words for one in found.unplaced}
    assert told["procedures/red-cell-transfusion"] == "when is not said; 2 told from it"  # two improvements
    assert told["events/diagnosis"] == "when is not said; 2 told from it"
    assert told["labs/hb-course"] == "during treatment"
    assert told["stages/stage-iv"] == "no time stated"


def test_facts_with_errors_are_told_and_the_others_drawn() -> None:
    found = course(
        conditions=[{"id": "c", "kind": "other"}],  # without its name
        disease_status=[
            {"id": "s", "of": "c", "status": "stable", "at": 2015},
            {"id": "t", "status": "stable", "at": "31.2."},
        ],
        labs=[lab("Hb", "9.8 g", "2014", id="l")],
    )
    assert [(item.fact, item.label, item.lane) for item in only(found).items] == [
        ("disease_status/s", "stable", STATUS)
    ]
    assert {one.fact for one in found.unplaced} == {"conditions/c", "disease_status/t", "labs/l"}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_fact_stands_somewhere(path: Path, converted: Converted) -> None:
    result = converted(path, "r4")
    found = course_of(result.case, load_mappings())
    shown = placed_facts(found)
    assert sorted(shown) == sorted(expected_facts(result.case.document.data))
    for axis in found.axes:
        check_axis(axis)


def test_no_case_with_errors_stops_the_course(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = FIXTURES / "invalid"
    monkeypatch.chdir(folder)
    drawn = 0
    for name in sorted(path.name for path in folder.iterdir() if path.suffix in (".yaml", ".json", ".gz")):
        case = convert(name).case
        found = course_of(case, load_mappings())
        listed = set(placed_facts(found)) | {fact.identity for fact in case.facts_of("events")} | {"patient"}
        assert {fact.identity for fact in case.facts if fact.section.name not in ("case", "source")} <= listed, name
        drawn += len(found.axes)
        for axis in found.axes:
            check_axis(axis)
    assert drawn > 5  # what is right is drawn all the same


def expected_facts(data: dict[str, Any]) -> list[str]:
    """The identities of the facts that a course tells: all of them but events that are the time of another fact."""
    case = convert(data).case
    owners = {str(fact.data.get("id")) for fact in case.facts}
    facts = [fact for fact in case.facts if fact.section.name not in ("case", "source", "patient")]
    left = [fact.identity for fact in facts if fact.section.name != "events" or fact.data.get("of") not in owners]
    patient = data["patient"]
    return left + ["patient"] * (("birth_date" in patient) + ("died" in patient))


def placed_facts(found: Course) -> list[str]:
    told: list[Item | Point | Unplaced] = list(found.unplaced)
    for axis in found.axes:
        told += [*axis.items, *axis.earlier, *axis.later, *(point for one in axis.series for point in one.points)]
    return [one.fact for one in told]


def check_axis(axis: Axis) -> None:
    """What those who draw rely on."""
    assert axis.first < axis.last
    for times in whens(axis):
        known = [end for when in times for end in (when.earliest, when.latest) if end is not None]
        assert known
        assert all(axis.first < end <= axis.last for end in known)
        assert max(known) < axis.last or times[-1].words == "ongoing as of the source"
        for when in times:
            assert when.words
            assert when.earliest is None or when.latest is None or when.earliest <= when.latest
    lanes = [LANES.index(item.lane) for item in axis.items]
    assert lanes == sorted(lanes)
    assert {item.kind for item in axis.items} <= set(KINDS)
    assert all(item.label for item in axis.items)
    assert all(one.points for one in axis.series)


def test_an_anchor_is_an_id_of_html_and_of_a_link() -> None:
    assert anchor("medications/letrozole") == "medications_2f_letrozole"
    assert len(anchor("labs/~" + "haemoglobin " * 100)) <= 64
