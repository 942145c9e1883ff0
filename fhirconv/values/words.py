"""Value makers for words and codes: fixed, text, note, code, concept, identifier, missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhirconv.context import Context
from fhirconv.issues import nearest
from fhirconv.r4 import elements_of, kind_of, pattern_of
from fhirconv.terminology import Concept
from fhirconv.terms import Term, words_of
from fhirconv.values.base import WORDS, Env, Made, Maker, calling, constant, failed
from fhirconv.values.concepts import codeable
from fhirconv.values.writing import Target, Writer, listed

DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
OWN_IDENTIFIER = "@fact"


_FIXED: dict[type, tuple[str, ...]] = {
    str: ("code", "string", "uri", "markdown", "canonical", "dateTime"),
    bool: ("boolean",),
    int: ("integer",),
}


def fixed(rule: Mapping[str, Any], env: Env) -> Made:
    """`fixed = VALUE`: always this value. Checked as far as a code, a boolean or text goes."""
    value = rule["fixed"]
    wanted = _FIXED.get(type(value))
    if wanted is None:
        env.error("mapping-type", "'fixed' takes text, a number or true/false; use 'elements' for parts")
        return failed()
    if isinstance(value, str):
        fhir_type = next((kind for kind in wanted if kind in env.element.types), "")
        pattern = pattern_of(fhir_type)
        if pattern and not pattern.fullmatch(value):
            env.error("mapping-type", f"'{value}' is no {fhir_type} of FHIR")
        if fhir_type == "code":
            env.allow_code(value)
    return constant(env, repr(value), *wanted)


TEXTS = ("string", "markdown", "uri", "url", "CodeableConcept", "Annotation")


def text(rule: Mapping[str, Any], env: Env) -> Made:
    """`text = FIELD`: the words as they stand, as text, CodeableConcept (with the codes of the source) or Annotation.text."""
    name = rule["text"]
    if not env.source(name) or env.refuses_list(name):
        return failed()
    kind = next((kind for kind in TEXTS if kind in env.element.types), "")
    if env.element.name == "language" and not kind:
        kind = "code"  # its form is checked by the schema of case facts
    if not kind or env.element.codes is not None:
        env.error("mapping-type", f"{env.owner}.{env.element.name} takes no free text; use 'code' or 'concept'")
        return failed()
    put = env.put(kind)
    is_concept, is_annotation = kind == "CodeableConcept", kind == "Annotation"
    label = str(rule.get("label", ""))

    def write(code: Writer, out: str) -> None:
        with code.items(name) as words:
            if is_concept and not code.is_text(name):
                code.put(out, put, f"{code.name(codeable)}(None, {words})")
                return
            said = words if code.is_text(name) else f"{code.name(words_of)}({words})"
            said = f"{label + ': '!r} + {said}" if label else said
            code.put(out, put, f"{{'text': {said}}}" if is_concept or is_annotation else said)

    return Made(write, (name,))


def note(rule: Mapping[str, Any], env: Env) -> Made:
    """`note = [FIELDS]`: one Annotation a field, headed by the field's name.

    'note' itself has no head, unless it begins with words that could be taken for one.
    """
    names: list[str] = rule["note"]
    heads = {name: note_head(name) for name in names}
    if not all(env.source(name, *WORDS, "integer") for name in names):
        return failed()
    put = env.put("Annotation")

    def write(code: Writer, out: str) -> None:
        with code.sharing():
            for name, head in heads.items():
                if code.states(name):
                    said = code.field(name) if code.is_text(name) else f"{code.name(_as_words)}({code.field(name)})"
                    if name == "note":
                        said = f"({head!r} if {said}.startswith({tuple(heads.values())!r}) else '') + {said}"
                    else:
                        said = f"{head!r} + {said}"
                    code.put(out, put, f"{{'text': {said}}}")

    return Made(write, tuple(names))


def note_head(name: str) -> str:
    """What stands before the words of a field in an Annotation."""
    return name.replace("_", " ").capitalize() + ": "


def _as_words(value: Any) -> str:
    return ", ".join(map(words_of, listed(value)))


def code(rule: Mapping[str, Any], env: Env) -> Made:
    """`code = FIELD`: a code, by `map` where the words of the case are not FHIR's; `system` makes a CodeableConcept.

    Every value that the schema allows must lead to a code of the element's required binding.
    """
    name, mapping, system = rule["code"], rule.get("map", {}), rule.get("system", "")
    field = env.field(name)
    if not env.source(name) or env.refuses_list(name):
        return failed()
    if field is not None and not field.choices and not mapping:
        env.error("mapping-source", f"'{name}' may hold any words; 'code' needs a field with choices, or 'map'")
    choices = [choice for choice in (field.choices if field else ()) if choice not in mapping]
    if system and system not in env.tables.code_systems:
        env.error(
            "mapping-table", f"system '{system}' is not in systems.toml{nearest(system, env.tables.code_systems)}"
        )
    uri = env.tables.code_systems.get(system, "")
    for made in (*mapping.values(), *choices):
        if isinstance(made, str) and (env.element.codes is not None):
            env.allow_code(f"{uri}|{made}" if uri else made)
    truth = bool(mapping) and all(isinstance(made, bool) for made in mapping.values())
    put = env.put(*(("CodeableConcept", "Coding") if system else ("boolean",) if truth else ("code",)))
    wrap = "CodeableConcept" in env.element.types

    def with_codes(words: Term) -> dict[str, Any]:
        made = {"system": uri, "code": mapping[words]} if words in mapping else None
        return codeable(Concept("", "", (made,)) if made else None, words)

    def write(code: Writer, out: str) -> None:
        value = code.field(name)
        if uri and wrap and env.element.codes is None and code.is_term(name):
            code.put(out, put, f"{code.name(with_codes)}({value})")
            return
        words = value if code.is_text(name) else f"str({value})"
        made = f"{code.name(mapping)}.get({words}, {value})" if mapping else value
        if uri:
            made = f"{{'system': {uri!r}, 'code': {made}}}"
            made = f"{{'coding': [{made}], 'text': {words}}}" if wrap else made
        code.put(out, put, made)

    return Made(write, (name,))


def identifier(rule: Mapping[str, Any], env: Env) -> Made:
    """`identifier = "@fact"`: fhirconv's own; `identifier = FIELD, system = NAME`: the text of a field.

    `identifier = FIELD` alone: a list of objects with system, value and type.
    """
    name = rule["identifier"]
    if name == OWN_IDENTIFIER:
        system = env.tables.identifier_systems.get("fact", "")
        return constant(env, f"{{'system': {system!r}, 'value': context.identifier}}", "Identifier")
    put = env.put("Identifier")
    listed = "system" not in rule
    if not env.source(name, *(("objects",) if listed else ("string",))):
        return failed()
    systems = env.tables.identifier_systems
    if listed:
        return Made(calling(_identifiers(name, put, systems)), (name,))
    if rule["system"] not in systems:
        env.error(
            "mapping-table",
            f"identifier system '{rule['system']}' is not in systems.toml{nearest(rule['system'], systems)}",
        )
        return failed()
    system = systems[rule["system"]]

    def write(code: Writer, out: str) -> None:
        code.put(out, put, f"{{'system': {system!r}, 'value': {code.field(name)}}}")

    return Made(write, (name,))


def _identifiers(name: str, put: Target, systems: Mapping[str, str]) -> Maker:
    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        for given in data.get(name) or ():
            made = {"system": systems.get(given["system"], given["system"]), "value": given["value"]}
            put(out, {"type": {"text": given["type"]}, **made} if "type" in given else made)

    return make


# Codes of http://terminology.hl7.org/CodeSystem/data-absent-reason
_ABSENT_REASONS = (
    *("unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable"),
    *("unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity"),
    *("not-performed", "not-permitted"),
)


def missing(rule: Mapping[str, Any], env: Env) -> Made:
    """`missing = CODE`: the element is there, its value is not, for this data-absent-reason.

    With `from = FIELD` the code comes from the field; where it is not stated nothing is made, or with `else = true`
    the element with CODE.
    """
    name = rule.get("from", "")
    if name and not env.source(name):
        return failed()
    reason_code = str(rule["missing"])
    if reason_code not in _ABSENT_REASONS:
        env.error("mapping-code", f"'{reason_code}' is no data-absent-reason{nearest(reason_code, _ABSENT_REASONS)}")
    kind = env.element.types[0]
    primitive = not elements_of(kind) and kind_of(kind).startswith("primitive")
    key = ("_" if primitive else "") + env.element.key(kind)
    repeats = env.element.repeats
    default = reason_code if rule.get("else") else None

    def make(out: dict[str, Any], data: Mapping[str, Any], context: Context) -> None:
        if key in out:  # Patient.name and others that repeat: absent only where nothing is there
            return
        reason = data.get(name, default) if name else reason_code
        if reason is not None:
            made = {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": reason}]}
            out[key] = [made] if repeats else made

    return Made(calling(make), (name,) if name else (), constant=not name, always=default is not None)


def instant(rule: Mapping[str, Any], env: Env) -> Made:
    """`instant = FIELD` of the case object (such as 'recorded'): a point in time with zone."""
    put = env.put("instant", "dateTime")
    name = rule["instant"]
    known = [field.name for field in env.tables.sections["case"].fields_of("instant")]
    if name not in known:
        env.error("mapping-source", f"case has no point in time '{name}'{nearest(name, known)}")
        return failed()

    def write(code: Writer, out: str) -> None:
        code.put_stated(out, put, f"context.case_fact.data.get({name!r})")

    return Made(write, (f"case.{name}",), always=True)


def is_own_identifier(rule: Any) -> bool:
    """Whether a rule, or one of a list of them, is for fhirconv's own identifier."""
    return any(one.get("identifier") == OWN_IDENTIFIER for one in (rule if isinstance(rule, list) else [rule]) if one)
