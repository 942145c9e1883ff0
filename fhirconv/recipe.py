"""How a fact becomes a resource: the rules of a mapping as one Python function for each shape of fact.

A shape is the set of fields that a fact states. Facts have few shapes, so the function for one is generated once: it
holds the constants of the mapping as literals, the narrative as one expression, and calls only the makers that can
yield something. Only names and constants of the mappings enter the source, as Python literals; values of a case never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.context import Context
from fhirconv.narrative import name_field, narrative_source
from fhirconv.schema import Section
from fhirconv.values.base import ElementRule, all_rules

Filler = Callable[[str, Mapping[str, Any], Context], dict[str, Any]]
_MOST_SHAPES = 4096


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
        self._fillers: dict[frozenset[str], Filler] = {}
        self._by_order: dict[tuple[str, ...], Filler] = {}

    def fill(self, resource_id: str, data: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The resource with this id for a fact with these fields (by dotted name)."""
        filler = self._by_order.get(tuple(data))
        if filler is None:
            filler = self._filler(tuple(data))
        return filler(resource_id, data, context)

    def _filler(self, fields: tuple[str, ...]) -> Filler:
        """The function for the shape of these fields; their order does not matter, but is found faster."""
        if len(self._by_order) >= _MOST_SHAPES:
            self._by_order.clear()
            self._fillers.clear()
        shape = frozenset(fields)
        filler = self._fillers.get(shape)
        if filler is None:
            filler = self._fillers[shape] = self._compile(shape)
        self._by_order[fields] = filler
        return filler

    def _compile(self, shape: frozenset[str]) -> Filler:
        names: dict[str, Any] = {}
        source = "def fill(resource_id, data, context):\n " + "\n ".join(self._lines(shape, names)) + "\n return out"
        exec(compile(source, f"<recipe of {self.resource}>", "exec"), names)  # noqa: S102  (see above)
        filler: Filler = names["fill"]
        return filler

    def _lines(self, stated: frozenset[str], names: dict[str, Any]) -> Iterator[str]:
        """The statements of the function; what they call goes into `names`."""
        head = {"resourceType": repr(self.resource), "id": "resource_id", "meta": self.meta.source()}
        narrative = narrative_source(self.section, stated & self.told, self.role, names)
        head["text"] = f"{{'status': 'generated', 'div': {narrative}}}"
        yield "out = {" + ", ".join(f"{key!r}: {value}" for key, value in head.items()) + "}"
        for position, rule in enumerate(self.rules):
            if not rule.made.reads(stated):
                continue
            if rule.made.literal:
                key, value = rule.made.literal
                yield f"out[{key!r}] = {value}"
            else:
                names[f"make{position}"] = rule.made.make
                yield f"make{position}(out, data, context)"
