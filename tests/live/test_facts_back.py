"""Bundles that a real server gives back: what was pushed comes back as the same facts."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import run

from fhirconv import convert
from fhirconv.back.same import differences
from fhirconv.bundle import dump_json
from fhirconv.source import read_file
from tests.live.records import case_of


def pages(hapi_url: str, case_id: str, kinds: set[str]) -> list[dict[str, Any]]:
    """All resources of a case, as a server gives them: a search for each type, page by page."""
    found = []
    for kind in sorted(kinds):
        tag = f"urn:uuid:2f1a6f0c-58d5-4c0e-9d6c-7d2b9b6b0a51|{case_id}"
        answer = requests.get(f"{hapi_url}/{kind}", params={"_tag": tag, "_count": "20"}, timeout=60)
        while True:
            page = json.loads(answer.text, parse_float=Decimal)
            found.append(page)
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not following:
                break
            answer = requests.get(following[0], timeout=60)
    return found


@pytest.mark.parametrize("name", ["takanashi-2019", "maximal-conditions", "maximal-labs", "maximal-medications"])
def test_what_was_pushed_comes_back(name: str, hapi_url: str, unique: str, tmp_path: Path) -> None:
    case = tmp_path / "case.json"
    case.write_bytes(dump_json(case_of(name, unique)))
    done = run("push", str(case), "--server", hapi_url, "--journal", str(tmp_path / "journal"))
    assert done.exit_code == 0, done.output
    made = convert(case)
    assert made.bundle is not None
    assert made.build is not None
    kinds = {entry["resource"]["resourceType"] for entry in made.bundle["entry"]}
    (tmp_path / "pages.ndjson").write_bytes(
        b"".join(dump_json(page) + b"\n" for page in pages(hapi_url, unique, kinds))
    )
    done = run("facts", str(tmp_path / "pages.ndjson"), "-o", str(tmp_path / "back.json"))
    assert done.exit_code == 0, done.output
    assert list(differences(made.build, read_file(tmp_path / "back.json").data)) == []
