"""The inverse of the value maker for references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.back.reading import Reading, Spot, Target, Undo, taking, without

_SECTION_OF = {"@patient": "patient", "@source": "source"}


def reference(rule: Mapping[str, Any], spot: Spot) -> Undo:
    """The id of the fact that it leads to; what is named by '@' is known, and is only held against the case."""
    name, display = rule["reference"], rule.get("display", "")
    field = spot.section.fields.get(name) if spot.section else None
    sections = field.refers if field else ()

    def leads(target: Target | None, reading: Reading) -> bool:
        if target is None:
            return False
        if name.startswith("@"):
            section = _SECTION_OF.get(name, "")
            is_me = reading.me is None or (target.section, target.id) == (reading.me.section, reading.me.id)
            return target.section == section if section else is_me or name != "@self"
        return target.is_main and bool(target.id) and target.section in sections and reading.put(name, target.id)

    def one(value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict):
            return value
        rest: dict[str, Any] | None = value
        if display and isinstance(value.get("display"), str) and reading.put(display, value["display"]):
            rest = without(value, "display")
        if (
            rest
            and isinstance(value.get("reference"), str)
            and leads(reading.around.target(value["reference"]), reading)
        ):
            rest = without(rest, "reference", "type", "display")  # type and words only repeat what the target says
        return rest

    return taking(spot.key("Reference"), one, late=name == "@self")
