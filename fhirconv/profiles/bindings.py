"""Codes of a value held against the value set that a profile binds its element to.

Spec: https://hl7.org/fhir/R4/terminologies.html#binding
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fhirconv.issues import shown
from fhirconv.profiles.checks import Check
from fhirconv.profiles.definitions import Json, Node
from fhirconv.profiles.items import Item
from fhirconv.profiles.run import Run
from fhirconv.profiles.value_sets import Verdict, any_of

Coded = tuple[str | None, str]
Problem = Callable[[Any, str, Run], str]  # with a value of a type; '' for none


def codes_of(value: Any, fhir_type: str) -> list[Coded]:
    """The (system, code) pairs of a coded value; system None where the type has none, '' where it is not stated."""
    if isinstance(value, str):
        return [(None, value)]
    if not isinstance(value, dict):
        return []
    codings = value.get("coding") if fhir_type == "CodeableConcept" else [value]
    listed = codings if isinstance(codings, list) else []
    return [
        (str(each.get("system", "")), str(each["code"])) for each in listed if isinstance(each, dict) and "code" in each
    ]


def verdict_of(item: Item, url: str, run: Run) -> Verdict:
    """Whether one of the codes of a value is in a value set; None, and said once, when that cannot be told."""
    return _verdict(codes_of(item.value, item.type), url, run)


def _verdict(coded: list[Coded], url: str, run: Run) -> Verdict:
    value_set = run.known.value_set(url)
    if value_set is None:
        run.skip(url, "a value set that no package at hand defines")
        return None
    verdict = any_of([value_set.verdict(*one) for one in coded])
    if verdict is None:
        run.skip(url, "a value set with codes that no package at hand lists")
    return verdict


def checks_of(node: Node, label: str) -> Iterator[Check]:
    """The checks of an element's binding, and of its outer limit, which is as binding as a required one."""
    binding: Json = node.facts.get("binding", {})
    url, most = binding.get("valueSet"), binding.get("max")
    if url and binding["strength"] == "required":
        yield _check(_required(url, node, label))
    elif url:
        yield _check(_extensible(url, label), "warning")
    if most:
        yield _check(_limiting(most, label))


def _check(problem: Problem, severity: str = "") -> Check:
    def check(item: Item, run: Run) -> None:
        if message := problem(item.value, item.type, run):
            run.report("profile-binding", message, item, severity)

    return Check(check, lambda fhir_type: lambda value, run: not problem(value, fhir_type, run))


def _required(url: str, node: Node, label: str) -> Problem:
    base = node.base.codes if node.base is not None else None
    same: list[bool] = []  # found out when first asked: the value set is read then

    def problem(value: Any, fhir_type: str, run: Run) -> str:
        # The layer of bindings has checked the code against R4's own list; most profiles ask nothing more.
        if base is not None:
            same[:] = same or [_is_base(url, base, run)]
            if same[0]:
                return ""
        coded = codes_of(value, fhir_type)
        if value is None or (not coded and fhir_type not in ("CodeableConcept", "Coding")):
            return ""
        if _verdict(coded, url, run) is not False:
            return ""
        found = shown("|".join(part or "" for part in coded[0] if part is not None)) if coded else "no code"
        return f"{label} has {found}: expected a code of the value set {url}"

    return problem


def _limiting(url: str, label: str) -> Problem:
    def problem(value: Any, fhir_type: str, run: Run) -> str:
        coded = codes_of(value, fhir_type)
        if not coded or _verdict(coded, url, run) is not False:
            return ""
        return f"{label} has {shown(coded[0][1])}: expected a code of the value set {url}"

    return problem


def _is_base(url: str, codes: frozenset[str], run: Run) -> bool:
    value_set = run.known.value_set(url)
    if value_set is None:
        return url.startswith("http://hl7.org/fhir/ValueSet/")
    return value_set.codes() == frozenset(code.rpartition("|")[2] for code in codes)


def _extensible(url: str, label: str) -> Problem:
    def problem(value: Any, fhir_type: str, run: Run) -> str:
        coded = codes_of(value, fhir_type)
        if not coded or _verdict(coded, url, run) is not False:
            return ""
        value_set = run.known.value_set(url)
        assert value_set is not None
        inside = [code for system, code in coded if system in value_set.systems]
        return (
            f"{label} has {shown(inside[0])}: expected a code of the value set {url} if one of them fits"
            if inside
            else ""
        )

    return problem
