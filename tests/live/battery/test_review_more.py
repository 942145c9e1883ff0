"""What a review broke: words that tell too much or too little, signals, plans, servers that do not what they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest

from fhirconv import convert

from .. import loose
from ..faults import Answer, Exchange, Proxy, fhir
from ..loose import families, observation, patient
from ..oracle import Push
from ..scripts import issue, on_transactions, outcome

Pushes = Callable[..., Push]
PASSWORD, TOKEN = 'pa"ss/word-CANARY', "tok/CANARY/1234=="


def secret(one: Push, text: str) -> str:
    file = one.folder / "secret"
    file.write_text(f"{text}\n")
    file.chmod(0o600)
    return str(file)


@pytest.mark.parametrize(
    ("option", "text", "escape"),
    [
        ("--basic-file", f"canary:{PASSWORD}", lambda text: text.replace('"', '\\"')),
        ("--basic-file", f"canary:{PASSWORD}", lambda text: "".join(f"\\u{ord(one):04x}" for one in text)),
        ("--token-file", TOKEN, lambda text: text.replace("/", "\\/")),
        ("--token-file", TOKEN, lambda text: text.replace("=", "\\u003d")),
    ],
    ids=["quote", "all", "slash", "equals"],
)
def test_a_server_that_repeats_credentials_as_json_writes_them(
    push: Pushes, proxy: Proxy, option: str, text: str, escape: Callable[[str], str]
) -> None:
    r"""P29: \", \/ and \u003d are read before the secret is looked for."""
    one = push()
    repeated = escape(text.removeprefix("canary:"))
    said = f'{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","diagnostics":"{repeated} is bad"}}]}}'
    assert json.loads(said)["issue"][0]["diagnostics"].split()[0] in text
    proxy.script = on_transactions(lambda each: each.send(Answer(400, said.encode())))
    done = loose.run(one, proxy.url, option, secret(one, text))
    assert done.code == 4
    assert "is bad" in done.err
    one.check_canaries(text.removeprefix("canary:"), "CANARY", repeated)


def test_a_server_that_repeats_names(push: Pushes, proxy: Proxy, unique: str) -> None:
    """P11 P30: also those in references and identifiers, short ones, and of a patient who went in another part."""
    one = push()
    number = {"system": loose.SYSTEM, "value": "MRN-CANARY-77"}
    subject = {"reference": f"Patient/{unique}", "display": "Canary Patientname", "identifier": number}
    results = [
        observation(f"{unique}-{at}", "") | {"subject": subject, "identifier": [number | {"value": f"R-CANARY-{at}"}]}
        for at in range(3)
    ]
    who = patient(unique) | {"birthDate": "1931-02-28", "name": [{"family": "Li", "given": ["Canaryna"]}]}
    loose.of(one, loose.bundle(loose.put(who), *map(loose.put, results)))
    words = "may not be: Canary Patientname, MRN-CANARY-77, R-CANARY-2, CANARYNA Li, 1931-02-28; but a Limit may"
    proxy.script = on_transactions(
        lambda each: (Exchange.pass_on if each.record == 0 else outcome(400, issue(words)))(each)
    )
    done = loose.run(one, proxy.url, "--max-entries", "2")
    assert done.code == 4, done.err
    assert "; but a Limit may" in done.err
    for name in ("Patientname", "MRN-CANARY", "R-CANARY", "anaryna", " Li,", "CANARYNA", "1931"):
        assert name not in done.err


def test_a_plan_holds_also_for_what_it_leaves_as_it_is(push: Pushes, proxy: Proxy, hapi_url: str, unique: str) -> None:
    """P15: what somebody changes between the last look and the transaction is not overwritten, and nothing else is done."""
    names = [f"{unique}-{at}" for at in range(2)]
    one = loose.of(push(), loose.bundle(*(loose.put(patient(name)) for name in names)))
    assert loose.run(one, proxy.url).code == 0
    changed = loose.bundle(loose.put(patient(names[0])), loose.put(patient(names[1], "B")))
    loose.of(one, changed)
    made = one.ended(loose.start(one, "plan", str(one.input), "--server", proxy.url, "-o", "plan.json", "-v"))
    assert [line[0] for line in made.out.splitlines() if line[0] in "+~=-"] == ["=", "~"]

    def script(exchange: Exchange) -> None:
        loose.ask(hapi_url, f"Patient/{names[0]}", patient(names[0], "SOMEBODY"))
        exchange.pass_on()

    proxy.script = on_transactions(script)
    done = loose.run(one, proxy.url, "--plan", "plan.json")
    assert families(hapi_url, names[0]) == ["A", "SOMEBODY"]
    assert families(hapi_url, names[1]) == ["A"]
    assert done.code == 4, done.err
    assert "409" in done.err


def test_a_plan_and_a_push_agree_about_what_comes_twice(push: Pushes, hapi_url: str, unique: str) -> None:
    """P36: the second record of a resource is refused by both, with the same words, and the plan can be carried out."""
    one = loose.of(push(), patient(unique, "OLD"), patient(unique, "NEW"), patient(f"{unique}-1"))
    made = one.ended(loose.start(one, "plan", str(one.input), "--server", hapi_url, "-o", "plan.json"))
    done = loose.run(one, hapi_url, "--plan", "plan.json")
    assert (made.code, done.code) == (1, 1), made.err + done.err
    twice = [[line for line in text.splitlines() if "push-twice" in line] for text in (made.err, done.err)]
    assert len(twice[0]) == 1
    assert twice[0] == twice[1]
    assert done.records == {"done": 2, "rejected": 1}
    assert families(hapi_url, unique) == ["OLD"]


def test_a_server_that_does_not_take_conditional_creates(push: Pushes, proxy: Proxy, unique: str) -> None:
    """P14 P40: it would make a second one with every push; so what has ifNoneExist is not sent to it, and the rest is."""
    one = loose.of(push(), loose.bundle(loose.post(patient(""), unique)), patient(unique))

    def script(exchange: Exchange) -> None:
        if not exchange.path.endswith("/metadata"):
            return exchange.pass_on()
        statement = json.loads(exchange.forward().body)
        for resource in statement["rest"][0]["resource"]:
            resource["conditionalCreate"] = False
        return exchange.send(fhir(200, statement))

    proxy.script = script
    for _ in range(2):
        done = loose.run(one, proxy.url)
        assert done.code == 4, done.err
        assert done.records["failed"] == 1
        assert "it has ifNoneExist, and the server does not say that it takes conditional creates" in done.err
    assert [each for each in proxy.seen if b"ifNoneExist" in each.body] == []
    assert families(proxy.upstream, unique) == ["A"]


def test_a_condition_that_nothing_meets(push: Pushes, hapi_url: str, unique: str) -> None:
    """P11 P14: HAPI answers 404 with an OperationOutcome: that record fails, with its words, and the others go on."""
    nobody = loose.bundle(loose.put(observation(f"{unique}-o", f"Patient?identifier={loose.SYSTEM}|nobody")))
    done = loose.run(loose.of(push(), patient(f"{unique}-0"), nobody, patient(f"{unique}-2")), hapi_url)
    assert done.code == 4, done.err
    assert done.records == {"done": 2, "failed": 1}
    assert "the server answered 404: HAPI-" in done.err
    assert "is this the base URL" not in done.err


def test_parts_of_what_the_server_gives_ids(push: Pushes, hapi_url: str, unique: str) -> None:
    """P17: what is made under a condition has no id before: what refers to it from another part finds it by the condition."""
    who = loose.post(patient(""), unique)
    results = [loose.post(observation("", who["fullUrl"]), f"{unique}-{at}") for at in range(4)]
    one = loose.of(push(), loose.bundle(who, *results))
    for told in ("created", "unchanged"):
        done = loose.run(one, hapi_url, "--max-entries", "3")
        assert (done.code, done.resources) == (0, {told: 5}), done.err
    found = loose.ask(hapi_url, f"Observation?patient.identifier={loose.SYSTEM}%7C{unique}&_summary=count")
    assert found["total"] == 4


def test_a_server_that_passes_over_the_tag_of_a_search(push: Pushes, proxy: Proxy, hapi_url: str) -> None:
    """P40: what does not wear the tag of the case is not taken back, whatever a search for the tag gives."""
    one = push(labs=1)
    assert one.run(proxy.url).code == 0
    address = next(name for name in one.records[0].identifiers if name.startswith("Observation/"))
    system, _, code = one.records[0].tag.partition("|")
    untagged = {"name": "meta", "valueMeta": {"tag": [{"system": system, "code": code}]}}
    body = {"resourceType": "Parameters", "parameter": [untagged]}
    loose.ask(hapi_url, f"{address}/$meta-delete", body, method="POST")
    searched = []

    def script(exchange: Exchange) -> None:
        if not exchange.path.endswith("Observation/_search"):
            return exchange.pass_on()
        searched.append(parse_qs(exchange.body.decode()))
        return exchange.send(exchange.forward(urlencode({"_id": address.partition("/")[2]}).encode()))

    proxy.script = script
    one.cases[0]["labs"] = []
    one.write()
    done = loose.run(one, proxy.url, "--retract")
    assert done.code == 0, done.err
    assert [query["_tag"] for query in searched] == [[one.records[0].tag]]
    assert loose.ask(hapi_url, address)["status"] == "final"
    assert done.resources["retracted"] == 0


@pytest.mark.parametrize("is_loose", [False, True], ids=["two Bundles", "a Bundle and a resource"])
def test_a_case_in_two_records_with_retract(push: Pushes, hapi_url: str, is_loose: bool) -> None:
    """P36: what is in the input is not taken back because it is not in each record of its case; again is no change."""
    one = push(labs=2)
    made = convert(one.cases[0]).bundle
    assert made
    shared = [entry for entry in made["entry"] if entry["resource"]["resourceType"] == "Patient"]
    labs = [entry for entry in made["entry"] if entry["resource"]["resourceType"] == "Observation"]
    first, second = ({**made, "entry": [*shared, lab]} for lab in labs)
    patient_id = shared[0]["resource"]["id"]
    alone = json.loads(json.dumps(labs[1]["resource"]).replace(shared[0]["fullUrl"], f"Patient/{patient_id}"))
    loose.of(one, first, alone if is_loose else second)
    runs = [loose.run(one, hapi_url, "--retract", "--no-journal") for _ in range(3)]
    stated = [loose.ask(hapi_url, f"Observation/{lab['resource']['id']}") for lab in labs]
    assert {found["status"] for found in stated if found} == {"final"}
    assert [done.resources["retracted"] for done in runs] == [0, 0, 0], runs[-1].err
    assert [done.resources["updated"] for done in runs] == [0, 0, 0]
