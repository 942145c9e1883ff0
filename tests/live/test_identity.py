"""Two identities on one server: what was pushed by one is not made a second time by the other."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from conftest import run

from fhirconv import FhirClient, ServerError, push

CASE = "case: {{id: {}}}\npatient: {{sex: female}}\nlabs:\n  - {{id: hb, analyte: Hb, value: 11.4, unit: g/dL, at: 2020-01-02}}\n"


@pytest.fixture
def case(tmp_path: Path, unique: str) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(CASE.format(unique))
    return path


def patients(base: str, unique: str) -> list[str]:
    system = "urn:uuid:86587458-7463-4f48-a399-1ec451e11054"
    with FhirClient(base) as client:
        return [one["id"] for one in client.search("Patient", identifier=f"{system}|{unique}/patient")]


def test_pushed_by_identifier_and_then_by_id(hapi_url: str, case: Path, unique: str) -> None:
    assert push(case, hapi_url, identity="identifier").ok
    [made] = patients(hapi_url, unique)
    with pytest.raises(ServerError, match=f"has this Patient as Patient/{made} already"):
        push(case, hapi_url)
    for command in ("push", "plan"):
        done = run(command, str(case), "--server", hapi_url)
        assert done.exit_code == 4
        assert "--identity identifier" in done.stderr
    assert patients(hapi_url, unique) == [made]
    assert push(case, hapi_url, identity="identifier").resources == {"unchanged": 3}


def test_pushed_by_id_and_then_by_identifier(hapi_url: str, case: Path, unique: str) -> None:
    assert push(case, hapi_url).ok
    made = patients(hapi_url, unique)
    assert len(made) == 1
    assert push(case, hapi_url, identity="identifier").resources["created"] == 0
    assert patients(hapi_url, unique) == made


def test_a_patient_that_is_there_twice_is_told(hapi_url: str, case: Path, unique: str) -> None:
    """As after a push by an older fhirconv, or by hand: nobody can say which one is meant."""
    assert push(case, hapi_url).ok
    system = "urn:uuid:86587458-7463-4f48-a399-1ec451e11054"
    other = {"resourceType": "Patient", "identifier": [{"system": system, "value": f"{unique}/patient"}]}
    made = requests.post(
        f"{hapi_url}/Patient", json=other, headers={"Content-Type": "application/fhir+json"}, timeout=60
    )
    assert made.status_code == 201
    assert len(patients(hapi_url, unique)) == 2
    with pytest.raises(ServerError, match=r"2 resources match.*keep one of them"):
        push(case, hapi_url)
