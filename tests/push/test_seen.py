"""What comes several times in a run: the same is fine, something else for the same resource is an error at the later one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhirconv.pushing.pusher import settings_for, units_of
from fhirconv.pushing.seen import Seen
from fhirconv.pushing.units import Unit, unit_of
from fhirconv.source import read_value

SETTINGS = {name: settings_for(name) for name in ("id", "identifier")}
SYSTEM = SETTINGS["id"].fact_system
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
UUID = "urn:uuid:7dd75aa9-a899-54ff-9408-5b70ae3c81{:02}"


def patient(id_: str = "p", sex: str = "female", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, "text": TEXT, "gender": sex, **more}


def bundle(*resources: dict[str, Any], **request: str) -> dict[str, Any]:
    """A transaction of these; with `request` in place of a PUT to its id."""
    entries = [
        {
            "fullUrl": UUID.format(at),
            "resource": one,
            "request": request or {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
        }
        for at, one in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def problems(*records: dict[str, Any], identity: str = "id") -> list[str]:
    """For each record the error of coming twice; '' for none."""

    def units() -> Iterator[Unit]:
        for number, record in enumerate(records):
            yield unit_of(read_value(record, f"r{number}"), number, SETTINGS[identity])

    with Seen() as seen:
        checked = [seen.checked(one) for one in units()]
    found = [[issue for issue in one.issues if issue.rule == "push-twice"] for one in checked]
    assert [one.ok for one in checked] == [not issues for issues in found]
    return [issues[0].message if issues else "" for issues in found]


@pytest.mark.parametrize("first", [patient(), bundle(patient("q"), patient())], ids=["alone", "in a Bundle"])
@pytest.mark.parametrize("wrap", [dict, bundle], ids=["alone", "in a Bundle"])
def test_other_content_for_the_same_resource(first: dict[str, Any], wrap: Any) -> None:
    [none, same, other, more] = problems(first, wrap(patient()), wrap(patient(sex="male")), wrap(patient("p2", "male")))
    assert (none, same, more) == ("", "", "")
    assert other == "its Patient came before, in r0, with other content; push one, or give each its own id"


def test_what_was_rejected_was_not_seen() -> None:
    """So the third record, of which the first half of the second was one, is no error."""
    clash = bundle(patient("q"), patient(sex="male"))
    assert problems(patient(), clash, patient("q", "male"))[2] == ""


def test_a_record_with_other_errors_was_not_seen() -> None:
    wrong = unit_of(read_value(patient(sex="none of these")), 0, SETTINGS["id"])
    right = unit_of(read_value(patient()), 1, SETTINGS["id"])
    with Seen() as seen:
        assert [seen.checked(one).ok for one in (wrong, right)] == [False, True]


def test_what_is_only_made_where_it_is_missing_may_come_again() -> None:
    """The server leaves alone what is there."""
    query = {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:oid:2.999%7C1"}
    assert problems(bundle(patient(), **query), bundle(patient(sex="male"), **query)) == ["", ""]


def test_by_identifier_the_identifier_tells_which_resource_it_is() -> None:
    def named(value: str, sex: str) -> dict[str, Any]:
        return patient(f"any-{sex}", sex, identifier=[{"system": SYSTEM, "value": value}])

    found = problems(named("a/1", "female"), named("a/2", "male"), named("a/1", "male"), identity="identifier")
    assert [bool(one) for one in found] == [False, False, True]


def test_the_message_tells_nothing_of_a_patient() -> None:
    canary = {"name": [{"family": "Zbigniewska"}], "identifier": [{"system": "urn:oid:2.999", "value": "M-4711"}]}
    [_, told] = problems(patient(**canary), patient(sex="male", **canary))
    assert "its Patient came before" in told
    assert "Zbigniewska" not in told
    assert "4711" not in told


def test_a_run_tells_it_of_its_units() -> None:
    """plan and push read the same units."""
    records = [read_value(patient(), "r0"), read_value(patient(sex="male"), "r1"), read_value(patient(), "r2")]
    assert [unit.ok for unit in units_of(records, SETTINGS["id"])] == [True, False, True]
    assert [unit.ok for unit in units_of(records[1:], SETTINGS["id"])] == [True, False]


def test_bundles_with_full_urls_of_their_own_may_share_a_resource() -> None:
    """Two exports give the same Organization other full URLs; what it says is the same."""

    def export(patient: str, base: str) -> dict[str, object]:
        def entry(digit: int, kind: str, id_: str, **more: object) -> dict[str, object]:
            resource = {"resourceType": kind, "id": id_, **more}
            full_url = f"urn:uuid:{base}{digit}"
            return {"fullUrl": full_url, "resource": resource, "request": {"method": "PUT", "url": f"{kind}/{id_}"}}

        trust = entry(1, "Organization", "trust", name="Trust")
        clinic = entry(2, "Organization", "clinic", name="Clinic", partOf={"reference": trust["fullUrl"]})
        return {"resourceType": "Bundle", "type": "transaction", "entry": [trust, clinic, entry(3, "Patient", patient)]}

    first, second = (
        export("p1", "7dd75aa9-a899-54ff-9408-5b70ae3c818"),
        export("p2", "8dd75aa9-a899-54ff-9408-5b70ae3c818"),
    )
    records = [read_value(first, "a"), read_value(second, "b")]
    assert [unit.ok for unit in units_of(records, SETTINGS["id"])] == [True, True]
