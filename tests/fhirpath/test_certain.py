"""Conditions made of expressions: where one is met, the expression is true."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from fhirconv import r4
from fhirconv.fhirpath import Env, Node, children, compile_expression, root_node
from fhirconv.fhirpath.certain import certainly
from tests.invariants.examples import examples
from tests.validation.fuzz import mutated

Json = dict[str, Any]

REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
OBSERVATION: Json = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}], "text": "x"},
    "valueQuantity": {"value": 1},
    "component": [{"code": {"text": "a"}, "valueString": "b"}],
    "extension": [{"url": REASON, "valueCode": "unknown"}],
}
# Expressions, and whether they hold for OBSERVATION; None where no condition can be made of them.
EXPRESSIONS: dict[str, bool | None] = {
    "code.exists()": True,
    "subject.exists()": False,
    "subject.empty()": True,
    "value.exists()": True,
    "value.ofType(Quantity).exists()": True,
    "value.ofType(string).exists()": False,
    "component.value.exists()": True,
    "component.code.coding.empty()": True,
    "code.coding.exists(system = 'http://loinc.org' and code = '718-7')": True,
    "code.coding.where(system = 'http://loinc.org').code = '718-7'": True,
    "code.coding.where(system = 'x').code = '718-7'": False,
    "status = 'final'": True,
    "(status = 'final').not()": False,
    "status = 'amended' implies method.exists()": True,
    "issued.empty() and bodySite.empty()": True,
    "bodySite.exists() or status = 'final'": True,
    "focus.exists() xor code.exists()": True,
    f"extension.where(url = '{REASON}').exists()": True,
    "$this is Observation": True,
    "$this is Patient": False,
    "$this is Patient implies status.length() > 3": True,
    "$this.exists()": True,
    "language = 'x' or status = 'x'": False,
    "status.length() > 3": None,
    "status.exists() and status.length() > 3": None,
    "Observation.code.exists()": None,
    "status in ('final' | 'amended')": None,
    "code.text = code.text": None,
    "contained.code.exists()": None,
    "%resource.code.exists()": None,
    "value.exists(": None,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_condition_is_met_where_its_expression_is_true(text: str) -> None:
    made, wanted = certainly(text, "Observation"), EXPRESSIONS[text]
    met = made if isinstance(made, bool) else made(OBSERVATION)
    assert met is bool(wanted)
    if wanted is None:
        assert made is False
    else:
        node = root_node(OBSERVATION)
        assert compile_expression(text).holds(node, Env(node, node)) is wanted


@pytest.mark.parametrize(
    "odd",
    [
        {"status": None},
        {"_status": {"id": "x"}},
        {"status": ["final", "final"]},
        {"code": "x"},
        {"code": [None]},
        {"code": {"coding": ["x"]}},
        {"code": {"coding": {"system": "x"}}},
    ],
    ids=str,
)
def test_odd_data_is_left_to_the_evaluation(odd: Json) -> None:
    made = certainly("status = 'final' and code.coding.exists(system = 'http://loinc.org')", "Observation")
    assert not isinstance(made, bool)
    assert made(OBSERVATION)
    assert not made(OBSERVATION | odd)


def test_no_expression_makes_a_condition_without_end() -> None:
    assert certainly(" xor ".join(["status.exists()"] * 100), "Observation") is False
    deep = certainly("extension.exists(" * 90 + "url = 'x'" + ")" * 90, "Observation")
    assert isinstance(deep, bool) or not deep(OBSERVATION)


def _asked(node: Node) -> Iterator[tuple[str, Node]]:
    """Every invariant of R4 on a node and on what is below it, but for primitives with extensions."""
    if r4.kind_of(node.type) and node.extra is None:
        for constraint in r4.constraints_of(node.type):
            yield constraint.expression, node
    for child in children(node):
        yield from _asked(child)


def test_no_condition_is_met_where_an_invariant_of_r4_is_not() -> None:
    rnd, met, not_met = random.Random(0), set(), 0
    right = [json.loads(json.dumps(one.resource)) for one in examples()]
    for resource in right + [mutated(rnd, rnd.choice(right)) for _ in range(1500)]:
        root = root_node(resource)
        for expression, node in _asked(root):
            made = certainly(expression, node.type)
            if made is True or (made and made(node.value)):
                met.add(expression)
                assert compile_expression(expression).holds(node, Env(root, root)), (expression, node.value)
            elif made:
                not_met += 1
    assert len(met) > 20
    assert not_met > 100
