"""The inverses of the value makers for times: date, time, period. What is said by them is described in values/times.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fhirconv.back.amounts import extent_of
from fhirconv.back.reading import Reading, Spot, Undo, split_extensions, taking
from fhirconv.values.base import ORIGINAL_TEXT
from fhirconv.values.times import RELATIVE_DATE_TIME, is_within, last_words

_RELATIONSHIP = re.compile(r"(concurrent|after|before)(?:(?:-with)?-(start|end))?")
_RELATIONS = {"concurrent": "at", "after": "after", "before": "before"}


def date(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """A date as it stands."""
    name = rule["date"]
    key = spot.key("date", "dateTime")
    return taking(key, lambda value, reading: None if isinstance(value, str) and reading.put(name, value) else value)


def time(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """A time, in whatever choice it stands."""
    name, types = rule["time"], spot.element.types
    instants = [spot.element.key(kind) for kind in ("dateTime", "instant") if kind in types]
    words = spot.element.key("string") if "string" in types else ""
    period = spot.element.key("Period") if "Period" in types else ""
    ages = [spot.element.key(kind) for kind in ("Age", "Range")] if "Age" in types else []

    def found(out: dict[str, Any], reading: Reading) -> Any:
        for key in instants:
            if key in out or "_" + key in out:
                return _instant(out, key, reading)
        if period in out:
            return _span(out, period, reading)
        if isinstance(out.get(words), str) and "_" + words not in out:
            return {"text": out.pop(words)}
        return next((_age(out, key, reading) for key in ages if key in out), None)

    def take(out: dict[str, Any], reading: Reading) -> None:
        if name not in reading.fields or reading.is_ours:  # several resources of ours may tell one time
            before = dict(out)
            when = found(out, reading)
            if when is not None and not reading.put(name, when):
                out.update(before)

    return Undo(take)


def period(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """The two ends of a Period, each a time of its own."""
    key = spot.key("Period")

    def take(out: dict[str, Any], reading: Reading) -> None:
        value = out.get(key)
        if not isinstance(value, dict):
            return
        rest = dict(value)
        for end, when in _ends(rest, reading).items():
            reading.put(rule["period"][0 if end == "start" else 1], when)
        _leave(out, key, rest)

    return Undo(take)


def _ends(period: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """The ends of a Period as times of the case; what was read is taken out of it."""
    if reading.is_ours:
        _unlevel(period)
    found = {end: _instant(period, end, reading) for end in ("start", "end")}
    return {end: when for end, when in found.items() if when is not None}


def _unlevel(period: dict[str, Any]) -> None:
    """Gives an end that was brought to the precision of the other its own again: it stands there as original text."""
    if period.get("start") != period.get("end"):
        return
    for end in ("start", "end"):
        extra: Any = period.get("_" + end)
        extensions = extra.get("extension", ()) if isinstance(extra, dict) else ()
        words = last_words(extensions)
        if isinstance(period.get(end), str) and is_within(words, period[end]):
            period[end] = words
            period["_" + end] = {**extra, "extension": extensions[:-1]}


def _instant(out: dict[str, Any], key: str, reading: Reading) -> Any:
    """A dateTime with its extensions as a time of the case, taken out of the dict; None if nothing can be read."""
    value, extra = out.get(key), out.get("_" + key)
    extra = dict(extra) if isinstance(extra, dict) else {}
    event = _event_of(extra, reading)
    texts, others = split_extensions(extra, ORIGINAL_TEXT)
    name = texts.pop(0) if event and texts else ""
    made, others = _relation(others, value, reading)
    if made is None and isinstance(value, str):
        made = {"date": value}
    elif made is None and value is not None:
        return None
    if texts:
        made = {**(made or {}), "text": texts.pop(0)}
    if made is None and not event:
        return None
    others += [{"url": ORIGINAL_TEXT, "valueString": words} for words in texts]
    out.pop(key, None)
    extra.pop("extension", None)
    _leave(out, "_" + key, {**extra, "extension": others} if others else extra)
    return _settled(_plain(made), event, name, reading)


def _event_of(element: dict[str, Any], reading: Reading) -> str:
    """The event whose time an element is; its id is taken out."""
    return str(element.pop("id", "")) if reading.is_ours and reading.me else ""


def _settled(when: Any, event: str, name: str, reading: Reading) -> Any:
    """The time itself; or the event that it is the time of, which is noted with it."""
    if not event or reading.me is None:
        return when
    made = {"id": event, "name": name, "of": reading.me.id, "at": when}
    reading.around.add_event({key: value for key, value in made.items() if value and (key, value) != ("name", event)})
    return {"at": event}


def _plain(when: dict[str, Any] | None) -> Any:
    return when["date"] if when and when.keys() == {"date"} else when


def _relation(extensions: list[Any], date: Any, reading: Reading) -> tuple[dict[str, Any] | None, list[Any]]:
    """What the extension cqf-relativeDateTime says, and the other extensions. A date that is known is not taken for it
    unless the date can be found again from it: in what is not ours, it stays a date."""
    for position, one in enumerate(extensions):
        if isinstance(one, dict) and one.get("url") == RELATIVE_DATE_TIME and (date is None or reading.is_ours):
            parts = {
                part.get("url"): next((v for k, v in part.items() if k != "url"), None)
                for part in one.get("extension", ())
            }
            made = _counted(parts, reading)
            if made is not None:
                return made, extensions[:position] + extensions[position + 1 :]
    return None, list(extensions)


def reference_of(target: Any) -> Any:
    """What a Reference names: an address or, as `push` puts it where a server gives the ids, an identifier."""
    if not isinstance(target, dict):
        return None
    named = target.get("identifier")
    return target.get("reference", f"{named.get('system')}|{named.get('value')}" if isinstance(named, dict) else None)


def _counted(parts: Mapping[str, Any], reading: Reading) -> dict[str, Any] | None:
    target = parts.get("target")
    reference = reference_of(target)
    matched = _RELATIONSHIP.fullmatch(str(parts.get("relationship")))
    if not isinstance(reference, str) or not matched:
        return None
    relation, edge = _RELATIONS[matched[1]], matched[2] or ""
    path, offset = str(parts.get("targetPath")), parts.get("offset")
    if path == "Patient.birthDate":
        extent = extent_of(offset, is_age=True)
        return {"age": extent} if relation == "after" and extent is not None else None
    event = reading.around.event_at(reference, path, edge)
    if event is None:
        return None
    extent = extent_of(offset, is_age=False)
    if relation == "at":
        return {"at": event}
    return {relation: event} if extent is None else {relation: event, "by": extent}


def _span(out: dict[str, Any], key: str, reading: Reading) -> Any:
    """A Period as a time of the case."""
    value = out[key]
    if not isinstance(value, dict):
        return None
    rest = dict(value)
    names = {"start": "from", "end": "to"}
    made = {names[end]: when for end, when in _ends(rest, reading).items()}
    return _with_text(out, key, rest, made, reading) if made else None


def _age(out: dict[str, Any], key: str, reading: Reading) -> Any:
    extent = extent_of(out[key], is_age=True)
    if extent is None:
        return None
    rest = {k: v for k, v in out[key].items() if k in ("id", "extension")}
    return _with_text(out, key, rest, {"age": extent}, reading)


def _with_text(out: dict[str, Any], key: str, rest: dict[str, Any], made: dict[str, Any], reading: Reading) -> Any:
    """The time with the words of the source for it, or the event whose time it is; the rest stays in `out`."""
    event = _event_of(rest, reading)
    texts, others = split_extensions(rest, ORIGINAL_TEXT)
    name = texts.pop(0) if event and texts else ""
    if texts:
        made["text"] = texts.pop(0)
    rest.pop("extension", None)
    others += [{"url": ORIGINAL_TEXT, "valueString": words} for words in texts]
    _leave(out, key, {**rest, "extension": others} if others else rest)
    return _settled(made, event, name, reading)


def _leave(out: dict[str, Any], key: str, rest: Any) -> None:
    """Leaves the rest of a value in place, or nothing."""
    out.pop(key, None)
    if rest:
        out[key] = rest
