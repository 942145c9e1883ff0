"""The local server: started, stopped, started again, and refused."""

from __future__ import annotations

import requests


def test_the_server_of_the_tests_is_a_hapi_of_r4(hapi_url: str) -> None:
    statement = requests.get(f"{hapi_url}/metadata", timeout=60).json()
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["software"]["name"] == "HAPI FHIR Server"
