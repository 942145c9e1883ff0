"""The rules of a mapping read backwards: for each value maker one inverse, and how those of an element go together.

The rules are those of mappings/resources and mappings/profiles. Nothing about a single resource stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhirconv.back import amounts, concepts, links, times, words
from fhirconv.back.reading import Reading, Spot, Undo, leaves, taking
from fhirconv.r4 import elements_of


def _measure(rule: Mapping[str, Any], spot: Spot) -> Undo:
    inner = concepts.concept({"concept": rule["table"], "from": rule["words"]}, spot)
    return amounts.measure(rule, spot, inner.take)


def parts(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """The parts of an element: of the fact itself, of each item of a list, or of a fact that names this one."""
    if "for" in rule:
        return _parts_of_others(rule, spot)
    section = None if "each" in rule else spot.section
    undo = undo_elements(rule["elements"], spot._replace(owner=spot.element.types[0], section=section))

    def one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict) or not undo.fits_all(value):
            return value
        rest = dict(value)
        inner = reading.inner() if "each" in rule else reading
        undo.take(rest, inner)
        if "each" in rule and inner.fields:
            reading.put(rule["each"], inner.fields.get("item", inner.fields))
        return rest or None

    fits = (lambda out: any(map(undo.fits_all, _listed(out.get(spot.element.name))))) if undo.is_constant else None
    return Undo(taking(spot.element.name, one).take, undo.late, fits)


def _listed(value: Any) -> list[dict[str, Any]]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _parts_of_others(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """What is told of facts that name this one: they have resources of their own, to which an element leads.

    Where none does, it is a fact of that section.
    """
    section = spot.tables.sections[rule["for"]]
    undo = undo_elements(rule["elements"], spot._replace(owner=spot.element.types[0], section=section))

    def one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict) or reading.me is None:
            return value
        references = [target for key in value for item in _listed(value[key]) if (target := item.get("reference"))]
        if any(found.section == section.name for target in references if (found := reading.around.target(str(target)))):
            return None
        rest, inner = dict(value), Reading(reading.around, section, reading.is_ours)
        undo.take(rest, inner)
        if not section.required <= {rule["by"], *inner.fields}:
            return value
        reading.around.add_fact(section.name, {rule["by"]: reading.me.id, **inner.fields})
        return rest or None

    return taking(spot.element.name, one)


def extension(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """An extension with this URL."""
    section = None if "each" in rule else spot.section
    here = spot._replace(owner="Extension", section=section, element=elements_of("Extension")["value[x]"])
    undo = compile_rule(rule["value"], here)

    def one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict) or value.get("url") != rule["url"]:
            return value
        rest, inner = dict(value), reading.inner() if "each" in rule else reading
        undo.take(rest, inner)
        if "each" in rule and inner.fields:
            reading.put(rule["each"], inner.fields.get("item", inner.fields))
        return rest if rest.keys() - {"url"} else None

    return taking(spot.element.name, one, late=undo.late)


INVERSES: dict[str, Callable[[Mapping[str, Any], Spot], Undo]] = {
    "fixed": words.fixed,
    "text": words.text,
    "note": words.note,
    "code": words.code,
    "concept": concepts.concept,
    "identifier": words.identifier,
    "missing": words.missing,
    "instant": words.instant,
    "date": times.date,
    "time": times.time,
    "period": times.period,
    "age": amounts.age,
    "measure": _measure,
    "quantity": amounts.quantity,
    "reference_range": amounts.reference_range,
    "number": amounts.number,
    "absent": amounts.absent,
    "reference": links.reference,
    "url": extension,
    "elements": parts,
}


def compile_rule(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """The inverse of one rule."""
    return INVERSES[next(key for key in rule if key in INVERSES)](rule, spot)


class Undoing:
    """The inverses of the rules of all elements of a type."""

    def __init__(self, undos: list[Undo]) -> None:
        self._undos = sorted(undos, key=lambda undo: undo.late)
        self._constants = [undo.fits for undo in undos if undo.fits]
        self.late = any(undo.late for undo in undos)
        self.is_constant = len(self._constants) == len(undos)

    def take(self, out: dict[str, Any], reading: Reading) -> None:
        """Takes what all rules understand out of a value."""
        for undo in self._undos:
            undo.take(out, reading)

    def fits_all(self, out: Mapping[str, Any]) -> bool:
        """Whether all constants stand there."""
        return all(fits(out) for fits in self._constants)


def undo_elements(rules: Mapping[str, Any], spot: Spot) -> Undoing:
    """The inverses of the rules of a type's elements; of a list of rules for one element, each in its turn."""
    elements = elements_of(spot.owner)
    return Undoing(
        [undo for name, rule in rules.items() for undo in _of_element(rule, spot._replace(element=elements[name]))]
    )


def _of_element(rule: Any, spot: Spot) -> list[Undo]:
    if not isinstance(rule, list):
        return [compile_rule(rule, spot)]
    undos = [compile_rule(one, spot) for one in rule]
    return undos if spot.element.repeats else [_first(undos)]


def _first(undos: list[Undo]) -> Undo:
    """Of rules of which the first that makes something counts: the one that reads most; of several, one that finds what is known."""

    def take(out: dict[str, Any], reading: Reading) -> None:
        known, trials = reading.fields, []
        for order, undo in enumerate(undos):
            rest, reading.fields = dict(out), dict(known)
            undo.take(rest, reading)
            if rest != out:
                trials.append((len(list(leaves(rest))), reading.fields != known, order, rest, reading.fields))
        reading.fields = known
        if trials:
            *_, rest, reading.fields = min(trials, key=lambda trial: trial[:3])
            out.clear()
            out.update(rest)

    return Undo(take)
