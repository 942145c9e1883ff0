"""Names that say more than a name may: that a thing is not there, or what the patient cannot have."""

from __future__ import annotations

import re

from fhirconv.facts import Fact
from fhirconv.issues import shown
from fhirconv.plausibility.course import Course
from fhirconv.plausibility.limits import SAYS_NOTHING

_OTHER_PERSON = re.compile(r"\b(?:family|mother|father|sister|brother|aunt|uncle|donor)\b", re.IGNORECASE)
_OTHER_SEX = {"female": "male", "male": "female"}
NAMED = {"conditions": "name", "procedures": "procedure", "specimens": "type"}


def check_names(course: Course) -> None:
    """Negated and uncertain conditions, and what only the other sex has."""
    said = course.limits.said
    for fact in course.suspects_of("conditions"):
        if said[fact.data["name"]] is not SAYS_NOTHING and fact.data["kind"] != "symptom":
            _check_negation(course, fact)
    other_sex = _OTHER_SEX.get(course.patient.get("sex", ""))
    if other_sex:
        for section, name in NAMED.items():
            for fact in course.suspects_of(section):
                if "site" in fact.data or said[fact.data[name]] is not SAYS_NOTHING:
                    _check_sex(course, fact, name, other_sex)


def _check_negation(course: Course, fact: Fact) -> None:
    name = fact.data["name"]
    verification = fact.data.get("verification", "")
    said = course.limits.said[name]
    if said.negated and verification != "refuted":
        message = (
            f"the name {shown(name)} says that it is not there, and would go out as a condition of the "
            "patient; name what was looked for and add 'verification: refuted', or leave it out"
        )
        course.warn("name-negated", message, fact, "name")
    elif (
        said.uncertain
        and verification in ("", "confirmed")
        and "certainty" not in fact.data
    ):
        message = (
            f"the name {shown(name)} says that it is not sure; leave that word out and add 'verification: provisional'"
        )
        course.warn("name-negated", message, fact, "name")


def _check_sex(course: Course, fact: Fact, name: str, other_sex: str) -> None:
    if fact.data.get("verification") == "refuted" or fact.data.get("status") == "not-done":
        return
    for field in (name, "site"):
        value = fact.data.get(field)
        for words in value if isinstance(value, list) else [value] if value else []:
            found = getattr(course.limits.said[words], other_sex)
            if found and not _OTHER_PERSON.search(words):
                course.warn(
                    "sex-site",
                    f"{shown(found)} does not go with the sex {shown(course.patient['sex'])} "
                    f"({course.line(course.of('patient')[0], 'sex')}); check both",
                    fact,
                    field,
                )
                return
