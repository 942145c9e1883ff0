"""Invariants that a profile adds to those of R4.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fhirconv.issues import printable
from fhirconv.profiles.definitions import Json, Node
from fhirconv.profiles.items import Item
from fhirconv.profiles.run import Run

Check = Callable[[Item, Run], None]

_MAX_WORDS = 300


def checks_of(node: Node, label: str) -> Iterator[Check]:
    """The checks of an element's own invariants; `label` names the element in messages."""
    for constraint in node.facts.get("constraint", ()):
        yield _invariant(constraint, label)


def _invariant(constraint: Json, label: str) -> Check:
    key, expression = str(constraint["key"]), str(constraint["expression"])
    words = printable(str(constraint.get("human", ""))[:_MAX_WORDS])
    message = f"{label} does not meet {key} of the profile: {words}"
    severity = "warning" if constraint.get("severity") == "warning" else ""

    def check(item: Item, run: Run) -> None:
        # The engine of FHIRPath is loaded when the first profile with an invariant is checked.
        from fhirconv.fhirpath import Env, FhirPathError, FhirPathLimit, compile_expression
        from fhirconv.fhirpath import Node as Focus

        if run.env is None:
            resource = Focus(run.resource, str(run.resource.get("resourceType", "")), None, ())
            run.env = Env(resource, resource)
        try:
            if compile_expression(expression).holds(Focus(*item), run.env):
                return
        except (FhirPathError, FhirPathLimit) as error:
            run.skip(f"{key} ({label})", f"its FHIRPath cannot be evaluated: {printable(str(error)[:_MAX_WORDS])}")
            return
        run.report("profile-invariant", message, item, severity)

    return check
