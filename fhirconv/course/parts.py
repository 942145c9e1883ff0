"""What the course of a patient consists of: marks, bars and points on axes of time. Data alone; nothing here draws.

Numbers on an axis are days: since 1970-01-01 on the calendar (by the clock of the case), since its zero on any other. A
month is 30.4375 days and a year 365.25. docs/report-time.md says how a time of the case becomes a place.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import NamedTuple

THERAPY, EVENT, STATUS = "therapy", "event", "status"
LANES = (THERAPY, EVENT, STATUS)
KINDS = (
    *("medication", "regimen", "radiotherapy"),
    *("surgery", "biopsy", "imaging", "transfusion", "laboratory", "procedure"),
    *("diagnosis", "symptom", "adverse-event", "event", "specimen", "result", "finding", "birth", "death"),
    *("disease-status", "stage", "performance-status"),
)


class When(NamedTuple):
    """The stretch of time within which a moment lies. A day is [d, d + 1); a moment with a clock time has no width."""

    earliest: float | None  # None: nobody says, so it fades out
    latest: float | None
    words: str  # as the facts say it: '2014-02', '10 months after start of letrozole'
    is_reckoned: bool = False  # computed from an offset or an age: no date of the source
    brief: str = ""  # of what has one open end: 'after start of letrozole, how long after is not said'


ONGOING = When(None, None, "ongoing as of the source")


class Item(NamedTuple):
    """A bar (with `end`) or a mark (without) of the timeline.

    What goes on has the end ONGOING, with the last day of which anything is said as `earliest`.
    """

    fact: str  # its identity: 'medications/letrozole'
    lane: str
    kind: str  # one of KINDS
    label: str
    start: When
    end: When | None = None
    note: str = ""  # status and the like
    took_place: bool = True  # False: not given, not done, only intended, ruled out, absent; the note says which
    part_of: str = ""  # the regimen that a drug belongs to


class Point(NamedTuple):
    """One result that is a number."""

    fact: str
    when: When
    value: Decimal
    label: str  # '9.8 g/dL, low', its digits as they stand
    comparator: str = ""  # '<', '<=', '>=', '>'
    low: Decimal | None = None  # the reference range that is stated with it
    high: Decimal | None = None
    flag: str = ""  # the interpretation in the words of the source


class Series(NamedTuple):
    """Results of one test in one unit, of one kind of specimen or one site, in the order of time."""

    name: str
    unit: str
    points: tuple[Point, ...]


class Unplaced(NamedTuple):
    """A fact that is told and not drawn, with what is said of its time: 'no time stated' where nothing is."""

    fact: str
    label: str
    words: str


class Axis(NamedTuple):
    """Things that can be drawn under each other."""

    zero: str  # '' for the calendar, else the words of the event that is 0
    first: float
    last: float
    items: tuple[Item, ...]  # by lane, then by start and by end; the drugs of a regimen follow it
    series: tuple[Series, ...]
    earlier: tuple[Unplaced, ...] = ()  # so far before the rest that it would squeeze it
    later: tuple[Unplaced, ...] = ()


class Course(NamedTuple):
    """All of a case: each fact of a section with times stands in it once, but events that are the time of another."""

    axes: tuple[Axis, ...]
    unplaced: tuple[Unplaced, ...]


_LONGEST_ANCHOR = 64


def anchor(identity: str) -> str:
    """A fact's identity as an id of HTML; two identities never have the same one."""
    made = re.sub("[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", identity)
    if len(made) <= _LONGEST_ANCHOR:
        return made
    return f"{made[:40]}~{hashlib.sha256(identity.encode()).hexdigest()[:20]}"  # no '~' in any other
