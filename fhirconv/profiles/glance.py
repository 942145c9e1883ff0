"""A plan at a glance: whether there is surely nothing to say of a value, told from plain JSON.

Most resources are right, and most of what profiles ask is soon told: no need to give each value its type and path. What a
glance does not spare, the plan checks from the start; so a glance may give up, but never err.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirconv import r4
from fhirconv.profiles.checks import Glance, always, never
from fhirconv.profiles.items import Item, keys_of
from fhirconv.profiles.judged import Judged, codings_of
from fhirconv.profiles.run import Run

_MOST = 1000  # shapes of one object that are remembered

Keys = tuple[str, ...]
Looks = tuple[tuple[str, Glance], ...]

if TYPE_CHECKING:
    from fhirconv.profiles.plans import Plan, Slicing


def value_glance(plan: Plan, fhir_type: str) -> Glance:
    """The glance at one value of an element, and all that is below it."""
    glances = [check.glance(fhir_type) for check in plan.checks]
    if never in glances or fhir_type == "Resource":
        return never
    is_primitive = r4.kind_of(fhir_type) == "primitive"
    asked = [glance for glance in glances if glance is not always]
    below = _below(plan, fhir_type) if plan.children and not is_primitive else always

    def glance(value: Any, run: Run) -> bool:
        if isinstance(value, dict) is is_primitive or value is None:
            return False
        for one in asked:
            if not one(value, run):
                return False
        return below is always or below(value, run)

    return glance


def _below(plan: Plan, fhir_type: str) -> Glance:
    """The glance at an object: at the values of which the profile speaks, in the order of the plan's own check."""
    shapes = _Shapes(plan, fhir_type)

    def glance(value: Any, run: Run) -> bool:
        looks = shapes[tuple(value)]
        for key, look in looks or ():
            if not look(value[key], run):
                return False
        return looks is not None

    return glance


class _Shapes(dict[Keys, Looks | None]):
    """The keys of an object -> those of them that are to be looked at; None where one that must be there is not."""

    def __init__(self, plan: Plan, fhir_type: str) -> None:
        super().__init__()
        owners = {key: (child, one) for child in plan.children for key, one in keys_of(fhir_type, child.name)}
        self._known = frozenset(r4.element_keys(fhir_type)) | {"resourceType"}
        self._glances: dict[str, Glance] = {"_" + key: never for key in owners}
        self._glances |= {key: _values(child, child_type) for key, (child, child_type) in owners.items()}
        self._required = [
            {key for key, (owner, _) in owners.items() if owner is child}
            for child in plan.required
            if keys_of(fhir_type, child.name)
        ]

    def __missing__(self, keys: Keys) -> Looks | None:
        is_whole = not any(required.isdisjoint(keys) for required in self._required)
        looks = tuple((key, self._glances[key]) for key in keys if key in self._glances) if is_whole else None
        if self._known.issuperset(keys):  # others are data, and are not kept
            if len(self) >= _MOST:
                self.clear()
            self[keys] = looks
        return looks


def _values(plan: Plan, fhir_type: str) -> Glance:
    """The glance at the values of an element in one object: the value of its key, a list or not."""
    if plan.judged is not None and fhir_type == "CodeableConcept":
        return _judged(plan.judged)
    of_each, together = value_glance(plan, fhir_type), _sliced(plan.slicing, fhir_type)
    if never in (of_each, together):
        return never
    least, most = plan.min, plan.max
    is_one_right = least <= 1 and most != 0

    def glance(value: Any, run: Run) -> bool:
        if not isinstance(value, list):
            return is_one_right and of_each(value, run) and (together is always or together((value,), run))
        if len(value) < least or (most is not None and len(value) > most):
            return False
        for one in value:
            if not of_each(one, run):
                return False
        return together is always or together(value, run)

    return glance


def _judged(judged: Judged) -> Glance:
    """The glance at concepts: they were right before."""

    def glance(value: Any, run: Run) -> bool:
        not_checked = judged.get(codings_of(value if isinstance(value, list) else (value,)))
        if not_checked:
            run.not_checked |= not_checked
        return not_checked is not None

    return glance


def _sliced(slicing: Slicing | None, fhir_type: str) -> Glance:
    """The glance at values of which one key tells the slice: at extensions, by their URL."""
    if slicing is None:
        return always
    key = slicing.index.key if slicing.index else ""
    if not key or slicing.rules != "open" or slicing.ordered or slicing.default or r4.kind_of(fhir_type) == "primitive":
        return never
    assert slicing.index is not None
    numbers, slices = slicing.index.numbers, slicing.slices
    glances = [_values(plan, fhir_type) for _, plan in slices]
    required = {number for number, (_, plan) in enumerate(slices) if plan.min}

    def glance(values: Any, run: Run) -> bool:
        dealt: dict[int, list[Any]] = {}
        for value in values:
            told = value.get(key)
            if not isinstance(told, str):
                return False
            for number in numbers.get(told, ()):
                if slices[number][0](Item(value, fhir_type, None, ()), run) is not True:
                    return False
                dealt.setdefault(number, []).append(value)
        return required <= dealt.keys() and all(glances[number](dealt[number], run) for number in sorted(dealt))

    return glance
