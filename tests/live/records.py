"""Records that no other test has: copies of fixtures under ids of their own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

from conftest import FIXTURES

from fhirconv.client.answers import EntryAnswer
from fhirconv.client.client import FhirClient
from fhirconv.pushing.pusher import settings_for
from fhirconv.pushing.requests import Item, transaction
from fhirconv.pushing.units import Settings, Unit, unit_of
from fhirconv.source import read_bytes, read_file, read_value

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def settings(identity: str = "id", profile: str = "r4") -> Settings:
    return settings_for(identity, profile)


def case_of(name: str, case_id: str) -> dict[str, Any]:
    """The facts of a case of the fixtures, with another case id."""
    data: dict[str, Any] = read_file(FIXTURES / f"cases/{name}.yaml").data
    data["case"]["id"] = case_id
    return data


def without(case: dict[str, Any], *names: str) -> dict[str, Any]:
    """The case without the facts of these ids, or of these sections."""
    return {
        section: [one for one in facts if one.get("id") not in names] if isinstance(facts, list) else facts
        for section, facts in case.items()
        if section not in names
    }


def unit(record: dict[str, Any], how: Settings) -> Unit:
    made = unit_of(read_value(record, "case.yaml"), 0, how)
    assert made.ok, [issue.text() for issue in made.issues if issue.is_error]
    return made


def golden(name: str, case_id: str, how: Settings) -> Unit:
    """A golden Bundle of the fixtures with another case id, and with other ids in place of its own."""
    text = (FIXTURES / f"bundles/{name}").read_text()
    systems = {how.fact_system, how.case_system}

    def renamed(match: re.Match[str]) -> str:
        found = match.group()
        return found if f"urn:uuid:{found}" in systems else str(uuid.uuid5(uuid.NAMESPACE_URL, f"{case_id}{found}"))

    old = name.partition(".")[0]
    text = (
        _UUID.sub(renamed, text).replace(f'"{old}/', f'"{case_id}/').replace(f'"code": "{old}"', f'"code": "{case_id}"')
    )
    made = unit_of(read_bytes(text.encode(), name), 0, how)
    assert made.ok, [issue.text() for issue in made.issues if issue.is_error]
    return made


def send(client: FhirClient, items: Sequence[Item], elsewhere: dict[str, str] | None = None) -> list[EntryAnswer]:
    return client.transaction(transaction(items, elsewhere), [item.url for item in items])
