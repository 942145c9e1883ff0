"""Value makers that lead elsewhere or group others: reference, extension, elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.values.base import Env, Made, constant, failed

Finder = Callable[[Context], list[str]]

# What a reference can name besides a field of the fact.
NAMED: dict[str, Finder] = {
    "@patient": lambda context: context.patient,
    "@source": lambda context: context.source,
    "@self": lambda context: context.references_of_fact(context.fact, primary=True),
    "@resources": lambda context: context.references_of_fact(context.fact, primary=False),
    "@all": lambda context: context.all_references(),
}


def reference(rule: Mapping[str, Any], env: Env) -> Made:
    """`reference = FIELD` (the id of a fact, or a list of ids), or @patient, @source, @self, @resources, @all.

    `display = FIELD` adds words. The types of the resources made from such facts must be targets of the element.
    """
    name = rule["reference"]
    put = env.put("Reference")
    display = rule.get("display", "")
    if display and not env.source(display):
        return failed()
    display_sources = (display,) if display else ()
    if name == "@patient" and not display:  # there is one in every case
        return constant(env, "{'reference': context.patient[0]}", "Reference")
    if name in NAMED:
        find = NAMED[name]

        def make_named(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
            words = data.get(display) if display else None
            targets = find(context)
            for target in targets:
                put(out, {"reference": target} if words is None else {"reference": target, "display": words})
            if words is not None and not targets:
                put(out, {"display": words})

        return Made(make_named, display_sources, always=True)
    field = env.field(name)
    if not env.source(name) or field is None:
        return failed()
    if not field.refers:
        env.error("mapping-source", f"'{name}' is not the id of a fact")

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        value = data.get(name)
        if value is not None:
            for target in value if isinstance(value, list) else (value,):
                put(out, {"reference": context.reference_to(target)})

    return Made(make, (name, *display_sources), refers=field.refers)
