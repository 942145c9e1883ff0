"""What is sent again, when, and how often. For requests that may be repeated only: that is for the caller to know.

Spec: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (Retry-After)
"""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import NamedTuple

from urllib3 import HTTPHeaderDict

from fhirconv.client.errors import NotSent, ServerError, Unknown
from fhirconv.client.transport import Answer


class RetryPolicy(NamedTuple):
    """How long and how often to try. Times in seconds, on a clock that nobody sets."""

    total_s: float = 300.0  # no try begins later than that
    first_s: float = 0.5  # pause after the first failure; each next one is twice as long ...
    most_s: float = 30.0  # ... up to this
    tries: int = 6  # in all, where the request may have been carried out: cuts, time-outs, 408, 500, 502, 504
    conflict_tries: int = 5  # in all, where the server says that others wrote at the same time (409)
    jitter: random.Random = random.SystemRandom()

    def backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures; random in part, so that those who failed together do not come together."""
        if failures < 1:
            return 0.0
        return min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 30)) * self.jitter.uniform(0.5, 1.0)


POLICY = RetryPolicy()


_TOLD_S = 20.0
"""Between two words about waiting."""


class Pause:
    """What all threads of a client share: when the server wants to be left alone, it is left alone by all.

    When a pause is over, one request goes ahead; the others follow once the server has taken it. `retries` counts the
    requests that were sent again.
    """

    def __init__(self, policy: RetryPolicy = POLICY, tell: Callable[[str], None] = lambda text: None) -> None:
        self._policy, self._tell = policy, tell
        self._told = -math.inf
        self._changed = threading.Condition()
        self._end = 0.0  # by time.monotonic()
        self._rounds = 0  # pauses since the server last took something; 0: there is none
        self._ahead: int | None = None  # the thread that goes ahead
        self._is_stopped = False
        self.retries = 0

    def enter(self, until: float) -> bool:
        """Waits for the turn of this thread; False if that cannot come before `until` (by time.monotonic())."""
        with self._changed:
            while not self._is_stopped:
                now = time.monotonic()
                if not self._rounds:
                    return True
                if now >= self._end and self._ahead is None:
                    self._ahead = threading.get_ident()
                    return True
                if max(now, self._end) >= until:
                    return False
                self._changed.wait((self._end if now < self._end else until) - now)
        return False

    def leave(self, is_busy: bool, asked_s: float | None = None) -> None:
        """After a request. If the server was too busy for it, all wait: `asked_s` (None: it did not say), and not less
        than a backoff where that was not enough before."""
        with self._changed:
            is_next = not self._rounds or self._ahead == threading.get_ident()
            if is_next:
                self._ahead = None
                self._rounds = self._rounds + 1 if is_busy else 0
            if is_busy:
                known = self._rounds if asked_s is None else self._rounds - 1
                self._end = max(self._end, time.monotonic() + max(asked_s or 0.0, self._policy.backoff(known)))
            self._changed.notify_all()

    def why_not(self) -> str:
        """Why enter() lets nobody in."""
        if self._is_stopped:
            return "stopped"
        return f"the server wants to be left alone for {max(0.0, self._end - time.monotonic()):.0f} s more"

    def tell(self, trouble: str, until: float) -> None:
        """Tells why there is a wait, now and then."""
        with self._changed:
            now = time.monotonic()
            if now - self._told < _TOLD_S or until - now < 1:
                return
            self._told = now
        self._tell(f"{trouble}; trying again for up to {max(0.0, until - now):.0f} s")

    def sleep(self, seconds: float) -> bool:
        """A wait of this thread alone; False if stop() ended it."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._is_stopped, seconds)

    def stop(self) -> None:
        """Ends all waits: what has not gone out does not go out any more."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def count(self) -> None:
        """Notes that a request is sent again."""
        with self._changed:
            self.retries += 1


_GAVE_UP = (502, 504)
"""Gateways' words: the server behind may still be at work."""


class Outcome(NamedTuple):
    """An answer, and whether a try before it may have been carried out, so that it does not tell the whole.

    `is_cut`: such a try had no answer, and the server may still be at work on it.
    """

    answer: Answer
    is_doubtful: bool
    is_cut: bool


def carry_out(policy: RetryPolicy, pause: Pause, attempt: Callable[[], Answer]) -> Outcome:
    """The answer to a request that may be repeated: the first that repeating would not change, else the last one.

    Raises what the last attempt raised, but Unknown if one before may have been carried out; NotSent if there was no
    attempt. Takes `policy.total_s` and one attempt at most.
    """
    end = time.monotonic() + policy.total_s
    counts: Counter[_Kind] = Counter()
    last: Answer | ServerError = NotSent("")
    is_cut = False
    while pause.enter(end):
        if counts:
            pause.count()
        kind, asked_s = _Kind.KEPT, None
        try:
            last = attempt()
            kind, asked_s = _kind(last.status), retry_after(last.headers, datetime.now(UTC))
            is_cut = is_cut or last.status in _GAVE_UP
        except NotSent as error:
            kind, last = _Kind.NOT_SENT, error
        except Unknown as error:
            kind, last, is_cut = _Kind.FAILED, error, True
        except ServerError as error:
            last = error
        finally:
            pause.leave(kind is _Kind.BUSY, asked_s)
        counts[kind] += 1
        if kind is _Kind.KEPT or counts[kind] >= _limit(kind, policy):
            break
        pause.tell(str(last) if isinstance(last, ServerError) else f"the server answered {last.status}", end)
        wait_s = 0.0 if kind is _Kind.BUSY else policy.backoff(counts[kind])  # enter() waits for who is busy
        if time.monotonic() + wait_s >= end or not pause.sleep(wait_s):
            break
    if not counts:
        raise NotSent(f"not sent: {pause.why_not()}")
    is_doubtful = counts[_Kind.FAILED] > 0
    if isinstance(last, ServerError) and is_doubtful and not isinstance(last, Unknown):
        raise Unknown(f"a try may have been carried out, and then: {last}", 0 if is_cut else last.status)
    if isinstance(last, ServerError):
        raise last
    return Outcome(last, is_doubtful, is_cut)


class _Kind(Enum):
    KEPT = "kept"  # an answer that would be the same again
    BUSY = "busy"
    CONFLICT = "conflict"
    FAILED = "failed"
    NOT_SENT = "not sent"


def _kind(status: int) -> _Kind:
    if status in (429, 503):
        return _Kind.BUSY
    if status in (408, 500, 502, 504):
        return _Kind.FAILED
    return _Kind.CONFLICT if status == 409 else _Kind.KEPT


def _limit(kind: _Kind, policy: RetryPolicy) -> float:
    """How many times something may happen; some things only time ends."""
    return {_Kind.CONFLICT: policy.conflict_tries, _Kind.FAILED: policy.tries}.get(kind, math.inf)


def retry_after(headers: HTTPHeaderDict, now: datetime) -> float | None:
    """Seconds that the server asks to be left alone, the longest of what it says; None if it says nothing readable."""
    waits = [_seconds(text.strip(), now) for text in headers.getlist("Retry-After")]
    return max((wait for wait in waits if wait is not None), default=None)


def _seconds(text: str, now: datetime) -> float | None:
    if re.fullmatch("[0-9]+", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
