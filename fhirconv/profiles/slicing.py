"""Which slice of an element a value belongs to.

Spec: https://hl7.org/fhir/R4/profiling.html#slicing, https://hl7.org/fhir/R4/profiling.html#discriminator
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fhirconv.profiles.bindings import verdict_of
from fhirconv.profiles.definitions import Json, Node
from fhirconv.profiles.element_checks import known_profile, matches
from fhirconv.profiles.items import Item, children, root_item
from fhirconv.profiles.run import Run
from fhirconv.profiles.value_sets import Verdict, any_of

Matcher = Callable[[Item, Run], Verdict]

_STEP = re.compile(r"(?:\$this|(resolve)\(\)|extension\('([^']*)'\)|ofType\((\w+)\)|(\w+))(?:\.|$)")


class Step(NamedTuple):
    """One step of a discriminator's path: `kind` is resolve, extension, ofType or child."""

    kind: str
    name: str


_URL = (Step("child", "url"),)


def steps_of(path: str) -> tuple[Step, ...] | None:
    """The steps of a discriminator's path; None when it is not of the restricted FHIRPath that the spec allows."""
    found: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        for kind, name in zip(("resolve", "extension", "ofType", "child"), match.groups(), strict=True):
            if name is not None:
                found.append(Step(kind, name))
        at = match.end()
    return tuple(found)


def values_at(item: Item, steps: tuple[Step, ...], run: Run) -> list[Item]:
    """The values that a discriminator's path leads to from `item`."""
    items = [item]
    for step in steps:
        items = [found for each in items for found in _step(each, step, run)]
    return items


def _step(item: Item, step: Step, run: Run) -> list[Item]:
    if step.kind == "child":
        return children(item, step.name)
    if step.kind == "extension":
        return [each for each in children(item, "extension") if _has_url(each, step.name)]
    if step.kind == "ofType":
        return [item] if item.type == step.name else []
    resource = run.resolve(item.value)
    return [root_item(resource)] if resource else []


def _has_url(item: Item, url: str) -> bool:
    return isinstance(item.value, dict) and item.value.get("url") == url


def matcher_of(discriminators: Iterable[Json], node: Node) -> Matcher:
    """Whether a value belongs to the slice `node`: all discriminators say yes; None where one cannot be told."""
    parts = [_discriminator(each["type"], each["path"], node) for each in discriminators]

    def match(item: Item, run: Run) -> Verdict:
        result: Verdict = True if parts else None
        for part in parts:
            verdict = part(item, run) if part else None
            if verdict is False:
                return False
            result = None if verdict is None else result
        return result

    return match


class Index(NamedTuple):
    """Slices by a code or URL that their values must hold, so that not every slice is tried on every value."""

    steps: tuple[Step, ...]
    numbers: dict[str, list[int]]

    @property
    def key(self) -> str:
        """The key of values that holds it, as 'url' of extensions; '' where it stands deeper, or is found otherwise."""
        return self.steps[0].name if len(self.steps) == 1 and self.steps[0].kind == "child" else ""

    def candidates(self, item: Item, run: Run) -> list[int]:
        """The numbers of the slices that the value may belong to, in order."""
        keys = {key for at in values_at(item, self.steps, run) for key in _keys(at.value)}
        return sorted({number for key in keys for number in self.numbers.get(key, ())})


def index_of(discriminators: list[Json], nodes: Iterable[Node]) -> Index | None:
    """The index of slices that one discriminator tells apart by a code or URL; None for others."""
    steps = steps_of(discriminators[0]["path"]) if len(discriminators) == 1 else None
    if steps is None or discriminators[0]["type"] not in ("value", "pattern"):
        return None
    numbers: dict[str, list[int]] = {}
    for number, node in enumerate(nodes):
        found = _descend(node, steps)
        wanted = found and found.facts.get("fixed", found.facts.get("pattern"))
        keys = _keys(wanted) or (_urls(node) if steps == _URL else [])
        if not keys:
            return None
        for key in keys[:1]:
            numbers.setdefault(key, []).append(number)
    return Index(steps, numbers)


def _keys(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, dict):
        return []
    codings = value.get("coding", [value])
    listed = codings if isinstance(codings, list) else []
    return [str(each["code"]) for each in listed if isinstance(each, dict) and "code" in each]


def _urls(node: Node) -> list[str]:
    return [url.partition("|")[0] for url in _profiles(node)]


def _discriminator(kind: str, path: str, node: Node) -> Matcher | None:
    steps = steps_of(path)
    if steps is None:
        return None
    if kind in ("value", "pattern"):
        return _by_value(steps, node)
    if kind == "exists":
        return _by_existence(steps, node)
    if kind == "type":
        return _by_type(steps, node)
    return _by_profile(steps, node) if kind == "profile" else None


def _descend(node: Node, steps: tuple[Step, ...]) -> Node | None:
    """The element of the profile that a path leads to; None when the profile says nothing of it."""
    for step in steps:
        if step.kind == "extension":
            slices = node.children["extension"].slices.values() if "extension" in node.children else ()
            found = next((each for each in slices if step.name in _profiles(each)), None)
        elif step.kind == "child":
            found = node.children.get(step.name) or node.children.get(step.name + "[x]")
        else:
            found = node
        if found is None:
            return None
        node = found
    return node


def _profiles(node: Node, key: str = "profile") -> list[str]:
    return [url for entry in node.facts.get("type", ()) for url in entry.get(key, ())]


def _by_value(steps: tuple[Step, ...], node: Node) -> Matcher | None:
    """By the fixed value, pattern or required binding on the path; an extension's url may stand in its own profile."""
    for count in range(len(steps), -1, -1):
        found = _descend(node, steps[:count])
        if found is not None and (test := _value_test(found, count == len(steps))):
            return _some(steps[:count], test)
    urls = _urls(node)
    if steps == _URL:
        return (lambda item, run: any(_has_url(item, url) for url in urls)) if urls else None
    return _by_value_of(steps, urls) if urls else None


def _by_value_of(steps: tuple[Step, ...], urls: list[str]) -> Matcher:
    """By what the profiles of the slice's type say of the path."""

    def match(item: Item, run: Run) -> Verdict:
        known = [known_profile(url, run) for url in urls]
        tests = [_by_value(steps, profile.tree) if profile else None for profile in known]
        return any_of(test(item, run) if test else None for test in tests)

    return match


def _value_test(node: Node, is_last: bool) -> Matcher | None:
    facts = node.facts
    for name in ("fixed", "pattern"):
        if name in facts:
            return _equals(facts[name]) if name == "fixed" else _holds(facts[name])
    binding = facts.get("binding", {})
    if is_last and binding.get("strength") == "required":
        return lambda item, run: verdict_of(item, binding["valueSet"], run)
    inner = [(name, test) for name, child in node.children.items() if (test := _value_test(child, is_last))]
    if is_last and inner:
        tests = [_some((Step("child", name),), test) for name, test in inner]
        return lambda item, run: all(test(item, run) for test in tests)
    return None


def _equals(wanted: Any) -> Matcher:
    return lambda item, run: bool(item.value == wanted)


def _holds(wanted: Any) -> Matcher:
    return lambda item, run: matches(item.value, wanted)


def _some(steps: tuple[Step, ...], test: Matcher) -> Matcher:
    return lambda item, run: any_of(test(each, run) for each in values_at(item, steps, run))


def _by_existence(steps: tuple[Step, ...], node: Node) -> Matcher | None:
    found = _descend(node, steps)
    if found is None or not ("min" in found.facts or found.facts.get("max") == "0"):
        return None
    wanted = found.facts.get("max") != "0"
    return lambda item, run: bool(values_at(item, steps, run)) == wanted


def _by_type(steps: tuple[Step, ...], node: Node) -> Matcher | None:
    found = _descend(node, steps)
    types = {entry["code"] for entry in found.facts.get("type", ())} if found else set()
    if found and any(step.kind == "resolve" for step in steps):
        types = {url.rpartition("/")[2] for url in _profiles(found, "targetProfile")}
    if not types:
        return None
    return lambda item, run: any(each.type in types for each in values_at(item, steps, run))


def _by_profile(steps: tuple[Step, ...], node: Node) -> Matcher | None:
    """By conformance to a profile: of what stands on the path, or of what a reference there leads to."""
    found = _descend(node, steps)
    resolves = any(step.kind == "resolve" for step in steps)
    urls = _profiles(found, "targetProfile" if resolves else "profile") if found else []
    if not urls:
        return None

    def conforms(item: Item, run: Run) -> Verdict:
        verdicts: list[Verdict] = []
        for url in urls:
            profile = known_profile(url, run)
            if profile is None:
                verdicts.append(None)
            elif profile.type != item.type:
                verdicts.append(False)
            else:
                errors = run.errors_of(item.value, profile) if resolves else run.errors_at(item, profile)
                verdicts.append(not errors)
        return any_of(verdicts)

    return _some(steps, conforms)
