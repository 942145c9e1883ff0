"""The closed set of value makers, and how the rules of an element are compiled with them.

There is no expression language: where a mapping needs more, a further value maker with a name and tests is added.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from fhirconv.context import Context
from fhirconv.facts import SHAPES, Kinds, kinds_of
from fhirconv.issues import nearest
from fhirconv.r4 import Element, elements_of
from fhirconv.schema import case_schema, item_keys
from fhirconv.values import amounts, concepts, links, times, words
from fhirconv.values.base import URI, ElementRule, Env, Made, Maker, Verb, Write, calling, failed
from fhirconv.values.writing import Writer, listed


def parts(rule: Mapping[str, Any], env: Env) -> Made:
    """`elements = {...}`: an element with parts; left out when no part depends on the fact and yields something.

    `each = FIELD` makes one for each item of a list; `for = SECTION, by = FIELD` one for each fact of another section
    whose FIELD names this fact, and the parts then read that fact.
    """
    inner = _inner_env(rule, env)
    if inner is None:
        return failed()
    rules = compile_elements(rule["elements"], inner)
    always = all(r.made.constant for r in rules)
    enough = 0 if always else sum(r.made.constant for r in rules)  # a constant makes one value
    target = env.put(*env.element.types)

    def write(code: Writer, out: str) -> None:
        made = code.variable()
        code.begin(made)
        for one in (r.made for r in rules if r.made.reads(code)):
            one.write(code, made)
        value, items = code.end(made)
        if items is None:
            with code.block(f"if len({value}) > {enough}:"):
                code.put(out, target, value)
        elif len(items) > enough:
            code.put(out, target, value)

    sources = tuple(dict.fromkeys(s for r in rules for s in r.made.sources))
    if "each" in rule:
        return Made(calling(_each(rule["each"], write)), (rule["each"],), children=tuple(rules), each=rule["each"])
    if "for" in rule:
        return Made(
            calling(_for(rule["for"], rule["by"], write)), children=tuple(rules), always=True, facts_of=(rule["for"], rule["by"])
        )
    free = any(not r.made.constant and (r.made.always or not r.made.sources) for r in rules)
    return Made(write, sources, constant=always, children=tuple(rules), always=free)


def _inner_env(rule: Mapping[str, Any], env: Env) -> Env | None:
    """The Env of the parts: the fact's own fields, the items of a list, or the facts of another section."""
    if "each" in rule:
        if not env.source(rule["each"], "array", "evidence", "objects", "choice", "site"):
            return None
        field = env.field(rule["each"])
        known = frozenset(("item",))
        if env.section is not None and field is not None and field.kind == "objects":
            known = item_keys(case_schema(), env.section, rule["each"])
        return replace(env, section=None, part=known)
    if "for" in rule:
        section = env.tables.sections.get(rule["for"])
        field = section.fields.get(rule.get("by", "")) if section else None
        if section is None or field is None or env.section is None or env.section.name not in field.refers:
            env.error("mapping-source", "'for' needs a section, and 'by' a field of it that names facts like this one")
            return None
        return replace(env, section=section)
    return env


def _by_shape(write: Write) -> Callable[[Mapping[str, Any]], Maker]:
    """The function that fills an element from such data: the items of a list, or facts of another section, have shapes too."""

    @functools.lru_cache(SHAPES)
    def maker(kinds: Kinds) -> Maker:
        code = Writer(kinds)
        with code.sharing():
            write(code, "out")
        return code.function("out, data, context", "None")

    return lambda data: maker(kinds_of(data))


def _each(name: str, write: Write) -> Maker:
    maker_for = _by_shape(write)

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        for item in listed(data[name]):
            parts = item if isinstance(item, dict) else {"item": item}
            maker_for(parts)(out, parts, context)

    return make


def _for(section: str, by: str, write: Write) -> Maker:
    maker_for = _by_shape(write)

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        here = context.fact
        for other in context.naming(here, section, by):
            context.fact, parts = other, other.flat()
            maker_for(parts)(out, parts, context)
        context.fact = here

    return make


def extension(rule: Mapping[str, Any], env: Env) -> Made:
    """`url = URL, value = {...}`: an extension whose value another rule makes; `each = FIELD` one for each item."""
    inner = _inner_env(rule, env)
    if inner is None:
        return failed()
    value = compile_element("value[x]", rule["value"], replace(inner, key=env.key + ".value"))
    target = env.put("Extension")
    url = rule["url"]
    if not isinstance(url, str) or not URI.fullmatch(url):
        env.error("mapping-type", f"'{url}' is no URL of an extension")

    def write(code: Writer, out: str) -> None:
        made, key = code.variable(), code.variable()
        code.begin(made)
        if value.made.reads(code):
            value.made.write(code, made)
        _, items = code.end(made)
        with code.sharing() if items is None or len(items) > 1 else nullcontext():
            for item in items or ():
                code.put(out, target, f"{{'url': {url!r}, {item}}}")
            if items is None:
                with code.block(f"for {key} in {made}:"):
                    code.put(out, target, f"{{'url': {url!r}, {key}: {made}[{key}]}}")

    if "each" in rule:
        return Made(calling(_each(rule["each"], write)), (rule["each"],), children=(value,), each=rule["each"])
    return Made(write, value.made.sources, value.made.constant, (value,), always=value.made.always)


_UNIT = {"unit": "in the unit of {field}"}

# Each with its options, and the words for both: `Verb` says what the braces stand for.
VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("fixed", {}, words.fixed, "always {value}"),
        Verb("text", {"label": "headed {value}"}, words.text, "the words of {field}"),
        Verb("note", {}, words.note, "a remark for each of {field}"),
        Verb(
            "code",
            {"map": "which stand for {map}", "system": "in the code system {system}"},
            words.code,
            "the code for the words of {field}",
        ),
        Verb(
            "concept",
            {
                "from": "looked up by the words of {field}",
                "is": "always {concept}",
                "side": "with the side of {field}",
                "side_in_text": "the side stands in the text, too",
                "side_url": "the side goes into the extension {value}, too",
                "unit": "its codes only where they hold for the unit of {field}",
                "else": "{concept} where nothing is stated",
                "coded": "left out where it has no code",
            },
            concepts.concept,
            "a concept of the table {table}",
        ),
        Verb("identifier", {"system": "in the identifier system {identifiers}"}, words.identifier, "{own}"),
        Verb(
            "missing",
            {"from": "only where {field} gives a reason, which is taken", "else": "and where it gives none"},
            words.missing,
            "no value, with the reason {value}",
        ),
        Verb("instant", {}, words.instant, "the point in time of {case}"),
        Verb("date", {}, times.date, "the date of {field}"),
        Verb("time", {}, times.time, "the time of {field}: date, period, age, relation to an event, or words"),
        Verb("period", {}, times.period, "the period between the times of {field}"),
        Verb("age", {}, times.age, "the age of {field}"),
        Verb(
            "measure",
            _UNIT | {"words": "or, for a result in words, those of {field}", "table": "looked up in the table {table}"},
            amounts.measure,
            "the number or range of {field}",
        ),
        Verb("quantity", _UNIT, amounts.quantity, "the amount of {field}"),
        Verb("reference_range", _UNIT, amounts.reference_range, "the range of {field}"),
        Verb("number", {}, amounts.number, "the number of {field}"),
        Verb("absent", {}, amounts.absent, "why there is no value, as {field} says"),
        Verb("reference", {"display": "with the words of {field}"}, links.reference, "a reference to {named}"),
        Verb("url", {"value": "its value: {rule}", "each": "one for each of {list}"}, extension, "the extension {value}"),
        Verb(
            "elements",
            {"each": "one for each of {list}", "for": "one for each of the facts of {section}", "by": "whose {field} names this one"},
            parts,
            "made of these parts: {parts}",
        ),
    )
}

NAMED = {words.OWN_IDENTIFIER: "fhirconv's own identifier of the fact"} | {
    name: said for name, (_, _, said) in links.NAMED.items()
}
"""What a rule can name besides a field, in words."""


def compile_elements(rules: Mapping[str, Any], env: Env) -> list[ElementRule]:
    """The rules of a type's elements, in the order of the specification."""
    compiled = [compile_element(name, rule, replace(env, key=f"{env.key}.{name}")) for name, rule in rules.items()]
    order = list(elements_of(env.element.types[0]))
    return sorted(compiled, key=lambda r: order.index(r.element) if r.element in order else len(order))


def compile_element(name: str, rule: Any, env: Env) -> ElementRule:
    """The rule of one element of the type `env.element` is of: a table with one value maker, or a list of them.

    A list gives all of them where the element repeats, else the first that yields something.
    """
    owner = env.element.types[0]
    element = elements_of(owner).get(name)
    if element is None:
        env.error("mapping-target", f"{owner} has no element '{name}'{nearest(name, elements_of(owner))}")
        return ElementRule(name, env.where, failed(), None)
    here = replace(env, owner=owner, element=element)
    rules = rule if isinstance(rule, list) else [rule]
    made = [_compile_rule(one, here) for one in rules]
    return ElementRule(name, here.where, made[0] if len(made) == 1 else _several(made, element), element)


def _several(made: list[Made], element: Element) -> Made:
    def write(code: Writer, out: str) -> None:
        makers = [one for one in made if one.reads(code)]
        if len(makers) == 1:
            makers[0].write(code, out)
        elif element.repeats:
            with code.sharing():
                for one in makers:
                    one.write(code, out)
        else:
            before = code.variable()
            code.line(f"{before} = len({out})")
            for one in makers:
                with code.block(f"if len({out}) == {before}:"):
                    one.write(code, out)

    children = tuple(child for one in made for child in one.children)
    each = next((one.each for one in made if one.each), "")
    sources = tuple(dict.fromkeys(source for one in made for source in one.sources))
    table = next((one.main_table for one in made if one.main_table), "")
    refers = tuple(dict.fromkeys(section for one in made for section in one.refers))
    always = any(one.always or not one.sources for one in made)
    return Made(write, sources, all(one.constant for one in made), children, table, refers, each, always=always)


def _compile_rule(rule: Any, env: Env) -> Made:
    if not isinstance(rule, dict):
        env.error("mapping-syntax", 'expected a table with one value maker, such as { text = "note" }')
        return failed()
    verbs = [key for key in rule if key in VERBS]
    if len(verbs) != 1:
        found = "none" if not verbs else " and ".join(verbs)
        env.error("mapping-syntax", f"expected one value maker, found {found}{nearest(next(iter(rule), ''), VERBS)}")
        return failed()
    verb = VERBS[verbs[0]]
    unknown = sorted(set(rule) - {verb.name} - verb.options.keys())
    if unknown:
        env.error(
            "mapping-key", f"'{verb.name}' has no option '{unknown[0]}'{nearest(unknown[0], sorted(verb.options))}"
        )
        return failed()
    try:
        return verb.compile(rule, env)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        what = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else "a value has the wrong type"
        env.error("mapping-syntax", f"'{verb.name}': {what}")
        return failed()
