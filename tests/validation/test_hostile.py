"""Hostile and odd FHIR resources: the battery of bad inputs (shared/corpora/battery/inputs.tsv) put to `validate`.

One test a row, named after it: test_i13_... is row I13. Cases are in tests/test_battery.py, files and lines in
test_records.py; test_every_row_is_covered tells which row is where.
"""

from __future__ import annotations

import copy
import csv
import gc
import gzip
import json
import os
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fhirconv.cli import main
from fhirconv.document import LIMITS
from fhirconv.fhirpath.running import BUDGET
from fhirconv.issues import Issue
from fhirconv.reports import FORMATS, render
from fhirconv.validation.run import validate
from fhirconv.validation.structure import MAX_DEPTH
from tests.validation.fuzz import places, value_at
from tests.validation.laws import UNSAFE, resolves

TESTS = Path(__file__).resolve().parents[1]
INPUTS = TESTS.parents[1] / "shared" / "corpora" / "battery" / "inputs.tsv"
CLASSES = {"encoding", "json", "yaml", "number", "date", "identity", "inject", "ndjson"}
HERE = ["test_battery.py", "validation/test_hostile.py", "validation/test_records.py"]
ELSEWHERE = {
    "I69": "profiles/test_packages.py",
    "I70": "profiles/test_packages.py",
    "I72": "",  # there is no XML input
}

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">%s</div>'
TEXT = {"status": "generated", "div": DIV % "x"}


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "a", "text": TEXT, **more}


def observation(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "text": TEXT, "status": "final", "code": {"text": "x"}, **more}


def with_json(inner: str, resource: dict[str, Any] | None = None) -> bytes:
    """A resource as JSON text whose last element, in line 2, is put in as it stands."""
    return (json.dumps(resource or patient())[:-1] + ",\n" + inner + "}").encode()


def quantity(number: str) -> bytes:
    """An Observation whose value is a number as it stands, in line 2."""
    return with_json(f'"valueQuantity": {{"value": {number}}}', observation())


def told(target: bytes | dict[str, Any], rule: str, line: int = 0) -> Issue:
    """The one error, which is of this rule and at this line if one is given."""
    errors = [issue for issue in validate(target) if issue.is_error]
    assert [issue.rule for issue in errors] == [rule], [issue.text() for issue in errors]
    assert errors[0].place.line == line or not line
    return errors[0]


def is_right(target: bytes | dict[str, Any]) -> bool:
    return validate(target) == []


# -- encoding --------------------------------------------------------------------------------------------------------------


def test_the_resources_of_these_tests_are_right() -> None:
    for resource in (patient(), observation()):
        assert is_right(resource)
        assert is_right(json.dumps(resource).encode())


@pytest.mark.parametrize("data", [b"", b" \n\t", b"\xef\xbb\xbf"])
def test_i01_empty(data: bytes) -> None:
    told(data, "empty-input")


def test_i02_byte_order_mark() -> None:
    assert is_right(b"\xef\xbb\xbf" + json.dumps(patient()).encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_i03_utf16(encoding: str) -> None:
    assert "UTF-16" in told(json.dumps(patient()).encode(encoding), "encoding").message


def test_i04_latin1() -> None:
    issue = told(b'{"resourceType":\n"Patient","name":[{"text":"M\xfcller"}]}', "encoding", 2)
    assert "0xfc at offset 45" in issue.message
    assert "ller" not in issue.text()


@pytest.mark.parametrize("bad", [b"\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80"], ids=["truncated", "overlong", "surrogate"])
def test_i05_not_utf8(bad: bytes) -> None:
    told(b'{"resourceType": "Patient", "id": "' + bad + b'"}', "encoding")


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\ud800x", "\\u0000", "\\u0007", "\\u001b", "\\uffff"])
@pytest.mark.parametrize("inner", ['"name": [{"text": "a%sb"}]', '"active": true, "a%sb": 1', '"id": "%s"'])
def test_i06_i07_characters_that_no_text_has(inner: str, escape: str) -> None:
    """Lone surrogates, NUL and control characters: in values and keys, told with the line and without the character."""
    issues = [issue for issue in validate(with_json(inner % escape)) if issue.is_error]
    assert issues
    assert {issue.place.line for issue in issues} == {2}
    for form in FORMATS:
        assert not UNSAFE.search(render(issues, form, False, "1").replace("\n", ""))


def test_i06_a_pair_of_surrogates_is_a_character() -> None:
    assert is_right(with_json('"name": [{"text": "\\ud83d\\ude00"}]'))


def test_i07_raw_control_characters() -> None:
    told(with_json('"name": [{"text": "a\x07b"}]'), "not-json", 2)


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\u202e", "\u200b", "\ufeff", "\u00a0"])
def test_i08_odd_characters(character: str) -> None:
    """Text keeps them; ids do not take them. They never stand raw in a message."""
    assert is_right(patient(name=[{"text": f"a{character}b"}]))
    issue = told({**patient(), "id": f"a{character}b"}, "primitive-form")
    assert not UNSAFE.search(issue.text())
    told({**patient(), "gender": f"male{character}"}, "code-not-bound" if not character.isspace() else "primitive-form")


@pytest.mark.parametrize("break_", ["\r\n", "\r"])
def test_i10_line_ends(break_: str) -> None:
    text = json.dumps(patient(gender="M", birthDate="x"), indent=1)
    one, other = validate(text.encode()), validate(text.replace("\n", break_).encode())
    assert [issue.place for issue in one] == [issue.place for issue in other]
    assert len(one) == 2


@pytest.mark.parametrize("data", [gzip.compress(b"{}"), b"PK\x03\x04\x14\x00\x06", b"\x89PNG\r\n\x1a\n\x00", b"%PDF-1.4\n\xff"])
def test_i11_other_content(data: bytes) -> None:
    (issue,) = validate(data)
    assert issue.is_error
    assert len(issue.text()) < 300


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>Dr Secret</p>", b"<html>Dr Secret", b"<?xml version='1.0'?><Patient/>"])
def test_i12_html_and_xml(page: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(page)
    (issue,) = validate(tmp_path / "a.json")
    assert (issue.rule, issue.place.line) == ("not-json", 1)
    assert "HTML or XML" in issue.message
    assert "Secret" not in issue.text()


# -- JSON ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "line", "pointer"),
    [
        ('"active": true,\n"active": true', 3, "/active"),
        ('"id": "b"', 2, "/id"),
        ('"name": [{"text": "a",\n"family": "b",\n"text": "a"}]', 4, "/name/0/text"),
        ('"gender": "male", \n"\\u0067ender": "female"', 3, "/gender"),
    ],
)
def test_i13_duplicate_keys(inner: str, line: int, pointer: str) -> None:
    assert told(with_json(inner), "duplicate-key", line).place.pointer == pointer


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_i14_no_numbers(word: str) -> None:
    assert word in told(quantity(word), "not-json", 2).message


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "1e99999999999999999999", "9" * 35, "0." + "1" * 40])
def test_i15_i16_numbers_out_of_reach(number: str) -> None:
    """One finding, in line 2, without the 5,000 digits."""
    issues = [issue for issue in validate(quantity(number)) if issue.is_error]
    assert len(issues) == 1
    assert (issues[0].place.line, issues[0].place.pointer) == (2, "/valueQuantity/value")
    assert len(issues[0].text()) < 200


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "1." + "0" * 5000, "0" + ".0" + "1" * 5000])
def test_i16_many_digits(number: str) -> None:
    assert all(len(issue.text()) < 250 for issue in validate(quantity(number)))
    assert any(issue.is_error for issue in validate(quantity(number)))
    assert any(issue.is_error for issue in validate(with_json(f'"multipleBirthInteger": {number}')))


@pytest.mark.parametrize(
    "number", ["-0", "-0.0", "0", "1.0", "1.00", "0.40", "66.899999999999991", "1E-22", "1e308", "9" * 34, "1.000000000000000000E-245"]
)
def test_i15_i47_numbers_of_r4(number: str) -> None:
    assert is_right(quantity(number))


NESTED = '[{"url": "http://x.org", "extension": '


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        with_json('"extension": ' + NESTED * 300 + "[]" + "}]" * 300),
        with_json('"contained": ' + '[{"resourceType": "Patient", "contained": ' * 100 + "[]" + "}]" * 100),
        with_json('"x": ' + "[" * 900 + "]" * 900),
    ],
    ids=["open", "arrays", "objects", "extensions", "contained", "unknown"],
)
def test_i17_deep_nesting(data: bytes) -> None:
    issues = validate(data)
    assert [issue.rule for issue in issues if issue.is_error] == ["too-deep"]
    assert str(LIMITS.depth) in issues[0].message


def test_i17_deep_dicts_are_no_danger_either() -> None:
    """A dict has not gone through a reader; one that holds itself ends too."""
    deep: dict[str, Any] = {"url": "http://x.org"}
    for _ in range(5_000):
        deep = {"url": "http://x.org", "extension": [deep]}
    assert "too-deep" in {issue.rule for issue in validate(patient(extension=[deep]))}
    circle = patient()
    circle["contained"] = [circle]
    assert "too-deep" in {issue.rule for issue in validate(circle)}


def test_i17_what_is_within_the_limit_is_taken() -> None:
    levels = LIMITS.depth // 2 - 2
    inner = '"extension": ' + NESTED * levels + '[{"url": "http://x.org", "valueString": "x"}]' + "}]" * levels
    assert "too-deep" not in {issue.rule for issue in validate(with_json(inner))}


def test_i18_a_text_of_50_mb() -> None:
    """The limit is told at once, and no more memory is taken than the limit allows."""
    data = with_json(f'"name": [{{"text": "{"x" * 50_000_000}"}}]')
    tracemalloc.start()
    try:
        began = time.monotonic()
        issue = told(data, "too-large")
        assert time.monotonic() - began < 1
        assert tracemalloc.get_traced_memory()[1] < 2.5 * LIMITS.bytes
    finally:
        tracemalloc.stop()
    assert str(LIMITS.bytes) in issue.message


def test_i18_a_text_over_1_mb() -> None:
    issues = validate(with_json(f'"name": [{{"text": "{"x" * (1024 * 1024 + 1)}"}}]'))
    assert {issue.place.line for issue in issues} == {2}
    assert any("1048576" in issue.message for issue in issues)
    assert all(len(issue.text()) < 300 for issue in issues)


@pytest.mark.parametrize(
    "text", ["{'a': 1}", '{"resourceType": "Patient",}', '{"a": 1} // x', "{a: 1}", "{} {}", '{"a": 01}', '{"a": .5}', '{"a": tru}']
)
def test_i19_almost_json(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    (issue,) = validate(tmp_path / "a.json")
    assert (issue.rule, issue.place.line) == ("not-json", 1)
    assert issue.place.column > 0


@pytest.mark.parametrize("text", ["[]", '"x"', "5", "null", "true", "[{}]", json.dumps([patient()]), "{}"])
@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a", ""])
def test_i20_no_resource(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8") if name else None
    issues = validate(tmp_path / name if name else text.encode())
    assert any(issue.is_error for issue in issues)
    assert "resourceType" in " ".join(issue.message for issue in issues)


@pytest.mark.parametrize(("key", "near"), [("birthdate", "birthDate"), ("birthDate ", "birthDate"), ("Gender", "gender")])
def test_i21_unknown_keys(key: str, near: str) -> None:
    assert f"'{near}'" in told(with_json(f'"{key}": "1950"'), "unknown-element", 2).message


NOTHING = ["null", "[]", "{}", '""', '" "', "[null]", "[{}]", "[[]]", '[""]']


@pytest.mark.parametrize("value", NOTHING)
@pytest.mark.parametrize("key", ["id", "active", "birthDate", "gender", "name", "maritalStatus", "multipleBirthInteger", "photo"])
def test_i22_nothing_where_something_is_due(key: str, value: str) -> None:
    resource = {name: inner for name, inner in patient().items() if name != key}
    issues = [issue for issue in validate(with_json(f'"{key}": {value}', resource)) if issue.is_error]
    assert issues
    assert all(issue.place.line == 2 and issue.place.pointer.startswith(f"/{key}") for issue in issues)


@pytest.mark.parametrize(
    ("inner", "resource"),
    [
        ('"active": "true"', patient()),
        ('"active": 1', patient()),
        ('"multipleBirthInteger": "5"', patient()),
        ('"multipleBirthInteger": 5.0', patient()),
        ('"multipleBirthInteger": 5e0', patient()),
        ('"multipleBirthBoolean": "true"', patient()),
        ('"birthDate": 1950', patient()),
        ('"valueQuantity": {"value": "5"}', observation()),
        ('"valueQuantity": {"value": true}', observation()),
        ('"valueInteger": "5"', observation()),
        ('"valueString": 5', observation()),
        ('"issued": 20240101', observation()),
    ],
)
def test_i23_no_coercion(inner: str, resource: dict[str, Any]) -> None:
    told(with_json(inner, resource), "element-type", 2)


def test_i24_many_values() -> None:
    """Within the limits of a file time grows with it."""
    names = ",".join('{"text": "x"}' for _ in range(100_000))
    began = time.monotonic()
    assert is_right(with_json(f'"name": [{names}]'))
    assert time.monotonic() - began < 20


# What once took time that grew with the square of the number, or a long time each: a megabyte of it took hours.
MANY = {
    "duplicate keys": lambda n: ('{"resourceType": "Patient"' + ', "active": true' * n + "}").encode(),
    "unknown keys": lambda n: patient(**{f"identifier{i}": 1 for i in range(n)}),
    "extensions of HL7 that are none": lambda n: patient(
        extension=[{"url": f"http://hl7.org/fhir/StructureDefinition/x{i}", "valueString": "x"} for i in range(n)]
    ),
    "contained resources": lambda n: patient(
        contained=[{"resourceType": "Organization", "id": f"o{i}", "name": "x"} for i in range(n)],
        generalPractitioner=[{"reference": f"#o{i}"} for i in range(n)],
    ),
    "contained resources in a row": lambda n: patient(
        contained=[
            {"resourceType": "Organization", "id": f"o{i}", "name": "x", "partOf": {"reference": f"#o{i + 1}"}} for i in range(n)
        ],
        managingOrganization={"reference": "#o0"},
    ),
    "references that lead nowhere": lambda n: patient(generalPractitioner=[{"reference": f"Practitionr/{i}"} for i in range(n)]),
    "wrong codes": lambda n: patient(telecom=[{"system": f"phon{i}", "value": "1"} for i in range(n)]),
    "wrong systems": lambda n: patient(
        maritalStatus={"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/x{i}", "code": "M"} for i in range(n)]}
    ),
    "wrong units": lambda n: observation(
        component=[{"code": {"text": "x"}, "valueQuantity": {"value": 1, "system": UCUM, "code": f"mgg{i}"}} for i in range(n)]
    ),
    "entries with one address": lambda n: {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000000", "resource": patient()} for _ in range(n)],
    },
    "entries of a document": lambda n: {
        "resourceType": "Bundle",
        "type": "document",
        "entry": [{"fullUrl": f"http://x.org/Patient/p{i}", "resource": {**patient(), "id": f"p{i}"}} for i in range(n)],
    },
    "items of a questionnaire": lambda n: {
        "resourceType": "Questionnaire",
        "status": "draft",
        "item": [{"linkId": f"{i}", "type": "string"} for i in range(n)],
    },
    "elements of a narrative": lambda n: patient(text={"status": "generated", "div": DIV % ("<b>" * n)}),
    "empty values": lambda n: patient(name=[{"text": ""}] * n),
}
UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize("kind", MANY)
def test_i24_many_of_a_kind(kind: str) -> None:
    """3,000 of them end within seconds (alone on a machine: one)."""
    target = MANY[kind](3_000)
    began = time.monotonic()
    validate(target)
    assert time.monotonic() - began < 10


DEEP = with_json('"extension": ' + NESTED * 40 + '[{"url": "http://x.org", "valueString": "x"}]' + "}]" * 40)


@pytest.mark.parametrize(
    ("limit", "low", "high", "data"),
    [
        ("bytes", 100, 20_000_000, json.dumps(patient(name=[{"text": "x" * 1000}] * 17_000)).encode()),
        ("depth", 1, 128, DEEP),
        ("nodes", 3, 3_000_000, with_json('"name": [' + ",".join(['{"text":"x"}'] * 1_010_000) + "]")),
        ("text", 10, 2_000_000, with_json(f'"photo": [{{"contentType": "image/png", "data": "{"AAAA" * 300_000}"}}]')),
        ("digits", 2, 100, quantity("1." + "1" * 50)),
    ],
    ids=["bytes", "depth", "nodes", "text", "digits"],
)
def test_every_limit_can_be_changed(limit: str, low: int, high: int, data: bytes) -> None:
    """As docs/limits.md says: by the limits of `validate`, by --limit of the command."""
    small = json.dumps(observation(valueQuantity={"value": 1.25}) if limit == "digits" else patient()).encode()
    assert validate(small) == []
    assert any(issue.is_error for issue in validate(small, limits=LIMITS._replace(**{limit: low})))
    assert [issue for issue in validate(data, limits=LIMITS._replace(**{limit: high})) if issue.is_error] == []


def test_the_document_of_limits_tells_those_that_there_are() -> None:
    text = (TESTS.parent / "docs" / "limits.md").read_text(encoding="utf-8")
    told = {name: int(number.replace(",", "")) for name, number in re.findall(r"^\| `(\w+)` \| ([0-9,]+) \|", text, re.MULTILINE)}
    assert told == LIMITS._asdict()
    assert str(MAX_DEPTH) in text
    assert f"{BUDGET:,}" in text


# -- YAML: a resource may be YAML too --------------------------------------------------------------------------------------


def yaml(text: str) -> list[Issue]:
    return [issue for issue in validate(f"resourceType: Patient\ntext: {json.dumps(TEXT)}\n{text}\n".encode()) if issue.is_error]


def test_i25_alias_bomb() -> None:
    lines = [f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]" for n in range(9)]
    assert {issue.rule for issue in yaml("\n".join(["a: &a [x,x,x]", *lines]))} == {"yaml-feature"}


@pytest.mark.parametrize("text", ["name: &a [*a]", "name: !!python/object/apply:os.system ['x']", "id: !!binary aGk=", "<<: {}"])
def test_i26_i27_i32_features_of_yaml(text: str) -> None:
    assert "yaml-feature" in {issue.rule for issue in yaml(text)}


@pytest.mark.parametrize("text", ["id: NO", "id: 012345", 'id: "5"', "birthDate: 2024-02-01", "active: true", "language: no"])
def test_i28_i29_i31_words_of_yaml_stay_what_they_are(text: str) -> None:
    assert yaml(text) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("id: 5", "element-type"),
        ("active: yes", "element-type"),
        ("multipleBirthInteger: 1e3", "element-type"),
        ("multipleBirthInteger: 0x1F", "element-type"),
        ("birthDate: 2024-02-30", "primitive-form"),
        ("gender: male\ngender: male", "duplicate-key"),
        ("1: x", "yaml-feature"),
        ("\tid: x", "not-yaml"),
        ("active:", "element-empty"),
    ],
)
def test_i30_i33_wrong_in_yaml(text: str, rule: str) -> None:
    issue = yaml(text)[0]
    assert (issue.rule, issue.place.line) == (rule, 3 + text.count("\n"))


def test_i34_many_small_maps_of_yaml() -> None:
    began = time.monotonic()
    assert yaml("name:\n" + "- {text: x, use: usual}\n" * 10_000) == []
    assert time.monotonic() - began < 20


# -- dates -----------------------------------------------------------------------------------------------------------------

NO_DATES = ["2024-02-30", "2023-02-29", "1900-02-29", "2024-13", "2024-00", "2024-04-31", "20240201", "2024-2-1", "2024-W05-4"]
NO_DATES += ["٢٠٢٤-٠٢-٠١", "２０２４-02-01", "2024–02–01", "2024-02-", "24", "-2024", "2024-02-01 ", "2024-02-01\n", "0000", "02/03/2024"]
NO_TIMES = ["2024-02-01T10:00", "2024-02-01T10:00:00", "2024-02-01T24:00:00Z", "2024-02-01T10:00:61Z", "2024-02-01T10:00:00+14:30"]
NO_TIMES += ["2024-02-01T10:00:00z", "2024-02-01t10:00:00Z", "2024-02-30T10:00:00Z", "2024-02T10:00:00Z", "2024-02-01T10:00:00Z\n"]


@pytest.mark.parametrize("date", NO_DATES)
def test_i42_no_dates(date: str) -> None:
    told(patient(birthDate=date), "primitive-form")
    told(observation(effectiveDateTime=date), "primitive-form")


@pytest.mark.parametrize("time_", NO_TIMES)
def test_i43_no_times(time_: str) -> None:
    told(observation(effectiveDateTime=time_), "primitive-form")
    told(observation(issued=time_), "primitive-form")


@pytest.mark.parametrize(
    "time_",
    ["2024-02-01T10:00:00Z", "2024-02-01T23:59:60Z", "2024-02-01T10:00:00.123456789Z", "2024-02-29T10:00:00+14:00"],
)
def test_i43_times(time_: str) -> None:
    assert is_right(observation(effectiveDateTime=time_, issued=time_))


@pytest.mark.parametrize("date", ["2024", "2024-02", "2024-02-29", "0001", "9999-12-31"])
def test_i44_partial_dates(date: str) -> None:
    assert is_right(observation(effectiveDateTime=date))
    told(observation(issued=date), "primitive-form")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-02-02", "2024-02-01"),
        ("2024-02", "2024-01"),
        ("2024-02-02T03:00:00Z", "2024-02-01T21:00:00-05:00"),
        ("2024-01-01T23:00:00-05:00", "2024-01-02T03:00:00Z"),
        ("2024", "2024-01-01"),  # what nobody can decide is an error to HL7's validator too
    ],
)
def test_i46_end_before_start(start: str, end: str) -> None:
    told(observation(effectivePeriod={"start": start, "end": end}), "per-1")


@pytest.mark.parametrize(
    ("start", "end"), [("2024", "2024"), ("2023-12", "2024-01-01"), ("2024-01-01T23:00:00-05:00", "2024-01-02T04:00:00Z")]
)
def test_i46_end_not_before_start(start: str, end: str) -> None:
    assert is_right(observation(effectivePeriod={"start": start, "end": end}))


# -- identity --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b/c", "a" * 65, "abc\n", "abc\r", "bad_id", "#p", "", " ", "ä", "a|b", "a\u200bb", "a\0b", "../x"])
def test_i61_ids(name: str) -> None:
    issues = [issue for issue in validate(patient() | {"id": name}) if issue.is_error]
    assert {issue.rule for issue in issues} <= {"primitive-form", "element-empty", "character"}
    assert {issue.place.pointer for issue in issues} == {"/id"}


@pytest.mark.parametrize("name", ["a" * 64, "A.b-9", "123", ".."])
def test_i61_ids_of_r4(name: str) -> None:
    assert is_right(patient() | {"id": name})


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        ("Practitionr/1", "reference-form"),
        ("practitioner/1", "reference-form"),
        ("Practitioner/a b", "reference-form"),
        ("Practitioner/1\n", "reference-form"),
        ("Practitioner/", "reference-form"),
        ("/Practitioner/1", "reference-form"),
        ("../Practitioner/1", "reference-form"),
        ("Patient/1", "reference-target"),
        ("#nope", "ref-1"),
        ("urn:uuid:ABC", "reference-form"),
        ("x", "reference-form"),
        ("{{7*7}}", "reference-form"),
    ],
)
def test_i62_references(reference: str, rule: str) -> None:
    assert told(patient(generalPractitioner=[{"reference": reference}]), rule).place.pointer == "/generalPractitioner/0/reference"


def test_i62_references_in_a_circle() -> None:
    """Contained resources that refer to each other and to their container end."""
    held = [
        {"resourceType": "Organization", "id": name, "name": "x", "partOf": {"reference": to}}
        for name, to in (("a", "#b"), ("b", "#a"), ("c", "#c"))
    ]
    issues = validate(patient(contained=held, managingOrganization={"reference": "#a"}))
    assert {issue.rule for issue in issues} <= {"dom-3"}


ENTRY = {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": patient()}


@pytest.mark.parametrize(
    "entries",
    [
        [ENTRY, ENTRY],
        [ENTRY | {"fullUrl": "http://x.org/Patient/a"}, ENTRY | {"fullUrl": "http://x.org/Patient/a"}],
        [ENTRY | {"fullUrl": "http://x.org/Patient/b"}],
        [ENTRY | {"fullUrl": "Patient/a"}],
    ],
    ids=["uuid", "url", "other-id", "relative"],
)
def test_i63_two_with_one_identity(entries: list[Any]) -> None:
    issues = validate({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert any(issue.is_error for issue in issues)


# -- injection -------------------------------------------------------------------------------------------------------------

ACTIVE = ["<script>alert(1)</script>", "<img src='x' onerror='alert(1)'/>", "<a href='javascript:alert(1)'>x</a>", "<iframe/>"]
ACTIVE += ["<a href='\tjavascript:alert(1)'>x</a>", "<a href=' jAvAscript&#58;alert(1)'>x</a>", "<a href='java&#10;script:x'>x</a>"]
ACTIVE += ["<a href='data:text/html,x'>x</a>", "<p style='background:url(javascript:x)'>x</p>", "<svg><g onload='x'/></svg>"]
ACTIVE += ["<form action='x'><input/></form>", "<style>p{}</style>", "<object data='x'/>", "<p onclick='x'>x</p>", "<base href='x'/>"]
BROKEN = ["a & b", "<!-- -- -->", "<b>", "</p>", "<b><i>x</b></i>", "&nosuch;", "<p a=1>x</p>", "<", "<![CDATA[x]]"]


@pytest.mark.parametrize("inner", [*ACTIVE, *BROKEN])
def test_i65_narratives(inner: str) -> None:
    issues = [issue for issue in validate(patient(text={"status": "generated", "div": DIV % inner})) if issue.is_error]
    assert issues
    assert {issue.place.pointer for issue in issues} == {"/text/div"}


@pytest.mark.parametrize("inner", ["&lt;script&gt;", "&amp;", "<p>a<br/>b</p>", "<table><tr><td>x</td></tr></table>", "&#160;"])
def test_i65_escaped_markup_is_text(inner: str) -> None:
    assert is_right(patient(text={"status": "generated", "div": DIV % inner}))


TEMPLATES = ["{{7*7}}", "{% import os %}", "${x}", "%s%n%d", "{0.__class__}", "{x!r:>9999999999}", "#{7*7}", "<%= 1 %>", "{", "{}"]


@pytest.mark.parametrize("words", TEMPLATES)
def test_i66_templates_are_shown_as_they_are(words: str) -> None:
    """As the wrong value of an element of each kind: in the message as given, in every form of report."""
    wrong = [patient(gender=words), patient(birthDate=words), patient() | {"id": words}, {"resourceType": words}]
    wrong += [patient(**{words: 1}), patient(generalPractitioner=[{"reference": words}]), patient(telecom=[{"system": words}])]
    wrong += [observation(valueQuantity={"value": 1, "system": UCUM, "code": f"mg {words}"})]
    for resource in wrong:
        issues = validate(resource)
        assert any(words in issue.message for issue in issues), [issue.text() for issue in issues]
        for form in FORMATS:
            said = render(issues, form, False, "1")
            assert words in said or json.dumps(words)[1:-1] in said
        assert "49" not in render(issues, "text", False)
        assert all(words not in render(issues, form, True, "1") for form in FORMATS if len(words) > 2)


HOSTILE = ["a\x1b[2Jb", "a\r\nb: error: fake [x]", "a\x9b2Jb", "a\u202eb", "a\u200bb", "a\u2066b", "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\"]
HOSTILE += ["a\x07b", "a\x00b", "a\x7fb", "\ufeffb", "a\u2028b"]


def hostile_at(words: str) -> Iterator[dict[str, Any]]:
    """Resources with the words in places of every kind."""
    yield {"resourceType": words}
    yield patient(**{words: {words: 1}})
    yield patient(id=words, gender=words, birthDate=words, language=words, implicitRules=words, active=words)
    yield patient(name=[{words: words, "given": [words, {words: words}]}], meta={"profile": [words], "lastUpdated": words})
    yield patient(text={"status": words, "div": words})
    yield patient(text={"status": "generated", "div": DIV % words})
    yield patient(text={"status": "generated", "div": DIV % f'<a href="{words}" {words}="x">x</a><{words}/>'})
    yield patient(extension=[{"url": words, "valueUri": words}, {"url": f"http://hl7.org/fhir/StructureDefinition/{words}"}])
    yield patient(identifier=[{"system": words, "value": words, "type": {"coding": [{"system": words, "code": words}]}}])
    yield patient(generalPractitioner=[{"reference": words, "type": words}], contained=[{"resourceType": words, "id": words}])
    yield observation(valueQuantity={"value": words, "unit": words, "system": UCUM, "code": words})
    yield observation(code={"coding": [{"system": "http://loinc.org", "code": words, "display": words}, {"system": words}]})
    yield observation(effectivePeriod={"start": words, "end": words}, valueRange={"low": words})
    yield {"resourceType": "Bundle", "type": words, "entry": [{"fullUrl": words, "request": {"method": words, "url": words}}]}
    yield {"resourceType": "Parameters", "parameter": [{"name": words, "resource": {"resourceType": words}}]}


@pytest.mark.parametrize("words", HOSTILE)
def test_i68_nothing_reaches_the_terminal_raw(words: str, tmp_path: Path) -> None:
    for number, resource in enumerate(hostile_at(words)):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(resource), encoding="utf-8")
        for form in FORMATS:
            done = CliRunner().invoke(main, ["validate", str(path), "--format", form], color=True)
            assert done.exit_code in (0, 1), resource
            assert not UNSAFE.search(done.output.replace("\n", "")), f"{form}: {resource!a}"
            assert "\nb: error" not in done.output


# -- texts that take time --------------------------------------------------------------------------------------------------

LONG = ["a", " ", "a ", "(", "()", "1.", "<", "<b>", "<!--", "=\"", "-", "a/", "{", "[a]", "10*", "\n", "a=b;", ".1", "é", "\t", "|", "%2F"]


@pytest.mark.parametrize("unit", LONG)
def test_i18_long_texts_end(unit: str) -> None:
    """100,000 characters of each pattern in places of every kind: no expression of ours grows faster than the text."""
    words = unit * (100_000 // len(unit))
    for resource in hostile_at(words):
        began = time.monotonic()
        issues = validate(resource)
        assert time.monotonic() - began < 5
        assert all(len(issue.message) < 1000 for issue in issues)


KEPT = [
    lambda text: {"resourceType": text},
    lambda text: patient(contained=[{"resourceType": text}]),
    lambda text: observation(code={"coding": [{"system": "http://loinc.org", "code": text, "display": "x"}]}),
    lambda text: observation(code={"coding": [{"system": "http://loinc.org", "code": "718-7", "display": text}]}),
    lambda text: observation(code={"coding": [{"system": f"http://x.org/{text}", "code": "x"}]}),
    lambda text: patient(identifier=[{"system": f"http://x.org/{text}", "value": text}]),
    lambda text: observation(valueQuantity={"value": 1, "system": UCUM, "code": "mg", "unit": text}),
    lambda text: observation(valueQuantity={"value": 1, "system": UCUM, "code": f"mg{{{text}}}"}),
    lambda text: patient(extension=[{"url": f"http://x.org/{text}", "valueString": text}]),
    lambda text: patient(extension=[{"url": f"http://hl7.org/fhir/StructureDefinition/{text}", "valueString": text}]),
    lambda text: patient(language=f"en-{text}", photo=[{"contentType": f"image/{text}"}]),
    lambda text: patient(meta={"profile": [f"http://hl7.org/fhir/us/mcode/StructureDefinition/{text}"]}),
]


def kept_after(targets: Iterator[dict[str, Any]]) -> int:
    """Bytes that are still in use after the validation of some resources that are gone."""
    validate(next(targets))
    tracemalloc.start()
    try:
        for target in targets:
            validate(target)
        del target
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", KEPT)
def test_what_is_judged_is_not_kept(make: Callable[[str], dict[str, Any]]) -> None:
    """Codes, units and systems that were judged are remembered, for speed; not those of 500,000 characters."""
    assert kept_after(make(f"{number}x" + "y" * 500_000) for number in range(12)) < 2_000_000


def test_many_types_and_extensions_are_not_kept() -> None:
    def target(number: int) -> dict[str, Any]:
        words = [f"{number}x{i}" + "y" * 900 for i in range(2_500)]
        extensions = [{"url": f"http://x.org/{word}", "valueString": "x"} for word in words]
        return patient(extension=extensions, contained=[{"resourceType": word} for word in words])

    assert kept_after(target(number) for number in range(3)) < 6_000_000


# -- what messages tell of a patient -----------------------------------------------------------------------------------------


class Canaries:
    """A resource whose every text is another canary, where its form allows it."""

    FREE = ("family", "given", "text", "value", "line", "city", "display", "title", "assigner", "note", "valueString")

    def __init__(self) -> None:
        self.count = 0
        number = self.next
        self.resource = {
            "resourceType": "Patient",
            "id": number(),
            "meta": {"source": f"urn:{number()}", "tag": [{"system": "http://x.org/s", "code": number(), "display": number()}]},
            "text": {"status": "generated", "div": DIV % f"<p>{number()}</p><p title='{number()}'>{number()}</p>"},
            "contained": [{"resourceType": "Organization", "id": "o", "name": number(), "alias": [number(), number()]}],
            "extension": [{"url": f"http://x.org/{number()}", "valueString": number()}],
            "identifier": [{"system": f"http://x.org/{number()}", "value": number(), "assigner": {"display": number()}}],
            "name": [{"use": "official", "family": number(), "given": [number(), number()], "text": number()}],
            "telecom": [{"system": "phone", "value": number(), "period": {"start": "2020", "end": "2021"}}],
            "gender": "female",
            "birthDate": "1950-02-03",
            "address": [{"use": "home", "line": [number(), number()], "city": number(), "postalCode": number()}],
            "maritalStatus": {"coding": [{"system": "http://x.org/m", "code": number(), "display": number()}], "text": number()},
            "contact": [{"name": {"text": number()}, "relationship": [{"text": number()}]}],
            "communication": [{"language": {"text": number()}, "preferred": True}],
            "managingOrganization": {"reference": "#o", "display": number()},
            "generalPractitioner": [{"reference": f"Practitioner/{number()}", "display": number()}],
            "link": [{"other": {"reference": f"Patient/{number()}"}, "type": "seealso"}],
        }

    def next(self) -> str:
        self.count += 1
        return f"canary{self.count}x"


WRONG = "canaryWRONG"
OBJECT = {"canaryKEY": {"family": "canaryA", "given": ["canaryB"]}, "mrn": "canaryC"}

# Where something is put, and what: {} marks the wrong value that a message may show.
BROKEN_WAYS: list[tuple[str, Any]] = [
    ("gender", WRONG),
    ("gender", OBJECT),
    ("gender", [WRONG, "canaryB"]),
    ("birthDate", WRONG),
    ("birthDate", OBJECT),
    ("birthDate", ["canaryA", "canaryB"]),
    ("active", WRONG),
    ("active", OBJECT),
    ("deceasedBoolean", OBJECT),
    ("multipleBirthInteger", OBJECT),
    ("id", f"{WRONG} x"),
    ("resourceType", WRONG),
    ("resourceType", OBJECT),
    (WRONG, "canaryA"),
    ("language", OBJECT),
    ("name", OBJECT),
    ("name", "canaryA"),
    ("name", [OBJECT]),
    ("name", ["canaryA"]),
    ("telecom", [{"system": WRONG, "value": "canaryA"}]),
    ("telecom", [{"system": {"x": "canaryA"}, "value": ["canaryB"]}]),
    ("maritalStatus", "canaryA"),
    ("maritalStatus", {"coding": [{"system": "http://loinc.org", "code": WRONG, "display": "canaryA"}], "text": "canaryB"}),
    ("maritalStatus", {"coding": [{"system": WRONG, "code": "canaryA"}]}),
    ("generalPractitioner", [{"reference": WRONG, "display": "canaryA"}]),
    ("generalPractitioner", [{"reference": f"#{WRONG}", "display": "canaryA"}]),
    ("generalPractitioner", [{"reference": {"display": "canaryA"}}]),
    ("link", [{"type": "seealso"}]),
    ("contained", [{"resourceType": WRONG, "name": "canaryA"}]),
    ("contained", [{"name": "canaryA"}]),
    ("contained", ["canaryA"]),
    ("text", {"status": "generated", "div": "<p>canaryA</p>"}),
    ("text", {"status": "generated", "div": DIV % "<p>canaryA<script>canaryB</script>canaryC</p>"}),
    ("text", {"status": "generated", "div": DIV % "<p>canaryA</b>canaryB"}),
    ("text", {"status": "generated", "div": "canaryA"}),
    ("extension", [{"valueString": "canaryA"}]),
    ("extension", [{"url": WRONG, "valueString": "canaryA", "valueCode": "canaryB"}]),
    ("identifier", [{"system": WRONG, "value": "canaryA"}]),
    ("identifier", [{"system": "http://x.org", "value": OBJECT}]),
    ("telecom", [{"value": "canaryA", "period": {"start": "2021-02-03", "end": "2020-02-03"}}]),
    ("photo", [{"contentType": WRONG, "data": "canaryA!"}]),
    ("contact", [{"gender": "female"}]),
]


@pytest.mark.parametrize(("key", "value"), BROKEN_WAYS, ids=[f"{i}-{key}" for i, (key, _) in enumerate(BROKEN_WAYS)])
@pytest.mark.parametrize("form", FORMATS)
def test_messages_tell_of_a_patient_no_more_than_the_wrong_value(key: str, value: Any, form: str) -> None:
    made = Canaries()
    resource = copy.deepcopy(made.resource) | {key: copy.deepcopy(value)}
    issues = validate(resource)
    assert any(issue.is_error for issue in issues)
    said = render(issues, form, False, "1")
    shown = set(re.findall(r"canary[0-9A-Za-z]+", said))
    allowed = {WRONG, "canaryKEY"}  # a key that is wrong is the wrong value
    assert shown - allowed <= texts_wrong_in_themselves(issues, resource)
    assert "canary" not in render(issues, form, True, "1")


def texts_wrong_in_themselves(issues: list[Issue], resource: dict[str, Any]) -> set[str]:
    """Canaries of texts that an issue points at, where that text alone is the wrong value (but for narratives)."""
    found: set[str] = set()
    for issue in issues:
        for path in places(resource):
            value = value_at(resource, path)
            at = "".join(f"/{step}" for step in path)
            if at == issue.place.pointer and isinstance(value, str) and path[-1] != "div":
                found.update(re.findall(r"canary[0-9A-Za-z]+", value))
    return found


def test_the_canaries_are_right_but_for_what_is_broken() -> None:
    made = Canaries()
    assert [issue.text() for issue in validate(made.resource) if issue.is_error] == []
    assert made.count > 30
    assert len(BROKEN_WAYS) > 30


def test_a_file_that_cannot_be_read_is_not_shown() -> None:
    text = json.dumps(Canaries().resource, indent=1)
    for cut in range(1, len(text), 97):
        for broken in (text[:cut], text[:cut] + "\x01" + text[cut:], text[:cut] + "]" + text[cut:]):
            for issue in validate(broken.encode()):
                assert "canary" not in issue.text() or resolves(json.loads(text), issue.place.pointer)


# -- the battery itself ------------------------------------------------------------------------------------------------------


def test_every_row_is_covered() -> None:
    """By a test that has the row's number in its name, in one of the files of HERE, or by the file that ELSEWHERE names."""
    if not INPUTS.is_file() and "CI" not in os.environ:
        pytest.skip("shared/corpora is not beside the repository")
    with INPUTS.open(encoding="utf-8", newline="") as stream:
        rows = {row["id"] for row in csv.DictReader(stream, delimiter="\t") if row["class"] in CLASSES}
    where: dict[str, set[str]] = {}
    for name in HERE:
        for test in re.findall(r"^def (test_\w+)", (TESTS / name).read_text(encoding="utf-8"), re.MULTILINE):
            for row in re.findall(r"(?<=_)i[0-9]{2}(?=_)", test):
                where.setdefault(row.upper(), set()).add(name)
    assert rows - where.keys() == set(ELSEWHERE)
    assert all((TESTS / name).is_file() for name in ELSEWHERE.values() if name)
