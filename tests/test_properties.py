"""What must hold for every case, tried on cases that hypothesis makes up: valid by the schema, odd in every other way."""

from __future__ import annotations

import json
import os
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from fhirconv import convert
from fhirconv.conversion import Conversion, convert_document
from fhirconv.dates import read_date
from fhirconv.ledger import OUTCOMES
from fhirconv.mapping import load_mappings
from fhirconv.numbers import Unreadable, read_measured
from fhirconv.source import read_bytes

Case = dict[str, Any]

SECTIONS = ["events", "conditions", "stages", "specimens", "labs", "pathology", "performance_status", "disease_status"]
SECTIONS += ["regimens", "medications", "procedures", "findings", "adverse_events"]

tried = settings(
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

# As in https://hl7.org/fhir/R4/datatypes.html and, for decimals, in https://hl7.org/fhir/R4/json.html
DATE_TIME = re.compile(
    r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1])"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?"
)
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Lexical(str):
    """A number by its digits: written without quotes."""

    __slots__ = ()


# -- cases ---------------------------------------------------------------------------------------------------------------

ODD = "\t\n\r\x85\xa0\u2028\u2029\u200b\u202e\ufeff\u0301<>&\"'\\/|#:{}[]%$@`*!?,-~=.éµμΩ٣日😀"
WORDS = ["evidence", "histology", "age", "amount", "hb", "Hb", "other", "x", "/", "+", "breast cancer", "letrozole"]
WORDS += ["NO", "null", "true", "012345", "1.50", "2014-02-03", "- a", "a: b", "#b", "a #b", "{{7*7}}", "%s", "<b>"]

characters = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from(ODD)
texts = st.sampled_from(WORDS) | st.text(characters, min_size=1, max_size=12).filter(re.compile(r"[^\s\ufeff]").search)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?", fullmatch=True).map(Lexical)
sizes = st.from_regex(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,3})?", fullmatch=True).map(Lexical)
printed = st.sampled_from(["<20", ">=3.10", "60-120", "1.0 - 2.50", "≤0.40", "12", "-0", "1E-22", "66.899999999999991"])
units = st.sampled_from(["g/dL", "U/mL", "%", "10*3/uL", "µg/L"]) | st.fixed_dictionaries({"text": texts})
dates = st.sampled_from(["2014", "2014-02", "2014-02-03", "2014-02-03T10:00:00+09:00", "2016-02-29"]) | st.integers(
    1000, 9999
)
quotes = texts | st.lists(texts, min_size=1, max_size=3)
sites = texts | st.lists(texts, min_size=1, max_size=2)
time_units = st.sampled_from(["minutes", "hours", "days", "weeks", "months", "years"])
sides = st.sampled_from(["left", "right", "bilateral"])
extents = st.fixed_dictionaries({"value": sizes, "unit": time_units}) | st.fixed_dictionaries(
    {"low": st.just(Lexical("1")), "high": st.just(Lexical("2.50")), "unit": time_units}
)
ages = (
    st.fixed_dictionaries({"value": sizes})
    | st.fixed_dictionaries({"value": sizes.filter(float), "comparator": st.just(">")})  # one of '> 0' is refused
    | st.sampled_from([{"decade": 70}, {"low": 60, "high": 70}])
)
absents = st.fixed_dictionaries({"reason": st.sampled_from(["unknown", "masked"])}, optional={"text": texts})
said: dict[str, SearchStrategy[Any]] = {
    "note": texts,
    "evidence": quotes,
    "certainty": st.sampled_from(["certain", "possible"]),
}


def times(events: list[str]) -> SearchStrategy[Any]:
    """A time of the case; relative ones name one of the events."""
    words = st.fixed_dictionaries({"text": texts})
    plain = dates | st.fixed_dictionaries({"date": dates}, optional={"text": texts})
    ways = [plain, words, st.fixed_dictionaries({"age": ages}), st.fixed_dictionaries({"from": plain, "to": plain})]
    if events:
        named = st.sampled_from(events)
        ways += [st.fixed_dictionaries({"at": named}), st.fixed_dictionaries({"after": named, "by": extents})]
        ways += [st.fixed_dictionaries({"before": named}, optional={"text": texts})]
    return st.one_of(ways)


def results(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The ways to state a result: a number, words, or why there is none."""
    normal = st.fixed_dictionaries({"low": sizes}, optional={"text": texts})
    more = {} if name == "finding" else {"reference_range": normal}
    return [
        ({name: texts, "value": numbers | printed}, {"unit": units, "interpretation": texts, **more}),
        ({name: texts, "result": texts}, {"interpretation": texts}),
        ({name: texts, "absent": absents}, {}),
    ]


def shapes(ids: dict[str, list[str]]) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Required and optional fields of the facts of each section; references lead to `ids`."""
    when = times(ids["events"])

    def to(key: str, *sections: str) -> dict[str, Any]:
        known = [name for section in sections for name in ids[section]]
        return {key: st.sampled_from(known)} if known else {}

    def all_to(key: str, *sections: str) -> dict[str, Any]:
        known = [name for section in sections for name in ids[section]]
        return {key: st.lists(st.sampled_from(known), min_size=1, max_size=2)} if known else {}

    place = {"site": sites, "laterality": sides}
    course = {"start": when, "end": when, "reason": texts, "status_reason": texts, **to("for", "conditions")}
    of = to("of", "conditions")
    kinds = st.sampled_from(["primary-cancer", "metastasis", "local-recurrence", "symptom", "other"])
    condition = {"histology": texts, **place, **of, "onset": when, "severity": texts}
    condition |= {"verification": st.sampled_from(["confirmed", "refuted"]), **all_to("based_on", "labs", "findings")}
    dose = st.fixed_dictionaries({"value": sizes, "unit": units}, optional={"text": texts})
    measured = {**of, **to("specimen", "specimens"), "method": texts, "at": when}
    seen = {**of, **to("procedure", "procedures"), "site": texts, "laterality": sides, "at": when}
    suspected = {**to("suspect", "medications", "procedures"), "at": when}
    done = st.sampled_from(["completed", "not-done", "unknown"])
    return {
        "events": [({}, {"name": texts, "at": dates})],
        "conditions": [
            ({"kind": kinds, "name": texts}, {**condition, "clinical_status": st.sampled_from(["active", "resolved"])}),
            ({"kind": kinds, "name": texts, "abatement": when, "clinical_status": st.just("resolved")}, condition),
        ],
        "stages": [({"stage": texts, **of}, {"system": texts, "basis": st.just("clinical"), "at": when})] if of else [],
        "specimens": [
            ({"type": texts}, {"site": texts, "laterality": sides, "sequence": st.integers(1, 9), "collected": when})
        ],
        "labs": [(needs, {**more, **measured}) for needs, more in results("analyte")],
        "pathology": [(needs, {**more, **measured}) for needs, more in results("test")],
        "performance_status": [({"scale": st.just("ecog"), "score": st.integers(0, 5)}, {"at": when})],
        "disease_status": [({"status": texts}, {**of, "at": when, **all_to("based_on", "labs", "pathology")})],
        "regimens": [({"name": texts, "status": st.just("completed")}, course)],
        "medications": [
            (
                {"drug": texts, "status": st.sampled_from(["active", "stopped", "not-taken"])},
                {**course, "route": texts, "dose": dose, "line": texts, **to("regimen", "regimens")},
            )
        ],
        "procedures": [
            (
                {"procedure": texts, "kind": st.sampled_from(["surgery", "imaging", "other"]), "status": done},
                {
                    **place,
                    "at": when,
                    "outcome": texts,
                    "amount": st.fixed_dictionaries({"value": sizes, "unit": units}),
                },
            )
        ],
        "findings": [({"finding": texts}, seen), *((needs, {**more, **seen}) for needs, more in results("finding"))],
        "adverse_events": [
            ({"event": texts, "presence": st.just("present")}, {"grade": st.integers(1, 5), **suspected}),
            ({"event": texts, "presence": st.just("absent")}, suspected),
        ],
    }


patients = st.fixed_dictionaries(
    {},
    optional={
        "sex": st.sampled_from(["female", "male"]),
        "name": st.fixed_dictionaries({"text": texts}, optional={"given": st.lists(texts, min_size=1, max_size=2)}),
        "birth_date": st.sampled_from(["1950", "1950-03", "1950-03-12"]),
        "age": ages,
        "identifiers": st.lists(st.fixed_dictionaries({"system": st.just("urn:x:y"), "value": texts}), min_size=1),
        "evidence": quotes,
        "note": texts,
    },
)


@st.composite
def cases(draw: DrawFn) -> Case:
    """A case that fits the schema, with ids in some facts and references to them."""
    used: set[str] = set()
    names: dict[str, list[str | None]] = {section: [] for section in SECTIONS}
    for section in draw(st.lists(st.sampled_from(SECTIONS), max_size=6)):
        names[section].append(_fresh(draw(st.sampled_from(["evidence", "histology", "hb", None])), section, used))
    fields = shapes({section: [name for name in found if name] for section, found in names.items()})
    case: Case = {"case": {"id": draw(st.sampled_from(["a", "case-1", "日本 1"]))}, "patient": draw(patients)}
    for section, found in names.items():
        facts = [_fact(draw, name, fields[section]) for name in found if fields[section]]
        if facts:
            case[section] = facts
    return case


def _fresh(name: str | None, section: str, used: set[str]) -> str | None:
    if name is None and section != "events":
        return None
    made = name or "event"
    made += str(len(used)) if made in used else ""
    used.add(made)
    return made


def _fact(draw: DrawFn, name: str | None, ways: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    needs, more = draw(st.sampled_from(ways))
    fact: dict[str, Any] = draw(st.fixed_dictionaries(needs, optional={**more, **said}))
    if name is not None:
        fact["id"] = name
        if fact.get("of") == name:
            del fact["of"]
    return fact


# -- how they are written ------------------------------------------------------------------------------------------------


def json_text(value: Any) -> str:
    if isinstance(value, Lexical):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return json.dumps(value)


def yaml_text(value: Any, indent: str = "") -> str:
    """Block style, with text in double quotes."""
    if isinstance(value, Lexical):
        return f" {value}\n"
    if isinstance(value, dict) and value:
        return "\n" + "".join(f"{indent}{key}:{yaml_text(item, indent + '  ')}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "\n" + "".join(f"{indent}-{yaml_text(item, indent + '  ')}" for item in value)
    if isinstance(value, str):
        return f' "{"".join(map(_yaml_character, value))}"\n'
    return f" {json.dumps(value)}\n"


def _yaml_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if " " <= character <= "~" else f"\\U{ord(character):08x}"


def converted(case: Case, profile: str = "r4") -> Conversion:
    return convert_document(read_bytes(json_text(case).encode(), "case.json"), load_mappings(None, profile))


def bundle_of(case: Case) -> Conversion:
    """The conversion of a case that has no errors; hypothesis looks for another if it has."""
    result = converted(case)
    assume(result.ok)
    return result


def ids(result: Conversion) -> list[str]:
    assert result.bundle is not None
    return [entry["resource"]["id"] for entry in result.bundle["entry"]]


def values(value: object, key: str) -> Iterator[object]:
    """Every value of a key, at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        if name == key:
            yield item
        yield from values(item, key)


def shuffled(value: Any, chance: random.Random, top: bool = False) -> Any:
    """The same case with its keys, and the facts of its sections, in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        made = dict(items)
        for key in made if top else ():
            if isinstance(made[key], list):
                chance.shuffle(made[key])
        return made
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


# -- what holds ----------------------------------------------------------------------------------------------------------


@tried
@given(cases())
def test_a_case_has_errors_or_a_bundle_and_the_ledger_adds_up(case: Case) -> None:
    result = converted(case)
    assert result.ok is not any(issue.is_error for issue in result.issues)
    stated = sum(len(facts) if isinstance(facts, list) else 1 for facts in case.values())
    counts = result.ledger.counts()
    assert tuple(counts) == OUTCOMES
    assert sum(counts.values()) == len(result.ledger) == stated
    assert counts["rejected"] == (0 if result.ok else stated)
    assert {issue.rule for issue in result.issues if issue.is_error} <= {"fact-duplicate", "time-order", "reference-wrong"}


@tried
@given(cases())
def test_every_reference_resolves_and_no_two_resources_share_an_id(case: Case) -> None:
    result = bundle_of(case)
    assert result.bundle is not None
    urls = [entry["fullUrl"] for entry in result.bundle["entry"]]
    assert len(urls) == len(set(urls))
    assert set(values(result.bundle, "reference")) <= set(urls)
    assert all(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", one) for one in ids(result))


@tried
@given(cases())
def test_every_narrative_is_well_formed(case: Case) -> None:
    result = bundle_of(case)
    assert result.bundle is not None
    for entry in result.bundle["entry"]:
        div = ET.fromstring(entry["resource"]["text"]["div"])
        assert {element.tag.rpartition("}")[2] for element in div.iter()} <= {"div", "p", "b", "ul", "li"}


@tried
@given(cases(), st.randoms(use_true_random=False))
def test_order_changes_no_byte(case: Case, chance: random.Random) -> None:
    assert bundle_of(case).json() == converted(shuffled(case, chance, top=True)).json()


NO_IDENTITY = (
    "value",
    "unit",
    "result",
    "absent",
    "interpretation",
    "note",
    "certainty",
    "severity",
    "outcome",
    "status",
)


def corrected(section: str, fact: dict[str, Any]) -> dict[str, Any]:
    """The fact with other values in the fields that are not its identity."""
    others: dict[str, Any] = {"value": Lexical("7.50"), "unit": {"text": "?"}, "absent": {"reason": "error"}}
    others |= {"certainty": "unlikely", "outcome": "unknown" if section == "adverse_events" else "corrected"}
    others |= {"status": "corrected" if section == "disease_status" else "unknown"}
    return {key: others.get(key, "corrected") if key in NO_IDENTITY else value for key, value in fact.items()}


@tried
@given(cases())
def test_a_corrected_value_changes_no_id(case: Case) -> None:
    other = {
        section: [corrected(section, fact) for fact in facts] if isinstance(facts, list) else facts
        for section, facts in case.items()
    }
    assert ids(bundle_of(case)) == ids(converted(other))


def measured(case: Case) -> list[str]:
    """The digits of the plain numbers that labs and pathology results state."""
    facts = [*case.get("labs", ()), *case.get("pathology", ()), *case.get("findings", ())]
    return [str(fact["value"]) for fact in facts if isinstance(fact.get("value"), Lexical)]


@tried
@given(cases())
def test_digits_survive(case: Case) -> None:
    text = bundle_of(case).json()
    data = json.loads(text, parse_float=Lexical, parse_int=Lexical)
    written = [one for quantity in values(data, "valueQuantity") for one in values(quantity, "value")]
    for digits in measured(case):
        assert digits in written
    assert all(DECIMAL.fullmatch(str(one)) for one in written)
    assert json.loads(text, parse_float=str)  # it is JSON


@tried
@given(cases())
def test_json_and_yaml_give_the_same_bytes(case: Case) -> None:
    document = read_bytes(yaml_text(case).encode(), "case.yaml")
    assert bundle_of(case).json() == convert_document(document, load_mappings()).json()


@tried
@given(cases())
def test_bundle_forms_hold_the_same_resources(case: Case) -> None:
    loaded = load_mappings()
    data = json_text(case).encode()
    forms = [
        convert_document(read_bytes(data, "case.json"), loaded, form) for form in ("transaction", "batch", "collection")
    ]
    assume(forms[0].ok)
    assert ids(forms[0]) == ids(forms[1]) == ids(forms[2])


# -- input that is no case -----------------------------------------------------------------------------------------------

SNIPPETS = [
    "case: {id: a}\n",
    "patient: {}\n",
    '{"case": {"id": "a"}, "patient": {}}',
    "labs:\n",
    "  - ",
    "- ",
    ": ",
    "{",
]
SNIPPETS += [
    "}",
    "[",
    "]",
    '"',
    "'",
    "&a ",
    "*a",
    "!!x ",
    "|\n",
    ">\n",
    "\\u",
    "\\ud800",
    "---\n",
    "...\n",
    "\t",
    "#",
    ",",
]
SNIPPETS += [
    "analyte: Hb\n",
    "value: 1\n",
    "null",
    "NaN",
    "-",
    "1e99999999999999999999",
    "0" * 40,
    "\x85",
    "\x00",
    "\ufeff",
]
broken = st.binary(max_size=60) | st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=4), max_size=12).map(
    lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
)


@settings(tried, max_examples=400)
@given(broken, st.sampled_from(["case.json", "case.yaml", "case", "-"]))
def test_arbitrary_bytes_never_raise(data: bytes, name: str) -> None:
    document = read_bytes(data, name)
    result = convert_document(document, load_mappings())
    assert result.ok or any(issue.is_error for issue in result.issues)
    assert all("\n" not in issue.text() for issue in result.issues)


python_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.sampled_from(SECTIONS), inner, max_size=3)
    ),
    max_leaves=8,
)


@tried
@given(st.sampled_from(["case", "patient", "conventions", *SECTIONS]), python_values)
def test_arbitrary_python_values_never_raise(section: str, value: object) -> None:
    result = convert({"case": {"id": "a"}, "patient": {}, section: value})
    assert result.ok or any(issue.is_error for issue in result.issues)
    if result.ok:
        json.loads(result.json())


def tupled(value: Any) -> Any:
    """The same value with tuples for lists."""
    if isinstance(value, dict):
        return {key: tupled(item) for key, item in value.items()}
    return tuple(map(tupled, value)) if isinstance(value, list) else value


@tried
@given(cases())
def test_tuples_are_lists_or_refused(case: Case) -> None:
    """What a Python program gives as a tuple is never left out without a word."""
    data = json.loads(json_text(case))
    listed, other = convert(data), convert(tupled(data))
    assume(listed.ok)
    assert not other.ok or other.json() == listed.json()


conventions = st.fixed_dictionaries(
    {},
    optional={
        "date_order": st.sampled_from(["day-month-year", "month-day-year"]),
        "decimal_mark": st.sampled_from(["comma", "point"]),
        "time_zone": st.sampled_from(["Z", "+09:00", "-14:00"]),
    },
)
date_like = st.text("0123456789-/.:TZ+ W", max_size=26) | st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,10})?)?(Z|[+-][01][0-9]:[0-9]{2})?)?",
    fullmatch=True,
)
number_like = st.text("0123456789-.,<>=≤≥eE+ ~–٣", max_size=12)


@settings(tried, max_examples=500)
@given(date_like | st.text(max_size=12) | st.integers(), conventions)
def test_what_is_read_as_a_date_is_one(value: object, how: dict[str, str]) -> None:
    made = read_date(value, how)
    assert isinstance(made, Unreadable) or DATE_TIME.fullmatch(made)


@settings(tried, max_examples=500)
@given(number_like | st.text(max_size=8), st.sampled_from(["", "comma", "point"]))
def test_what_is_read_as_a_number_is_one(value: str, mark: str) -> None:
    made = read_measured(value, mark)
    if not isinstance(made, Unreadable):
        ends = [end for end in (made.value, made.low, made.high) if end is not None]
        assert len(ends) == (1 if made.value is not None else 2)
        assert all(DECIMAL.fullmatch(str(end)) for end in ends)
        assert made.comparator in ("", "<", "<=", ">", ">=")


@tried
@given(date_like | st.text(max_size=12), number_like | st.text(max_size=8), conventions)
def test_arbitrary_text_as_date_and_number_in_a_case(at: str, value: str, how: dict[str, str]) -> None:
    lab = {"analyte": "Hb", "unit": "g/dL", "value": value, "at": at}
    result = convert({"case": {"id": "a"}, "patient": {}, "conventions": how, "labs": [lab]})
    if result.ok:
        data = json.loads(result.json(), parse_float=Lexical, parse_int=Lexical)
        assert all(DATE_TIME.fullmatch(str(one)) for one in values(data, "effectiveDateTime"))
        quantities = [*values(data, "valueQuantity"), *values(data, "low"), *values(data, "high")]
        assert all(DECIMAL.fullmatch(str(one)) for part in quantities for one in values(part, "value"))


@pytest.mark.parametrize("name", ["date_order", "decimal_mark", "time_zone"])
def test_the_conventions_tried_are_those_of_the_schema(name: str) -> None:
    """A convention that is added to the schema is to be tried here too."""
    assert convert({"case": {"id": "a"}, "patient": {}, "conventions": {}}).ok
    result = convert({"case": {"id": "a"}, "patient": {}, "conventions": {"x": 1}})
    assert name in result.issues[0].message
