"""The course of one patient: which fact stands where on which axis. docs/report-time.md tells the rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fhirconv.course.axes import axis_of
from fhirconv.course.parts import (
    EVENT,
    KINDS,
    LANES,
    ONGOING,
    STATUS,
    THERAPY,
    Axis,
    Course,
    Item,
    Point,
    Series,
    Unplaced,
    When,
    anchor,
)
from fhirconv.course.placing import BIRTH, CALENDAR, Clock, Links, Place, Places
from fhirconv.course.results import Results, number_of
from fhirconv.course.telling import (
    NO_TIME,
    NOT_STATED,
    label_of,
    name_of,
    note_of,
    open_words,
    span_words,
    time_words,
    took_place,
    with_note,
)
from fhirconv.facts import Case, Fact, merged_into
from fhirconv.mapping import Mappings
from fhirconv.plausibility.course import Course as Seen
from fhirconv.plausibility.course import times_of
from fhirconv.schema import Section
from fhirconv.timeline import names_event

__all__ = [
    "EVENT",
    "KINDS",
    "LANES",
    "ONGOING",
    "STATUS",
    "THERAPY",
    "Axis",
    "Course",
    "Item",
    "Point",
    "Series",
    "Unplaced",
    "When",
    "anchor",
    "course_of",
]

_ZERO = "what this axis counts from"
_WRONG = "not placed: has an error, see the issues"
_WITHOUT_COURSE = ("case", "source", "patient")
_COURSES = ("medications", "regimens")  # those last, also where nobody says until when
_STATUSES = ("disease_status", "stages", "performance_status")
_GOES_ON = ("active", "in-progress")
_KIND = {
    "events": "event",
    "medications": "medication",
    "regimens": "regimen",
    "conditions": "diagnosis",
    "stages": "stage",
    "specimens": "specimen",
    "labs": "result",
    "pathology": "result",
    "findings": "finding",
    "performance_status": "performance-status",
    "disease_status": "disease-status",
    "adverse_events": "adverse-event",
}


class _End(NamedTuple):
    """A time as it is told and, where that can be drawn, as a place."""

    words: str
    place: Place | None
    brief: str = ""  # for a mark that says only 'after' or 'before'


_UNSTATED = _End(NOT_STATED, None)


def course_of(case: Case, mappings: Mappings) -> Course:
    """What of a checked case stands where. Facts with errors are told, not drawn."""
    return _Drawer(case, mappings).course()


def _sound(case: Case, seen: Seen) -> Case:
    """The facts with times that have no errors, which alone may be read."""
    facts = [fact for facts in seen.sections.values() if _is_timed(facts[0].section) for fact in facts]
    return Case(case.document, facts, {str(fact.data["id"]): fact for fact in facts if "id" in fact.data})


def _is_timed(section: Section) -> bool:
    return section.name not in _WITHOUT_COURSE and bool(times_of(section))


class _Drawer:
    """One case on its way to its axes."""

    def __init__(self, case: Case, mappings: Mappings) -> None:
        self.given = case
        self.seen = Seen(case, mappings.tables, mappings.limits)
        self.case = _sound(case, self.seen)
        self.timeline = self.seen.timeline
        self.mark = str(case.conventions.get("decimal_mark", ""))
        self.links = Links(self.timeline, Clock(str(case.conventions.get("time_zone", ""))))
        self.places = self._places()
        self.items: dict[str, list[Item]] = {}
        self.results: dict[str, Results] = {}
        self.unplaced: list[Unplaced] = []

    def _places(self) -> Places:
        events = {BIRTH: self.links.of(self.seen.patient.get("birth_date"))}
        events |= {str(fact.data["id"]): self.links.of(fact.data.get("at")) for fact in self.seen.of("events")}
        others = [when for fact in self.case.facts if fact.section.name != "events" for when in _times(fact)]
        return Places(events, filter(None, map(self.links.of, [*others, self.seen.patient.get("died")])))

    def course(self) -> Course:
        for fact in self.case.facts:
            if not self._is_time_of_another(fact):
                self._add(fact)
        self._add_life()
        sound = set(self.case.facts)
        wrong = (fact for fact in self.given.facts if _is_timed(fact.section) and fact not in sound)
        self.unplaced += (Unplaced(fact.identity, name_of(fact), _WRONG) for fact in wrong)
        drawn = (zero for zero in self.places.axes() if zero in self.items or zero in self.results)
        return Course(tuple(map(self._axis, drawn)), tuple(self.unplaced))

    def _axis(self, zero: str) -> Axis:
        words = "" if zero == CALENDAR else "birth" if zero == BIRTH else self._zero_words(zero)
        series = self.results[zero].series() if zero in self.results else ()
        return axis_of(words, self.items.get(zero, ()), series)

    def _zero_words(self, event: str) -> str:
        """The event that an axis counts from, with its date if it has one."""
        return ", ".join(filter(None, (self.timeline.event_name(event), self.timeline.event_date(event))))

    def _is_time_of_another(self, fact: Fact) -> bool:
        """Whether an event is the time of a fact, which shows it."""
        owner = merged_into(self.case, fact)
        return owner is not None and any(names_event(when, str(fact.data["id"])) for when in _times(owner))

    # -- one fact --

    def _add(self, fact: Fact) -> None:
        number = number_of(fact, self.mark)
        start, end = self._ends(fact, number is not None)
        places = [one.place for one in (start, end) if one and one.place]
        if not places:
            words = span_words(start.words, end.words if end else "")
            label = with_note(label_of(self.case, fact), note_of(fact))
            self.unplaced.append(Unplaced(fact.identity, label, words))
            return
        axis = min(places, key=lambda place: place.axis != CALENDAR).axis  # the calendar if it can be
        if number is not None:
            results = self.results.setdefault(axis, Results(self.case, self.seen))
            results.add(fact, _when(start, axis), number)
        else:
            stop = _when(end, axis) if end else None
            goes_on = fact.data.get("status") in _GOES_ON and (end is None or end is _UNSTATED)
            self._add_item(fact, axis, _when(start, axis), ONGOING if goes_on else stop)

    def _ends(self, fact: Fact, is_point: bool) -> tuple[_End, _End | None]:
        """Start and end of what lasts, else its one time and None."""
        start, *more = (fact.data.get(name) for name in times_of(fact.section))
        if isinstance(start, dict) and start.keys() & {"from", "to"} and not more and not is_point:
            first, last = self._end(fact, start.get("from")), self._end(fact, start.get("to"))
            return first._replace(words=f"{first.words} ({start['text']})") if "text" in start else first, last
        if fact.section.name == "events":
            return self._end_of_event(fact), None
        end = more[0] if more else None
        if start is None and end is None:
            return _End(NO_TIME, None), None
        lasts = end is not None or (fact.section.name in _COURSES and took_place(fact))
        return self._end(fact, start), self._end(fact, end) if lasts else None

    def _end(self, fact: Fact, when: Any) -> _End:
        if when is None:
            return _UNSTATED
        place = self.places.of(self.links.of(when))
        is_told = place or not self._is_only_named(fact, when)
        words = self._words(when) if is_told else self._untimed(str(when["at"]), 1)
        return _End(words, place, self._brief(when))

    def _untimed(self, event: str, own: int) -> str:
        """What there is to say of an event of which nobody says when it was: that others are told from it."""
        others = self.places.told_from(event) - own
        return f"when is not said; {others} told from it" if others > 0 else NO_TIME

    def _is_only_named(self, fact: Fact, when: Any) -> bool:
        """Whether a time is that of the fact's own event, of which nobody says when it was."""
        event = self.case.by_id.get(str(when.get("at"))) if isinstance(when, dict) and "text" not in when else None
        return event is not None and "at" not in event.data and merged_into(self.case, event) is fact

    def _words(self, when: Any) -> str:
        return time_words(self.timeline, self.timeline.moment(when))

    def _brief(self, when: Any) -> str:
        return open_words(self.timeline, self.timeline.moment(when))

    def _end_of_event(self, fact: Fact) -> _End:
        """An event stands where its axis has it, if only because others hang on it."""
        name, when = str(fact.data["id"]), fact.data.get("at")
        place = self.places.event(name)
        untimed = _ZERO if place and place.axis == name else self._untimed(name, 0)
        words = untimed if when is None else self._words(when)
        return _End(words, place, self._brief(when))

    def _add_item(self, fact: Fact, axis: str, start: When, end: When | None) -> None:
        lane, kind = _lane_and_kind(fact)
        label, note = label_of(self.case, fact), note_of(fact)
        regimen = self.case.by_id.get(str(fact.data.get("regimen")))
        part_of = regimen.identity if regimen else ""
        made = Item(fact.identity, lane, kind, label, start, end, note, took_place(fact), part_of)
        self.items.setdefault(axis, []).append(made)

    def _add_life(self) -> None:
        """Birth and death, where the calendar has anything besides."""
        has_calendar = CALENDAR in self.items or CALENDAR in self.results
        for patient in self.seen.of("patient"):
            for name, kind in (("birth_date", "birth"), ("died", "death")):
                if name not in patient.data:
                    continue
                end = self._end(patient, patient.data[name])
                if end.place and has_calendar:
                    made = Item(patient.identity, EVENT, kind, kind, _when(end, CALENDAR))
                    self.items.setdefault(CALENDAR, []).append(made)
                else:
                    self.unplaced.append(Unplaced(patient.identity, kind, end.words))


def _times(fact: Fact) -> Iterator[Any]:
    """The times that a fact states."""
    return (fact.data[name] for name in times_of(fact.section) if name in fact.data)


def _when(end: _End, axis: str) -> When:
    """A time on an axis; one that lies on another is told alone."""
    place = end.place
    if place is None or place.axis != axis:
        return When(None, None, end.words)
    is_open = place.low is None or place.high is None
    return When(place.low, place.high, end.words, place.is_reckoned, end.brief if is_open else "")


def _lane_and_kind(fact: Fact) -> tuple[str, str]:
    section, stated = fact.section.name, str(fact.data.get("kind", ""))
    if section == "procedures":
        kind = stated if stated in KINDS else "procedure"
        return (THERAPY if kind == "radiotherapy" else EVENT), kind
    if section == "conditions" and stated == "symptom":
        return EVENT, stated
    return THERAPY if section in _COURSES else STATUS if section in _STATUSES else EVENT, _KIND[section]
