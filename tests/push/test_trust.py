"""Which of the records that a journal calls done are looked up on the server."""

from __future__ import annotations

import threading

import pytest

from fhirconv.pushing.trust import Trust


def looks(trust: Trust, numbers: range) -> list[int]:
    return [number for number in numbers if trust.wants_look(number)]


def test_a_sample_is_the_first_the_last_ten_and_each_hundredth() -> None:
    """P35: a server that was reset lacks the first, one that was killed the last."""
    trust = Trust(250)
    assert looks(trust, range(250)) == [0, 100, 200, *range(240, 250)]
    assert trust.passed_over == 250 - 13


def test_the_first_that_is_met_is_looked_up_whatever_its_number() -> None:
    """P35: those before it may have failed, and not be done."""
    assert looks(Trust(250), range(37, 60)) == [37]


def test_a_short_run_is_looked_up_as_a_whole() -> None:
    trust = Trust(10)
    assert looks(trust, range(10)) == list(range(10))
    assert trust.passed_over == 0


def test_all_are_looked_up_where_that_is_asked_for() -> None:
    """P35: --verify."""
    trust = Trust(500, verify_all=True)
    assert len(looks(trust, range(500))) == 500
    assert trust.passed_over == 0


def test_once_one_is_missing_no_other_is_passed_over() -> None:
    """P35: and it is known how many were before."""
    trust = Trust(250)
    looks(trust, range(50))
    assert not trust.saw(False)
    assert trust.saw(True)
    assert looks(trust, range(50, 100)) == list(range(50, 100))
    assert (trust.missing, trust.passed_over) == (1, 49)


def test_what_is_there_is_no_reason_for_more() -> None:
    trust = Trust(250)
    assert trust.saw(True)
    assert (trust.missing, looks(trust, range(20))) == (0, [0])


@pytest.mark.parametrize("workers", [8])
def test_workers_share_it(workers: int) -> None:
    """Of all records each is either looked up or counted as passed over."""
    trust, found = Trust(800), list[int]()
    threads = [
        threading.Thread(target=lambda first=first: found.extend(looks(trust, range(first, 800, workers))))
        for first in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) + trust.passed_over == 800
    assert {*range(790, 800), *range(0, 800, 100)} <= set(found)
