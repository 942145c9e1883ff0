"""What makes a fact plausible by itself at a glance: questions for the expressions of plain_facts.py.

Each is asked of data that fits the schema, and where a question is about another fact, that one is in `named`: it was
asked before. That times are within the patient's life is asked with their form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirconv.plausibility.limits import SAYS_NOTHING
from fhirconv.plausibility.names import NAMED
from fhirconv.plausibility.order import SPREADS
from fhirconv.schema import Section

# What the questions name.
GLANCED: dict[str, Any] = {"SPREADS": SPREADS, "NOTHING": SAYS_NOTHING}

# The fact that this one refers to began before it, or it is not said when.
_IN_ORDER = (
    "((first := named[data[{refers!r}]].data.get('onset')) is None"
    " or (type(first) is str and dates[first] and first <= data[{time!r}]))"
)


def questions(section: Section, shape: frozenset[str]) -> Iterator[str]:
    """For facts of a section that state the fields `shape`."""
    if section.name in NAMED:
        yield f"said[data[{NAMED[section.name]!r}]] is NOTHING"
        if "site" in shape:
            yield "type(data['site']) is str and said[data['site']] is NOTHING"
    if section.name == "conditions" and shape >= {"of", "onset"}:
        yield f"(data['kind'] not in SPREADS or {_IN_ORDER.format(refers='of', time='onset')})"
    time = "start" if "start" in shape else "at"
    if section.name in ("medications", "regimens", "procedures") and shape >= {"for", time}:
        asked = _IN_ORDER.format(refers="for", time=time)
        yield f"(data['kind'] != 'radiotherapy' or {asked})" if section.name == "procedures" else asked
