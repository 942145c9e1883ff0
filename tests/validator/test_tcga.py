"""Every eleventh of the real patients of ../shared/corpora/tcga-brca as a Bundle, judged by HL7's own validator."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhirconv.conversion import convert_document
from fhirconv.document import LIMITS
from fhirconv.mapping import load_mappings
from fhirconv.readers import Report, find_reader

from .oracle import Oracle

pytestmark = pytest.mark.validator

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "tcga-brca"


@pytest.mark.parametrize("profile", ["r4", "mcode"])
def test_real_patients_make_valid_bundles(profile: str, hl7: Oracle) -> None:
    mappings = load_mappings(None, profile)
    sources = sorted(FOLDER.glob("nationwidechildrens.org_*.txt"))
    documents = list(find_reader("tcga-biotab").read(sources, LIMITS, Report()))[::11]
    assert len(documents) == 100
    errors = {}
    for document in documents:
        bundle = convert_document(document, mappings).json()
        found = [str(finding) for finding in hl7.outcome(bundle) if finding.is_error]
        if found:
            errors[document.data["case"]["id"]] = found
    assert errors == {}
