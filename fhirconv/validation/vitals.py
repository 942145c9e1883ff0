"""Vital signs: R4 holds an Observation with one of their codes to its own profile of that sign, claimed or not.

Spec: https://hl7.org/fhir/R4/observation-vitalsigns.html. Definitions: fhirconv/data/vitals-definitions.json, made by
tools/vitals_definitions.py and loaded when the first such Observation is met. The codes beyond those of that page are the
ones that HL7's validator takes for the same signs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from fhirconv.data_files import data_file
from fhirconv.issues import shown
from fhirconv.validation.code_forms import LOINC, SNOMED
from fhirconv.validation.finding import Finding, Path

if TYPE_CHECKING:
    from fhirconv.profiles.check import Profiles
    from fhirconv.validation.references import Index
    from fhirconv.validation.structure import Held, Walk

_URL = "http://hl7.org/fhir/StructureDefinition/"

# Profile to its LOINC codes, and to its SNOMED CT codes. Of an Observation with several, the first sign counts, LOINC first.
_LOINC_CODES = {
    "vitalspanel": "85353-1",
    "resprate": "9279-1 76170-0 76172-6 76171-8 19840-8 33438-3 76270-8 11291-2",
    "heartrate": "8867-4 60978-4 73795-7 73799-9 76476-1 76477-9 8889-8 8890-6 8891-4 8892-2 8893-0 40443-4 55425-3"
    " 68999-2 11328-2 69000-8 8886-4",
    "oxygensat": "2708-6 19224-5 20564-1 2709-4 2710-2 2713-6 51733-4 59408-5 59417-6 89276-0 97549-0",
    "bodytemp": "8310-5 60834-9 60835-6 60836-4 60838-0 60955-2 61009-7 75539-7 75987-8 76010-8 76011-6 76278-1 8309-7"
    " 8328-7 8329-5 8330-3 8331-1 8332-9 8333-7 8334-5 91371-5 98657-0 98663-8",
    "bodyheight": "8302-2 3137-7 3138-5 8306-3 8308-9",
    "headcircum": "9843-4 8287-5",
    "bodyweight": "29463-7 3141-9 3142-7 75292-3 79348-9 8350-1 8351-9",
    "bmi": "39156-5 89270-3",
    "bp": "85354-9 35094-2 8459-0 76534-7 55284-4 8480-6",
}
_SNOMED_CODES = {
    "vitalspanel": "46680005",
    "resprate": "86290005 271625008 271306003",
    "heartrate": "249043002 444981005 399017001 251670001 429525003 429614003",
    "oxygensat": "442476006 431314004",
    "bodytemp": "386725007 276885007 300076005 1222808002 364246006 307047009 708499008 431598003 698831002 698832009"
    " 415882003 415974002 415929009 415945006",
    "bodyheight": "1153637007 1162419008 50373000 1162418000 1230278008 1162392001 1162417005",
    "headcircum": "363812007 169876006 1269262007 363811000",
    "bodyweight": "735395000 425024002 424927000 784399000 1162416001 1162415002",
    "bmi": "60621009",
    "bp": "251076008 163033001 163035008 386534000 386536003 271649006 271650006 407556006 407554009 716579001 399304008",
}
_MALFORMED = ("element-type", "element-repeats", "too-deep")
PROFILES = ("vitalsigns", *_LOINC_CODES)
# (system, code) -> profile, in the order in which they count.
CODES = {
    (system, code): profile
    for system, table in ((LOINC, _LOINC_CODES), (SNOMED, _SNOMED_CODES))
    for profile, codes in table.items()
    for code in codes.split()
}


@functools.cache
def profile_types() -> dict[str, str]:
    """Every profile that R4 itself has on a resource, by the last part of its URL, and the type that it is of."""
    found: dict[str, str] = _content()["profiles"]
    return found


def is_vital_sign(coding: dict[str, Any]) -> bool:
    """Whether a Coding is one of a vital sign."""
    return _key(coding) in CODES


def check_vitals(walk: Walk, index_for: Callable[[Path], Index]) -> None:
    """Holds every Observation of a walk to the profiles of the vital signs that it is, or claims to be.

    One that has not the structure of R4 is left alone: profiles speak of what has.
    """
    asked = [(held, _asked(held.value)) for held in walk.resources if held.type == "Observation"]
    asked = [(held, profiles) for held, profiles in asked if profiles]
    wrong = [finding.path for finding in walk.findings if asked and finding.rule in _MALFORMED]
    malformed = {path[:length] for path in wrong for length in range(len(path))}
    for held, profiles in asked:
        for name, reason in profiles.items() if held.path not in malformed else ():
            _add(walk, held, _findings(held, name, index_for(held.path)), reason)


def _add(walk: Walk, held: Held, findings: list[Finding], reason: str) -> None:
    for rule, message, path, severity in findings:
        if rule == "profile-conformance":
            severity = "warning"  # a member of a panel that is no vital sign: HL7's validator lets it pass
        walk.add("vital-sign", f"{message} ({reason})", (*held.path, *path), severity)


def _key(coding: Any) -> tuple[str, str]:
    system, code = (coding.get("system"), coding.get("code")) if isinstance(coding, dict) else ("", "")
    return (system, code) if isinstance(system, str) and isinstance(code, str) else ("", "")


def _list(holder: dict[str, Any], name: str, key: str) -> list[Any]:
    """What stands in the list `key` of the object `name`."""
    inner = holder.get(name)
    found = inner.get(key) if isinstance(inner, dict) else None
    return found if isinstance(found, list) else []


def _asked(observation: dict[str, Any]) -> dict[str, str]:
    """The profiles that an Observation has to meet, each with the reason."""
    claims = (claim.removesuffix("|4.0.1") for claim in _list(observation, "meta", "profile") if isinstance(claim, str))
    names = [claim.removeprefix(_URL) for claim in claims if claim.startswith(_URL)]
    asked = {name: "meta.profile claims it" for name in names if name in PROFILES}
    codes = [key for key in map(_key, _list(observation, "code", "coding")) if key in CODES]
    if codes:
        first = min(codes, key=list(CODES).index)
        asked[CODES[first]] = f"the code {shown(first[1])} asks for R4's profile of this vital sign"
    if len(asked) > 1:
        asked.pop("vitalsigns", None)  # the others build on it
    return asked


def _findings(held: Held, name: str, index: Index) -> list[Finding]:
    from fhirconv.profiles.items import root_item  # the engine of profiles is loaded with the first vital sign
    from fhirconv.profiles.run import Run, once

    profile = _definitions().profile(_URL + name)
    assert profile is not None  # one of PROFILES

    def find(reference: str, resource: dict[str, Any]) -> dict[str, Any] | None:
        if reference.startswith("#"):
            outer = held.container.value if held.container else resource
            inside = outer.get("contained")
            each = inside if isinstance(inside, list) else ()
            return next((one for one in each if isinstance(one, dict) and one.get("id") == reference[1:]), None)
        found = index.by_url.get(reference) or index.by_name.get(reference)
        return found.value if found else None

    run = Run(_definitions(), find, held.value)
    profile.check(root_item(held.value), run)
    return once(run.findings)


@functools.cache
def _content() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(data_file("vitals-definitions.json").read_bytes())
    return found


@functools.cache
def _definitions() -> Profiles:
    from fhirconv.profiles.check import Profiles
    from fhirconv.profiles.packages import Entry, Package

    known = {resource["url"]: resource for resource in _content()["resources"]}
    entries = [(url, Entry(one["resourceType"], one["version"], url)) for url, one in known.items()]
    return Profiles([Package(_content(), known.__getitem__, lambda: iter(entries))])
