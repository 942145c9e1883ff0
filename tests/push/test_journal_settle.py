"""Journals of records that went in parts: what an earlier run left open in parts that are no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhirconv.pushing.journal import Journal, describe
from tests.push.noting import BINDING, DIGEST


def noted(path: Path, *notes: tuple[int, int, str]) -> None:
    """A run in which this was noted of unit and part."""
    with Journal(path, BINDING) as journal:
        for number, part, word in notes:
            journal.note(number, part, word, DIGEST)


def state(journal: Journal, number: int, part: int = 0) -> str:
    found = journal.entry(number, part)
    return found.state if found else ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_parts_that_are_no_more_are_done_with_their_unit(path: Path) -> None:
    """P05: a server that holds part of it already is sent less, in fewer parts; the run can come to its end all the same."""
    noted(path, (0, 0, "done"), (0, 1, "unknown"), (0, 2, "in flight"), (1, 0, "unknown"))
    with Journal(path, BINDING) as journal:
        assert journal.resumed
        journal.note(0, 0, "done", DIGEST)
        journal.settle(0, 1)
        assert [journal.entry(0, part) is not None and journal.entry(0, part).state for part in range(3)] == [
            "done"
        ] * 3  # type: ignore[union-attr]
        unknown = journal.entry(1)
        assert unknown is not None
        assert unknown.state == "unknown"
        journal.finish()
    assert "not finished" in describe(path)
    with Journal(path, BINDING) as journal:
        journal.settle(1, 0)  # nothing of it has to be sent any more
        journal.finish()
    assert ", over\n" in describe(path)


def test_it_is_on_disk_when_it_returns(path: Path) -> None:
    """P34: as every note."""
    noted(path, (0, 0, "unknown"))
    with Journal(path, BINDING) as journal:
        journal.settle(0, 0)
        copy = path.with_name("copy")
        copy.write_bytes(path.read_bytes())
        assert "transactions: 1 done" in describe(copy)


def test_what_failed_stays_failed(path: Path) -> None:
    noted(path, (0, 0, "done"), (0, 1, "failed"), (1, 0, "unknown"))
    with Journal(path, BINDING) as journal:
        journal.settle(0, 1)
        assert journal.counts() == {"done": 1, "failed": 1, "unknown": 1}


def test_parts_of_this_run_stay_as_they_are(path: Path) -> None:
    """Those before the number that is given, and all of other units."""
    noted(path, (0, 0, "unknown"), (0, 1, "unknown"), (2, 0, "unknown"))
    with Journal(path, BINDING) as journal:
        journal.settle(0, 1)
        assert journal.counts() == {"unknown": 2, "done": 1}


def test_a_new_run_has_nothing_to_settle(path: Path) -> None:
    with Journal(path, BINDING) as journal:
        journal.note(0, 0, "unknown", DIGEST)
        journal.settle(0, 0)
        assert journal.counts() == {"unknown": 1}


def test_how_many_units_it_knows(path: Path) -> None:
    """P35: by the last of them; parts and gaps do not matter."""
    with Journal(path, BINDING) as journal:
        assert journal.units() == 0
        journal.note(0, 0, "done", DIGEST)
        assert journal.units() == 1
        journal.note(41, 3, "unknown", DIGEST)
        assert journal.units() == 42
    with Journal(path, BINDING) as journal:
        assert journal.units() == 42
