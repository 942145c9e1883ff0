"""A plan: what a push would do with each resource, to be read first, and to be done just so by `push --plan`.

A plan file holds numbers, digests, signs, versions, Type/id and names of elements; nothing of a patient. It only says
what is expected: what is sent comes from the input.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirconv import __version__
from fhirconv.bundle import dump_json
from fhirconv.issues import FhirconvError
from fhirconv.output import write_file
from fhirconv.pushing.journal import Binding
from fhirconv.pushing.present import Difference, Present, addresses, differences, look_up
from fhirconv.pushing.requests import Item
from fhirconv.pushing.retract import retractions
from fhirconv.pushing.units import Settings, Unit

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient

_OTHER = {
    "server": "it was for another server",
    "inputs": "the input files have changed since",
    "settings": "the settings differ (identity, profile, mappings, source)",
    "version": "it was made by another version of fhirconv",
}
SIGNS = {"+": "create", "~": "update", "=": "leave as it is", "-": "take back"}
_FORMAT = 1
_NAMED = 10  # resources in one message
_AGAIN = "make a new plan and read it"


class PlanError(FhirconvError):
    """A plan cannot be carried out, or its file not used; the text says why and what to do. Nothing was sent."""


class Action(NamedTuple):
    """What becomes of one resource. `sign` is one of SIGNS; `method` PUT, POST or DELETE.

    `url` is that of the request, a digest in place of a search in it; `address` Type/id on the server, '' before it is
    there; `version` the one there; `digest` (SHA-256, hex) is of the request.
    """

    sign: str
    method: str
    url: str
    address: str
    version: str
    digest: str
    differences: tuple[Difference, ...] = ()

    @property
    def name(self) -> str:
        """Type/id, or the type of what has no id yet."""
        return self.address or self.url.partition("?")[0]


class UnitPlan(NamedTuple):
    """What becomes of a record: an action for each of its items in order, then one for each retraction."""

    number: int
    actions: tuple[Action, ...]

    def counts(self) -> Counter[str]:
        """How many actions there are of each sign."""
        return Counter(action.sign for action in self.actions)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a whole push, with the settings that it is to be carried out with."""

    settings: Settings
    retract: bool
    units: Mapping[int, UnitPlan]

    def apply(self, client: FhirClient, unit: Unit) -> list[Item]:
        """What is to be sent for a unit, bound to the versions of the plan; retractions are part of it.

        What was planned and is there already is fine: a push that was stopped goes on. Raises PlanError, ServerError.
        """
        made = _planned(client, unit, self.settings, self.retract)
        _refuse(list(self._problems(unit, made)))
        return [_bound(item, action) for item, action in made]

    def check(self, client: FhirClient, units: Iterable[Unit]) -> None:
        """Whether all of it can be carried out, before any of it is. Raises PlanError, ServerError."""
        problems: list[str] = []
        for unit in units:
            if unit.ok:
                problems += self._problems(unit, _planned(client, unit, self.settings, self.retract))
        _refuse(problems)

    def _problems(self, unit: Unit, made: Sequence[tuple[Item, Action]]) -> Iterator[str]:
        """Each resource that is not as the plan has it, and why."""
        planned = {action.url: action for action in self.units.get(unit.number, UnitPlan(unit.number, ())).actions}
        for _, now in made:
            before = planned.pop(now.url, None)
            why = _difference(before, now) if before else "is not in the plan"
            if why:
                yield f"{now.name} {why}"
        for left in planned.values():
            if left.sign != "-":  # else it was taken back already
                yield f"{left.name} is in the plan, and not in the input"


def plan_of(client: FhirClient, unit: Unit, settings: Settings, retract: bool = False) -> UnitPlan:
    """What a push of the unit would do; with `retract`, also of what the server holds of its cases and it does not.

    Nothing is written. Raises ServerError, also where the server has several resources for one item.
    """
    return UnitPlan(unit.number, tuple(action for _, action in _planned(client, unit, settings, retract)))


def _planned(client: FhirClient, unit: Unit, settings: Settings, retract: bool) -> list[tuple[Item, Action]]:
    found = look_up(client, unit.items)
    ids = addresses(unit.items, found)
    made = [(item, _action(item, present, ids)) for item, present in zip(unit.items, found, strict=True)]
    taken_back = retractions(client, unit, settings) if retract else []
    return made + [(item, _retraction(item)) for item in taken_back]


def _retraction(item: Item) -> Action:
    version = item.if_match.removeprefix('W/"').removesuffix('"')
    return Action("-", item.method, item.url, item.url, version, _digest(item))


def _action(item: Item, present: Present, ids: Mapping[str, str]) -> Action:
    changed = tuple(differences(item, present, ids)) if present.resource else ()
    sign = "+" if present.resource is None else "~" if changed else "="
    url = item.look_up
    if "?" in url:
        url = f"{item.type}?{hashlib.sha256(url.encode()).hexdigest()}"
    return Action(sign, item.method, url, present.location, present.version, _digest(item), changed)


def _digest(item: Item) -> str:
    return hashlib.sha256(dump_json(item.entry())).hexdigest()


def _difference(before: Action, now: Action) -> str:
    """Why an action is not the one that was planned; '' if it is, or was carried out already."""
    if now.sign != "-" and before.digest != now.digest:
        return "has other content in the input than in the plan"
    if (before.sign, before.version) == (now.sign, now.version) or (before.sign in "+~" and now.sign == "="):
        return ""
    if not now.version:
        return f"is no longer on the server (the plan was made for version {before.version})"
    planned = f"version {before.version}" if before.version else "a server without it"
    return f"has version {now.version} on the server (the plan was made for {planned})"


def _refuse(problems: list[str]) -> None:
    if problems:
        more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise PlanError(f"the plan does not hold any more: {'; '.join(problems[:_NAMED])}{more}; {_AGAIN}")


def _bound(item: Item, action: Action) -> Item:
    """The request, to be refused if the server has another version by the time that it arrives.

    It goes to the resource that was found: HAPI looks at no ifMatch where the URL is a search.
    """
    if action.sign not in "~=" or not action.version or item.if_match or item.if_none_exist:
        return item
    resource = {**item.resource, "id": action.address.partition("/")[2]}
    return replace(item, resource=resource, url=action.address, if_match=f'W/"{action.version}"')


def binding_of(client: FhirClient, settings: Settings, inputs: str) -> Binding:
    """What a plan belongs to; `inputs` is the digest of the input files."""
    return Binding(client.base, inputs, settings.digest, __version__)


def write_plan(path: Path, binding: Binding, retract: bool, units: Iterable[UnitPlan]) -> None:
    """Writes a plan file, as a whole or not at all. Raises OSError."""
    made = [{"number": unit.number, "actions": [_as_dict(action) for action in unit.actions]} for unit in units]
    write_file(
        path, dump_json({"fhirconv-plan": _FORMAT, **asdict(binding), "retract": retract, "units": made}, indent=True)
    )


def _as_dict(action: Action) -> dict[str, Any]:
    made = action._asdict()
    return made | {"differences": [one.element for one in action.differences]}


def read_plan(path: Path, binding: Binding, settings: Settings) -> Plan:
    """The plan in a file. Raises PlanError if it is none, damaged, or was made for another server, input or settings."""
    data = _read(path)
    other = [field.name for field in fields(Binding) if data.get(field.name) != getattr(binding, field.name)]
    if other:
        raise PlanError(f"{path} was made for another push: {', '.join(_OTHER[name] for name in other)}; {_AGAIN}")
    try:
        units = [
            UnitPlan(int(one["number"]), tuple(_read_action(action) for action in one["actions"]))
            for one in data["units"]
        ]
        return Plan(settings, data["retract"] is True, {unit.number: unit for unit in units})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PlanError(f"{path} is damaged; {_AGAIN}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or "fhirconv-plan" not in data:
        raise PlanError(f"{path} is no plan, or only part of one; name a file that fhirconv plan -o wrote")
    if data["fhirconv-plan"] != _FORMAT:
        raise PlanError(f"{path} is a plan of another version of fhirconv; {_AGAIN}")
    return data


def _read_action(data: Mapping[str, Any]) -> Action:
    if data["sign"] not in SIGNS:
        raise ValueError(data["sign"])
    texts = {name: str(data[name]) for name in Action._fields if name != "differences"}
    return Action(**texts, differences=tuple(Difference(str(name)) for name in data["differences"]))
