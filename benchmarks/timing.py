"""Rounds of several ways to do one thing, in turn; ratios within a round, because the machine's speed drifts."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple


class Way(NamedTuple):
    """One way to do the work; `once` does a round of it and says how many microseconds of CPU a case took."""

    name: str
    once: Callable[[], float]
    note: str = ""


Times = dict[str, list[float]]


def cpu(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Microseconds of CPU of this thread for each of the items."""
    start = time.thread_time()
    for item in items:
        work(item)
    return (time.thread_time() - start) / len(items) * 1e6


def rounds_of(ways: Iterable[Way], rounds: int) -> Times:
    """The times of all ways, round by round, after one round that is not counted."""
    ways = list(ways)
    for way in ways:
        way.once()
    gc.collect()
    gc.freeze()  # what was made ready is no work of the ways: the collector leaves it alone
    times: Times = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            times[way.name].append(way.once())
    return times


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """How many times `under` goes into `over`: the median over the rounds."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def digits(number: float) -> str:
    """A ratio as one reads it: 0.96, 3.4, 27, 310."""
    if number >= 100:
        return f"{float(f'{number:.2g}'):.0f}"
    return f"{number:.{0 if number >= 20 else 1 if number >= 1 else 2}f}"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table of Markdown, in columns that can be read without a browser too."""
    table = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    for number, row in enumerate(table):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
