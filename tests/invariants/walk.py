"""Every invariant of R4 on every node of a resource: a walk of our own, so that the validator's is not its own judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fhirconv import r4
from fhirconv.fhirpath import Env, FhirPathError, Node, children, compile_expression, root_node


class Broken(NamedTuple):
    """An invariant that is not met."""

    key: str
    severity: str
    path: tuple[str | int, ...]
    problem: str


def _constraints(node: Node, parent: Node | None) -> Iterator[r4.Constraint]:
    """The invariants of a node's type, and of the element that it is."""
    is_primitive = r4.kind_of(node.type) == "primitive"
    yield from r4.constraints_of("Element" if is_primitive else node.type)
    if parent is not None:
        name = next(step for step in reversed(node.path) if isinstance(step, str))
        found = r4.element_keys(parent.type).get(name)
        if found:
            yield from r4.elements_of(parent.type)[found[0]].constraints


def broken(resource: dict[str, Any]) -> list[Broken]:
    """All invariants that `resource`, or anything in it, does not meet."""
    return list(_broken(root_node(resource), None, None))


def _broken(node: Node, parent: Node | None, env: Env | None) -> Iterator[Broken]:
    if r4.kind_of(node.type) == "resource":
        is_contained = "contained" in node.path[-2:] and env is not None
        env = Env(node, env.root if is_contained and env else node)
    assert env is not None, "a walk begins with a resource"
    for constraint in _constraints(node, parent):
        try:
            problem = "" if compile_expression(constraint.expression, constraint.key).holds(node, env) else "not met"
        except FhirPathError as error:
            problem = str(error)
        if problem:
            yield Broken(constraint.key, constraint.severity, node.path, problem)
    for child in children(node):
        yield from _broken(child, node, env)
