"""The judges judge: a right Bundle passes, and each wrong in one way is found wrong at the right place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .oracle import Oracle

pytestmark = pytest.mark.validator

VALID = Path(__file__).parent / "valid.json"
PATIENT, CONDITION, LAB, KARNOFSKY = range(4)

Change = Callable[[dict[str, Any]], object]
UNIT = "http://unitsofmeasure.org"


def _patch(**values: Any) -> Change:
    return lambda resource: resource.update(values)


def _drop(name: str) -> Change:
    return lambda resource: resource.pop(name)


def _display(name: str, display: str) -> Change:
    return lambda resource: resource[name]["coding"][0].update(display=display)


# What is wrong: the entry, the change that makes it so, the element (as the end of an expression), who finds it.
BOTH = ("hl7", "hapi")
WRONG: dict[str, tuple[int, Change, str, tuple[str, ...]]] = {
    "unknown element": (PATIENT, _patch(colour="blue"), "", BOTH),
    "missing element": (LAB, _drop("code"), "", BOTH),
    "code outside a required binding": (LAB, _patch(status="finished"), ".status", BOTH),
    "impossible date": (LAB, _patch(effectiveDateTime="2014-02-30"), ".effective.ofType(dateTime)", BOTH),
    "number as text": (LAB, _patch(valueQuantity={"value": "9.8"}), ".value", BOTH),
    "invariant obs-6": (LAB, _patch(dataAbsentReason={"text": "?"}), "", BOTH),
    "reference to a wrong type": (
        LAB,
        _patch(specimen={"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}),
        ".specimen",
        BOTH,
    ),
    "unknown extension": (
        PATIENT,
        _patch(extension=[{"url": "http://fhirconv.invalid/x", "valueString": "x"}]),
        ".extension[0]",
        BOTH,
    ),
    "wrong display": (CONDITION, _display("clinicalStatus", "Alive"), ".clinicalStatus", BOTH),
    "mCODE: choice of type": (KARNOFSKY, lambda r: r.update(valueString=str(r.pop("valueInteger"))), "", BOTH),
    "mCODE: pattern of a code": (KARNOFSKY, _patch(code={"text": "Karnofsky"}), "", BOTH),
    "US Core through mCODE: category": (CONDITION, _drop("category"), "", BOTH),
    "US Core through mCODE: name": (PATIENT, _drop("name"), "", BOTH),
    "unit that is not UCUM": (
        LAB,
        _patch(valueQuantity={"value": 9.8, "unit": "gm%", "system": UNIT, "code": "gm%"}),
        ".value.ofType(Quantity)",
        ("hapi",),
    ),
    "wrong display of a LOINC code": (LAB, _display("code", "Haemoglobin"), ".code", ("hapi",)),
    "example address": (
        PATIENT,
        _patch(identifier=[{"system": "http://example.org/x", "value": "1"}]),
        ".identifier[0].system",
        ("hl7",),
    ),
}


def _bundle() -> dict[str, Any]:
    bundle: dict[str, Any] = json.loads(VALID.read_bytes())
    return bundle


@pytest.mark.parametrize("engine", BOTH)
def test_right_bundle_passes(engine: str, oracles: dict[str, Oracle]) -> None:
    assert [f for f in oracles[engine].outcome(VALID) if f.is_error] == []


@pytest.mark.parametrize(
    ("engine", "name"), [(engine, name) for name, (*_, engines) in WRONG.items() for engine in engines]
)
def test_wrong_bundle_is_found_wrong(engine: str, name: str, oracles: dict[str, Oracle]) -> None:
    number, change, element, _ = WRONG[name]
    bundle = _bundle()
    change(bundle["entry"][number]["resource"])
    errors = [f for f in oracles[engine].outcome(bundle) if f.is_error]
    assert any(f.expression.startswith(f"Bundle.entry[{number}]") and element in f.expression for f in errors), errors


@pytest.mark.parametrize("engine", BOTH)
def test_reference_to_nothing_is_a_warning(engine: str, oracles: dict[str, Oracle]) -> None:
    bundle = _bundle()
    bundle["entry"][LAB]["resource"]["subject"] = {"reference": "urn:uuid:11111111-2222-4333-8444-555555555555"}
    found = oracles[engine].outcome(bundle)
    assert any(f.severity == "warning" and "not locally contained" in f.message for f in found)


@pytest.mark.parametrize("engine", BOTH)
@pytest.mark.parametrize("content", [b"", b"{", b'{"resourceType":"Patient","gender":"male","gender":"female"}'])
def test_bytes_that_are_no_json_are_an_error(content: bytes, engine: str, oracles: dict[str, Oracle]) -> None:
    assert any(f.is_error for f in oracles[engine].outcome(content))
