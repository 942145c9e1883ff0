"""What generated functions must not get wrong: shared parts, markup, words kept as text; and ids."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fhirconv import convert
from fhirconv.identity import NAMESPACE, fact_identifier, resource_id
from fhirconv.schema import Field, Section, case_schema
from fhirconv.source import read_file

CASES = sorted((Path(__file__).parent.parent / "fixtures" / "cases").glob("maximal-*.yaml"))
MARKUP = 'a <b> & "c"'


def containers(value: Any) -> Iterator[Any]:
    """Every object and list of a value, itself included."""
    if isinstance(value, dict | list):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from containers(part)


@pytest.mark.parametrize("profile", ["r4", "mcode"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_nobody_changes_one_bundle_by_changing_another(path: Path, profile: str) -> None:
    """No part stands twice in a Bundle, in two Bundles, or in the facts: whoever changes one changes that one only."""
    facts = read_file(path).data
    made = [convert(copy.deepcopy(facts), profile=profile) for _ in range(2)]
    found = [part for one in made for part in (*containers(one.bundle), *containers(one.case.document.data))]
    assert len(found) > 50
    assert len({id(part) for part in found}) == len(found)


def text_fields() -> Iterator[tuple[Section, Field]]:
    """The fields that hold free words."""
    for section in case_schema().sections.values():
        for field in section.fields.values():
            if field.kind in ("string", "term") and not field.refers and field.name != "id":
                yield section, field


def test_words_with_markup_are_told_as_text() -> None:
    """Whatever field they stand in: the narrative is XHTML, and its text has them letter by letter."""
    told = set()
    for path in CASES:
        facts = read_file(path).data
        for section, field in text_fields():
            changed = copy.deepcopy(facts)
            holders = changed.get(section.name, [])
            for fact in holders if isinstance(holders, list) else [holders]:
                *above, last = field.path
                for step in above:
                    fact = fact.get(step, {})
                if last in fact:
                    fact[last] = MARKUP
            if changed == facts or not (made := convert(changed)).bundle:
                continue
            divs = [entry["resource"]["text"]["div"] for entry in made.bundle["entry"]]
            if any(MARKUP in "".join(ElementTree.fromstring(div).itertext()) for div in divs):
                told.add(f"{section.name}.{field.name}")
    assert {"labs.analyte", "conditions.name", "medications.drug", "patient.note", "labs.note"} <= told
    assert len(told) > 30


@pytest.mark.parametrize("case_id", ["case-1", "日本 1", "a/b", ""])
def test_ids_are_version_5_uuids_of_identifiers(case_id: str) -> None:
    system = "urn:uuid:86587458-7463-4f48-a399-1ec451e11054"
    for identity, role in (("labs/~β//2014", ""), ("patient", "age"), ("case", "evidence"), ("labs/" + "long " * 99, "")):
        identifier = fact_identifier(case_id, identity, role)
        assert resource_id(system, identifier) == str(uuid.uuid5(NAMESPACE, f"{system}|{identifier}"))


@pytest.mark.parametrize("ids", [("a", "b"), ("b", "a")])
def test_words_without_a_code_are_told_whatever_the_profile_claims(ids: tuple[str, str]) -> None:
    """A claim that is tried and does not hold takes back only what it noted itself, not what it had others note."""
    cancer, metastasis = ids
    facts = {
        "case": {"id": "x", "recorded": "2019-01-01T00:00:00Z"},
        "patient": {"sex": "female", "birth_date": "1960"},
        "conditions": [
            {"id": cancer, "kind": "primary-cancer", "name": "breast cancer", "site": "zorbin"},
            {"id": metastasis, "kind": "metastasis", "name": "zorbin", "of": cancer},
        ],
    }
    for profile in ("r4", "mcode"):
        kept = [issue.place.pointer for issue in convert(facts, profile=profile).issues if issue.rule == "kept-as-text"]
        assert kept == ["/conditions/0/site", "/conditions/1/name"]
