"""The fast way and the exact check: one law holds them together, on right, broken, mutated and odd resources."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhirconv import convert
from fhirconv.numbers import read_number
from fhirconv.validation import shapes
from fhirconv.validation.exact import exact_findings
from fhirconv.validation.fast import findings_of, quick_findings
from fhirconv.validation.shapes import looks_at
from tests.validation.fuzz import BUNDLES, KEYS, ODD, mutated, places, value_at
from tests.validation.laws import check_fast
from tests.validator.broken import Broken, broken, right
from tests.validator.corpora import Sample

CASES = BUNDLES.parent / "cases"
ABSENT = object()  # a value that is to be taken away
NUMBERS = [Decimal("1.50"), Decimal("1e400"), Decimal("NaN"), float("inf"), float("nan"), 10**50, -(10**50)]

# Elements of our own Bundles that only the exact check can judge, and why. The fast way is to know all others.
SLOW = {
    "Patient.identifier": "an identifier whose value has to be a URI",
}


@cache
def accepted() -> tuple[dict[str, Any], ...]:
    """Resources that the fast way judges: the resources of our Bundles by themselves, small Bundles, the tests' own."""
    bundles = [json.loads(path.read_bytes()) for path in sorted(BUNDLES.glob("m*.json"))]
    alone = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    small = [bundle for bundle in bundles if len(bundle["entry"]) < 8]
    others = [json.loads(sample.content) for sample in right()]
    return tuple(one for one in (*small, *alone, *others) if quick_findings(one) is not None)


@cache
def richest() -> dict[str, dict[str, Any]]:
    """The accepted resource with the most values, for each type."""
    found: dict[str, dict[str, Any]] = {}
    for one in accepted():
        if len(list(places(one))) > len(list(places(found.get(one["resourceType"], {})))):
            found[one["resourceType"]] = one
    return found


def without(bundle: dict[str, Any], elements: Iterable[str]) -> dict[str, Any]:
    """A Bundle whose resources lack these elements (Type.element)."""
    entries = []
    for entry in bundle["entry"]:
        resource = entry["resource"]
        kept = {key: value for key, value in resource.items() if f"{resource['resourceType']}.{key}" not in elements}
        entries.append({**entry, "resource": kept})
    return {**bundle, "entry": entries}


def ours() -> dict[str, dict[str, Any]]:
    """Our golden Bundles by name."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(BUNDLES.glob("*.json"))}


@pytest.mark.parametrize("name", ours())
def test_our_own_bundles_are_judged_fast_but_for_what_is_told_in_slow(name: str) -> None:
    assert quick_findings(without(ours()[name], SLOW)) is not None


@pytest.mark.parametrize("element", SLOW)
def test_slow_tells_nothing_that_is_fast_by_now(element: str) -> None:
    others = SLOW.keys() - {element}
    assert any(quick_findings(without(bundle, others)) is None for bundle in ours().values())


def test_most_of_our_bundles_are_judged_fast() -> None:
    fast = [name for name, bundle in ours().items() if quick_findings(bundle) is not None]
    assert len(fast) > len(ours()) / 2


# -- the law ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ours())
def test_law_on_our_bundles(name: str) -> None:
    check_fast(ours()[name])


@pytest.mark.parametrize("case", [*right(), *broken()], ids=lambda case: case.name)
def test_law_on_right_and_broken_resources(case: Sample | Broken) -> None:
    try:
        document = json.loads(case.content)
    except ValueError:
        return  # broken as JSON
    check_fast(document)


def changed_at(resource: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The resource with another value at a path, sharing what is not changed; ABSENT takes the value away."""
    if not path:
        return value
    copied = dict(resource) if isinstance(resource, dict) else list(resource)
    inner = changed_at(resource[path[0]] if len(path) > 1 else None, path[1:], value)
    if inner is ABSENT:
        del copied[path[0]]
    else:
        copied[path[0]] = inner
    return copied


@pytest.mark.parametrize("type_name", richest())
def test_law_with_every_value_replaced(type_name: str) -> None:
    """Not at random: each value of the richest resource of a type replaced by each odd one, and left out."""
    resource = richest()[type_name]
    for path in places(resource):
        for value in (ABSENT, *ODD, *NUMBERS):
            check_fast(changed_at(resource, path, value))


@pytest.mark.parametrize("type_name", richest())
def test_law_with_every_key_added_everywhere(type_name: str) -> None:
    """Each key that the objects of a type may have, with values of its right type and of wrong ones."""
    resource = richest()[type_name]
    holders = [path for path in ((), *places(resource)) if isinstance(value_at(resource, path), dict)]
    for path in holders:
        for key in KEYS:
            for value in ("x", 1, True, {"text": "x"}, [{"text": "x"}], {"url": "http://x.org/e", "valueString": "x"}):
                if key not in value_at(resource, path):
                    check_fast(changed_at(resource, (*path, key), value))


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_law_on_mutated_resources(seed: int) -> None:
    rnd = random.Random(seed)
    check_fast(mutated(rnd, rnd.choice(accepted())))


NUMBER_TEXTS = ["0", "-0", "-0.0", "1.50", "1e3", "1E-22", "1e308", "1e309", "1e-400", "9" * 34, "9" * 35, "0." + "1" * 40]


@pytest.mark.parametrize("text", NUMBER_TEXTS)
@pytest.mark.parametrize("read", [{}, {"parse_float": read_number, "parse_int": read_number}], ids=["plain", "lossless"])
def test_law_on_numbers(text: str, read: dict[str, Any]) -> None:
    """As a quantity's value, an end of a range, an integer; however the JSON was read."""
    quantity = {"value": json.loads(text, **read), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    five = quantity | {"value": 5}
    check_fast({**resource, "valueQuantity": quantity})
    check_fast({**resource, "valueRange": {"low": quantity, "high": five}})
    check_fast({**resource, "valueRange": {"low": five, "high": quantity}})
    check_fast({**resource, "referenceRange": [{"low": quantity}]})
    check_fast({**resource, "valueInteger": quantity["value"]})


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), Decimal("NaN"), Decimal("Infinity"), 10**400])
def test_law_on_what_is_no_number(value: float) -> None:
    resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": {"value": value}}
    check_fast(resource)
    assert quick_findings(resource) is None


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [[]], {"resourceType": []}, {"resourceType": {}}, {"resourceType": "X"}])
def test_law_on_what_is_no_resource(value: object) -> None:
    check_fast(value)
    assert quick_findings(value) is None


ENTRY = {
    "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001",
    "resource": {"resourceType": "Basic", "id": "00000000-0000-4000-8000-000000000001", "code": {"text": "x"}},
    "request": {"method": "PUT", "url": "Basic/00000000-0000-4000-8000-000000000001"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"entry": [ENTRY, ENTRY]},
        {"entry": [ENTRY, ENTRY | {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000002"}]},
        {"entry": [ENTRY | {"fullUrl": "urn:uuid:00000000-0000-4000-8000-00000000000A"}]},
        {"entry": [ENTRY | {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001 urn:uuid:x"}]},
        {"entry": [ENTRY | {"fullUrl": ""}]},
        {"entry": [ENTRY | {"request": {"method": "DELETE", "url": "Basic/1"}}]},
        {"entry": [ENTRY | {"request": {"method": "PUT", "url": "Patient/00000000-0000-4000-8000-000000000001"}}]},
        {"entry": [ENTRY | {"request": {"method": "PUT", "url": "Basic/1"}}]},
        {"entry": [ENTRY | {"search": {"mode": "match"}}]},
        {"entry": [ENTRY | {"resource": ENTRY}]},
        {"entry": [{}]},
        {"entry": {}},
        {"entry": []},
        {"type": "document"},
        {"type": "history"},
        {"type": "collection"},
        {"type": "Transaction"},
        {"total": 1},
        {"id": "x"},
        {},
    ],
)
def test_law_on_bundles(change: dict[str, Any]) -> None:
    check_fast({"resourceType": "Bundle", "type": "transaction", "entry": [ENTRY], **change})


OTHER = "00000000-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    "entries",
    [
        [{}],
        [{}, {}],
        [{"fullUrl": f"urn:uuid:{OTHER}"}],
        [{"request": {"method": "POST", "url": "Basic"}}],
        [{"request": {"method": "PUT", "url": f"Basic/{OTHER}"}}],
        [{"request": {"method": "PUT", "url": "Basic/a b"}, "resource": ENTRY["resource"] | {"id": "a b"}}],
        [{"request": {"method": "PUT", "url": "Basic/5"}, "resource": ENTRY["resource"] | {"id": 5}}],
        [{"request": {"method": "PUT", "url": "Basik/a"}, "resource": {"resourceType": "Basik", "id": "a"}}],
    ],
)
def test_law_on_batches(entries: list[dict[str, Any]]) -> None:
    plain = {key: ENTRY[key] for key in ("resource", "request")}
    check_fast({"resourceType": "Bundle", "type": "batch", "entry": [plain | entry for entry in entries]})


@pytest.mark.parametrize(
    "urls",
    [
        [f"urn:uuid:{OTHER} urn:uuid:{OTHER}"],
        ["", f"urn:uuid:{OTHER}"],
        [f"urn:uuid:{OTHER}\n"],
        [f"urn:uui0:{OTHER}"],
        [f"urn:uuid:{OTHER[:-1]}", f"urn:uuid:{OTHER}1"],
        [f"urn:uuid:{OTHER[:-1]}é"],
    ],
)
def test_law_on_full_urls_that_look_right_together(urls: list[str]) -> None:
    entries = [{"fullUrl": url, "resource": ENTRY["resource"]} for url in urls]
    check_fast({"resourceType": "Bundle", "type": "collection", "entry": entries})


DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{}</b></p></div>'
ONE, TWO = DIV.format("one"), DIV.format("two")


@pytest.mark.parametrize(
    "divs",
    [
        [ONE, TWO],
        [ONE, DIV.format("R&amp;D")],
        [ONE, DIV.format("R&D")],
        [ONE, DIV.format('5" long')],
        [ONE, DIV.format("größer")],
        [ONE, DIV.format("a\x01b")],
        [ONE, DIV.format("a\ufffeb")],
        [ONE, DIV.format("a\ud800b")],
        [ONE, DIV.format(" ")],
        [ONE, ""],
        [ONE, 5],
        [ONE + "<\0" + TWO, ""],
        [ONE + "<\0" + TWO, ONE],
        [ONE[:60], ONE[60:]],
        [ONE + "<", TWO],
    ],
)
def test_law_on_narratives_that_are_looked_at_together(divs: list[Any]) -> None:
    check_fast(collection({"text": {"status": "generated", "div": div}} for div in divs))


@pytest.mark.parametrize(
    "values",
    [
        [{"system": "http://x.org/a", "value": "1"}, {"value": "2"}],
        [{"system": "http://x.org/a", "value": "1"}, {"use": "official", "value": "2"}],
        [{"system": "http://x.org/a", "value": "1"}, {"use": "offical", "value": "2"}],
        [{"system": "http://x.org/a", "value": "1"}, {"system": "x y", "value": "2"}],
        [{"system": "http://x.org/a", "value": "1"}, {"system": "urn:ietf:rfc:3986", "value": "x y"}],
        [{"system": "http://x.org/a", "value": ""}],
        [{"system": "http://x.org/a", "value": " 1"}],
        [{"system": "http://x.org/a", "value": "\u00a01"}],
        [{"system": "http://x.org/a", "value": "1\x02"}],
        [{"system": "http://x.org/a", "value": 'a"b\\c'}],
        [{"system": "http://x.org/a", "value": "größer"}],
        [{"system": "http://x.org/a", "value": 5}],
        ["ab", {"system": "http://x.org/a", "value": "1"}],
        [["system", "value"]],
        [None],
    ],
)
def test_law_on_identifiers_that_are_looked_at_together(values: list[Any]) -> None:
    check_fast(collection([{"identifier": values}, {"identifier": [{"system": "http://x.org/a", "value": "3"}]}]))


def test_law_on_concepts_that_are_equal_for_python_alone() -> None:
    """True is 1, but not in JSON: a list that is like the one before it may still be wrong."""
    for one, other in itertools.permutations((True, 1, Decimal("1.0")), 2):
        extensions = [[{"url": "http://x.org/e", "valueBoolean": value}] for value in (one, other)]
        concepts = [{"text": "x", "extension": extension} for extension in extensions]
        codings = [{"coding": [{"code": "x", "userSelected": value}], "text": "x"} for value in (one, other)]
        for values in (concepts, codings):
            check_fast(collection({"resourceType": "Observation", "status": "final", "category": [one]} for one in values))


@pytest.mark.parametrize("targets", [[ENTRY["fullUrl"]], [f"urn:uuid:{OTHER}"], ["Basic/1"], ["Basik/1"], [""], [5], [None]])
def test_law_on_references_to_any_type(targets: list[Any]) -> None:
    references = [{"reference": target} for target in (*targets, "urn:uuid:00000000-0000-4000-8000-000000000000")]
    agent = [{"who": {"display": "x"}}]
    check_fast(collection([{"resourceType": "Provenance", "target": references, "recorded": "2020-01-01T00:00:00Z", "agent": agent}]))


def collection(contents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A Bundle of these resources."""
    entries = [
        {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-{number:012}", "resource": {**ENTRY["resource"], **content}}
        for number, content in enumerate(contents)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.mark.parametrize("kind", ["batch", "collection"])
def test_each_type_of_bundle_that_we_make_is_judged_fast(kind: str) -> None:
    for case in sorted(CASES.glob("m*.yaml")):
        bundle = convert(case, bundle=kind, validate=False).bundle
        assert bundle is None or quick_findings(without(bundle, SLOW)) is not None, case.name


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection"])
@pytest.mark.parametrize("seed", range(20))
def test_one_resource_that_is_not_plain_leaves_the_others_settled_and_nothing_unsaid(kind: str, seed: int) -> None:
    """The Bundle around it is not walked over again: what is found is the same."""
    rnd = random.Random(seed)
    bundle = convert(CASES / "maximal-labs.yaml", bundle=kind, validate=False).bundle
    assert bundle is not None
    position = rnd.randrange(len(bundle["entry"]))
    entry = bundle["entry"][position]
    entries = [*bundle["entry"]]
    entries[position] = {**entry, "resource": mutated(rnd, entry["resource"])}
    broken_one = {**bundle, "entry": entries}
    assert Counter(findings_of(broken_one)) == Counter(exact_findings(broken_one))


def test_times_of_two_zones_are_compared() -> None:
    """Day and clock of the later one may come first."""
    statement = {"resourceType": "MedicationStatement", "status": "active", "subject": {"display": "x"}}
    statement["medicationCodeableConcept"] = {"text": "x"}
    times = ("T10:00:00+02:00", "T09:00:00Z", "T09:00:00.5Z", "T09:00:00-05:00", "")
    for start, end in itertools.product(times, repeat=2):
        check_fast({**statement, "effectivePeriod": {"start": f"2020-01-01{start}", "end": f"2020-01-01{end}"}})


def test_the_29th_of_february_is_judged_fast_where_it_is() -> None:
    for day in ("2000-02-29", "1900-02-29", "2024-02-29T10:00:00Z", "2023-02-29T10:00:00Z", "2024-02-30"):
        resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "effectiveDateTime": day}
        check_fast(resource)
        assert (quick_findings(resource) is not None) == (day[:10] in ("2000-02-29", "2024-02-29"))


def test_what_is_changed_after_it_was_judged_is_judged_again() -> None:
    coding = {"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin [Mass/volume] in Blood"}
    resource = {"resourceType": "Observation", "status": "final", "code": {"coding": [coding], "text": "x"}}
    assert quick_findings(resource) is not None
    coding["display"] = "Platelets [#/volume] in Blood"
    check_fast(resource)
    assert quick_findings(resource) is None


def test_orders_of_keys_fill_no_memory() -> None:
    resource = {**richest()["Observation"]}
    keys = list(resource)[:8]
    for order in itertools.islice(itertools.permutations(keys), 6_000):
        quick_findings({**{key: resource[key] for key in order}, **resource})
    assert len(looks_at("Observation")) <= 5_000
    before = len(looks_at("Observation"))
    for number in range(100):
        quick_findings({**resource, f"unknown{number}": 1})
    assert len(looks_at("Observation")) == before


def test_shapes_of_objects_fill_no_memory_and_are_met_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are too many they are forgotten, and nothing is slow from then on."""
    monkeypatch.setattr(shapes, "_MOST", 20)
    resource = richest()["Observation"]
    for left_out in itertools.combinations(sorted(resource.keys() - {"resourceType", "status", "code"}), 2):
        assert quick_findings({key: value for key, value in resource.items() if key not in left_out}) is not None
        assert len(shapes._made) <= 21


def test_what_was_judged_before_decides_nothing() -> None:
    """Codings, units and systems that were met are remembered: a wrong one stays wrong beside a right one."""
    for code in ("718-7", "718-8", "718-7", "718-8"):
        coding = {"system": "http://loinc.org", "code": code}
        check_fast({"resourceType": "Observation", "status": "final", "code": {"coding": [coding]}})
        check_fast({"resourceType": "Observation", "status": "final", "code": {"coding": [coding | {"version": "1"}]}})
    for unit in ("mg", "mgg", "mg"):
        value = {"value": 1, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
        check_fast({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": value})
        check_fast({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": {"unit": unit}})
