"""Value makers that lead elsewhere or group others: reference, extension, elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fhirconv.values.base import Env, Made, failed

if TYPE_CHECKING:
    from fhirconv.build import Build

Finder = Callable[["Build"], list[str]]

# What a reference can name besides a field of the fact.
NAMED: dict[str, Finder] = {
    "@patient": lambda build: build.references_of_section("patient"),
    "@source": lambda build: build.references_of_section("source"),
    "@self": lambda build: build.references_of_fact(build.fact, primary=True),
    "@resources": lambda build: build.references_of_fact(build.fact, primary=False),
    "@all": lambda build: build.all_references(),
}


def reference(rule: Mapping[str, Any], env: Env) -> Made:
    """`reference = FIELD` (the id of a fact, or a list of ids), or @patient, @source, @self, @resources, @all.

    `display = FIELD` adds words. The types of the resources made from such facts must be targets of the element.
    """
    name = rule["reference"]
    put = env.put("Reference")
    get_display = env.source(rule["display"]) if "display" in rule else None
    display_sources = (rule["display"],) if "display" in rule else ()
    if name in NAMED:
        find = NAMED[name]

        def make_named(out: dict[str, Any], data: Mapping[str, Any], build: Build) -> None:
            for target in find(build):
                made = {"reference": target}
                if get_display:
                    made["display"] = get_display(data)
                put(out, made)

        return Made(make_named, display_sources, constant=True)
    get = env.source(name)
    field = env.field(name)
    if get is None or field is None:
        return failed()
    if not field.refers:
        env.error("mapping-source", f"'{name}' is not the id of a fact")

    def make(out: dict[str, Any], data: Mapping[str, Any], build: Build) -> None:
        value = get(data)
        if value is not None:
            for target in value if isinstance(value, list) else (value,):
                put(out, {"reference": build.reference_to(target)})

    return Made(make, (name, *display_sources), refers=field.refers)
