"""Value makers for times and ages: date, time, period, age.

Relative times follow http://hl7.org/fhir/StructureDefinition/cqf-relativeDateTime (R4 4.0.1), and stand beside the date
where that is known; an age is a time after birth where FHIR has no Age. A time that has only words goes into the string
choice where there is one, else into the extension originalText. The time of an event that belongs to the fact itself has
the event's id as the id of its element, and its name as the first original text. So fhirconv.back finds all of it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.r4 import elements_of
from fhirconv.timeline import Moment, Timeline
from fhirconv.values.base import ORIGINAL_TEXT, ElementRule, Env, Made, calling, failed, nothing
from fhirconv.values.words import DATA_ABSENT_REASON
from fhirconv.values.writing import Target, Writer

RELATIVE_DATE_TIME = "http://hl7.org/fhir/StructureDefinition/cqf-relativeDateTime"
UCUM = "http://unitsofmeasure.org"
TIME_UNITS = {"minutes": "min", "hours": "h", "days": "d", "weeks": "wk", "months": "mo", "years": "a"}

_DAY = len("2020-01-01")
_FINER = re.compile(r"(-[0-9]{2}){0,2}(T.+)?")


def _amount(value: Any, unit: str, comparator: str = "") -> dict[str, Any]:
    made = {"value": value, "comparator": comparator} if comparator else {"value": value}
    return made | {"unit": unit, "system": UCUM, "code": TIME_UNITS[unit]}


def _range(extent: Mapping[str, Any], unit: str) -> dict[str, Any]:
    return {end: _amount(extent[end], unit) for end in ("low", "high") if end in extent}


def extent_words(extent: Mapping[str, Any], default_unit: str = "years") -> str:
    """A duration or an age in words: '10 months', 'more than' as '>30 months', '70-79 years'."""
    unit = extent.get("unit", default_unit)
    if "decade" in extent:
        return f"{extent['decade']}-{extent['decade'] + 9} {unit}"
    if "value" in extent:
        return f"{extent.get('comparator', '')}{extent['value']} {unit}"
    low, high = extent.get("low"), extent.get("high")
    span = f"{low}-{high}" if low is not None and high is not None else f">={low}" if high is None else f"<={high}"
    return f"{span} {unit}"


def moment_words(moment: Moment, timeline: Timeline) -> str:
    """A time in words, as the narrative and originalText say it; the source's own words stand in brackets."""
    said = _structured_words(moment, timeline)
    return f"{said} ({moment.text})" if said and moment.text else said or moment.text


def _structured_words(moment: Moment, timeline: Timeline) -> str:
    if moment.is_span:
        start, end = (moment_words(end, timeline) if end else "" for end in (moment.start, moment.end))
        return f"from {start} to {end}" if start and end else f"from {start}" if start else f"until {end}"
    if moment.age:
        return f"at age {extent_words(moment.age)}"
    if moment.relation:
        offset = extent_words(moment.offset) + " " if moment.offset else ""
        return f"{offset}{moment.relation} {timeline.event_name(moment.event)}"
    return moment.date


def _relative(moment: Moment, context: Context) -> dict[str, Any] | None:
    """The extension for a moment relative to an event or to birth; None without a resource to count from."""
    if moment.age:
        _, extent = age_value(moment.age)
        return _counted(context.patient[0], "Patient.birthDate", "after", extent)
    target = context.event_target(moment.event) if moment.relation else None
    if target is None:
        return None
    reference, path, edge = target
    relationship = {"at": "concurrent", "after": "after", "before": "before"}[moment.relation]
    if edge:
        relationship += "-with-" + edge if relationship == "concurrent" else "-" + edge
    if moment.offset is None and moment.relation != "at":  # the source does not say how long; R4 asks for an offset
        return _counted(reference, path, relationship, {"extension": [dict(_UNKNOWN)]})
    extent = moment.offset or {"value": 0, "unit": "days"}
    if "value" in extent:
        amount = _amount(extent["value"], extent["unit"], extent.get("comparator", ""))
        return _counted(reference, path, relationship, amount)
    return _counted(reference, path, relationship, _range(extent, extent["unit"]))


_UNKNOWN = {"url": DATA_ABSENT_REASON, "valueCode": "unknown"}


def _counted(reference: str, path: str, relationship: str, extent: dict[str, Any]) -> dict[str, Any]:
    """The extension cqf-relativeDateTime: a Duration or Range from an element of a resource."""
    kind = "valueRange" if extent.keys() & {"low", "high"} else "valueDuration"
    return {
        "url": RELATIVE_DATE_TIME,
        "extension": [
            {"url": "target", "valueReference": {"reference": reference}},
            {"url": "targetPath", "valueString": path},
            {"url": "relationship", "valueCode": relationship},
            {"url": "offset", kind: extent},
        ],
    }


def _original(words: str) -> dict[str, Any]:
    return {"url": ORIGINAL_TEXT, "valueString": words}


def _primitive(moment: Moment, context: Context) -> tuple[str, dict[str, Any] | None]:
    """A dateTime's value ('' for none) and its extensions."""
    extensions = [_original(moment.event_name)] if moment.event_id else []
    if relative := _relative(moment, context):
        extensions.append(relative)
    words = moment.text if moment.date or relative else moment_words(moment, context.timeline)
    if words:
        extensions.append(_original(words))
    return moment.date, _named({"extension": extensions} if extensions else {}, moment) or None


def _named(element: dict[str, Any], moment: Moment) -> dict[str, Any]:
    """The element with the id of the event whose time it is."""
    return {"id": moment.event_id, **element} if moment.event_id else element


def _set(out: dict[str, Any], key: str, moment: Moment | None, context: Context) -> None:
    if moment is not None:
        value, extra = _primitive(context.own_moment(moment), context)
        if value:
            out[key] = value
        if extra:
            out["_" + key] = extra


def _level(period: dict[str, Any]) -> None:
    """Brings both ends of a Period to one precision where they could not be compared otherwise (R4, per-1).

    '2020' to '2020-05' becomes '2020' to '2020', and what was said of the finer end stays with it as original text. Where
    the source's own words could be taken for that, the date follows them.
    """
    start, end = period.get("start", ""), period.get("end", "")
    length = min(len(start), len(end))
    if not length or length > _DAY or start[:length] != end[:length]:
        return
    for key in ("start", "end"):
        extra, stated = period.get("_" + key, {}), period[key]
        period[key] = stated[:length]
        extensions = extra.get("extension", ())
        if len(stated) > length or is_within(last_words(extensions), stated):
            period["_" + key] = extra | {"extension": [*extensions, _original(stated)]}


def last_words(extensions: Iterable[Any]) -> str:
    """The last original text among extensions; '' if there is none."""
    texts = [one.get("valueString") for one in extensions if isinstance(one, dict) and one.get("url") == ORIGINAL_TEXT]
    return str(texts[-1]) if texts else ""


def is_within(words: str, date: str) -> bool:
    """Whether words are a date, or a finer one within it; an instant has none."""
    return len(date) <= _DAY and words.startswith(date) and bool(_FINER.fullmatch(words, len(date)))


def _with_text(value: dict[str, Any], moment: Moment) -> dict[str, Any]:
    """A Period or an age with the words of the source for it, and the event whose time it is."""
    texts = [_original(words) for words in (moment.event_name, moment.text) if words]
    return _named({"extension": texts, **value} if texts else value, moment)


def date(rule: Mapping[str, Any], env: Env) -> Made:
    """`date = FIELD`: a date as precise as it stands."""
    name = rule["date"]
    if not env.source(name, "date"):
        return failed()
    put = env.put("date", "dateTime")

    return Made(lambda code, out: code.put(out, put, code.field(name)), (name,))


def time(rule: Mapping[str, Any], env: Env) -> Made:
    """`time = FIELD`: a date, a relation to an event, a period, an age or words, in the choice that fits."""
    name = rule["time"]
    if not env.source(name, "when"):
        return failed()
    key = env.slot("dateTime")
    types = env.element.types
    string_key = env.element.key("string") if "string" in types else ""
    period_key = env.element.key("Period") if "Period" in types else ""
    aged = "Age" in types

    def structured(out: dict[str, Any], when: Any, context: Context) -> None:
        moment = context.own_moment(context.timeline.moment(when))
        if moment.is_span and period_key:
            period: dict[str, Any] = {}
            _set(period, "start", moment.start, context)
            _set(period, "end", moment.end, context)
            _level(period)
            out[period_key] = _with_text(period, moment)
        elif moment.age and aged:
            kind, aged_value = age_value(moment.age)
            out[env.element.key(kind)] = _with_text(aged_value, moment)
        else:
            value, extra = _primitive(moment, context)
            words_only = extra and not value and extra.keys() == {"extension"} and [e["url"] for e in extra["extension"]] == [ORIGINAL_TEXT]
            if words_only and string_key and extra:
                out[string_key] = extra["extension"][0]["valueString"]
                return
            if value:
                out[key] = value
            if extra:
                out["_" + key] = extra

    def write(code: Writer, out: str) -> None:
        if code.is_text(name):
            code.put(out, Target(key, False), code.field(name))
        else:
            code.line(f"{code.name(structured)}({out}, {code.field(name)}, context)")

    return Made(write, (name,))


def period(rule: Mapping[str, Any], env: Env) -> Made:
    """`period = [START, END]`: a Period from two times."""
    start_name, end_name = rule["period"]
    if not all(env.source(name, "when") for name in (start_name, end_name)):
        return failed()
    put = env.put("Period")
    parts = elements_of("Period")
    ends = [  # for the trace: which end comes from which field
        ElementRule(key, env.where, Made(nothing, (name,)), parts[key])
        for key, name in (("start", start_name), ("end", end_name))
    ]

    def write(code: Writer, out: str) -> None:
        stated = [(key, name) for key, name in (("start", start_name), ("end", end_name)) if code.states(name)]
        if len(stated) == 1 and code.is_text(stated[0][1]):
            code.put(out, put, f"{{{stated[0][0]!r}: {code.field(stated[0][1])}}}")
        else:
            both = f"{code.field(start_name)}, {code.field(end_name)}"
            code.put_stated(out, put, f"{code.name(_period)}({both}, context)")

    return Made(write, (start_name, end_name), children=tuple(ends))


def _period(start: Any, end: Any, context: Context) -> dict[str, Any] | None:
    """A Period from two times of the case, either of which may be None; None where nothing can be said."""
    made: dict[str, Any] = {}
    for key, when in (("start", start), ("end", end)):
        if isinstance(when, str):
            made[key] = when
        elif when is not None:
            _set(made, key, context.timeline.moment(when), context)
    if start is not None and end is not None:
        _level(made)
    return made or None


def age_value(extent: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """An age as FHIR type and value: Age, or Range for decades and ranges."""
    unit = extent.get("unit", "years")
    if extent.get("value") == 0 and "comparator" not in extent:  # an Age is positive (R4 age-1)
        extent = {"low": extent["value"], "high": extent["value"]}
    if "value" in extent:
        return "Age", _amount(extent["value"], unit, extent.get("comparator", ""))
    if "decade" in extent:
        extent = {"low": extent["decade"], "high": extent["decade"] + 9}
    return "Range", _range(extent, unit)


def age(rule: Mapping[str, Any], env: Env) -> Made:
    """`age = FIELD`: an age as Quantity or, for decades and ranges, as Range."""
    name = rule["age"]
    if not env.source(name, "age"):
        return failed()
    env.slot("Range")
    exact = "Age" if "Age" in env.element.types else "Quantity"

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        extent = data.get(name)
        if extent is not None:
            made, value = age_value(extent)
            out[env.element.key(exact if made == "Age" else made)] = value

    return Made(calling(make), (name,))
