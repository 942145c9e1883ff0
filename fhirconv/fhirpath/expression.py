"""Expressions, compiled once and evaluated on any node."""

from __future__ import annotations

import functools

from fhirconv.fhirpath.amendments import AMENDED, AMENDED_BY_KEY
from fhirconv.fhirpath.compiler import compiled
from fhirconv.fhirpath.errors import FhirPathLimit
from fhirconv.fhirpath.nodes import Node
from fhirconv.fhirpath.parser import parse
from fhirconv.fhirpath.running import Env, Run
from fhirconv.fhirpath.values import Collection, truth


class Expression:
    """A compiled expression; `text` is what it was made of."""

    __slots__ = ("_evaluate", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._evaluate = compiled(parse(text))
        except RecursionError:
            raise FhirPathLimit("the expression is nested too deeply") from None

    def evaluate(self, focus: Node, env: Env) -> Collection:
        """The items that the expression gives: nodes and system values.

        Raises FhirPathError where FHIRPath says that it cannot be evaluated, FhirPathLimit when it takes too long,
        FhirPathUndecided when something is asked for that is not on board.
        """
        run = Run(env, focus)
        try:
            return list(self._evaluate(run.this, run))
        except RecursionError:
            raise FhirPathLimit("the expression or the resource is nested too deeply") from None

    def holds(self, focus: Node, env: Env) -> bool:
        """Whether an invariant is met: it gives true, or one or more items. Nothing is not met.

        That is how HL7's validator decides; the published texts that rely on another reading are amended. What it
        cannot evaluate (FhirPathError) it counts as not met, too; here the caller decides. Raises as `evaluate` does.
        """
        found = self.evaluate(focus, env)
        return truth(found) is True if len(found) == 1 else bool(found)


@functools.lru_cache(4096)
def compile_expression(text: str, key: str = "") -> Expression:
    """The expression of a text; for an invariant of R4 in `amendments`, of what stands there.

    `key` is the invariant's, if it is known: without it txt-1 and txt-2, which have one text, both ask for all of it.

    Raises FhirPathError, with the position, for what is not FHIRPath, and for functions, variables and types unknown.
    """
    return Expression(AMENDED_BY_KEY.get(key) or AMENDED.get(text, text))
