"""What became of a case, both ways: from every element of the output back to its fact, and from a fact to its elements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhirconv.conversion import Conversion
from fhirconv.trace import Trace, trace_entry


def trace(conversion: Conversion) -> Iterator[Trace]:
    """Every leaf of every resource of a conversion, in the order of the Bundle; nothing when there is no Bundle."""
    build = conversion.build
    if build is None or not conversion.ok:
        return
    for entry in build.entries:
        yield from trace_entry(conversion.case, build, entry)


def quotes_of(conversion: Conversion, fact_identity: str) -> list[str]:
    """The words of the source for a fact."""
    for fact in conversion.case.facts:
        if fact.identity == fact_identity:
            quotes = fact.data.get("evidence", [])
            return quotes if isinstance(quotes, list) else [quotes]
    return []


def find(conversion: Conversion, target: str) -> list[Trace]:
    """The traces that a target names.

    A target is a fact (its id, 'section/key', or a line number of the file), a resource ('Observation', its id or the
    beginning of the id, 'Observation/<id>'), or an element ('Observation.valueQuantity', '<resource>.<element>').
    """
    facts = _facts_named(conversion, target)
    if facts:
        return [one for one in trace(conversion) if one.fact in facts]
    head, _, element = target.partition(".")
    return [one for one in trace(conversion) if _names(head, one.resource) and _is_below(one.element, element)]


def _facts_named(conversion: Conversion, target: str) -> set[str]:
    case = conversion.case
    if target.isdigit():
        lines = case.document.text.count("\n") + 1
        before = [fact for fact in case.facts if case.place(fact).line <= int(target) <= lines]
        return {before[-1].identity} if before else set()
    named = {fact.identity for fact in case.facts if target in (fact.data.get("id"), fact.identity)}
    return named | {fact.identity for fact in case.facts if fact.section.name == target}


def _names(head: str, resource: str) -> bool:
    kind, _, made = resource.partition("/")
    return head in (kind, resource) or (len(head) >= 4 and (made.startswith(head) or resource.startswith(head)))


def _is_below(element: str, wanted: str) -> bool:
    """Whether an element is the wanted one or a part of it; 'value' and 'value[x]' stand for every choice, no index for every one."""
    wanted, element = wanted.removesuffix("[x]"), element.removeprefix("_")
    if "[" not in wanted:
        element = re.sub(r"\[\d+\]", "", element)
    rest = element.removeprefix(wanted) if element.startswith(wanted) else None
    return rest is not None and (not wanted or rest == "" or rest[0] in ".[" or rest[0].isupper())
