"""What `convert --shape resources` writes, onto a real server: each file after those that it refers to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import run

TYPES = ("Provenance", "Observation", "MedicationStatement", "Condition", "Patient")


def test_files_of_bulk_data_in_any_order(
    hapi_url: str, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named as a shell names them, or the other way round; pushed again they change nothing."""
    monkeypatch.chdir(tmp_path)
    facts = {
        "case": {"id": f"{unique}bulk"},
        "patient": {"sex": "female"},
        "conditions": [{"id": "primary", "kind": "primary-cancer", "name": "breast cancer"}],
        "labs": [{"analyte": "Hb", "value": 9.8, "unit": "g/dL", "at": "2019-04-03"}],
        "medications": [{"drug": "letrozole", "status": "active", "for": "primary"}],
    }
    Path("cases.ndjson").write_text(json.dumps(facts) + "\n")
    assert run("convert", "cases.ndjson", "-q", "--shape", "resources", "-o", "bulk").exit_code == 0
    assert sorted(path.stem for path in Path("bulk").iterdir()) == sorted(TYPES)
    files = [f"bulk/{name}.ndjson" for name in TYPES]
    for named, made in ((files, "created"), (sorted(files), "unchanged")):
        done = run("push", *named, "--server", hapi_url, "-q")
        assert done.exit_code == 0, done.stderr
        count = len(Path("bulk/Provenance.ndjson").read_bytes().splitlines()) + 4
        assert done.stderr.splitlines()[-1] == f"{count} resources: {count} {made}"
