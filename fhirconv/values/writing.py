"""How rules become Python: a function that makes a resource, or fills a part of one, from facts of one shape.

A shape says which fields a fact states, and whether each is text, a term with codes, a list, an object or something else. Facts have few
shapes, so the function for one is written once, and holds what the mapping and the shape decide as literals. Only names
and constants of the mappings enter the source, as Python literals; values of a case never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from fhirconv.facts import Kinds
from fhirconv.terms import Term


class Target(NamedTuple):
    """Where a value goes: the JSON key, and whether the element repeats. Called, it puts a value there."""

    key: str
    repeats: bool

    def __call__(self, out: dict[str, Any], value: Any) -> None:
        if self.repeats:
            out.setdefault(self.key, []).append(value)
        else:
            out[self.key] = value


class _Literal:
    """A dict of the function that is still one literal: nothing but values were put into it so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[str] = []

    @property
    def source(self) -> str:
        return f"{{{', '.join(self.items)}}}"


class Writer:
    """The body of a function of `data`, the fields of a fact by dotted name, and `context`."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = dict(kinds)  # of the fields that are stated
        self.names: dict[str, Any] = {}
        self._fields: dict[str, str] = {}  # those that are read, each with its variable
        self._lines: list[str] = []
        self._literals: list[_Literal] = []  # the inner ones last
        self._indent = " "
        self._made = 0
        self._shares = False

    def states(self, *names: str) -> bool:
        """Whether the fact states one of these fields."""
        return not self.kinds.keys().isdisjoint(names)

    def field(self, name: str) -> str:
        """The expression for a field; None where it is not stated."""
        if name not in self.kinds:
            return "None"
        if name not in self._fields:
            self._fields[name] = self.variable()
        return self._fields[name]

    def is_text(self, name: str) -> bool:
        """Whether the field is stated as plain text."""
        return self.kinds.get(name) is str

    def is_term(self, name: str) -> bool:
        """Whether the field is stated as words with codes."""
        return self.kinds.get(name) is Term

    @contextmanager
    def items(self, name: str) -> Iterator[str]:
        """Within it a stated field has this name: one item after the other, if it is a list."""
        if self.kinds[name] is list:
            item = self.variable()
            with self.block(f"for {item} in {self.field(name)}:"), self.sharing():
                yield item
        else:
            yield self.field(name)

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

    def line(self, statement: str) -> None:
        """Adds a statement. Dicts that were begun are no longer literals, because it may read or change them."""
        for literal in self._literals:
            self._lines.append(f"{self._indent}{literal.name} = {literal.source}")
        self._literals.clear()
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

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Within it several rules may add to one element that repeats."""
        before, self._shares = self._shares, True
        yield
        self._shares = before

    def begin(self, name: str, *items: str) -> None:
        """Begins a dict with this name."""
        self._literals.append(_Literal(name))
        self._literals[-1].items.extend(items)

    def end(self, name: str) -> tuple[str, list[str] | None]:
        """The expression for a dict that was begun, and its items as they stand in it; None if they depend on the fact."""
        if self._literals and self._literals[-1].name == name:
            literal = self._literals.pop()
            return literal.source, literal.items
        return name, None

    def put(self, out: str, target: Target, value: str) -> None:
        """Puts the value of an expression into the dict named `out`."""
        if target.repeats and self._shares:
            self.line(f"{out}.setdefault({target.key!r}, []).append({value})")
            return
        value = f"[{value}]" if target.repeats else value
        if self._literals and self._literals[-1].name == out:
            self._literals[-1].items.append(f"{target.key!r}: {value}")
        else:
            self.line(f"{out}[{target.key!r}] = {value}")

    def put_stated(self, out: str, target: Target, value: str) -> None:
        """As `put`, unless the value is None."""
        made = self.variable()
        self.line(f"{made} = {value}")
        with self.block(f"if {made} is not None:"):
            self.put(out, target, made)

    def put_all(self, out: str, target: Target, values: str) -> None:
        """Puts each value of an expression for a new list."""
        made = self.variable()
        if target.repeats and not self._shares:
            self.line(f"{made} = {values}")
            with self.block(f"if {made}:"):
                self.line(f"{out}[{target.key!r}] = {made}")
        else:
            with self.block(f"for {made} in {values}:"):
                self.put(out, target, made)

    def function(self, parameters: str, result: str) -> Callable[..., Any]:
        """The function that was written, which returns the value of an expression."""
        read = (f" {variable} = data[{name!r}]" for name, variable in self._fields.items())
        source = "\n".join((f"def made({parameters}):", *read, *self._lines, f" return {result}"))
        names = dict(self.names)
        exec(compile(source, "<rules of a mapping>", "exec"), names)  # noqa: S102  (see above)
        made: Callable[..., Any] = names["made"]
        return made


def listed(value: Any) -> list[Any]:
    """The items of a list, or the one value."""
    return value if isinstance(value, list) else [value]
