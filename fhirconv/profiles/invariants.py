"""Invariants that a profile adds to those of R4.

Spec: https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirconv.fhirpath import Env, FhirPathError, compile_expression
from fhirconv.fhirpath import Node as Focus
from fhirconv.fhirpath.certain import certainly
from fhirconv.issues import printable
from fhirconv.profiles.bindings import verdict_of
from fhirconv.profiles.checks import Check, Glance, always, never
from fhirconv.profiles.definitions import Json, Node
from fhirconv.profiles.items import Item, root_item
from fhirconv.profiles.run import Run

_MAX_WORDS = 300


def checks_of(node: Node, label: str) -> Iterator[Check]:
    """The checks of an element's own invariants; `label` names the element in messages."""
    for constraint in node.facts.get("constraint", ()):
        yield _invariant(constraint, label)


def _env(run: Run) -> Env:
    """What expressions about this resource can ask for: resources, value sets and profiles."""

    def resolve(reference: str) -> Focus | None:
        found = run.lookup(reference, run.resource)
        return Focus(*root_item(found)) if found else None

    def conforms(node: Focus, url: str) -> bool | None:
        profile = run.known.profile(url)
        return None if profile is None else not run.errors_at(_item(node), profile)

    def member(node: Focus, url: str) -> bool | None:
        return verdict_of(_item(node), url, run)

    resource, root = Focus(*root_item(run.resource)), Focus(*root_item(run.root or run.resource))
    return Env(resource, root, resolve=resolve, member_of=member, conforms_to=conforms)


def _item(node: Focus) -> Item:
    return Item(node.value, node.type, node.extra, node.path)


def _invariant(constraint: Json, label: str) -> Check:
    key, expression = str(constraint["key"]), str(constraint["expression"])
    words = printable(str(constraint.get("human", ""))[:_MAX_WORDS])
    message = f"{label} does not meet {key} of the profile: {words}"
    severity = "warning" if constraint.get("severity") == "warning" else ""

    def check(item: Item, run: Run) -> None:
        if run.env is None:
            run.env = _env(run)
        try:
            if compile_expression(expression).holds(Focus(*item), run.env):
                return
        except FhirPathError as error:
            run.skip(f"{key} ({label})", f"its FHIRPath cannot be evaluated: {printable(str(error)[:_MAX_WORDS])}")
            return
        run.report("profile-invariant", message, item, severity)

    def glance(fhir_type: str) -> Glance:
        holds = certainly(expression, fhir_type)
        return (always if holds else never) if isinstance(holds, bool) else lambda value, run: holds(value)

    return Check(check, glance)
