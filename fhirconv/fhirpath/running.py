"""What an evaluation carries with it: the environment, the current item, and the steps that are left.

Spec: http://hl7.org/fhirpath/N1/#environment-variables, https://hl7.org/fhir/R4/fhirpath.html#variables
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from fhirconv.fhirpath.errors import FhirPathLimit
from fhirconv.fhirpath.nodes import Node
from fhirconv.fhirpath.values import Collection

BUDGET = 1_000_000  # steps; the dearest invariant of R4 takes 115,000 on a Bundle of 5,000 entries

Evaluate = Callable[[Collection, "Run"], Collection]


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)  # noqa: UP017


@dataclass(frozen=True, slots=True)
class Env:
    """What an expression can ask for.

    `resource`: the resource that holds the focus (a contained one: itself); `root`: the one that is not contained.
    `resolve` finds what a reference ('Patient/1', 'urn:uuid:…') points at, None for nothing; '#id' is found without it.
    `member_of` says whether a node's code is in a value set (node, url), `conforms_to` whether a node meets a profile
    (node, url); both may answer None for "cannot be known". `now` is the clock; `budget` counts steps.
    """

    resource: Node
    root: Node
    resolve: Callable[[str], Node | None] | None = None
    member_of: Callable[[Node, str], bool | None] | None = None
    budget: int = BUDGET
    conforms_to: Callable[[Node, str], bool | None] | None = None
    now: Callable[[], datetime] = _utc_now


class Run:
    """One evaluation."""

    __slots__ = ("context", "env", "index", "left", "this", "total")

    def __init__(self, env: Env, context: Node) -> None:
        self.env = env
        self.context = context
        self.this: Collection = [context]
        self.index: int | None = None
        self.total: Collection = []
        self.left = env.budget

    def spend(self, steps: int = 1) -> None:
        """Count steps. Raises FhirPathLimit when there are none left."""
        self.left -= steps
        if self.left < 0:
            raise FhirPathLimit(f"the expression takes more than {self.env.budget} steps")

    def spend_text(self, characters: int) -> None:
        """Count the making of a text: a long one takes time and memory."""
        self.spend(1 + characters // 32)

    def each(self, items: Collection, argument: Evaluate) -> list[Collection]:
        """What an argument gives for each item, with $this and $index set to it."""
        this, index = self.this, self.index
        found: list[Collection] = []
        try:
            for number, item in enumerate(items):
                self.spend()
                self.this = [item]
                self.index = number
                found.append(argument(self.this, self))
        finally:
            self.this, self.index = this, index
        return found
