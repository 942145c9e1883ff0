"""What phenopackets become, judged by both validators: the made-up packets, and a sample of real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhirconv.conversion import convert_document
from fhirconv.document import LIMITS
from fhirconv.mapping import load_mappings
from fhirconv.readers import Report, find_reader

from .oracle import Oracle

pytestmark = pytest.mark.validator

ROOT = Path(__file__).resolve().parents[2]
OURS = [ROOT / "fixtures" / "readers" / "phenopacket" / f"{name}.json" for name in ("maximal", "family", "cohort")]
CORPUS = ROOT.parent / "shared" / "corpora" / "phenopackets"
REAL = [CORPUS / "tools" / name for name in ("retinoblastoma.json", "covid.json", "phenopacket.yaml")]
STORE = sorted((CORPUS / "store-with-measurements").glob("*.json"))[::12]


@pytest.mark.parametrize("profile", ["r4", "mcode"])
@pytest.mark.parametrize("engine", ["hl7", "hapi"])
@pytest.mark.parametrize("path", [*OURS, *REAL, *STORE], ids=lambda path: path.name)
def test_packet_makes_a_valid_bundle(path: Path, engine: str, profile: str, oracles: dict[str, Oracle]) -> None:
    if path not in OURS and not path.is_file():
        pytest.skip("shared/corpora is not beside the repository")
    for document in find_reader("phenopacket").read([path], LIMITS, Report()):
        made = convert_document(document, load_mappings(None, profile)).json()
        assert [str(found) for found in oracles[engine].outcome(made) if found.is_error] == []
