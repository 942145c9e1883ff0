"""A run: records in, in their order; workers send them; each record's result out as it ends."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator

from fhirconv.issues import FhirconvError, by_place
from fhirconv.pushing.links import references_in
from fhirconv.pushing.result import PushResult, UnitResult
from fhirconv.pushing.sending import Sender, StopError
from fhirconv.pushing.units import Unit

_SILENT = 3  # records in a row of which nobody knows what became: the server is not itself
_WAIT_S = 0.2

Tell = Callable[[UnitResult], None]


class _InterruptedError(Exception):
    pass


class Run:
    """Sends units by a number of workers. No two units that ask for the same resource are on their way at once."""

    def __init__(self, sender: Sender, workers: int = 1) -> None:
        self._sender = sender
        self._workers = max(1, workers)
        self._queue: queue.Queue[Unit | None] = queue.Queue(self._workers)
        self._ended: queue.SimpleQueue[UnitResult] = queue.SimpleQueue()
        self._free = threading.Condition()
        self._busy: dict[int, set[str]] = {}  # what each unit on its way touches
        self._stop = threading.Event()
        self._silent = 0
        self._is_reading = False
        self.result = PushResult()
        self._fault: BaseException | None = None

    def stop(self, reason: str, is_refused: bool = False) -> None:
        """Lets what is on its way end, and sends nothing more. Called by a signal handler or a worker."""
        if not self._stop.is_set():
            self.result.stopped, self.result.is_refused = reason, is_refused
            self._stop.set()

    def run(self, units: Iterable[Unit], tell: Tell) -> PushResult:
        """Sends all units; `tell` gets each result, in this thread. Raises what a worker could not carry on from."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        waiting = iter(units)
        is_checked = False
        try:
            while (unit := self._next(waiting)) is not None:
                self._tell(tell)
                if not is_checked and unit.ok:
                    is_checked = True
                    self._sender.check_first(unit)
                self._hand_over(unit, tell)
        except BaseException:
            self._stop.set()
            raise
        finally:
            self._end(threads, tell)
        if self._fault is not None:
            raise self._fault
        return self.result

    def _next(self, waiting: Iterator[Unit]) -> Unit | None:
        """The next unit; None at the end of the input, or of the run. A read that blocks is broken off by `interrupt`."""
        if self._stop.is_set():
            self.result.is_unread = True
            return None
        try:
            self._is_reading = True
            return next(waiting, None)
        except _InterruptedError:
            self.result.is_unread = True
            return None
        finally:
            self._is_reading = False

    def interrupt(self) -> None:
        """For a signal handler, in the thread of run() and after stop(): ends a wait for input."""
        if self._is_reading:
            self._is_reading = False
            raise _InterruptedError

    def _hand_over(self, unit: Unit, tell: Tell) -> None:
        """Gives a unit to the workers as soon as nothing of it is on its way already."""
        wanted = _touched(unit)
        with self._free:
            while not all(map(wanted.isdisjoint, self._busy.values())) and not self._stop.is_set():
                self._free.wait(_WAIT_S)
            self._busy[unit.number] = wanted
        while not self._stop.is_set():
            try:
                return self._queue.put(unit, timeout=_WAIT_S)
            except queue.Full:
                self._tell(tell)
        self._not_sent(unit)

    def _end(self, threads: list[threading.Thread], tell: Tell) -> None:
        """Waits for the workers; a signal is heard meanwhile."""
        for _ in threads:
            while any(thread.is_alive() for thread in threads):
                try:
                    self._queue.put(None, timeout=_WAIT_S)
                    break
                except queue.Full:
                    self._tell(tell)
        for thread in threads:
            while thread.is_alive():
                thread.join(_WAIT_S)
                self._tell(tell)
        self._tell(tell)

    def _tell(self, tell: Tell) -> None:
        while not self._ended.empty():
            ended = self._ended.get()
            self.result.add(ended)
            tell(ended)

    def _work(self) -> None:
        while (unit := self._queue.get()) is not None:
            if self._stop.is_set():
                self._not_sent(unit)
                continue
            made = UnitResult(unit.number, unit.name)
            try:
                self._sender.send(unit, made)
                self._hear(made)
            except StopError as stop:
                self.stop(str(stop), stop.is_refused)
            except FhirconvError as error:  # of the journal
                self.stop(str(error))
            except BaseException as fault:  # the run ends, and the caller gets it
                self._fault = self._fault or fault
                self.stop("a fault of fhirconv")
                made.end("unknown", len(unit.items))
            finally:
                made.issues = by_place([*unit.issues, *made.issues])
                self._leave(unit)
                self._ended.put(made)

    def _hear(self, made: UnitResult) -> None:
        """Ends the run when the server answers nothing that can be understood, again and again."""
        self._silent = self._silent + 1 if made.state == "unknown" else 0
        if self._silent >= _SILENT:
            self.stop(f"{_SILENT} records in a row have an unknown fate; nothing more is sent")

    def _not_sent(self, unit: Unit) -> None:
        made = UnitResult(unit.number, unit.name, issues=list(unit.issues))
        made.end("not sent" if unit.ok else "rejected", len(unit.items))
        self._leave(unit)
        self._ended.put(made)

    def _leave(self, unit: Unit) -> None:
        with self._free:
            del self._busy[unit.number]
            self._free.notify_all()


def _touched(unit: Unit) -> set[str]:
    """What may not be on its way twice: the resources of a unit, and those of other units that they refer to."""
    own = {item.look_up for item in unit.items} | {item.full_url for item in unit.items}
    return own.union(*(references_in(item.resource) for item in unit.items))
