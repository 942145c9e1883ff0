"""Against HAPI: what a plan says is what a push then does, and a plan is not carried out on anything else."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, run

from fhirconv.client.client import FhirClient
from fhirconv.client.errors import Refused
from fhirconv.client.retry import RetryPolicy
from fhirconv.pushing.plan import Plan, PlanError, UnitPlan, binding_of, plan_of, read_plan, write_plan
from fhirconv.pushing.present import addresses, changes, differences, look_up
from fhirconv.pushing.requests import Item
from fhirconv.pushing.units import Settings, Unit, unit_of
from fhirconv.source import read_file
from tests.live.records import case_of, golden, send, settings, unit, without

BUNDLES = sorted(path.name for path in (FIXTURES / "bundles").glob("*.json"))


@pytest.fixture
def client(hapi_url: str) -> Iterator[FhirClient]:
    with FhirClient(hapi_url, retry=RetryPolicy(conflict_tries=1)) as made:
        yield made


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of the leaves of a resource, those of its identity left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path or key not in ("id", "resourceType", "meta"):
                yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, (*path, at))
    elif value is not None:
        yield path


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value.replace("</div>", " </div>") if value.endswith("</div>") else value + "x"
    return Decimal(f"{value}0") if "." in str(value) else value + 1


def written(path: tuple[Any, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]


def assert_one_changed_leaf_is_named(item: Item, present: Any, ids: dict[str, str], path: tuple[Any, ...]) -> None:
    resource = deepcopy(item.resource)
    inner = resource
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = changed(inner[path[-1]])
    other = Item(resource, item.url, item.full_url)
    assert [one.element for one in differences(other, present, ids)] == [written(path)]


@pytest.mark.parametrize("identity", ["id", "identifier"])
@pytest.mark.parametrize("name", BUNDLES)
def test_after_a_push_nothing_differs_and_then_only_what_was_changed(
    client: FhirClient, unique: str, name: str, identity: str
) -> None:
    made = golden(name, unique, settings(identity, name.split(".")[-2]))
    send(client, made.items)
    found = look_up(client, made.items)
    ids = addresses(made.items, found)
    chance = random.Random(name)
    for item, present in zip(made.items, found, strict=True):
        assert differences(item, present, ids) == []
        for path in chance.sample(every := list(leaves(item.resource)), min(4, len(every))):
            assert_one_changed_leaf_is_named(item, present, ids, path)


def corrected(case: dict[str, Any]) -> dict[str, Any]:
    """The case of takanashi-2019 with another result, with a fact less and a fact more."""
    made = without(case, "bladder-disturbance")
    lab = next(one for one in made["labs"] if one["id"] == "ca15-3-before-letrozole")
    lab["value"] = Decimal("31.60")
    made["labs"].append({"analyte": "Hb", "value": Decimal("11.4"), "unit": "g/dL"})
    return made


@pytest.mark.parametrize("identity", ["id", "identifier"])
def test_a_plan_says_what_a_push_does(client: FhirClient, unique: str, identity: str) -> None:
    how = settings(identity)
    whole = unit(case_of("takanashi-2019", unique), how)
    assert plan_of(client, whole, how).counts() == {"+": 122}
    assert not any(one.resource for one in look_up(client, whole.items))  # a plan writes nothing
    send(client, whole.items)
    assert plan_of(client, whole, how, retract=True).counts() == {"=": 122}

    new = unit(corrected(case_of("takanashi-2019", unique)), how)
    plan = plan_of(client, new, how, retract=True)
    assert plan.counts() == {"+": 1, "~": 2, "=": 118, "-": 2}
    by_type = {action.name.split("/")[0]: action for action in plan.actions if action.sign == "~"}
    assert [one.element for one in by_type["Observation"].differences] == ["text.div", "valueQuantity.value"]
    assert by_type["Observation"].differences[1][1:] == (Decimal("30.6"), Decimal("31.60"))
    assert {one.element.partition("[")[0] for one in by_type["Provenance"].differences} == {"target"}

    items = Plan(how, True, {0: plan}).apply(client, new)
    answers = send(client, items)
    signs = {"created": "+", "updated": "~", "unchanged": "="}
    done = Counter(signs[one.made] for one in answers[: len(new.items)])
    assert done + Counter({"-": 2}) == plan.counts()
    assert plan_of(client, new, how, retract=True).counts() == {"=": 121}


def small(case_id: str, value: str, *conditions: str) -> dict[str, Any]:
    """A case of few resources, one of them with a quote and so with a Provenance of its own."""
    return {
        "case": {"id": case_id},
        "patient": {"sex": "female"},
        "source": {"text": "CA15-3 30.6 U/ml, 31.60 U/ml; hoarse, dizzy"},
        "conditions": [{"id": name, "name": name, "kind": "symptom", "evidence": name} for name in conditions],
        "labs": [{"id": "ca", "analyte": "CA15-3", "value": Decimal(value), "unit": "U/ml"}],
    }


class Made:
    """A pushed case, what it is corrected to, and a plan for that, written to a file and read again."""

    def __init__(self, client: FhirClient, folder: Path, case_id: str, identity: str) -> None:
        self.settings: Settings = settings(identity)
        self.old: Unit = unit(small(case_id, "30.6", "hoarse"), self.settings)
        send(client, self.old.items)
        self.new: Unit = unit(small(case_id, "31.60", "dizzy"), self.settings)
        self.file = folder / "plan.json"
        self.binding = binding_of(client, self.settings, "00")
        write_plan(self.file, self.binding, True, [plan_of(client, self.new, self.settings, retract=True)])
        self.plan = read_plan(self.file, self.binding, self.settings)
        signs = self.plan.units[0].actions
        self.addresses = {action.address: action.sign for action in signs if action.address}


@pytest.fixture(params=["id", "identifier"])
def made(client: FhirClient, unique: str, tmp_path: Path, request: pytest.FixtureRequest) -> Made:
    return Made(client, tmp_path, unique, request.param)


def touch(client: FhirClient, address: str) -> None:
    """Somebody else changes a resource."""
    found = client.read_many([address])[0]
    assert found is not None
    send(client, [Item(found | {"language": "eo"}, address)])


def test_nothing_of_a_patient_stands_in_a_plan_file(made: Made, unique: str) -> None:
    text = made.file.read_text()
    for word in (unique, "CA15-3", "31.6", "30.6", "hoarse", "dizzy", "xhtml", made.settings.fact_system):
        assert word not in text
    assert "valueQuantity.value" in text


@pytest.mark.parametrize("sign", ["~", "=", "-"])
def test_a_plan_is_not_carried_out_when_the_server_has_changed(client: FhirClient, made: Made, sign: str) -> None:
    address = next(address for address, its in made.addresses.items() if its == sign)
    touch(client, address)
    for refused in (lambda: made.plan.apply(client, made.new), lambda: made.plan.check(client, [made.new])):
        with pytest.raises(PlanError) as error:
            refused()
        assert f"{address} has version 2 on the server (the plan was made for version 1)" in str(error.value)
        assert str(error.value).count("has version") == 1  # only what has changed is named


def test_a_plan_is_not_carried_out_on_other_content(client: FhirClient, made: Made) -> None:
    with pytest.raises(PlanError, match=r"Observation/\S+ has other content in the input than in the plan"):
        made.plan.apply(client, made.old)
    with pytest.raises(PlanError, match="is in the plan, and not in the input"):
        made.plan.check(client, [made.old])


def test_what_changes_between_the_look_and_the_write_is_not_overwritten(client: FhirClient, made: Made) -> None:
    items = made.plan.apply(client, made.new)
    address = next(address for address, sign in made.addresses.items() if sign == "~")
    touch(client, address)
    with pytest.raises(Refused) as refused:
        send(client, items)
    assert refused.value.status in (409, 412)


def test_a_plan_that_was_carried_out_already_goes_on(client: FhirClient, made: Made) -> None:
    """After a connection that broke nobody knows whether the transaction arrived: the same plan must still hold."""
    send(client, made.plan.apply(client, made.new))
    before = [one.version for one in look_up(client, made.new.items)]
    send(client, made.plan.apply(client, made.new))
    assert [one.version for one in look_up(client, made.new.items)] == before


def test_a_record_that_is_not_in_the_plan_is_not_sent(client: FhirClient, made: Made) -> None:
    none = Plan(made.settings, False, {})
    with pytest.raises(PlanError, match="is not in the plan"):
        none.apply(client, made.new)
    assert UnitPlan(0, ()).counts() == {}


@pytest.mark.parametrize("identity", ["id", "identifier"])
def test_where_each_update_makes_a_version_only_what_differs_is_sent(
    client: FhirClient, unique: str, identity: str
) -> None:
    how = settings(identity)
    send(client, unit(case_of("takanashi-2019", unique), how).items)
    new = unit(corrected(case_of("takanashi-2019", unique)), how)
    items, unchanged, elsewhere = changes(client, new.items)
    assert (len(items), len(items) + len(unchanged)) == (3, len(new.items))
    answers = send(client, items, elsewhere)
    assert Counter(one.made for one in answers) == {"created": 1, "updated": 2}
    assert changes(client, new.items).items == []


# -- the command --


def plan(*arguments: object) -> Any:
    return run("plan", *map(str, arguments))


@pytest.fixture
def files(tmp_path: Path, unique: str) -> tuple[Path, Path]:
    text = (FIXTURES / "cases/takanashi-2019.yaml").read_text().replace("id: takanashi-2019", f"id: {unique}", 1)
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(text)
    new.write_text(text.replace("value: 30.6", "value: 31.60"))
    return old, new


def test_the_command_names_the_line_of_each_fact_and_the_elements_that_differ(
    client: FhirClient, files: tuple[Path, Path], hapi_url: str
) -> None:
    old, new = files
    shown = plan(old, "--server", hapi_url)
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert len(lines) == 122
    assert all(line.startswith("+ ") and f"{old}:" in line for line in lines)
    assert f"{old}: 122 resources: 122 to create\n" in shown.stderr

    send(client, unit_of(read_file(old), 0, settings()).items)
    shown = plan(new, "--server", hapi_url, "-q")
    line = 1 + new.read_text().splitlines().index("    value: 31.60")
    head, *elements = shown.stdout.splitlines()
    assert head.startswith("~ Observation/")
    assert int(head.rpartition(":")[2]) in range(line - 3, line + 1)  # the line at which the fact begins
    assert elements == ["    valueQuantity.value"]  # the narrative says the same
    assert "resources" not in shown.stderr

    shown = plan(new, "--server", hapi_url, "--values", "-v")
    assert "    valueQuantity.value: 30.6 -> 31.60" in shown.stdout
    assert sum(line.startswith("= ") for line in shown.stdout.splitlines()) == 121
    assert f"{new}: 122 resources: 1 to update, 121 unchanged\n" in shown.stderr


def test_the_command_writes_a_plan_that_can_be_read_again(
    client: FhirClient, files: tuple[Path, Path], hapi_url: str, tmp_path: Path
) -> None:
    old, new = files
    ndjson = tmp_path / "cases.ndjson"
    cases = [case_of("minimal-labs", f"{new.stem}{old.parent.name}{at}x") for at in range(3)]
    ndjson.write_text("".join(json.dumps(case, default=float) + "\n" for case in cases))
    target = tmp_path / "plan.json"
    shown = plan(ndjson, old, "--server", hapi_url, "-o", target)
    assert shown.exit_code == 0
    total = len(shown.stdout.splitlines())
    assert f"4 records: {total} resources: {total} to create\n" in shown.stderr
    data = json.loads(target.read_bytes())
    assert sum(len(one["actions"]) for one in data["units"]) == total
    assert [one["number"] for one in data["units"]] == [0, 1, 2, 3]
    assert len(data["units"][3]["actions"]) == 122


def test_a_case_with_errors_is_told_and_the_others_are_planned(
    files: tuple[Path, Path], hapi_url: str, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("case: {id: x}\n")
    shown = plan(wrong, files[0], "--server", hapi_url)
    assert shown.exit_code == 1
    assert "wrong.yaml: has errors; nothing of it would be sent" in shown.stderr
    assert "2 records, 1 with errors: 122 resources: 122 to create" in shown.stderr


def test_the_plan_never_replaces_an_input(files: tuple[Path, Path], hapi_url: str) -> None:
    before = files[0].read_bytes()
    shown = plan(files[0], "--server", hapi_url, "-o", files[0])
    assert shown.exit_code == 2
    assert files[0].read_bytes() == before


def test_a_plan_that_cannot_be_written_says_so(files: tuple[Path, Path], hapi_url: str, tmp_path: Path) -> None:
    shown = plan(files[0], "--server", hapi_url, "-o", tmp_path / "none" / "plan.json")
    assert shown.exit_code == 2
    assert "cannot be written" in shown.stderr


def test_whoever_reads_only_the_first_line_still_gets_the_file(
    files: tuple[Path, Path], hapi_url: str, tmp_path: Path
) -> None:
    target = tmp_path / "plan.json"
    command = [sys.executable, "-m", "fhirconv", "plan", files[0], "--server", hapi_url, "-o", target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert "122 to create" in said
    assert "Traceback" not in said
    assert "Exception" not in said
    assert len(json.loads(target.read_bytes())["units"][0]["actions"]) == 122
