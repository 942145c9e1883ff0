"""What is wrong with the facts of a case together: circles of references, and one identity for two facts."""

from __future__ import annotations

from fhirconv.facts import Case, Fact
from fhirconv.timeline import circles

_IN_ROWS = "; in a reader, let the rule give an 'id': rows that are the same with their id are one fact"


def check_together(case: Case) -> None:
    """Notes in the case what no fact by itself shows."""
    for fact in _circling(case):
        case.add(
            "reference-wrong", "this condition comes from itself, by way of others; one 'of' must go", fact, ("of",)
        )
    for fact in circles(case) if "events" in case.by_section else ():
        case.add(
            "event-circle",
            "the time of this event leads back to itself; one of the events needs a date or none",
            fact,
            ("at",),
        )
    _check_identities(case)


def _circling(case: Case) -> list[Fact]:
    """Conditions whose 'of' leads back to themselves by way of other conditions."""
    found = []
    for fact in case.facts_of("conditions"):
        if "of" not in fact.data:
            continue
        seen: list[Fact] = []
        here = case.by_id.get(str(fact.data["of"]))
        while here is not None and here not in seen:
            seen.append(here)
            here = case.by_id.get(str(here.data.get("of")))
        if fact in seen and len(seen) > 1:
            found.append(fact)
    return found


def _check_identities(case: Case) -> None:
    if len({fact.identity for fact in case.facts}) == len(case.facts):
        return
    seen: dict[str, Fact] = {}
    for fact in case.facts:
        other = seen.setdefault(fact.identity, fact)
        if other is not fact and "id" not in fact.data:  # the same id twice was reported when the facts were read
            names = ", ".join(fact.section.identity) or "nothing else"
            message = (
                f"this fact has the identity of the one at {case.mention(other)} (same {names}); give one of them an 'id', "
                f"or remove it if it says the same thing{_IN_ROWS if 'origin' in fact.data else ''}"
            )
            case.add("fact-duplicate", message, fact)
