"""What holds of the course of every case, tried on cases that hypothesis makes up."""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from test_properties import Case, cases, converted, texts, tried

from fhirconv import convert
from fhirconv.course.course import anchor, course_of
from fhirconv.dates import is_after
from fhirconv.mapping import load_mappings
from report.test_course import check_axis, events, placed_facts

UNITS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}
NO_COURSE = ("case", "source", "patient")


@tried
@given(cases())
def test_every_fact_stands_somewhere_once(case: Case) -> None:
    result = converted(case)
    found = course_of(result.case, load_mappings())
    life = [name for name in ("birth_date", "died") if name in case["patient"]]
    facts = [fact.identity for fact in result.case.facts if fact.section.name not in NO_COURSE]
    assert sorted(placed_facts(found)) == sorted(facts + ["patient"] * len(life))
    for axis in found.axes:
        check_axis(axis)


dates = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 12, 31)).map(str)
precise = st.builds(lambda date, length: date[:length], dates, st.sampled_from([4, 7, 10]))
clocks = st.times().map(lambda time: time.strftime("T%H:%M:%S+09:00"))
times = precise | st.builds(str.__add__, dates, clocks)


@tried
@given(times, times)
def test_what_the_dates_put_later_does_not_stand_before(one: str, other: str) -> None:
    found = events(one, other)
    first, second = (found[name].start for name in ("e0", "e1"))
    assert first.earliest is not None
    assert second.latest is not None
    if is_after(other, one):
        assert first.earliest <= second.latest
    if first.latest is not None and second.earliest is not None and first.latest < second.earliest:
        assert not is_after(one, other)


class Truth:
    """When things truly were, and what a text says of it: dates cut short, lengths of time rounded."""

    def __init__(self, draw: DrawFn) -> None:
        self.draw = draw
        self.days = [draw(st.integers(0, 20_000)) + 0.5 for _ in range(draw(st.integers(1, 7)))]
        self.case = [{"id": f"e{index}"} | self._said(index) for index in range(len(self.days))]

    def _said(self, index: int) -> dict[str, Any]:
        way = self.draw(st.sampled_from(["nothing", "date", "offset", "offset", "offset", "order"]))
        date = str(datetime.date(1970, 1, 1) + datetime.timedelta(days=int(self.days[index])))
        if way == "date":
            return {"at": date[: self.draw(st.sampled_from([4, 7, 10]))]}
        if way == "nothing" or not index:
            return {}
        other = self.draw(st.integers(0, index - 1))
        after = self.days[index] - self.days[other]
        said: dict[str, Any] = {"after" if after >= 0 else "before": f"e{other}"}
        return {"at": said | ({"by": self._length(abs(after))} if way == "offset" else {})}

    def _length(self, days: float) -> dict[str, Any]:
        unit = self.draw(st.sampled_from(sorted(UNITS)))
        exact = days / UNITS[unit]
        way = self.draw(st.sampled_from(["rounded", "at least", "at most", "between"]))
        if way == "rounded":
            digits = self.draw(st.integers(0, 2)) if unit in ("months", "years") else 0
            return {"value": round(exact, digits) if digits else round(exact), "unit": unit}
        ends = {"low": int(exact), "high": int(exact) + 1}
        if way == "between":
            return {**ends, "unit": unit}
        name, comparator = ("low", ">=") if way == "at least" else ("high", "<=")
        return {"value": ends[name], "comparator": comparator, "unit": unit}


@tried
@given(st.data())
def test_a_stretch_holds_the_true_time(data: st.DataObject) -> None:
    truth = data.draw(st.composite(Truth)())
    result = convert({"case": {"id": "a"}, "patient": {}, "events": truth.case})
    found = course_of(result.case, load_mappings())
    for axis in found.axes:
        zero = truth.days[int(axis.zero.partition(",")[0][1:])] if axis.zero else 0.0  # 'e0', or 'e0, 2007'
        for item in axis.items:
            when, true = item.start, truth.days[int(item.fact.removeprefix("events/e"))] - zero
            assert when.earliest is None or when.earliest <= true + 1e-6
            assert when.latest is None or true - 1e-6 <= when.latest
            stated = truth.case[int(item.fact.removeprefix("events/e"))].get("at")
            assert when.is_reckoned or isinstance(stated, str) or when.earliest == when.latest == 0


@tried
@given(st.sets(texts, min_size=2, max_size=2), st.sampled_from(["", "long " * 20]))
def test_two_facts_never_have_one_anchor(names: set[str], before: str) -> None:
    made = {anchor(before + name) for name in names}
    assert len(made) == 2
    assert all(one.isascii() and " " not in one and len(one) <= 64 for one in made)
