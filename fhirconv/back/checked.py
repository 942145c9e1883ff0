"""Only facts that pass: what the schema or the checks of a case refuse is taken out of it again, and counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fhirconv.back.report import Report
from fhirconv.conversion import convert_document
from fhirconv.issues import Issue, Place
from fhirconv.mapping import Mappings
from fhirconv.source import read_value

_Spot = tuple[str, int, str]  # section, position in it (-1 for a single object), field ('' for the whole fact)


def passing(case: dict[str, Any], mappings: Mappings, report: Report) -> dict[str, Any] | None:
    """The case without what has errors; None if nothing is left that could be converted.

    Resources that others made may say what no case may: a code that is none, an end before its start.
    """
    made = {name: list(facts) if isinstance(facts, list) else dict(facts) for name, facts in case.items()}
    while True:
        errors = [issue for issue in convert_document(read_value(made), mappings).issues if issue.is_error]
        if not errors:
            return made
        if not _take_out(made, errors, mappings, report):
            report.removed["case", errors[0].rule] += 1
            return None


def _take_out(case: dict[str, Any], errors: Iterable[Issue], mappings: Mappings, report: Report) -> bool:
    """Takes out each field that has an error, or the fact if it needs the field; whether there was anything to take."""
    spots: dict[_Spot, str] = {}
    for issue in errors:
        spot = _spot(issue.place.pointer, case, mappings)
        if spot is not None:
            spots.setdefault(spot, issue.rule)
    fact_ids = {(name, at): str(case[name][at].get("id", name)) for name, at, _ in spots if at >= 0}
    for (section, at, field), rule in sorted(spots.items(), reverse=True):
        facts = case[section]
        if field and (section, at, "") not in spots:
            (facts[at] if at >= 0 else facts).pop(field, None)
        elif not field:
            del facts[at]
        if facts == [] and isinstance(facts, list):
            del case[section]
        head, fact = f"{section}.{field}" if field else section, fact_ids.get((section, at), section)
        report.removed.note((head, rule), Place(f"case {case['case']['id']}", pointer=fact))
    return bool(spots)


def _spot(pointer: str, case: dict[str, Any], mappings: Mappings) -> _Spot | None:
    """What to take out for an error at this place; None if the case cannot do without it."""
    _, section, *path = pointer.split("/") if pointer else ("", "")
    known = mappings.tables.sections.get(section)
    if known is None or section not in case or section == "case":
        return None
    at = int(path.pop(0)) if known.is_list and path and path[0].isdecimal() else -1
    field = path[0] if path else ""
    if known.is_list and at < 0:
        return None
    fact = case[section][at] if at >= 0 else case[section]
    if field in known.required or field not in fact:
        field = ""
    return None if at < 0 and not field else (section, at, field)
