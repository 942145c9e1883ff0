"""What holds for a journal in any order of notes, kills, ends and restarts."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fhirconv.pushing.journal import STATES, Binding, Entry, Journal, JournalError
from tests.push.noting import BINDING

bindings = st.sampled_from([BINDING, BINDING, replace(BINDING, inputs="ff" * 32)])  # the same one is the usual one
restarts = st.sampled_from([False, False, False, True])

keys = st.tuples(st.integers(0, 1), st.integers(0, 1))
counts = st.tuples(*[st.integers(0, 3)] * 4)


class Runs(RuleBasedStateMachine):
    """A journal beside what is known to have been noted in it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "0"
        self.binding = BINDING
        self.known: dict[tuple[int, int], Entry] = {}
        self.may_be_lost: set[tuple[int, int]] = set()  # first plans since the last note that is on disk
        self.is_over = False

    @initialize()
    def begin(self) -> None:
        self.journal = Journal(self.path, BINDING)
        assert not self.journal.resumed

    @rule(key=keys, state=st.sampled_from(STATES), digest=st.binary(max_size=32), numbers=counts)
    def note(self, key: tuple[int, int], state: str, digest: bytes, numbers: tuple[int, int, int, int]) -> None:
        before = self.known.get(key)
        created, updated, unchanged, deleted = numbers
        self.journal.note(
            *key, state, digest.hex(), created=created, updated=updated, unchanged=unchanged, deleted=deleted
        )
        attempts = (before.attempts if before else 0) + (state == "in flight")
        self.known[key] = Entry(state, digest.hex(), *numbers, attempts)
        if state == "planned" and (before is None or before.state == "planned"):
            self.may_be_lost.add(key)
        else:
            self.may_be_lost.clear()

    @rule(state=st.sampled_from(["done", "failed"]))
    def settle(self, state: str) -> None:
        """What is open comes to its end."""
        for key, entry in list(self.known.items()):
            if entry.state not in ("done", "failed"):
                self.note(key, state, b"", (0, 0, 0, 0))

    @rule()
    def finish(self) -> None:
        self.journal.finish()
        self.is_over = True
        self.may_be_lost.clear()

    @rule(binding=bindings, restart=restarts)
    def close(self, binding: Binding, restart: bool) -> None:
        self.journal.close()
        self.may_be_lost.clear()
        self._open(binding, restart)

    @rule(binding=bindings, restart=restarts)
    def kill(self, binding: Binding, restart: bool) -> None:
        """What is on disk at this moment is what the next process finds: the file, and SQLite's side file."""
        after = self.folder / str(int(self.path.name) + 1)
        shutil.copy(self.path, after)
        side = self.folder / f"{self.path.name}-journal"
        if side.exists():
            shutil.copy(side, self.folder / f"{after.name}-journal")
        self.journal.close()
        self.path = after
        self._open(binding, restart)

    def _open(self, binding: Binding, restart: bool) -> None:
        """Opens the journal once more; one that is refused is opened as it has to be then."""
        states = {entry.state for entry in self.known.values()}
        was_over = self.is_over and states <= {"done", "failed"}
        is_new = restart or states <= {"planned"}
        is_new = is_new or (was_over and not (binding == self.binding and "failed" in states))
        try:
            self.journal = Journal(self.path, binding, restart=restart)
        except JournalError:
            assert not is_new
            assert binding != self.binding
            self.journal, binding = Journal(self.path, self.binding), self.binding
        assert self.journal.resumed is not is_new
        if is_new:
            self.known = {}
        else:
            assert binding == self.binding
            if was_over:
                self.known = {key: entry for key, entry in self.known.items() if entry.state != "done"}
        self.binding, self.is_over = binding, False
        for key, entry in list(self.known.items()):
            found = self.journal.entry(*key)
            if key in self.may_be_lost and found is None:
                del self.known[key]
            elif key in self.may_be_lost and found is not None and entry.state == "planned":
                assert found.state == "planned"  # the one before, of which the same holds
                self.known[key] = found
            elif entry.state == "in flight":
                self.known[key] = entry._replace(state="unknown")
        self.may_be_lost.clear()

    @invariant()
    def it_says_what_was_noted(self) -> None:
        if hasattr(self, "journal"):
            assert self.journal.counts().total() == len(self.known)
            assert all(self.journal.entry(*key) == entry for key, entry in self.known.items())

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
        shutil.rmtree(self.folder)


TestRuns = Runs.TestCase
"""P34, P37: any order of notes, kills, ends and restarts."""
TestRuns.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.explain],  # with a disk below it takes minutes
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
