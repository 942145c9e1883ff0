"""Value makers that lead elsewhere or group others: reference, extension, elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.issues import nearest
from fhirconv.values.base import Env, Made, Write, constant, failed
from fhirconv.values.writing import Target, Writer

Finder = Callable[[Context], list[str]]

# What a reference can name besides a field of the fact, the type that it leads to where that is known, and words for it.
NAMED: dict[str, tuple[Finder, str, str]] = {
    "@patient": (lambda context: context.patient, "Patient", "the patient"),
    "@source": (lambda context: context.source, "DocumentReference", "the document that was read"),
    "@self": (
        lambda context: context.references_of_fact(context.fact, primary=True),
        "",
        "the main resource of the fact",
    ),
    "@resources": (
        lambda context: context.references_of_fact(context.fact, primary=False),
        "",
        "each resource of the fact",
    ),
    "@all": (lambda context: context.all_references(), "Resource", "each resource that was made from facts"),
}


def reference(rule: Mapping[str, Any], env: Env) -> Made:
    """`reference = FIELD` (the id of a fact, or a list of ids), or @patient, @source, @self, @resources, @all.

    `display = FIELD` adds words. The types of the resources made from such facts must be targets of the element.
    """
    name = rule["reference"]
    put = env.put("Reference")
    display = rule.get("display", "")
    if display and not env.source(display, "string", "term"):
        return failed()
    if name in NAMED:
        if not env.may_refer(NAMED[name][1]):
            return failed()
        if name == "@patient" and not display:  # there is one in every case
            return constant(env, "{'reference': context.patient[0]}", "Reference")
        return Made(_named(NAMED[name][0], put, display), (display,) if display else (), always=True)
    if name.startswith("@"):
        env.error("mapping-source", f"there is no '{name}'{nearest(name, NAMED)}")
        return failed()
    field = env.field(name)
    if not env.source(name) or field is None or env.refuses_list(name):
        return failed()
    if not field.refers:
        env.error("mapping-source", f"'{name}' is not the id of a fact")

    def write(code: Writer, out: str) -> None:
        with code.items(name) as one:
            target = code.variable()
            code.line(f"{target} = context.reference_to({one})")
            with code.block(f"if {target} is not None:"):
                code.put(out, put, f"{{'reference': {target}}}")

    return Made(write, (name,), refers=field.refers)


def _named(find: Finder, put: Target, display: str) -> Write:
    def with_words(out: dict[str, Any], words: str, context: Context) -> None:
        targets = find(context)
        for target in targets:
            put(out, {"reference": target, "display": str(words)})
        if not targets:
            put(out, {"display": str(words)})

    def write(code: Writer, out: str) -> None:
        if code.states(display):
            code.line(f"{code.name(with_words)}({out}, {code.field(display)}, context)")
            return
        code.put_all(out, put, f"[{{'reference': one}} for one in {code.name(find)}(context)]")

    return write
