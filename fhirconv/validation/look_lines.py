"""The lines of which `shapes` makes its functions: what is asked of values by their types, and of some objects."""

from __future__ import annotations

from fhirconv.validation import plain
from fhirconv.validation.addresses import MCODE
from fhirconv.validation.plain_narrative import are_simple_narratives

# What is noted, one or a list of them, to be looked at together with all others.
NOTED = {"Identifier": "seen.identifiers", "Narrative": "seen.narratives"}
# What is looked at where a value of a type stands; '$' is its name.
_TEXT = ("texts.append($)",)
LIST = "if type($) is not list or not $: raise NotPlainError"
_WHOLE_NUMBER = ("if type($) is not int or not MINIMUM <= $ <= MAXIMUM: raise NotPlainError",)
_CODE = '($["system"], $["code"], $["display"])'
_UNIT = 'if len($) != 4 or ($["unit"], $["system"], $["code"]) not in quantities:'
VALUES: dict[str, tuple[str, ...]] = {
    "string": _TEXT,
    "markdown": _TEXT,
    "date": ("if $ not in days: look_at_date($)",),
    "dateTime": ("if $ not in days: look_at_time($)",),
    "boolean": ("if $ is not True and $ is not False: raise NotPlainError",),
    "decimal": ("seen.numbers.append($)",),
    "integer": _WHOLE_NUMBER,
    "unsignedInt": _WHOLE_NUMBER,
    "positiveInt": _WHOLE_NUMBER,
    "xhtml": ("if not are_simple_narratives([$]): look_at_narrative($)",),
    "Quantity": (_UNIT, "    look_at_quantity($, comparators)", "else: seen.numbers.append($['value'])"),
    "SimpleQuantity": (_UNIT, "    look_at_quantity($)", "else: seen.numbers.append($['value'])"),
    "Coding": (f"if len($) != 3 or {_CODE} not in codings: look_at_coding($, seen)",),
    # Before the definition of an element stands what is its own.
    "Meta.tag": (
        'if len($) == 2 and $.get("system") in open_systems: seen.codes.add($["code"])',
        "else: look_at_coding($, seen)",
    ),
    "Identifier.system": ("if $ not in systems: look_at_system($)",),
}
OF_HL7 = f'if $.startswith("http://hl7.org/fhir/") and not $.startswith("{MCODE}"): raise NotPlainError'
# What is looked at of whole objects, where all of these keys stand.
TOGETHER = {
    **dict.fromkeys(("Age", "Distance", "Duration"), ((), "look_at_quantity($, comparators)")),
    "Period": (("start", "end"), 'look_at_period($["start"], $["end"])'),
    "Range": (("low", "high"), 'look_at_range($["low"], $["high"])'),
}
# The names that these lines may use.
NAMES = {name: value for name, value in vars(plain).items() if not name.startswith("_")}
NAMES |= {"are_simple_narratives": are_simple_narratives}
