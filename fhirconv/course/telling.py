"""Facts in a few words, for marks, tables and lists: those of the source, without the codes that it may give beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fhirconv.facts import Case, Fact
from fhirconv.narrative import name_field
from fhirconv.terms import words_of
from fhirconv.timeline import Moment, Timeline
from fhirconv.values.times import moment_words

NOT_STATED = "not stated"
NO_TIME = "no time stated"

# What did not take place although the facts tell of it.
_NOT_SO = {
    "status": ("not-taken", "not-done", "intended"),
    "verification": ("refuted",),
    "presence": ("absent",),
}
_NOTED = ("presence", "status", "verification", "clinical_status", "outcome", "certainty")
_UNNOTED = ("completed", "certain", "unknown", "present")  # what a mark need not say


def time_words(timeline: Timeline, moment: Moment) -> str:
    """A time as the facts say it; of one at an event also when that was, as far as the facts say."""
    words, seen = moment_words(moment, timeline), {""}
    while moment.relation == "at" and moment.event not in seen:
        seen.add(moment.event)
        moment = timeline.event_moment(moment.event) or Moment()
        said = moment_words(moment, timeline)
        words = f"{words}, {said}" if said else words
    return words


def open_words(timeline: Timeline, moment: Moment) -> str:
    """What is said of a time that is only after, or before, something: short, for its mark. What it is `at` is followed."""
    seen = {""}
    while moment.relation == "at" and moment.event not in seen:
        seen.add(moment.event)
        moment = timeline.event_moment(moment.event) or Moment()
    words = moment_words(replace(moment, text=""), timeline)
    is_bare = moment.relation in ("after", "before") and not moment.offset
    return f"{words}, how long {moment.relation} is not said" if is_bare else words


def span_words(start: str, end: str) -> str:
    """A time or, with an end, a course in words."""
    if not end:
        return start
    if NOT_STATED in (start, end):
        return f"from {start}" if end == NOT_STATED else f"until {end}"
    return f"from {start} to {end}"


def took_place(fact: Fact) -> bool:
    """Whether the facts say that it was so."""
    return not any(fact.data.get(name) in values for name, values in _NOT_SO.items())


def note_of(fact: Fact) -> str:
    """Line, dose, status with its reason, certainty: what a mark says besides its name. A disease status is its own name."""
    data, noted = fact.data, []
    for name in _NOTED:
        if name in data and data[name] not in _UNNOTED and (fact.section.name, name) != ("disease_status", "status"):
            reason = data.get("status_reason") if name == "status" else None
            noted.append(str(data[name]) + (f": {reason!s}" if reason else ""))
    dose = data.get("dose", {})
    said = [str(data["line"])] if "line" in data else []
    return ", ".join(said + ([str(dose["text"])] if "text" in dose else []) + noted)


def with_note(label: str, note: str) -> str:
    """A label for where there is no room for the note."""
    return f"{label} ({note})" if note else label


def title_of(section: str) -> str:
    """A section's name as a heading."""
    return section.replace("_", " ").capitalize()


def name_of(fact: Fact) -> str:
    """What a fact is called, also one with errors: by its name, else its id, else the kind of thing it is."""
    name = fact.data.get(name_field(fact.section))
    return words_of(name) if isinstance(name, str) else str(fact.data.get("id", fact.section.title))


def label_of(case: Case, fact: Fact) -> str:
    """What a fact is, in a few words."""
    tell = _LABELS.get(fact.section.name)
    return tell(case, fact.data) if tell else fact.identity


def site_of(data: Mapping[str, Any]) -> str:
    """Side and part of the body."""
    sites = data.get("site", [])
    named = " and ".join(str(one) for one in (sites if isinstance(sites, list) else [sites]))
    return f"{data['laterality']} {named}".strip() if "laterality" in data else named


def specimen_words(data: Mapping[str, Any]) -> str:
    """A specimen: its kind, and where it is from."""
    return _named(str(data["type"]), site_of(data))


def unit_of(unit: Any) -> str:
    """A unit as printed; '' for none."""
    return "" if unit is None else str(unit["text"]) if isinstance(unit, dict) else str(unit)


def result_words(data: Mapping[str, Any]) -> str:
    """A result as it stands: number and unit, words, or why there is none; then how the source judges it."""
    if "value" in data:
        found = f"{data['value']} {unit_of(data.get('unit'))}".rstrip()
    elif "result" in data:
        found = str(data["result"])
    else:
        absent = data.get("absent")
        found = str(absent.get("text", absent["reason"])) if absent else ""
    judged = str(data["interpretation"]) if "interpretation" in data else ""
    return ", ".join(filter(None, (found, judged)))


def _placed_name(name: str) -> Callable[[Case, Mapping[str, Any]], str]:
    return lambda case, data: _named(str(data[name]), site_of(data))


def _result(name: str) -> Callable[[Case, Mapping[str, Any]], str]:
    return lambda case, data: _said(_named(str(data[name]), _where(case, data)), result_words(data))


def _where(case: Case, data: Mapping[str, Any]) -> str:
    """The site of a result, else its specimen: a receptor in the breast is not that in the bone."""
    specimen = case.by_id.get(str(data.get("specimen")))
    return site_of(data) or (specimen_words(specimen.data) if specimen else "")


def _joined(name: str, more: str) -> str:
    return f"{name}, {more}" if more else name


def _named(name: str, site: str) -> str:
    """A name with its site, where the name does not say it: no 'breast cancer, breast'."""
    return name if site.casefold() in name.casefold() else f"{name}, {site}"


def _said(name: str, more: str) -> str:
    return f"{name}: {more}" if more else name


def _procedure(case: Case, data: Mapping[str, Any]) -> str:
    amount = data.get("amount")
    given = f"{amount['value']} {unit_of(amount['unit'])}" if amount else ""
    return _joined(_placed_name("procedure")(case, data), given)


def _stage(case: Case, data: Mapping[str, Any]) -> str:
    basis, stage = data.get("basis", ""), str(data["stage"])
    is_group = data.get("category", "group") == "group" and not stage.casefold().startswith("stage")
    return " ".join(filter(None, (basis, "stage" if is_group else "", stage)))


def _status(case: Case, data: Mapping[str, Any]) -> str:
    condition = case.by_id.get(str(data.get("of")))
    status = str(data["status"])
    return f"{condition.data['name']!s}: {status}" if condition else status


def _adverse(case: Case, data: Mapping[str, Any]) -> str:
    return _joined(str(data["event"]), f"grade {data['grade']}" if "grade" in data else "")


def _performance(case: Case, data: Mapping[str, Any]) -> str:
    scale = str(data["scale"])
    return f"{scale.upper() if scale == 'ecog' else scale.capitalize()} {data['score']}"


_LABELS: dict[str, Callable[[Case, Mapping[str, Any]], str]] = {
    "events": lambda case, data: str(data.get("name", data["id"])),
    "conditions": _placed_name("name"),
    "stages": _stage,
    "specimens": lambda case, data: f"specimen: {specimen_words(data)}",
    "labs": _result("analyte"),
    "pathology": _result("test"),
    "findings": _result("finding"),
    "performance_status": _performance,
    "disease_status": _status,
    "regimens": lambda case, data: str(data["name"]),
    "medications": lambda case, data: str(data["drug"]),
    "procedures": _procedure,
    "adverse_events": _adverse,
}
