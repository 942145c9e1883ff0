"""Terms: the words of the source for a concept, with the codes that the source itself gives for them.

Most are plain text, and stay so. A term with codes is text too, so that whatever reads words reads it; what makes a
CodeableConcept asks for its codings. Source: https://hl7.org/fhir/R4/datatypes.html#CodeableConcept ("more than one code
may be used", the text being "as entered or chosen by the user").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.issues import nearest, shown
from fhirconv.validation.codes import code_findings
from fhirconv.validation.system_uris import uri_problem


class Term(str):
    """Words with codes of the source. Where it gives codes alone, `words` is empty, and the text is what names the first."""

    __slots__ = ("codings", "key", "said", "words")
    words: str
    codings: tuple[dict[str, str], ...]  # as FHIR has them: system (URI), code, display
    said: str  # words and codes, for people
    key: str  # what the term is known by: its words, else its codes, however their systems are named

    def with_words(self, words: str) -> Term:
        """The same codes under other words."""
        return _term(words, words or str(self), self.codings, self.said, words or self.key)

    def sought_as(self, text: str) -> Term:
        """The same words and codes, looked up by another text."""
        return _term(self.words, text, self.codings, self.said, self.key)


def _term(words: str, text: str, codings: tuple[dict[str, str], ...], said: str, key: str) -> Term:
    made = Term(text)
    made.words, made.codings, made.said, made.key = words, codings, said, key
    return made


def read_term(given: Mapping[str, Any], systems: Mapping[str, str]) -> str:
    """A term that fits the schema and has no mistakes: plain text if it states no codes.

    `systems` are the code systems of systems.toml: URI by name.
    """
    words = given.get("text", "")
    codes = given.get("codes", ())
    if not codes:
        return str(words)
    names = {uri: name for name, uri in systems.items()}
    codings = tuple({**code, "system": systems.get(code["system"], code["system"])} for code in codes)
    codings = tuple({key: coding[key] for key in ("system", "code", "display") if key in coding} for coding in codings)
    labels = [f"{names.get(coding['system'], coding['system'])} {coding['code']}" for coding in codings]
    text = words or codings[0].get("display") or labels[0]
    said = ", ".join(labels) if text == labels[0] else f"{text} ({', '.join(labels)})"
    key = words or " ".join(sorted(f"{coding['system']} {coding['code']}" for coding in codings))
    return _term(words, text, codings, said, key)


def told(value: object) -> str:
    """A value as people read it: of a term with codes, those too."""
    return value.said if isinstance(value, Term) else str(value)


class Mistake(NamedTuple):
    """What is wrong with a term: rule, message, and the path to it from the term."""

    rule: str
    message: str
    path: tuple[str | int, ...]


def mistakes_of(given: Mapping[str, Any], systems: Mapping[str, str]) -> Iterator[Mistake]:
    """What is wrong with the codes of a term that fits the schema; what is only doubtful is told of the FHIR that it makes."""
    seen: dict[tuple[str, str], int] = {}
    for position, given_code in enumerate(given.get("codes", ())):
        system, code = systems.get(given_code["system"], given_code["system"]), given_code["code"]
        first = seen.setdefault((system, code), position)
        if first != position:
            message = f"the code {shown(code)} of {shown(given_code['system'])} stands here twice; state it once"
            yield Mistake("code-twice", message, ("codes", position))
        elif uri_problem(system):
            message = (
                f"{shown(system)} is neither a URI nor a name under [code] in systems.toml{nearest(system, systems)}"
            )
            yield Mistake("system-unknown", message, ("codes", position, "system"))
        else:
            for found in code_findings(system, code):
                if found.severity != "warning" or found.rule == "code-form":
                    yield Mistake(found.rule, found.message, ("codes", position, *found.path))
