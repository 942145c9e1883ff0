"""The language: what an expression gives, on a resource or on nothing but literals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhirconv.fhirpath import Env, FhirPathError, Node, compile_expression, root_node
from fhirconv.fhirpath.values import text_of
from fhirconv.numbers import Number

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [{"use": "official", "family": "Doe", "given": ["Ann", "Bea"]}, {"use": "usual", "given": ["Ann"]}],
    "birthDate": "1974-12-25",
    "_birthDate": {"extension": [{"url": "http://hospital.test/time", "valueDateTime": "1974-12-25T14:35:45-05:00"}]},
    "_gender": {"extension": [{"url": "http://hospital.test/why", "valueCode": "asked"}]},
    "deceasedBoolean": False,
    "contact": [{"telecom": [{"system": "phone", "value": "1"}]}],
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Ward"}],
    "managingOrganization": {"reference": "#o"},
}


def run(text: str, resource: dict[str, Any] = PATIENT) -> list[Any]:
    node = root_node(resource)
    return compile_expression(text).evaluate(node, Env(node, node))


def texts(text: str, resource: dict[str, Any] = PATIENT) -> list[str | None]:
    return [text_of(item) for item in run(text, resource)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name.given", ["Ann", "Bea", "Ann"]),
        ("Patient.name.where(use = 'usual').given", ["Ann"]),
        ("name[1].use", ["usual"]),
        ("name.given.distinct()", ["Ann", "Bea"]),
        ("(name.given | 'Bea' | 'Cleo')", ["Ann", "Bea", "Cleo"]),
        ("name.first().given.last()", ["Bea"]),
        ("name.given.skip(1).take(1)", ["Bea"]),
        ("name.tail().given.single()", ["Ann"]),
        ("name.select(given.first() & '-' & family)", ["Ann-Doe", "Ann-"]),
        ("name.given.select($index)", ["0", "1", "2"]),
        ("name.given.aggregate($total & $this, '')", ["AnnBeaAnn"]),
        ("name.given.count() + 1", ["4"]),
        ("deceased", ["false"]),
        ("deceasedBoolean", []),  # FHIRPath knows the element by its name without the type
        ("birthDate.extension('http://hospital.test/time').value", ["1974-12-25T14:35:45-05:00"]),
        ("gender.exists() and gender.hasValue().not()", ["true"]),
        ("birthDate.hasValue()", ["true"]),
        ("contact.hasValue()", ["false"]),
        ("managingOrganization.resolve().name", ["Ward"]),
        ("contained.ofType(Organization).name", ["Ward"]),
        ("descendants().where($this is Organization).id", ["o"]),
        ("name.children().count()", ["6"]),
        ("name.given.intersect('Bea')", ["Bea"]),
        ("name.given.exclude('Ann')", ["Bea"]),
        ("('a' | 'b').combine('a').count()", ["3"]),
        ("('a' | 'b').subsetOf('a' | 'b' | 'c')", ["true"]),
        ("('a' | 'b').supersetOf('c')", ["false"]),
        ("name.repeat(given).count()", ["2"]),
        ("name.given contains 'Bea'", ["true"]),
        ("'Bea' in name.given", ["true"]),
        ("{} in name.given", []),
        ("name.all(given.exists())", ["true"]),
        ("name.all(family.exists())", ["false"]),
        ("({}).all(false)", ["true"]),
        ("iif(active, 'yes', 'no')", ["yes"]),
        ("%`vs-administrative-gender`", ["http://hl7.org/fhir/ValueSet/administrative-gender"]),
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("%context.id | %resource.id | %rootResource.id", ["p"]),
    ],
)
def test_paths_and_collections(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", ["7"]),
        ("7 div 2", ["3"]),
        ("-7 div 2", ["-3"]),
        ("7 mod 3", ["1"]),
        ("1 / 4", ["0.25"]),
        ("1 / 0", []),
        ("1 / {}", []),
        ("'a' + {}", []),
        ("'a' & {} & 'b'", ["ab"]),
        ("2.power(3)", ["8"]),
        ("9223372036854775807 + 1", []),  # an overflow is nothing
        ("(1.587).round(2)", ["1.59"]),
        ("(-5).abs()", ["5"]),
        ("'abc'.substring(1, 1)", ["b"]),
        ("'abc'.substring(9)", []),
        ("'abcabc'.indexOf('c')", ["2"]),
        ("'a.b'.replace('.', '-')", ["a-b"]),
        ("'a1b22'.replaceMatches('[0-9]', '#')", ["a#b##"]),
        ("'abc'.toChars().count()", ["3"]),
        ("'\\u0041\\'\\n'.length()", ["3"]),
        ("'12'.toInteger() + 1", ["13"]),
        ("'x'.toInteger()", []),
        ("'1.50'.toDecimal()", ["1.50"]),
        ("'yes'.toBoolean()", ["true"]),
        ("'4 days'.toQuantity()", ["4 days"]),
        ("'2020-02-30'.convertsToDate()", ["false"]),
        ("@2020-01-31 + 1 month", ["2020-02-29"]),
        ("@2020-03-01 - 1 day", ["2020-02-29"]),
        ("@T23:30 + 45 minutes", ["00:15"]),
        ("1 'g' + 2 'g'", ["3 'g'"]),
        ("true and {}", []),
        ("false and {}", ["false"]),
        ("true or {}", ["true"]),
        ("{} implies true", ["true"]),
        ("false implies {}", ["true"]),
        ("true xor {}", []),
        ("'a' and true", ["true"]),  # one item that is no boolean counts as true
        ("1 is System.Integer", ["true"]),
        ("@2020 is Date", ["true"]),
    ],
)
def test_operators_and_functions(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@2020-01-01 < @2020-01-02", True),
        ("@2020-01 < @2020-01-02", None),
        ("@2020-01 < @2020-02-02", True),
        ("@2020-01-01T23:00:00-05:00 < @2020-01-02T03:00:00Z", False),
        ("@2020-01-01T10:00:00.5Z > @2020-01-01T10:00:00Z", True),
        ("@2020-01-01T10:00:00Z = @2020-01-01T10:00:00.0Z", True),
        ("@2020-01-01T10:00:00 = @2020-01-01T10:00:00Z", None),
        ("@2020-01-01T10:00:00 < @2020-01-05T10:00:00Z", True),
        ("@2020 = @2020-01", None),
        ("@2020 ~ @2020-01", False),
        ("@T10:00 < @T10:01", True),
        ("1.0 = 1.00", True),
        ("'Ab' ~ 'ab '", True),
        ("1 'g' = 1000 'mg'", True),
        ("500 'mg' < 1 'g'", True),
        ("1 'g' < 1 'cm'", None),
        ("1 '{tablet}' < 1 '{capsule}'", None),
        ("7 days = 1 week", True),
        ("1 = 'a'", False),
        ("true = 1", False),
    ],
)
def test_equality_and_order(text: str, expected: bool | None) -> None:
    assert run(text) == ([] if expected is None else [expected])


def test_dates_of_a_resource_compare_by_what_they_mean() -> None:
    assert run("birthDate < @1975") == [True]
    assert run("birthDate = @1974-12-25") == [True]
    assert run("birthDate = '1974-12-25'") == [True]


@pytest.mark.parametrize("value", [Number("1.50"), Decimal("1.50"), 1.5])
def test_numbers_of_any_reader_count(value: object) -> None:
    observation = {"resourceType": "Observation", "valueQuantity": {"value": value}}
    assert run("value.value = 1.5 and value.value > 1 and value.value < 2.0", observation) == [True]


def test_a_number_is_written_as_it_stands() -> None:
    assert texts(
        "value.value.toString()", {"resourceType": "Observation", "valueQuantity": {"value": Number("1.50")}}
    ) == ["1.50"]


def test_nodes_know_type_and_path() -> None:
    (system,) = run("contact.telecom.system")
    assert (system.type, system.path) == ("code", ("contact", 0, "telecom", 0, "system"))
    (contact,) = run("contact")
    assert contact.type == "Patient.contact"
    (held,) = run("contained")
    assert held.type == "Organization"


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient", "name": "Doe", "contact": {"telecom": [None, 3, ["x"]]}, "birthDate": {"a": []}},
        {"resourceType": "Observation", "component": [[{"code": 1}], None], "code": [1], "valueQuantity": []},
        {"resourceType": ["Patient"], "name": [{"given": "Ann"}]},
        {},
    ],
)
def test_malformed_resources_are_no_crash(resource: dict[str, Any]) -> None:
    run("descendants().count() >= 0 and name.given.count() >= 0 and value.unit.empty()", resource)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("name.given.(", 12),
        ("name and", 9),
        ("nam#e", 4),
        ("name.frobnicate()", 6),
        ("name.where()", 6),
        ("%nothing", 1),
        ("name is Nothing", 6),
        ("2 + 2 /* not finished", 7),
        ("@2020-13", 1),
        ("'open", 1),
        ("", 1),
    ],
)
def test_what_is_no_expression_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile_expression(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text", ["name.given > 'A'", "1 > 'a'", "(1 | 2) and true", "-'a'", "'a' * 2", "active.length()"]
)
def test_what_cannot_be_evaluated_is_an_error(text: str) -> None:
    with pytest.raises(FhirPathError):
        run(text)


def test_focus_below_the_resource() -> None:
    root = root_node(PATIENT)
    name = Node(PATIENT["name"][0], "HumanName", None, ("name", 0))
    assert compile_expression("given.count() = 2 and %resource.active").holds(name, Env(root, root))
    assert not compile_expression("period.start <= period.end").holds(name, Env(root, root)), "nothing is not met"
