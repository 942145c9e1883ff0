"""Profiles as trees of elements that hold only what a profile asks beyond base R4.

Spec: https://hl7.org/fhir/R4/elementdefinition.html, https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fhirconv import r4
from fhirconv.profiles.archive import PackageError

Json = dict[str, Any]

R4_URL = "http://hl7.org/fhir/StructureDefinition/"
_MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_TRANSLATED = "http://hl7.org/fhirpath/System."
# Not every snapshot says where a constraint comes from; these three families are every element's.
_EVERYWHERE = re.compile(r"(ele|ext|dom)-\d+")
_HEAD = ("resourceType", "url", "version", "name", "title", "type", "context")


@dataclass(slots=True)
class Node:
    """One element of a profile. `facts` are those of `slim`; `base` is the element of R4; `types` those of a value."""

    id: str
    name: str
    facts: Json = field(default_factory=dict)
    base: r4.Element | None = None
    types: tuple[str, ...] = ()
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    @property
    def is_slice(self) -> bool:
        """Whether the element is a slice of another."""
        return ":" in self.id.rpartition(".")[2]


def slim(definition: Json) -> Json:
    """A StructureDefinition reduced to what its snapshot asks beyond base R4; the same again for one so reduced.

    Raises PackageError when it has no snapshot, or elements without ids.
    """
    if "elements" in definition:
        return definition
    elements = definition.get("snapshot", {}).get("element")
    if not elements:
        raise PackageError(f"{definition.get('url')} has no snapshot; take a package that is published with snapshots")
    root = _grow(definition["type"], elements)
    kept = {name: definition[name] for name in _HEAD if name in definition}
    if elements[0].get("isModifier"):
        kept["isModifier"] = True
    return kept | {"elements": [{"id": node.id} | node.facts for node in _speaking(root)]}


def tree(definition: Json) -> Node:
    """The elements of a profile; raises PackageError like `slim`."""
    reduced = slim(definition)
    return _grow(reduced["type"], reduced["elements"] or [{"id": reduced["type"]}])


def _grow(type_name: str, elements: list[Json]) -> Node:
    first = str(elements[0].get("id", type_name))
    root = Node(first, first, types=(type_name,))
    nodes = {first: root}
    root.facts = _facts(elements[0], root)
    for element in elements[1:]:
        node = _place(nodes, element.get("id") or "")
        node.facts = _facts(element, node)
        node.types = _types(element, node)
    return root


def _place(nodes: dict[str, Node], element_id: str) -> Node:
    """The node of an element, made with those above it; slices hang on what they slice, children on their parent."""
    if element_id in nodes:
        return nodes[element_id]
    head, _, last = element_id.rpartition(".")
    name, _, slice_name = last.partition(":")
    if not head:
        raise PackageError(f"element {element_id!r} has no id that begins with its type")
    if slice_name:
        whole, _, part = slice_name.rpartition("/")
        above = _place(nodes, f"{head}.{name}:{whole}" if whole else f"{head}.{name}")
        node = Node(element_id, name, base=above.base, types=above.types)
        above.slices[part] = node
    else:
        above = _place(nodes, head)
        node = _child(above, element_id, name)
        above.children[name] = node
    nodes[element_id] = node
    return node


def _child(above: Node, element_id: str, name: str) -> Node:
    for type_name in above.types:
        if (base := r4.elements_of(type_name).get(name)) is not None:
            return Node(element_id, name, base=base if len(above.types) == 1 else None, types=base.types)
    for type_name in above.types:  # a snapshot may spell a choice out: valueQuantity
        if name in (keys := r4.element_keys(type_name)):
            return Node(element_id, name, types=(keys[name][1],))
    return Node(element_id, name)


def _types(element: Json, node: Node) -> tuple[str, ...]:
    codes = tuple(entry["code"] for entry in element.get("type", ()))
    if not codes or "contentReference" in element or any(code.startswith(_TRANSLATED) for code in codes):
        return node.types
    # R4 calls an element with elements of its own BackboneElement or Element; ours have the names of their paths.
    own = node.base is not None and "." in node.base.types[0]
    return node.types if own else codes


def _speaking(node: Node) -> Iterable[Node]:
    """The nodes that ask for something, with those above them, in the order of the snapshot."""
    below = [*node.slices.values(), *node.children.values()]
    found = [inner for child in below for inner in _speaking(child)]
    facts = node.facts.keys() - (set() if node.slices else {"slicing"})
    return [node, *found] if found or facts or "." not in node.id else []


def _facts(element: Json, node: Node) -> Json:
    """What an element asks beyond its base."""
    base = node.base
    least = 0 if node.is_slice or base is None else base.min
    most = "*" if base is None or base.repeats else "1"
    facts: Json = {"maxLength": element["maxLength"]} if "maxLength" in element else {}
    if element.get("contentReference", "").startswith("#"):  # others lead to R4 itself, which asks nothing more
        facts["contentReference"] = element["contentReference"]
    if "." in node.id and element.get("min", 0) > least:
        facts["min"] = element["min"]
    if "." in node.id and element.get("max", "*") not in ("*", most):
        facts["max"] = element["max"]
    if types := _narrowed(element.get("type", ()), node):
        facts["type"] = types
    for key, value in element.items():
        for kind in ("fixed", "pattern", "minValue", "maxValue"):
            if key.startswith(kind):
                facts[kind] = value
    facts |= _slicing(element) | _binding(element)
    profiles = {url for entry in element.get("type", ()) for url in entry.get("profile", ())}
    if constraints := [entry for entry in element.get("constraint", ()) if _is_own(entry, profiles)]:
        wanted = ("key", "severity", "human", "expression")
        facts["constraint"] = [{name: entry[name] for name in wanted if name in entry} for entry in constraints]
    return facts


def _slicing(element: Json) -> Json:
    slicing = element.get("slicing")
    if slicing is None:
        return {}
    kept: Json = {"discriminator": slicing.get("discriminator", []), "rules": slicing.get("rules", "open")}
    return {"slicing": kept | ({"ordered": True} if slicing.get("ordered") else {})}


def _binding(element: Json) -> Json:
    binding = element.get("binding", {})
    kept = {"strength": binding.get("strength"), "valueSet": binding.get("valueSet")}
    if kept["strength"] not in ("required", "extensible") or not kept["valueSet"]:
        return {}
    # HL7's validator holds a value to the outer limit of an extensible binding only; so do we.
    limits = [e.get("valueCanonical") for e in binding.get("extension", ()) if e.get("url") == _MAX_VALUE_SET]
    if limit := binding.get("max") or next(iter(limits), None):
        kept["max"] = limit
    return {"binding": kept}


def _narrowed(types: Iterable[Json], node: Node) -> list[Json]:
    """The types of an element, if they are fewer than those of R4 or have profiles of their own."""
    kept = [
        {name: entry[name] for name in ("code", "profile", "targetProfile") if entry.get(name)}
        for entry in types
        if not entry["code"].startswith(_TRANSLATED)
    ]
    base = node.base
    if base is None or node.is_slice or any("profile" in entry for entry in kept):
        return kept  # types may be what tells a slice
    targets = {url for entry in kept for url in entry.get("targetProfile", ())}
    same_targets = targets == {R4_URL + name for name in base.targets}
    same_types = "." in base.types[0] or {entry["code"] for entry in kept} == set(base.types)
    return [] if same_types and same_targets else kept


def _is_own(constraint: Json, profiles: set[str]) -> bool:
    """Whether an invariant comes from the profile or one above it: not from a type of R4 or a profile of the type."""
    source = str(constraint.get("source", ""))
    if "expression" not in constraint or source in profiles or _EVERYWHERE.fullmatch(str(constraint.get("key"))):
        return False
    return not (source.startswith(R4_URL) and r4.kind_of(source.removeprefix(R4_URL)))
