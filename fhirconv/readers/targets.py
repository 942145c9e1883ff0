"""What the fields of case facts take: rules of readers are held against it when they are loaded."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhirconv.schema import Section, case_schema, resolve


@dataclass(frozen=True, slots=True)
class Target:
    """A field of a kind of fact, or a part of one. `path` leads to it from the section; `kind` names its definition."""

    path: tuple[str, ...]
    kind: str
    node: Mapping[str, Any]

    def below(self, key: str) -> Target | None:
        """The part `key` of an object."""
        return self._part(key, self.node.get("properties", {}).get(key))

    @property
    def item(self) -> Target | None:
        """An item of a list."""
        return self._part("*", self._lists().get("items"))

    def _part(self, step: str, node: Any) -> Target | None:
        return None if node is None else _target((*self.path, step), node)

    @property
    def keys(self) -> Iterable[str]:
        """The parts that an object has."""
        return list(self.node.get("properties", ()))

    @property
    def required(self) -> tuple[str, ...]:
        """The parts without which an object is none."""
        return tuple(self.node.get("required", ()))

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts that it may be, if they are listed."""
        return tuple(map(str, self.node.get("enum", ())))

    @property
    def refers(self) -> bool:
        """Whether it names another fact."""
        return "x-refers" in self.node or "x-refers" in (self.item.node if self.item else {})

    def accepts(self, value: Any) -> bool:
        """Whether it may be this value."""
        try:
            return bool(_validator(self.path).is_valid(value))
        except ValueError:  # a date of TOML, which is no value of JSON
            return False

    @property
    def takes_text(self) -> bool:
        """Whether it may be a text, of what form soever."""
        types = self.node.get("type", ())
        return "string" in ([types] if isinstance(types, str) else types) or bool(self.choices) or self.accepts("x")

    @property
    def takes_date(self) -> bool:
        """Whether it is a time or a date."""
        return self.kind in ("when", "date", "instant") or self.node.get("title") in ("date", "instant")

    def _lists(self) -> Mapping[str, Any]:
        """What it has to say about a list; some fields take one value or a list."""
        then: Mapping[str, Any] = self.node.get("then", {})
        return self.node if "items" in self.node else then if "items" in then else {}


def _target(path: tuple[str, ...], node: dict[str, Any]) -> Target:
    kind, resolved = resolve(case_schema().schema, node)
    return Target(path, kind, resolved)


@functools.cache
def _section_node(name: str) -> dict[str, Any]:
    schema = case_schema().schema
    node = schema["properties"][name]
    return resolve(schema, node["items"] if node.get("type") == "array" else node)[1]


def field_target(section: Section, name: str) -> Target | None:
    """The field of this name, with dots into an object; None if there is none."""
    found: Target | None = Target((section.name,), "", _section_node(section.name))
    for step in name.split("."):
        found = found.below(step) if found else None
    return found


def field_names(section: Section) -> Iterator[str]:
    """The fields that a rule may make."""
    yield from dict.fromkeys(field.path[0] for field in section.fields.values() if field.path[0] != "origin")
    yield from (name for name, field in section.fields.items() if len(field.path) > 1)


def needs_of(section: Section) -> tuple[tuple[str, ...], ...]:
    """What a fact must state to be one: of each group at least one field ('value', 'result' or 'absent')."""
    node = _section_node(section.name)
    groups = [(name,) for name in node.get("required", ()) if (section.name, name) != ("case", "id")]
    wanted = [tuple(one.get("required", ())) for one in node.get("oneOf", ())]
    if wanted and all(wanted):
        groups.append(tuple(name for names in wanted for name in names))
    return tuple(groups)


@functools.cache
def _validator(path: tuple[str, ...]) -> Any:
    """The validator of what stands at a path: the whole schema cannot be asked about a part."""
    node: dict[str, Any] = _section_node(path[0])
    for step in path[1:]:
        part = Target((), "", node)
        found = part.item if step == "*" else part.below(step)
        assert found is not None
        node = dict(found.node)
    return case_schema().validator(node)
