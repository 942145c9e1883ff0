"""The invariants of R4, held against everything that a walk has met.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints; the expressions are HL7's, from fhirconv.r4.
"""

from __future__ import annotations

from typing import Any

from fhirconv.fhirpath import Env, FhirPathError, FhirPathLimit, FhirPathUndecided, Node, compile_expression
from fhirconv.r4 import Constraint, constraints_of
from fhirconv.validation.finding import Path
from fhirconv.validation.structure import Held, Walk

# Held by the walk itself, by the checks of narratives and of references, with better words.
_ELSEWHERE = frozenset(("ele-1", "txt-1", "txt-2", "ref-1"))


def check_invariants(walk: Walk) -> None:
    """Notes each invariant that an object does not meet.

    Where the structure is broken an expression may not be meaningful: its failure is then no finding of its own.
    """
    broken = [finding.path for finding in walk.findings]
    envs: dict[Path, Env] = {}
    for type_name, value, path, held in walk.objects:
        for constraint in constraints_of(type_name):
            if constraint.key not in _ELSEWHERE:
                _check(walk, constraint, Node(value, type_name, None, path), held, envs, broken)
    for slot, value, path, held in walk.constrained:
        for constraint in slot.element.constraints:
            if constraint.key not in _ELSEWHERE:
                _check(walk, constraint, Node(value, slot.type, None, path), held, envs, broken)


def _check(
    walk: Walk, constraint: Constraint, node: Node, held: Held, envs: dict[Path, Env], broken: list[Path]
) -> None:
    try:
        holds = compile_expression(constraint.expression, constraint.key).holds(node, _env(held, envs))
    except (FhirPathLimit, FhirPathUndecided) as error:
        walk.add("invariant-not-checked", f"{constraint.key} was not decided: {error}", node.path)
        return
    except FhirPathError:
        holds = any(path[: len(node.path)] == node.path for path in broken)
    if not holds:
        walk.add(constraint.key, constraint.human, node.path, constraint.severity)


def _env(held: Held, envs: dict[Path, Env]) -> Env:
    env = envs.get(held.path)
    if env is None:
        root: Any = held.container or held
        env = envs[held.path] = Env(
            Node(held.value, held.type, None, held.path), Node(root.value, root.type, None, root.path)
        )
    return env
