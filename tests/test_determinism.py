"""The same case gives the same bytes everywhere, the three forms of a Bundle follow R4, and ids stay what they are.

Spec: https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirconv import convert
from fhirconv.identity import NAMESPACE, fact_identifier, resource_id
from fhirconv.mapping import load_mappings

CASES = Path(__file__).resolve().parents[1] / "fixtures" / "cases"
REPORT = CASES / "nakagawa-2022.yaml"

SMALL: dict[str, Any] = {
    "case": {"id": "case-1"},
    "source": {"doi": "10.1000/1"},
    "patient": {"sex": "female", "age": {"value": 61}, "evidence": "a woman of 61"},
    "events": [{"id": "diagnosis", "at": "2014"}],
    "conditions": [{"id": "cancer", "kind": "primary-cancer", "name": "breast cancer"}],
    "labs": [
        {"id": "hb-1", "analyte": "Hb", "value": 9, "unit": "g/dL"},
        {"analyte": "CA 15-3", "value": 412, "unit": "U/mL", "at": "2014-02", "evidence": "CA 15-3 412 U/mL"},
    ],
}

# These ids stand on servers. A change of one makes a second resource of every fact on every server.
KNOWN = {
    "case-1/patient": "Patient/aa7cadd2-4736-5346-a853-acf97654c8b1",
    "case-1/patient#age": "Observation/48103d75-fcbc-5cd9-a34e-55cc73104d51",
    "case-1/source": "DocumentReference/568f4525-93a0-5ead-bad5-2723c7e1b6bf",
    "case-1/events/diagnosis": "Observation/eb996e2d-b3b0-5f63-ba6d-754b584d1f5d",
    "case-1/conditions/cancer": "Condition/dfba5f11-847e-5df8-a95a-1ffe00c6497c",
    "case-1/labs/hb-1": "Observation/20cb5b3c-df42-5dd0-9e2d-3ef7a50eff92",
    "case-1/labs/~ca-15-3//2014-02": "Observation/3d2cd9d8-08c5-5d17-a510-cc74b1a84487",
}


def entries(case: Path | dict[str, Any], form: str = "transaction", profile: str = "r4") -> list[dict[str, Any]]:
    result = convert(case, bundle=form, profile=profile)
    assert result.bundle is not None, [issue.text() for issue in result.issues]
    assert result.bundle["type"] == form
    made: list[dict[str, Any]] = result.bundle["entry"]
    return made


def references(value: object) -> Iterator[str]:
    """Every Reference.reference in a value."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "reference":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


# -- the same bytes ------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from fhirconv import convert
sys.stdout.buffer.write(convert(sys.argv[1], profile="mcode").json(indent=True))
"""


def run(script: str, *arguments: str, cwd: Path | None = None, **environment: str) -> bytes:
    """What a Python process of its own writes."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    return done.stdout


ENVIRONMENTS = [
    {"PYTHONHASHSEED": "0"},
    {"PYTHONHASHSEED": "4242"},
    {"TZ": "Asia/Tokyo"},
    {"TZ": "America/St_Johns"},
    {"LC_ALL": "C", "LANG": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    {"LC_ALL": "de_DE.ISO-8859-1"},
    {"PYTHONOPTIMIZE": "2"},
]


@pytest.fixture(scope="module")
def expected() -> bytes:
    return convert(REPORT, profile="mcode").json(indent=True)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda one: ",".join(f"{k}={v}" for k, v in one.items()))
def test_same_bytes_in_every_environment(environment: dict[str, str], expected: bytes) -> None:
    assert run(SCRIPT, str(REPORT), **environment) == expected


def test_same_bytes_from_every_folder(tmp_path: Path, expected: bytes) -> None:
    """Neither the working directory nor the way the file is named gets into the Bundle."""
    assert run(SCRIPT, str(REPORT), cwd=tmp_path) == expected
    assert run(SCRIPT, f"../cases/./{REPORT.name}", cwd=REPORT.parent) == expected
    moved = tmp_path / "moved.yaml"
    moved.write_bytes(REPORT.read_bytes())
    assert run(SCRIPT, str(moved)) == expected


def test_same_bytes_after_other_cases(expected: bytes) -> None:
    """What was converted before leaves nothing behind."""
    for path in sorted(CASES.glob("*.yaml")):
        convert(path, profile="mcode")
    assert convert(REPORT, profile="mcode").json(indent=True) == expected
    assert convert(REPORT, profile="mcode").json(indent=True) == expected


def test_the_case_that_was_given_is_not_changed() -> None:
    data = {
        "case": {"id": "a"},
        "patient": {"birth_date": 1950},
        "conventions": {"date_order": "day-month-year", "decimal_mark": "comma"},
        "labs": [{"analyte": "Hb", "value": "9,8", "unit": "g/dL", "at": {"from": "12.03.2019", "to": 2020}}],
    }
    before = json.dumps(data)
    assert convert(data).ok
    assert json.dumps(data) == before


def test_json_and_indented_json_say_the_same() -> None:
    result = convert(REPORT)
    plain, indented = (json.loads(result.json(indent), parse_float=str) for indent in (False, True))
    assert plain == indented


# -- the forms of a Bundle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["r4", "mcode"])
@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("form", ["transaction", "collection"])
def test_entries_refer_to_each_other_by_full_url(form: str, path: Path, profile: str) -> None:
    made = entries(path, form, profile)
    urls = [entry["fullUrl"] for entry in made]
    assert len(urls) == len(set(urls))  # bdl-7
    assert urls == [f"urn:uuid:{entry['resource']['id']}" for entry in made]
    assert set(references([entry["resource"] for entry in made])) <= set(urls)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_batch_refers_by_type_and_id(path: Path) -> None:
    """A server may do the entries of a batch in any order and by themselves, so none refers to a full URL."""
    made = entries(path, "batch")
    names = {f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in made}
    assert set(references([entry["resource"] for entry in made])) <= names
    assert len(names) == len(made)


@pytest.mark.parametrize("form", ["transaction", "batch"])
def test_requests_put_each_resource_to_its_id(form: str) -> None:
    for entry in entries(REPORT, form):
        resource = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}


def test_transaction_has_each_url_once() -> None:
    """R4: no two entries of a transaction may name the same resource."""
    urls = [entry["request"]["url"] for entry in entries(REPORT)]
    assert len(urls) == len(set(urls))


def test_collection_has_no_requests() -> None:
    """bdl-3."""
    assert all(set(entry) == {"fullUrl", "resource"} for entry in entries(REPORT, "collection"))


def test_the_forms_differ_in_nothing_else() -> None:
    transaction, batch, collection = (entries(REPORT, form) for form in ("transaction", "batch", "collection"))
    assert [entry["resource"] for entry in transaction] == [entry["resource"] for entry in collection]
    kinds = {f"urn:uuid:{e['resource']['id']}": f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in batch}
    text = json.dumps([entry["resource"] for entry in transaction], default=str)
    relative = re.sub(r"urn:uuid:[0-9a-f-]{36}", lambda found: kinds.get(found.group(), found.group()), text)
    assert relative == json.dumps([entry["resource"] for entry in batch], default=str)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="transaction, batch, collection"):
        convert(SMALL, bundle="message")


# -- identity ------------------------------------------------------------------------------------------------------------


def test_known_ids() -> None:
    made = {
        entry["resource"]["identifier"][0]["value"]: entry["request"]["url"]
        for entry in entries(SMALL)
        if "identifier" in entry["resource"]
    }
    assert made == KNOWN


def test_known_ids_of_provenance() -> None:
    """R4's Provenance has no identifier; its id comes from one all the same."""
    made = {entry["request"]["url"] for entry in entries(SMALL)} - set(KNOWN.values())
    system = load_mappings().tables.identifier_systems["fact"]
    sources = ["case-1/case", "case-1/patient#evidence", "case-1/labs/~ca-15-3//2014-02#evidence"]
    assert made == {f"Provenance/{resource_id(system, identifier)}" for identifier in sources}


def test_ids_are_version_5_uuids() -> None:
    system = load_mappings().tables.identifier_systems["fact"]
    for identifier in (*KNOWN, "日本 1/labs/~β//2014", "", "x" * 5000):
        assert resource_id(system, identifier) == str(uuid.uuid5(NAMESPACE, f"{system}|{identifier}"))
    assert uuid.UUID(resource_id(system, "x")).version == 5


def test_namespace_and_system_stay() -> None:
    """Changing either changes every id on every server."""
    assert str(NAMESPACE) == "6f0a1c0e-6d3b-5c57-9a53-0f3f3a1f7c11"
    assert load_mappings().tables.identifier_systems["fact"] == "urn:uuid:86587458-7463-4f48-a399-1ec451e11054"


@pytest.mark.parametrize("section", ["labs", "patient"])
def test_identifiers_of_roles_are_apart(section: str) -> None:
    """A role never reads like the key of another fact."""
    assert fact_identifier("a", f"{section}/b", "") != fact_identifier("a", section, "b")
    assert fact_identifier("a", f"{section}/b/c", "") != fact_identifier("a", f"{section}/b", "c")


def test_the_profile_changes_no_id() -> None:
    """What was sent as base FHIR is updated, not doubled, when a profile is claimed later."""
    by_profile = [{entry["request"]["url"] for entry in entries(REPORT, profile=name)} for name in ("r4", "mcode")]
    assert by_profile[0] == by_profile[1]


def test_another_case_has_other_ids() -> None:
    other = {**SMALL, "case": {"id": "case-2"}}
    one, two = ({entry["request"]["url"] for entry in entries(case)} for case in (SMALL, other))
    assert not one & two
    assert len(one) == len(two)


@pytest.mark.parametrize(
    "change",
    [
        {"value": 8.5},
        {"unit": "g/L"},
        {"interpretation": "low"},
        {"note": "read again"},
        {"certainty": "probable"},
        {"analyte": "haemoglobin"},  # the fact has an id of its own
        {"at": "2015"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_corrected_fact_keeps_its_id(change: dict[str, Any]) -> None:
    labs = [{**SMALL["labs"][0], **change}, SMALL["labs"][1]]
    one, two = ({entry["request"]["url"] for entry in entries(case)} for case in (SMALL, {**SMALL, "labs": labs}))
    assert one == two


def test_a_removed_fact_leaves_the_ids_of_the_others() -> None:
    """No id comes from a position."""
    one, two = (
        {entry["request"]["url"] for entry in entries(case)} for case in (SMALL, {**SMALL, "labs": SMALL["labs"][1:]})
    )
    assert two < one
    assert len(one - two) == 1


@pytest.mark.parametrize("analyte", ["CA 15-3", "ca 15-3", "CA  15-3 ", "ＣＡ 15-3"])
@pytest.mark.parametrize("at", ["2014-02", {"date": "2014-02"}])
def test_spellings_of_a_natural_key(analyte: str, at: object) -> None:
    """Case, blanks and width of letters are no identity, and neither is the way a time is written."""
    labs = [SMALL["labs"][0], {**SMALL["labs"][1], "analyte": analyte, "at": at}]
    one, two = ({entry["request"]["url"] for entry in entries(case)} for case in (SMALL, {**SMALL, "labs": labs}))
    assert one == two
