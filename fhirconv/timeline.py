"""The timeline: from events, offsets and partial dates to what FHIR can say of a time.

A time of the case becomes a Moment: a date, a relation to an event, an age, words, or a span of two moments.
Nothing here guesses a date; see dates.shift_days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhirconv.dates import shift_days
from fhirconv.facts import Case, Fact

RELATIONS = ("at", "after", "before")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time. `date` is FHIR dateTime text or ''; `event` the event it is relative to; `offset` as in the case.

    `event_id` and `event_name` are those of the event that is at this time, where it belongs to the fact of this time.
    """

    date: str = ""
    relation: str = ""
    event: str = ""
    offset: dict[str, Any] | None = None
    age: dict[str, Any] | None = None
    text: str = ""
    start: Moment | None = None
    end: Moment | None = None
    event_id: str = ""
    event_name: str = ""

    @property
    def is_span(self) -> bool:
        """Whether it is a period."""
        return self.start is not None or self.end is not None


class Timeline:
    """The events of one case."""

    def __init__(self, case: Case) -> None:
        self._events: dict[str, Fact] = {
            str(fact.data["id"]): fact for fact in case.facts_of("events") if "id" in fact.data
        }
        self._dates: dict[str, str] = {}

    def moment(self, when: Any) -> Moment:
        """What is known of a time of the case (a date or an object, as in the schema's 'when')."""
        if not isinstance(when, dict):
            return Moment(date=str(when))
        text = when.get("text", "")
        if "date" in when:
            return Moment(date=str(when["date"]), text=text)
        if "from" in when or "to" in when:
            start, end = (self.moment(when[key]) if key in when else None for key in ("from", "to"))
            return Moment(start=start, end=end, text=text)
        for relation in RELATIONS:
            if relation in when:
                event, offset = when[relation], when.get("by")
                return Moment(self._shifted(event, relation, offset), relation, event, offset, text=text)
        return Moment(age=when.get("age"), text=text)

    def event_date(self, event: str) -> str:
        """The date of an event, or ''. Circles were refused before (checks.py); here they give ''."""
        chain: list[str] = []  # no recursion: thousands of events may each hang on the one before
        name = event
        while name not in self._dates:
            self._dates[name] = ""
            chain.append(name)
            name = _leads_to(self._at(name))
        for name in reversed(chain):
            when = self._at(name)
            if _leads_to(when) or not isinstance(when, dict) or "date" in when:  # a period has no date
                self._dates[name] = self.moment(when).date
        return self._dates[event]

    def event_moment(self, event: str) -> Moment | None:
        """When the event itself was, if the case says."""
        return self.moment(self._at(event)) if self._at(event) else None

    def event_name(self, event: str) -> str:
        """The event in words."""
        fact = self._events.get(event)
        return str(fact.data.get("name", event)) if fact else event

    def _at(self, event: str) -> Any:
        """The time that the case gives for an event; {} if none."""
        fact = self._events.get(event)
        return fact.data.get("at", {}) if fact else {}

    def _shifted(self, event: str, relation: str, offset: dict[str, Any] | None) -> str:
        if relation == "at":
            return self.event_date(event)
        if offset and offset["unit"] == "days" and "value" in offset and "comparator" not in offset:
            return shift_days(self.event_date(event), offset["value"], 1 if relation == "after" else -1)
        return ""


def _leads_to(when: Any) -> str:
    """The one event that a time is relative to; '' for a date, a period, an age, words."""
    return next((str(when[key]) for key in RELATIONS if key in when), "") if isinstance(when, dict) else ""


def names_event(when: Any, event: str) -> bool:
    """Whether a time, or an end of a period, says 'at this event'."""
    if not isinstance(when, dict):
        return False
    return when.get("at") == event or any(names_event(when.get(end), event) for end in ("from", "to"))


def circles(case: Case) -> list[Fact]:
    """Events whose time leads back to themselves, each circle reported at each of its events."""
    needs = {
        str(fact.data["id"]): set(_named(fact.data.get("at"))) for fact in case.facts_of("events") if "id" in fact.data
    }

    def reaches(start: str) -> bool:
        seen: set[str] = set()
        open_ = list(needs[start])
        while open_:
            event = open_.pop()
            if event == start:
                return True
            if event not in seen:
                seen.add(event)
                open_.extend(needs.get(event, ()))
        return False

    return [fact for fact in case.facts_of("events") if "id" in fact.data and reaches(str(fact.data["id"]))]


def _named(when: Any) -> list[str]:
    """The events that a time names."""
    if not isinstance(when, dict):
        return []
    inner = [event for key in ("from", "to") for event in _named(when.get(key))]
    return [when[relation] for relation in RELATIONS if isinstance(when.get(relation), str)] + inner
