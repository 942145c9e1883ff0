"""Python's collector of cycles, in processes that are our own: commands and workers. In a library's process it is left alone."""

from __future__ import annotations

import atexit
import gc

# A conversion leaves no cycles. To look for them as often as Python does takes half of the time of a case of 100,000 results.
_THRESHOLDS = (50_000, 20, 50)


def settle() -> None:
    """What is there stays to the end: it is never walked through again, not even at the end. What comes is, seldom."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    atexit.register(gc.freeze)
