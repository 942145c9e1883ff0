"""Whether a journal's word that a record is done is enough. A server may have been reset, or have lost its last writes."""

from __future__ import annotations

import threading

_LAST = 10  # a server that was killed loses what it wrote last
_EVERY = 100


class Trust:
    """Says which records of an earlier run are looked up on the server: the first, the last, some between, or all.

    Once one was not there, none is passed over without a look.
    """

    def __init__(self, noted: int = 0, verify_all: bool = False) -> None:
        """`noted` is how many records the journal knows."""
        self._noted, self._all = noted, verify_all
        self._lock = threading.Lock()
        self._is_first = True
        self.missing = 0
        self.passed_over = 0
        """Records that were passed over without a look."""

    def wants_look(self, number: int) -> bool:
        """Whether record `number`, which the journal calls done, is looked up."""
        with self._lock:
            is_first, self._is_first = self._is_first, False
            near_end = number >= self._noted - _LAST
            if is_first or self._all or self.missing or near_end or number % _EVERY == 0:
                return True
            self.passed_over += 1
            return False

    def saw(self, is_there: bool) -> bool:
        """Notes what a look found."""
        if not is_there:
            with self._lock:
                self.missing += 1
        return is_there
