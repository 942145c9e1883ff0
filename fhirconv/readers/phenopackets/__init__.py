"""GA4GH phenopackets as case facts; docs/phenopackets.md says what becomes of each field.

Spec: Phenopacket Schema 2.0 (ISO 4454:2022), https://phenopacket-schema.readthedocs.io/en/2.0.0/
"""

from __future__ import annotations

from pathlib import Path

from fhirconv.readers import Reader
from fhirconv.readers.phenopackets.reader import PhenopacketReader


def reader(mappings: Path | None = None) -> Reader:
    """The reader, with a site's mappings laid over fhirconv's own: its units and analytes."""
    return PhenopacketReader(mappings)
