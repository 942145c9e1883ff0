"""How a fact becomes a resource: the rules of a mapping as one Python function for each shape of fact.

A shape is the set of fields that a fact states; values/writing.py says how its function is written. It holds what every
such resource has and the narrative as one expression, then the statements of the rules that can yield something.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from fhirconv.context import Context
from fhirconv.facts import SHAPES, Kinds
from fhirconv.narrative import name_field, narrative_source
from fhirconv.schema import Section
from fhirconv.values.base import ElementRule, all_rules
from fhirconv.values.writing import Target, Writer

_TEXT = Target("text", repeats=False)
Filler = Callable[[str, Mapping[str, Any], Context], dict[str, Any]]


class Meta(NamedTuple):
    """What resources say of themselves: the profile that they claim ('' for none) and their tags.

    `case_system` is the system of the tag of their case. `fact_system` is that of a tag with the resource's own
    identifier, for those that R4 cannot find by an identifier (Provenance, AdverseEvent), so that a server finds them; else ''.
    """

    profile: str
    case_system: str
    fact_system: str = ""

    def source(self) -> str:
        """Resource.meta as a Python expression."""
        profile = f"'profile': [{self.profile!r}], " if self.profile else ""
        own = f", {{'system': {self.fact_system!r}, 'code': context.identifier}}" if self.fact_system else ""
        return f"{{{profile}'tag': [{{'system': {self.case_system!r}, 'code': context.case_id}}{own}]}}"


class Recipe:
    """The rules of a resource in the order of the specification, with what every such resource has."""

    def __init__(
        self,
        resource: str,
        section: Section,
        role: str,
        meta: Meta,
        rules: tuple[ElementRule, ...],
        told: Iterable[str],
    ) -> None:
        """`told` are fields that only the narrative tells."""
        self.resource = resource
        self.section = section
        self.role = role
        self.meta = meta
        self.rules = rules
        read = {s.removeprefix(f"{section.name}.") for rule in all_rules(rules) for s in rule.made.sources}
        self.told = read.union(told, [name_field(section)])  # what this resource is made from, and the fact's name
        self.filler: Callable[[Kinds], Filler] = functools.lru_cache(SHAPES)(self._filler)

    def _filler(self, kinds: Kinds) -> Filler:
        """The function that makes the resource with an id from the fields of a fact that states these."""
        code = Writer(kinds)
        narrative = narrative_source(self.section, self.told, self.role, code)
        code.begin("out", f"'resourceType': {self.resource!r}", "'id': resource_id", f"'meta': {self.meta.source()}")
        code.put("out", _TEXT, f"{{'status': 'generated', 'div': {narrative}}}")
        for rule in self.rules:
            if rule.made.reads(code):
                rule.made.write(code, "out")
        return code.function("resource_id, data, context", code.end("out")[0])
