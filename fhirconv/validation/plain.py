"""What the fast way asks of single values: one look at each, which says that it is right, or raises NotPlainError.

Codings, units, systems and days are judged once by the exact check and remembered; texts are noted, and looked at together
at the end. Free text is never remembered here.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhirconv.memory import is_long
from fhirconv.numbers import MAX_DIGITS, MAX_EXPONENT, number_excess
from fhirconv.r4 import kind_of
from fhirconv.validation.codes import any_code_is_right, coding_findings, quantity_findings
from fhirconv.validation.primitive_schemas import PRIMITIVES
from fhirconv.validation.primitives import form_problem
from fhirconv.validation.registries import identifier_findings
from fhirconv.validation.structure import structure_findings
from fhirconv.validation.vitals import is_vital_sign

if TYPE_CHECKING:
    from fhirconv.validation.together import Seen

_LARGE = 2**63
_OF_REFERENCE = {"reference", "display"}
comparators = frozenset(("<", "<=", ">=", ">"))
_DAY = len("YYYY-MM-DD")
_REMEMBERED = 50_000  # entries of a memory before it is emptied: no input can fill the memory
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}").fullmatch
_URI, _INSTANT = (re.compile(PRIMITIVES[name]["pattern"]).fullmatch for name in ("uri", "instant"))


class NotPlainError(Exception):
    """The exact check has to decide."""


class _Good(set[Any]):
    """Keys of values that the exact check passed."""

    def judge(self, key: Any, passed: bool) -> None:
        if not passed:
            raise NotPlainError
        if len(self) >= _REMEMBERED:
            self.clear()
        if not is_long(key if isinstance(key, tuple) else (key,)):
            self.add(key)


codings, quantities, systems, open_systems, urls, days = _Good(), _Good(), _Good(), _Good(), _Good(), _Good()
concepts: dict[str, list[dict[str, str]]] = {}  # codings that stood together in a concept, by the code of the first


def look_at_coding(coding: Any, seen: Seen) -> None:
    """A Coding whose system, code and display were not met together before."""
    system, code, display = coding.get("system"), coding.get("code"), coding.get("display")
    # With the number of its keys: a null is not what is absent.
    key = (system, code, display) if len(coding) == 3 else (system, code, display, len(coding))
    if key in codings:
        return
    named = {name for name, part in zip(("system", "code", "display"), key, strict=False) if part is not None}
    if coding.keys() != named or structure_findings(coding, "Coding") or coding_findings(coding):
        raise NotPlainError
    if named == {"system", "code"} and any_code_is_right(system):
        open_systems.judge(system, True)  # the code may be of a patient: it is not remembered
        return
    codings.judge(key, ("code" not in coding or "system" in coding) and not is_vital_sign(coding))  # that follows a profile


def look_at_codings(values: Any, seen: Seen) -> None:
    """The codings of a concept that were not met together before; remembered are those of which each is remembered."""
    if type(values) is not list or not values:
        raise NotPlainError
    for coding in values:
        if type(coding) is not dict:
            raise NotPlainError
        look_at_coding(coding, seen)
    if all(len(one) == 3 and (one["system"], one["code"], one["display"]) in codings for one in values):
        if len(concepts) >= _REMEMBERED:
            concepts.clear()
        concepts[values[0]["code"]] = [dict(one) for one in values]  # a copy: who made them may change them


def look_at_quantity(value: Any, comparators: frozenset[str] = frozenset()) -> None:
    """A quantity: its unit as met before, its number a number; which comparators may stand before that."""
    get = value.get
    unit = (get("unit"), get("system"), get("code"))
    key = unit if None not in unit else (*unit, "")  # what is whole is looked for without a count of its keys
    look_at_number(get("value"))
    count = len(value) - 4 + unit.count(None)
    if count and (count != 1 or get("comparator") not in comparators):
        raise NotPlainError
    if key not in quantities:
        whole = "code" not in value or "system" in value  # qty-3
        quantities.judge(key, whole and not structure_findings(value, "Quantity") and not quantity_findings(value))


def look_at_number(number: Any) -> None:
    """A number within the limits, as a reader of JSON makes it."""
    kind = type(number)
    if kind is Decimal:
        # No more characters than digits are allowed: the usual end, before digits are counted.
        short = number.is_finite() and len(str(number)) <= MAX_DIGITS and -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT
        if not short and number_excess(number):
            raise NotPlainError
    elif (kind is not int and kind is not float) or not -_LARGE < number < _LARGE:
        raise NotPlainError


def look_at_system(system: Any) -> None:
    """The system of an identifier that was not met before; of one, values have to be URIs."""
    plain = _URI(system) and system != "urn:ietf:rfc:3986" and not identifier_findings({"system": system, "value": "x"})
    systems.judge(system, bool(plain))


def look_at_date(text: Any) -> None:
    """A date that was not met before."""
    days.judge(text, _is_of_form("date", text))


def look_at_time(text: Any) -> None:
    """A dateTime: as a date, or with a clock; such are not remembered."""
    if not _INSTANT(text) and not _is_of_form("dateTime", text):
        raise NotPlainError
    if len(text) <= _DAY:
        days.judge(text, True)


def _is_of_form(type_name: str, text: Any) -> bool:
    return isinstance(text, str) and not form_problem(type_name, text)


def look_at_period(start: Any, end: Any) -> None:
    """Two days in their order, or two times of one precision and zone; of others the exact check compares the zones."""
    known = min(len(start), len(end))
    in_order = start <= end if len(start) == len(end) else start[:known] < end[:known]
    has_clock = len(start) > _DAY or len(end) > _DAY
    if not in_order or (has_clock and (len(start) != len(end) or _zone(start) != _zone(end))):
        raise NotPlainError


def _zone(time: str) -> str:
    return "Z" if time.endswith("Z") else time[-len("+00:00") :]


def look_at_range(low: Any, high: Any) -> None:
    """Two quantities of one unit in their order."""
    for end in (low, high):
        look_at_number(end["value"])  # those that are none cannot be compared
    same = all(low.get(part) == high.get(part) for part in ("system", "code", "unit"))
    if not same or not low["value"] <= high["value"]:
        raise NotPlainError


def look_at_narrative(div: Any) -> None:
    """The div of a narrative that is not as we write them."""
    from fhirconv.validation.xhtml import narrative_problems  # not at import: ours are simple

    if narrative_problems(div):
        raise NotPlainError


def look_at_reference(value: Any, seen: Seen, targets: frozenset[str] | None) -> None:
    """A reference to an entry of the Bundle, or Type/id; of the types that its element allows (None: any)."""
    if not value or not value.keys() <= _OF_REFERENCE:
        raise NotPlainError
    if "display" in value:
        seen.texts.append(value["display"])
    text = value.get("reference")
    found = seen.types.get(text)
    if found is None:
        if "reference" not in value:
            return
        relative = _RELATIVE(text)
        if relative is None or relative[1] not in (targets or (relative[1],)) or kind_of(relative[1]) != "resource":
            raise NotPlainError
    elif targets is not None and found not in targets:
        raise NotPlainError
