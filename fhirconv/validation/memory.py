"""What the checks remember of values that they have judged: little, and nothing that is long."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_LONG = 300  # characters; no code, unit, system or name of a type is longer, and a long text is data

R = TypeVar("R")


def is_long(parts: Iterable[object]) -> bool:
    """Whether texts are too long to be remembered."""
    return sum(len(part) for part in parts if isinstance(part, str)) > _LONG


def remembered(entries: int) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Remembers the last results of a function of texts, so many at most; those of long texts not at all."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        known = functools.lru_cache(maxsize=entries)(function)

        @functools.wraps(function)
        def call(*arguments: Any) -> R:
            return function(*arguments) if is_long(arguments) else known(*arguments)

        return call

    return decorate
