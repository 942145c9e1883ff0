"""Dates with a time of day, as laboratories and databases print them; zones with a summer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readers.reading import mistakes_of
from tests.readers.test_values import FINDING, START, fact, made

AT = FINDING + "at = { date = 'x' }"
GERMAN = '[conventions]\ndate_order = "day-month-year"\n'
BERLIN = GERMAN + 'time_zone = "Europe/Berlin"\n'


@pytest.mark.parametrize(
    ("top", "cell", "at"),
    [
        (GERMAN, "12.03.2019 08:15", "2019-03-12T08:15:00"),
        ("", "2019-04-03 8:15", "2019-04-03T08:15:00"),
        ("", "2019-04-03 08:15:30.5+02", None),
        ("", "2019-04-03 08:15:30.5 +0200", "2019-04-03T08:15:30.5+02:00"),
        (GERMAN, "2019-04-03T08:15:00Z", "2019-04-03T08:15:00Z"),
        (BERLIN, "12.03.2019 08:15", "2019-03-12T08:15:00+01:00"),
        (BERLIN, "12.07.2019 08:15", "2019-07-12T08:15:00+02:00"),
        (BERLIN, "2019-07-12T08:15", "2019-07-12T08:15:00+02:00"),
        (BERLIN, "2019-07-12T08:15:00Z", "2019-07-12T08:15:00Z"),
        (BERLIN, "12.07.2019", "12.07.2019"),
    ],
)
def test_a_time_stands_after_a_blank(tmp_path: Path, top: str, cell: str, at: str | None) -> None:
    found = fact(tmp_path, "findings", AT, top, f="pain", x=cell)
    assert found["at"] == (at or cell)


@pytest.mark.parametrize(
    ("top", "cell", "told"),
    [
        ("", "12.03.2019 08:15", "can be read as 2019-03-12 (day-month-year) or 2019-12-03"),
        (GERMAN, "31.02.2019 08:15", "is not a day of the calendar"),
        (BERLIN, "27.10.2019 02:30", "is in an hour that Europe/Berlin has twice or not at all"),
        (BERLIN, "31.03.2019 02:30", "is in an hour that Europe/Berlin has twice or not at all"),
        (BERLIN, "31.03.2019 25:30", "is not a time of day"),
    ],
)
def test_a_time_that_cannot_be_is_told(tmp_path: Path, top: str, cell: str, told: str) -> None:
    (line,) = (line for line in made(tmp_path, "findings", AT, top, f="pain", x=cell).lines if "cell-form" in line)
    assert told in line


def test_a_time_can_be_taken_off(tmp_path: Path) -> None:
    rule = FINDING + "at = { date = 'x', match = '^[0-9.]+' }"
    assert fact(tmp_path, "findings", rule, GERMAN, f="pain", x="12.03.2019 08:15")["at"] == "12.03.2019"


def test_a_zone_that_is_none_is_a_mistake() -> None:
    (line,) = mistakes_of(START.format(section="findings", fields=AT, top=BERLIN.replace("Berlin", "Bonn")))
    assert "'Europe/Bonn' is not an offset such as '+09:00', nor a zone such as 'Europe/Berlin'" in line
