"""How rules become Python: the statements of a function that fills a resource from facts of one shape.

Facts have few shapes (sets of stated fields), so the function for one is written once, and holds what the mapping and
the shape decide as literals. Only names and constants of the mappings enter the source, as Python literals; values of a
case never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

SHAPES = 4096  # for which functions are kept


class Target(NamedTuple):
    """Where a value goes: the JSON key, and whether the element repeats. Called, it puts a value there."""

    key: str
    repeats: bool

    def __call__(self, out: dict[str, Any], value: Any) -> None:
        if self.repeats:
            out.setdefault(self.key, []).append(value)
        else:
            out[self.key] = value


class Writer:
    """The body of a function of `data`, the fields of a fact by dotted name, and `context`; `stated` are its fields."""

    def __init__(self, stated: frozenset[str]) -> None:
        self.stated = stated
        self.names: dict[str, Any] = {}
        self._lines: list[str] = []
        self._indent = " "
        self._made = 0
        self._shares = False

    def line(self, statement: str) -> None:
        """Adds a statement."""
        self._lines.append(self._indent + statement)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """What is written within it stands below `head`, such as 'if x:'."""
        self.line(head)
        before, self._indent = len(self._lines), self._indent + " "
        yield
        if len(self._lines) == before:
            self.line("pass")
        self._indent = self._indent[:-1]

    def variable(self) -> str:
        """A name that nothing else has."""
        self._made += 1
        return f"v{self._made}"

    def name(self, value: object) -> str:
        """A name by which the function finds `value`."""
        found = next((name for name, other in self.names.items() if other is value), "")
        if not found:
            found = self.variable()
            self.names[found] = value
        return found

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Within it several rules may add to one element that repeats."""
        before, self._shares = self._shares, True
        yield
        self._shares = before

    def put(self, out: str, target: Target, value: str) -> None:
        """Puts the value of an expression into the dict named `out`."""
        if target.repeats and self._shares:
            self.line(f"{out}.setdefault({target.key!r}, []).append({value})")
        else:
            self.line(f"{out}[{target.key!r}] = {f'[{value}]' if target.repeats else value}")

    def put_stated(self, out: str, target: Target, value: str) -> None:
        """As `put`, unless the value is None."""
        made = self.variable()
        self.line(f"{made} = {value}")
        with self.block(f"if {made} is not None:"):
            self.put(out, target, made)

    @contextmanager
    def items(self, name: str, is_list: bool) -> Iterator[str]:
        """Within it the words of a field have this name: one after the other, if the field may hold a list."""
        if is_list:
            item = self.variable()
            with self.block(f"for {item} in {self.name(listed)}(data[{name!r}]):"), self.sharing():
                yield item
        else:
            yield f"data[{name!r}]"

    def function(self, parameters: str, result: str) -> Callable[..., Any]:
        """The function that was written."""
        source = "\n".join((f"def made({parameters}):", *self._lines, f" return {result}"))
        names = dict(self.names)
        exec(compile(source, "<rules of a mapping>", "exec"), names)  # noqa: S102  (see above)
        made: Callable[..., Any] = names["made"]
        return made


def listed(value: Any) -> list[Any]:
    """The items of a list, or the one value."""
    return value if isinstance(value, list) else [value]
