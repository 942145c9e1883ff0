"""Facts that are plain pass the checks at a glance. Whatever they hold, the full checks must come to the same.

The checks are those of each fact and those of plausibility.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv.checks import check_case
from fhirconv.facts import Case, Fact, read_case
from fhirconv.mapping import load_mappings
from fhirconv.plausibility import check_plausibility
from fhirconv.source import read_value

BASE: dict[str, Any] = {
    "case": {"id": "a", "recorded": "2020-01-31T12:00:00Z"},
    "patient": {"birth_date": "1950", "died": "2019-12-31"},
    "events": [{"id": "start", "at": "2014"}],
    "conditions": [{"id": "c", "kind": "primary-cancer", "name": "x", "onset": "2014-02"}],
    "specimens": [{"id": "s", "type": "blood"}],
}

TIMES: list[Any] = ["2014", "2014-02", "2014-02-29", "2016-02-29", "2014-04-31", "2014-01-31", "2014-13", "2014-00-01"]
TIMES += ["2014-02-03T10:00:00Z", "2014-02-03T10:00:00.120+09:00", "2014-02-03T10:00", "2014-02-03T10:00:00"]
TIMES += [
    "2014-02-03T25:00:00Z",
    "2014-02-03T10:00:00+15:00",
    "2014-02-30T10:00:00Z",
    "2014-02-03 10:00:00Z",
    "2014-02-03T",
]
TIMES += [
    2014,
    " 2014",
    "2014 ",
    "2014\n",
    "２０１４",
    "0999",
    "20141",
    "03/04/2019",
    "13/04/2019",
    "May 2014",
    "",
    "x" * 400,
]
TIMES += [
    {"date": "2014"},
    {"date": 2014},
    {"at": "start"},
    {"after": "nothing"},
    {"text": "then"},
    {"from": "2015", "to": "2014"},
]
UNITS: list[Any] = ["g/dL", "G/DL", "mg / dL", "µg/L", "ug/L", "parsec", {"text": "drops"}, ""]
NUMBERS: list[Any] = [1, 1.5, "9.8", "9,8", "<5", ".5", "60-20", "high", float("inf"), True, None]
IDS: list[Any] = ["c", "s", "own", "nobody", "start", "", 3, ["c"]]

WORDS: list[Any] = ["breast", {"text": "breast"}, {"codes": [{"system": "snomed", "code": "76752008"}]}, {"codes": []}, 3]
WORDS += [{"text": "breast", "codes": [{"system": "snomed", "code": "76752009"}]}, {}, None, ""]
SITES: list[Any] = [*WORDS, WORDS[:1], WORDS[:3], ["breast", "axilla"], [], [None]]

words, sites = st.sampled_from(WORDS), st.sampled_from(SITES)
times, units, numbers, ids = map(st.sampled_from, (TIMES, UNITS, NUMBERS, IDS))
ordered = st.sampled_from(["1949-12-31", "1950", "2013-12", "2014", "2014-02-01", "2019-12-31T10:00:00Z", "2020", "2101"])
names = st.sampled_from(["x", "no bone metastasis", "suspected anemia", "prostate cancer", "ovarian cyst", "her mother's ovary"])
results = st.fixed_dictionaries(  # plain but for what they say together: beyond a limit, against each other, a shifted point
    {
        "analyte": st.sampled_from(["Hb", "hemoglobin", "WBC"]),
        "value": st.sampled_from([0, 1, Decimal("9.5"), 9.6, 26, 26.5, 95, "9.5"]),
        "unit": st.sampled_from(["g/dL", "g/L", "mg", "10^3/uL"]),
    },
    optional={"at": ordered, "specimen": st.just("s"), "id": st.sampled_from(["one", "two", "three"])},
)
spans = {"start": times, "end": times, "for": ids}
amounts = st.fixed_dictionaries({}, optional={"value": numbers, "unit": units, "text": st.just("some")})
own = {"id": st.just("own")}


def one(needs: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    fixed = {name: st.just(value) for name, value in needs.items()}
    return st.lists(st.fixed_dictionaries(fixed, optional=optional), max_size=2)


cases = st.fixed_dictionaries(
    {},
    optional={
        "labs": one(
            {"analyte": "Hb"},
            {
                **own,
                "value": numbers,
                "unit": units,
                "at": times,
                "of": ids,
                "specimen": ids,
                "reference_range": st.fixed_dictionaries({}, optional={"low": numbers, "high": numbers}),
            },
        ),
        "findings": one({"finding": "x"}, {"value": numbers, "unit": units, "at": times, "procedure": ids}),
        "medications": one({"drug": "x", "status": "active"}, {**spans, "dose": amounts}),
        "procedures": one({"procedure": "x", "kind": "other", "status": "completed"}, {"at": times, "amount": amounts}),
        "conditions": one(
            {"kind": "other", "name": "y"},
            {**own, "onset": times, "abatement": times, "of": ids, "histology": words, "site": sites},
        ),
        "adverse_events": one({"event": "x", "presence": "present"}, {"grade": numbers, "suspect": ids, "at": times}),
        "events": one({"id": "own"}, {"of": ids, "at": times}),
        "patient": st.fixed_dictionaries({}, optional={"birth_date": times, "died": times}),
        "case": st.fixed_dictionaries({"id": st.just("a")}, optional={"recorded": times}),
        "conventions": st.sampled_from(
            [{}, {"decimal_mark": "comma"}, {"time_zone": "Z"}, {"date_order": "day-month-year"}]
        ),
    },
)


courses = st.fixed_dictionaries(  # plain, and often not plausible
    {},
    optional={
        "case": st.fixed_dictionaries({"id": st.just("a")}, optional={"recorded": ordered.filter(lambda at: "T" in at)}),
        "patient": st.fixed_dictionaries(
            {}, optional={"birth_date": ordered, "died": ordered, "sex": st.sampled_from(["male", "female"])}
        ),
        "labs": st.lists(results, max_size=4),
        "conditions": st.tuples(
            st.fixed_dictionaries(
                {"id": st.just("c"), "kind": st.just("primary-cancer"), "name": names}, optional={"onset": times | ordered}
            ),
            st.fixed_dictionaries(
                {"kind": st.sampled_from(["metastasis", "local-recurrence", "symptom"]), "name": names},
                optional={"onset": ordered, "of": st.just("c"), "site": st.sampled_from(["breast", "prostate"])},
            ),
        ).map(list),
        "procedures": st.lists(
            st.fixed_dictionaries(
                {
                    "procedure": names,
                    "kind": st.sampled_from(["radiotherapy", "biopsy"]),
                    "status": st.sampled_from(["completed", "not-done"]),
                },
                optional={"at": ordered, "for": st.just("c"), "site": st.sampled_from(["breast", "prostate"])},
            ),
            max_size=2,
        ),
        "medications": one({"drug": "x", "status": "active"}, {"start": ordered, "end": ordered, "for": st.just("c")}),
        "conventions": st.sampled_from([{}, {}, {"date_order": "day-month-year"}, {"decimal_mark": "comma"}]),
    },
)


def checked(data: dict[str, Any], in_full: bool = False) -> tuple[Case, list[Fact]]:
    """The case after its checks, and which facts were not plain; `in_full` with none of them taken for plain."""
    mappings = load_mappings()
    case = read_case(read_value(copy.deepcopy(data)))
    shapes = {fact.shape for fact in case.facts}
    try:
        for shape in shapes if in_full else ():
            shape.is_plain = lambda *_: False
        suspects = check_case(case, mappings.tables, mappings.limits)
        check_plausibility(case, mappings.tables, mappings.limits, suspects)
    finally:
        for shape in shapes if in_full else ():
            shape.is_plain = None
    return case, suspects


def found(data: dict[str, Any], in_full: bool = False) -> Any:
    case, _ = checked(data, in_full)
    facts = [(fact.pointer, fact.key, fact.identity, repr(fact.data)) for fact in case.facts]
    return case.issues, facts


@settings(deadline=None, max_examples=400)
@given(cases)
def test_at_a_glance_and_in_full_the_same_is_found(changes: dict[str, Any]) -> None:
    data = {**BASE, **changes}
    assert found(data) == found(data, in_full=True)


@settings(deadline=None, max_examples=400)
@given(courses)
def test_at_a_glance_and_in_full_the_same_is_plausible(changes: dict[str, Any]) -> None:
    data = {**BASE, **changes}
    assert found(data) == found(data, in_full=True)


HB = {"analyte": "Hb", "value": 9.5, "unit": "g/dL", "at": "2014-03-31"}
CANCER = {"id": "c", "kind": "primary-cancer", "name": "x"}
SPREAD = {"kind": "metastasis", "name": "y", "of": "c", "onset": "2018-05-01"}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("value-conflict", {"labs": [HB, {**HB, "analyte": "hemoglobin", "value": 9.6}]}),  # one test by two names
        ("value-jump", {"labs": [HB, {**HB, "analyte": "hemoglobin", "value": 1.1, "at": "2014-04"}]}),
        ("value-range", {"labs": [HB, {**HB, "value": 0.5, "at": "2014-04"}]}),
        (  # in order as they are written, not as they are read
            "metastasis-order",
            {
                "conventions": {"date_order": "day-month-year"},
                "conditions": [{**CANCER, "onset": "03/04/2019"}, SPREAD],
            },
        ),
        ("metastasis-order", {"conditions": [{**CANCER, "onset": "2018-06"}, SPREAD]}),
        ("life-order", {"conditions": [{**CANCER, "onset": "1949-12"}]}),
        ("life-order", {"patient": {"birth_date": "1890"}}),
        ("name-negated", {"conditions": [{**CANCER, "name": "no metastasis"}]}),
        ("sex-site", {"patient": {"sex": "female"}, "conditions": [{**CANCER, "site": "prostate"}]}),
    ],
)
def test_a_slip_is_seen_at_a_glance(rule: str, changes: dict[str, Any]) -> None:
    data = {**BASE, **changes}
    case, _ = checked(data)
    assert [issue.rule for issue in case.issues] == [rule]
    assert found(data) == found(data, in_full=True)


@pytest.mark.parametrize("value", TIMES, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("section", ["patient", "case", "labs", "medications"])
def test_each_way_to_write_a_time(section: str, value: Any) -> None:
    fact = {
        "patient": {"birth_date": value},
        "case": {"id": "a", "recorded": value},
        "labs": [{"analyte": "Hb", "result": "low", "at": value}],
        "medications": [{"drug": "x", "status": "active", "start": "2014-02-03", "end": value}],
    }[section]
    data = {**BASE, section: fact}
    assert found(data) == found(data, in_full=True)


def test_the_facts_of_an_ordinary_case_are_plain() -> None:
    """Else the quick way would be no way at all."""
    lab = {"analyte": "Hb", "value": 9.5, "unit": "g/dL", "at": "2014-03-31", "of": "c", "specimen": "s"}
    drug = {"drug": "x", "status": "stopped", "start": "2014-02", "end": "2014-03", "for": "c"}
    dose = {"value": 5, "unit": "mg"}
    spread = {"kind": "metastasis", "name": "bone metastasis", "site": "bone", "of": "c", "onset": "2014-03"}
    cancer = {**BASE["conditions"][0], "onset": "2014-01"}
    case, suspects = checked(
        {
            **BASE,
            "patient": {**BASE["patient"], "sex": "male"},
            "conditions": [cancer, spread],
            "labs": [lab],
            "medications": [drug, {**drug, "drug": "y", "dose": dose, "start": "2014-01"}],
        }
    )
    assert (case.issues, suspects) == ([], [])


def test_unknown_fields_make_no_shape() -> None:
    odd = read_case(read_value({**BASE, "labs": [{"analyte": "Hb", "result": "low", f"x{n}": 1} for n in range(9)]}))
    assert len({fact.shape for fact in odd.facts_of("labs")}) == 1
