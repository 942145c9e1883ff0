"""From text to syntax, by precedence climbing.

Spec: http://hl7.org/fhirpath/N1/#operator-precedence
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhirconv.fhirpath.errors import FhirPathError, FhirPathLimit
from fhirconv.fhirpath.lexer import Token, tokens, unescaped
from fhirconv.fhirpath.syntax import Binary, Call, External, Index, Literal, Name, Path, Sign, Special, TypeTest
from fhirconv.fhirpath.temporal import read_temporal, read_time
from fhirconv.fhirpath.values import WORDS, Quantity

MAX_NESTING = 100  # expressions within expressions
MAX_DEPTH = 200  # operators and steps in a row, which nest when evaluated

_LEVELS = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "~", "!=", "!~"),
    ("is", "as"),  # as in HL7's validator and its tests; the grammar has them before |
    ("<=", "<", ">", ">="),
    ("|",),
    ("+", "-", "&"),
    ("*", "/", "div", "mod"),
)
_LEVEL = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_SIGN_LEVEL = len(_LEVELS)


class Parser:
    """Reads one expression; use `parse`."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.next = 0
        self.nesting = 0

    def peek(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.next]

    def take(self, text: str = "") -> Token:
        """The next token, which must be `text` if that is given."""
        token = self.tokens[self.next]
        if text and (token.text != text or token.kind not in ("mark", "word")):
            raise FhirPathError(f"{_shown(token)} stands where {text!r} must", token.position)
        self.next += 1
        return token

    def accept(self, text: str) -> bool:
        """Whether the next token is this mark; if so, it is taken."""
        found = self.peek().kind == "mark" and self.peek().text == text
        self.next += found
        return found

    def whole(self) -> Any:
        """The expression up to the end of the text."""
        found = self.expression()
        if self.peek().kind != "end":
            raise FhirPathError(f"{_shown(self.peek())} does not belong after the expression", self.peek().position)
        return found

    def expression(self, level: int = 0) -> Any:
        """An expression whose operators bind at least as tightly as `level`."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise FhirPathLimit("the expression is nested too deeply", self.peek().position)
        left, depth = self.operand(level), 0
        while self.peek().kind in ("mark", "word") and _LEVEL.get(self.peek().text, -1) >= level:
            depth += 1
            if depth > MAX_DEPTH:
                raise FhirPathLimit("the expression has too many operators in a row", self.peek().position)
            left = self.operation(left)
        self.nesting -= 1
        return left

    def operation(self, left: Any) -> Any:
        """The operator that comes next, and what stands right of it."""
        operator = self.take()
        if operator.text in ("is", "as"):
            return TypeTest(operator.text, left, self.type_name(), operator.position)
        return Binary(operator.text, left, self.expression(_LEVEL[operator.text] + 1), operator.position)

    def operand(self, level: int) -> Any:
        """A term, with a sign before it if there is one."""
        token = self.peek()
        if token.kind == "mark" and token.text in "+-" and level <= _SIGN_LEVEL:
            self.take()
            return Sign(token.text, self.expression(_SIGN_LEVEL), token.position)
        return self.term()

    def term(self) -> Any:
        """A value and the steps that follow it."""
        found, depth = self.start(), 0
        while True:
            depth += 1
            if depth > MAX_DEPTH:
                raise FhirPathLimit("the path has too many steps", self.peek().position)
            if self.accept("."):
                found = Path(found, self.step(is_first=False))
            elif self.accept("["):
                found = Index(found, self.expression())
                self.take("]")
            else:
                return found

    def start(self) -> Any:
        """What a term begins with."""
        token = self.peek()
        if self.accept("("):
            found = self.expression()
            self.take(")")
            return found
        if self.accept("{"):
            self.take("}")
            return Literal(())
        if token.kind in ("word", "quoted") and token.text not in ("true", "false"):
            return self.step(is_first=True)
        self.take()
        if token.kind == "special":
            return Special(token.text, token.position)
        if token.kind == "external":
            name = token.text[1:]
            return External(unescaped(name[1:-1]) if name[0] in "`'" else name, token.position)
        return Literal((self.constant(token),))

    def constant(self, token: Token) -> Any:
        """The system value of a literal."""
        if token.kind == "number":
            return self.number(token)
        if token.kind == "string":
            return unescaped(token.text[1:-1])
        if token.kind == "word" and token.text in ("true", "false"):
            return token.text == "true"
        if token.kind in ("date", "time"):
            found = read_time(token.text[2:]) if token.kind == "time" else read_temporal(token.text[1:])
            if found is not None:
                return found
        raise FhirPathError(f"{_shown(token)} stands where a value must", token.position)

    def number(self, token: Token) -> Any:
        """A number; a quantity if a unit follows it."""
        value = Decimal(token.text) if "." in token.text else int(token.text)
        unit = self.peek()
        if unit.kind == "string":
            self.take()
            return Quantity(value, unescaped(unit.text[1:-1]))
        if unit.kind == "word" and unit.text in WORDS:
            self.take()
            return Quantity(value, unit.text)
        return value

    def step(self, *, is_first: bool) -> Any:
        """A name, or a function with its arguments."""
        token = self.take()
        if token.kind not in ("word", "quoted"):
            raise FhirPathError(f"{_shown(token)} stands where a name must", token.position)
        name = unescaped(token.text[1:-1]) if token.kind == "quoted" else token.text
        if not self.accept("("):
            return Name(name, is_first)
        arguments: list[Any] = []
        while not self.accept(")"):
            if arguments:
                self.take(",")
            arguments.append(self.expression())
        return Call(name, tuple(arguments), token.position)

    def type_name(self) -> str:
        """The name of a type, with or without its namespace."""
        names = [self.step(is_first=True)]
        if self.accept("."):
            names.append(self.step(is_first=False))
        if not all(isinstance(name, Name) for name in names):
            raise FhirPathError("the name of a type must stand here", self.peek().position)
        return ".".join(name.name for name in names)


def _shown(token: Token) -> str:
    return repr(token.text[:40]) if token.text else "the end"


def parse(text: str) -> Any:
    """The syntax of an expression. Raises FhirPathError with the position of what is wrong."""
    return Parser(text).whole()
