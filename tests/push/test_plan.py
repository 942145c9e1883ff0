"""Plans in files, what counts as a difference, and how resources are marked: all that needs no server."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, run

from fhirconv import validate
from fhirconv.client.errors import Unknown
from fhirconv.pushing.journal import Binding
from fhirconv.pushing.plan import Action, PlanError, UnitPlan, read_plan, write_plan
from fhirconv.pushing.present import Difference, Present, checked, differences
from fhirconv.pushing.pusher import settings_for
from fhirconv.pushing.requests import Item
from fhirconv.pushing.retract import retracted, status_of
from fhirconv.r4 import elements_of

SETTINGS = settings_for()
BINDING = Binding("http://127.0.0.1/fhir", "00", "11", "0.1.0")
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
UNITS = [
    UnitPlan(0, (Action("+", "PUT", "Patient/a", "", "", "aa"), Action("-", "DELETE", "Provenance/b", "Provenance/b", "3", "bb"))),
    UnitPlan(7, (Action("~", "PUT", "Observation?cc", "Observation/9", "2", "cc", (Difference("note[0].text", "old", "new"),)),)),
]  # fmt: skip


def found(before: dict[str, Any], after: dict[str, Any], ids: dict[str, str] | None = None) -> list[str]:
    """The elements that an update from one resource to another would change."""
    resources = [{"resourceType": "Observation", "id": "1", **one} for one in (before, after)]
    item = Item(resources[1], "Observation/1", "urn:uuid:1")
    return [one.element for one in differences(item, Present("1", resources[0], "Observation/1"), ids or {})]


# -- plan files --


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_plan(tmp_path / "plan.json", BINDING, True, UNITS)
    return tmp_path / "plan.json"


def test_a_plan_is_read_as_it_was_written_but_for_the_values(file: Path) -> None:
    plan = read_plan(file, BINDING, SETTINGS)
    assert plan.retract
    assert plan.units[0] == UNITS[0]
    assert plan.units[7].actions[0].differences == (Difference("note[0].text"),)
    assert plan.units[7].actions[0]._replace(differences=()) == UNITS[1].actions[0]._replace(differences=())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("server", "another server"),
        ("inputs", "files have changed"),
        ("settings", "settings differ"),
        ("version", "version"),
    ],
)
def test_a_plan_for_another_push_is_refused_with_what_differs(file: Path, name: str, words: str) -> None:
    with pytest.raises(PlanError, match=rf"plan.json was made for another push: .*{words}.*make a new plan"):
        read_plan(file, replace(BINDING, **{name: "x"}), SETTINGS)


def test_a_torn_plan_is_refused_wherever_it_is_torn(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(len(whole.rstrip()) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(PlanError, match="is no plan, or only part of one"):
            read_plan(file, BINDING, SETTINGS)


def _other_format(data: dict[str, Any]) -> None:
    data["fhirconv-plan"] = 2


def _no_units(data: dict[str, Any]) -> None:
    del data["units"]


def _units_of_text(data: dict[str, Any]) -> None:
    data["units"] = ["x"]


def _strange_sign(data: dict[str, Any]) -> None:
    data["units"][0]["actions"][0]["sign"] = "!"


def _no_digest(data: dict[str, Any]) -> None:
    del data["units"][0]["actions"][0]["digest"]


def _list_of_actions(data: dict[str, Any]) -> None:
    data["units"][0]["actions"] = [["+"]]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_other_format, "of another version of fhirconv"),
        (_no_units, "is damaged"),
        (_units_of_text, "is damaged"),
        (_strange_sign, "is damaged"),
        (_no_digest, "is damaged"),
        (_list_of_actions, "is damaged"),
    ],
)
def test_a_spoilt_plan_is_refused(file: Path, spoil: Callable[[dict[str, Any]], None], words: str) -> None:
    data = json.loads(file.read_bytes())
    spoil(data)
    file.write_text(json.dumps(data))
    with pytest.raises(PlanError, match=words):
        read_plan(file, BINDING, SETTINGS)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(PlanError, match="is no plan"):
        read_plan(path, BINDING, SETTINGS)
    with pytest.raises(PlanError, match="cannot be read: Is a directory"):
        read_plan(tmp_path, BINDING, SETTINGS)


# -- differences --


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("a &lt; b", "a &#60; b"),
        ("say &quot;x&quot;, it's", 'say "x", it&apos;s'),
        ("\U0001f600", "&#x1F600;"),
        ("<br/><p></p>", "<br></br><p/>"),
        ('<p id="1" class="x">a</p>', "<p class='x' id='1'>a</p>"),
        ("a<!-- note -->b", "a   <!-- note -->b"),
        ("a\r\nb", "a\nb"),
    ],
)
def test_another_way_to_write_the_same_narrative_is_no_difference(sent: str, answered: str) -> None:
    both = [{"text": {"status": "generated", "div": DIV.format(one)}} for one in (answered, sent)]
    assert found(*both) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a", "b"),
        ("<p>a</p>", "<b>a</b>"),
        ("a b", "a  b"),
        ('<p id="1">a</p>', "<p>a</p>"),
        ("&lt;p>a&lt;/p>", "<p>a</p>"),
    ],
)
def test_another_narrative_is_a_difference(before: str, after: str) -> None:
    assert found({"text": {"div": DIV.format(before)}}, {"text": {"div": DIV.format(after)}}) == ["text.div"]


@pytest.mark.parametrize(("before", "after"), [("100", "1E2"), ("0.0", "-0.0"), ("0.0000001", "1e-7"), ("5", "5")])
def test_the_same_digits_are_no_difference(before: str, after: str) -> None:
    assert found({"valueDecimal": Decimal(before)}, {"valueDecimal": Decimal(after)}) == []


@pytest.mark.parametrize(
    ("before", "after"), [(Decimal("1.5"), Decimal("1.50")), (True, 1), (1, "1"), (0, False), (1, None)]
)
def test_another_precision_or_kind_is_a_difference(before: Any, after: Any) -> None:
    assert found({"value": before}, {"value": after}) == ["value"]


def test_what_the_server_adds_to_meta_is_no_difference_and_what_it_would_drop_is() -> None:
    tag = {"system": "urn:a", "code": "a"}
    on_server = {
        "versionId": "3",
        "lastUpdated": "2020-01-01T00:00:00Z",
        "source": "#x",
        "tag": [tag | {"code": "z"}, tag],
    }
    assert found({"meta": on_server}, {"meta": {"tag": [tag]}}) == []
    assert found({"meta": on_server}, {}) == []
    assert found({"meta": on_server}, {"meta": {"tag": [tag, tag | {"code": "b"}]}}) == ["meta.tag[1]"]
    assert found({"meta": {"profile": ["b", "a"]}}, {"meta": {"profile": ["a", "b"]}}) == []
    assert found({"meta": {"profile": ["a"]}}, {}) == ["meta.profile"]  # an update replaces the profiles


def test_references_are_compared_by_where_they_lead() -> None:
    ids = {"urn:uuid:p": "Patient/5"}

    def subject(reference: str) -> dict[str, Any]:
        return {"subject": {"reference": reference}}

    assert found(subject("Patient/5"), subject("urn:uuid:p"), ids) == []
    assert found(subject("urn:uuid:p"), subject("urn:uuid:p"), ids) == []  # as HAPI leaves it in some places
    assert found(subject("Patient/5"), subject("Patient/5/_history/2"), ids) == []
    assert found(subject("Patient/6"), subject("urn:uuid:p"), ids) == ["subject.reference"]


@pytest.mark.parametrize(
    ("before", "after", "elements"),
    [
        ("abcd", "abd", ["note[2]"]),
        ("abd", "abcd", ["note[2]"]),
        ("abcd", "abxd", ["note[2].text"]),
        ("", "a", ["note[0]"]),
        ("aab", "ab", ["note[1]"]),
        ("ab", "ba", ["note[0].text", "note[1].text"]),
    ],
)
def test_what_is_put_into_a_list_or_taken_out_is_named_alone(before: str, after: str, elements: list[str]) -> None:
    assert found(*({"note": [{"text": one} for one in notes]} for notes in (before, after))) == elements


def test_a_resource_that_is_only_made_if_there_is_none_never_differs() -> None:
    item = Item(
        {"resourceType": "Patient", "gender": "male"}, "Patient", method="POST", if_none_exist="identifier=a%7Cb"
    )
    assert differences(item, Present("1", {"resourceType": "Patient", "id": "1"}, "Patient/1"), {}) == []


def test_deep_resources_are_compared_in_reasonable_time() -> None:
    def nested(leaf: str) -> dict[str, Any]:
        value: dict[str, Any] = {"url": leaf}
        for _ in range(60):
            value = {"extension": [value]}
        return value

    assert found(nested("a"), nested("b"))[0].endswith("[0].url")


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient"},
        {"id": "1"},
        {"resourceType": "Patient", "id": 1},
        {"resourceType": "Patient", "id": "1", "meta": []},
        {"resourceType": "Patient", "id": "1", "meta": {"tag": "x"}},
        {"resourceType": "Patient", "id": "1", "meta": {"profile": [1]}},
    ],
)
def test_what_a_server_gives_and_is_no_resource_is_told(resource: dict[str, Any]) -> None:
    with pytest.raises(Unknown, match="whose id or meta is none"):
        checked(resource)


# -- marked as an error --


def test_how_a_resource_is_marked_is_read_from_its_definition() -> None:
    assert status_of("Observation") == ("status", "entered-in-error")
    made = status_of("Condition")
    assert made is not None
    assert made.element == "verificationStatus"
    assert made.value["coding"][0]["code"] == "entered-in-error"
    assert status_of("AllergyIntolerance") is not None
    for without in ("Patient", "Provenance", "AdverseEvent", "Organization"):
        assert status_of(without) is None
    for mapping in SETTINGS.mappings.resources:
        assert (status_of(mapping.resource) is None) == (
            not any("entered-in-error" in str(one.codes) for one in elements_of(mapping.resource).values())
        )


@pytest.mark.parametrize("name", sorted(path.name for path in (FIXTURES / "bundles").glob("*.json")))
def test_every_resource_that_we_make_is_valid_as_an_error(name: str) -> None:
    bundle = json.loads((FIXTURES / f"bundles/{name}").read_bytes(), parse_float=Decimal)
    for entry in bundle["entry"]:
        before = entry["resource"]
        entry["resource"] = retracted(before, {})
        assert (entry["resource"] != before) == (status_of(before["resourceType"]) is not None)
        assert retracted(entry["resource"], {}) == entry["resource"]
    assert [one.text() for one in validate(bundle, profile=name.split(".")[-2]) if one.is_error] == []


def test_the_narrative_says_so_above_what_it_said() -> None:
    said = '<div xmlns="http://www.w3.org/1999/xhtml" title="a > b"><p>Hb 11.4</p></div>'
    made = retracted(
        {"resourceType": "Observation", "status": "final", "text": {"status": "generated", "div": said}}, {}
    )
    assert made["text"]["status"] == "generated"
    head, _, rest = made["text"]["div"].partition("<p><b>Entered in error</b>")
    assert head == '<div xmlns="http://www.w3.org/1999/xhtml" title="a > b">'
    assert rest.endswith("</p><p>Hb 11.4</p></div>")
    assert "Entered in error" in retracted({"resourceType": "Observation", "status": "final"}, {})["text"]["div"]


def test_links_to_what_is_deleted_become_identifiers_also_where_the_mark_is_there_already() -> None:
    named = {"type": "AdverseEvent", "identifier": {"system": "urn:a", "value": "1"}}
    marked = {
        "resourceType": "Observation",
        "status": "entered-in-error",
        "focus": [{"reference": "AdverseEvent/1", "display": "x"}],
    }
    assert retracted(marked, {"AdverseEvent/1": named}) == marked | {"focus": [{"display": "x", **named}]}
    assert retracted(marked, {"AdverseEvent/2": named}) == marked


# -- the command --


def test_a_server_that_cannot_be_reached_ends_the_command_with_4() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/fhir"
        shown = run("plan", str(FIXTURES / "cases/minimal-labs.yaml"), "--server", url, "--give-up-after", "1")
    assert shown.exit_code == 4
    assert "no plan" in shown.stderr
    assert shown.stdout == ""
