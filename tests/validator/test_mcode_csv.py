"""The sample of mcode-extraction-framework as we convert it, and the Bundles that it expects itself, by HL7's own validator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhirconv.conversion import convert_document
from fhirconv.document import LIMITS
from fhirconv.mapping import load_mappings
from fhirconv.readers import Report, find_reader
from tests.readers import peer

from .oracle import Oracle

pytestmark = pytest.mark.validator


def errors(bundle: str | bytes, hl7: Oracle) -> list[str]:
    """What makes a Bundle invalid."""
    content = bundle.encode() if isinstance(bundle, str) else bundle
    return [str(finding) for finding in hl7.outcome(content) if finding.is_error]


@pytest.mark.parametrize("profile", ["r4", "mcode"])
def test_the_sample_makes_valid_bundles(profile: str, hl7: Oracle, tmp_path: Path) -> None:
    """With a name of a code system where the sample has 'code-system'."""
    for path in peer.SAMPLE.glob("*.csv"):
        mended = path.read_text(encoding="utf-8").replace(",code-system,", f",{peer.SNOMED},")
        (tmp_path / path.name).write_text(mended, encoding="utf-8")
    documents = list(find_reader("mcode-csv").read(sorted(tmp_path.glob("*.csv")), LIMITS, Report()))
    assert len(documents) == 4
    mappings = load_mappings(None, profile)
    assert [errors(convert_document(document, mappings).json(), hl7) for document in documents] == [[]] * 4


@pytest.mark.parametrize("kind", peer.KINDS)
def test_of_the_same_row_our_bundle_is_valid_and_the_peers_is_not(kind: str, hl7: Oracle, tmp_path: Path) -> None:
    (made,), _ = peer.convert(*peer.tables_of(tmp_path, kind, peer.made_real(peer.rows_of(kind))))
    assert errors(made.json(), hl7) == []
    theirs = errors(json.dumps(peer.made_real(peer.bundle_of(kind))), hl7)
    assert any(".fullUrl: UUIDs must be valid and lowercase" in error for error in theirs)
