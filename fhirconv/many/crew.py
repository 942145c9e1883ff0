"""The engine: a job done for chunk after chunk, in this process or by workers, with results in the order of the chunks.

Workers are processes of our own, which need neither a fork nor a `__main__` that can be imported again: they work in a
notebook and beside threads. A thread for each hands chunks over. One that dies is replaced, and what it held is done again.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from fhirconv.issues import FhirconvError, Issue
from fhirconv.many.chunks import Chunk
from fhirconv.many.converter import DEADLY
from fhirconv.many.worker import BOOT

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_AHEAD = 2  # chunks for each worker that are read before the consumer asks
_STARTS = 6  # times that a worker is started which ends before it is ready
_TRIES = 3  # times that a worker dies of a record, by itself, before that is to blame: one death may come from outside
_GRACE_S = 10  # for a process that closed its pipes, until it has ended
_PIPE_BYTES = 1024 * 1024  # what Linux allows without privileges


class Job(Protocol[R_co]):
    """What is to be done: can be pickled, and is started once in each process."""

    def start(self) -> Callable[[Chunk], R_co]:
        """Gets ready (reads mappings, say); returns what is then called for each chunk."""
        ...


class Done(NamedTuple, Generic[R]):
    """A chunk, or a part of one, and its result."""

    chunk: Chunk
    result: R


class WorkerError(FhirconvError):
    """A worker cannot be started, or its job raised."""


class _DiedError(Exception):
    """A worker ended while it held a chunk; says how."""


class Crew(AbstractContextManager["Crew[R]"], Generic[R]):
    """Workers for one job. `deaths` collects what is to be said of workers that died; whoever reads it may empty it."""

    def __init__(self, job: Job[R], workers: int = 1) -> None:
        """`workers`: how many processes; 1 is this one."""
        self._job = job
        self._count = workers
        self._here: Callable[[Chunk], R] | None = None
        self._lock = threading.Lock()
        self._hired: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._is_closed = False
        self._threads = ThreadPoolExecutor(workers, "fhirconv", _leave_signals) if workers > 1 else None
        self.deaths: list[str] = []

    def __exit__(self, *_: object) -> None:
        """Ends the workers, whatever they are at."""
        with self._lock:
            self._is_closed = True
            for worker in self._hired:
                worker.kill()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for worker in self._hired:
            worker.close()

    def results(self, chunks: Iterable[Chunk]) -> Iterator[Done[R]]:
        """The result of each chunk, in order. Chunks are read only a few ahead of who asks. Raises WorkerError.

        What whoever gives the chunks raises is raised once those before it are done.
        """
        waiting: deque[Future[list[Done[R]]]] = deque()
        source = iter(chunks)
        while True:
            try:
                chunk = next(source)
            except Exception as error:
                fault = error
                break
            if self._threads is None:
                yield from self.again(chunk)
                continue
            waiting.append(self._threads.submit(self._done, chunk))
            while waiting and (len(waiting) > _AHEAD * self._count or waiting[0].done()):
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
        if not isinstance(fault, StopIteration):
            raise fault

    def again(self, chunk: Chunk) -> list[Done[R]]:
        """The result of one chunk (or of its parts), out of turn: with records refused, say."""
        if self._threads is not None:
            return self._threads.submit(self._done, chunk).result()
        if self._here is None:
            self._here = self._job.start()
        return [Done(chunk, self._here(chunk))]

    # -- in a thread of a worker --

    def _done(self, chunk: Chunk) -> list[Done[R]]:
        try:
            return [Done(chunk, self._ask(chunk))]
        except _DiedError as died:
            self.deaths.append(f"{died} at {_span(chunk)}; what it held is converted again, line by line")
        try:
            return self._one_by_one(chunk)
        except _DiedError as died:
            raise WorkerError(f"workers end whatever they are given: {died}") from None

    def _one_by_one(self, chunk: Chunk) -> list[Done[R]]:
        """Finds the records that a worker does not outlive, and does the chunk without them.

        If the whole cannot be done either, say because memory is scarce, the results of the single records stand.
        """
        kept: list[_Worker] = []
        refused = dict(chunk.refused)
        single = []
        for position, record in enumerate(chunk.records):
            part = chunk._replace(records=[record], refused={})
            if position not in refused:
                try:
                    single.append(Done(part, self._surely(part, kept)))
                    continue
                except _DiedError as died:
                    message = f"ends every process that converts it ({died}); look for what is unusual in it"
                    refused[position] = Issue(DEADLY, message, record.place)
            part = part._replace(refused={0: refused[position]})
            single.append(Done(part, self._surely(part, kept)))
        whole = chunk._replace(refused=refused)
        with suppress(_DiedError):
            single = [Done(whole, self._surely(whole, kept))]
        self._idle += kept
        return single

    def _surely(self, chunk: Chunk, kept: list[_Worker], left: int = _TRIES - 1) -> R:
        """The result of the worker that is kept for this (one that waits may have died meanwhile), or of a new one.

        Raises _DiedError if as many died of it as cannot be chance.
        """
        worker = kept.pop() if kept else self._hire()
        try:
            result = self._give(worker, chunk)
        except _DiedError:
            if left:
                return self._surely(chunk, kept, left - 1)
            raise
        kept.append(worker)
        return result

    def _ask(self, chunk: Chunk) -> R:
        """The result of a worker that waits, or of a new one. Raises _DiedError if it died, WorkerError if none can be had."""
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = self._hire()
        result = self._give(worker, chunk)
        self._idle.append(worker)
        return result

    def _give(self, worker: _Worker, chunk: Chunk) -> R:
        try:
            result: R = worker.ask(chunk)
        except _DiedError:
            self._dismiss(worker)
            if self._is_closed:
                raise WorkerError("the run was ended") from None
            raise
        return result

    def _hire(self, left: int = _STARTS - 1) -> _Worker:
        with self._lock:
            if self._is_closed:
                raise WorkerError("the run was ended")
            try:
                worker = _Worker()
            except OSError as error:
                raise WorkerError(f"a worker process cannot be started: {error.strerror}") from None
            self._hired.add(worker)
        try:
            worker.ask(self._job)
        except _DiedError as died:
            self._dismiss(worker)
            if left:
                return self._hire(left - 1)
            raise WorkerError(f"no worker process can be started: {died}") from None
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        with self._lock:
            self._hired.discard(worker)
        worker.close()


class _Worker:
    """A process that does the job; see fhirconv.many.worker."""

    def __init__(self) -> None:
        # -P: modules in the folder where the user stands are none of ours, unless the parent looks there too
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-c", BOOT, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)

    def ask(self, what: object) -> Any:
        """Hands something over and waits for the answer. Raises WorkerError for a fault there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(what, self._process.stdin, 5)
            self._process.stdin.flush()
            result, fault = pickle.load(self._process.stdout)  # noqa: S301  # from a process of our own
        except (EOFError, OSError, pickle.UnpicklingError):
            raise _DiedError(_ending(self._ended())) from None
        if fault:
            raise WorkerError(fault)
        return result

    def _ended(self) -> int:
        """How it ended, if it does so by itself."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(_GRACE_S)
        self.kill()
        return self._process.wait()

    def kill(self) -> None:
        """Ends it at once: nothing in it is worth waiting for."""
        self._process.kill()

    def close(self) -> None:
        """Leaves nothing of it."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not handed over yet goes nowhere
                pipe.close()  # type: ignore[union-attr]
        self._process.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"a worker process ended with code {code}"
    name = next((one.name for one in signal.Signals if one == -code), f"signal {-code}")
    return f"a worker process was ended by {name}"


def _span(chunk: Chunk) -> str:
    """The records of a chunk, in words."""
    first, last = chunk.records[0].place, chunk.records[-1].place
    if not (first.file and last.file):  # given as values
        span = chunk.first + 1, chunk.first + len(chunk.records)
        return f"case {span[0]:,}" if span[0] == span[1] else f"cases {span[0]:,} to {span[1]:,}"
    if first.line and first.file == last.file:
        return f"{first.file}:{first.line}" + (f"-{last.line}" if last.line != first.line else "")
    return f"{first.file} to {last.file}" if first.file != last.file else first.file


def _widen(pipe: Any) -> None:
    """Lets a pipe hold whole results, where the system can: fewer waits."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _leave_signals() -> None:
    """Threads of workers, and the processes that they start, leave the end of a run to the main thread.

    One that took such a signal itself would not wake the main thread while that waits for its input.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
