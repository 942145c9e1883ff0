"""An impact for people and for programs. Values of elements, and which fact they are of, are told only when asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from fhirconv.bundle import dump_json
from fhirconv.issues import printable
from fhirconv.mapping_docs.markdown import written
from fhirconv.mapping_docs.pages import Block, Bullets, Code, Heading, Page, Paragraph, Words, joined, table
from fhirconv.mapping_impact.impact import Effect, Impact
from fhirconv.mapping_impact.resources import CHANGED
from fhirconv.mapping_impact.sides import Change

_SHOWN = 120  # characters of a value
_WHY_NOT = "no entry that differs says why"
_OF_IDS = ("identifier", "fact")
"""Keys of the system of which ids are made: where it differs, each resource has another id."""


def as_data(impact: Impact, changes: Iterable[Change], has_new_ids: bool, values: bool) -> dict[str, Any]:
    """As plain data; causes with most resources first. `values` adds facts and their values: data of patients."""
    effects, changes = dict(impact.effects), tuple(changes)
    if has_new_ids and impact.resources:
        of_ids = Counter({(CHANGED, "id, and what refers to it"): impact.resources})
        effects |= {one: Effect(impact.resources, impact.compared, of_ids) for one in changes if one.keys == _OF_IDS}
    by_size = sorted(effects.items(), key=lambda one: (one[0] is None, -one[1].resources, str(one[0])))
    idle = [one for one in changes if one not in effects]
    first = impact.places
    return {
        "cases": impact.cases,
        "cases_changed": impact.compared if has_new_ids else impact.changed_cases,
        "cases_of_neither": impact.neither,
        "cases_compared": impact.compared,
        "resources": impact.resources,
        "resources_changed": impact.resources if has_new_ids else impact.changed,
        "resources_changed_besides_ids": impact.changed,
        "ids_change": has_new_ids,
        "causes": [_cause(change, effect, values) for change, effect in by_size],
        "without_effect": [{"entry": str(change), "where": change.where} for change in idle],
        "outcomes": [
            {"converted_by": "new" if sign == "+" else "old", "rule": rule, "cases": number, "first": first[sign, rule]}
            for (sign, rule), number in sorted(impact.outcomes.items())
        ],
        "findings": [
            {"change": sign, "severity": severity, "rule": rule, "number": number, "first": first[sign, rule]}
            for (sign, rule, severity), number in sorted(impact.findings.items())
        ],
        "words": [
            {"change": sign, "table": name, "concept": concept, "number": number}
            for (sign, name, concept), number in sorted(impact.words.items())
        ],
    }


def _cause(change: Change | None, effect: Effect, values: bool) -> dict[str, Any]:
    elements = [
        {"change": sign, "element": element, "number": number}
        for (sign, element), number in sorted(effect.elements.items(), key=lambda one: (-one[1], one[0]))
    ]
    shown = [one._asdict() if values else {"place": one.place} for one in effect.examples]
    found = {"resources": effect.resources, "cases": effect.cases, "elements": elements, "examples": shown}
    return {"entry": str(change) if change else "", "where": change.where if change else "", **found}


def to_json(data: dict[str, Any]) -> str:
    """JSON; keys as `as_data` has them."""
    return dump_json(data, indent=True).decode()


def to_text(data: dict[str, Any]) -> str:
    """Lines for a terminal."""
    return "".join(f"{printable(line)}\n" for line in _lines(data))


def _lines(data: dict[str, Any]) -> Iterator[str]:
    yield _summary(data)
    for cause in data["causes"]:
        yield ""
        yield f"{cause['entry']} ({cause['where']})" if cause["entry"] else _WHY_NOT
        yield f"  {_extent(cause)}: {', '.join(map(_element, cause['elements']))}"
        for example in cause["examples"]:
            yield f"  such as {_example(example)}"
    for title, lines in _others(data):
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)


def to_markdown(data: dict[str, Any]) -> str:
    """A page, for a pull request say."""
    return written(Page("index", "Impact of the mappings", tuple(_blocks(data))))


def _blocks(data: dict[str, Any]) -> Iterator[Block]:
    yield Paragraph(_summary(data))
    rows = (
        (
            Code(cause["entry"]) if cause["entry"] else _WHY_NOT,
            Code(cause["where"]) if cause["where"] else "",
            _extent(cause),
            joined([Code(_element(one)) for one in cause["elements"]]),
            _joined_lines(map(_example, cause["examples"])),
        )
        for cause in data["causes"]
    )
    yield from table("Causes", "Why|Where|How many|What|Such as", rows)
    for title, lines in _others(data):
        yield Heading(2, title.capitalize())
        yield Bullets(tuple(lines))


def _joined_lines(lines: Iterable[str]) -> Words:
    return joined(list(lines), "; ")


def _summary(data: dict[str, Any]) -> str:
    neither = f"; neither set converts {data['cases_of_neither']:,}" if data["cases_of_neither"] else ""
    if not data["cases_compared"]:
        return f"nothing was compared: both sets convert 0 of {_number(data['cases'], 'case')}{neither}"
    ids = f": all by their ids, {data['resources_changed_besides_ids']:,} in something else, too" if data["ids_change"] else ""
    return (
        f"{data['resources_changed']:,} of {data['resources']:,} resources change, "
        f"in {data['cases_changed']:,} of {_number(data['cases'], 'case')}{ids}{neither}"
    )


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _extent(cause: dict[str, Any]) -> str:
    return f"{_number(cause['resources'], 'resource')} in {_number(cause['cases'], 'case')}"


def _element(one: dict[str, Any]) -> str:
    return f"{one['change']} {one['element']} {one['number']:,}"


def _example(one: dict[str, Any]) -> str:
    if "element" not in one:
        return str(one["place"])
    values = f": {one['element']}: {_short(one['before'])} -> {_short(one['after'])}" if one["element"] else ""
    return f"{one['place']}: {one['fact']}{values}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else dump_json(value).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _others(data: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """What is different besides resources, in lines with a title."""
    said = {
        "cases that only one set converts": [
            f"{_number(one['cases'], 'case')} only by the {one['converted_by']} mappings, "
            f"because of [{one['rule']}], first at {one['first']}"
            for one in data["outcomes"]
        ],
        "findings that come (+) or go (-)": [
            f"{one['change']} {one['number']:,} {one['severity']} [{one['rule']}], first at {one['first']}"
            for one in data["findings"]
        ],
        "words that get (+) or lose (-) a code": [
            f"{one['change']} {one['number']:,} in {one['table']}, as {one['concept']}" for one in data["words"]
        ],
        "entries that differ, and change no resource here": [
            f"{one['entry']} ({one['where']})" for one in data["without_effect"]
        ],
    }
    return ((title, lines) for title, lines in said.items() if lines)
