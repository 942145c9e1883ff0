"""The battery of bad and unusual inputs (shared/corpora/battery/inputs.tsv), as far as it is about a case or a mapping.

One test a row, named after it: test_i01_... is row I01. Rows that are about other inputs stand in NOT_HERE with the
reason. Every row also means: no exception, findings with a rule and a place, nothing half-written, bounded time.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import resource
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fhirconv import MappingError, convert
from fhirconv.cli import main
from fhirconv.conversion import Conversion, convert_document
from fhirconv.data_files import data_dir
from fhirconv.document import Limits
from fhirconv.issues import Issue
from fhirconv.mapping import load_mappings
from fhirconv.output import file_name
from fhirconv.source import read_bytes

INPUTS = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "battery" / "inputs.tsv"
FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "cases" / "takanashi-2019.yaml"

_CSV = "is about tables; see tests/readers/test_battery.py"
_NDJSON = "NDJSON input is a later issue"
NOT_HERE = {
    **dict.fromkeys(("I35", "I36", "I37", "I38", "I39", "I40", "I41"), _CSV),
    "I69": "FHIR packages are a later issue",
    "I70": "FHIR packages and FHIRPath from outside are a later issue",
    "I72": "there is no XML input",
    **dict.fromkeys(("I73", "I74", "I75"), _NDJSON),  # of I75: output is input, a directory: test_cli.py
}

HEAD = "case: {id: battery}\npatient: {sex: female}\n"
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

# -- how a row is put to the test ----------------------------------------------------------------------------------------


def converted(data: str | bytes, name: str = "case.yaml") -> Conversion:
    given = data.encode() if isinstance(data, str) else data
    return convert_document(read_bytes(given, name), load_mappings())


def from_data(data: object) -> Conversion:
    return converted(json.dumps(data), "case.json")


def rules(result: Conversion) -> list[tuple[str, int]]:
    """Rule and line of each error. Errors mean that there is no Bundle, and that every fact is told to be rejected."""
    assert result.bundle is None
    assert result.ledger.counts()["rejected"] == len(result.ledger) == len(result.case.facts)
    assert all(issue.message for issue in result.issues)
    return [(issue.rule, issue.place.line) for issue in result.issues if issue.is_error]


def refused(data: str | bytes, name: str, rule: str, line: int = 0) -> Issue:
    """The issue of `rule`, which must be there, an error, and at `line` if one is given."""
    result = converted(data, name)
    found = [issue for issue in result.issues if issue.rule == rule]
    assert found, [issue.text() for issue in result.issues]
    assert (rule, line or found[0].place.line) in rules(result)
    assert found[0].is_error
    return found[0]


def entries(result: Conversion) -> list[dict[str, Any]]:
    """The entries of the Bundle, with numbers as the text they are written as."""
    assert result.bundle is not None, [issue.text() for issue in result.issues]
    made: list[dict[str, Any]] = json.loads(result.json(), parse_float=str, parse_int=str)["entry"]
    return made


def resources(result: Conversion, kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in entries(result) if entry["resource"]["resourceType"] == kind]


def lab(value: str = "1", at: str = "", unit: str = "g/dL", conventions: str = "") -> str:
    """A case with one result: its unit in line 6, its value in line 7, its time in line 8."""
    head = f"{HEAD}conventions: {{{conventions}}}\nlabs:\n"
    when = f"    at: {at}\n" if at else ""
    return f"{head}  - analyte: Hb\n    unit: {unit}\n    value: {value}\n{when}"


def named(text: str) -> str:
    """A case in YAML with a patient's name, in line 4."""
    return f"case: {{id: battery}}\npatient:\n  name:\n    text: {text}\n"


def named_json(text: str) -> str:
    """A case in JSON with a patient's name as it stands, in line 2."""
    return f'{{"case": {{"id": "battery"}},\n "patient": {{"name": {{"text": {text}}}}}}}'


def name_of(result: Conversion) -> str:
    return str(resources(result, "Patient")[0]["name"][0]["text"])


def fact_json(inner: str) -> str:
    """A case in JSON with further content in line 2."""
    return f'{{"case": {{"id": "battery"}}, "patient": {{}},\n {inner}}}'


def run(*arguments: str, timeout: float = 30, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with bounded time and memory; it must neither crash nor show a traceback."""
    done = subprocess.run(
        [sys.executable, "-c", "from fhirconv.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        cwd=cwd,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)),
    )
    assert done.returncode >= 0, f"killed by signal {-done.returncode}"
    assert "Traceback" not in done.stderr
    return done


def run_on(folder: Path, data: bytes, name: str, timeout: float = 30) -> str:
    """What the command says of a bad file: it ends in time with exit code 1 and writes nothing."""
    (folder / name).write_bytes(data)
    done = run("convert", name, "-o", "out.json", cwd=folder, timeout=timeout)
    assert done.returncode == 1
    assert os.listdir(folder) == [name]
    return done.stderr


# -- encoding ------------------------------------------------------------------------------------------------------------

NAMES = ["case.json", "case.yaml", "case.yml", "case", "-"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"", b"  \n\t\n \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_i01_empty(data: bytes, name: str) -> None:
    assert refused(data, name, "empty-input").place.file == name


@pytest.mark.parametrize(("name", "text"), [("case.yaml", HEAD), ("case.json", fact_json('"format": 1'))])
def test_i02_byte_order_mark(name: str, text: str) -> None:
    assert converted(b"\xef\xbb\xbf" + text.encode(), name).json() == converted(text, name).json()


@pytest.mark.parametrize("name", ["case.json", "case.yaml"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_i03_utf16(encoding: str, name: str) -> None:
    text = HEAD if name.endswith("yaml") else fact_json('"format": 1')
    assert "UTF-16" in refused(text.encode(encoding), name, "encoding").message


@pytest.mark.parametrize("name", ["case.json", "case.yaml"])
def test_i04_latin1(name: str) -> None:
    issue = refused("# one\n# Müller\n".encode("latin-1"), name, "encoding")
    assert "0xfc at offset 9" in issue.message
    assert issue.place.line == 2


@pytest.mark.parametrize("name", ["case.json", "case.yaml"])
@pytest.mark.parametrize(
    "bad", [b"\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80\xed\xb0\x80"], ids=["truncated", "overlong", "cesu-8"]
)
def test_i05_not_utf8(bad: bytes, name: str) -> None:
    issue = refused(b"case:\n" + bad, name, "encoding")
    assert f"0x{bad[0]:02x} at offset 6" in issue.message
    assert issue.place.line == 2


def test_i06_lone_surrogate() -> None:
    refused(named_json('"a\\ud800"'), "case.json", "character", 2)
    refused(named('"a\\ud800"'), "case.yaml", "not-yaml", 4)
    assert name_of(converted(named_json('"\\ud83d\\ude00"'), "case.json")) == "\U0001f600"  # a pair is a character


@pytest.mark.parametrize("escape", ["\\u0000", "\\u0007", "\\u001b", "\\u001f"])
def test_i07_control_characters(escape: str) -> None:
    refused(named_json(f'"a{escape}b"'), "case.json", "character", 2)
    refused(named(f'"a{escape}b"'), "case.yaml", "character", 4)
    raw = json.loads(f'"{escape}"')
    refused(named_json(f'"a{raw}b"'), "case.json", "not-json", 2)
    refused(named(f'"a{raw}b"'), "case.yaml", "not-yaml", 4)


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\u202e", "\u200b", "\ufeff"])
def test_i08_odd_characters_stay_in_text(character: str) -> None:
    """Kept in text as they are; ids take none of them."""
    escaped = f'"a\\u{ord(character):04x}b"'
    results = [converted(named_json(escaped), "case.json"), converted(named(escaped), "case.yaml")]
    assert {name_of(result) for result in results} == {f"a{character}b"}
    assert results[0].json() == results[1].json()
    refused(fact_json(f'"labs": [{{"id": {escaped}, "analyte": "Hb", "value": 1}}]'), "case.json", "wrong-form", 2)


@pytest.mark.parametrize("character", ["\u200b", "\u202e", "\u2028", "\x85", "\ufeff"])
def test_i08_odd_characters_in_the_case_id(character: str) -> None:
    """Two case ids that look the same would be two patients."""
    refused(f'{{"case": {{"id": "a{character}b"}}, "patient": {{}}}}', "case.json", "wrong-form", 1)


def ids(result: Conversion) -> set[str]:
    return {entry["resource"]["id"] for entry in entries(result)}


@pytest.mark.parametrize(
    "text",
    [
        "case: {id: M\u00fcller-1}\npatient: {sex: female}\n",
        f"{HEAD}labs: [{{analyte: H\u00e4moglobin, value: 1, unit: g/dL}}]\n",
    ],
    ids=["case-id", "natural-key"],
)
def test_i09_composed_and_decomposed(text: str) -> None:
    one, other = (converted(unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))
    warned = any(issue.severity != "information" for issue in other.issues)
    assert warned or ids(one) == ids(other)


@pytest.mark.parametrize("ends", ["\r\n", "\r", "mixed", "none at the end"])
def test_i10_line_ends(ends: str) -> None:
    text = FIXTURE.read_text(encoding="utf-8")
    changed = {"mixed": text.replace("\n", "\r\n", 99), "none at the end": text.rstrip("\n")}
    other = converted(changed.get(ends, text.replace("\n", ends)), str(FIXTURE))
    one = converted(text, str(FIXTURE))
    assert other.json() == one.json()
    assert [issue.place for issue in other.issues] == [issue.place for issue in one.issues]


@pytest.mark.parametrize(
    ("data", "name", "rule", "told"),
    [
        (HEAD.encode(), "case.json", "not-json", ".yaml"),
        (b"mrn,name\n1,2\n", "case.json", "not-json", "begin with '{'"),
        (b"mrn,name\n1,2\n", "case.yaml", "wrong-type", "found text"),
        (gzip.compress(HEAD.encode()), "case.json", "encoding", "gzip"),
        (gzip.compress(HEAD.encode()), "case.yaml", "encoding", "gzip"),
        (b"PK\x03\x04\x14\x00", "case.yaml", "not-yaml", "character"),
        (b'{"case": {}}\n{"case": {}}\n', "case.json", "not-json", ".ndjson"),
    ],
    ids=["yaml-as-json", "csv-as-json", "csv-as-yaml", "gzip-as-json", "gzip-as-yaml", "zip-as-yaml", "ndjson-as-json"],
)
def test_i11_other_content(data: bytes, name: str, rule: str, told: str) -> None:
    assert told in refused(data, name, rule).message


@pytest.mark.parametrize(("name", "rule"), [("case.json", "not-json"), ("case.yaml", "not-yaml"), ("-", "not-yaml")])
def test_i12_html(name: str, rule: str) -> None:
    issue = refused("<!DOCTYPE html>\n<html><body>Log in, Dr Secret</body></html>", name, rule, 1)
    assert "HTML" in issue.message
    assert "Secret" not in issue.text()


# -- JSON ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "pointer"),
    [
        ('{"case": {"id": "a",\n "id": "b"}, "patient": {}}', "case.json", "/case/id"),
        ('{"case": {"id": "a"}, "patient": {"sex": "female",\n "\\u0073ex": "male"}}', "case.json", "/patient/sex"),
        ('{"case": {"id": "a"}, "patient": {},\n "patient": {}}', "case.json", "/patient"),
    ],
    ids=["plain", "escaped", "whole-section"],
)
def test_i13_duplicate_key(data: str, name: str, pointer: str) -> None:
    assert refused(data, name, "duplicate-key", 2).place.pointer == pointer


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_i14_no_numbers(word: str) -> None:
    inner = f'"labs": [{{"analyte": "x: {word}",\n "value": {word}}}]'
    assert word in refused(fact_json(inner), "case.json", "not-json", 3).message
    refused(lab(word), "case.yaml", "number-invalid", 7)


def value_of(result: Conversion) -> str:
    return str(resources(result, "Observation")[0]["valueQuantity"]["value"])


def three_ways(value: str) -> Iterator[tuple[str, str]]:
    """A value as number of JSON, of YAML and as text."""
    for shown in (value, f'"{value}"'):
        result = f'"labs": [{{"analyte": "Hb", "unit": "g/dL", "value": {shown}}}]'
        yield fact_json(result), "case.json"
    yield lab(value), "case.yaml"


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1e-400", "0e400", "1e99999999999999999999", "1" * 35])
def test_i15_numbers_out_of_reach(value: str) -> None:
    for data, name in three_ways(value):
        refused(data, name, "number-limit")


@pytest.mark.parametrize("value", ["-0", "-0.0", "0e0", "0E-5", "1e308", "1E-308"])
def test_i15_numbers_at_the_edge(value: str) -> None:
    assert {value_of(converted(data, name)) for data, name in three_ways(value)} == {value}


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "0." + "1" * 40], ids=["5000", "-5000", "0.40"])
def test_i16_many_digits(value: str) -> None:
    for data, name in three_ways(value):
        assert "34 digits" in refused(data, name, "number-limit").message


@pytest.mark.parametrize("value", ["9" * 34, "9" * 20, "0." + "9" * 34, "9223372036854775808", "18446744073709551616"])
def test_i16_digits_within_the_limit(value: str) -> None:
    """34 digits are kept, also those that no integer of the machine holds."""
    assert {value_of(converted(data, name)) for data, name in three_ways(value)} == {value}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"[" * 100_000, "case.json"),
        (b"[" * 100_000 + b"]" * 100_000, "case.json"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "case.json"),
        (b"[" * 300 + b"]" * 300, "case.json"),
        (b"[" * 100_000 + b"]" * 100_000, "case.yaml"),
        (b"- " * 50_000 + b"x", "case.yaml"),
        (b"{a: " * 300 + b"1" + b"}" * 300, "case.yaml"),
    ],
    ids=["json-open", "json-arrays", "json-objects", "json-300", "yaml-flow", "yaml-block", "yaml-300"],
)
def test_i17_depth(data: bytes, name: str, tmp_path: Path) -> None:
    assert "[too-deep]" in run_on(tmp_path, data, name)


@pytest.mark.parametrize("name", ["case.json", "case.yaml"])
def test_i18_one_text_of_50_mb(name: str, tmp_path: Path) -> None:
    text = '{"case": {"id": "a"}, "patient": {"note": "' + "x" * 50_000_000 + '"}}'
    said = run_on(tmp_path, text.encode(), name, timeout=10)
    assert "[too-large]" in said
    assert len(said) < 2000


def test_i18_file_over_the_limit() -> None:
    document = read_bytes(b"case: {id: a}\n", "case.yaml", Limits(bytes=5))
    assert [issue.rule for issue in document.issues] == ["too-large"]


def test_i18_text_over_the_limit() -> None:
    """FHIR allows 1 MB; the message says so."""
    result = converted(named_json(f'"{"x" * (1024 * 1024 + 1)}"'), "case.json")
    (error,) = (issue for issue in result.issues if issue.is_error)
    assert error.rule in ("too-large", "wrong-form")
    assert error.place.line == 2
    assert "1048576" in error.message


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"case": {"id": "a"},\n "patient": {},}', 2, 16),
        ('{"case": {"id": "a"}, // why\n "patient": {}}', 1, 23),
        ('{"case": {"id": "a"},\n /* why */ "patient": {}}', 2, 2),
        ("{'case': {'id': 'a'}}", 1, 2),
        ('{case: {"id": "a"}}', 1, 2),
        ("{} {}", 1, 4),
        ('{"case": {"id": "a"},\n "patient": {"identifiers": [1,]}}', 2, 31),
        ('{"case": {"id": 01}}', 1, 18),
        ('{"case": {"id": .5}}', 1, 17),
        ('{"case": {"id": "a}}', 1, 17),
        ('{"case": {"id": "a\nb"}}', 1, 19),
        ('{"case" {"id": "a"}}', 1, 9),
        ('{"case": {"id": "a"', 1, 20),
    ],
)
def test_i19_almost_json(text: str, line: int, column: int) -> None:
    place = refused(text, "case.json", "not-json", line).place
    assert abs(place.column - column) <= 2  # the point where a reader stops may differ by a sign


@pytest.mark.parametrize("name", ["case.json", "case.yaml"])
@pytest.mark.parametrize("text", ["[]", '"x"', "5", "true", "[{}]"])
def test_i20_not_an_object(text: str, name: str) -> None:
    assert "expected an object" in refused(text, name, "wrong-type", 1).message


@pytest.mark.parametrize("name", ["case.json", "case.yaml"])
def test_i20_null(name: str) -> None:
    refused("null", name, "empty-input", 1)


@pytest.mark.parametrize("key", ["birthdate", "Birth_Date", "birth_date ", "birthDate"])
def test_i21_unknown_key(key: str) -> None:
    data = f'{{"case": {{"id": "a"}}, "patient":\n {{"{key}": "1950"}}}}'
    assert "'birth_date'" in refused(data, "case.json", "unknown-key", 2).message


@pytest.mark.parametrize(
    ("inner", "rule"),
    [
        ('"labs": null', "wrong-type"),
        ('"labs": {}', "wrong-type"),
        ('"labs": ""', "wrong-type"),
        ('"labs": [null]', "wrong-type"),
        ('"labs": [{}]', "missing-key"),
        ('"labs": [{"analyte": "", "value": 1}]', "empty-value"),
        ('"labs": [{"analyte": null, "value": 1}]', "wrong-type"),
        ('"labs": [{"analyte": " ", "value": 1}]', "empty-value"),
        ('"labs": [{"analyte": "Hb", "absent": {}}]', "missing-key"),
        ('"labs": [{"analyte": "Hb", "value": ""}]', "number-invalid"),
        ('"labs": [{"analyte": "Hb", "value": 1, "at": {}}]', "empty-value"),
        ('"labs": [{"analyte": "Hb", "value": 1, "at": ""}]', "date-invalid"),
        ('"labs": [{"analyte": "Hb", "value": 1, "evidence": []}]', "empty-value"),
        ('"labs": [{"analyte": "Hb", "value": 1, "evidence": [""]}]', "empty-value"),
        ('"labs": [{"analyte": "Hb", "value": 1, "reference_range": {}}]', "empty-value"),
        ('"conditions": [{"kind": "other", "name": "x", "site": []}]', "empty-value"),
        ('"medications": [{"drug": "x", "status": "active", "dose": {}}]', "empty-value"),
        ('"source": {"authors": []}', "empty-value"),
    ],
)
def test_i22_nothing_where_something_is_due(inner: str, rule: str) -> None:
    refused(fact_json(inner), "case.json", rule, 2)


@pytest.mark.parametrize("inner", ['"labs": []', '"source": {}', '"conventions": {}', '"events": []'])
def test_i22_empty_sections_make_no_empty_elements(inner: str) -> None:
    """An empty section says nothing, and nothing comes of it."""
    for value in every_value(entries(converted(fact_json(inner), "case.json"))):
        assert value not in ({}, [], None, "")


def every_value(value: object) -> Iterator[object]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from every_value(item)


@pytest.mark.parametrize(
    "inner",
    [
        '"performance_status": [{"scale": "ecog", "score": "1"}]',
        '"performance_status": [{"scale": "ecog", "score": true}]',
        '"performance_status": [{"scale": "ecog", "score": 1.5}]',
        '"adverse_events": [{"event": "x", "presence": "present", "grade": "3"}]',
        '"adverse_events": [{"event": "x", "presence": true}]',
        '"labs": [{"analyte": 5, "value": 1}]',
        '"labs": [{"analyte": true, "value": 1}]',
        '"labs": [{"analyte": "Hb", "value": true}]',
        '"labs": [{"analyte": "Hb", "value": 1, "reference_range": {"low": "1"}}]',
        '"medications": [{"drug": "x", "status": "active", "dose": {"value": "5", "unit": "mg"}}]',
        '"specimens": [{"type": "serum", "sequence": "1"}]',
        '"format": "1"',
        '"format": true',
    ],
)
def test_i23_no_coercion(inner: str) -> None:
    assert {rule for rule, _ in rules(converted(fact_json(inner), "case.json"))} <= {"wrong-type", "not-a-choice"}


@pytest.mark.parametrize(
    "inner",
    [
        '"performance_status": [{"scale": "ecog", "score": 1.0}]',
        '"adverse_events": [{"event": "x", "presence": "present", "grade": 3.0}]',
    ],
)
def test_i23_whole_numbers_are_written_whole(inner: str) -> None:
    """JSON Schema takes 1.0 for an integer, FHIR's integer does not: refused, or written as 1."""
    result = converted(fact_json(inner), "case.json")
    assert result.bundle is None or not re.search(rb"[13]\.0", result.json())


def test_i24_many_facts() -> None:
    """The bound is the size of a file (64 MB); within it time and memory grow with the number of facts."""
    facts = ",".join(f'{{"id": "a{n}", "analyte": "Hb", "unit": "g/dL", "value": {n}}}' for n in range(20_000))
    result = converted(fact_json(f'"labs": [{facts}]'), "case.json")
    assert result.ledger.counts() == {"converted": 20_002, "kept as text": 0, "merged": 0, "rejected": 0}
    assert len(resources(result, "Observation")) == 20_000


# -- YAML ----------------------------------------------------------------------------------------------------------------


def test_i25_alias_bomb(tmp_path: Path) -> None:
    levels = [f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]" for n in range(9)]
    bomb = "\n".join(["a: &a [x,x,x,x,x,x,x,x,x]", *levels])
    assert "case.yaml:2:8: error: '*'" in run_on(tmp_path, bomb.encode(), "case.yaml", timeout=10)


@pytest.mark.parametrize("text", ["&a [*a]", "case: &a [*a]", "case: &a {id: x}\npatient: *a", "case: &a {id: x}"])
def test_i26_anchors(text: str, tmp_path: Path) -> None:
    refused(text, "case.yaml", "yaml-feature", 1)
    assert "[yaml-feature]" in run_on(tmp_path, text.encode(), "case.yaml", timeout=10)


@pytest.mark.parametrize(
    "tag",
    [
        '!!python/object/apply:os.system ["touch {canary}"]',
        "!!python/object/apply:subprocess.check_output [[touch, {canary}]]",
        "!!python/object/new:os.mkdir [{canary}]",
        "!!binary aGk=",
        "!!set {{a}}",
        "!!str x",
        "!!int 5",
        "!mine x",
        "! x",
        "!<tag:yaml.org,2002:str> x",
    ],
)
def test_i27_tags(tag: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    refused(named(tag.format(canary=canary)), "case.yaml", "yaml-feature", 4)
    assert not canary.exists()


@pytest.mark.parametrize("word", ["NO", "no", "No", "on", "Y", "yes", "off", "True", "TRUE", "Null", "N/A", "=", "<<"])
def test_i28_words_stay_words(word: str) -> None:
    assert name_of(converted(named(word))) == word


@pytest.mark.parametrize("word", ["true", "false", "null", "~", ""])
def test_i28_words_that_are_none(word: str) -> None:
    """The three words of JSON, '~' and nothing are no text; the message says what was found."""
    refused(named(word), "case.yaml", "wrong-type")


@pytest.mark.parametrize("word", ["012345", "1_000", "0x1F", "0o17", "0b1", "1:30", "12:30:45", ".5", "+5", "1."])
def test_i29_numbers_of_yaml_stay_text(word: str) -> None:
    text = f'case: {{id: a}}\npatient:\n  identifiers:\n    - {{system: "urn:oid:1.2", value: {word}}}\n'
    (patient,) = resources(converted(text), "Patient")
    assert patient["identifier"][1] == {"system": "urn:oid:1.2", "value": word}


@pytest.mark.parametrize("word", ["12345", "1.50", "1e3"])
def test_i29_identifiers_want_quotes(word: str) -> None:
    """What is a number in JSON is one in YAML; an identifier is text, and the message says how to make it that."""
    text = f'case: {{id: a}}\npatient:\n  identifiers:\n    - {{system: "urn:oid:1.2", value: {word}}}\n'
    assert "quotes" in refused(text, "case.yaml", "wrong-type", 4).message


@pytest.mark.parametrize("value", ["1.50", "1e3", "6E1"])
def test_i30_digits_of_yaml(value: str) -> None:
    assert value_of(converted(lab(value))) == value


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2024-02-01", "2024-02-01"), ("2024-02", "2024-02"), ("2024", "2024"), ("2024-02-01T10:00:00Z",) * 2],
)
def test_i31_dates_of_yaml(at: str, expected: str) -> None:
    assert resources(converted(lab(at=at)), "Observation")[0]["effectiveDateTime"] == expected


def test_i31_dates_of_yaml_that_are_none() -> None:
    refused(lab(at="2024-02-30"), "case.yaml", "date-invalid", 8)
    refused(lab(at="2024-02-01T10:00:00"), "case.yaml", "time-zone-missing", 8)


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        (f"{HEAD}labs:\n  - analyte: a\n    value: 1\n    analyte: b\n", "duplicate-key", 6),
        (f"{HEAD}patient: {{}}\n", "duplicate-key", 3),
        (f"{HEAD}labs:\n  - <<: {{value: 1}}\n    analyte: a\n", "yaml-feature", 4),
        (f"---\n{HEAD}---\n{HEAD}", "yaml-feature", 4),
        (f"{HEAD}labs:\n\t- analyte: x\n", "not-yaml", 4),
        (named("@x"), "not-yaml", 4),
        (named("%x"), "not-yaml", 4),
        (named("`x"), "not-yaml", 4),
        (named("a: b"), "not-yaml", 4),
        (named("*x"), "yaml-feature", 4),
        (named("[a"), "not-yaml", 5),
        (lab(">100"), "not-yaml", 7),
        (lab("- "), "not-yaml", 7),
    ],
)
def test_i32_yaml_mistakes(text: str, rule: str, line: int) -> None:
    assert refused(text, "case.yaml", rule, line).place.column > 0


@pytest.mark.parametrize("value", [">100", "@x", "%x", "`x", "a: b"])
def test_i32_what_wants_quotes_is_told(value: str) -> None:
    assert "put the text in quotes" in refused(named(value), "case.yaml", "not-yaml", 4).message


def test_i32_equals_sign_is_text() -> None:
    assert name_of(converted(named("="))) == "="


@pytest.mark.parametrize("key", ["1", "true", "null", "1.5", "~", "? [a]\n", "{a: 1}"])
def test_i33_keys_that_are_no_text(key: str) -> None:
    assert "quotes" in refused(f"{HEAD}{key}: x\n", "case.yaml", "yaml-feature", 3).message


def test_i33_the_place_of_such_a_key_is_the_object() -> None:
    assert refused(f"{HEAD}1: x\n", "case.yaml", "yaml-feature", 3).place.pointer == ""
    assert refused(f"{HEAD}labs:\n  - 1: x\n", "case.yaml", "yaml-feature", 4).place.pointer == "/labs/0"


def test_i33_a_date_is_text() -> None:
    refused(f"{HEAD}2024-01-01: x\n", "case.yaml", "unknown-key", 3)


def test_i34_many_small_maps(tmp_path: Path) -> None:
    """1 MB takes seconds, converted and written; the limit has room for a slow machine."""
    rows = "".join(f"  - {{id: a{n}, analyte: Hb, value: {n}, unit: g/dL}}\n" for n in range(20_000))
    assert len(rows) > 1_000_000
    (tmp_path / "case.yaml").write_text(f"{HEAD}labs:\n{rows}", encoding="utf-8")
    done = run("convert", "case.yaml", "-o", "out.json", cwd=tmp_path, timeout=40)
    assert done.returncode == 0


# -- dates ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at",
    [
        *("2024-02-30", "2023-02-29", "2024-13", "2024-00", "2024-02-00", "0000", "20240201", "2024-2-1", "2024-W05-4"),
        *(
            "2024-032",
            "2024111",
            "٢٠٢٤-٠٢-٠١",
            "２０２４-02-01",
            "2024–02–01",
            "2024-02-",
            "24",
            "-2024",
            "2024-02-01Z",
        ),
    ],
)
def test_i42_no_dates(at: str) -> None:
    refused(lab(at=f'"{at}"'), "case.yaml", "date-invalid", 8)


@pytest.mark.parametrize("at", ["2024-032", "2024111"])
def test_i42_no_reading_is_made_up(at: str) -> None:
    """2024-032 is the 1st of February (ISO 8601 ordinal date); 2024111 may be 1 November or 11 January."""
    assert "write it as" not in refused(lab(at=f'"{at}"'), "case.yaml", "date-invalid", 8).message


@pytest.mark.parametrize(
    ("at", "rule"),
    [
        ("2024-02-01T10:00", "time-zone-missing"),
        ("2024-02-01T10:00:00", "time-zone-missing"),
        ("2024-02-01T24:00:00Z", "date-invalid"),
        ("2024-02-01T10:00:00+14:30", "date-invalid"),
        ("2024-02-01T10:00:61Z", "date-invalid"),
        ("2024-02-01T10Z", "date-invalid"),
        ("2024-02-01T10:00:00+0900", "date-invalid"),
        ("2024-02-01T10:00:00z", "date-invalid"),
        ("2024-02T10:00:00Z", "date-invalid"),
        ("2024-02-30T10:00:00Z", "date-invalid"),
        ("2024-02-01T10:00:00.1234567890Z", "date-invalid"),
    ],
)
def test_i43_no_times(at: str, rule: str) -> None:
    refused(lab(at=f'"{at}"'), "case.yaml", rule, 8)


@pytest.mark.parametrize(
    "at",
    [
        *("2024-02-01T23:59:60Z", "2024-02-01T10:00:00-00:00", "2024-02-01T10:00:00+14:00"),
        *("2024-02-01T10:00:00.123Z", "2024-02-01T10:00:00.100Z", "2024-02-01T10:00:00.123456789Z"),
    ],
)
def test_i43_times_stay_as_given(at: str) -> None:
    assert resources(converted(lab(at=f'"{at}"')), "Observation")[0]["effectiveDateTime"] == at


@pytest.mark.parametrize("at", ["2024", "2024-02"])
def test_i44_precision_is_kept(at: str) -> None:
    """(oBDS has a mark for days that are not known; case facts leave the day out.)"""
    whens = {"effectiveDateTime": lab(at=at), "birthDate": f"case: {{id: a}}\npatient: {{birth_date: {at}}}\n"}
    for key, text in whens.items():
        made = [entry["resource"].get(key) for entry in entries(converted(text))]
        assert at in made
        assert f"{at}-01" not in converted(text).json().decode()


@pytest.mark.parametrize("at", ["02/03/2024", "3.2.24", "03-04-2024"])
def test_i45_ambiguous_dates(at: str) -> None:
    refused(lab(at=at), "case.yaml", "date-ambiguous", 8)


@pytest.mark.parametrize(
    "text",
    [
        "case: {id: a}\npatient: {birth_date: 2990-01-01}\n",
        "case: {id: a}\npatient: {birth_date: 1990, died: 1980}\n",
        "case: {id: a}\npatient: {birth_date: 1990}\nlabs: [{analyte: Hb, value: 1, unit: g/dL, at: 1970}]\n",
    ],
    ids=["birth in the future", "death before birth", "result before birth"],
)
def test_i45_impossible_order(text: str) -> None:
    assert any(issue.severity != "information" for issue in converted(text).issues)


@pytest.mark.parametrize(
    ("start", "end"), [("2024-01-02", "2024-01-01"), ("2024-01-01T23:00:00-05:00", "2024-01-02T03:00:00Z")]
)
def test_i46_end_before_start(start: str, end: str) -> None:
    text = f'{HEAD}medications:\n  - {{drug: x, status: stopped, start: "{start}", end: "{end}"}}\n'
    assert any(issue.severity != "information" for issue in converted(text).issues)


# -- numbers and units ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1.0", "1.00", "0.40", "66.899999999999991", "1E-22", "1e3", "-0", "1.50", "100"])
def test_i47_byte_for_byte(value: str) -> None:
    written = [converted(data, name).json() for data, name in three_ways(value)]
    (tail,) = {text.partition(b'"valueQuantity":')[2] for text in written[:2]}
    assert tail.startswith(f'{{"value":{value},'.encode())
    assert f'{{"value":{value},'.encode() in written[2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"<0.1"', {"value": "0.1", "comparator": "<"}),
        ('">100"', {"value": "100", "comparator": ">"}),
        ("≥3.0", {"value": "3.0", "comparator": ">="}),
    ],
)
def test_i48_comparators(value: str, expected: Mapping[str, str]) -> None:
    made = resources(converted(lab(value)), "Observation")[0]["valueQuantity"]
    assert {key: made[key] for key in ("value", "comparator")} == expected


def test_i48_range() -> None:
    made = resources(converted(lab("1-3.0")), "Observation")[0]["valueRange"]
    assert [made[end]["value"] for end in ("low", "high")] == ["1", "3.0"]


def test_i48_number_without_its_zero() -> None:
    result = converted(lab(".04"))
    assert value_of(result) == "0.04"
    found = [(issue.rule, issue.place.line) for issue in result.issues]
    assert found == [("number-completed", 7), ("value-range", 7)]  # told also that no Hb is so low


@pytest.mark.parametrize(
    ("value", "rule", "told"),
    [
        ("60~120", "number-invalid", "'60-120'"),
        ("3+", "number-invalid", "'result'"),
        ("neg", "number-invalid", "'result'"),
        ("tr", "number-invalid", "'result'"),
        ("5 %", "number-invalid", "'unit'"),
        ("1,5", "number-ambiguous", "1.5 or 15"),
        ("10-5", "number-invalid", "above its high end"),
        ('"٣"', "number-invalid", "not a number"),
    ],
)
def test_i48_no_number(value: str, rule: str, told: str) -> None:
    assert told in refused(lab(value), "case.yaml", rule, 7).message


def test_i48_words_have_a_field_of_their_own() -> None:
    for words in ("3+", "neg", "tr"):
        text = f'{HEAD}labs: [{{analyte: Hb, result: "{words}"}}]\n'
        assert resources(converted(text), "Observation")[0]["valueCodeableConcept"]["text"] == words


ODD = [("-5", "mg"), ("0", "mg"), ("1000000000", "mg"), ("120", "%"), ("3000", "10*3/uL")]


@pytest.mark.parametrize(("value", "unit"), ODD)
def test_i49_odd_values_are_not_changed(value: str, unit: str) -> None:
    assert value_of(converted(lab(value, unit=f'"{unit}"'))) == value


@pytest.mark.parametrize(("value", "unit"), ODD)
def test_i49_odd_values_are_told(value: str, unit: str) -> None:
    assert any(issue.severity == "warning" for issue in converted(lab(value, unit=f'"{unit}"')).issues)


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("gm/dl", "g/dL"),
        ("mcg", "ug"),
        ("x10^9/L", "10*9/L"),
        ("\u00b5g/mL", "ug/mL"),
        ("\u03bcg/mL", "ug/mL"),
        ("g/dL", "g/dL"),
    ],
)
def test_i50_units_by_table(unit: str, code: str) -> None:
    made = resources(converted(lab(unit=unit)), "Observation")[0]["valueQuantity"]
    assert made == {"value": "1", "unit": unit, "system": "http://unitsofmeasure.org", "code": code}


@pytest.mark.parametrize("unit", ["g/l-1", "giga.l-1", "tera.l-1", "MM HG", "G/DL", "furlong"])
def test_i50_unknown_units(unit: str) -> None:
    """The project's choice: an unknown unit as text is an error with a hint; {text: ...} keeps it without a code."""
    assert "{text: ...}" in refused(lab(unit=unit), "case.yaml", "unit-unknown", 6).message
    made = resources(converted(lab(unit=f'{{text: "{unit}"}}')), "Observation")[0]["valueQuantity"]
    assert made == {"value": "1", "unit": unit}  # qty-3: no code without a system


def test_i50_empty_and_missing_units() -> None:
    refused(lab(unit='""'), "case.yaml", "empty-value", 6)
    refused(lab(unit='"  "'), "case.yaml", "unit-unknown", 6)
    result = converted(f"{HEAD}labs: [{{analyte: Hb, value: 1}}]\n")
    assert [(issue.rule, issue.severity) for issue in result.issues] == [("unit-missing", "warning")]
    assert resources(result, "Observation")[0]["valueQuantity"] == {"value": "1"}


# -- codes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        *((f'case: {{id: a}}\npatient: {{sex: "{sex}"}}\n', 2) for sex in ("M", "F", "W", "D", "Female ", "FEMALE")),
        (f"{HEAD}medications: [{{drug: x, status: FINISHED}}]\n", 3),
        (f"{HEAD}conditions: [{{kind: other, name: x, laterality: links}}]\n", 3),
        (f"{HEAD}conditions: [{{kind: Metastasis, name: x}}]\n", 3),
    ],
)
def test_i51_words_outside_the_choices(text: str, line: int) -> None:
    refused(text, "case.yaml", "not-a-choice", line)


def loinc_is_right(code: str) -> bool:
    """The check digit of LOINC (mod 10)."""
    number, _, check = code.rpartition("-")
    if not (number.isdigit() and check.isdigit()):
        return False
    doubled = str(int(number[::-1][0::2]) * 2)
    total = sum(map(int, doubled)) + sum(map(int, number[::-1][1::2]))
    return (10 - total % 10) % 10 == int(check)


_D = ["0123456789", "1234067895", "2340178956", "3401289567", "4012395678"]
_D += ["5987604321", "6598710432", "7659821043", "8765932104", "9876543210"]
_P = ["0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"]


def snomed_is_right(code: str) -> bool:
    """The check digit of SNOMED CT (Verhoeff)."""
    check = 0
    for position, digit in enumerate(reversed(code)):
        check = int(_D[check][int(_P[position % 8][int(digit)])])
    return check == 0 and 6 <= len(code) <= 18


def test_i52_our_own_codes_have_the_right_form() -> None:
    assert loinc_is_right("718-7")
    assert not loinc_is_right("718-8")
    forms = {
        "http://loinc.org": lambda code: code.startswith("LA") or loinc_is_right(code),
        "http://snomed.info/sct": snomed_is_right,
        "http://www.nlm.nih.gov/research/umls/rxnorm": str.isdigit,
        "http://www.whocc.no/atc": lambda code: re.fullmatch(r"[A-V]\d\d([A-Z]([A-Z](\d\d)?)?)?", code),
        "http://hl7.org/fhir/sid/icd-10-cm": lambda code: re.fullmatch(r"[A-Z]\d[\dA-Z](\.[\dA-Z]{1,4})?", code),
    }
    tables = load_mappings().tables.concepts.values()
    codings = [coding for table in tables for concept in table.concepts.values() for coding in concept.codings]
    assert codings
    assert [one for one in codings if not forms.get(one["system"], bool)(one["code"])] == []


def site(folder: Path, name: str, text: str) -> Path:
    """A site's folder of mappings with one file."""
    path = folder / "site" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return folder / "site"


def mistakes(folder: Path) -> list[Issue]:
    with pytest.raises(MappingError) as caught:
        convert({"case": {"id": "a"}, "patient": {}}, mappings=folder)
    return caught.value.issues


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("loinc", "718-8"),
        ("loinc", "4548-40"),
        ("icd-10", "C50-9"),
        ("icd-10", "c50.9"),
        ("snomed", "254837008"),
        ("rxnorm", "letrozole"),
    ],
)
def test_i52_codes_of_a_wrong_form(system: str, code: str, tmp_path: Path) -> None:
    coding = f'codings = [{{ system = "{system}", code = "{code}", verified = "here" }}]'
    folder = site(tmp_path, "concepts/labs.toml", f'[wrong]\ntext = "Wrong"\n{coding}\n')
    assert [issue.rule for issue in mistakes(folder)] == ["mapping-code"]


def test_i53_the_given_text_is_kept() -> None:
    """Case facts have no codes, so that none can contradict them; the words stay beside the codes of the table."""
    (made,) = resources(converted(lab()), "Observation")
    assert made["code"]["text"] == "Hb"
    assert [coding["code"] for coding in made["code"]["coding"]] == ["718-7"]


@pytest.mark.parametrize("system", ["LN", "LOINC", "MRN", "loinc", "//x"])
def test_i54_systems_of_identifiers(system: str) -> None:
    text = f'case: {{id: a}}\npatient:\n  identifiers:\n    - {{system: "{system}", value: "1"}}\n'
    assert "systems.toml" in refused(text, "case.yaml", "system-unknown", 4).message


@pytest.mark.parametrize("system", ["urn:oid:1.2.3 ", "http://a b"])
def test_i54_systems_with_blanks(system: str) -> None:
    text = f'case: {{id: a}}\npatient:\n  identifiers:\n    - {{system: "{system}", value: "1"}}\n'
    refused(text, "case.yaml", "wrong-form", 4)


@pytest.mark.parametrize("system", ["http://loinc.org", "LOINC", "LN", "loinc "])
def test_i54_systems_of_concepts(system: str, tmp_path: Path) -> None:
    """In a table only the short names of systems.toml stand."""
    coding = f'codings = [{{ system = "{system}", code = "718-7", verified = "here" }}]'
    folder = site(tmp_path, "concepts/labs.toml", f'[mine]\ntext = "Mine"\n{coding}\n')
    (issue,) = mistakes(folder)
    assert (issue.rule, Path(issue.place.file).name) == ("mapping-table", "labs.toml")
    assert f"'{system}' is not in systems.toml" in issue.message


STAGED = "conditions: [{id: c, kind: primary-cancer, name: breast cancer}]\nstages:\n"


@pytest.mark.parametrize(
    "stages",
    [
        "{of: c, stage: IV}, {of: c, category: T, stage: T1}",
        "{of: c, stage: IIIC}, {id: again, of: c, stage: IIB}",
        "{of: c, category: T, stage: cT2, basis: pathological}",
    ],
    ids=["T1 in stage IV", "two groups", "cT by pathology"],
)
def test_i55_stages_that_contradict_each_other(stages: str) -> None:
    result = converted(f"{HEAD}{STAGED}  [{stages}]\n")
    assert "stage-conflict" in [issue.rule for issue in result.issues]
    assert len(resources(result, "Observation")) == stages.count("of: c")


def test_i55_a_score_that_the_scale_does_not_have() -> None:
    refused(f"{HEAD}performance_status: [{{scale: ecog, score: 7}}]\n", "case.yaml", "wrong-form", 3)


@pytest.mark.parametrize("drug", ["letrozl", "FOLFOX", "5-FU 48h", "Femara 2.5"])
def test_i56_drugs_that_no_table_has(drug: str) -> None:
    result = converted(f"{HEAD}medications: [{{drug: {drug}, status: active}}]\n")
    (made,) = resources(result, "MedicationStatement")
    assert made["medicationCodeableConcept"] == {"text": drug}
    assert [(issue.rule, issue.place.line) for issue in result.issues] == [("kept-as-text", 3)]
    assert result.ledger.counts()["kept as text"] == 1


def test_i57_negated_and_uncertain_facts() -> None:
    """The project's choice: the case says it in 'verification'; words in a name never match the positive concept."""
    for verification in ("refuted", "provisional"):
        fact = f"{{kind: metastasis, name: bone metastasis, verification: {verification}}}"
        (made,) = resources(converted(f"{HEAD}conditions: [{fact}]\n"), "Condition")
        assert made["verificationStatus"]["coding"][0]["code"] == verification
    for words in ("no evidence of metastasis", "suspected bone metastasis", "no bone metastasis"):
        result = converted(f"{HEAD}conditions: [{{kind: metastasis, name: {words}}}]\n")
        (made,) = resources(result, "Condition")
        assert made["code"] == {"text": words}
        assert "kept-as-text" in [issue.rule for issue in result.issues]


@pytest.mark.parametrize(
    ("patient", "name", "rule"),
    [("sex: male", "cervical cancer", "sex-site"), ("age: {value: 230}", "breast cancer", "life-order")],
)
def test_i58_what_the_patient_cannot_have(patient: str, name: str, rule: str) -> None:
    """The weight of an adult is not looked at: a case need not say what a number of kilograms is the weight of."""
    text = f"case: {{id: a}}\npatient: {{{patient}}}\nconditions: [{{kind: primary-cancer, name: {name}}}]\n"
    result = converted(text)
    assert rule in [issue.rule for issue in result.issues if issue.severity == "warning"]
    assert resources(result, "Condition")[0]["code"]["text"] == name


# -- identity ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"case": {}, "patient": {}}', "missing-key"),
        ('{"case": {"id": ""}, "patient": {}}', "wrong-form"),
        ('{"case": {"id": " "}, "patient": {}}', "wrong-form"),
        ('{"case": {"id": null}, "patient": {}}', "wrong-type"),
        ('{"case": {"id": 5}, "patient": {}}', "wrong-type"),
        ('{"patient": {}}', "missing-key"),
        ('{"case": {"id": "a"}, "patient": {"identifiers": [{"system": "urn:x:y", "value": " "}]}}', "empty-value"),
        ('{"case": {"id": "a"}, "patient": {"identifiers": [{"system": "urn:x:y"}]}}', "missing-key"),
    ],
)
def test_i59_missing_and_blank_identity(text: str, rule: str) -> None:
    """The identity of a patient is that of the case. (Two files with one case id: test_cli.py.)"""
    refused(text, "case.json", rule, 1)


def test_i59_same_identifier_twice_is_one_patient() -> None:
    one = {"system": "urn:x:y", "value": "1"}
    result = from_data({"case": {"id": "a"}, "patient": {"identifiers": [one, one]}})
    assert len(resources(result, "Patient")) == 1


@pytest.mark.parametrize("case_id", ["a$b", "a,b", "a\\b", "a%b", "a&b", "a#b", "a?b", "a b", "ä", "a=b", "{{7*7}}"])
def test_i60_case_ids_with_signs(case_id: str) -> None:
    """No URL is made of a case id: requests name a UUID, and the identifier holds the id as it is."""
    for entry in entries(from_data({"case": {"id": case_id}, "patient": {}})):
        assert re.fullmatch(r"[A-Z][A-Za-z]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", entry["request"]["url"])
        assert set(entry["request"]) == {"method", "url"}
    (patient,) = resources(from_data({"case": {"id": case_id}, "patient": {}}), "Patient")
    assert patient["identifier"][0]["value"] == f"{case_id}/patient"


@pytest.mark.parametrize("case_id", ["a|b", "a/b", "../../etc/x", "/abs", " a", "a ", "a\nb", "a\tb", "x" * 129])
def test_i60_case_ids_that_are_refused(case_id: str) -> None:
    """'|' and '/' part an identifier's system and steps; blanks at the ends and breaks would not be seen."""
    refused(json.dumps({"case": {"id": case_id}, "patient": {}}), "case.json", "wrong-form", 1)


@pytest.mark.parametrize(
    "data",
    [
        {"case": {"id": "a/b"}},
        {"patient": {"identifiers": [{"system": "http://a b", "value": "1"}]}},
        {"conventions": {"time_zone": "+14:30"}},
        {"source": {"doi": "doi:10.1/x"}},
        {"source": {"pmid": "PMID1"}},
        {"source": {"url": "example.org"}},
        {"source": {"language": "English (US)"}},
        {"labs": [{"id": "1", "analyte": "Hb", "value": 1}]},
    ],
    ids=lambda data: next(iter(data)),
)
def test_i60_a_wrong_form_is_told_with_the_right_one(data: dict[str, Any]) -> None:
    result = from_data({"case": {"id": "a"}, "patient": {}, **data})
    (issue,) = (issue for issue in result.issues if issue.is_error)
    assert len(issue.message.partition("has not the form expected")[2]) > 10


@pytest.mark.parametrize("name", ["a b/c", "a" * 65, "abc\n", "..", "#p", "123", "ä", "a|b", "-a", ""])
def test_i61_ids_of_facts(name: str) -> None:
    data = {"case": {"id": "a"}, "patient": {}, "labs": [{"id": name, "analyte": "Hb", "value": 1}]}
    assert rules(from_data(data)) == [("wrong-form", 1)]


@pytest.mark.parametrize("case_id", ["abc\n", "abc\r"])
def test_i61_case_ids_with_a_break_at_the_end(case_id: str) -> None:
    """Python's '$' matches before a last line break, and what was refused must not go through unnamed."""
    assert rules(from_data({"case": {"id": case_id}, "patient": {}})) == [("wrong-form", 1)]


@pytest.mark.parametrize("name", ["a" * 64, "bad_id", "A1", "a.b", "a-b"])
def test_i61_derived_ids_fit(name: str) -> None:
    data = {"case": {"id": "x" * 128}, "patient": {}, "labs": [{"id": name, "analyte": "Hb", "value": 1}]}
    for made in ids(from_data(data)):
        assert ID.fullmatch(made)
        assert not made.isdigit()


@pytest.mark.parametrize(
    ("inner", "rule", "line"),
    [
        ("conditions:\n  - {kind: other, name: x, of: y}", "reference-unknown", 4),
        ("conditions:\n  - {id: x, kind: other, name: x, of: x}", "reference-wrong", 4),
        ("labs:\n  - {id: l, analyte: Hb, result: x, of: l}", "reference-wrong", 4),
        ("source: {id: s}\nlabs:\n  - {analyte: Hb, result: x, of: s}", "reference-wrong", 5),
        ("labs:\n  - {analyte: Hb, result: x, at: {at: nope}}", "event-unknown", 4),
        ("events:\n  - {id: a, at: {at: b}}\n  - {id: b, at: {after: a}}", "event-circle", 4),
        ("events:\n  - {id: a, at: {at: a}}", "event-circle", 4),
        ("events:\n  - {id: a, at: {from: {before: a}}}", "event-circle", 4),
    ],
)
def test_i62_references(inner: str, rule: str, line: int) -> None:
    refused(f"{HEAD}{inner}\n", "case.yaml", rule, line)


def test_i62_circle_of_conditions() -> None:
    facts = "  - {id: a, kind: other, name: x, of: b}\n  - {id: b, kind: other, name: y, of: a}\n"
    refused(f"{HEAD}conditions:\n{facts}", "case.yaml", "reference-wrong", 4)


@pytest.mark.parametrize(
    ("section", "one", "other"),
    [
        ("labs", "{analyte: CA 15-3, result: x}", "{analyte: ca 15 3, result: y}"),
        ("labs", "{analyte: A+, result: x}", "{analyte: A-, result: y}"),
        ("performance_status", "{scale: ecog, score: 1}", "{scale: ecog, score: 2}"),
    ],
)
def test_i63_one_identity_for_two_facts(section: str, one: str, other: str) -> None:
    issue = refused(f"{HEAD}{section}:\n  - {one}\n  - {other}\n", "case.yaml", "fact-duplicate", 5)
    assert "line 4" in issue.message


@pytest.mark.parametrize(
    "inner",
    [
        "conditions:\n  - {id: other, kind: other, name: x, histology: y}\n  - {kind: other, name: histology}\n",
        "specimens:\n  - {id: evidence, type: serum}\nlabs:\n  - {id: hb, analyte: Hb, result: x, evidence: x}\n"
        "  - {analyte: hb, specimen: evidence, result: y}\n",
        "labs:\n  - {analyte: /, result: x, evidence: x}\n  - {analyte: evidence, result: y}\n",
    ],
    ids=["histology", "evidence", "no-word-in-the-key"],
)
def test_i63_roles_are_no_keys(inner: str) -> None:
    """A fact whose natural key looks like another fact's role is refused or gets ids of its own."""
    result = converted(HEAD + inner)
    urls = [entry["fullUrl"] for entry in entries(result)] if result.ok else []
    assert len(urls) == len(set(urls))


def test_i64_order_does_not_matter() -> None:
    """(Locale, time zone, hash seed and folder: test_determinism.py.)"""
    facts = [f"  - {{analyte: {name}, value: 1, unit: g/dL}}\n" for name in ("Hb", "CEA", "x")]
    one, other = (converted(f"{HEAD}labs:\n{''.join(order)}") for order in (facts, facts[::-1]))
    assert one.json() == other.json()


# -- injection -----------------------------------------------------------------------------------------------------------

MARKUP = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "\tjavascript:alert(1)"]
MARKUP += ["data:text/html,<b>", "&lt;script&gt;", "]]>", "<!--", "-->", "&nbsp;", "&#0;", "</div><script>", "a&b<c>d"]
MARKUP += ["<?xml version='1.0'?>", "<![CDATA[x]]>", "\"'", "a\rb", "a\x85b", "a\x7fb", "a\ufffeb", "a\uffffb", "😀"]
TEMPLATES = ["{{7*7}}", "{% import os %}", "${x}", "%s%n", "{0.__class__}", "{x!r:>9999999999}", "#{7*7}", "<%= 1 %>"]


def everywhere(words: str) -> dict[str, Any]:
    """A case with the words in every field that holds text."""
    said = {"note": words, "evidence": words}
    quantity = {"value": 1, "unit": {"text": words}}
    return {
        "case": {"id": "a", "curator": words, "note": words},
        "source": {"title": words, "type": words, "authors": [words], "note": words},
        "patient": {
            "name": {"text": words, "family": words, "given": [words]},
            "identifiers": [{"system": "urn:x:y", "value": words, "type": words}],
            **said,
        },
        "events": [{"id": "e", "name": words, "at": {"text": words}, **said}],
        "conditions": [
            {"id": "c", "kind": "other", "name": words, "site": [words], "laterality": "left", **said},
            {"id": "d", "kind": "other", "name": words, "histology": words, "severity": words, "of": "c"},
        ],
        "stages": [{"of": "c", "stage": words, "system": words, **said}],
        "specimens": [{"id": "s", "type": words, "site": words, **said}],
        "labs": [
            {"id": "l", "analyte": words, "result": words, "method": words, "interpretation": words, **said},
            {"id": "m", "analyte": words, **quantity, "reference_range": {"low": 1, "text": words}, "at": {"at": "e"}},
            {"id": "n", "analyte": words, "absent": {"reason": "unknown", "text": words}, "at": {"text": words}},
        ],
        "pathology": [{"test": words, "result": words, "specimen": "s", **said}],
        "disease_status": [{"status": words, "of": "c", **said}],
        "regimens": [{"id": "r", "name": words, "status": "unknown", "reason": words, **said}],
        "medications": [{"drug": words, "status": "active", "route": words, "dose": {"text": words}, "line": words}],
        "procedures": [
            {"procedure": words, "kind": "other", "status": "completed", "amount": quantity, "using": words, **said}
        ],
        "findings": [{"finding": words, "site": words, "result": words, **said}],
        "adverse_events": [{"event": words, "presence": "present", **said}],
    }


@pytest.mark.parametrize("words", MARKUP)
def test_i65_narrative_is_escaped(words: str) -> None:
    """Every div is well-formed, holds plain elements without attributes only, and says the words as text."""
    result = from_data(everywhere(words))
    if not result.ok:  # a character that XML cannot hold may be refused instead
        assert {rule for rule, _ in rules(result)} == {"character"}
        assert re.search("[\ufffe\uffff]", words)
        return
    for entry in entries(result):
        div = ET.fromstring(entry["resource"]["text"]["div"])
        assert div.tag == "{http://www.w3.org/1999/xhtml}div"
        for element in div.iter():
            assert element.tag.rpartition("}")[2] in ("div", "p", "b", "ul", "li")
            assert not element.attrib
    (patient,) = resources(result, "Patient")
    folded = "".join(ET.fromstring(patient["text"]["div"]).itertext()).split()
    assert set(words.split()) <= set(" ".join(folded).split())


@pytest.mark.parametrize("url", ["javascript:alert(1)", "\tjavascript:alert(1)", "data:text/html,x", "file:///etc/x"])
def test_i65_addresses(url: str) -> None:
    data = {"case": {"id": "a"}, "patient": {}, "source": {"url": url}}
    assert rules(from_data(data)) == [("wrong-form", 1)]


@pytest.mark.parametrize("words", TEMPLATES)
def test_i66_templates_are_text(words: str) -> None:
    result = from_data(everywhere(words))
    (patient,) = resources(result, "Patient")
    assert patient["name"] == [{"text": words, "family": words, "given": [words]}]
    texts = [value for value in every_value(entries(result)) if isinstance(value, str)]
    assert sum(words in text for text in texts) > 20
    assert "49" not in {text.strip() for text in texts}


NASTY_IDS = ["..", ".", "CON", "nul", "con.txt", "a\\b", "~", "-rf", "x" * 128, "..\\..\\x", "a%2fb", "ä", "日本", "*?"]


def invoked(*arguments: str) -> Result:
    """The command in this process, as for a terminal: click does not take escape sequences out."""
    done = CliRunner().invoke(main, arguments, color=True)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


@pytest.mark.parametrize("case_id", NASTY_IDS)
def test_i67_output_stays_in_its_folder(case_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inside, out = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    out.mkdir()
    (inside / "case.json").write_text(json.dumps({"case": {"id": case_id}, "patient": {}}), encoding="utf-8")
    assert invoked("convert", "in/case.json", "-o", "out").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    (made,) = out.iterdir()
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.json", made.name)
    assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", made.name, re.IGNORECASE)
    assert [path.name for path in inside.iterdir()] == ["case.json"]


@pytest.mark.parametrize("case_id", ["../../etc/x", "/tmp/x", "a\0b", "x" * 300])
def test_i67_paths_are_no_case_ids(case_id: str) -> None:
    assert not from_data({"case": {"id": case_id}, "patient": {}}).ok


@pytest.mark.parametrize(
    ("one", "other"), [("a b", "a-b"), ("ä", "ö"), ("x" * 120, "x" * 121), ("a?", "a"), ("CON", "case-CON")]
)
def test_i67_two_cases_have_two_files(one: str, other: str) -> None:
    assert file_name(one) != file_name(other)


HOSTILE = ["a\x1b[2Jb", "a\r\nb: error: fake", "a\x9b2Jb", "a\u202eb", "a\u200bb", "a\u2066b"]


@pytest.mark.parametrize("words", [*HOSTILE, "\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\"])
@pytest.mark.parametrize("where", ["value", "key", "choice", "id", "drug", "date"])
def test_i68_messages_are_safe_for_a_terminal(words: str, where: str, tmp_path: Path) -> None:
    data: dict[str, Any] = {"case": {"id": "a"}, "patient": {}}
    data |= {
        "value": {"labs": [{"analyte": "Hb", "value": words}]},
        "key": {words: 1},
        "choice": {"patient": {"sex": words}},
        "id": {"labs": [{"id": words, "analyte": "Hb", "value": 1}]},
        "drug": {"medications": [{"drug": words, "status": "active"}]},
        "date": {"labs": [{"analyte": "Hb", "value": 1, "at": words}]},
    }[where]
    case = tmp_path / "case.json"
    case.write_text(json.dumps(data), encoding="utf-8")
    for arguments in (["convert", str(case), "-o", str(tmp_path / "out.json"), "-v"], ["explain", str(case)]):
        said = invoked(*arguments).output
        assert not UNSAFE.search(said)
        assert "\nb: error" not in said


def test_i68_file_names_are_safe_for_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "a\x1b[2J\u202eb.yaml"
    Path(name).write_text(HEAD, encoding="utf-8")
    Path(f"bad{name}").write_text("case: 1\n", encoding="utf-8")
    done = invoked("convert", name, f"bad{name}", "-o", "out")
    assert done.exit_code == 1
    assert not UNSAFE.search(done.output)


def test_i71_unknown_keys_of_a_mapping(tmp_path: Path) -> None:
    """Mappings hold no secrets; those of a server are a later issue."""
    text = (data_dir("mappings") / "resources" / "lab.toml").read_text(encoding="utf-8")
    folder = site(tmp_path, "resources/lab.toml", f'pasword = "x"\n{text}')
    (issue,) = mistakes(folder)
    assert issue.rule == "mapping-key"
    assert "'pasword'" in issue.message
    assert issue.place.file.endswith("lab.toml")


# -- the battery itself --------------------------------------------------------------------------------------------------


def test_every_row_is_tested_or_excluded() -> None:
    if not INPUTS.is_file() and "CI" not in os.environ:
        pytest.skip("shared/corpora is not beside the repository")
    with INPUTS.open(encoding="utf-8", newline="") as stream:
        rows = {row["id"] for row in csv.DictReader(stream, delimiter="\t")}
    tested = {found[1].upper() for name in globals() if (found := re.match(r"test_(i\d\d)_", name))}
    assert not tested & set(NOT_HERE)
    assert tested | set(NOT_HERE) == rows
