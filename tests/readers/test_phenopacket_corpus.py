"""Real phenopackets (../shared/corpora/phenopackets): all are read, nothing of them is lost, and what they make is valid."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse, ParseError
from phenopackets.schema.v2.phenopackets_pb2 import Phenopacket

from fhirconv import Conversion
from fhirconv.conversion import convert_document
from fhirconv.counts import Counts
from fhirconv.document import Document
from fhirconv.mapping import load_mappings
from fhirconv.readers.phenopackets.check import grow
from fhirconv.readers.phenopackets.fields import schema
from fhirconv.readers.phenopackets.reader import read_packet, read_packets
from fhirconv.readers.phenopackets.tree import Leaf
from fhirconv.readers.report import Report
from fhirconv.source import read_file

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "phenopackets"
FILES = sorted(path for path in CORPUS.rglob("*") if path.suffix in (".json", ".yaml"))
REFUSED = {  # file -> line, rule and words of the error
    "Schreckenbach-2014-TPM3-II.2.json": (390, "content-unknown", "schema version '1.0.0-RC3'; expected version 2"),
    "bethlehamMyopathyInvalidExample.json": (13, "unknown-key", "did you mean 'phenotypicFeatures'?"),
    "missing-fields.json": (1, "missing-key", "'id' is missing; Phenopacket requires it"),
}
PACKETS = [path for path in FILES if path.name not in REFUSED]

pytestmark = pytest.mark.skipif(not FILES, reason="shared/corpora is not beside the repository")


@cache
def read(path: Path) -> Document:
    [document] = read_packets(read_file(path), load_mappings().tables, Report())
    return document


@cache
def converted(path: Path, profile: str) -> Conversion:
    return convert_document(read(path), load_mappings(None, profile))


def values(value: Any, pointer: str = "") -> Iterator[str]:
    """The pointer of each value in JSON data that is no object, list or null."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from values(item, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif value is not None:
        yield pointer


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_packets_are_read_or_refused_with_their_place(path: Path) -> None:
    errors = [issue for issue in read(path).issues if issue.is_error]
    if path.name not in REFUSED:
        assert errors == []
        return
    [error] = errors
    line, rule, words = REFUSED[path.name]
    assert (error.place.line, error.rule) == (line, rule)
    assert words in error.message


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".json"], ids=lambda path: path.name)
def test_what_protobuf_refuses_is_refused(path: Path) -> None:
    try:
        Parse(path.read_text(encoding="utf-8"), Phenopacket())
    except ParseError:
        assert path.name in REFUSED


@pytest.mark.parametrize("path", PACKETS, ids=lambda path: path.name)
def test_each_value_is_read_or_reported(path: Path) -> None:
    document, tables = read_file(path), load_mappings().tables
    packet = grow(document, "Phenopacket", document.data, "")
    assert packet is not None
    made = read_packet(document, packet, packet, tables)
    leaves = list(packet.leaves())
    assert sorted(leaf.pointer for leaf in leaves) == sorted(values(document.data)), "values that no leaf stands for"
    report = Report()
    list(read_packets(read_file(path), tables, report))
    unread = [leaf for leaf in leaves if not leaf.is_read]
    assert report.left.get("no-place", Counts()).total() == len(unread)
    assert [leaf.pointer for leaf in unread if not leaf.none] == [], "values without a place and without a reason"
    said = json.dumps(made.data, default=str, ensure_ascii=False).casefold()
    lost = [leaf.pointer for leaf in leaves if leaf.is_read and isinstance(leaf.value, str) and not is_said(leaf, said)]
    assert lost == [], "values that were read, and do not stand in the facts"


# What is read and not copied: what says how to read the rest, units (which have codes), and the second name of what is named.
NOT_COPIED = re.compile(
    r"(^|\.)(taxonomy|metaData\.resources|metaData\.phenopacketSchemaVersion|unit|individualId|subjectOrBiosampleId)(\.|$)"
    r"|^interpretations\.diagnosis\.disease\.|^medicalActions\.treatmentTarget\.label|modifiers\.(id|label)$"
)


def is_said(leaf: Leaf, said: str) -> bool:
    """Whether a value stands in the facts: as it is, without the prefix of a CURIE, or as the word for an enum."""
    value = json.dumps(leaf.value, ensure_ascii=False)[1:-1].casefold()
    if leaf.value.startswith("UNKNOWN_"):
        return True
    if leaf.value in {name for names in schema().enums.values() for name in names}:
        value = {"started": "in-progress"}.get(value, value.replace("_", " ").removesuffix(" sex"))
    forms = (value, value.partition(":")[2] or value, value.removesuffix("t00:00:00z"))
    return any(form in said for form in forms) or bool(NOT_COPIED.search(leaf.path))


@pytest.mark.parametrize("profile", ["r4", "mcode"])
@pytest.mark.parametrize("path", PACKETS, ids=lambda path: path.name)
def test_packets_make_valid_bundles(path: Path, profile: str) -> None:
    result = converted(path, profile)
    assert result.ok
    found = [
        issue.text()
        for issue in result.issues
        if issue.is_error or (issue.layer != "input" and issue.severity == "warning")
    ]
    assert [
        text for text in found if "[con-3]" not in text
    ] == []  # con-3: no clinicalStatus where the packet states none


def test_numbers_keep_their_digits() -> None:
    path = CORPUS / "tools" / "retinoblastoma.json"
    assert b'"value": 25.0' in converted(path, "r4").json(indent=True)
