"""What is remembered of values that come again from case to case: words of tables, codes, dates, numbers.

Bounded in number and length: a long text is data, and is not kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

_LONG = 300  # characters; no code, unit, system or name of a type is longer

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def is_long(parts: Iterable[object]) -> bool:
    """Whether texts are too long to be remembered."""
    return sum(len(part) for part in parts if isinstance(part, str)) > _LONG


class Memory(dict[K, V]):
    """A function's results by its argument: `memory[argument]`. When it is full it begins anew.

    Where a call takes less than a microsecond this is faster than functools.lru_cache, which keeps an order.
    """

    def __init__(self, make: Callable[[K], V], most: int) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, key: K) -> V:
        made = self._make(key)
        if not is_long(key if isinstance(key, tuple) else (key,)):
            if len(self) >= self._most:
                self.clear()
            self[key] = made
        return made


def remembered(entries: int) -> Callable[[Callable[..., V]], Callable[..., V]]:
    """Remembers the last results of a function of texts, so many at most; those of long texts not at all."""

    def decorate(function: Callable[..., V]) -> Callable[..., V]:
        known = functools.lru_cache(maxsize=entries)(function)

        @functools.wraps(function)
        def call(*arguments: Any) -> V:
            return function(*arguments) if is_long(arguments) else known(*arguments)

        return call

    return decorate
