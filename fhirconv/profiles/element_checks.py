"""Checks of one value against its element in a profile: fixed, pattern, limits, types, profiles, references.

Spec: https://hl7.org/fhir/R4/elementdefinition-definitions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirconv.issues import shown
from fhirconv.profiles.checks import Check, Glance, always, never
from fhirconv.profiles.definitions import R4_URL, Json, Node
from fhirconv.profiles.items import Item
from fhirconv.profiles.run import Profile, Run

_ANY = frozenset({"Resource", "DomainResource"})


def matches(value: Any, pattern: Any) -> bool:
    """Whether `value` holds all of `pattern`: each member of an object, each entry of a list somewhere in the list."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            name in value and matches(value[name], pattern[name]) for name in pattern
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(matches(each, wanted) for each in value) for wanted in pattern)
    return bool(value == pattern)


def brief(value: Any) -> str:
    """A value of a definition, short enough for a message."""
    if isinstance(value, dict) and isinstance(value.get("coding"), list):
        return " and ".join(brief(each) for each in value["coding"])
    if isinstance(value, dict) and "code" in value:
        return shown(f"{value.get('system', '')}|{value['code']}", 120)
    return shown(value, 120)


def checks_of(node: Node, label: str) -> Iterator[Check]:
    """The checks of an element's values but for its binding; `label` names it in messages."""
    facts = node.facts
    if "fixed" in facts:
        yield _fixed(facts["fixed"], label)
    if "pattern" in facts:
        yield _pattern(facts["pattern"], label)
    if "maxLength" in facts:
        yield _length(facts["maxLength"], label)
    for name, sign in (("minValue", -1), ("maxValue", 1)):
        if name in facts:
            yield _limit(facts[name], sign, label)
    if "type" in facts:
        yield from _types(facts["type"], node, label)


def _fixed(wanted: Any, label: str) -> Check:
    message = f"{label} has another value than the profile fixes: expected exactly {brief(wanted)}"

    def check(item: Item, run: Run) -> None:
        if item.value is not None and item.value != wanted:
            run.report("profile-value", message, item)

    return Check(check, lambda fhir_type: lambda value, run: bool(value == wanted))


def _pattern(wanted: Any, label: str) -> Check:
    message = f"{label} lacks what the profile's pattern asks: expected {brief(wanted)} in it"

    def check(item: Item, run: Run) -> None:
        if item.value is not None and not matches(item.value, wanted):
            run.report("profile-value", message, item)

    return Check(check, lambda fhir_type: lambda value, run: matches(value, wanted))


def _length(limit: int, label: str) -> Check:
    def check(item: Item, run: Run) -> None:
        if isinstance(item.value, str) and len(item.value) > limit:
            run.report("profile-limit", f"{label} has {len(item.value)} characters: expected at most {limit}", item)

    return Check(check)


def _limit(limit: Any, sign: int, label: str) -> Check:
    """minValue and maxValue; a Quantity is compared when its unit is that of the limit, a date as far as both say."""
    words = "at most" if sign > 0 else "at least"

    def comparable(value: Any) -> Any:
        if not isinstance(limit, dict):
            return value
        same = (
            isinstance(value, dict)
            and value.get("code") == limit.get("code")
            and value.get("system") == limit.get("system")
        )
        return value.get("value") if same else None

    bound = comparable(limit)

    def check(item: Item, run: Run) -> None:
        value, edge = comparable(item.value), bound
        if isinstance(value, str) and isinstance(edge, str):
            shorter = min(len(value), len(edge))
            value, edge = value[:shorter], edge[:shorter]
        elif isinstance(value, str) or isinstance(edge, str) or value is None:
            return
        if value != edge and (value > edge) == (sign > 0):
            run.report("profile-limit", f"{label} is {shown(value)}: expected {words} {shown(edge)}", item)

    return Check(check)


def _types(types: list[Json], node: Node, label: str) -> Iterator[Check]:
    codes = frozenset(entry["code"] for entry in types)
    own = node.base is not None and "." in node.base.types[0]  # BackboneElement: has no type to narrow
    if not own and not codes & _ANY and (node.base is None or codes != set(node.base.types)):
        yield _type(codes, label)
    for entry in types:
        if entry["code"] == "Reference" and "targetProfile" in entry:
            yield _target(entry["targetProfile"], label)
        if entry["code"] != "Extension" and "profile" in entry:  # extensions are checked wherever they stand
            yield _profile(entry["code"], entry["profile"], label)


def _type(codes: frozenset[str], label: str) -> Check:
    wanted = ", ".join(sorted(codes))

    def check(item: Item, run: Run) -> None:
        if item.type not in codes:
            run.report("profile-type", f"{label} is of type {shown(item.type)}: the profile allows {wanted}", item)

    return Check(check, lambda fhir_type: always if fhir_type in codes else never)


def _profile(code: str, urls: list[str], label: str) -> Check:
    """A value of this type conforms to one of the profiles; what is wrong is shown when there is only one."""

    def check(item: Item, run: Run) -> None:
        if item.type != code:
            return
        known = [found for url in urls if (found := known_profile(url, run)) is not None]
        if len(known) < len(urls):
            return
        if len(known) == 1:
            known[0].check(item, run)
        elif all(run.errors_at(item, profile) for profile in known):
            names = ", ".join(profile.name for profile in known)
            run.report("profile-conformance", f"{label} conforms to none of the profiles {names}", item)

    def is_met(value: Any, run: Run) -> bool:
        profile = known_profile(urls[0], run)
        return profile is None or profile.is_met(value, code, run)

    def glance(fhir_type: str) -> Glance:
        return always if fhir_type != code else is_met if len(urls) == 1 else never

    return Check(check, glance)


def known_profile(url: str, run: Run) -> Profile | None:
    """A profile that another names; says so when it is not there."""
    found = run.known.profile(url)
    if found is None:
        run.skip(url, "a profile that no package at hand defines")
    return found


def _target(urls: list[str], label: str) -> Check:
    plain = frozenset(url.removeprefix(R4_URL) for url in urls if _is_type(url))
    profiles = [url for url in urls if not _is_type(url)]
    types: dict[str, str] = {}  # of these profiles; found out when first asked: they are read then

    def misfit(value: Any, run: Run) -> tuple[str, str] | None:
        resource = run.resolve(value)
        if (id(resource), misfit) in run.fitting:
            return None  # many lead to one patient
        actual = str(resource.get("resourceType")) if resource else stated_type(value)
        if not actual or actual in plain or plain & _ANY:
            return None
        types.update({} if types else {url: run.known.type_of(url) for url in profiles})
        fitting = [known_profile(url, run) for url in profiles if types[url] in (actual, "")]
        if not fitting:
            wanted = ", ".join(sorted({*plain, *types.values()}))
            return "profile-target", f"{label} leads to {shown(actual)}: the profile allows {wanted}"
        if resource is None:
            return None
        found = _nonconformance(fitting, resource, label, run)
        if found is None:
            run.fitting.add((id(resource), misfit))
        return found

    def check(item: Item, run: Run) -> None:
        if found := misfit(item.value, run):
            run.report(*found, item)

    return Check(check, lambda fhir_type: lambda value, run: misfit(value, run) is None)


def _is_type(url: str) -> bool:
    name = url.removeprefix(R4_URL)
    return url.startswith(R4_URL) and name[:1].isupper() and name.isalpha()


def stated_type(value: Any) -> str:
    """The type that a Reference names: in `type`, or in 'Type/id'; '' when it names none."""
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("type"), str):
        return str(value["type"])
    reference = value.get("reference")
    parts = reference.partition("/_history/")[0].split("/") if isinstance(reference, str) else []
    return parts[-2] if len(parts) > 1 and parts[-2][:1].isupper() and parts[-2].isalpha() else ""


def _nonconformance(fitting: list[Profile | None], resource: Json, label: str, run: Run) -> tuple[str, str] | None:
    known = [profile for profile in fitting if profile is not None]
    errors = [run.errors_of(resource, profile) for profile in known]
    if len(known) < len(fitting) or not all(errors):
        return None
    first = errors[0][0]
    where = ".".join(str(step) for step in first.path) or "the resource"
    names = ", ".join(profile.name for profile in known)
    does_not = f"{label} leads to a {resource.get('resourceType')} that does not conform to {names}"
    return "profile-conformance", f"{does_not}: see {where} there [{first.rule}]"
