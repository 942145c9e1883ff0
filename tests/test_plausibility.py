"""Plausibility of one patient's course: what is told, what is not, and that nothing is changed by it.

The wording of each warning stands in fixtures/invalid; here are the edges: when to be silent.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Converted
from hypothesis import given
from hypothesis import strategies as st

from fhirconv import Conversion, MappingError, convert
from fhirconv.mapping import load_mappings
from fhirconv.plausibility.limits import Limit
from fhirconv.rules import RULES

PLAUSIBILITY = {
    "value-range", "value-jump", "value-conflict", "dose-range", "life-order", "age-conflict", "therapy-order",
    "metastasis-order", "stage-conflict", "sex-site", "name-negated",
}  # fmt: skip


def case(**sections: Any) -> Conversion:
    return convert({"case": {"id": "a"}, "patient": {}, **sections})


def told(**sections: Any) -> list[str]:
    """The rules of plausibility that a case breaks; it is converted all the same."""
    result = case(**sections)
    assert result.bundle is not None, [issue.text() for issue in result.issues]
    found = [issue.rule for issue in result.issues if issue.rule in PLAUSIBILITY]
    assert {RULES[rule].severity for rule in found} <= {"warning"}
    return found


@pytest.mark.parametrize("name", ["nakagawa-2022", "takanashi-2019", "made-up-lab-series"])
def test_real_courses_are_plausible(name: str, converted: Converted) -> None:
    issues = converted(FIXTURES / "cases" / f"{name}.yaml", "mcode").issues
    assert [issue.text() for issue in issues if issue.rule in PLAUSIBILITY] == []


# -- times -----------------------------------------------------------------------------------------------------------------

EVENTS = [
    {"id": "surgery", "name": "surgery", "at": "2014-02-10"},
    {"id": "later", "name": "later", "at": {"after": "surgery"}},
    {"id": "exact", "name": "exact", "at": {"after": "surgery", "by": {"value": 30, "unit": "days"}}},
]
BEFORE = ["2014-02-09", "2014-01", "2013", {"before": "surgery"}, {"from": "2012", "to": "2014-01-31"}, {"to": "2013"}]
NOT_BEFORE = [
    "2014-02", "2014", "2014-02-10", "2015", {"after": "surgery"}, {"at": "later"}, {"text": "before surgery"},
    {"from": "2013"}, {"from": "2013", "to": "2014-02"}, {"age": {"value": 3}},
]  # fmt: skip


def spread(onset: Any, first: Any) -> list[str]:
    return told(
        events=EVENTS,
        conditions=[
            {"id": "c", "kind": "primary-cancer", "name": "breast cancer", "onset": first},
            {"kind": "metastasis", "name": "bone metastasis", "of": "c", "onset": onset},
        ],
    )


@pytest.mark.parametrize("first", ["2014-02-10", {"at": "surgery"}, {"date": "2014-02-10"}], ids=repr)
@pytest.mark.parametrize(
    ("onset", "expected"),
    [*((at, ["metastasis-order"]) for at in BEFORE[:3]), *((at, []) for at in NOT_BEFORE)],
    ids=repr,
)
def test_times_are_compared_where_the_order_is_certain(onset: Any, expected: list[str], first: Any) -> None:
    assert spread(onset, first) == expected


def test_relative_times_bound_what_is_known() -> None:
    assert spread({"from": "2012", "to": "2014-01-31"}, {"at": "surgery"}) == ["metastasis-order"]
    assert spread("2014-02-09", {"at": "later"}) == ["metastasis-order"]  # after surgery, whenever that was
    assert spread("2014-03-11", {"at": "exact"}) == ["metastasis-order"]  # 30 days after surgery: 2014-03-12
    assert spread("2014-03-12", {"at": "exact"}) == []
    assert spread({"before": "surgery"}, "2014-02-11") == ["metastasis-order"]
    assert spread({"before": "surgery"}, "2014-02-09") == []


def test_clock_times_are_compared_by_their_zones() -> None:
    assert spread("2024-01-01T23:00:00-05:00", "2024-01-02T03:00:00Z") == []
    assert spread("2024-01-02T03:00:00Z", "2024-01-01T23:00:00-05:00") == ["metastasis-order"]


@pytest.mark.parametrize(
    ("patient", "at", "expected"),
    [
        ({"birth_date": "1990-06"}, "1990", []),
        ({"birth_date": "1990-06"}, "1990-05", ["life-order"]),
        ({"vital_status": "deceased", "died": "2020-06"}, "2020-06-30", []),
        ({"vital_status": "deceased", "died": "2020-06"}, "2020-07", ["life-order"]),
        ({"birth_date": "1870", "vital_status": "deceased", "died": "1990"}, "1900", []),
        ({"birth_date": "1869", "vital_status": "deceased", "died": "1991"}, "1900", ["life-order"]),
        ({"age": {"value": 120}}, "1900", []),
        ({"age": {"low": 121, "high": 130}}, "1900", ["life-order"]),
        ({"age": {"value": 130, "unit": "months"}}, "1900", []),
        ({"birth_date": "2101"}, "2102", ["life-order"]),
    ],
)
def test_a_life(patient: dict[str, Any], at: str, expected: list[str]) -> None:
    assert told(patient=patient, labs=[{"analyte": "Hb", "value": 9, "unit": "g/dL", "at": at}]) == expected


def test_an_autopsy_is_after_death() -> None:
    procedure = {"procedure": "Autopsy", "kind": "other", "status": "completed", "at": "2020-07"}
    assert told(patient={"vital_status": "deceased", "died": "2020-06"}, procedures=[procedure]) == []


@pytest.mark.parametrize(
    ("birth", "at", "ages"),
    [("1950", "2020", (69, 70)), ("1950-06", "2020-06", (69, 70)), ("1950-06-01", "2020-06-01", (70,)),
     ("1950-06-01", "2020-05-31", (69,)), ("1950-06-01", "2020", (69, 70)), ("1950-06", "2020-07-01", (70,))],
)  # fmt: skip
def test_age_and_birth(birth: str, at: str, ages: tuple[int, ...]) -> None:
    for age in range(66, 74):
        found = told(patient={"birth_date": birth, "age": {"value": age}, "age_at": at})
        assert found == ([] if age in ages else ["age-conflict"]), age
    assert told(patient={"birth_date": birth, "age": {"decade": 60}, "age_at": at}) == (
        [] if 69 in ages else ["age-conflict"]
    )
    assert told(patient={"birth_date": birth, "age": {"value": 50, "comparator": ">"}, "age_at": at}) == []


@pytest.mark.parametrize(
    ("courses", "expected"),
    [
        ([{"start": "2020-01", "end": "2020-05"}, {"start": "2020-05"}], []),
        ([{"start": "2020-01", "end": "2020-05"}, {"start": "2020-04-30"}], ["therapy-order"]),
        ([{"start": "2020-06"}, {"start": "2019", "end": "2021"}], ["therapy-order"]),
        ([{"start": "2020-06", "status": "not-taken"}, {"start": "2019", "end": "2021"}], []),
        ([{"start": "2020-06", "drug": "tamoxifen"}, {"start": "2019", "end": "2021"}], []),
        ([{"start": "2020-06", "route": "oral"}, {"start": "2019", "end": "2021", "route": "intravenous"}], []),
    ],
)
def test_courses_of_one_drug(courses: list[dict[str, Any]], expected: list[str]) -> None:
    assert told(medications=[{"drug": "letrozole", "status": "completed", **one} for one in courses]) == expected


@pytest.mark.parametrize(("kind", "expected"), [("biopsy", []), ("surgery", []), ("radiotherapy", ["therapy-order"])])
def test_what_may_come_before_a_diagnosis(kind: str, expected: list[str]) -> None:
    found = told(
        conditions=[{"id": "c", "kind": "primary-cancer", "name": "breast cancer", "onset": "2020-05"}],
        procedures=[{"procedure": "x", "kind": kind, "status": "completed", "at": "2020-04", "for": "c"}],
    )
    assert found == expected


@pytest.mark.parametrize(
    "broken",
    [
        {"case": {"id": "a", "recorded": "x"}},
        {"events": [{"id": "e", "name": "e", "at": {"at": "f"}}, {"id": "f", "name": "f", "at": {"at": "e"}}]},
        {"events": [{"id": "e", "name": "e", "at": {"at": {}}}]},
        {"conditions": [{"id": "c"}]},
    ],
    ids=["recorded", "circle of events", "event of nothing", "condition without a name"],
)
def test_what_has_errors_is_left_out(broken: dict[str, Any]) -> None:
    """The findings elsewhere are told in the same run."""
    facts = {
        "case": {"id": "a"},
        "patient": {"birth_date": "1990", "vital_status": "deceased", "died": "1980"},
        "conditions": [{"id": "c", "kind": "primary-cancer", "name": "cancer", "onset": {"at": "e"}}],
        "events": [{"id": "e", "name": "e"}],
        "stages": [{"of": "c", "stage": "IV"}, {"of": "c", "category": "M", "stage": "M0"}],
        "labs": labs(98),
    }
    result = convert({**facts, **broken})
    assert result.bundle is None
    assert {"life-order", "value-range"} <= {issue.rule for issue in result.issues}


# -- amounts ---------------------------------------------------------------------------------------------------------------


def labs(*values: Any, analyte: str = "Hb", unit: str = "g/dL") -> list[dict[str, Any]]:
    return [
        {"analyte": analyte, "value": value, "unit": unit, "at": f"2020-{month:02d}"}
        for month, value in enumerate(values, 1)
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((9.8, 10.1, 9.9), []),
        ((2.1, 21), ["value-jump"]),
        ((21, 2.1, 20), ["value-jump", "value-jump"]),
        ((4, 20), []),
        (("<2.1", 21), []),
        (("2-3", 21), []),
    ],
)
def test_steady_values_do_not_jump(values: tuple[Any, ...], expected: list[str]) -> None:
    assert told(labs=labs(*values)) == expected
    assert told(labs=labs(*values, analyte="CEA", unit="ng/mL")) == []  # may rise tenfold


def test_a_jump_is_told_in_the_order_of_time() -> None:
    first, second, third = labs(2.4, 8, 24)
    assert told(labs=[third, first, second]) == []
    assert told(labs=[second, {**third, "unit": "g/L"}, first]) == []


def test_two_values_at_one_time() -> None:
    def two(**other: Any) -> list[str]:
        one = {"analyte": "CEA", "value": 5, "unit": "ng/mL", "at": "2020-05-03"}
        return told(specimens=[{"id": "csf", "type": "cerebrospinal fluid"}], labs=[one, {**one, "id": "b", **other}])

    assert two(value=6) == ["value-conflict"]
    assert two() == []
    assert two(value=6, unit="ug/L") == two(value=6, specimen="csf") == two(value=6, method="immunoassay") == []
    assert two(value=6, at="2020-05-04") == two(value=">6") == []


@given(st.decimals(-1000, 1000, places=2), st.floats(-100, 100), st.floats(0, 100), st.booleans())
def test_a_limit_holds_between_its_ends(number: Any, low: float, width: float, is_above: bool) -> None:
    limit = Limit(low, low + width, is_above)
    assert limit.holds(number) == ((low < number if is_above else low <= number) and number <= low + width)


def test_the_digits_stay(converted: Converted) -> None:
    result = case(labs=labs(3000.50, analyte="ANC", unit="10*3/uL"))
    assert [issue.rule for issue in result.issues] == ["value-range"]
    assert json.loads(result.json())["entry"][1]["resource"]["valueQuantity"]["value"] == 3000.5


@pytest.mark.parametrize("name", ["tumor size change", "FEV1, % of predicted", "prothrombin activity"])
def test_relative_values_may_be_beyond_the_limits_of_their_unit(name: str) -> None:
    assert told(findings=[{"finding": name, "value": 120, "unit": "%"}]) == []
    assert told(findings=[{"finding": "necrosis", "value": 120, "unit": "%"}]) == ["value-range"]


# -- stages and names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([{"stage": "IV"}, {"category": "M", "stage": "M0"}], 1),
        ([{"stage": "IV"}, {"category": "M", "stage": "M1b"}], 0),
        ([{"stage": "IVA"}, {"category": "M", "stage": "M0"}], 0),  # of the head and neck
        ([{"stage": "IV", "at": "2020"}, {"category": "M", "stage": "M0", "at": "2019"}], 0),
        ([{"stage": "IV", "basis": "clinical"}, {"category": "M", "stage": "M0", "basis": "pathological"}], 0),
        ([{"stage": "II"}, {"stage": "IIB", "id": "x"}], 0),
        ([{"stage": "2"}, {"stage": "stage II", "id": "x"}], 0),
        ([{"stage": "IIA"}, {"stage": "IIB", "id": "x"}], 1),
        ([{"stage": "IIA", "system": "AJCC 7"}, {"stage": "IIB", "system": "AJCC 8"}], 0),
        ([{"stage": "limited disease"}, {"category": "M", "stage": "M1"}], 0),
    ],
)
def test_stages_of_one_judgement(stages: list[dict[str, Any]], expected: int) -> None:
    for name, wrong in (("lung cancer", expected), ("colon cancer stage unknown", expected)):
        found = told(
            conditions=[{"id": "c", "kind": "primary-cancer", "name": name}],
            stages=[{"of": "c", **stage} for stage in stages],
        )
        assert found == ["stage-conflict"] * wrong


def test_m1_below_stage_iv_for_some_cancers() -> None:
    stages = [{"of": "c", "stage": "II"}, {"of": "c", "category": "M", "stage": "M1"}]
    for name, expected in (("lung cancer", ["stage-conflict"]), ("papillary thyroid carcinoma", [])):
        assert told(conditions=[{"id": "c", "kind": "primary-cancer", "name": name}], stages=stages) == expected


@pytest.mark.parametrize(
    ("sex", "condition", "expected"),
    [
        ("male", {"name": "cervical lymph node metastasis"}, []),
        ("male", {"name": "breast cancer"}, []),
        ("male", {"name": "tumor", "site": "Ovary"}, ["sex-site"]),
        ("female", {"name": "Prostate cancer"}, ["sex-site"]),
        ("female", {"name": "prostate cancer", "verification": "refuted"}, []),
        ("female", {"name": "prostate cancer of the father"}, []),
        ("other", {"name": "prostate cancer"}, []),
        ("unknown", {"name": "ovarian cancer"}, []),
    ],
)
def test_sex_and_site(sex: str, condition: dict[str, Any], expected: list[str]) -> None:
    assert told(patient={"sex": sex}, conditions=[{"kind": "other", **condition}]) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"name": "No evidence of metastasis"}, ["name-negated"]),
        ({"name": "no metastasis", "verification": "refuted"}, []),
        ({"name": "nodal metastasis"}, []),
        ({"name": "non-small cell lung cancer"}, []),
        ({"name": "no appetite", "kind": "symptom"}, []),
        ({"name": "possible metastasis"}, ["name-negated"]),
        ({"name": "possible metastasis", "verification": "provisional"}, []),
        ({"name": "possible metastasis", "certainty": "possible"}, []),
    ],
)
def test_names_that_negate(condition: dict[str, Any], expected: list[str]) -> None:
    assert told(conditions=[{"kind": "metastasis", **condition}]) == expected


# -- the table -------------------------------------------------------------------------------------------------------------


def site(folder: Path, text: str) -> Path:
    (folder / "plausibility.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_site_lays_its_limits_over_ours(tmp_path: Path) -> None:
    folder = site(tmp_path, '[results.hemoglobin]\n"g/dL" = { from = 9, to = 26 }\n')
    facts = {"case": {"id": "a"}, "patient": {}, "labs": labs(8.5)}
    assert [issue.message for issue in convert(facts, mappings=folder).issues] == [
        "'8.5' g/dL is hardly possible for 'Hb': expected from 9 up to 26; check number and unit"
    ]
    limits = load_mappings(folder).limits
    assert limits.results["hemoglobin"]["g/L"] == Limit(10, 260)
    assert "hemoglobin" in limits.steady


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[lives]\noldest_years = 1", "lives: expected one of the tables"),
        ("[life]\nyoungest = 1", "life.youngest: unknown"),
        ("[life]\noldest_years = 1.5", "life.oldest_years: expected a whole number"),
        ('[sex]\nmale = "prostate"', "sex.male: expected a list of words"),
        ('[results.hemoglobins]\n"g/dL" = { from = 1 }', "results.hemoglobins: is no key of concepts/labs.toml"),
        ('[results.hemoglobin]\n"g/dl" = { from = 1 }', 'results.hemoglobin."g/dl": is no unit of units.toml'),
        ('[results.hemoglobin]\n"g/dL" = { from = "1" }', 'results.hemoglobin."g/dL": expected { from or above'),
        (
            '[results.hemoglobin]\n"g/dL" = { from = 1, above = 1 }',
            'results.hemoglobin."g/dL": expected { from or above',
        ),
        ('[results."*"]\n"%" = {}', 'results.*."%": expected { from or above'),
        ('[doses]\n"mg" = 5', 'doses."mg": expected { from or above'),
        ("results = 5", "results: expected one of the tables"),
    ],
)
def test_mistakes_of_the_table_are_shown(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        load_mappings(site(tmp_path, text))
    (issue,) = caught.value.issues
    assert issue.rule == "mapping-table"
    assert issue.message.startswith(expected)
    assert issue.place.file.endswith("plausibility.toml")
