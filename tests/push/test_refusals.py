"""What a server says of a refused transaction: led back to its line, without a word that tells who the patient is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fhirconv.client.client import FhirClient
from fhirconv.client.errors import OutcomeIssue, Refused
from fhirconv.issues import Issue
from fhirconv.pushing.pusher import settings_for
from fhirconv.pushing.refusals import issues_of_refusal
from fhirconv.pushing.units import Unit, unit_of
from fhirconv.source import read_bytes, read_value
from tests.client.messages import client_for

SETTINGS = settings_for()
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
SYSTEM = "urn:oid:2.999.41"
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "text": TEXT,
    "name": [{"text": "Dr. Li Zbigniewska", "family": "Zbigniewska", "given": ["Li"]}],
    "birthDate": "1931-02-28",
    "telecom": [{"system": "phone", "value": "+48 22 555 0199"}],
    "address": [{"line": ["Krucza 4711"], "city": "Łódź"}],
    "contact": [{"name": {"family": "Contactowa"}}],
    "identifier": [{"system": SYSTEM, "value": "M|4711", "type": {"text": "MRN"}}],
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "text": TEXT,
    "status": "final",
    "code": {"text": "Haemoglobin"},
    "subject": {
        "reference": "Patient/p1",
        "display": "Named Elsewhere",
        "identifier": {"system": SYSTEM, "value": "M-LOGICAL"},
    },
    "performer": [{"display": "Dr. Performer", "reference": "Patient/p1"}],
    "note": [{"authorReference": {"identifier": {"value": "M-DEEP"}}, "text": "x"}],
}
TOLD = "what is told"


@pytest.fixture(scope="module")
def client() -> Iterator[FhirClient]:
    """Of a server that is not there: nothing but searches for duplicates would ask it."""
    with client_for("http://127.0.0.1:9/fhir") as made:
        yield made


def unit(*resources: dict[str, Any]) -> Unit:
    """A Bundle of these, a line to each line of JSON."""
    entries = [
        {
            "fullUrl": f"urn:uuid:7dd75aa9-a899-54ff-9408-5b70ae3c81{at:02}",
            "resource": one,
            "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
        }
        for at, one in enumerate(resources)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    made = unit_of(read_bytes(json.dumps(bundle, indent=1).encode(), "b.json"), 0, SETTINGS)
    assert made.ok, [issue.text() for issue in made.issues]
    return made


WHOLE = unit(PATIENT, OBSERVATION)


def told(client: FhirClient, *issues: OutcomeIssue, of: Unit = WHOLE, **more: Any) -> list[Issue]:
    return issues_of_refusal(Refused("POST /fhir: the server answered 400", 400, issues), of, client, **more)


def words(client: FhirClient, text: str, of: Unit = WHOLE) -> str:
    """What is left of the words of a server."""
    [issue] = told(client, OutcomeIssue("error", "invalid", text), of=of)
    return issue.message.removeprefix("the server answered 400: ")


@pytest.mark.parametrize(
    "name",
    [
        "Zbigniewska",
        "ZBIGNIEWSKA",
        "Dr. Li Zbigniewska",
        "Li",
        "1931-02-28",
        "+48 22 555 0199",
        "Krucza 4711",
        "Łódź",
        "%C5%81%C3%B3d%C5%BA",
        "Contactowa",
        "M|4711",
        "M%7C4711",
        "M%5C%7C4711",
        "M-LOGICAL",
        "M-DEEP",
        "Named Elsewhere",
        "Dr. Performer",
    ],
)
def test_who_the_patient_is_is_left_out(client: FhirClient, name: str) -> None:
    """P11 P30: wherever it stands in what was sent, as it is and as part of an address, in capitals too."""
    assert words(client, f"{TOLD} {name}, and <{name}>") == f"{TOLD} […], and <[…]>"


def test_of_a_part_the_names_of_the_others_are_left_out(client: FhirClient) -> None:
    """P17 P30: the patient went with an earlier part."""
    issues = told(client, OutcomeIssue("error", "invalid", "no Zbigniewska here"), items=WHOLE.items[1:])
    assert [issue.message for issue in issues] == ["the server answered 400: no […] here"]


def test_short_names_are_left_out_as_whole_words_only(client: FhirClient) -> None:
    """Else half of all words had holes."""
    assert words(client, "Li-Li: limits of Observation.valueQuantity, oil, LI") == (
        "[…]-[…]: limits of Observation.valueQuantity, oil, […]"
    )


def test_a_name_does_not_survive_because_another_begins_it(client: FhirClient) -> None:
    two = PATIENT | {"name": [{"family": "Zbig", "given": ["Zbigniewska"]}]}
    assert words(client, "Zbigniewska and Zbig", unit(two)) == "[…] and […]"


def test_what_tells_nobody_is_told(client: FhirClient) -> None:
    """Systems, codes, types, ids of ours: by these an error is found."""
    text = f"Patient/p1 of {SYSTEM}, Observation.code Haemoglobin, status final, phone"
    assert words(client, text) == text


def test_nothing_steers_a_terminal_and_nothing_is_endless(client: FhirClient) -> None:
    """P25."""
    said = words(client, f"\x1b[2J{TOLD}\nerror: fake {'x' * 9999}")
    assert "\x1b" not in said
    assert "\n" not in said
    assert said.endswith("x…")
    assert len(said) < 400


@pytest.mark.parametrize(
    ("text", "expressions", "line", "path"),
    [
        ("bad", ("Bundle.entry[1].resource.status",), '"status": "final"', "entry[1].resource.status"),
        ("bad", ("Bundle.entry[1].resource.ofType(Observation)/*Observation/o1*/.code",), '"code": {', "code"),
        ("HAPI-1: Bundle.entry(1) is bad", (), '"resource": {', "entry[1]"),
        ("Resource Patient/p1 not found", ("Bundle.entry[7]",), '"resourceType": "Patient"', ""),
        ("bad", (), "{", ""),
        ("bad", ("Bundle.entry[99999999].x",), "{", ""),
    ],
)
def test_each_error_stands_at_the_line_of_what_it_names(
    client: FhirClient, text: str, expressions: tuple[str, ...], line: str, path: str
) -> None:
    """P11: by expression, by location, by the words; else at the Bundle."""
    [issue] = told(client, OutcomeIssue("error", "invalid", text, expressions))
    lines = json.dumps(BUNDLE, indent=1).splitlines()
    assert line in "".join(lines[issue.place.line - 1 : issue.place.line + 2])
    assert issue.rule == "push-refused"
    assert path.replace("entry[1].resource.", "") in issue.text()


BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"fullUrl": one.full_url, "resource": one.resource, "request": one.entry()["request"]} for one in WHOLE.items
    ],
}


CASE = b"""case: {id: c1}
patient: {sex: female}
labs:
  - {id: hb, analyte: Hb, value: 11.4, unit: g/dL}
"""


def test_of_a_case_the_fact_is_named(client: FhirClient) -> None:
    """P11: the line of the fact that became the resource, in the file that somebody can mend."""
    case = unit_of(read_bytes(CASE, "case.yaml"), 0, SETTINGS)
    [at] = [at for at, item in enumerate(case.items) if item.type == "Observation"]
    [issue] = told(client, OutcomeIssue("error", "invalid", "bad", (f"Bundle.entry[{at}].resource.value",)), of=case)
    assert (issue.place.file, issue.place.line) == ("case.yaml", 4)


def test_of_a_case_the_words_of_the_specification_stay(client: FhirClient) -> None:
    """P11: our own identifiers ('c1/patient', 'c1/labs/hb') and what is in each message do not blot out each other."""
    case = unit_of(read_bytes(CASE, "case.yaml"), 0, SETTINGS)
    text = "HAPI-1094: Resource Patient/7c not found, specified in path: Observation.subject (Haemoglobin, labs)"
    assert words(client, text, case) == text


RELATED = {
    "resourceType": "RelatedPerson",
    "id": "r1",
    "text": TEXT,
    "patient": {"reference": "Patient/p1"},
    "name": [{"family": "Motherowa"}],
    "address": [{"city": "Zakopane"}],
}


@pytest.mark.parametrize("said", ["Motherowa", "Zakopane"])
def test_who_is_near_the_patient_is_left_out(client: FhirClient, said: str) -> None:
    """P30."""
    assert words(client, f"no {said} here", unit(PATIENT, RELATED)) == "no […] here"


@pytest.mark.parametrize("said", ["Zbigniewska", "MARIA"])
def test_a_part_of_a_name_is_left_out(client: FhirClient, said: str) -> None:
    """P30: where only the whole name was sent."""
    whole = PATIENT | {"name": [{"text": "Maria Zbigniewska"}]}
    assert words(client, f"no {said} here", unit(whole)) == "no […] here"


def test_of_a_resource_alone_its_element_is_named(client: FhirClient) -> None:
    alone = unit_of(read_value(PATIENT, "p.json"), 0, SETTINGS)
    [issue] = told(client, OutcomeIssue("error", "invalid", "bad", ("Bundle.entry[0].resource.birthDate",)), of=alone)
    assert "Patient.birthDate" in issue.text()


def test_warnings_are_no_reasons(client: FhirClient) -> None:
    issues = told(client, OutcomeIssue("warning", "invalid", "w"), OutcomeIssue("fatal", "invalid", "f"))
    assert [issue.message for issue in issues] == ["the server answered 400: f"]


def test_a_server_without_words(client: FhirClient) -> None:
    """P11: there is an error at least, in the client's own words."""
    assert [issue.message for issue in told(client)] == ["POST /fhir: the server answered 400"]
    assert [issue.message for issue in told(client, OutcomeIssue("error", "invalid", ""))] == [
        "the server answered 400: no words given"
    ]
