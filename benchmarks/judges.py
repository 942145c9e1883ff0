"""The judges of torture.py: whether a Bundle's resources say what one odd input says. Each gives `right`, or what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

Resource = dict[str, Any]
Judge = Callable[[list[Resource]], str]

UNNOTICED, GONE = "wrong: not noticed", "wrong: gone"
VALUELESS, LOST = "wrong: a result without a value", "wrong: one lost"
MARKUP = "letrozole <script>x()</script> & more"


def of_type(resources: list[Resource], kind: str) -> list[Resource]:
    """The resources of a type."""
    return [one for one in resources if one["resourceType"] == kind]


def first(resources: list[Resource], kind: str) -> Resource:
    """The first of a type, or nothing in it."""
    return next(iter(of_type(resources, kind)), {})


def element(kind: str, name: str, wanted: str) -> Judge:
    """Right if an element has these words."""

    def judge(resources: list[Resource]) -> str:
        seen = first(resources, kind).get(name)
        return "right" if seen == wanted else _wrong(seen)

    return judge


def never(kind: str, *names: str) -> Judge:
    """There is nothing right to make: whatever stands in the elements is wrong."""

    def judge(resources: list[Resource]) -> str:
        made = first(resources, kind)
        return _wrong(next((made[name] for name in names if name in made), None))

    return judge


def amount(number: str, comparator: str | None = None) -> Judge:
    """Right if the value is this number, with its digits and comparator."""

    def judge(resources: list[Resource]) -> str:
        lab = first(resources, "Observation")
        value = lab.get("valueQuantity") or {}
        if value.get("value") == number and value.get("comparator") == comparator:
            return "right"
        return _as_text(lab) or _wrong(value.get("value"))

    return judge


def flagged(number: str, flag: str) -> Judge:
    """Right if the value is this number, and the flag printed after it is the interpretation."""

    def judge(resources: list[Resource]) -> str:
        lab = first(resources, "Observation")
        value = lab.get("valueQuantity") or {}
        flags = {coding.get("code") for one in lab.get("interpretation") or [] for coding in one.get("coding") or []}
        if value.get("value") == number and flag in flags:
            return "right"
        return _as_text(lab) or _wrong(" ".join(value.get(key, "") for key in ("value", "unit")) if value else None)

    return judge


def coded_unit(number: str, unit: str) -> Judge:
    """Right if the value is this number, and its unit has its code of UCUM."""

    def judge(resources: list[Resource]) -> str:
        lab = first(resources, "Observation")
        value = lab.get("valueQuantity") or {}
        if float(value.get("value", "nan")) != float(number) or value.get("unit") != unit:
            return _as_text(lab) or _wrong(json.dumps(value) if value else None)
        is_coded = (value.get("system"), value.get("code")) == ("http://unitsofmeasure.org", unit)
        return "right" if is_coded else "unit as text"

    return judge


def both_results(resources: list[Resource]) -> str:
    """Two results, of which the second has no date: both, and no date for that one."""
    seen = {
        (one.get("valueQuantity") or {}).get("value"): one.get("effectiveDateTime")
        for one in of_type(resources, "Observation")
    }
    if seen.keys() != {"9.8", "9.9"}:
        return LOST
    return "right" if seen["9.9"] is None else _wrong(seen["9.9"])


def site_kept(words: str) -> Judge:
    """Right if the body site is what was stated, and no side was made up."""

    def judge(resources: list[Resource]) -> str:
        (site,) = first(resources, "Condition").get("bodySite") or [None]
        if site is None:
            return GONE
        return "right" if site.get("text") == words and "extension" not in site else _wrong(json.dumps(site))

    return judge


def number_kept(resources: list[Resource]) -> str:
    """The decimal comma: 9.8, or the words."""
    lab = first(resources, "Observation")
    value = lab.get("valueQuantity") or {}
    if value.get("value") == "9.8" and value.get("unit") == "g/dL":
        return "right"
    return _as_text(lab) or _wrong(" ".join(value.get(key, "") for key in ("value", "unit")) if value else None)


def said_absent(resources: list[Resource]) -> str:
    """No value: the result says that it has none, or there is no result."""
    lab = first(resources, "Observation")
    if not lab or "dataAbsentReason" in lab:
        return "right"
    return VALUELESS


def unit_not_invented(resources: list[Resource]) -> str:
    """The unit is kept as it was printed, without a code that it does not have."""
    value = first(resources, "Observation").get("valueQuantity") or {}
    if value.get("unit") == "drops" and "code" not in value:
        return "right"
    return _as_text(first(resources, "Observation")) or _wrong(value.get("code") or value.get("unit"))


def code_not_invented(resources: list[Resource]) -> str:
    """The analyte's words, and no code."""
    code = first(resources, "Observation").get("code") or {}
    return "right" if code.get("text") == "zorbin" and not code.get("coding") else _wrong(json.dumps(code))


def only_one(resources: list[Resource]) -> str:
    """A row that stands twice: one result."""
    count = len(of_type(resources, "Observation"))
    return "right" if count == 1 else f"wrong: {count} results"


def not_both(resources: list[Resource]) -> str:
    """Two diagnoses under one id: both are not to be told apart."""
    found = of_type(resources, "Condition")
    ids = {one.get("id") for one in found}
    if len(found) < 2:
        return LOST
    return "wrong: two of one id" if len(ids) < 2 or ids == {None} else "right"


def no_dead_link(resources: list[Resource]) -> str:
    """A link to a diagnosis that is not there."""
    links = first(resources, "MedicationStatement").get("reasonReference") or []
    if any("reference" in link for link in links):
        return "wrong: a link all the same"
    return "as text" if links else "wrong: gone"


def escaped(resources: list[Resource]) -> str:
    """Words with markup: the same words in the element, and text in the narrative."""
    made = first(resources, "MedicationStatement")
    if (made.get("medicationCodeableConcept") or {}).get("text") != MARKUP:
        return _wrong((made.get("medicationCodeableConcept") or {}).get("text"))
    div = (made.get("text") or {}).get("div")
    if div is None:
        return "right"
    try:
        tags = {tag.tag.rpartition("}")[2] for tag in ElementTree.fromstring(div).iter()}
    except ElementTree.ParseError:
        return "wrong: broken XHTML"
    return "wrong: a script in the narrative" if "script" in tags else "right"


def no_zone(resources: list[Resource]) -> str:
    """A time of day without a zone is no FHIR dateTime: the date alone is right, another time or zone invented."""
    seen = first(resources, "Observation").get("effectiveDateTime")
    return "right" if seen == "2019-04-02" else _wrong(seen)


def never_said(resources: list[Resource]) -> str:
    """Converted without a word, where a warning is right."""
    return UNNOTICED


def _as_text(lab: Resource) -> str:
    return "as text" if lab.get("valueString") or (lab.get("valueCodeableConcept") or {}).get("text") else ""


def _wrong(seen: Any) -> str:
    return f"wrong: {seen}" if seen is not None else GONE
